//! What outlives the broker, handed over bit by bit while it runs: to whoever writes the snapshot.
//!
//! Sessions belong to their shard, so it hands them over itself, some in each tick. The two trees are shared: whoever
//! writes the snapshot takes from them by itself, under a lock for a moment at a time. Everything is handles of messages,
//! no copies.
//!
//! Nothing that changes meanwhile is lost: what is not in the snapshot is in the changes since it was begun. Two things are
//! to be seen to for that. A message that one shard has published before may still be on its way to another one's session:
//! so a shard hands over nothing before it has heard from all others that they have begun, which their mail says. And a
//! message goes from a session's queue to what is in flight while the session is half handed over: so each step begins with
//! what is in flight since the last one.

use crate::access::Source;
use crate::message::Message;
use crate::retained_tree::Retained;
use crate::session::Session;
use crate::subscriber::Subscriber;
use crate::window::Awaiting;
use crate::{Change, KeptMessage, Moment, Publisher, SessionKey, Shard, ShardId, Shared, Stage};
use mosquitto_mqtt::QoS;
use std::sync::Arc;

/// A message that a session has.
#[derive(Debug, Clone)]
pub struct HeldMessage {
    message: Option<Message>,
    /// Its number; 0: it has none.
    pub number: u64,
    /// The packet identifier. Of one that is queued that which it gets if nothing comes in between, 0 at QoS 0.
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

/// What is said of a session first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionHead {
    /// Its user name.
    pub username: Option<Box<str>>,
    /// The port of the listener that its client has come through; 0: none is known.
    pub listener_port: u16,
    /// Seconds for which the session outlives the connection, as the client says; `u32::MAX`: for ever.
    pub expiry_s: u32,
    /// When it ends, where its client has left.
    pub ends_at: Option<Moment>,
    /// The packet identifier that was given last, had those queued got theirs already.
    pub last_packet_id: u16,
}

/// A session, or some more messages of one.
#[derive(Debug, Clone)]
pub struct SessionPart {
    /// What records call it.
    pub key: SessionKey,
    /// Its client.
    pub client_id: Box<str>,
    /// None where the part continues an earlier one.
    pub head: Option<SessionHead>,
    /// Messages, in order.
    pub messages: Vec<HeldMessage>,
}

/// A retained message.
#[derive(Debug, Clone)]
pub struct RetainedPart {
    message: Message,
    source: Option<Arc<Source>>,
}

/// Subscriptions with the same filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptFilter {
    /// With mount point and `$share/GROUP/`.
    pub filter: String,
    /// Who has subscribed.
    pub subscribers: Vec<KeptSubscriber>,
}

/// Who has subscribed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptSubscriber {
    /// The session; it may be one that does not outlive the broker.
    pub session: SessionKey,
    /// The Subscription Options of MQTT 5 as a byte (3.8.3.1), without Retain Handling.
    pub options: u8,
    /// The Subscription Identifier; 0: none.
    pub identifier: u32,
}

/// What comes after a part that was handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slice {
    /// Not all other shards are heard from yet: nothing was handed over.
    Waiting,
    /// There is more.
    More,
    /// That was all.
    Done,
}

/// How far a shard has come.
#[derive(Debug, Default)]
pub(crate) struct HandOver {
    /// How often it has begun, and how often other shards have, as their mail says.
    begun: u64,
    heard: u64,
    /// The place of the session to go on with.
    slot: u32,
    /// Where that is half done.
    within: Option<Within>,
}

/// How far a session has come.
#[derive(Debug)]
struct Within {
    epoch: u32,
    /// Identifiers of unreleased messages that are still to come.
    incoming: Vec<u16>,
    in_flight: u32,
    queue: u32,
    /// The identifier that the last of the queue would get.
    last_id: u16,
}

impl HeldMessage {
    /// The message; none where the client has it for good.
    pub fn message(&self) -> Option<KeptMessage<'_>> {
        self.message.as_ref().map(kept)
    }
}

impl RetainedPart {
    /// The message.
    pub fn message(&self) -> KeptMessage<'_> {
        kept(&self.message)
    }

    /// Who published it, where that is asked for.
    pub fn publisher(&self) -> Option<Publisher<'_>> {
        self.source.as_deref().map(Source::publisher)
    }
}

fn kept(message: &Message) -> KeptMessage<'_> {
    let view = message.view();
    KeptMessage {
        number: view.number,
        topic: std::str::from_utf8(view.topic).unwrap_or_default(),
        properties: view.properties,
        payload: view.payload,
        qos: view.qos,
        retain: view.retain,
        expires_at: view.expires_at,
    }
}

impl Shard {
    /// What a shard may well [hand over](Self::hand_over) in a tick: it takes about 100 microseconds.
    pub const HAND_OVER_STEPS: usize = 1000;

