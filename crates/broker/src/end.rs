//! Ends: of connections, for whatever reason, and of sessions.

use crate::connection::Phase;
use crate::id::SessionId;
use crate::log::{log, log_connection};
use crate::protocol_error::Refused;
use crate::session::NEVER_EXPIRES;
use crate::settings::BRIDGE_LISTENER;
use crate::time::Due;
use crate::timers::Timer;
use crate::{ConnectionId, DropReason, Shard};
use mosquitto_mqtt::packet::Disconnect;
use mosquitto_mqtt::{Property, ReasonCode};

/// How the reason begins where Mosquitto has none of its own for the end of a connection.
const BAD_SOCKET: &str = "bad socket read/write: ";

/// Subscriptions removed under one lock when a session ends, at least. What is beyond follows in later ticks.
const ORPHANS_A_SLICE: usize = 1000;

/// The part of what is left to remove that goes under one lock where that is more: so the rest cannot grow without end,
/// however fast sessions with many subscriptions come and go.
const ORPHANS_PART: usize = 16;

impl Shard {
    /// DISCONNECT from a client.
    pub(crate) fn on_disconnect(
        &mut self,
        id: ConnectionId,
        slot: u32,
        disconnect: &Disconnect<'_>,
    ) -> Result<(), Refused> {
        let expiry = disconnect.properties.iter().find_map(|property| match property {
            Property::SessionExpiryInterval(seconds) => Some(seconds),
            _ => None,
        });
        if let (Some(seconds), Some(session)) = (expiry, self.home.sessions.get_mut(slot)) {
            // MQTT 5, 3.14.2.2.2
            if session.expiry_s == 0 && seconds != 0 {
                // A number with sign, as Mosquitto writes it.
                let seconds = seconds.cast_signed();
                return Err(self.protocol_error(
                    id,
                    format_args!("DISCONNECT packet with mismatched session-expiry-interval (0:{seconds})"),
                ));
            }
            session.expiry_s = seconds;
        }
        log!(self.home.log, Debug, "Received DISCONNECT from {}", self.home.name_of(id));
        // [MQTT-3.14.4-3]
        if disconnect.reason == ReasonCode::SUCCESS {
            self.drop_will(slot);
        }
        if let Some(connection) = self.home.connections.get_mut(id) {
            connection.goodbye = true;
        }
        self.end_with(id, None, None);
        Ok(())
    }

    /// The peer or the network has ended a connection; `error` is what the system said, if anything.
    pub fn closed(&mut self, id: ConnectionId, error: Option<&str>) {
        let Some(connection) = self.home.connections.get(id) else { return };
        if connection.phase == Phase::Ending {
            return;
        }
        match error {
            None => self.end_with(id, None, Some("connection closed by client")),
            Some(error) => {
                self.log_end(id, None, Some(error));
                self.detach(id);
            }
        }
    }

    /// Ends a connection: with a DISCONNECT where MQTT 5 has one to say, a line in the log, and the consequences for
    /// its session. `text` is the reason for the log; none for a client that said goodbye.
    pub(crate) fn end_with(&mut self, id: ConnectionId, reply: Option<ReasonCode>, text: Option<&str>) {
        let Some(connection) = self.home.connections.get(id) else { return };
        if connection.phase == Phase::Ending {
            return;
        }
        let version = connection.version;
        if let (Some(reason), Phase::Open(_), true) = (reply, connection.phase, version.is_v5()) {
            log!(self.home.log, Debug, "Sending DISCONNECT to {} (rc{})", self.home.name_of(id), reason.0);
            self.home.reply(id, |out| Disconnect::new(reason).encode(version, out));
        }
        self.log_end(id, None, text);
        self.detach(id);
    }

    /// Ends a connection that has no session, though its client may have said who it is.
    pub(crate) fn end_unknown(&mut self, id: ConnectionId, client_id: Option<&str>, text: &str) {
        self.log_end(id, client_id, Some(text));
        self.detach(id);
    }

    fn log_end(&mut self, id: ConnectionId, client_id: Option<&str>, text: Option<&str>) {
        let Some(connection) = self.home.connections.get(id) else { return };
        if connection.listener == BRIDGE_LISTENER {
            return;
        }
        let (name, peer) = (client_id.unwrap_or(self.home.name_of(id)), &connection.peer);
        match text {
            None => log_connection!(self.home.log, Notice, "Client {name} [{peer}] disconnected."),
            // What Mosquitto has no words of its own for bears no full stop.
            Some(text) if text.starts_with(BAD_SOCKET) => {
                log_connection!(self.home.log, Notice, "Client {name} [{peer}] disconnected: {text}");
            }
            Some(text) => log_connection!(self.home.log, Notice, "Client {name} [{peer}] disconnected: {text}."),
        }
    }

