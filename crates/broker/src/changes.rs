//! The changes of a tick, as a shard writes them down: [`Change`] records in one buffer, which its owner takes as a frame.
//!
//! What is written: all that concerns sessions that outlive the broker, and what is retained. Which messages those have to
//! get is written by the shard that knows it, the publisher's, before anything that follows from it; what becomes of them,
//! by the home of the session. A message has a number only where records may speak of it, so that is what decides whether
//! they do, and with persistence off none has.
//!
//! Not written are messages of QoS 0 that wait for a client that is away (`queue_qos0_messages`): only a snapshot has
//! them. Nor is what is retained below `$SYS`, since the next broker says that anew, nor that something retained has
//! expired, since it does so by itself.

use crate::change::{self, Change};
use crate::id::SessionId;
use crate::message::{MessageRef, Outgoing};
use crate::session::Session;
use crate::shard::RetainedChange;
use crate::subscriber::{Grant, Subscriber};
use crate::topic_cache::Matches;
use crate::{ConnectionId, Moment, Persistence, Publisher, SessionKey, Settings, Shard, ShardId, Target};
use foldhash::fast::RandomState;
use mosquitto_mqtt::QoS;
use std::collections::{HashSet, VecDeque};

/// Bytes that an empty buffer may keep room for.
const KEPT_BYTES: usize = 4 * 1024 * 1024;

/// Where topics begin that nothing is kept of.
const SYSTEM: &[u8] = b"$SYS/";

/// What a shard has written down, and how much of it is safe.
#[derive(Debug)]
pub(crate) struct Changes {
    mode: Persistence,
    shard: ShardId,
    records: Vec<u8>,
    /// The frames that were taken.
    frames: u64,
    /// Those of them that are safe, and all before them.
    durable: u64,
    /// The number of the next message, and what lies between two numbers of this shard: those of all others.
    next_number: u64,
    step: u64,
    /// Whether the packet in hand has changed anything that is written down in this tick.
    wrote: bool,
    /// Connections with output that waits for a frame, with its number, in order.
    pub(crate) waiting: VecDeque<(u64, ConnectionId)>,
    /// Clients whose sessions have ended in frames that are not safe, and the last of these.
    ended: HashSet<Box<str>, RandomState>,
    ended_in: u64,
}

impl Changes {
    pub(crate) fn new(mode: Persistence, shard: ShardId, shards: u16) -> Self {
        Self {
            mode,
            shard,
            records: Vec::new(),
            frames: 0,
            durable: 0,
            next_number: 1 + u64::from(shard.0),
            step: u64::from(shards),
            wrote: false,
            waiting: VecDeque::new(),
            ended: HashSet::default(),
            ended_in: 0,
        }
    }

