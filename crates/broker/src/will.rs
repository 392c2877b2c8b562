//! Wills: what is published for a client that left without a word.

use crate::message::{MessageRef, Outgoing};
use crate::publish::allowed_to_publish;
use crate::session::StoredWill;
use crate::time::Due;
use crate::timers::Timer;
use crate::{DropReason, Shard};
use mosquitto_auth::acl::Access;

impl Shard {
    /// The connection of a session was lost. Its will is due now, or after its delay, or with the end of the session,
    /// whichever comes first `[MQTT-3.1.3-9]`.
    pub(crate) fn schedule_will(&mut self, slot: u32) {
        let Some(session) = self.home.sessions.get_mut(slot) else { return };
        let Some(will) = &session.will else { return };
        if will.delay_s == 0 || session.expiry_s == 0 {
            self.publish_will(slot);
            return;
        }
        let at = self.home.now.plus_s(will.delay_s);
        session.will_at = Due::at(at);
        self.home.timers.set(at, Timer::Will(slot));
    }

    /// Publishes the will of a session, if it has one still `[MQTT-3.1.2-8]`, and forgets it `[MQTT-3.1.2-10]`.
    pub(crate) fn publish_will(&mut self, slot: u32) {
        self.cancel_will_timer(slot);
        let origin = self.origin(slot);
        let Some(will) = self.home.sessions.get_mut(slot).and_then(|session| session.will.take()) else { return };
        let StoredWill { message, expiry_s, .. } = *will;
        let topic = message.view().topic;
        if !allowed_to_publish(topic) || !self.home.may(slot, Access::Write, topic) {
            return;
        }
        let expires_at = self.expiry(expiry_s);
        let mut retain = message.view().retain;
        if retain && self.home.memory_full && !self.is_retained(message.view().topic) {
            // Clients with a session may come and go, each time with another will.
            retain = false;
            self.home.drop_for(slot, DropReason::MemoryLimit);
        }
        // Its lifetime begins now, and so does its being stored.
        let mut outgoing = Outgoing::new(MessageRef { retain, expires_at, ..message.view() });
        // Nobody could hold it back: it goes also to a shard that has much mail.
        let way = self.way_for(&outgoing.view);
        self.route(way, &mut outgoing, origin);
    }

    /// Forgets the will of a session.
    pub(crate) fn drop_will(&mut self, slot: u32) {
        self.cancel_will_timer(slot);
        if let Some(session) = self.home.sessions.get_mut(slot) {
            session.will = None;
        }
    }

    fn cancel_will_timer(&mut self, slot: u32) {
        if let Some(at) = self.home.sessions.get_mut(slot).and_then(|session| session.will_at.take()) {
            self.home.timers.cancel(at, Timer::Will(slot));
        }
    }
}
