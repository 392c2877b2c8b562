//! What changes of the state that outlives the broker, as records: values to bytes and back.
//!
//! A shard writes them down while it works; whoever keeps them keeps those of a tick together, all or none. Played back in
//! order over the state that a snapshot holds, they give the state at their end: also where the snapshot was taken while
//! some of them were made, since each says which message it is about, and saying it twice changes nothing.
//!
//! # Bytes
//!
//! A record is its kind, one byte, and its fields in the order of [`Change`]'s variants. Integers are little-endian; a
//! `str` has its length in front, as u16; properties and payload likewise, as u32; lists as u32. A session is shard (u16),
//! slot (u32) and epoch (u32); a [`Moment`] is a u64; what may be missing has a byte 0 or 1 in front.

use crate::message::MessageRef;
use crate::{Moment, ShardId};
use mosquitto_mqtt::QoS;

/// A session within one run of the broker: its shard, its place there, and which of all that had this place it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionKey {
    /// Its home.
    pub shard: ShardId,
    /// Its place there.
    pub slot: u32,
    /// Which of all that had this place.
    pub epoch: u32,
}

/// Who published a message, where retained messages are held back by that (`check_retain_source`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Publisher<'a> {
    /// Its client id; empty: the broker itself.
    pub client_id: &'a str,
    /// Its user name.
    pub username: Option<&'a str>,
    /// The port of the listener that it came through; 0: none is known.
    pub listener_port: u16,
}

/// A message that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptMessage<'a> {
    /// What other records call it: never used twice, and never 0.
    pub number: u64,
    /// The topic, mount point included.
    pub topic: &'a str,
    /// The bytes of the properties that go on to subscribers, without their length.
    pub properties: &'a [u8],
    /// The payload.
    pub payload: &'a [u8],
    /// As it was published.
    pub qos: QoS,
    /// As it was published.
    pub retain: bool,
    /// When it is not worth delivering any more; [`Moment::NEVER`] if it always is.
    pub expires_at: Moment,
}

/// One session that is to get a message, by one of its subscriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The session.
    pub session: SessionKey,
    /// The QoS at which it gets it.
    pub qos: QoS,
    /// Whether it goes out with RETAIN set.
    pub retain: bool,
    /// The Subscription Identifier; 0: none.
    pub identifier: u32,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change<'a> {
    /// That this key means the session of this client, which is there already.
    Known {
        /// The session.
        session: SessionKey,
        /// Its client.
        client_id: &'a str,
    },
    /// A client has connected: its session is new, where the key is, or goes on.
    Connected {
        /// The session.
        session: SessionKey,
        /// Its client.
        client_id: &'a str,
        /// Its user name.
        username: Option<&'a str>,
        /// The port of the listener that it came through; 0: none is known.
        listener_port: u16,
        /// Seconds for which the session outlives the connection, as the client says; `u32::MAX`: for ever.
        expiry_s: u32,
    },
    /// Its connection is gone.
    Left {
        /// The session.
        session: SessionKey,
        /// Since when.
        at: Moment,
        /// Seconds for which the session outlives it, as its client said last.
        expiry_s: u32,
    },
    /// The session is gone, with all that it had.
    Ended {
        /// The session.
        session: SessionKey,
    },
    /// A subscription was made, or takes the place of the one with the same filter.
    Subscribed {
        /// The session.
        session: SessionKey,
        /// The filter, mount point and `$share/GROUP/` included.
        filter: &'a str,
        /// The Subscription Options of MQTT 5 as a byte (3.8.3.1).
        options: u8,
        /// The Subscription Identifier; 0: none.
        identifier: u32,
    },
    /// A subscription was taken back.
    Unsubscribed {
        /// The session.
        session: SessionKey,
        /// The filter, as in [`Subscribed`](Self::Subscribed).
        filter: &'a str,
    },
    /// A message was published: each target has it at the end of its queue. Without targets it is just known from now on.
    Published {
        /// The message.
        message: KeptMessage<'a>,
        /// Who gets it; a session may be there more than once.
        targets: Vec<Target>,
    },
    /// A message is in flight towards a client: one that it has in its queue, or a known one that it gets for another reason.
    Launched {
        /// The target; its session's queue has it no longer.
        target: Target,
        /// The message.
        message: u64,
        /// The packet identifier.
        packet_id: u16,
    },
    /// The client has a QoS 2 message: what is left is PUBREL and PUBCOMP.
    HandedOver {
        /// The session.
        session: SessionKey,
        /// The message.
        message: u64,
        /// Its packet identifier.
        packet_id: u16,
    },
    /// A message in flight is so no longer.
    Finished {
        /// The session.
        session: SessionKey,
        /// The message.
        message: u64,
        /// Its packet identifier.
        packet_id: u16,
    },
    /// A target does not get a message: the last of those that its session has in its queue under this number.
    Dropped {
        /// The session.
        session: SessionKey,
        /// The message.
        message: u64,
    },
    /// A QoS 2 message came from a client, and is kept until PUBREL; in place of one with the same packet identifier.
    Came {
        /// The session.
        session: SessionKey,
        /// The packet identifier.
        packet_id: u16,
        /// The message.
        message: KeptMessage<'a>,
    },
    /// It was released, or is not waited for any more.
    Released {
        /// The session.
        session: SessionKey,
        /// The packet identifier.
        packet_id: u16,
    },
    /// A known message is its topic's retained one.
    Retained {
        /// Which of all changes of retained messages: where two are about one topic, the greater holds.
        serial: u64,
        /// The message.
        message: u64,
        /// Who published it, where that is asked for.
        publisher: Option<Publisher<'a>>,
    },
    /// In the state that a snapshot holds, all changes of retained messages up to this one are made.
    RetainedUpTo {
        /// As in [`Retained`](Self::Retained).
        serial: u64,
    },
    /// A topic has no retained message.
    Cleared {
        /// As in [`Retained`](Self::Retained).
        serial: u64,
        /// The topic.
        topic: &'a str,
    },
}

