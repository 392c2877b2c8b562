//! What waits in a connection's output until changes are safe that it rests on.
//!
//! A gate stands in front of it, and names the frame that has the changes. Whatever comes behind waits as well, so that the
//! order stays; what came before goes out. Nothing that waits there counts as refused by the client.

use crate::ConnectionId;
use crate::home::{Home, touch};
use std::collections::VecDeque;

/// A gate.
#[derive(Debug, Clone, Copy)]
struct Gate {
    /// The frame that opens it.
    frame: u64,
    /// Bytes between the gate before it, or the first unsent byte, and this one.
    behind: usize,
}

/// The closed gates of one connection's output, at least one.
#[derive(Debug)]
pub(crate) struct Gates {
    first: Gate,
    /// Those behind it: most have none.
    rest: VecDeque<Gate>,
    /// Bytes in front of the last one.
    last_at: usize,
}

impl Gates {
    /// A gate behind so many unsent bytes.
    pub(crate) fn new(frame: u64, at: usize) -> Self {
        Self { first: Gate { frame, behind: at }, rest: VecDeque::new(), last_at: at }
    }

    /// One more, behind so many unsent bytes. What stands behind a gate for the same frame waits already.
    pub(crate) fn add(&mut self, frame: u64, at: usize) -> bool {
        if self.rest.back().unwrap_or(&self.first).frame >= frame {
            return false;
        }
        self.rest.push_back(Gate { frame, behind: at - self.last_at });
        self.last_at = at;
        true
    }

    /// Unsent bytes in front of the first one.
    #[inline]
    pub(crate) fn open_bytes(&self) -> usize {
        self.first.behind
    }

    /// The first so many bytes were sent.
    pub(crate) fn advance(&mut self, len: usize) {
        let len = len.min(self.first.behind);
        self.first.behind -= len;
        self.last_at -= len;
    }

    /// Opens those that wait for no later frame than this. True where none is left.
    pub(crate) fn open(&mut self, durable: u64) -> bool {
        while self.first.frame <= durable {
            let Some(next) = self.rest.pop_front() else { return true };
            self.first = Gate { frame: next.frame, behind: self.first.behind + next.behind };
        }
        false
    }
}

impl Home {
    /// What follows on a connection waits for the changes that were made so far.
    pub(crate) fn close_gate(&mut self, id: ConnectionId) {
        self.close_gate_until(id, self.changes.frame());
    }

    /// What follows on a connection waits for this frame.
    pub(crate) fn close_gate_until(&mut self, id: ConnectionId, frame: u64) {
        if let Some(connection) = self.connections.get_mut(id)
            && connection.output.close_gate(frame)
        {
            self.changes.waiting.push_back((frame, id));
        }
    }

    /// The answer that follows waits for what the packet in hand has changed, if anything.
    #[inline]
    pub(crate) fn close_gate_for_answer(&mut self, id: ConnectionId) {
        if self.changes.must_wait() {
            self.close_gate(id);
        }
    }

    /// Opens the gates whose frames are safe.
    pub(crate) fn open_gates(&mut self) {
        let durable = self.changes.durable();
        while let Some((_, id)) = self.changes.waiting.pop_front_if(|(frame, _)| *frame <= durable) {
            // The number may be another connection's by now, which is as good.
            let Some(connection) = self.connections.get_mut(id) else { continue };
            connection.output.open_gates(durable);
            touch(connection, id, &mut self.touched);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_gate_lets_through_what_stands_before_the_next() {
        let mut gates = Gates::new(3, 10);
        assert!(!gates.add(3, 12), "it waits already");
        assert!(gates.add(4, 20));
        assert!(gates.add(7, 50));
        gates.advance(4);
        assert_eq!(gates.open_bytes(), 6);
        assert!(!gates.open(2));
        assert_eq!(gates.open_bytes(), 6);
        assert!(!gates.open(3));
        assert_eq!(gates.open_bytes(), 16);
        gates.advance(16);
        assert!(gates.add(8, 40));
        assert!(!gates.open(7));
        assert_eq!(gates.open_bytes(), 40);
        assert!(gates.open(8));
    }
}
