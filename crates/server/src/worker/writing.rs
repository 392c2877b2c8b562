//! From the shard to sockets.

use super::Worker;
use super::reading::text_of;
use mosquitto_broker::ConnectionId;
use mosquitto_transport::Written;
use std::io::{self, IoSlice};

/// Buffers written with one call.
const SLICES_MAX: usize = 32;

/// Bytes written to one connection in a tick before the others get their turn.
const WRITE_BUDGET_BYTES: usize = 1024 * 1024;

impl Worker {
    /// Writes every connection that has something new, and those that can take more than before.
    pub(super) fn write_all(&mut self) {
        let mut touched = std::mem::take(&mut self.touched);
        self.shard.touched(&mut touched);
        // What is not finished is put into the list again, for the next tick.
        for id in std::mem::take(&mut self.writable) {
            self.write(id);
        }
        for &id in &touched {
            self.write(id);
        }
        self.touched = touched;
    }

    pub(super) fn write(&mut self, id: ConnectionId) {
        let Some(socket) = self.sockets.get_mut(id) else { return self.note_link(id) };
        if socket.blocked {
            return;
        }
        if socket.stream.has_unsent() && !self.flush(id) {
            return;
        }
        let mut budget = WRITE_BUDGET_BYTES;
        let before = self.shard.output_len(id);
        if let Some(socket) = self.sockets.get_mut(id) {
            socket.told |= before > 0;
        }
        let mut left = before;
        while left > 0 {
            if budget == 0 {
                self.writable.push(id);
                break;
            }
            match self.write_once(id, budget) {
                Ok(Written::Some(len)) => {
                    self.shard.sent(id, len);
                    budget = budget.saturating_sub(len);
                }
                Ok(Written::Blocked(len)) => {
                    self.shard.sent(id, len);
                    if let Some(socket) = self.sockets.get_mut(id) {
                        socket.blocked = true;
                    }
                    left = self.shard.output_len(id);
                    break;
                }
                Err(error) => {
                    self.fail_to_write(id, &error);
                    break;
                }
            }
            left = self.shard.output_len(id);
        }
        if left < before {
            self.resume_reading(id);
        }
        if left == 0 && !self.has_more_to_say(id) {
            self.note_sent(id);
        }
    }

    /// Whether a connection's stream has taken bytes that its socket has not.
    pub(super) fn has_unsent(&mut self, id: ConnectionId) -> bool {
        self.sockets.get_mut(id).is_some_and(|socket| !socket.dead && socket.stream.has_unsent())
    }

    /// Whether there are bytes for a connection besides those that could be sent now: in its stream, or withheld until what
    /// they rest on is kept.
    pub(super) fn has_more_to_say(&mut self, id: ConnectionId) -> bool {
        self.has_unsent(id) || self.shard.withheld_len(id) > 0
    }

    /// Brings out what the stream still has. False where nothing more can be written now.
    fn flush(&mut self, id: ConnectionId) -> bool {
        let Some(socket) = self.sockets.get_mut(id) else { return false };
        match socket.stream.flush() {
            Ok(()) => {
                socket.blocked = socket.stream.has_unsent();
                !socket.blocked
            }
            Err(error) => {
                self.fail_to_write(id, &error);
                false
            }
        }
    }

    fn fail_to_write(&mut self, id: ConnectionId, error: &io::Error) {
        if let Some(socket) = self.sockets.get_mut(id) {
            socket.blocked = true;
            socket.dead = true;
        }
        if !self.note_sent(id) {
            self.broken.push((id, text_of(error)));
        }
    }

    /// Writes once, and no more than this many bytes, though there is more and the socket would take it: so little is done for
    /// others meanwhile.
    fn write_once(&mut self, id: ConnectionId, budget: usize) -> io::Result<Written> {
        let Some(socket) = self.sockets.get_mut(id) else { return Ok(Written::Blocked(0)) };
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        let filled = self.shard.output_within(id, &mut slices, budget);
        let slices = slices.get(..filled).unwrap_or_default();
        socket.stream.write(slices)
    }
}
