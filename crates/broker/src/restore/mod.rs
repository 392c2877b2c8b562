//! What outlives the broker, put together again: from the values of a snapshot, and from the changes made since it was
//! begun.
//!
//! A snapshot is taken while the broker runs, so each part of it is as old as the moment in which it was copied, and the
//! changes that are replayed over it are partly in it already. Why that comes out right:
//!
//! - Copies of a message in a session's queue leave it from the front when they go out. So where a message is published to
//!   a session that has some copies of it already, those that are missing go before the others; what follows takes them
//!   away again. Whether one that is in flight already is one of these is told when it is launched: a retained message may
//!   come on top.
//! - What is in flight is known by message and packet identifier together. Launched again it stays what it is; what is
//!   over and launched once more is finished once more. It may be launched by one shard before the frame of another one
//!   comes that tells what it is, where it is retained.
//! - Keys of sessions are given in ascending order within a shard. So records of a session that was over when the
//!   snapshot was taken are known by its key, and say nothing.
//! - All changes of retained messages have serial numbers, and the snapshot says up to which of them it holds all.

mod install;
mod queue;
mod replay;
mod session;

use crate::access::Source;
use crate::message::{Message, MessageRef};
use crate::window::Awaiting;
use crate::{KeptMessage, Moment, Publisher, SessionKey, Settings};
use foldhash::fast::RandomState;
use hashbrown::hash_table::Entry;
use hashbrown::{HashMap, HashTable};
use mosquitto_mqtt::{QoS, SharedFilter, TopicName, valid_text};
use queue::Delivery;
use session::{Flight, Presence, Session};
use std::hash::BuildHasher;
use std::sync::Arc;

pub use install::Restored;

type Map<K, V> = HashMap<K, V, RandomState>;

/// A message of more bytes than this fits into no packet.
const MESSAGE_BYTES_MAX: usize = 268_435_455 - 70_000;

/// In place of a message that its client has for good, a snapshot has an empty one, since files of Mosquitto want one.
/// This bit tells its number from the real one's.
pub const STAND_IN: u64 = 1 << 63;

/// How far a message has come, on its way to a client or from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// QoS 2 from the client, not released yet.
    Incoming,
    /// QoS 1 to the client, in flight.
    PubAck,
    /// QoS 2 to the client, in flight.
    PubRec,
    /// QoS 2 to the client, which has it for good.
    PubComp,
    /// To the client, not in flight yet.
    Queued,
}

/// What a snapshot says about a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptSession<'a> {
    /// Its client.
    pub client_id: &'a str,
    /// Its user name.
    pub username: Option<&'a str>,
    /// The port of the listener that it came through; 0: none is known.
    pub listener_port: u16,
    /// Seconds for which the session outlives the connection, as the client says; `u32::MAX`: for ever.
    pub expiry_s: u32,
    /// When it ends, where its client has left: milliseconds on the wall clock.
    pub ends_at_ms: Option<u64>,
    /// The packet identifier that was given last; 0: none yet.
    pub last_packet_id: u16,
}

/// What a snapshot says about a session's message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptDelivery {
    /// The message.
    pub number: u64,
    /// The packet identifier; 0: none yet.
    pub packet_id: u16,
    /// The QoS between the client and the broker.
    pub qos: QoS,
    /// Whether it goes out with RETAIN set.
    pub retain: bool,
    /// The Subscription Identifier; 0: none.
    pub identifier: u32,
    /// How far it has come.
    pub stage: Stage,
}

/// What could not be used, and was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Skipped {
    /// Messages with a topic that is none, too large for any packet, or with a number that another one has.
    pub messages: u64,
    /// That a session has a message, or that one is retained, where nobody knows that message; two in flight with the same
    /// packet identifier.
    pub unknown: u64,
    /// Subscriptions with a filter that is none.
    pub subscriptions: u64,
    /// Sessions without a client id.
    pub sessions: u64,
    /// Frames with bytes that are no record. What stands behind these in the same frame was left out as well.
    pub frames: u64,
}

