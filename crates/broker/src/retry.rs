//! Sending again on a live connection what its client does not acknowledge: `retry_interval`.
//!
//! A session has one deadline for all that it has in flight, and only while something is. It may be early: what was
//! acknowledged meanwhile is found out then.

use crate::home::Home;
use crate::time::Due;
use crate::timers::Timer;
use crate::{ConnectionId, Moment, Settings, Shard};
use mosquitto_mqtt::ProtocolVersion;

/// Seconds, for MQTT 3.1 where the operator says nothing: there, what is not acknowledged "after a specified period of
/// time" is sent again (MQTT 3.1, 4.1). The later versions leave it to the next connection.
const DEFAULT_S: u32 = 20;

/// Packets that are sent again to one client at once. What is beyond follows a second later.
const PACKETS_MAX: usize = 1000;

impl Settings {
    /// Seconds after which a client of this version is sent again what it has not acknowledged; none is never.
    #[inline]
    fn retry_s(&self, version: ProtocolVersion) -> Option<u32> {
        let seconds = match version {
            ProtocolVersion::V31 => self.retry_interval_s.unwrap_or(DEFAULT_S),
            ProtocolVersion::V311 => self.retry_interval_s.unwrap_or(0),
            ProtocolVersion::V5 => 0, // [MQTT-4.4.0-1]
        };
        (seconds > 0).then_some(seconds)
    }
}

impl Home {
    /// The seconds after which what was just sent on a connection is sent again.
    #[inline]
    fn retry_s(&self, id: ConnectionId) -> Option<u32> {
        self.settings.retry_s(self.connections.get(id)?.version)
    }

    /// A packet that has to be acknowledged was sent now.
    #[inline]
    pub(crate) fn expect_acknowledgement(&mut self, id: ConnectionId, slot: u32, packet_id: u16) {
        if let Some(seconds) = self.retry_s(id) {
            self.stamp(slot, packet_id, seconds);
        }
    }

    fn stamp(&mut self, slot: u32, packet_id: u16, seconds: u32) {
        let Some(session) = self.sessions.get_mut(slot) else { return };
        let Some(entry) = session.window.find(packet_id) else { return };
        // Rounded up, so that it is never too early.
        entry.sent_s = u32::try_from(self.now.0.div_ceil(1000)).unwrap_or(u32::MAX);
        if !session.retry_at.is_set() {
            let at = when(entry.sent_s, seconds);
            session.retry_at = Due::at(at);
            self.timers.set(at, Timer::Retry(slot));
        }
    }

    /// The connection of the session has ended: the next one begins with what is in flight.
    pub(crate) fn cancel_retry(&mut self, slot: u32) {
        if let Some(at) = self.sessions.get_mut(slot).and_then(|session| session.retry_at.take()) {
            self.timers.cancel(at, Timer::Retry(slot));
        }
    }
}

impl Shard {
    /// The deadline of a session: what is overdue is sent again. Not while the client has not even taken what was sent
    /// before: copies must not pile up.
    pub(crate) fn on_retry(&mut self, slot: u32) {
        let now = self.home.now;
        let Some(session) = self.home.sessions.get_mut(slot) else { return };
        session.retry_at = Due::NOT;
        let Some(id) = session.connection else { return };
        let Some(seconds) = self.home.retry_s(id) else { return };
        let is_taking = self.home.connections.get(id).is_some_and(|connection| connection.output.bytes() == 0);
        let Some(session) = self.home.sessions.get_mut(slot) else { return };
        let now_s = u32::try_from(now.0 / 1000).unwrap_or(u32::MAX);
        let most = if is_taking { PACKETS_MAX } else { 0 };
        let (overdue, oldest_s) = session.window.overdue(now_s.saturating_sub(seconds), now_s, most);
        if let Some(oldest_s) = oldest_s {
            let pause_s = if is_taking { 1 } else { seconds };
            let at = when(oldest_s, seconds).max(now.plus_s(pause_s));
            session.retry_at = Due::at(at);
            self.home.timers.set(at, Timer::Retry(slot));
        }
        self.work = self.work.saturating_add(overdue.len() as u32);
        for entry in &overdue {
            self.home.resend(slot, id, entry);
        }
        // One that has expired makes room.
        if !overdue.is_empty() {
            self.home.pump(slot);
        }
    }
}

/// When something that was sent in this second is sent again.
fn when(sent_s: u32, seconds: u32) -> Moment {
    Moment(u64::from(sent_s) * 1000).plus_s(seconds)
}
