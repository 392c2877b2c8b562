//! Changes, replayed over what a snapshot had.

use super::queue::Delivery;
use super::session::{Presence, Session};
use super::{Map, Restore, RetainedState};
use crate::message::Message;
use crate::{Change, KeptMessage, Moment, SessionKey, ShardId, Target};
use mosquitto_mqtt::SharedFilter;

/// Messages nobody has any more are looked for when there are twice as many messages as after the last time, but not
/// before there are so many.
const SWEEP_FROM: usize = 64 * 1024;

/// Nor before there are so many new bytes, and as many as were left after the last time.
const SWEEP_FROM_BYTES: usize = 64 * 1024 * 1024;

/// Frames in which a message stays known that nobody has: what one shard did with it may stand behind what another one
/// did later in the same tick.
const FRAMES_KNOWN: u32 = 1000;

/// Which sessions records speak of.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// The youngest session that each place of each shard had, by its epoch, and where it is; none where it is over.
    places: Map<(ShardId, u32), (u32, Option<usize>)>,
    /// What was published to sessions of which nothing was heard yet.
    ahead: Map<SessionKey, Vec<(Message, Vec<Delivery>)>>,
}

/// What a key means.
enum Meaning {
    Session(usize),
    /// A session that is over.
    Past,
    /// Nothing yet.
    Unknown,
}

impl Keys {
    fn meaning(&self, key: SessionKey) -> Meaning {
        match self.places.get(&(key.shard, key.slot)) {
            Some(&(epoch, at)) if epoch == key.epoch => at.map_or(Meaning::Past, Meaning::Session),
            Some(&(epoch, _)) if epoch > key.epoch => Meaning::Past,
            _ => Meaning::Unknown,
        }
    }

    fn set(&mut self, key: SessionKey, at: Option<usize>) {
        self.places.insert((key.shard, key.slot), (key.epoch, at));
    }
}

/// How far replaying has come.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Frames so far.
    pub(super) frame: u32,
    /// What lies between the clock of the frame in hand and the wall clock, in milliseconds.
    epoch_ms: u64,
    /// Messages after the last sweep.
    swept: usize,
    /// Their bytes.
    swept_bytes: usize,
    /// Bytes of messages that came since.
    pub(super) fresh_bytes: usize,
}

impl Restore {
    /// The table that belongs to the snapshot: which sessions the keys mean that the frames since it was begun use.
    pub fn known(&mut self, mut records: &[u8]) {
        while !records.is_empty() {
            match Change::decode(&mut records) {
                Some(Change::Known { session, client_id }) => self.set_known(session, client_id),
                Some(Change::RetainedUpTo { serial }) => {
                    self.retained.up_to = self.retained.up_to.max(serial);
                    self.retained.greatest = self.retained.greatest.max(serial);
                }
                Some(_) => {}
                None => {
                    self.skipped.frames += 1;
                    return;
                }
            }
        }
    }

    fn set_known(&mut self, key: SessionKey, client_id: &str) {
        let at = self.by_client_id.get(client_id).copied();
        if let Some(session) = at.and_then(|at| self.sessions.get_mut(at)).and_then(Option::as_mut) {
            session.key = Some(key);
        }
        self.keys.set(key, at);
    }

    /// A broker began again with all that was replayed up to here, but for sessions that are not in this table of its:
    /// from now on records use other keys. `epoch_ms` is as in [`frame`](Self::frame).
    pub fn boot(&mut self, epoch_ms: u64, records: &[u8]) {
        self.keys = Keys::default();
        for session in self.sessions.iter_mut().flatten() {
            session.key = None;
        }
        self.known(records);
        for at in 0..self.sessions.len() {
            let Some(session) = self.sessions.get_mut(at).and_then(Option::as_mut) else { continue };
            if session.key.is_none() {
                self.remove(at);
            } else if session.presence == Presence::Here {
                // Its client was here when the broker before that one ended.
                session.presence = Presence::LeftAt(epoch_ms);
            }
        }
    }

    /// The changes of a frame. `epoch_ms` is the wall clock at the moment 0 of the broker that wrote it, in milliseconds
    /// since 1970.
    pub fn frame(&mut self, epoch_ms: u64, mut records: &[u8]) {
        self.replayed.frame = self.replayed.frame.saturating_add(1);
        self.replayed.epoch_ms = epoch_ms;
        while !records.is_empty() {
            let Some(change) = Change::decode(&mut records) else {
                self.skipped.frames += 1;
                break;
            };
            self.replay(change);
        }
        self.sweep();
    }

