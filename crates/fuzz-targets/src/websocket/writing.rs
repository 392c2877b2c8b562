//! The server writes while the client's bytes come, to a client that does not always take them.

use super::plain::{self, Said};
use super::wire::Wire;
use super::{Allocated, Ended, HEAD_BYTES_MAX, Memory, REQUEST, Rules, head, read_all};
use crate::chance::Chance;
use mosquitto_transport::bare::BareWebSocket;
use mosquitto_transport::{Read, Written};
use std::io::IoSlice;

/// Things that happen before the client takes all.
const STEPS: usize = 60;

pub(super) struct Writing<'s> {
    socket: BareWebSocket,
    wire: Wire,
    memory: Memory,
    chance: Chance,
    /// What the client sends, in pieces.
    pieces: std::vec::IntoIter<&'s [u8]>,
    buffer: Vec<u8>,
    /// What the server writes, how much of it was given to the WebSocket, and how much of that it has taken.
    data: Vec<u8>,
    given: usize,
    taken: usize,
    /// Whether the client has closed or was found to be faulty.
    ended: bool,
}

impl<'s> Writing<'s> {
    pub(super) fn new(rules: Rules, sent: &'s [u8], mut chance: Chance, allocated: Allocated) -> Self {
        let pieces = chance.pieces(sent).into_iter();
        let data: Vec<u8> = (0..=255).cycle().take([200, 70_000][chance.below(2)]).collect();
        let wire = Wire::new(sent.len() + 2 * data.len() + STEPS * 256);
        let buffer = vec![0; 300];
        let memory = Memory::new(allocated);
        let socket = rules.open();
        Self { socket, wire, memory, chance, pieces, buffer, data, given: 0, taken: 0, ended: false }
    }

    pub(super) fn run(mut self) {
        for _ in 0..STEPS {
            match self.chance.below(3) {
                0 => self.client_sends(),
                1 => self.wire.room = [None, Some(0), Some(1), Some(self.chance.below(300))][self.chance.below(4)],
                _ => {}
            }
            self.server_writes();
        }
        self.wire.room = None;
        self.server_writes();
        while !self.wire.said.is_empty() && self.taken < self.data.len() {
            self.server_writes();
        }
        self.socket.say_goodbye(&mut self.wire);
        self.is_whole();
    }

    fn client_sends(&mut self) {
        self.wire.incoming.extend(self.pieces.next().unwrap_or_default());
        self.ended |= loop {
            match self.socket.read(&mut self.wire, &mut self.buffer) {
                Ok(Read::Drained(_)) => break false,
                Ok(Read::End | Read::Request) | Err(_) => break true,
                Ok(_) => {}
            }
        };
    }

    /// What was given and not taken is given again.
    fn server_writes(&mut self) {
        self.given = self.data.len().min(self.given.max(self.taken + 1 + self.chance.below(2000)));
        let rest = &self.data[self.taken..self.given];
        if !rest.is_empty() {
            let (first, second) = rest.split_at(self.chance.below(rest.len() + 1));
            let slices = [IoSlice::new(first), IoSlice::new(second)];
            match self.socket.write(&mut self.wire, &slices).expect("a wire that is not broken") {
                Written::Some(len) | Written::Blocked(len) => self.taken += len,
            }
            assert!(self.taken <= self.given, "more than there was");
        }
        self.memory.is_within_bounds(&self.wire);
    }

    /// The client has got whole frames with all of the data, unless it has closed, and a goodbye.
    fn is_whole(&self) {
        let Some((_, frames)) = head::split(&self.wire.said, HEAD_BYTES_MAX) else {
            assert_eq!((self.taken, self.wire.said.len()), (0, 0), "before it is open");
            return;
        };
        let said = plain::server(frames);
        assert!(self.data.starts_with(&said.data));
        assert_eq!(said.rest, 0, "a frame that is not whole");
        assert!(said.close.is_some(), "nobody said goodbye");
        assert!(self.ended || (said.data == self.data && said.close == Some(Some(1000))));
        is_read_again(&said);
    }
}

/// The data, in the frames of a client, is the same data.
fn is_read_again(said: &Said) {
    let mut sent = REQUEST.as_bytes().to_vec();
    for frame in said.frames.iter().filter(|frame| frame.first == 0x82) {
        sent.extend(plain::masked(frame.first, &frame.payload, [0x37, 0xfa, 0x21, 0x3d]));
    }
    let seen = read_all(Rules { origins: false, gives_away: false }, &[&sent], 4096, None);
    assert_eq!((seen.data, seen.end), (said.data.clone(), Ended::Not));
}