/// A state of the broker that is put together.
///
/// First the values of a snapshot, if there is one: [`message`](Self::message) before what refers to it, in any order
/// otherwise. Then the changes: the table that belongs to the snapshot by [`known`](Self::known), and all frames since it was
/// begun, in their order, by [`frame`](Self::frame) and [`boot`](Self::boot). Then [`install`](Self::install).
///
/// Whatever comes, it does not panic; what cannot be used is left out and counted.
#[derive(Debug)]
pub struct Restore {
    settings: Arc<Settings>,
    now: Moment,
    /// The wall clock at the moment 0, in milliseconds.
    epoch_ms: u64,
    messages: Map<u64, Kept>,
    next_number: u64,
    sessions: Vec<Option<Session>>,
    /// Where the session of a client is, behind the hash of its name.
    by_client_id: HashTable<(u64, usize)>,
    hasher: RandomState,
    keys: replay::Keys,
    /// Sessions that have messages in flight that are not known yet, by the number of these.
    early: Map<u64, Vec<SessionKey>>,
    retained: RetainedMessages,
    /// The publisher that was met last.
    source: Option<Arc<Source>>,
    skipped: Skipped,
    replayed: replay::Progress,
}

/// A message that is known by its number.
#[derive(Debug)]
struct Kept {
    message: Message,
    /// Who published it, where that is asked for.
    source: Option<Arc<Source>>,
    /// The frame that spoke of it last.
    frame: u32,
}

/// What is retained, by topic.
#[derive(Debug, Default)]
struct RetainedMessages {
    /// In the order in which they came, in which they also lie in memory.
    topics: Vec<RetainedTopic>,
    places: HashTable<usize>,
    hasher: RandomState,
    /// All changes up to this one were made before.
    up_to: u64,
    /// The greatest serial number that was met.
    greatest: u64,
}

#[derive(Debug)]
struct RetainedTopic {
    /// Of its name.
    hash: u64,
    serial: u64,
    state: RetainedState,
}

#[derive(Debug)]
enum RetainedState {
    Set(Message, Option<Arc<Source>>),
    Cleared(Box<[u8]>),
}

impl RetainedTopic {
    fn topic(&self) -> &[u8] {
        match &self.state {
            RetainedState::Set(message, _) => message.view().topic,
            RetainedState::Cleared(topic) => topic,
        }
    }
}

impl RetainedMessages {
    /// A change with this serial number.
    fn change(&mut self, serial: u64, state: RetainedState) {
        self.greatest = self.greatest.max(serial);
        let mut new = RetainedTopic { hash: 0, serial, state };
        new.hash = self.hasher.hash_one(new.topic());
        let topics = &mut self.topics;
        let is =
            |&at: &usize| topics.get(at).is_some_and(|other| other.hash == new.hash && other.topic() == new.topic());
        match self.places.entry(new.hash, is, |&at| topics.get(at).map_or(0, |topic| topic.hash)) {
            Entry::Occupied(place) => {
                if let Some(there) = topics.get_mut(*place.get()).filter(|there| there.serial <= serial) {
                    *there = new;
                }
            }
            Entry::Vacant(place) => {
                place.insert(topics.len());
                topics.push(new);
            }
        }
    }
}

impl Restore {
    /// Nothing yet, for a broker with these settings that begins `now`. `epoch_ms` is the wall clock at the moment 0, in
    /// milliseconds since 1970.
    pub fn new(settings: Arc<Settings>, epoch_ms: u64, now: Moment) -> Self {
        Self {
            settings,
            now,
            epoch_ms,
            messages: HashMap::default(),
            next_number: 1,
            sessions: Vec::new(),
            by_client_id: HashTable::new(),
            hasher: RandomState::default(),
            keys: replay::Keys::default(),
            early: HashMap::default(),
            retained: RetainedMessages::default(),
            source: None,
            skipped: Skipped::default(),
            replayed: replay::Progress::default(),
        }
    }