const KNOWN: u8 = 1;
const CONNECTED: u8 = 2;
const LEFT: u8 = 3;
const ENDED: u8 = 4;
const SUBSCRIBED: u8 = 5;
const UNSUBSCRIBED: u8 = 6;
const PUBLISHED: u8 = 7;
const LAUNCHED: u8 = 8;
const HANDED_OVER: u8 = 9;
const FINISHED: u8 = 10;
const DROPPED: u8 = 11;
const CAME: u8 = 12;
const RELEASED: u8 = 13;
const RETAINED: u8 = 14;
const CLEARED: u8 = 15;
const RETAINED_UP_TO: u8 = 16;

/// The bytes of a message besides its topic, properties and payload, and those of the record around it.
const MESSAGE_BYTES: usize = 8 + 8 + 1 + 2 + 4 + 4 + 32;

/// The bytes of a target.
const TARGET_BYTES: usize = 10 + 1 + 4;

impl<'a> Change<'a> {
    /// Appends the record. Texts longer than 65,535 bytes cannot be: they come from packets.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match *self {
            Change::Known { session, client_id } => {
                begin(out, KNOWN, session);
                put_str(out, client_id);
            }
            Change::Connected { session, client_id, username, listener_port, expiry_s } => {
                begin(out, CONNECTED, session);
                put_str(out, client_id);
                put_option(out, username);
                out.extend_from_slice(&listener_port.to_le_bytes());
                out.extend_from_slice(&expiry_s.to_le_bytes());
            }
            Change::Left { session, at, expiry_s } => {
                begin(out, LEFT, session);
                out.extend_from_slice(&at.0.to_le_bytes());
                out.extend_from_slice(&expiry_s.to_le_bytes());
            }
            Change::Ended { session } => begin(out, ENDED, session),
            Change::Subscribed { session, filter, options, identifier } => {
                begin(out, SUBSCRIBED, session);
                put_str(out, filter);
                out.push(options);
                out.extend_from_slice(&identifier.to_le_bytes());
            }
            Change::Unsubscribed { session, filter } => {
                begin(out, UNSUBSCRIBED, session);
                put_str(out, filter);
            }
            Change::Published { message, ref targets } => {
                let count_at = begin_published(out, &message.into());
                for target in targets {
                    put_target(out, target);
                }
                end_published(out, count_at, targets.len() as u32);
            }
            Change::Launched { target, message, packet_id } => {
                out.push(LAUNCHED);
                put_target(out, &target);
                put_reference(out, message, packet_id);
            }
            Change::HandedOver { session, message, packet_id } => {
                begin(out, HANDED_OVER, session);
                put_reference(out, message, packet_id);
            }
            Change::Finished { session, message, packet_id } => {
                begin(out, FINISHED, session);
                put_reference(out, message, packet_id);
            }
            Change::Dropped { session, message } => {
                begin(out, DROPPED, session);
                out.extend_from_slice(&message.to_le_bytes());
            }
            Change::Came { session, packet_id, message } => put_came(out, session, packet_id, &message.into()),
            Change::Released { session, packet_id } => {
                begin(out, RELEASED, session);
                out.extend_from_slice(&packet_id.to_le_bytes());
            }
            Change::Retained { serial, message, publisher } => put_retained(out, serial, message, publisher),
            Change::RetainedUpTo { serial } => {
                out.push(RETAINED_UP_TO);
                out.extend_from_slice(&serial.to_le_bytes());
            }
            Change::Cleared { serial, topic } => {
                out.push(CLEARED);
                out.extend_from_slice(&serial.to_le_bytes());
                put_str(out, topic);
            }
        }
    }

    /// Takes the first record off `bytes`. None where they do not begin with one; then nothing is taken.
    pub fn decode(bytes: &mut &'a [u8]) -> Option<Change<'a>> {
        let mut rest = Rest(bytes);
        let change = rest.change()?;
        *bytes = rest.0;
        Some(change)
    }
}

