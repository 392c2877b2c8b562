//! Who subscribed at a node of the tree.

use crate::ShardId;
use crate::id::SessionId;
use crate::slots::{shrink, shrink_table};
use foldhash::fast::RandomState;
use hashbrown::hash_map::Entry;
use hashbrown::{HashMap, HashTable};
use mosquitto_mqtt::QoS;
use mosquitto_mqtt::packet::SubscriptionOptions;

/// How messages of one subscription are delivered: 28 bits of subscription identifier (0: none), QoS, No Local and
/// Retain As Published in four more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Grant(u32);

const NO_LOCAL: u32 = 1 << 30;
const RETAIN_AS_PUBLISHED: u32 = 1 << 31;
const IDENTIFIER: u32 = (1 << 28) - 1;

impl Grant {
    pub(crate) fn new(options: SubscriptionOptions, identifier: u32) -> Self {
        let mut bits = identifier & IDENTIFIER | u32::from(options.qos.bits()) << 28;
        if options.no_local {
            bits |= NO_LOCAL;
        }
        if options.retain_as_published {
            bits |= RETAIN_AS_PUBLISHED;
        }
        Self(bits)
    }

    #[inline]
    pub(crate) fn qos(self) -> QoS {
        QoS::from_bits((self.0 >> 28) as u8 & 3).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn no_local(self) -> bool {
        self.0 & NO_LOCAL != 0
    }

    #[inline]
    pub(crate) fn retain_as_published(self) -> bool {
        self.0 & RETAIN_AS_PUBLISHED != 0
    }

    /// The Subscription Options of MQTT 5 as a byte (3.8.3.1), without Retain Handling.
    pub(crate) fn to_options(self) -> u8 {
        self.qos().bits() | u8::from(self.no_local()) << 2 | u8::from(self.retain_as_published()) << 3
    }

    /// 0 where the subscription has none.
    #[inline]
    pub(crate) fn identifier(self) -> u32 {
        self.0 & IDENTIFIER
    }
}

/// A session's subscription as the tree keeps it and mail carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Subscriber {
    pub(crate) session: SessionId,
    pub(crate) grant: Grant,
    pub(crate) shard: ShardId,
    /// Whether another target of the same message serves the session at least as well, so that a client that gets no
    /// duplicates does not get this one. Never set in the tree.
    pub(crate) is_repeated: bool,
    /// Whether its session outlives the broker, or did when it subscribed.
    pub(crate) is_durable: bool,
}

impl Subscriber {
    pub(crate) fn new(shard: ShardId, session: SessionId, grant: Grant) -> Self {
        Self { session, grant, shard, is_repeated: false, is_durable: false }
    }

    /// Whether records say which messages the session is to get here.
    pub(crate) fn is_kept(&self) -> bool {
        self.is_durable && self.grant.qos() != QoS::AtMostOnce
    }

    /// Whether the session needs nothing of `other` that it does not get by this one: a message of its own at least, and
    /// at the higher QoS.
    fn covers(&self, other: &Subscriber) -> bool {
        self.grant.qos() >= other.grant.qos() && (other.grant.no_local() || !self.grant.no_local())
    }

    pub(crate) fn is(&self, shard: ShardId, session: SessionId) -> bool {
        self.session == session && self.shard == shard
    }
}

/// Marks those of a message's targets that are [repeated](Subscriber::is_repeated), so that one of each session is not
/// `[3.1.1 MQTT-3.3.5-1]`; or two, where one at a higher QoS leaves out what the session itself publishes.
pub(crate) fn mark_repeated(targets: &mut [Subscriber]) {
    // By session, those with No Local apart: of each kind one covers all others.
    let mut best: HashMap<(ShardId, SessionId, bool), usize, RandomState> = HashMap::default();
    for at in 0..targets.len() {
        let Some(target) = targets.get(at) else { return };
        match best.entry((target.shard, target.session, target.grant.no_local())) {
            Entry::Vacant(place) => _ = place.insert(at),
            Entry::Occupied(mut known) => {
                let Ok([other, target]) = targets.get_disjoint_mut([*known.get(), at]) else { return };
                if other.covers(target) {
                    target.is_repeated = true;
                } else {
                    other.is_repeated = true;
                    known.insert(at);
                }
            }
        }
    }
    for (&(shard, session, _), &others) in best.iter().filter(|((.., no_local), _)| *no_local) {
        if let Some(&all) = best.get(&(shard, session, false))
            && let Ok([all, others]) = targets.get_disjoint_mut([all, others])
        {
            others.is_repeated = all.covers(others);
        }
    }
}

