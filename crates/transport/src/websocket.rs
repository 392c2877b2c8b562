//! The layer of a stream that speaks WebSocket (RFC 6455), as a server or a client: the handshake over HTTP, then frames.
//!
//! Frames are only a way to carry bytes: where they begin and end means nothing to who reads and writes. So what comes is
//! unmasked where it was read, and what goes is one frame for all that is written at once; neither is gathered or copied.

mod decoder;
mod encoder;
mod handshake;
mod masks;
mod request;

pub use request::{WebSocketFailure, WebSocketRequest};

use crate::stream::{Read, Written};
use decoder::{Control, Decoder};
use encoder::Encoder;
use handshake::{Handshake, Outcome};
use request::Asking;
use std::fmt;
use std::io::{self, IoSlice};
use std::sync::Arc;

/// What a server asks of a client that opens a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSocketRules {
    /// Bytes of the longest head of its request.
    pub head_bytes_max: usize,
    /// The sub-protocols that are spoken; the client has to offer one of them.
    pub protocols: &'static [&'static str],
    /// The origins whose pages may connect; empty: all, and programs without an origin.
    pub origins: Vec<String>,
    /// Whether a request for something else is not refused but given away: [`Read::Request`](crate::Read::Request).
    pub gives_requests_away: bool,
}

/// Why a WebSocket came to nothing, or to its end; the source of such an [`io::Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebSocketRefusal {
    /// The client has broken the rules.
    Faulty,
    /// Its page is from somewhere else.
    Origin,
    /// It speaks MQTT at once.
    Mqtt,
    /// It speaks TLS, where there is none.
    Tls,
}

impl WebSocketRefusal {
    /// If this is why a read failed.
    pub fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }
}

impl fmt::Display for WebSocketRefusal {
    /// How the log says that the connection has ended.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Origin { "non-matching http origin" } else { "protocol error" })
    }
}

impl std::error::Error for WebSocketRefusal {}

/// Bytes above and below a layer.
pub(crate) trait Lower {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Read>;
    fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<Written>;
}

/// Why the other end is closed (RFC 6455, 7.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CloseCode {
    Normal = 1000,
    ProtocolError = 1002,
    /// Text, where bytes are spoken.
    Unsupported = 1003,
    TooBig = 1009,
}

/// Bytes of a server's answer that are read at once.
const ANSWER_BYTES: usize = 1024;

/// One end of a WebSocket.
#[derive(Debug)]
pub(crate) struct WebSocket {
    /// While it is opened by a client.
    handshake: Option<Box<Handshake>>,
    /// While this is a client that opens it.
    asking: Option<Box<Asking>>,
    /// What a server has sent right behind its answer: not more than what is read at once.
    early: Vec<u8>,
    decoder: Decoder,
    encoder: Encoder,
    end: End,
    /// Until somebody has asked.
    forwarded_for: Option<Box<str>>,
}

/// How far the end is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// It is open, or being opened.
    None,
    /// The other end has closed it.
    Closed,
    /// It never was one: the request is for something else.
    Request,
    /// The other end has broken the rules.
    Broken(WebSocketRefusal),
    /// Whoever reads knows about it.
    Told,
}

impl WebSocket {
    pub(crate) fn new(rules: Arc<WebSocketRules>) -> Self {
        Self {
            handshake: Some(Box::new(Handshake::new(rules))),
            asking: None,
            early: Vec::new(),
            decoder: Decoder::default(),
            encoder: Encoder::default(),
            end: End::None,
            forwarded_for: None,
        }
    }

    /// Once, when it has been opened: for whom a proxy says that it does.
    pub(crate) fn forwarded_for(&mut self) -> Option<Box<str>> {
        self.forwarded_for.take()
    }

    /// A client's. An error is that something of the request cannot be written in HTTP.
    pub(crate) fn request(request: &WebSocketRequest) -> io::Result<Self> {
        let (asking, bytes) = Asking::new(request)?;
        Ok(Self {
            handshake: None,
            asking: Some(Box::new(asking)),
            early: Vec::new(),
            decoder: Decoder::from_server(),
            encoder: Encoder::of_client(bytes),
            end: End::None,
            forwarded_for: None,
        })
    }

