//! What one shard sends another: the messages of a tick for sessions that live there.
//!
//! A batch is filled while a tick runs and handed over whole at its end. Small messages are copied into the batch's own
//! buffer, so that a message costs neither an allocation nor an atomic operation; large ones are shared. The targets of
//! a topic are written once for all messages of that topic that follow each other in a batch.

use crate::Moment;
use crate::message::{Message, MessageRef, Outgoing};
use crate::subscriber::Subscriber;
use mosquitto_mqtt::QoS;
use std::ops::Range;

/// Payloads of at least this many bytes are stored once and shared rather than copied for each who gets them.
pub(crate) const SHARED_PAYLOAD_BYTES: usize = 4096;

/// The most bytes that wait for another shard before publishers to it are held back.
const OUTBOX_BYTES: usize = 4 * 1024 * 1024;

/// The most messages that wait for another shard before publishers to it are held back.
const OUTBOX_MESSAGES: usize = 32 * 1024;

/// The most deliveries that wait for another shard before publishers to it are held back. The letters of one topic share
/// their targets, so few bytes may ask for any number of them; this bounds what reading a batch costs.
const OUTBOX_DELIVERIES: usize = 128 * 1024;

/// Bytes that an empty batch may keep room for.
const KEPT_BYTES: usize = 1024 * 1024;

/// The messages of a tick from one shard to another.
#[derive(Debug, Default)]
pub struct Mail {
    letters: Vec<Letter>,
    targets: Vec<Subscriber>,
    /// Where targets stand that were picked from a group, in order.
    picked: Vec<u32>,
    bytes: Vec<u8>,
    /// Payload bytes that are shared, not copied.
    shared_bytes: usize,
    /// The targets of all letters.
    deliveries: usize,
    /// The generation of the subscription tree in which the oldest target was found.
    generation: u64,
    /// Whether its sender has begun to hand over its sessions.
    announces_hand_over: bool,
}

#[derive(Debug)]
struct Letter {
    targets: Range<u32>,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Copied {
        at: u32,
        number: u64,
        topic_len: u16,
        properties_len: u32,
        payload_len: u32,
        qos: QoS,
        retain: bool,
        expires_at: Moment,
    },
    Shared(Message),
}

impl Mail {
    /// Whether there is nothing in it: neither a message nor a word of its sender.
    pub fn is_empty(&self) -> bool {
        self.letters.is_empty() && !self.announces_hand_over
    }

    /// The number of messages.
    pub fn len(&self) -> usize {
        self.letters.len()
    }

    /// Forgets all messages, and keeps the memory for new ones as far as that is worth it.
    pub(crate) fn clear(&mut self) {
        if self.bytes.capacity() > KEPT_BYTES {
            *self = Self::default();
            return;
        }
        self.letters.clear();
        self.targets.clear();
        self.picked.clear();
        self.bytes.clear();
        self.shared_bytes = 0;
        self.deliveries = 0;
        self.announces_hand_over = false;
    }

    /// Says that its sender has begun to hand over its sessions.
    pub(crate) fn announce_hand_over(&mut self) {
        self.announces_hand_over = true;
    }

    pub(crate) fn announces_hand_over(&self) -> bool {
        self.announces_hand_over
    }

    pub(crate) fn is_full(&self) -> bool {
        let bytes = self.bytes.len() + self.shared_bytes + size_of_val(self.targets.as_slice());
        bytes >= OUTBOX_BYTES || self.letters.len() >= OUTBOX_MESSAGES || self.deliveries >= OUTBOX_DELIVERIES
    }

    /// The least generation of the subscription tree that any target comes from.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// Writes targets down; the range is good for messages of this batch.
    pub(crate) fn address(&mut self, targets: &[Subscriber], generation: u64) -> Range<u32> {
        self.generation = if self.targets.is_empty() { generation } else { self.generation.min(generation) };
        let start = self.targets.len() as u32;
        self.targets.extend_from_slice(targets);
        start..self.targets.len() as u32
    }

    /// Writes down the one member of a group that gets a message.
    pub(crate) fn address_member(&mut self, member: Subscriber, generation: u64) -> Range<u32> {
        let range = self.address(&[member], generation);
        self.picked.push(range.start);
        range
    }

    /// Whether the targets that stand there are a member of a group, rather than who subscribes by itself.
    pub(crate) fn is_member(&self, start: u32) -> bool {
        self.picked.binary_search(&start).is_ok()
    }

    pub(crate) fn push(&mut self, targets: Range<u32>, outgoing: &mut Outgoing<'_>) {
        let view = outgoing.view;
        let content = if view.payload.len() >= SHARED_PAYLOAD_BYTES {
            self.shared_bytes += view.payload.len();
            Content::Shared(outgoing.stored())
        } else {
            let at = self.bytes.len() as u32;
            self.bytes.extend_from_slice(view.topic);
            self.bytes.extend_from_slice(view.properties);
            self.bytes.extend_from_slice(view.payload);
            Content::Copied {
                at,
                number: view.number,
                topic_len: view.topic.len() as u16,
                properties_len: view.properties.len() as u32,
                payload_len: view.payload.len() as u32,
                qos: view.qos,
                retain: view.retain,
                expires_at: view.expires_at,
            }
        };
        self.deliveries += targets.len();
        self.letters.push(Letter { targets, content });
    }

    /// The messages in the order in which they were sent, each with its targets and where these stand. Messages whose
    /// targets stand at the same place have the same topic.
    pub(crate) fn letters(&self) -> impl Iterator<Item = (Outgoing<'_>, u32, &[Subscriber])> {
        self.letters.iter().map(|letter| {
            let Range { start, end } = letter.targets;
            (self.outgoing(&letter.content), start, self.targets.get(start as usize..end as usize).unwrap_or_default())
        })
    }

    fn outgoing<'a>(&'a self, content: &'a Content) -> Outgoing<'a> {
        match content {
            Content::Shared(message) => Outgoing::of(message),
            &Content::Copied { at, number, topic_len, properties_len, payload_len, qos, retain, expires_at } => {
                let bytes = self.bytes.get(at as usize..).unwrap_or_default();
                let (topic, bytes) = bytes.split_at_checked(usize::from(topic_len)).unwrap_or_default();
                let (properties, bytes) = bytes.split_at_checked(properties_len as usize).unwrap_or_default();
                let payload = bytes.get(..payload_len as usize).unwrap_or_default();
                Outgoing::new(MessageRef { number, topic, properties, payload, qos, retain, expires_at })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ShardId;
    use crate::id::SessionId;
    use crate::subscriber::Grant;
    use mosquitto_mqtt::packet::SubscriptionOptions;

    #[test]
    fn deliveries_fill_a_batch_whose_letters_share_their_targets() {
        let grant = Grant::new(SubscriptionOptions::qos(QoS::AtMostOnce), 0);
        let target = Subscriber::new(ShardId(1), SessionId { slot: 0, epoch: 0 }, grant);
        let (topic, properties, payload, expires_at) = (&b"t"[..], &b""[..], &b"x"[..], Moment::NEVER);
        let message =
            MessageRef { number: 0, topic, properties, payload, qos: QoS::AtMostOnce, retain: false, expires_at };
        let mut mail = Mail::default();
        for _ in 0..2 {
            let targets = mail.address(&[target; 1024], 1);
            for _ in 0..128 {
                assert!(!mail.is_full());
                mail.push(targets.clone(), &mut Outgoing::new(message));
            }
            assert!(mail.is_full());
            mail.clear();
        }
    }
}