    /// Steps that a session takes besides its messages: about so much longer than one of these.
    const SESSION_STEPS: usize = 4;

    /// Begins to hand over its sessions: to be called on all shards of a broker, each between two events of a tick, when
    /// changes go to the part of the journal that belongs to the new snapshot, and not before an earlier one is done.
    pub fn begin_hand_over(&mut self) {
        self.hand_over =
            HandOver { begun: self.hand_over.begun + 1, heard: self.hand_over.heard, ..HandOver::default() };
        self.post.announce(self.id);
    }

    /// Another shard's mail says that it has begun: all that it has sent before is here.
    pub(crate) fn heard_of_hand_over(&mut self) {
        self.hand_over.heard += 1;
    }

    /// Hands over some more sessions: so many steps at most. A message takes one, a session some
    /// more, also one that does not outlive the broker. To be
    /// called between two events of a tick; [`HAND_OVER_STEPS`](Self::HAND_OVER_STEPS) are enough for one.
    pub fn hand_over(&mut self, mut steps: usize, parts: &mut Vec<SessionPart>) -> Slice {
        let others = u64::from(self.shared.shards()) - 1;
        if self.hand_over.heard < self.hand_over.begun * others {
            return Slice::Waiting;
        }
        if self.go_on_handing_over(&mut steps, parts) { Slice::Done } else { Slice::More }
    }

    /// Hands over all sessions at once: the broker stops, and all mail was delivered. `take` gets some of them at a time.
    pub fn hand_over_all(&mut self, mut take: impl FnMut(Vec<SessionPart>)) {
        self.hand_over = HandOver { begun: self.hand_over.begun, heard: self.hand_over.heard, ..HandOver::default() };
        loop {
            let (mut steps, mut parts) = (Self::HAND_OVER_STEPS, Vec::new());
            let is_done = self.go_on_handing_over(&mut steps, &mut parts);
            take(parts);
            if is_done {
                return;
            }
        }
    }

    /// True where there is no more.
    fn go_on_handing_over(&mut self, steps: &mut usize, parts: &mut Vec<SessionPart>) -> bool {
        let end = self.home.sessions.slot_count();
        while self.hand_over.slot < end {
            if *steps == 0 {
                return false;
            }
            let slot = self.hand_over.slot;
            if self.hand_over.within.is_none() {
                let is_there = self.home.sessions.get(slot).is_some();
                *steps = steps.saturating_sub(if is_there { Self::SESSION_STEPS } else { 1 });
            }
            if let Some(session) = self.home.sessions.get(slot)
                && session.is_durable
            {
                let within = self.hand_over.within.take();
                let (part, within) = session.part(self.id, slot, within, steps);
                parts.push(part);
                if within.is_some() {
                    self.hand_over.within = within;
                    return false;
                }
            }
            self.hand_over.within = None;
            self.hand_over.slot += 1;
        }
        true
    }
}

impl Session {
    /// What of the session is still to come, as far as the steps go; and where to go on, if there is more.
    fn part(
        &self,
        shard: ShardId,
        slot: u32,
        within: Option<Within>,
        steps: &mut usize,
    ) -> (SessionPart, Option<Within>) {
        let within = within.filter(|within| within.epoch == self.epoch);
        let head = if within.is_none() { Some(self.head()) } else { None };
        let (first_in_flight, first_queued) = self.window.beginnings();
        let mut within = within.unwrap_or_else(|| Within {
            epoch: self.epoch,
            incoming: self.incoming.identifiers().into_iter().rev().collect(),
            in_flight: first_in_flight,
            queue: first_queued,
            last_id: self.window.last_id(),
        });
        let mut messages = Vec::new();
        while let Some(packet_id) = within.incoming.pop() {
            let Some(message) = self.incoming.get(packet_id) else { continue };
            let qos = QoS::ExactlyOnce;
            messages.push(HeldMessage::new(Some(message), packet_id, qos, false, 0, Stage::Incoming));
            if !take_step(steps) {
                break;
            }
        }
        within.in_flight = later(within.in_flight, first_in_flight);
        for entry in self.window.in_flight_from(within.in_flight) {
            if !take_step(steps) {
                break;
            }
            within.in_flight = within.in_flight.wrapping_add(1);
            let (qos, stage) = match entry.awaiting {
                Awaiting::PubAck => (QoS::AtLeastOnce, Stage::PubAck),
                Awaiting::PubRec => (QoS::ExactlyOnce, Stage::PubRec),
                Awaiting::PubComp => (QoS::ExactlyOnce, Stage::PubComp),
                Awaiting::Nothing => continue,
            };
            let (packet_id, retain, identifier) = (entry.packet_id, entry.retain, entry.identifier);
            let held = HeldMessage::new(entry.message.as_ref(), packet_id, qos, retain, identifier, stage);
            messages.push(HeldMessage { number: entry.number, ..held });
        }
        if later(within.queue, first_queued) != within.queue {
            // Those in between went out.
            (within.queue, within.last_id) = (first_queued, self.window.last_id());
        }
        for queued in self.window.queue_from(within.queue) {
            if !take_step(steps) {
                break;
            }
            within.queue = within.queue.wrapping_add(1);
            let packet_id = if queued.qos == QoS::AtMostOnce {
                0
            } else {
                within.last_id = after(within.last_id, 1);
                within.last_id
            };
            let (qos, retain, identifier) = (queued.qos, queued.retain, queued.identifier);
            messages.push(HeldMessage::new(Some(&queued.message), packet_id, qos, retain, identifier, Stage::Queued));
        }
        let key = SessionKey { shard, slot, epoch: self.epoch };
        let part = SessionPart { key, client_id: (&*self.client_id).into(), head, messages };
        (part, if *steps == 0 { Some(within) } else { None })
    }

