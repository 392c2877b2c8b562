//! Frames that go.

use super::Lower;
use super::masks::{Masks, hide};
use crate::stream::Written;
use std::io::{self, IoSlice};

/// Slices of data written with one call.
const SLICES_MAX: usize = 32;

/// Bytes of what stands before the data beyond which its memory is given back when it is sent.
const KEPT_BYTES_MAX: usize = 64;

/// Bytes of data that are hidden behind a mask at once.
const MASKED_BYTES: usize = 64 * 1024;

/// What stands for a length that follows, of two bytes or of eight.
const LENGTH_OF_2: u8 = 0x7e;
const LENGTH_OF_8: u8 = 0x7f;

/// What the length of a frame with a mask has besides.
const MASKED: u8 = 0x80;

/// First bytes of frames that are whole messages.
const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const PONG: u8 = 0x8a;

/// What is on its way to the other end.
#[derive(Debug, Default)]
pub(super) struct Encoder {
    /// A client's.
    masks: Option<Box<Masks>>,
    /// The handshake's request or answer, frames of control and the head of a frame of data, in order; of the data itself nothing.
    before: Vec<u8>,
    /// Bytes of it that are sent.
    sent: usize,
    /// Bytes of the frame of data whose head stands at the end of that, or is sent, that are not sent yet.
    data_left: usize,
    /// The payload of the latest ping, to be answered between two frames.
    pong: Option<Vec<u8>>,
    /// Likewise, the payload of the frame that closes: a code, or nothing.
    close: Option<Vec<u8>>,
    /// Nothing may follow.
    closed: bool,
}

impl Encoder {
    /// A client's, whose request comes before all else.
    pub(super) fn of_client(request: Vec<u8>) -> Self {
        Self { masks: Some(Box::new(Masks::new())), before: request, ..Self::default() }
    }

    /// The handshake's answer comes before all else.
    pub(super) fn answer(&mut self, answer: Vec<u8>) {
        self.before = answer;
    }

    /// Answers a ping. Of several that come before one could be answered, the latest is (RFC 6455, 5.5.3).
    pub(super) fn pong(&mut self, payload: &[u8]) {
        self.pong = Some(payload.to_vec());
    }

    /// Closes it, with this code or without one, unless that is done.
    pub(super) fn close(&mut self, code: Option<u16>) {
        if !self.closed && self.close.is_none() {
            self.close = Some(code.map_or_else(Vec::new, |code| code.to_be_bytes().to_vec()));
        }
    }

