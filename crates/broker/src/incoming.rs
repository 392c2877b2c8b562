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
    /// The greater, the later it came.
    turn: u64,
}

/// By packet identifier, and how many there have been.
#[derive(Debug, Default)]
struct Kept {
    messages: HashMap<u16, Incoming, foldhash::fast::RandomState>,
    turns: u64,
}

/// The messages of one session that are not released yet, by packet identifier.
#[derive(Debug, Default)]
pub(crate) struct IncomingMessages {
    /// None before the first one: most clients never send any.
    kept: Option<Box<Kept>>,
    bytes: usize,
}

impl IncomingMessages {
    /// A new connection: that messages are repeated on each is the client's duty `[MQTT-4.4.0-1]`.
    pub(crate) fn connect(&mut self) {
        for incoming in self.kept.iter_mut().flat_map(|kept| kept.messages.values_mut()) {
            incoming.repetitions = 0;
        }
    }

    /// Whether one more is too many where `window` are allowed (0: any number).
    pub(crate) fn is_full(&self, window: usize) -> bool {
        (window > 0 && self.len() >= window) || self.bytes >= BYTES_MAX
    }

    /// Messages that are not released yet.
    pub(crate) fn len(&self) -> usize {
        self.kept.as_ref().map_or(0, |kept| kept.messages.len())
    }

    /// Keeps a message, in place of another one with its identifier.
    pub(crate) fn insert(&mut self, packet_id: u16, message: Message) {
        self.remove(packet_id);
        self.bytes += message.bytes().len();
        let kept = self.kept.get_or_insert_default();
        kept.turns += 1;
        kept.messages.insert(packet_id, Incoming { message, repetitions: 0, turn: kept.turns });
    }

    pub(crate) fn get(&self, packet_id: u16) -> Option<&Message> {
        self.kept.as_ref()?.messages.get(&packet_id).map(|incoming| &incoming.message)
    }

    pub(crate) fn get_mut(&mut self, packet_id: u16) -> Option<&mut Incoming> {
        self.kept.as_mut()?.messages.get_mut(&packet_id)
    }

    /// The packet identifiers of all, in the order in which they came.
    pub(crate) fn identifiers(&self) -> Vec<u16> {
        let kept = self.kept.iter().flat_map(|kept| &kept.messages);
        let mut turns: Vec<_> = kept.map(|(packet_id, incoming)| (incoming.turn, *packet_id)).collect();
        turns.sort_unstable();
        turns.into_iter().map(|(_, packet_id)| packet_id).collect()
    }

    /// Returns whether there was one.
    pub(crate) fn remove(&mut self, packet_id: u16) -> bool {
        let removed = self.kept.as_mut().and_then(|kept| kept.messages.remove(&packet_id));
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
    fn identifiers_are_told_in_the_order_in_which_messages_came() {
        // [MQTT-4.6.0-1]
        let mut incoming = IncomingMessages::default();
        let order = [7, 300, 2, 65_535, 1, 90, 41, 5];
        [41].iter().chain(&order).for_each(|packet_id| incoming.insert(*packet_id, message(b"")));
        assert_eq!(incoming.identifiers(), order);
        incoming.remove(300);
        incoming.insert(300, message(b""));
        assert_eq!(incoming.identifiers(), [7, 2, 65_535, 1, 90, 41, 5, 300]);
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