    fn head(&self) -> SessionHead {
        SessionHead {
            username: self.username.clone(),
            listener_port: self.came_through.port(),
            expiry_s: self.expiry_s,
            ends_at: self.expires_at.get(),
            last_packet_id: after(self.window.last_id(), self.window.queued_with_id()),
        }
    }
}

impl HeldMessage {
    fn new(message: Option<&Message>, packet_id: u16, qos: QoS, retain: bool, identifier: u32, stage: Stage) -> Self {
        let number = message.map_or(0, Message::number);
        Self { message: message.cloned(), number, packet_id, qos, retain, identifier, stage }
    }
}

/// False where there was none left.
fn take_step(steps: &mut usize) -> bool {
    let left = *steps > 0;
    *steps = steps.saturating_sub(1);
    left
}

/// The later of two places; they go round.
fn later(one: u32, other: u32) -> u32 {
    if other.wrapping_sub(one) > u32::MAX / 2 { one } else { other }
}

/// The packet identifier so many after this one.
fn after(last_id: u16, count: usize) -> u16 {
    if count == 0 {
        return last_id;
    }
    let before = usize::from(last_id.max(1)) - usize::from(last_id > 0);
    let at = if last_id == 0 { count - 1 } else { before + count };
    (at % usize::from(u16::MAX)) as u16 + 1
}

impl Shared {
    /// The record that goes with the table of a snapshot: all changes of retained messages so far will be in it. To be asked
    /// for before the first [`retained_slice`](Self::retained_slice), when changes go to the part of the journal that
    /// belongs to the snapshot.
    pub fn retained_so_far(&self) -> Change<'static> {
        Change::RetainedUpTo { serial: self.retained.read().changes }
    }

    /// Retained messages, those below `$SYS` left out: in the next so many places from `from` on. Returns where to go on,
    /// if there are more. The tree is locked for reading meanwhile.
    pub fn retained_slice(&self, from: usize, places: usize, parts: &mut Vec<RetainedPart>) -> Option<usize> {
        let tree = self.retained.read();
        let end = from.saturating_add(places).min(tree.slots());
        let is_kept = |retained: &&Retained| !retained.message.view().topic.starts_with(b"$SYS/");
        let part =
            |Retained { message, source }: &Retained| RetainedPart { message: message.clone(), source: source.clone() };
        parts.extend(tree.retained_in(from..end).filter(is_kept).map(part));
        (end < tree.slots()).then_some(end)
    }

    /// Subscriptions of all sessions: of the next so many places from `from` on. Returns where to go on, if there are more.
    /// The tree is locked for reading meanwhile; all subscribers of a filter come at once, however many there are.
    pub fn subscription_slice(&self, from: u32, places: u32, filters: &mut Vec<KeptFilter>) -> Option<u32> {
        let tree = self.subscriptions.read();
        let mut add = |group: Option<&str>, filter: &str, subscribers: &[Subscriber]| {
            if subscribers.is_empty() {
                return;
            }
            let filter = group.map_or_else(|| filter.to_owned(), |group| format!("$share/{group}/{filter}"));
            filters.push(KeptFilter { filter, subscribers: subscribers.iter().map(KeptSubscriber::from).collect() });
        };
        tree.filters_in(from, places, &mut add)
    }
}

impl From<&Subscriber> for KeptSubscriber {
    fn from(subscriber: &Subscriber) -> Self {
        let &Subscriber { session, grant, shard, .. } = subscriber;
        let session = SessionKey { shard, slot: session.slot, epoch: session.epoch };
        Self { session, options: grant.to_options(), identifier: grant.identifier() }
    }
}
