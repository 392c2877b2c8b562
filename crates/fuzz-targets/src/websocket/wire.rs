//! A client at the other end of a WebSocket, of which everything is known.

use mosquitto_transport::bare::Carrier;
use mosquitto_transport::{Read, Written};
use std::collections::VecDeque;
use std::io::{self, IoSlice};

pub(super) struct Wire {
    /// What has come and was not read.
    pub(super) incoming: VecDeque<u8>,
    /// What the client has got.
    pub(super) said: Vec<u8>,
    /// Bytes that it still takes; none: all.
    pub(super) room: Option<usize>,
}

impl Wire {
    /// So large that it need not grow with so many bytes either way: it does not count as the server's memory.
    pub(super) fn new(bytes: usize) -> Self {
        // The answer, and a pong of at most three times what a ping has, in the worst case of empty ones.
        let room = 1024 + 3 * bytes;
        Self { incoming: VecDeque::with_capacity(room), said: Vec::with_capacity(room), room: None }
    }

    pub(super) fn capacity(&self) -> usize {
        self.said.capacity()
    }
}

impl Carrier for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Read> {
        let len = buffer.len().min(self.incoming.len());
        for (place, byte) in buffer.iter_mut().zip(self.incoming.drain(..len)) {
            *place = byte;
        }
        Ok(if len < buffer.len() { Read::Drained(len) } else { Read::Some(len) })
    }

    fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<Written> {
        let mut blocked = false;
        let mut taken = 0;
        for slice in slices {
            let len = slice.len().min(self.room.unwrap_or(usize::MAX));
            self.said.extend_from_slice(&slice[..len]);
            taken += len;
            blocked |= len < slice.len();
            if let Some(room) = &mut self.room {
                *room -= len;
            }
        }
        Ok(if blocked { Written::Blocked(taken) } else { Written::Some(taken) })
    }
}