    /// Whether anything is written down at all.
    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        self.mode != Persistence::Off
    }

    /// The frame that is being written.
    #[inline]
    pub(crate) fn frame(&self) -> u64 {
        self.frames + 1
    }

    /// Whether what rests on a change waits until that is safe.
    #[inline]
    pub(crate) fn is_synced(&self) -> bool {
        self.mode == Persistence::Synced
    }

    /// The next packet comes.
    #[inline]
    pub(crate) fn begin_packet(&mut self) {
        self.wrote = false;
    }

    /// Whether the answer to the packet in hand has to wait for the frame.
    #[inline]
    pub(crate) fn must_wait(&self) -> bool {
        self.wrote && self.is_synced()
    }

    /// A change follows before the end of the tick.
    pub(crate) fn expect(&mut self) {
        self.wrote = true;
    }

    /// A number for a message; 0 where none is needed.
    #[inline]
    pub(crate) fn number(&mut self) -> u64 {
        if !self.is_on() {
            return 0;
        }
        self.next_number += self.step;
        self.next_number - self.step
    }

    #[inline]
    fn write(&mut self, change: &Change<'_>) {
        self.wrote = true;
        change.encode(&mut self.records);
    }

    pub(crate) fn key(&self, SessionId { slot, epoch }: SessionId) -> SessionKey {
        SessionKey { shard: self.shard, slot, epoch }
    }

    fn take(&mut self, mut used: Vec<u8>) -> Option<Vec<u8>> {
        used.clear();
        used.shrink_to(KEPT_BYTES);
        self.wrote = false;
        if self.records.is_empty() {
            debug_assert!(self.waiting.back().is_none_or(|(frame, _)| *frame <= self.frames), "nothing opens a gate");
            if self.records.capacity() < used.capacity() {
                self.records = used;
            }
            return None;
        }
        self.frames += 1;
        Some(std::mem::replace(&mut self.records, used))
    }

    /// The client of a session has come.
    pub(crate) fn connected(&mut self, slot: u32, session: &Session) {
        if session.is_durable {
            let Publisher { client_id, username, listener_port } = session.publisher();
            let (session, expiry_s) = (self.key_of(slot, session), session.expiry_s);
            self.write(&Change::Connected { session, client_id, username, listener_port, expiry_s });
        }
    }

    /// The connection of a session is gone.
    pub(crate) fn left(&mut self, slot: u32, session: &Session, at: Moment) {
        if session.is_durable {
            let (session, expiry_s) = (self.key_of(slot, session), session.expiry_s);
            self.write(&Change::Left { session, at, expiry_s });
        }
    }

    /// A session is gone.
    pub(crate) fn ended(&mut self, slot: u32, session: &Session) {
        if session.is_durable {
            self.write(&Change::Ended { session: self.key_of(slot, session) });
            if self.is_synced() {
                self.ended.insert((&*session.client_id).into());
                self.ended_in = self.frame();
            }
        }
    }

    /// The frame without which the last session of a client would be there again, if it is not safe: what begins a session
    /// that is not kept writes nothing itself.
    #[inline]
    pub(crate) fn end_to_wait_for(&self, client_id: &str) -> Option<u64> {
        (!self.ended.is_empty() && self.ended.contains(client_id)).then_some(self.ended_in)
    }

    pub(crate) fn subscribed(&mut self, session: SessionId, filter: &str, options: u8, identifier: u32) {
        self.write(&Change::Subscribed { session: self.key(session), filter, options, identifier });
    }

    pub(crate) fn unsubscribed(&mut self, session: SessionId, filter: &str) {
        self.write(&Change::Unsubscribed { session: self.key(session), filter });
    }

    #[inline]
    fn key_of(&self, slot: u32, session: &Session) -> SessionKey {
        SessionKey { shard: self.shard, slot, epoch: session.epoch }
    }

    /// Whether records speak of a message in a session.
    #[inline]
    pub(crate) fn speak_of(session: &Session, number: u64) -> bool {
        session.is_durable && number != 0
    }

    /// A message is in flight.
    #[inline]
    pub(crate) fn launched(&mut self, slot: u32, session: &Session, message: u64, sent: Launch) {
        if Self::speak_of(session, message) {
            let Launch { qos, retain, identifier, packet_id, was_queued } = sent;
            let target = Target { session: self.key_of(slot, session), qos, retain, identifier };
            self.write(&Change::Launched { target, message, packet_id, was_queued });
        }
    }

    /// A client has a QoS 2 message.
    #[inline]
    pub(crate) fn handed_over(&mut self, slot: u32, session: &Session, message: u64, packet_id: u16) {
        if Self::speak_of(session, message) {
            self.write(&Change::HandedOver { session: self.key_of(slot, session), message, packet_id });
        }
    }

    /// A message is in flight no longer.
    #[inline]
    pub(crate) fn finished(&mut self, slot: u32, session: &Session, message: u64, packet_id: u16) {
        if Self::speak_of(session, message) {
            self.write(&Change::Finished { session: self.key_of(slot, session), message, packet_id });
        }
    }

    /// A session does not get a message that it was to get.
    #[cold]
    pub(crate) fn dropped(&mut self, session: SessionId, message: u64, (qos, retain, identifier): (QoS, bool, u32)) {
        let target = Target { session: self.key(session), qos, retain, identifier };
        self.write(&Change::Dropped { target, message });
    }

    /// A QoS 2 message came.
    pub(crate) fn came(&mut self, slot: u32, session: &Session, packet_id: u16, message: &MessageRef<'_>) {
        if session.is_durable {
            self.wrote = true;
            let session = self.key_of(slot, session);
            change::put_came(&mut self.records, session, packet_id, message);
        }
    }

    /// It was released, or is refused after all.
    pub(crate) fn released(&mut self, slot: u32, session: &Session, packet_id: u16) {
        if session.is_durable {
            self.write(&Change::Released { session: self.key_of(slot, session), packet_id });
        }
    }

    /// A retained message was set or cleared: the change of this number of all that there were.
    pub(crate) fn retained(&mut self, serial: u64, change: &RetainedChange) {
        match change {
            RetainedChange::Set(retained) if retained.message.number() != 0 => {
                let publisher = retained.source.as_deref().map(crate::access::Source::publisher);
                self.write(&Change::Retained { serial, message: retained.message.number(), publisher });
            }
            RetainedChange::Clear(topic) if is_kept(topic) => {
                let topic = str::from_utf8(topic).unwrap_or_default();
                self.write(&Change::Cleared { serial, topic });
            }
            RetainedChange::Set(_) | RetainedChange::Clear(_) | RetainedChange::Expired(_) => {}
        }
    }

    /// A message goes to all these, `picked` among the members of groups. It is written down where one of them outlives
    /// the broker, or it is retained.
    pub(crate) fn published(
        &mut self,
        settings: &Settings,
        (matches, picked): (&Matches, &[Subscriber]),
        outgoing: &mut Outgoing<'_>,
        origin: Option<SessionId>,
        is_retained: bool,
    ) {
        let message = outgoing.view.qos;
        let may_be_kept = matches.is_kept || picked.iter().any(Subscriber::is_kept);
        let has_targets = may_be_kept && settings.delivery_qos(message, QoS::ExactlyOnce) != QoS::AtMostOnce;
        if !has_targets && !is_retained {
            return;
        }
        if outgoing.view.number == 0 {
            outgoing.number(self.number());
        }
        let start = self.records.len();
        let count_at = change::begin_published(&mut self.records, &outgoing.view);
        let mut count = 0;
        if has_targets {
            let all = matches.local.iter().chain(&matches.remote).chain(picked);
            for target in all.filter(|target| target.is_kept()) {
                let (qos, retain, identifier) = terms_of(settings, target.grant, &outgoing.view);
                let is_own = origin == Some(target.session) && self.shard == target.shard;
                if qos == QoS::AtMostOnce || (is_own && target.grant.no_local()) {
                    continue;
                }
                let Subscriber { session: SessionId { slot, epoch }, shard, .. } = *target;
                let session = SessionKey { shard, slot, epoch };
                change::put_target(&mut self.records, &Target { session, qos, retain, identifier });
                count += 1;
            }
        }
        if count == 0 && !is_retained {
            self.records.truncate(start);
            return;
        }
        self.wrote = true;
        change::end_published(&mut self.records, count_at, count);
    }
}