fn put_retained(out: &mut Vec<u8>, serial: u64, message: u64, publisher: Option<Publisher<'_>>) {
    out.push(RETAINED);
    out.extend_from_slice(&serial.to_le_bytes());
    out.extend_from_slice(&message.to_le_bytes());
    put_publisher(out, publisher);
}

/// Begins [`Change::Published`], whose targets follow one by one. Returns where their number stands.
pub(crate) fn begin_published(out: &mut Vec<u8>, message: &MessageRef<'_>) -> usize {
    out.push(PUBLISHED);
    put_message(out, message);
    out.extend_from_slice(&[0; 4]);
    out.len() - 4
}

/// There were so many targets.
pub(crate) fn end_published(out: &mut [u8], count_at: usize, targets: u32) {
    if let Some(count) = out.get_mut(count_at..count_at + 4) {
        count.copy_from_slice(&targets.to_le_bytes());
    }
}

/// Appends [`Change::Came`].
pub(crate) fn put_came(out: &mut Vec<u8>, session: SessionKey, packet_id: u16, message: &MessageRef<'_>) {
    begin(out, CAME, session);
    out.extend_from_slice(&packet_id.to_le_bytes());
    put_message(out, message);
}

impl<'a> From<KeptMessage<'a>> for MessageRef<'a> {
    fn from(message: KeptMessage<'a>) -> Self {
        let KeptMessage { number, topic, properties, payload, qos, retain, expires_at } = message;
        MessageRef { number, topic: topic.as_bytes(), properties, payload, qos, retain, expires_at }
    }
}

fn begin(out: &mut Vec<u8>, kind: u8, session: SessionKey) {
    out.push(kind);
    put_session(out, session);
}

fn put_session(out: &mut Vec<u8>, SessionKey { shard, slot, epoch }: SessionKey) {
    out.extend_from_slice(&shard.0.to_le_bytes());
    out.extend_from_slice(&slot.to_le_bytes());
    out.extend_from_slice(&epoch.to_le_bytes());
}

fn put_reference(out: &mut Vec<u8>, message: u64, packet_id: u16) {
    out.extend_from_slice(&message.to_le_bytes());
    out.extend_from_slice(&packet_id.to_le_bytes());
}

fn put_str(out: &mut Vec<u8>, text: &str) {
    put_text(out, text.as_bytes());
}

/// Of a text that is longer than it can be, the rest is left out: so at least all other records can be read.
fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    let text = text.get(..usize::from(u16::MAX)).unwrap_or(text);
    out.extend_from_slice(&(text.len() as u16).to_le_bytes());
    out.extend_from_slice(text);
}

fn put_option(out: &mut Vec<u8>, text: Option<&str>) {
    out.push(text.is_some().into());
    if let Some(text) = text {
        put_str(out, text);
    }
}