/// Beyond this many, a node's subscribers are found through an index.
const INDEX_FROM: usize = 16;

/// The subscribers of one filter, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Subscribers(Kind);

#[derive(Debug, Default)]
enum Kind {
    #[default]
    None,
    One(Subscriber),
    Many(Box<Many>),
}

#[derive(Debug, Default)]
struct Many {
    list: Vec<Subscriber>,
    /// Positions in `list`; empty until there are [`INDEX_FROM`] of them.
    index: HashTable<u32>,
}

impl Subscribers {
    pub(crate) fn as_slice(&self) -> &[Subscriber] {
        match &self.0 {
            Kind::None => &[],
            Kind::One(one) => std::slice::from_ref(one),
            Kind::Many(many) => &many.list,
        }
    }

    /// What a session has here.
    pub(crate) fn find(&self, shard: ShardId, session: SessionId) -> Option<Subscriber> {
        match &self.0 {
            Kind::None => None,
            Kind::One(one) => one.is(shard, session).then_some(*one),
            Kind::Many(many) => many.position(shard, session).and_then(|at| many.list.get(at)).copied(),
        }
    }

    /// Adds a subscriber or replaces what the same session had. Returns whether it is new.
    pub(crate) fn insert(&mut self, new: Subscriber) -> bool {
        match &mut self.0 {
            Kind::None => self.0 = Kind::One(new),
            Kind::One(one) if one.is(new.shard, new.session) => {
                *one = new;
                return false;
            }
            Kind::One(one) => {
                self.0 = Kind::Many(Box::new(Many { list: vec![*one, new], index: HashTable::new() }));
            }
            Kind::Many(many) => {
                if let Some(old) = many.position(new.shard, new.session).and_then(|at| many.list.get_mut(at)) {
                    *old = new;
                    return false;
                }
                many.push(new);
            }
        }
        true
    }

    /// Returns whether there was one.
    pub(crate) fn remove(&mut self, shard: ShardId, session: SessionId) -> bool {
        match &mut self.0 {
            Kind::One(one) if one.is(shard, session) => self.0 = Kind::None,
            Kind::None | Kind::One(_) => return false,
            Kind::Many(many) => {
                let Some(at) = many.position(shard, session) else { return false };
                many.remove(at);
                match many.list.as_slice() {
                    [] => self.0 = Kind::None,
                    [one] => self.0 = Kind::One(*one),
                    _ => {}
                }
            }
        }
        true
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }
}

impl Many {
    fn position(&self, shard: ShardId, session: SessionId) -> Option<usize> {
        if self.index.is_empty() {
            return self.list.iter().position(|s| s.is(shard, session));
        }
        let list = &self.list;
        let found =
            self.index.find(hash(shard, session), |&at| list.get(at as usize).is_some_and(|s| s.is(shard, session)));
        found.map(|&at| at as usize)
    }

    fn push(&mut self, new: Subscriber) {
        self.list.push(new);
        if self.list.len() >= INDEX_FROM {
            let from = if self.index.is_empty() { 0 } else { self.list.len() - 1 };
            for at in from..self.list.len() {
                self.add_to_index(at);
            }
        }
    }

    fn add_to_index(&mut self, at: usize) {
        let list = &self.list;
        let hash_at = |&at: &u32| list.get(at as usize).map_or(0, |s| hash(s.shard, s.session));
        let at = at as u32;
        self.index.insert_unique(hash_at(&at), at, hash_at);
    }

