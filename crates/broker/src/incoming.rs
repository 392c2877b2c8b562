//! QoS 2 messages from a client: kept from PUBLISH to PUBREL.

use crate::message::Message;
use hashbrown::HashMap;

/// A session keeps no further message while it keeps this many bytes, whatever `max_inflight_messages` allows.
const BYTES_MAX: usize = 256 * 1024 * 1024;

/// A message that came and is not released yet.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) message: Message,
    /// How often it came again on the present connection.
    pub(crate) repetitions: u8,
}

/// The messages of one session that are not released yet, by packet identifier.
#[derive(Debug, Default)]
pub(crate) struct IncomingMessages {
    /// None before the first one: most clients never send any.
    #[allow(clippy::box_collection, reason = "nearly every session has none, and pays for a pointer only")]
    messages: Option<Box<HashMap<u16, Incoming, foldhash::fast::RandomState>>>,
    bytes: usize,
}

impl IncomingMessages {
    /// A new connection: that messages are repeated on each is the client's duty `[MQTT-4.4.0-1]`.
    pub(crate) fn connect(&mut self) {
        for incoming in self.messages.iter_mut().flat_map(|messages| messages.values_mut()) {
            incoming.repetitions = 0;
        }
    }

    /// Whether one more is too many where `window` are allowed (0: any number).
    pub(crate) fn is_full(&self, window: usize) -> bool {
        (window > 0 && self.len() >= window) || self.bytes >= BYTES_MAX
    }

    /// Messages that are not released yet.
    pub(crate) fn len(&self) -> usize {
        self.messages.as_ref().map_or(0, |messages| messages.len())
    }

    /// Keeps a message, in place of another one with its identifier.
    pub(crate) fn insert(&mut self, packet_id: u16, message: Message) {
        self.remove(packet_id);
        self.bytes += message.bytes().len();
        self.messages.get_or_insert_default().insert(packet_id, Incoming { message, repetitions: 0 });
    }

    pub(crate) fn get(&self, packet_id: u16) -> Option<&Message> {
        self.messages.as_ref()?.get(&packet_id).map(|incoming| &incoming.message)
    }

    pub(crate) fn get_mut(&mut self, packet_id: u16) -> Option<&mut Incoming> {
        self.messages.as_mut()?.get_mut(&packet_id)
    }

    /// The packet identifiers of all, ascending: what is done with them in slices is to be the same each time.
    pub(crate) fn identifiers(&self) -> Vec<u16> {
        let mut all: Vec<u16> = self.messages.iter().flat_map(|messages| messages.keys().copied()).collect();
        all.sort_unstable();
        all
    }

    /// Returns whether there was one.
    pub(crate) fn remove(&mut self, packet_id: u16) -> bool {
        let removed = self.messages.as_mut().and_then(|messages| messages.remove(&packet_id));
        let Some(incoming) = removed else { return false };
        self.bytes -= incoming.message.bytes().len();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Moment;
    use crate::message::MessageRef;
    use mosquitto_mqtt::QoS;

    fn message(payload: &[u8]) -> Message {
        Message::store(MessageRef {
            number: 0,
            topic: b"t",
            properties: b"",
            payload,
            qos: QoS::ExactlyOnce,
            retain: false,
            expires_at: Moment::NEVER,
        })
    }

    #[test]
    fn unreleased_messages_are_named_in_the_same_order_each_time() {
        let mut incoming = IncomingMessages::default();
        (1..=50).rev().for_each(|packet_id| incoming.insert(packet_id, message(b"")));
        assert!(incoming.identifiers().into_iter().eq(1..=50));
    }

    #[test]
    fn a_session_keeps_a_bounded_number_of_bytes() {
        let (mut incoming, large) = (IncomingMessages::default(), message(&vec![0; BYTES_MAX / 4]));
        for packet_id in [1, 2, 3, 3, 4] {
            assert!(!incoming.is_full(0));
            incoming.insert(packet_id, large.clone());
        }
        assert!(incoming.is_full(0));
        incoming.insert(1, message(b"small"));
        assert!(!incoming.is_full(0));
        (1..=4).for_each(|packet_id| assert!(incoming.remove(packet_id)));
        assert_eq!(incoming.bytes, 0);
        incoming.insert(1, message(b""));
        assert!(incoming.is_full(1) && !incoming.is_full(2));
    }
}