    fn replay(&mut self, change: Change<'_>) {
        match change {
            Change::Known { session, client_id } => self.set_known(session, client_id),
            Change::Connected { session: key, client_id, username, listener_port, expiry_s } => {
                if let Some(session) = self.connected(key, client_id) {
                    session.username = username.map(Into::into);
                    (session.listener_port, session.expiry_s) = (listener_port, expiry_s);
                    session.presence = Presence::Here;
                }
            }
            Change::Left { session, at, expiry_s } => {
                let left_at = self.replayed.epoch_ms.saturating_add(at.0);
                if let Some(session) = self.session_of(session) {
                    (session.presence, session.expiry_s) = (Presence::LeftAt(left_at), expiry_s);
                }
            }
            Change::Ended { session: key } => self.ended(key),
            Change::Subscribed { session, filter, options, identifier } => {
                self.subscribed(session, filter, (options, identifier));
            }
            Change::Unsubscribed { session, filter } => {
                if let Some(session) = self.session_of(session) {
                    session.subscriptions.remove(filter);
                }
            }
            Change::Published { message, targets } => self.published(message, &targets),
            Change::Launched { target, message, packet_id } => self.launched(&target, message, packet_id),
            Change::HandedOver { session, message, packet_id } => {
                if let Some(session) = self.session_of(session) {
                    session.messages().handed_over(message, packet_id);
                }
            }
            Change::Finished { session, message, packet_id } => {
                if let Some(session) = self.session_of(session) {
                    session.messages().finished(message, packet_id);
                }
            }
            Change::Dropped { session, message } => {
                if let Some(session) = self.session_of(session) {
                    session.messages().queue.take_last(message);
                }
            }
            Change::Came { session: key, packet_id, message } => {
                if let Some(message) = self.known_or_keep(message)
                    && packet_id != 0
                    && let Some(session) = self.session_of(key)
                {
                    session.messages().incoming.insert(packet_id, message);
                }
            }
            Change::Released { session, packet_id } => {
                if let Some(session) = self.session_of(session) {
                    session.messages().incoming.remove(&packet_id);
                }
            }
            Change::Retained { .. } | Change::RetainedUpTo { .. } | Change::Cleared { .. } => {
                self.replay_retained(&change);
            }
        }
    }

    fn subscribed(&mut self, key: SessionKey, filter: &str, terms: (u8, u32)) {
        if SharedFilter::new(filter).is_err() {
            self.skipped.subscriptions += 1;
        } else if let Some(session) = self.session_of(key) {
            session.subscriptions.insert(filter.into(), terms);
        }
    }

    fn replay_retained(&mut self, change: &Change<'_>) {
        let &(Change::Retained { serial, .. } | Change::RetainedUpTo { serial } | Change::Cleared { serial, .. }) =
            change
        else {
            return;
        };
        self.retained.greatest = self.retained.greatest.max(serial);
        if serial <= self.retained.up_to {
            return;
        }
        match *change {
            Change::Retained { message, publisher, .. } => {
                let source = publisher.and_then(|publisher| self.source(publisher));
                match self.messages.get(&message) {
                    Some(kept) => self.retained.change(serial, RetainedState::Set(kept.message.clone(), source)),
                    None => self.skipped.unknown += 1,
                }
            }
            Change::Cleared { topic, .. } => {
                self.retained.change(serial, RetainedState::Cleared(topic.as_bytes().into()));
            }
            _ => {}
        }
    }

    fn session_of(&mut self, key: SessionKey) -> Option<&mut Session> {
        let Meaning::Session(at) = self.keys.meaning(key) else { return None };
        self.sessions.get_mut(at)?.as_mut()
    }

    /// The session of a client that has connected; none where it is over for the snapshot.
    fn connected(&mut self, key: SessionKey, client_id: &str) -> Option<&mut Session> {
        let is_new = match self.keys.meaning(key) {
            Meaning::Past => return None,
            Meaning::Unknown => true,
            // Of two sessions of one client that are in the snapshot the first has ended: this is the second one's
            // beginning.
            Meaning::Session(at) => self.sessions.get(at).is_none_or(Option::is_none),
        };
        if is_new {
            let before = self.by_client_id.get(client_id).copied();
            let youngest = before.and_then(|at| self.sessions.get(at)?.as_ref()?.key);
            let is_past = youngest.is_some_and(|other| other.shard == key.shard && other.epoch > key.epoch);
            if client_id.is_empty() || is_past {
                self.keys.set(key, None);
                self.keys.ahead.remove(&key);
                return None;
            }
            if let Some(before) = before {
                self.remove(before);
            }
            let at = self.create(client_id, u32::MAX);
            self.keys.set(key, Some(at));
            let ahead = self.keys.ahead.remove(&key);
            let session = self.sessions.get_mut(at)?.as_mut()?;
            (session.key, session.is_whole) = (Some(key), true);
            for (message, deliveries) in ahead.into_iter().flatten() {
                session.messages().published(&message, &deliveries, true);
            }
        }
        self.session_of(key)
    }