    /// Moves the last into the gap: order among the subscribers of one filter says nothing.
    fn remove(&mut self, at: usize) {
        if self.index.is_empty() {
            self.list.remove(at);
            shrink(&mut self.list);
            return;
        }
        self.forget_index(at);
        let last = self.list.len() - 1;
        if at != last {
            self.forget_index(last);
        }
        self.list.swap_remove(at);
        if at != last {
            self.add_to_index(at);
        }
        shrink(&mut self.list);
        let list = &self.list;
        shrink_table(&mut self.index, |&at| list.get(at as usize).map_or(0, |s| hash(s.shard, s.session)));
    }

    fn forget_index(&mut self, at: usize) {
        let Some(subscriber) = self.list.get(at) else { return };
        let found = self.index.find_entry(hash(subscriber.shard, subscriber.session), |&i| i as usize == at);
        if let Ok(entry) = found {
            entry.remove();
        }
    }
}

/// Slots are handed out by the broker itself, so a plain mix will do.
pub(crate) fn hash(shard: ShardId, session: SessionId) -> u64 {
    let key = u64::from(session.slot) << 16 | u64::from(shard.0);
    (key ^ u64::from(session.epoch) << 48).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscriber(slot: u32) -> Subscriber {
        let grant = Grant::new(SubscriptionOptions::qos(QoS::AtLeastOnce), slot);
        Subscriber::new(ShardId(slot as u16 % 3), SessionId { slot, epoch: 1 }, grant)
    }

    #[test]
    fn a_list_of_any_length_finds_replaces_and_removes() {
        for len in [1u32, 2, 15, 16, 17, 200] {
            let mut list = Subscribers::default();
            assert!((0..len).all(|slot| list.insert(subscriber(slot))));
            assert!((0..len).all(|slot| !list.insert(subscriber(slot))), "a second time is a replacement");
            assert_eq!(list.as_slice().len(), len as usize);
            assert!((0..len).all(|n| list.find(subscriber(n).shard, subscriber(n).session) == Some(subscriber(n))));
            assert_eq!(list.find(subscriber(len).shard, subscriber(len).session), None);
            for slot in (0..len).rev().step_by(2).chain((0..len).rev().skip(1).step_by(2)) {
                let s = subscriber(slot);
                assert!(list.remove(s.shard, s.session), "{slot} of {len}");
                assert!(!list.remove(s.shard, s.session));
            }
            assert!(list.is_empty());
        }
    }

    #[test]
    fn all_but_the_best_of_a_sessions_targets_are_repeated() {
        let target = |slot, qos, no_local| {
            let options = SubscriptionOptions { qos, no_local, ..Default::default() };
            Subscriber::new(ShardId(0), SessionId { slot, epoch: 1 }, Grant::new(options, 0))
        };
        let (zero, one, two) = (QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce);
        let mut targets = [
            target(1, zero, false),
            target(2, one, false),
            target(1, two, false),
            target(1, two, false),
            target(2, zero, false),
            target(3, two, true),
            target(3, zero, false),
            target(4, one, true),
            target(4, zero, false),
            target(4, one, false),
        ];
        mark_repeated(&mut targets);
        let repeated: Vec<bool> = targets.iter().map(|target| target.is_repeated).collect();
        // What does not get the client's own messages cannot stand for what does.
        assert_eq!(repeated, [true, false, false, true, true, false, false, true, true, false]);
    }

    #[test]
    fn a_grant_keeps_what_it_was_made_of() {
        let options = SubscriptionOptions { qos: QoS::ExactlyOnce, no_local: true, ..Default::default() };
        let grant = Grant::new(options, 268_435_455);
        assert_eq!((grant.qos(), grant.identifier()), (QoS::ExactlyOnce, 268_435_455));
        assert!(grant.no_local() && !grant.retain_as_published());
    }
}
