//! What clients publish.

use super::book::Plain;
use super::plan::{LONG, Look, Pattern};
use super::world::World;
use mosquitto_client::mqtt::QoS;
use mosquitto_client::{Moment, Publication};

/// Bytes of a payload that is very large.
const HEAVY: usize = 20_000;

impl World {
    /// A client publishes something. Calmly: something short that has to arrive.
    pub(crate) fn publish(&mut self, calm: bool) {
        let first = self.nodes.len();
        let publisher = first + self.random.below(self.clients.len() - first);
        let qos = self.random.below(3) as u8;
        let retain = self.random.one_in(4);
        let (topic, retain) = self.topic(publisher, qos, retain);
        let len = match self.random.below(24) {
            _ if calm => 8,
            0 | 1 => LONG,
            2..5 if self.is_heavy && qos < 2 => HEAVY,
            _ => 8 + self.random.below(12),
        };
        self.publish_this(publisher, &Look { topic, qos, retain }, len, calm);
    }

    pub(crate) fn publish_this(&mut self, publisher: usize, look: &Look, len: usize, is_calm: bool) {
        let client = &mut self.clients[publisher];
        let qos = QoS::from_bits(look.qos).unwrap_or_default();
        if !client.session.has_room(qos) || (qos == QoS::AtMostOnce && !client.session.is_connected()) {
            return;
        }
        let (origin, breaks) = (client.node, client.breaks);
        let has_bounds = self.settings.max_queued_messages > 0 || self.settings.max_queued_bytes > 0;
        let plain = Plain { publisher, origin, look, len, is_calm, breaks, has_bounds };
        let number = self.book.publish(&self.plans, self.nodes.len(), &plain);
        let mut payload = format!("{number:08}").into_bytes();
        payload.resize(len, b'.');
        let message = Publication { retain: look.retain, ..Publication::new(&look.topic, &payload, qos) };
        // There is room, and the topic is one.
        let _ = self.clients[publisher].session.publish(Moment(self.now), message);
        self.note(|_| format!("client {publisher} of broker {origin} publishes {number}: {look:?}, {len} bytes"));
    }

    /// A topic for a publisher: mostly one that a bridge of its broker is there for. Retained messages have topics that nobody
    /// else uses, and no other QoS, since QoS 0 overtakes; and none of them waits for another line.
    fn topic(&mut self, publisher: usize, qos: u8, retain: bool) -> (String, bool) {
        let node = self.clients[publisher].node;
        if self.random.one_in(20) {
            return ("z/a".to_owned(), false);
        }
        let own: Vec<usize> = (0..self.plans.len()).filter(|plan| self.plans[*plan].other(node).is_some()).collect();
        let plan = if self.random.one_in(8) { self.random.below(self.plans.len()) } else { *self.random.pick(&own) };
        let plan = &self.plans[plan];
        let line = self.random.pick(&plan.lines);
        let is_home = if plan.other(node).is_some() { plan.home == node } else { self.random.one_in(2) };
        let prefix = if is_home { &line.home } else { &line.remote };
        match line.pattern {
            Pattern::One => (prefix.clone(), false),
            _ if retain && line.pattern == Pattern::All => (format!("{prefix}r{publisher}q{qos}"), true),
            Pattern::All => (format!("{prefix}{}", self.random.pick(&["a", "b", "c/d"])), false),
            Pattern::Plus => {
                let level = if retain { format!("r{publisher}q{qos}") } else { "a".to_owned() };
                (format!("{prefix}{level}/{}", self.random.pick(&["x", "x", "x", "y"])), retain)
            }
        }
    }
}
