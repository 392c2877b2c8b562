//! What the broker itself publishes: the topics under `$SYS`, and lines of its log.

use crate::Shard;
use crate::message::{MessageRef, Outgoing};
use mosquitto_mqtt::QoS;

/// A message of the broker's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// A valid topic name, which may begin with `$`.
    pub topic: Box<str>,
    /// The payload.
    pub payload: Box<[u8]>,
    /// The QoS it is published at.
    pub qos: QoS,
    /// Whether it is retained; where `retain_available` is false it is not.
    pub retain: bool,
    /// Seconds after which it is not worth delivering any more; none: never.
    pub expiry_s: Option<u32>,
}

impl Shard {
    /// Publishes a message of the broker's own. False where another shard cannot take more mail now: then nothing has
    /// happened, and it may be tried again in the next tick. To be called between [`begin`](Self::begin) and
    /// [`end`](Self::end).
    pub fn publish_own(&mut self, publication: &Publication) -> bool {
        let message = MessageRef {
            number: 0,
            topic: publication.topic.as_bytes(),
            properties: &[],
            payload: &publication.payload,
            qos: publication.qos,
            retain: publication.retain && self.home.settings.retain_available,
            expires_at: self.expiry(publication.expiry_s),
        };
        let way = self.way_for(&message);
        if self.must_wait(way) {
            return false;
        }
        self.route(way, &mut Outgoing::new(message), None);
        true
    }
}