    /// Brings a client's opening on: true when it is open. An error may be a [`WebSocketFailure`].
    pub(crate) fn open(&mut self, lower: &mut impl Lower) -> io::Result<bool> {
        while let Some(asking) = &mut self.asking {
            self.encoder.flush(lower)?;
            if !self.encoder.is_flushed() {
                return Ok(false);
            }
            let mut room = [0; ANSWER_BYTES];
            let (len, drained) = match lower.read(&mut room)? {
                Read::Some(len) => (len, false),
                Read::Drained(len) => (len, true),
                Read::End | Read::Introduced | Read::Request => return Err(io::ErrorKind::UnexpectedEof.into()),
            };
            let come = room.get(..len).unwrap_or_default();
            if let Some(taken) = asking.take(come)? {
                self.early = come.get(taken..).unwrap_or_default().to_vec();
                self.asking = None;
            } else if drained {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether something is there that `lower` tells nothing about any more.
    pub(crate) fn has_unread(&self) -> bool {
        !self.early.is_empty()
    }

    /// Bytes of messages. What is not theirs may leave nothing of a read, though there is more.
    pub(crate) fn read(&mut self, lower: &mut impl Lower, buffer: &mut [u8]) -> io::Result<Read> {
        let (len, drained) = match self.read_early(buffer) {
            Some(len) => (len, false),
            None => match lower.read(buffer)? {
                Read::Some(len) => (len, false),
                Read::Drained(len) => (len, true),
                other => return Ok(other),
            },
        };
        let len = match self.end {
            End::None => self.take(buffer.get_mut(..len).unwrap_or_default()),
            // Nothing that still comes is of any interest.
            _ => 0,
        };
        self.encoder.flush(lower)?;
        match self.end {
            End::Closed | End::Broken(_) if len > 0 => return Ok(Read::Some(len)),
            End::Closed => {
                self.end = End::Told;
                return Ok(Read::End);
            }
            End::Broken(why) => {
                self.end = End::Told;
                return Err(io::Error::new(io::ErrorKind::InvalidData, why));
            }
            End::Request => return Ok(Read::Request),
            End::None | End::Told => {}
        }
        Ok(if drained { Read::Drained(len) } else { Read::Some(len) })
    }

    /// What came behind the answer, if there is any of it.
    fn read_early(&mut self, buffer: &mut [u8]) -> Option<usize> {
        let len = self.early.len().min(buffer.len());
        let read = self.early.drain(..len);
        for (to, from) in buffer.iter_mut().zip(read) {
            *to = from;
        }
        (len > 0).then_some(len)
    }

    /// Sends the slices as frames.
    pub(crate) fn write(&mut self, lower: &mut impl Lower, slices: &[IoSlice<'_>]) -> io::Result<Written> {
        if self.handshake.is_some() || self.asking.is_some() {
            return Ok(Written::Blocked(0));
        }
        self.encoder.write(lower, slices)
    }

    /// What has come of a request for something else than a WebSocket: its head, and perhaps more.
    pub(crate) fn take_request(&mut self) -> Option<Vec<u8>> {
        if self.end != End::Request {
            return None;
        }
        self.handshake.take().map(|handshake| handshake.into_head())
    }

    /// Tells the other end that nothing more will come, unless it has been told, or is in the middle of a frame.
    pub(crate) fn say_goodbye(&mut self, lower: &mut impl Lower) {
        if self.handshake.is_none() && self.asking.is_none() {
            self.encoder.close(Some(CloseCode::Normal as u16));
            // Where it is not taken, the end of the connection has to do.
            let _ = self.encoder.flush(lower);
        }
    }

    /// Takes what has come, and leaves the bytes of messages at the beginning of it: so many.
    fn take(&mut self, bytes: &mut [u8]) -> usize {
        let Some(handshake) = &mut self.handshake else { return self.decode(bytes) };
        match handshake.take(bytes) {
            Outcome::Incomplete => 0,
            Outcome::Refused(why) => {
                self.end = End::Broken(why);
                0
            }
            Outcome::Request => {
                self.end = End::Request;
                0
            }
            Outcome::Open { answer, taken, forwarded_for } => {
                self.handshake = None;
                self.forwarded_for = forwarded_for;
                self.encoder.answer(answer);
                // A client has to wait for the answer; one that did not is forgiven.
                bytes.copy_within(taken.., 0);
                let rest = bytes.len() - taken;
                self.decode(bytes.get_mut(..rest).unwrap_or_default())
            }
        }
    }

    fn decode(&mut self, bytes: &mut [u8]) -> usize {
        let (encoder, end) = (&mut self.encoder, &mut self.end);
        let (len, result) = self.decoder.decode(bytes, |control, payload| match control {
            Control::Ping => encoder.pong(payload),
            Control::Pong => {}
            Control::Close => {
                encoder.close(payload.first_chunk().map(|code| u16::from_be_bytes(*code)));
                *end = End::Closed;
            }
        });
        if let Err(code) = result {
            self.encoder.close(Some(code as u16));
            self.end = End::Broken(WebSocketRefusal::Faulty);
        }
        len
    }
}

#[cfg(test)]
mod tests;
