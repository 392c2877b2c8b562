//! Where recent topics go: the common publish finds its targets with one look-up and no lock.
//!
//! An entry is good as long as the subscription tree is of the generation it was made in. Places and the memory in them
//! are used again, so a steady set of topics allocates nothing.

use crate::ShardId;
use crate::group::Group;
use crate::subscriber::{Subscriber, Subscribers, mark_repeated};
use crate::subscription_tree::{SubscriptionTree, Visit};
use foldhash::fast::RandomState;
use std::hash::BuildHasher;
use std::ops::Range;
use std::sync::Arc;

/// Sets of the cache; a topic may stand in any of the [`WAYS`] places of one set.
const SETS: usize = 1024;
const WAYS: usize = 4;

/// Targets that all entries together may hold (16 bytes each) before the cache is emptied: many topics with very many
/// subscribers each would fill the memory, and gain little.
const TARGETS_MAX: usize = 1 << 20;

/// Topics longer than this count by their bytes, and their memory is not kept for the next topic.
const LONG_TOPIC: usize = 256;

/// Bytes that all long topics together may hold before the cache is emptied.
const LONG_TOPICS_MAX: usize = 4 * 1024 * 1024;

/// The targets of a topic.
#[derive(Debug, Default)]
pub(crate) struct Matches {
    /// Sessions of this shard.
    pub(crate) local: Vec<Subscriber>,
    /// Sessions of other shards, those of a shard together.
    pub(crate) remote: Vec<Subscriber>,
    /// The part of `remote` that is a shard's.
    pub(crate) shards: Vec<RemoteShard>,
    /// Shared subscriptions: one member of each gets the message.
    pub(crate) groups: Vec<Arc<Group>>,
    /// Whether any of the sessions outlives the broker, and gets more than QoS 0. Groups apart.
    pub(crate) is_kept: bool,
    /// The generation of the tree in which all this was found.
    pub(crate) generation: u64,
    /// Whether the targets that are repeated are marked.
    is_marked: bool,
}

/// The targets on one other shard.
#[derive(Debug)]
pub(crate) struct RemoteShard {
    pub(crate) shard: ShardId,
    pub(crate) targets: Range<usize>,
    /// The batch in which the targets were written down last, and where.
    pub(crate) addressed: Option<(u64, Range<u32>)>,
}

impl Matches {
    /// Whether nobody gets the message.
    pub(crate) fn is_empty(&self) -> bool {
        self.local.is_empty() && self.remote.is_empty() && self.groups.is_empty()
    }

    #[inline]
    fn is_good(&self, generation: u64, marked: bool) -> bool {
        self.generation == generation && (self.is_marked || !marked)
    }

    fn fill(&mut self, topic: &[u8], tree: &SubscriptionTree, own: ShardId, mark: bool) -> usize {
        self.local.clear();
        self.remote.clear();
        self.shards.clear();
        self.groups.clear();
        let visited = tree.visit(topic, &mut Collect { matches: self, own });
        if mark {
            mark_repeated(&mut self.local);
            mark_repeated(&mut self.remote);
        }
        self.is_marked = mark;
        self.is_kept = self.local.iter().chain(&self.remote).any(Subscriber::is_kept);
        // Stable: the order of the walk stays within each shard.
        self.remote.sort_by_key(|s| s.shard);
        let mut start = 0;
        for part in self.remote.chunk_by(|a, b| a.shard == b.shard) {
            let targets = start..start + part.len();
            start = targets.end;
            if let Some(first) = part.first() {
                self.shards.push(RemoteShard { shard: first.shard, targets, addressed: None });
            }
        }
        visited
    }
}

struct Collect<'a> {
    matches: &'a mut Matches,
    own: ShardId,
}

impl Visit for Collect<'_> {
    fn subscribers(&mut self, subscribers: &Subscribers) {
        for &subscriber in subscribers.as_slice() {
            let list = if subscriber.shard == self.own { &mut self.matches.local } else { &mut self.matches.remote };
            list.push(subscriber);
        }
    }

    fn group(&mut self, group: &Arc<Group>) {
        self.matches.groups.push(Arc::clone(group));
    }
}

#[derive(Debug, Default)]
struct Entry {
    topic: Vec<u8>,
    matches: Matches,
}

/// The cache of one shard.
#[derive(Debug, Default)]
pub(crate) struct TopicCache {
    sets: Vec<[Entry; WAYS]>,
    hasher: RandomState,
    /// Which place of a full set goes next.
    victim: usize,
    /// Targets in entries filled since the cache was empty.
    targets: usize,
    /// Bytes of long topics.
    long_topics: usize,
}

/// Where a look-up has to go on.
pub(crate) enum Lookup {
    /// The entry is good.
    Hit(CacheSlot),
    /// The entry has the topic's name and room, and has to be filled.
    Stale(CacheSlot),
}

/// The place of an entry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CacheSlot {
    set: usize,
    way: usize,
}

