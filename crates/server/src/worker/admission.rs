//! Connections that have not said who they are, or have said nothing else yet: they get a part of a worker's time, after the
//! others.
//!
//! A handshake is dear, and cannot be interrupted. So those who are connected already are served first, up to the last
//! byte for them, and then a few newcomers, which take turns ([`Lobby`](crate::lobby::Lobby)).

use super::Worker;
use super::reading::READ_BUDGET_BYTES;
use super::socket::Socket;
use mosquitto_broker::{ConnectionId, LogLevel};
use mosquitto_transport::Read;
use std::time::{Duration, Instant};

/// The time that a tick has for newcomers, if there is not much else to do. So little delays nobody that is felt, and
/// the rest of a tick is small beside it. A handshake that takes longer is brought to its end.
const SHARE_MIN: Duration = Duration::from_micros(200);

/// Bytes that are read of a newcomer as soon as it is let in: nearly any CONNECT has less.
const FIRST_READ_BYTES: usize = 2048;

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
        // First those who have waited since the sockets were looked at; who is let in now waits for the next look.
        let for_turns = if self.entrance.is_waiting(self.clock.now()) { share / 2 } else { share };
        let mut turns = 0;
        while self.give_turn() {
            turns += 1;
            if started.elapsed() >= for_turns {
                break;
            }
        }
        self.accept(|| started.elapsed() >= share);
        self.pace.serve(self.clock.now(), turns);
        self.shard.end();
        self.drain();
    }

    /// Whether there is something to be done for newcomers at once.
    pub(super) fn has_admissions(&self) -> bool {
        !self.fresh.is_empty()
            || self.lobby.has_turn()
            || (self.entrance.is_waiting(self.clock.now()) && self.may_accept())
    }

    /// Gives one of them its turn; false if nobody has anything to say. Who has said who he is comes first: a client that comes
    /// again may have said something before, on the connection that its new one takes the session from.
    fn give_turn(&mut self) -> bool {
        if let Some(id) = self.fresh.pop_front() {
            self.serve_fresh(id);
        } else if let Some(id) = self.lobby.next() {
            self.take_turn(id);
        } else {
            return false;
        }
        true
    }

    /// What a client has to say first is mostly what all say who come at the same time: SUBSCRIBE. Who has more to say is one of
    /// the others from then on.
    fn serve_fresh(&mut self, id: ConnectionId) {
        if let Some(socket) = self.sockets.get_mut(id)
            && socket.pass.is_none()
        {
            socket.queued = false;
            socket.fresh = self.shard.is_opening(id);
            self.serve(id, READ_BUDGET_BYTES);
        }
    }

    /// One read, and what comes of it.
    fn take_turn(&mut self, id: ConnectionId) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        socket.queued = false;
        self.serve(id, 1);
        // What waits for its password has said all that it has to say.
        let Some(socket) = self.sockets.get_mut(id) else { return };
        if !self.shard.is_opening(id) || socket.held {
            if let Some(newcomer) = socket.pass.take() {
                self.lobby.leave(newcomer.pass);
            }
            if socket.queued {
                self.fresh.push_back(id);
            }
        } else if let Some(newcomer) = &socket.pass
            && !self.lobby.may_hold(newcomer.pass, socket.pending.len() + socket.stream.held())
        {
            return self.give_way(id);
        }
        self.watch(id);
    }

    /// Reads what a newcomer has sent already: mostly its CONNECT. It is handled when it is its turn, which is not before the
    /// sockets were looked at once more: what its client sent on an earlier connection stands before it. Only who stays here,
    /// or has sent nothing yet, is watched then; so being handed over costs no system call.
    pub(super) fn read_first(&mut self, id: ConnectionId) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        // What stands between costs more than a look, and is for a turn.
        if !socket.stream.is_plain() {
            return self.watch(id);
        }
        let Some(room) = self.buffer.get_mut(..FIRST_READ_BYTES) else { return };
        match socket.stream.read(room) {
            Ok(Read::End) => self.shard.closed(id, None),
            Ok(read) => {
                let len = socket.note_read(read);
                if len == 0 {
                    return self.watch(id);
                }
                socket.pending.extend_from_slice(room.get(..len).unwrap_or_default());
                self.line_up(id);
            }
            // What is wrong with it is found out again.
            Err(_) => self.watch(id),
        }
    }

    /// Has a connection served as soon as it is its turn.
    pub(super) fn line_up(&mut self, id: ConnectionId) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        if !std::mem::replace(&mut socket.queued, true) {
            match &socket.pass {
                Some(newcomer) => self.lobby.line_up(newcomer.pass),
                None if socket.fresh => self.fresh.push_back(id),
                None => self.ready.push(id),
            }
        }
    }

    /// Takes a socket out of all books of this worker but the shard's.
    pub(super) fn take_out(&mut self, id: ConnectionId) -> Option<Socket> {
        let socket = self.sockets.remove(id)?;
        if let Some(newcomer) = &socket.pass {
            self.lobby.leave(newcomer.pass);
        }
        Some(socket)
    }

    /// Closes a connection that has not said who it is, for somebody else.
    pub(super) fn give_way(&mut self, id: ConnectionId) {
        if !self.shard.is_opening(id) {
            // Its time is over, and it is closed at the end of the tick.
            if let Some(newcomer) = self.sockets.get_mut(id).and_then(|socket| socket.pass.take()) {
                self.lobby.leave(newcomer.pass);
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
