//! Connections at their end.

use super::Worker;
use super::socket::Socket;
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
    /// When connections with bytes to send are closed at the latest. In order, since all have the same time. One that
    /// is closed already stays here until its time comes.
    deadlines: VecDeque<(Moment, ConnectionId)>,
    /// Connections whose last bytes are sent, or cannot be.
    sent: Vec<ConnectionId>,
    /// All is sent, but a socket that is closed while its client sends may take back what the client has not read.
    lingering: VecDeque<(Moment, Stream)>,
}

impl Closing {
    pub(super) fn next_deadline(&self) -> Option<Moment> {
        let sending = self.deadlines.front().map(|(at, _)| *at);
        let lingering = self.lingering.front().map(|(at, _)| *at);
        [sending, lingering].into_iter().flatten().min()
    }
}

impl Worker {
    /// Closes the connections that the shard has ended, as soon as their last bytes are sent.
    pub(super) fn close_ended(&mut self) {
        let mut ended = std::mem::take(&mut self.touched);
        self.shard.closing(&mut ended);
        let idle = ended.is_empty() && self.closing.next_deadline().is_none();
        if !idle {
            self.close_some(&ended, self.clock.now());
        }
        self.touched = ended;
    }

    fn close_some(&mut self, ended: &[ConnectionId], now: Moment) {
        for &id in ended {
            if self.close_link(id) {
                continue;
            }
            let dead = self.sockets.get_mut(id).is_some_and(|socket| socket.dead);
            if dead || (self.shard.output_len(id) == 0 && !self.has_more_to_say(id)) {
                self.close(id, now);
            } else if let Some(socket) = self.sockets.get_mut(id) {
                let at = now + LAST_BYTES_MS;
                socket.close_by = at;
                self.closing.deadlines.push_back((at, id));
            }
        }
        for id in std::mem::take(&mut self.closing.sent) {
            self.close(id, now);
        }
        while let Some(&(at, id)) = self.closing.deadlines.front()
            && at <= now
        {
            self.closing.deadlines.pop_front();
            // The number may be another connection's by now.
            if self.sockets.get_mut(id).is_some_and(|socket| socket.close_by == at) {
                self.close(id, now);
            }
        }
        while self.closing.lingering.len() > LINGERING_MAX
            || self.closing.lingering.front().is_some_and(|(at, _)| *at <= now)
        {
            self.closing.lingering.pop_front();
        }
    }

    /// Ends this side of a connection that is done with; the other half stays open for a while.
    pub(super) fn linger(&mut self, mut stream: Stream, now: Moment) {
        if stream.finish().is_ok() {
            let _ = stream.deregister(self.poll.registry());
            self.closing.lingering.push_back((now + LINGER_MS, stream));
        }
    }

    /// A connection has no output any more, or takes none. If it is at its end, it can be closed, and this is true.
    pub(super) fn note_sent(&mut self, id: ConnectionId) -> bool {
        let close_by = self.sockets.get_mut(id).map(|socket| std::mem::replace(&mut socket.close_by, Moment::NEVER));
        let at_its_end = close_by.is_some_and(|at| at != Moment::NEVER);
        if at_its_end {
            self.closing.sent.push(id);
        }
        at_its_end
    }

    fn close(&mut self, id: ConnectionId, now: Moment) {
        self.shard.release(id);
        let Some(socket) = self.take_out(id) else { return };
        let Socket { mut stream, seat, gone, told, listed, dead, .. } = socket;
        if listed {
            self.held.retain(|held| *held != id);
        }
        if !dead {
            stream.say_goodbye();
        }
        // Before the client can see that it has left its seat.
        drop(seat);
        if told && !gone && may_send_more(&mut stream, &mut self.buffer) && stream.finish().is_ok() {
            // The other half stays open for a while, for the client to read the reason.
            let _ = stream.deregister(self.poll.registry());
            self.closing.lingering.push_back((now + LINGER_MS, stream));
        }
    }
}

/// Whether a client that is still there may be sending: then closing at once could cost it what was sent to it last.
/// What it has sent meanwhile is thrown away.
fn may_send_more(stream: &mut Stream, buffer: &mut [u8]) -> bool {
    matches!(stream.read(buffer), Ok(Read::Some(_) | Read::Drained(_)))
}
