//! The layer of a stream that takes the PROXY header off.

use crate::proxy::{HEADER_BYTES_MAX, Introduction, ProxyRules};
use crate::socket::Socket;
use crate::stream::Read;
use std::io;

/// A stream whose header has not come yet, or has only just come.
#[derive(Debug)]
pub(crate) struct Introducing {
    rules: ProxyRules,
    /// What has come of it: what belongs to the header is taken from the socket, and no more, since what follows belongs
    /// to another layer.
    begun: Vec<u8>,
    introduction: Option<Introduction>,
}

impl Introducing {
    pub(crate) fn new(rules: ProxyRules) -> Self {
        Self { rules, begun: Vec::new(), introduction: None }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.introduction.is_some()
    }

    pub(crate) fn into_introduction(self) -> Option<Introduction> {
        self.introduction
    }

    pub(crate) fn read(&mut self, socket: &mut Socket) -> io::Result<Read> {
        if self.is_done() {
            return Ok(Read::Introduced);
        }
        let mut room = [0; HEADER_BYTES_MAX];
        let before = self.begun.len();
        let Some(seen) = room.get_mut(before..) else { return Ok(Read::End) };
        let (len, drained) = match socket.peek(seen)? {
            Read::Some(len) => (len, false),
            Read::Drained(len) => (len, true),
            other => return Ok(other),
        };
        if let Some(begun) = room.get_mut(..before) {
            begun.copy_from_slice(&self.begun);
        }
        let bytes = room.get(..before + len).unwrap_or_default();
        let looked_at = self.rules.look_at(bytes);
        let header_len = looked_at.as_ref().map_or(bytes.len(), |(len, _)| *len);
        self.begun.extend_from_slice(bytes.get(before..header_len).unwrap_or_default());
        if let Some(taken) = room.get_mut(before..header_len) {
            take(socket, taken)?;
        }
        match looked_at {
            Some((_, introduction)) => {
                self.introduction = Some(introduction);
                Ok(Read::Introduced)
            }
            None if drained => Ok(Read::Drained(0)),
            // A header that is not whole with so many bytes is none, and the parser says so.
            None => Ok(Read::End),
        }
    }
}

/// Takes from the socket what was seen to be there.
fn take(socket: &mut Socket, mut room: &mut [u8]) -> io::Result<()> {
    while !room.is_empty() {
        match socket.read(room)? {
            Read::Some(len) | Read::Drained(len) if len > 0 => room = room.get_mut(len..).unwrap_or_default(),
            _ => return Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
    Ok(())
}