    /// The moment of a time on the wall clock, in milliseconds since 1970. What lies before the moment 0 counts as it.
    pub fn moment(&self, wall_ms: u64) -> Moment {
        Moment(wall_ms.saturating_sub(self.epoch_ms))
    }

    /// What was left out so far.
    pub fn skipped(&self) -> Skipped {
        self.skipped
    }

    /// Numbers up to this one were given away.
    pub fn number_used(&mut self, number: u64) {
        self.next_number = self.next_number.max((number & !STAND_IN).saturating_add(1));
    }

    /// A message; `expires_at` is a [`moment`](Self::moment) of this broker.
    pub fn message(&mut self, message: KeptMessage<'_>, publisher: Option<Publisher<'_>>) {
        let source = publisher.and_then(|publisher| self.source(publisher));
        if self.messages.contains_key(&message.number) || self.keep(message, source).is_none() {
            self.skipped.messages += 1;
        }
    }

    /// Keeps a message under its number, unless it is none.
    fn keep(&mut self, message: KeptMessage<'_>, source: Option<Arc<Source>>) -> Option<Message> {
        let KeptMessage { number, topic, properties, payload, qos, retain, expires_at } = message;
        let bytes = topic.len() + properties.len() + payload.len();
        let is_topic = TopicName::new(topic).is_ok() && valid_text(topic.as_bytes()).is_some();
        if number == 0 || !is_topic || bytes > MESSAGE_BYTES_MAX {
            return None;
        }
        let topic = topic.as_bytes();
        self.replayed.fresh_bytes += bytes;
        let stored = Message::store(MessageRef { number, topic, properties, payload, qos, retain, expires_at });
        self.number_used(number);
        let frame = self.replayed.frame;
        self.messages.insert(number, Kept { message: stored.clone(), source, frame });
        if !self.early.is_empty() {
            self.found(&stored);
        }
        Some(stored)
    }

    /// Who published something, where that is asked for. Of several messages in a row from the same client it is kept once.
    fn source(&mut self, publisher: Publisher<'_>) -> Option<Arc<Source>> {
        if !self.settings.check_retain_source || publisher.client_id.is_empty() {
            return None;
        }
        match &self.source {
            Some(source) if source.publisher() == publisher => {}
            _ => self.source = Some(Arc::new(Source::new(&self.settings, publisher))),
        }
        self.source.clone()
    }

    /// A session.
    pub fn session(&mut self, session: KeptSession<'_>) {
        if session.client_id.is_empty() {
            self.skipped.sessions += 1;
            return;
        }
        // Its messages may have come first.
        let at = self.find_or_create(session.client_id);
        let Some(kept) = self.sessions.get_mut(at).and_then(Option::as_mut) else { return };
        if std::mem::replace(&mut kept.is_told_of, true) {
            // The client has begun another one while the first was half handed over.
            kept.messages = None;
            kept.subscriptions.clear();
        }
        kept.username = session.username.map(Into::into);
        kept.listener_port = session.listener_port;
        kept.expiry_s = session.expiry_s;
        kept.presence = session.ends_at_ms.map_or(Presence::Here, Presence::Until);
        if session.last_packet_id != 0 {
            let messages = kept.messages();
            if !messages.has_queued_id {
                messages.last_id = session.last_packet_id;
            }
        }
    }

    /// A subscription. `filter` is with mount point and `$share/GROUP/`, `options` are those of MQTT 5 (3.8.3.1).
    pub fn subscription(&mut self, client_id: &str, filter: &str, options: u8, identifier: u32) {
        if client_id.is_empty() || SharedFilter::new(filter).is_err() || QoS::from_bits(options & 3).is_none() {
            self.skipped.subscriptions += 1;
            return;
        }
        let at = self.find_or_create(client_id);
        if let Some(session) = self.sessions.get_mut(at).and_then(Option::as_mut) {
            session.subscriptions.insert(filter.into(), (options, identifier));
        }
    }