/// How a message was sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Launch {
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) identifier: u32,
    pub(crate) packet_id: u16,
    pub(crate) was_queued: bool,
}

/// How records say that a message goes to who subscribes like this.
pub(crate) fn terms_of(settings: &Settings, grant: Grant, message: &MessageRef<'_>) -> (QoS, bool, u32) {
    let qos = settings.delivery_qos(message.qos, grant.qos());
    (qos, message.retain && grant.retain_as_published(), grant.identifier())
}

/// Whether what is retained for a topic outlives the broker.
pub(crate) fn is_kept(topic: &[u8]) -> bool {
    !topic.starts_with(SYSTEM)
}

impl Shard {
    /// The records of what has changed since they were last taken, if anything has: the next frame, the first of which is
    /// number 1. They are to be kept all or none, in this order, and before the frames of other shards that are taken after
    /// the mail of this tick was posted. `used` is a frame that is written, whose memory is used again.
    pub fn take_changes(&mut self, used: Vec<u8>) -> Option<Vec<u8>> {
        self.home.changes.take(used)
    }

    /// The frame of this number is safe, and all before it: what waited for them goes out. An event of a tick, like others.
    pub fn durable(&mut self, frame: u64) {
        let changes = &mut self.home.changes;
        changes.durable = changes.durable.max(frame.min(changes.frames));
        if changes.durable >= changes.ended_in {
            changes.ended.clear();
        }
        self.home.open_gates();
    }

    /// Messages get numbers above this one from now on: those that there are already have come so far.
    pub fn number_messages_above(&mut self, last: u64) {
        self.home.changes.next_number = last + 1 + u64::from(self.id.0);
    }
}

impl Changes {
    /// The last frame that is safe.
    pub(crate) fn durable(&self) -> u64 {
        self.durable
    }
}