impl TopicCache {
    /// Finds the place of `topic` in a tree of this generation. `marked` says whether targets that are repeated have to be
    /// marked.
    #[inline]
    pub(crate) fn lookup(&mut self, topic: &[u8], generation: u64, marked: bool) -> Lookup {
        if self.sets.is_empty() {
            self.sets.resize_with(SETS, Default::default);
        }
        let set = self.hasher.hash_one(topic) as usize % SETS;
        let Some(ways) = self.sets.get_mut(set) else { return Lookup::Stale(CacheSlot { set, way: 0 }) };
        if let Some(way) = ways.iter().position(|e| e.topic == topic) {
            let slot = CacheSlot { set, way };
            let good = ways.get(way).is_some_and(|e| e.matches.is_good(generation, marked));
            return if good { Lookup::Hit(slot) } else { Lookup::Stale(slot) };
        }
        let way = ways.iter().position(|e| e.matches.generation != generation).unwrap_or_else(|| {
            self.victim = (self.victim + 1) % WAYS;
            self.victim
        });
        if let Some(entry) = ways.get_mut(way) {
            if entry.topic.capacity() > LONG_TOPIC {
                self.long_topics -= entry.topic.capacity();
                entry.topic = Vec::new();
            }
            entry.topic.clear();
            entry.topic.extend_from_slice(topic);
            if entry.topic.capacity() > LONG_TOPIC {
                self.long_topics += entry.topic.capacity();
            }
        }
        Lookup::Stale(CacheSlot { set, way })
    }

    /// Fills the entry in `slot` from the tree, whose `generation` must be that of the tree under this very lock, and
    /// marks the targets that are repeated if `mark` says so. Returns how many nodes of the tree that took.
    pub(crate) fn fill(
        &mut self,
        slot: CacheSlot,
        tree: &SubscriptionTree,
        generation: u64,
        own: ShardId,
        mark: bool,
    ) -> usize {
        let Some(entry) = self.sets.get_mut(slot.set).and_then(|set| set.get_mut(slot.way)) else { return 0 };
        let visited = entry.matches.fill(&entry.topic, tree, own, mark);
        entry.matches.generation = generation;
        self.targets += entry.matches.local.len() + entry.matches.remote.len() + entry.matches.groups.len();
        if self.targets > TARGETS_MAX || self.long_topics > LONG_TOPICS_MAX {
            let entry = std::mem::take(entry);
            self.targets = 0;
            self.long_topics = if entry.topic.capacity() > LONG_TOPIC { entry.topic.capacity() } else { 0 };
            self.sets.clear();
            self.sets.resize_with(SETS, Default::default);
            if let Some(place) = self.sets.get_mut(slot.set).and_then(|set| set.get_mut(slot.way)) {
                *place = entry;
            }
        }
        visited
    }

    #[inline]
    pub(crate) fn matches_mut(&mut self, slot: CacheSlot) -> Option<&mut Matches> {
        self.sets.get_mut(slot.set)?.get_mut(slot.way).map(|entry| &mut entry.matches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::SessionId;
    use crate::subscriber::Grant;
    use mosquitto_mqtt::QoS;
    use mosquitto_mqtt::packet::SubscriptionOptions;

    const SHARD: ShardId = ShardId(0);

    fn look_up(cache: &mut TopicCache, tree: &SubscriptionTree, topic: &[u8], generation: u64) {
        if let Lookup::Stale(slot) = cache.lookup(topic, generation, false) {
            cache.fill(slot, tree, generation, SHARD, false);
        }
        assert!(matches!(cache.lookup(topic, generation, false), Lookup::Hit(_)));
    }

    #[test]
    fn long_topics_take_a_bounded_number_of_bytes() {
        let (mut cache, tree) = (TopicCache::default(), SubscriptionTree::default());
        for n in 0..500u32 {
            // Every other topic is short, and may stand where a long one stood.
            let topic = vec![b'x'; if n % 2 == 0 { 65_000 } else { 10 }];
            look_up(&mut cache, &tree, &[&topic[..], &n.to_be_bytes()].concat(), u64::from(n / 100) + 1);
            let bytes: usize = cache.sets.iter().flatten().map(|e| e.topic.capacity()).sum();
            assert!(bytes < LONG_TOPICS_MAX + 4096 * LONG_TOPIC, "{bytes}");
        }
        let long = |e: &Entry| if e.topic.capacity() > LONG_TOPIC { e.topic.capacity() } else { 0 };
        assert_eq!(cache.long_topics, cache.sets.iter().flatten().map(long).sum::<usize>());
    }

    #[test]
    fn groups_are_targets() {
        let (mut cache, mut tree) = (TopicCache::default(), SubscriptionTree::default());
        let grant = Grant::new(SubscriptionOptions::qos(QoS::AtMostOnce), 0);
        let subscriber = Subscriber::new(SHARD, SessionId { slot: 0, epoch: 0 }, grant);
        tree.insert("a", Some("g"), subscriber);
        tree.insert("a", Some("h"), subscriber);
        look_up(&mut cache, &tree, b"a", 1);
        assert_eq!(cache.targets, 2);
    }
}