    /// That a session has a message. Where the session is not known yet, it is made.
    pub fn delivery(&mut self, client_id: &str, kept: KeptDelivery) {
        let KeptDelivery { number, packet_id, qos, retain, identifier, stage } = kept;
        let message = self.messages.get(&number).map(|kept| kept.message.clone());
        let has_message = message.is_some() || stage == Stage::PubComp;
        if client_id.is_empty() || !has_message || (packet_id == 0 && stage != Stage::Queued) {
            self.skipped.unknown += 1;
            return;
        }
        let at = self.find_or_create(client_id);
        let Some(session) = self.sessions.get_mut(at).and_then(Option::as_mut) else { return };
        let (messages, delivery) = (session.messages(), Delivery { identifier, qos, retain });
        let awaiting = match (stage, message) {
            (Stage::Incoming, Some(message)) => {
                messages.incoming.insert(packet_id, message);
                return;
            }
            (Stage::Queued, Some(message)) => {
                if packet_id != 0 && qos != QoS::AtMostOnce && !messages.has_queued_id {
                    // Mosquitto gives identifiers when it queues; here the first of the queue gets the next one.
                    messages.has_queued_id = true;
                    messages.last_id = packet_id - 1;
                }
                messages.queue.push(&message, delivery);
                return;
            }
            (Stage::PubComp, _) => {
                messages.queue.take_first(number & !STAND_IN, delivery);
                let awaiting = Awaiting::PubComp;
                let flight = Flight { packet_id, awaiting, delivery, message: None, is_extra: false };
                messages.in_flight.entry(number & !STAND_IN).or_default().push(flight);
                return;
            }
            (Stage::PubRec, _) => Awaiting::PubRec,
            (Stage::PubAck, _) => Awaiting::PubAck,
            (Stage::Incoming | Stage::Queued, None) => return,
        };
        // What is in flight stands in front of what is queued, unless it went out while the session was handed over.
        messages.queue.take_first(number, delivery);
        let message = self.messages.get(&number).map(|kept| kept.message.clone());
        let flight = Flight { packet_id, awaiting, delivery, message, is_extra: false };
        messages.in_flight.entry(number).or_default().push(flight);
    }

    /// That a message is retained.
    pub fn retained(&mut self, number: u64) {
        let Some(Kept { message, source, .. }) = self.messages.get(&number) else {
            self.skipped.unknown += 1;
            return;
        };
        // What the broker says about itself it says anew.
        if !message.view().topic.starts_with(b"$SYS/") {
            self.retained.change(0, RetainedState::Set(message.clone(), source.clone()));
        }
    }

    /// The session of a client; where there is none, one that never ends, as in Mosquitto.
    fn find_or_create(&mut self, client_id: &str) -> usize {
        self.find(client_id).unwrap_or_else(|| self.create(client_id, u32::MAX))
    }

    /// Where the session of a client is.
    fn find(&self, client_id: &str) -> Option<usize> {
        let hash = self.hasher.hash_one(client_id);
        let has_name = |at| session_at(&self.sessions, at).is_some_and(|session| &*session.client_id == client_id);
        let found = self.by_client_id.find(hash, |&(other, at)| other == hash && has_name(at));
        found.map(|&(_, at)| at)
    }

    fn create(&mut self, client_id: &str, expiry_s: u32) -> usize {
        let at = self.sessions.len();
        self.sessions.push(Some(Session::new(client_id, expiry_s)));
        let hash = self.hasher.hash_one(client_id);
        self.by_client_id.insert_unique(hash, (hash, at), |&(hash, _)| hash);
        at
    }
}

fn session_at(sessions: &[Option<Session>], at: usize) -> Option<&Session> {
    sessions.get(at).and_then(Option::as_ref)
}
