//! Connections at their end.

use super::Worker;
use mosquitto_broker::{ConnectionId, Moment};
use mosquitto_transport::{Read, Stream};
use std::collections::VecDeque;

/// How long a client may take to receive the last bytes for it.
const LAST_BYTES_MS: u64 = 5000;

/// How long a client that was told why it is disconnected may take to hang up.
const LINGER_MS: u64 = 1000;

/// Connections that may linger; beyond that the oldest is closed.
const LINGERING_MAX: usize = 256;

/// Connections that are not closed yet, though nothing of them is read any more.
#[derive(Debug, Default)]
pub(super) struct Closing {
    /// With bytes to send still, until the moment. In order, since all have the same time.
    sending: VecDeque<(Moment, ConnectionId)>,
    /// All is sent, but a socket that is closed with unread bytes in it would take back what the client has not read.
    lingering: VecDeque<(Moment, Stream)>,
}

impl Closing {
    pub(super) fn next_deadline(&self) -> Option<Moment> {
        let sending = self.sending.front().map(|(at, _)| *at);
        let lingering = self.lingering.front().map(|(at, _)| *at);
        [sending, lingering].into_iter().flatten().min()
    }
}

impl Worker {
    /// Closes the connections that the shard has ended, as soon as their last bytes are sent.
    pub(super) fn close_ended(&mut self) {
        let now = self.clock.now();
        let mut ended = std::mem::take(&mut self.touched);
        self.shard.closing(&mut ended);
        for &id in &ended {
            if self.shard.output_len(id) == 0 || self.is_broken(id) {
                self.close(id, now);
            } else {
                self.closing.sending.push_back((now + LAST_BYTES_MS, id));
            }
        }
        self.touched = ended;
        if !self.closing.sending.is_empty() {
            self.close_sent(now);
        }
        while self.closing.lingering.len() > LINGERING_MAX
            || self.closing.lingering.front().is_some_and(|(at, _)| *at <= now)
        {
            self.closing.lingering.pop_front();
        }
    }

    fn is_broken(&self, id: ConnectionId) -> bool {
        self.broken.iter().any(|(broken, _)| *broken == id)
    }

    fn close_sent(&mut self, now: Moment) {
        for (at, id) in std::mem::take(&mut self.closing.sending) {
            if self.shard.output_len(id) == 0 || at <= now || self.is_broken(id) {
                self.close(id, now);
            } else {
                self.closing.sending.push_back((at, id));
            }
        }
    }

    fn close(&mut self, id: ConnectionId, now: Moment) {
        self.shard.release(id);
        let Some(mut socket) = self.sockets.remove(id) else { return };
        self.broken.retain(|(broken, _)| *broken != id);
        if !socket.gone && has_unread(&mut socket.stream, &mut self.buffer) {
            // The other half stays open for a while, for the client to read the reason.
            if socket.stream.finish().is_ok() {
                let _ = socket.stream.deregister(self.poll.registry());
                self.closing.lingering.push_back((now + LINGER_MS, socket.stream));
            }
        }
    }
}

/// Throws away what the client has sent meanwhile. Whether more may come: then closing at once could cost the client
/// what was sent to it last.
fn has_unread(stream: &mut Stream, buffer: &mut [u8]) -> bool {
    matches!(stream.read(buffer), Ok(Read::Some(_) | Read::Drained(1..)))
}
