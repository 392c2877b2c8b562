//! Going on with other settings.
//!
//! The settings are exchanged at once. What follows from them for the connections and sessions that are there is done in
//! the ticks that follow, a slice at a time, since there may be very many: clients that may not be there any more are
//! sent away, and limits that a session keeps for itself are set anew.

use crate::connection::Phase;
use crate::{ConnectionId, Settings, Shard};
use mosquitto_mqtt::ReasonCode;
use std::sync::Arc;

/// Connections and sessions looked at in one tick.
const LOOKED_AT_A_TICK: usize = 10_000;

/// Clients sent away, and sessions that may send more than before, in one tick.
const CHANGED_A_TICK: usize = 500;

/// How far the look at what was there before the settings changed has come: the numbers of the next connection and the
/// next session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Review {
    connection: usize,
    session: usize,
}

impl Shard {
    /// Goes on with other settings. To be called between two events, on all shards of a broker alike.
    ///
    /// They are in force at once for all that is decided from now on. What a client was told when it connected, or what
    /// was decided about it then, stays as it is until it connects again: its keep alive, its highest QoS, how many
    /// messages may be in flight in either direction, the topic aliases it may use. Bytes in flight and queued are limited
    /// anew; what is queued already stays queued.
    ///
    /// Clients that would not be let in any more are sent away in the ticks that follow: those of a listener that is
    /// closed, those that are there without having proved who they are where that is not allowed any more, and those of
    /// whom the password file says something else than when they proved it. The number of a listener must mean the same listener as before; one that was closed may mean another when no connection of it
    /// is left on any shard, or under way between two.
    pub fn reconfigure(&mut self, settings: Arc<Settings>) {
        self.home.log.reconfigure(settings.log, settings.connection_messages);
        self.home.settings = settings;
        self.review = Some(Review { connection: 0, session: 0 });
    }

    /// Looks at the next slice of what was there before the settings changed.
    pub(crate) fn go_on_reviewing(&mut self) {
        let Some(mut review) = self.review.take() else { return };
        let (mut looks, mut changes) = (LOOKED_AT_A_TICK, CHANGED_A_TICK);
        let connections = self.home.connections.numbers();
        while review.connection < connections && looks > 0 && changes > 0 {
            let id = ConnectionId(review.connection as u32);
            changes -= usize::from(self.send_away(id));
            review.connection += 1;
            looks -= 1;
        }
        let sessions = self.home.sessions.slot_count() as usize;
        while review.session < sessions && looks > 0 && changes > 0 {
            changes -= usize::from(self.limit_anew(review.session as u32));
            review.session += 1;
            looks -= 1;
        }
        if review.connection < connections || review.session < sessions {
            self.review = Some(review);
        }
    }

    /// Ends a connection that may not be there any more. True where it did.
    pub(crate) fn send_away(&mut self, id: ConnectionId) -> bool {
        let Some(connection) = self.home.connections.get(id) else { return false };
        let listener = self.home.settings.listener(connection.listener);
        let (reason, text) = match (connection.phase, listener) {
            (Phase::Ending, _) => return false,
            (_, None) => (ReasonCode::ADMINISTRATIVE_ACTION, "administrative action"),
            (_, Some(listener)) if listener.closed => (ReasonCode::ADMINISTRATIVE_ACTION, "administrative action"),
            (Phase::Open(_), Some(listener)) if listener.certificate_username.is_some() => {
                if connection.is_certified {
                    return false;
                }
                (ReasonCode::ADMINISTRATIVE_ACTION, "not authorised")
            }
            (Phase::Open(slot), Some(listener)) => {
                let username = self.home.sessions.get(slot).and_then(|session| session.username.as_deref());
                if self.is_still_let_in(id, username, listener) {
                    return false;
                }
                (ReasonCode::NOT_AUTHORIZED, "not authorised")
            }
            _ => return false,
        };
        self.end_with(id, Some(reason), Some(text));
        true
    }

    /// Sets the limits that a session keeps for itself. True where it may have sent something for that.
    fn limit_anew(&mut self, slot: u32) -> bool {
        let (in_flight, queued) = (self.home.settings.max_inflight_bytes, self.home.settings.max_queued_bytes);
        let Some(session) = self.home.sessions.get_mut(slot) else { return false };
        session.window.limit_payload(in_flight, queued);
        let more = session.connection.is_some() && session.window.wants_pump() && session.window.has_room();
        if more {
            self.home.pump(slot);
        }
        more
    }
}