    /// Writes as much of the slices as is taken, in a frame that was begun, or in one for all of them. What was once given
    /// and not taken has to be given again.
    pub(super) fn write(&mut self, lower: &mut impl Lower, slices: &[IoSlice<'_>]) -> io::Result<Written> {
        let total = slices.iter().map(|slice| slice.len()).sum();
        self.insert_control()?;
        if self.closed && self.data_left == 0 {
            // It would not be looked at any more.
            self.flush(lower)?;
            return Ok(Written::Some(total));
        }
        if self.data_left == 0 {
            self.begin_frame(total)?;
        }
        let written = if self.masks.is_some() {
            lower.write(&[IoSlice::new(&self.hidden(slices))])?
        } else {
            self.write_open(lower, slices)?
        };
        Ok(match written {
            Written::Some(len) => Written::Some(self.note_sent(len)),
            Written::Blocked(len) => Written::Blocked(self.note_sent(len)),
        })
    }

    /// What stands before the data, and the beginning of the data behind the frame's mask.
    fn hidden(&self, slices: &[IoSlice<'_>]) -> Vec<u8> {
        let mut bytes = self.unsent().to_vec();
        let head = bytes.len();
        let mut room = self.data_left.min(MASKED_BYTES);
        for slice in slices {
            let part = slice.get(..room).unwrap_or(slice);
            bytes.extend_from_slice(part);
            room -= part.len();
        }
        if let (Some(masks), Some(data)) = (&self.masks, bytes.get_mut(head..)) {
            masks.hide(data);
        }
        bytes
    }

    /// Writes what stands before the data, and the data where they are.
    fn write_open(&self, lower: &mut impl Lower, slices: &[IoSlice<'_>]) -> io::Result<Written> {
        let mut all = [IoSlice::new(&[]); SLICES_MAX + 1];
        let mut count = 1;
        let mut room = self.data_left;
        let [before, rest @ ..] = &mut all;
        *before = IoSlice::new(self.unsent());
        for (place, slice) in rest.iter_mut().zip(slices) {
            let part = slice.get(..room).unwrap_or(slice);
            *place = IoSlice::new(part);
            room -= part.len();
            count += 1;
        }
        lower.write(all.get(..count).unwrap_or_default())
    }

    /// Sends what there is besides data, as far as it is taken.
    pub(super) fn flush(&mut self, lower: &mut impl Lower) -> io::Result<()> {
        loop {
            self.insert_control()?;
            // The rest of a frame's head goes with its data.
            if self.data_left > 0 || self.unsent().is_empty() {
                break;
            }
            match lower.write(&[IoSlice::new(self.unsent())])? {
                Written::Some(len) if len > 0 => self.note_sent(len),
                Written::Some(len) | Written::Blocked(len) => {
                    self.note_sent(len);
                    break;
                }
            };
        }
        Ok(())
    }

    /// Whether nothing is left to be sent.
    pub(super) fn is_flushed(&self) -> bool {
        self.unsent().is_empty()
    }

    fn unsent(&self) -> &[u8] {
        self.before.get(self.sent..).unwrap_or_default()
    }

    /// Where no frame of data is under way, what is waiting for that comes.
    fn insert_control(&mut self) -> io::Result<()> {
        if self.data_left > 0 || self.closed {
            return Ok(());
        }
        // One at a time, so that a peer that takes none costs no more than one.
        if let Some(payload) = self.pong.take_if(|_| self.sent == self.before.len()) {
            self.control(PONG, payload)?;
        }
        if let Some(code) = self.close.take() {
            self.control(CLOSE, code)?;
            self.closed = true;
        }
        Ok(())
    }

    /// Puts a frame of control behind what is to be sent.
    fn control(&mut self, first: u8, mut payload: Vec<u8>) -> io::Result<()> {
        let len = payload.len() as u8;
        match &mut self.masks {
            Some(masks) => {
                let key = masks.next_key()?;
                hide(&mut payload, key, 0);
                self.before.extend_from_slice(&[first, MASKED | len]);
                self.before.extend_from_slice(&key);
            }
            None => self.before.extend_from_slice(&[first, len]),
        }
        self.before.extend_from_slice(&payload);
        Ok(())
    }

    fn begin_frame(&mut self, len: usize) -> io::Result<()> {
        let masked = if self.masks.is_some() { MASKED } else { 0 };
        self.before.push(BINARY);
        match (u8::try_from(len), u16::try_from(len)) {
            (Ok(short @ ..126), _) => self.before.push(masked | short),
            (_, Ok(medium)) => {
                self.before.push(masked | LENGTH_OF_2);
                self.before.extend_from_slice(&medium.to_be_bytes());
            }
            _ => {
                self.before.push(masked | LENGTH_OF_8);
                self.before.extend_from_slice(&(len as u64).to_be_bytes());
            }
        }
        if let Some(masks) = &mut self.masks {
            let key = masks.begin()?;
            self.before.extend_from_slice(&key);
        }
        self.data_left = len;
        Ok(())
    }

    /// So many bytes were taken; returns how many of them are data.
    fn note_sent(&mut self, len: usize) -> usize {
        let before = len.min(self.before.len() - self.sent);
        self.sent += before;
        if self.sent == self.before.len() {
            self.sent = 0;
            self.before.clear();
            if self.before.capacity() > KEPT_BYTES_MAX {
                self.before = Vec::new();
            }
        }
        let data = len - before;
        self.data_left = self.data_left.saturating_sub(data);
        if let Some(masks) = &mut self.masks {
            masks.note_sent(data);
        }
        data
    }
}
