//! Connections that have not said who they are: they get a part of a worker's time, after the others.
//!
//! A handshake is dear, and cannot be interrupted. So those who are connected already are served first, up to the last
//! byte for them, and then a few newcomers, which take turns ([`Lobby`](crate::lobby::Lobby)).

use super::Worker;
use super::socket::Socket;
use mosquitto_broker::{ConnectionId, LogLevel};
use std::time::{Duration, Instant};

/// The time that a tick has for newcomers, if there is not much else to do. So little delays nobody that is felt, and
/// the rest of a tick is small beside it. A handshake that takes longer is brought to its end.
const SHARE_MIN: Duration = Duration::from_micros(200);

/// Newcomers get this part of the time that the others took: a broker that has more to do than it can lets them in all
/// the same.
const SHARE_OF_BUSY: u32 = 4;

impl Worker {
    /// Lets in who waits at the doors, and gives turns to who has not said yet who he is. The rest of the tick has taken
    /// so long.
    pub(super) fn admit(&mut self, busy: Duration) {
        if !self.has_admissions() {
            return;
        }
        let share = SHARE_MIN.max(busy / SHARE_OF_BUSY);
        let started = Instant::now();
        self.shard.begin(self.clock.now());
        // Before there is somebody new who has the number of one who is gone.
        self.end_broken();
        self.accept(|| started.elapsed() >= share / 2);
        let mut turns = 0;
        while let Some(id) = self.lobby.next() {
            self.take_turn(id);
            turns += 1;
            if started.elapsed() >= share {
                break;
            }
        }
        self.pace.serve(self.clock.now(), turns);
        self.shard.end();
        self.drain();
    }

    /// Whether there is something to be done for newcomers at once.
    pub(super) fn has_admissions(&self) -> bool {
        self.lobby.has_turn() || (self.entrance.is_waiting(self.clock.now()) && self.may_accept())
    }

    /// One read, and what comes of it.
    fn take_turn(&mut self, id: ConnectionId) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        socket.queued = false;
        self.serve(id, 1);
        // What waits for its password has said all that it has to say.
        let Some(socket) = self.sockets.get_mut(id) else { return };
        if !self.shard.is_opening(id) || socket.held {
            if let Some(pass) = socket.pass.take() {
                self.lobby.leave(*pass);
            }
            if socket.queued {
                self.ready.push(id);
            }
        } else if let Some(pass) = &socket.pass
            && !self.lobby.may_hold(**pass, socket.pending.len() + socket.stream.held())
        {
            self.give_way(id);
        }
    }

    /// Has a connection served as soon as it is its turn.
    pub(super) fn line_up(&mut self, id: ConnectionId) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        if !std::mem::replace(&mut socket.queued, true) {
            match &socket.pass {
                Some(pass) => self.lobby.line_up(**pass),
                None => self.ready.push(id),
            }
        }
    }

    /// Takes a socket out of all books of this worker but the shard's.
    pub(super) fn take_out(&mut self, id: ConnectionId) -> Option<Socket> {
        let socket = self.sockets.remove(id)?;
        if let Some(pass) = &socket.pass {
            self.lobby.leave(**pass);
        }
        Some(socket)
    }

    /// Closes a connection that has not said who it is, for somebody else.
    pub(super) fn give_way(&mut self, id: ConnectionId) {
        if !self.shard.is_opening(id) {
            // Its time is over, and it is closed at the end of the tick.
            if let Some(pass) = self.sockets.get_mut(id).and_then(|socket| socket.pass.take()) {
                self.lobby.leave(*pass);
            }
            return;
        }
        self.shard.release(id);
        self.take_out(id);
        self.count_eviction();
    }

    /// Gives up the file descriptors that another worker needs, as far as there is somebody silent.
    pub(super) fn give_descriptors_up(&mut self) {
        for _ in 0..std::mem::take(&mut self.descriptors_owed) {
            let Some(silent) = self.lobby.longest_silent(self.lobby.mark()) else { return };
            self.give_way(silent);
        }
    }

    /// A connection was closed for lack of room.
    pub(super) fn count_eviction(&mut self) {
        if let Some(line) = self.eviction_lines.count(self.clock.now()) {
            self.logger.log(LogLevel::Warning, line);
        }
    }

    /// Says how many they were, when it is time to.
    pub(super) fn log_evictions(&mut self) {
        if let Some(line) = self.eviction_lines.line(self.clock.now()) {
            self.logger.log(LogLevel::Warning, line);
        }
    }
}