    /// Takes a connection from its session and lets the server close it.
    pub(crate) fn detach(&mut self, id: ConnectionId) {
        let Some(connection) = self.home.connections.get_mut(id) else { return };
        let phase = std::mem::replace(&mut connection.phase, Phase::Ending);
        if phase != Phase::Ending {
            self.home.statistics.connections -= 1;
        }
        if let Some(at) = connection.silence_at.take() {
            self.home.timers.cancel(at, Timer::Silence(id));
        }
        self.home.closing.push(id);
        let Phase::Open(slot) = phase else { return };
        let Some(session) = self.home.sessions.get_mut(slot) else { return };
        session.connection = None;
        self.home.cancel_retry(slot);
        self.schedule_will(slot);
        let Some(session) = self.home.sessions.get_mut(slot) else { return };
        // One of this broker's own bridges keeps its session, as in Mosquitto.
        let is_of_bridge = session.came_through.is_of_bridge();
        let wanted = session.expiry_s;
        match if is_of_bridge { wanted } else { self.home.settings.session_expiry_s(wanted) } {
            0 => return self.end_session(slot),
            NEVER_EXPIRES => {}
            seconds => {
                let at = self.home.now.plus_s(seconds);
                session.expires_at = Due::at(at);
                self.home.timers.set(at, Timer::SessionExpiry(slot));
            }
        }
        self.home.changes.left(slot, session, self.home.now);
    }

    /// Ends a session that has no connection: its will is due at the latest now, and all that it had is forgotten
    /// `[MQTT-4.1.0-2]`.
    pub(crate) fn end_session(&mut self, slot: u32) {
        self.publish_will(slot);
        let Some(session) = self.home.sessions.remove(slot) else { return };
        self.shared.dismiss_session();
        self.home.changes.ended(slot, &session);
        if let Some(at) = session.expires_at.get() {
            self.home.timers.cancel(at, Timer::SessionExpiry(slot));
        }
        if let Some(at) = session.drops.as_ref().and_then(|drops| drops.line_at) {
            self.home.timers.cancel(at, Timer::Drops(slot));
        }
        self.home.statistics.dropped.add(DropReason::SessionEnded, session.window.undelivered());
        let id = SessionId { slot, epoch: session.epoch };
        let places = session.into_places();
        if !places.is_empty() {
            self.orphans.push((id, places));
            self.remove_orphans();
        }
    }

    /// Removes subscriptions of sessions that are gone, a bounded number of them.
    pub(crate) fn remove_orphans(&mut self) {
        if self.orphans.is_empty() {
            return;
        }
        let (mut orphans, shard) = (std::mem::take(&mut self.orphans), self.id);
        let backlog: usize = orphans.iter().map(|(_, nodes)| nodes.len()).sum();
        self.change_tree(|tree| {
            let mut left = ORPHANS_A_SLICE.max(backlog / ORPHANS_PART);
            while let Some((session, places)) = orphans.last_mut() {
                while left > 0 {
                    let Some((node, group)) = places.pop() else { break };
                    left -= 1;
                    tree.remove_at(node, group.as_deref(), shard, *session);
                }
                if !places.is_empty() {
                    return;
                }
                orphans.pop();
            }
        });
        self.orphans = orphans;
    }

    /// Arms the look at a connection's silence. One that comes earlier is enough: it arms the next.
    pub(crate) fn arm_silence(&mut self, id: ConnectionId) {
        let Some(connection) = self.home.connections.get_mut(id) else { return };
        let at = connection.heard_at + u64::from(connection.silence_ms);
        let is_watched = connection.silence_ms > 0;
        if is_watched && connection.silence_at.get().is_some_and(|armed| armed <= at) {
            return;
        }
        if let Some(at) = connection.silence_at.take() {
            self.home.timers.cancel(at, Timer::Silence(id));
        }
        if is_watched {
            connection.silence_at = Due::at(at);
            self.home.timers.set(at, Timer::Silence(id));
        }
    }