fn put_publisher(out: &mut Vec<u8>, publisher: Option<Publisher<'_>>) {
    out.push(publisher.is_some().into());
    if let Some(Publisher { client_id, username, listener_port }) = publisher {
        put_str(out, client_id);
        put_option(out, username);
        out.extend_from_slice(&listener_port.to_le_bytes());
    }
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// QoS in the first two bits, RETAIN in the third.
fn bits(qos: QoS, retain: bool) -> u8 {
    qos.bits() | u8::from(retain) << 2
}

fn put_message(out: &mut Vec<u8>, message: &MessageRef<'_>) {
    out.reserve(message.topic.len() + message.properties.len() + message.payload.len() + MESSAGE_BYTES);
    out.extend_from_slice(&message.number.to_le_bytes());
    out.extend_from_slice(&message.expires_at.0.to_le_bytes());
    out.push(bits(message.qos, message.retain));
    put_text(out, message.topic);
    put_bytes(out, message.properties);
    put_bytes(out, message.payload);
}

pub(crate) fn put_target(out: &mut Vec<u8>, target: &Target) {
    put_session(out, target.session);
    out.push(bits(target.qos, target.retain));
    out.extend_from_slice(&target.identifier.to_le_bytes());
}

/// What is left to decode.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn change(&mut self) -> Option<Change<'a>> {
        Some(match self.u8()? {
            KNOWN => Change::Known { session: self.session()?, client_id: self.str()? },
            CONNECTED => Change::Connected {
                session: self.session()?,
                client_id: self.str()?,
                username: self.option()?,
                listener_port: self.u16()?,
                expiry_s: self.u32()?,
            },
            LEFT => Change::Left { session: self.session()?, at: Moment(self.u64()?), expiry_s: self.u32()? },
            ENDED => Change::Ended { session: self.session()? },
            SUBSCRIBED => Change::Subscribed {
                session: self.session()?,
                filter: self.str()?,
                options: self.u8()?,
                identifier: self.u32()?,
            },
            UNSUBSCRIBED => Change::Unsubscribed { session: self.session()?, filter: self.str()? },
            PUBLISHED => Change::Published { message: self.message()?, targets: self.targets()? },
            LAUNCHED => Change::Launched { target: self.target()?, message: self.u64()?, packet_id: self.u16()? },
            HANDED_OVER => {
                Change::HandedOver { session: self.session()?, message: self.u64()?, packet_id: self.u16()? }
            }
            FINISHED => Change::Finished { session: self.session()?, message: self.u64()?, packet_id: self.u16()? },
            DROPPED => Change::Dropped { session: self.session()?, message: self.u64()? },
            CAME => Change::Came { session: self.session()?, packet_id: self.u16()?, message: self.message()? },
            RELEASED => Change::Released { session: self.session()?, packet_id: self.u16()? },
            RETAINED => Change::Retained { serial: self.u64()?, message: self.u64()?, publisher: self.publisher()? },
            RETAINED_UP_TO => Change::RetainedUpTo { serial: self.u64()? },
            CLEARED => Change::Cleared { serial: self.u64()?, topic: self.str()? },
            _ => return None,
        })
    }

    fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn flag(&mut self) -> Option<bool> {
        match self.u8()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn str(&mut self) -> Option<&'a str> {
        let len = usize::from(self.u16()?);
        std::str::from_utf8(self.bytes(len)?).ok()
    }

    #[allow(clippy::option_option, reason = "the outer one is whether it could be read")]
    fn option(&mut self) -> Option<Option<&'a str>> {
        if self.flag()? { self.str().map(Some) } else { Some(None) }
    }

    fn long(&mut self) -> Option<&'a [u8]> {
        let len = self.u32()? as usize;
        self.bytes(len)
    }

    fn bits(&mut self) -> Option<(QoS, bool)> {
        let bits = self.u8()?;
        let qos = QoS::from_bits(bits & 3).filter(|_| bits < 8)?;
        Some((qos, bits & 4 != 0))
    }

    fn session(&mut self) -> Option<SessionKey> {
        Some(SessionKey { shard: ShardId(self.u16()?), slot: self.u32()?, epoch: self.u32()? })
    }

    fn message(&mut self) -> Option<KeptMessage<'a>> {
        let (number, expires_at) = (self.u64()?, Moment(self.u64()?));
        let (qos, retain) = self.bits()?;
        let (topic, properties, payload) = (self.str()?, self.long()?, self.long()?);
        Some(KeptMessage { number, topic, properties, payload, qos, retain, expires_at })
    }

    fn target(&mut self) -> Option<Target> {
        let session = self.session()?;
        let (qos, retain) = self.bits()?;
        Some(Target { session, qos, retain, identifier: self.u32()? })
    }

    fn targets(&mut self) -> Option<Vec<Target>> {
        let count = self.u32()? as usize;
        // A number that cannot be reserves nothing.
        if count > self.0.len() / TARGET_BYTES {
            return None;
        }
        (0..count).map(|_| self.target()).collect()
    }

    #[allow(clippy::option_option, reason = "the outer one is whether it could be read")]
    fn publisher(&mut self) -> Option<Option<Publisher<'a>>> {
        if !self.flag()? {
            return Some(None);
        }
        let (client_id, username, listener_port) = (self.str()?, self.option()?, self.u16()?);
        Some(Some(Publisher { client_id, username, listener_port }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: SessionKey = SessionKey { shard: ShardId(3), slot: 70_000, epoch: u32::MAX };

    fn all() -> Vec<Change<'static>> {
        let session = SESSION;
        let message = KeptMessage {
            number: 7 << 40,
            topic: "a/b",
            properties: &[0x26, 0, 1, b'k', 0, 1, b'v'],
            payload: b"payload",
            qos: QoS::ExactlyOnce,
            retain: true,
            expires_at: Moment(12_345),
        };
        let target = Target { session, qos: QoS::AtLeastOnce, retain: true, identifier: 268_435_455 };
        let publisher = Publisher { client_id: "p", username: Some("u"), listener_port: 1883 };
        vec![
            Change::Known { session, client_id: "c" },
            Change::Connected { session, client_id: "c", username: None, listener_port: 1, expiry_s: u32::MAX },
            Change::Connected { session, client_id: "c", username: Some("é"), listener_port: 0, expiry_s: 0 },
            Change::Left { session, at: Moment(u64::MAX - 1), expiry_s: 60 },
            Change::Ended { session },
            Change::Subscribed { session, filter: "$share/g/a/#", options: 0x2d, identifier: 9 },
            Change::Unsubscribed { session, filter: "a/#" },
            Change::Published { message, targets: vec![] },
            Change::Published { message, targets: vec![target, Target { identifier: 0, ..target }] },
            Change::Launched { target, message: 8, packet_id: u16::MAX },
            Change::HandedOver { session, message: 8, packet_id: 1 },
            Change::Finished { session, message: 8, packet_id: 1 },
            Change::Dropped { session, message: 8 },
            Change::Came { session, packet_id: 2, message: KeptMessage { properties: b"", payload: b"", ..message } },
            Change::Released { session, packet_id: 2 },
            Change::Retained { serial: 1, message: 8, publisher: None },
            Change::Retained { serial: 2, message: 8, publisher: Some(publisher) },
            Change::RetainedUpTo { serial: 2 },
            Change::Cleared { serial: 3, topic: "a/b" },
        ]
    }

    #[test]
    fn what_is_written_is_read() {
        let mut bytes = Vec::new();
        for change in all() {
            change.encode(&mut bytes);
        }
        let mut rest = &bytes[..];
        let read: Vec<Change<'_>> = std::iter::from_fn(|| Change::decode(&mut rest)).collect();
        assert_eq!(read, all());
        assert!(rest.is_empty());
    }

    #[test]
    fn what_is_cut_or_unknown_is_not_read_and_not_taken() {
        for change in all() {
            let mut bytes = Vec::new();
            change.encode(&mut bytes);
            for len in 0..bytes.len() {
                let mut rest = &bytes[..len];
                assert_eq!((Change::decode(&mut rest), rest.len()), (None, len), "{change:?}");
            }
        }
        for kind in [0, RETAINED_UP_TO + 1, u8::MAX] {
            assert_eq!(Change::decode(&mut &[kind; 100][..]), None);
        }
    }

    #[test]
    fn a_number_of_targets_that_cannot_be_reserves_nothing() {
        let [published] = [&all()[7]];
        let mut bytes = Vec::new();
        published.encode(&mut bytes);
        let at = bytes.len() - 4;
        bytes[at..].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(Change::decode(&mut &bytes[..]), None);
    }
}