    fn ended(&mut self, key: SessionKey) {
        match self.keys.meaning(key) {
            Meaning::Session(at) => {
                self.remove(at);
                self.keys.set(key, None);
            }
            Meaning::Past => {}
            Meaning::Unknown => self.keys.set(key, None),
        }
        self.keys.ahead.remove(&key);
    }

    /// Forgets a session.
    pub(super) fn remove(&mut self, at: usize) {
        if let Some(session) = self.sessions.get_mut(at).and_then(Option::take)
            && self.by_client_id.get(&session.client_id) == Some(&at)
        {
            self.by_client_id.remove(&session.client_id);
        }
    }

    fn known_or_keep(&mut self, message: KeptMessage<'_>) -> Option<Message> {
        if let Some(known) = self.messages.get_mut(&message.number) {
            known.frame = self.replayed.frame;
            return Some(known.message.clone());
        }
        let expires_at = self.moment_of(message.expires_at);
        let kept = self.keep(KeptMessage { expires_at, ..message }, None);
        self.skipped.messages += u64::from(kept.is_none());
        kept
    }

    /// A moment of the frame in hand, in this broker's own time.
    fn moment_of(&self, theirs: Moment) -> Moment {
        if theirs == Moment::NEVER {
            return Moment::NEVER;
        }
        self.moment(self.replayed.epoch_ms.saturating_add(theirs.0))
    }

    fn published(&mut self, message: KeptMessage<'_>, targets: &[Target]) {
        let Some(message) = self.known_or_keep(message) else { return };
        let delivery =
            |target: &Target| Delivery { identifier: target.identifier, qos: target.qos, retain: target.retain };
        if let [target] = targets {
            return self.published_to(&message, target.session, &[delivery(target)]);
        }
        // Of several to the same session the order counts, and nothing else.
        let mut by_session: Map<SessionKey, Vec<Delivery>> = Map::default();
        for target in targets {
            by_session.entry(target.session).or_default().push(delivery(target));
        }
        for (key, deliveries) in by_session {
            self.published_to(&message, key, &deliveries);
        }
    }

    fn published_to(&mut self, message: &Message, key: SessionKey, deliveries: &[Delivery]) {
        match self.keys.meaning(key) {
            Meaning::Session(at) => {
                if let Some(session) = self.sessions.get_mut(at).and_then(Option::as_mut) {
                    let is_whole = session.is_whole;
                    session.messages().published(message, deliveries, is_whole);
                }
            }
            Meaning::Past => {}
            Meaning::Unknown => {
                self.keys.ahead.entry(key).or_default().push((message.clone(), deliveries.to_vec()));
            }
        }
    }

    fn launched(&mut self, target: &Target, number: u64, packet_id: u16) {
        let known = self.messages.get(&number).map(|kept| kept.message.clone());
        let delivery = Delivery { identifier: target.identifier, qos: target.qos, retain: target.retain };
        if let Some(session) = self.session_of(target.session)
            && packet_id != 0
        {
            session.messages().launched(number, packet_id, delivery, known.as_ref());
        }
    }

    /// Forgets messages that nobody has, now and then: otherwise all that ever were would be there at once.
    fn sweep(&mut self) {
        let Progress { frame, swept, swept_bytes, fresh_bytes, .. } = self.replayed;
        let are_many = self.messages.len() >= SWEEP_FROM.max(2 * swept);
        if !are_many && fresh_bytes < SWEEP_FROM_BYTES.max(swept_bytes) {
            return;
        }
        let mut bytes = 0;
        self.messages.retain(|_, kept| {
            let stays = kept.message.is_shared() || frame - kept.frame < FRAMES_KNOWN;
            bytes += if stays { kept.message.bytes().len() } else { 0 };
            stays
        });
        let progress = &mut self.replayed;
        (progress.swept, progress.swept_bytes, progress.fresh_bytes) = (self.messages.len(), bytes, 0);
    }
}