    /// Does what is due, as far as the work of a tick allows: many wills may be due at once, and each may go to many. The
    /// rest stays due for the next tick, which follows at once.
    pub(crate) fn fire_timers(&mut self) {
        let mut unheard = Vec::new();
        self.work = 0;
        while self.work < self.work_max {
            let Some(timer) = self.home.timers.pop_due(self.home.now) else { break };
            self.work += 1;
            match timer {
                Timer::Silence(id) => {
                    if self.on_silence(id) {
                        unheard.push(id);
                    }
                }
                Timer::SessionExpiry(slot) => {
                    if let Some(session) = self.home.sessions.get_mut(slot) {
                        session.expires_at = Due::NOT;
                        self.home.statistics.sessions_expired += 1;
                        log!(self.home.log, Notice, "Expiring client {} due to timeout.", session.client_id);
                        self.end_session(slot);
                    }
                }
                Timer::Drops(slot) => self.home.log_drops(slot),
                Timer::Retry(slot) => self.on_retry(slot),
                Timer::Will(slot) => {
                    if let Some(session) = self.home.sessions.get_mut(slot) {
                        session.will_at = Due::NOT;
                        self.publish_will(slot);
                    }
                }
            }
        }
        // Looked at again at once, in a tick of its own.
        for id in unheard {
            let at = self.home.now;
            if let Some(connection) = self.home.connections.get_mut(id)
                && connection.phase != Phase::Ending
            {
                connection.silence_at = Due::at(at);
                self.home.timers.set(at, Timer::Silence(id));
            }
        }
    }

    /// `[MQTT-3.1.2-22]` `[3.1.1 MQTT-3.1.2-24]`: one and a half keep alives without a packet. What was heard
    /// meanwhile puts the end off. True where the time ran out only since the last tick: what the client sent in
    /// between may still be unread.
    fn on_silence(&mut self, id: ConnectionId) -> bool {
        let Some(connection) = self.home.connections.get_mut(id) else { return false };
        connection.silence_at = Due::NOT;
        let end = connection.heard_at + u64::from(connection.silence_ms);
        if end > self.home.now {
            self.arm_silence(id);
            return false;
        }
        if end > self.home.previous_now {
            return true;
        }
        self.end_with(id, None, Some("exceeded timeout"));
        false
    }

    /// The broker stops: all wills are published, also delayed ones. No client is told.
    pub fn shut_down(&mut self) {
        let slots: Vec<u32> = self.home.sessions.slots().map(|(slot, _)| slot).collect();
        for slot in slots {
            self.publish_will(slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::id::SessionId;
    use crate::time::Due;
    use crate::timers::Timer;
    use crate::{Moment, Settings, Shard, ShardId, Shared};
    use std::sync::Arc;

    #[test]
    fn what_is_due_at_once_is_done_in_several_ticks_where_it_is_much() {
        let mut shard = Shard::new(ShardId(0), Shared::new(1), Arc::new(Settings::default()), [1; 32]);
        shard.work_max = 10;
        for n in 0..25 {
            assert!(shard.shared.admit_session(0));
            let slot = shard.home.sessions.create(&n.to_string());
            shard.home.sessions.get_mut(slot).unwrap().expires_at = Due::at(Moment(5));
            shard.home.timers.set(Moment(5), Timer::SessionExpiry(slot));
        }
        for left in [15, 5] {
            shard.begin(Moment(10));
            shard.end();
            assert_eq!(shard.session_count(), left);
            assert!(shard.next_deadline().is_some_and(|at| at <= Moment(10)));
        }
        shard.begin(Moment(10));
        assert_eq!((shard.session_count(), shard.home.timers.next()), (0, None));
    }

    #[test]
    fn subscriptions_of_ended_sessions_do_not_pile_up() {
        let mut shard = Shard::new(ShardId(0), Shared::new(1), Arc::new(Settings::default()), [1; 32]);
        let backlog = |shard: &Shard| shard.orphans.iter().map(|(_, nodes)| nodes.len()).sum::<usize>();
        for slot in 0..300 {
            // Nodes that there are none of cost nothing but their turn.
            shard.orphans.push((SessionId { slot, epoch: 0 }, vec![(u32::MAX, None); 5000]));
            shard.remove_orphans();
        }
        assert!(backlog(&shard) <= 5000 * 16, "{}", backlog(&shard));
        (0..200).for_each(|_| shard.end());
        assert_eq!(backlog(&shard), 0);
    }
}
