//! All subscriptions of all shards, by filter, level by level.
//!
//! Nodes stand in one vector and name each other by number; the edges from a node to its children are one hash table
//! for the whole tree, keyed by parent and level. So a filter that nobody shares costs little more than its levels,
//! and a match visits only nodes that lie on the topic's way: its cost depends on the topic's depth and on how many
//! ways the filters open to it, not on how many filters there are. Filters made of `+` and the topic's own levels can
//! open very many: twice as many with each level, up to all nodes there are. Each of them was made
//! by a subscription, so a walk never costs more than making them did; who publishes pays for it out of the work that one
//! connection may cause.

use crate::ShardId;
use crate::group::Group;
use crate::id::SessionId;
use crate::level::{Level, levels};
use crate::slots::{Slots, shrink_table};
use crate::subscriber::{Subscriber, Subscribers};
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

/// The number of a node. It stays with its filter as long as anybody subscribes to it.
pub(crate) type NodeId = u32;

pub(crate) const ROOT: NodeId = 0;
const NONE: NodeId = u32::MAX;

/// Nodes copied under one lock, and subscribers of theirs beyond which no more are.
const COPIED_NODES: usize = 10_000;
const COPIED_SUBSCRIBERS: usize = 100_000;

/// A copy of a node.
#[derive(Debug)]
pub(crate) struct Copied {
    pub(crate) id: NodeId,
    pub(crate) parent: NodeId,
    pub(crate) level: Box<[u8]>,
    pub(crate) subscribers: Vec<Subscriber>,
    pub(crate) groups: Vec<(Box<str>, Vec<Subscriber>)>,
}

#[derive(Debug)]
struct Node {
    parent: NodeId,
    /// The child `+`; that level is not in the table of edges.
    plus: NodeId,
    /// The child `#`.
    hash: NodeId,
    /// All children, `+` and `#` included.
    children: u32,
    level: Level,
    subscribers: Subscribers,
    /// By name: a client may be a member of very many. None where there is none, as at most nodes.
    #[allow(clippy::box_collection, reason = "nearly no node has any, and pays for a pointer only")]
    groups: Option<Box<BTreeMap<Box<str>, Arc<Group>>>>,
}

impl Node {
    fn new(parent: NodeId, level: &[u8]) -> Self {
        Self {
            parent,
            plus: NONE,
            hash: NONE,
            children: 0,
            level: Level::new(level),
            subscribers: Subscribers::default(),
            groups: None,
        }
    }

    fn groups(&self) -> impl Iterator<Item = (&Box<str>, &Arc<Group>)> {
        self.groups.iter().flat_map(|groups| groups.iter())
    }

    fn group(&self, name: &str) -> Option<&Arc<Group>> {
        self.groups.as_ref()?.get(name)
    }

    fn is_used(&self) -> bool {
        self.children > 0 || !self.subscribers.is_empty() || self.groups.is_some()
    }
}

/// The tree. Behind a lock that all shards share.
#[derive(Debug)]
pub(crate) struct SubscriptionTree {
    nodes: Slots<Node>,
    edges: HashTable<NodeId>,
    hasher: RandomState,
    count: usize,
    /// Those of them that are memberships of groups.
    shared: usize,
    /// Subscriptions made, replaced or taken back so far.
    changes: u64,
}

/// Takes what a topic matches, in the order of the walk.
pub(crate) trait Visit {
    fn subscribers(&mut self, subscribers: &Subscribers);
    fn group(&mut self, group: &Arc<Group>);
}

impl Default for SubscriptionTree {
    fn default() -> Self {
        let mut nodes = Slots::default();
        // The first one has the number 0.
        nodes.insert(Node::new(NONE, b""));
        Self { nodes, edges: HashTable::new(), hasher: RandomState::default(), count: 0, shared: 0, changes: 0 }
    }
}

impl SubscriptionTree {
    /// Subscriptions of all sessions, shared ones included.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Memberships of groups.
    pub(crate) fn shared_len(&self) -> usize {
        self.shared
    }

    /// Grows with each change of what topics match.
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }

    /// Nodes in use, the root included.
    #[cfg(test)]
    fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// Adds a subscription or replaces the one that the session has under the same filter and group. Returns its node
    /// and whether it is new.
    pub(crate) fn insert(&mut self, filter: &str, group: Option<&str>, subscriber: Subscriber) -> (NodeId, bool) {
        let mut at = ROOT;
        for level in levels(filter.as_bytes()) {
            at = match self.child(at, level) {
                Some(child) => child,
                None => self.add_child(at, level),
            };
        }
        let Some(node) = self.nodes.get_mut(at as usize) else { return (at, false) };
        self.changes += 1;
        let new = match group {
            None => node.subscribers.insert(subscriber),
            Some(name) => {
                let groups = node.groups.get_or_insert_default();
                if let Some(group) = groups.get(name) {
                    group.insert(subscriber)
                } else {
                    let group = Group::default();
                    group.insert(subscriber);
                    groups.insert(name.into(), Arc::new(group));
                    true
                }
            }
        };
        self.count += usize::from(new);
        self.shared += usize::from(new && group.is_some());
        (at, new)
    }

    /// Takes one subscription back. Returns its node, which may be gone now.
    pub(crate) fn remove(
        &mut self,
        filter: &str,
        group: Option<&str>,
        shard: ShardId,
        session: SessionId,
    ) -> Option<NodeId> {
        let at = self.find(filter)?;
        self.remove_at(at, group, shard, session).then_some(at)
    }

    /// Whether the session has this subscription.
    pub(crate) fn has(&self, filter: &str, group: Option<&str>, shard: ShardId, session: SessionId) -> bool {
        let Some(node) = self.find(filter).and_then(|at| self.nodes.get(at as usize)) else { return false };
        match group {
            None => node.subscribers.find(shard, session).is_some(),
            Some(name) => node.group(name).is_some_and(|group| group.member(shard, session).is_some()),
        }
    }

    fn find(&self, filter: &str) -> Option<NodeId> {
        levels(filter.as_bytes()).try_fold(ROOT, |at, level| self.child(at, level))
    }

    /// Takes one subscription back, of which the node is known. Returns whether there was one.
    pub(crate) fn remove_at(&mut self, at: NodeId, group: Option<&str>, shard: ShardId, session: SessionId) -> bool {
        let Some(node) = self.nodes.get_mut(at as usize) else { return false };
        let removed = match group {
            None => node.subscribers.remove(shard, session),
            Some(name) => {
                let Some(groups) = &mut node.groups else { return false };
                let Some(group) = groups.get(name) else { return false };
                let removed = group.remove(shard, session);
                if group.is_empty() {
                    groups.remove(name);
                    node.groups.take_if(|groups| groups.is_empty());
                }
                removed
            }
        };
        if removed {
            self.count -= 1;
            self.shared -= usize::from(group.is_some());
            self.changes += 1;
            self.prune(at);
        }
        removed
    }

    /// Copies nodes from the one with the number `start` on, a bounded number of them. Returns where to go on, if there
    /// are more.
    pub(crate) fn copy_slice(&self, start: NodeId, copies: &mut Vec<Copied>) -> Option<NodeId> {
        let mut subscribers = 0;
        let mut nodes = self.nodes.from(start as usize).map(|(id, node)| (id as NodeId, node));
        for (id, node) in nodes.by_ref().take(COPIED_NODES) {
            let Some(node) = node.filter(|node| node.is_used()) else { continue };
            let groups: Vec<_> = node.groups().map(|(name, group)| (name.clone(), group.members())).collect();
            subscribers += node.subscribers.as_slice().len() + groups.iter().map(|(_, m)| m.len()).sum::<usize>();
            copies.push(Copied {
                id,
                parent: node.parent,
                level: node.level.as_bytes().into(),
                subscribers: node.subscribers.as_slice().to_vec(),
                groups,
            });
            if subscribers >= COPIED_SUBSCRIBERS {
                break;
            }
        }
        nodes.next().map(|(id, _)| id)
    }

    /// Gives `take` all filters in the next so many places from `from` on, each with its subscribers: those in the group
    /// that is named, or those without. Returns where to go on, if there is more.
    pub(crate) fn filters_in(
        &self,
        from: NodeId,
        places: u32,
        take: &mut impl FnMut(Option<&str>, &str, &[Subscriber]),
    ) -> Option<NodeId> {
        let mut nodes = self.nodes.from(from as usize).map(|(id, node)| (id as NodeId, node));
        for (id, node) in nodes.by_ref().take(places as usize) {
            let Some(node) = node.filter(|node| !node.subscribers.is_empty() || node.groups.is_some()) else {
                continue;
            };
            let filter = self.filter_of(id);
            take(None, &filter, node.subscribers.as_slice());
            for (name, group) in node.groups() {
                take(Some(name), &filter, &group.members());
            }
        }
        nodes.next().map(|(id, _)| id)
    }

    pub(crate) fn filter_of(&self, mut at: NodeId) -> String {
        let mut levels = Vec::new();
        while at != ROOT
            && let Some(node) = self.nodes.get(at as usize)
        {
            levels.push(String::from_utf8_lossy(node.level.as_bytes()));
            at = node.parent;
        }
        levels.reverse();
        levels.join("/")
    }

    /// Shows `visitor` everything that matches `topic`. At each level the name itself comes first, then `+`, then `#`.
    /// Returns how many nodes that took.
    pub(crate) fn visit(&self, topic: &[u8], visitor: &mut impl Visit) -> usize {
        let mut rest = levels(topic);
        let Some((root, first)) = self.nodes.get(ROOT as usize).zip(rest.next()) else { return 0 };
        let mut visited = 1;
        if let Some(child) = self.edge(ROOT, first) {
            visited += self.walk(child, rest.clone(), visitor);
        }
        // [MQTT-4.7.2-1]: wildcards on the first level do not match topics that begin with `$`.
        if !topic.starts_with(b"$") {
            visited += self.walk(root.plus, rest, visitor) + self.show(root.hash, visitor);
        }
        visited
    }

    /// Below `at`, whose level has matched. As deep as a topic may be, which [`MAX_LEVEL_SEPARATORS`] bounds.
    ///
    /// [`MAX_LEVEL_SEPARATORS`]: mosquitto_mqtt::MAX_LEVEL_SEPARATORS
    fn walk<'t>(
        &self,
        at: NodeId,
        mut rest: impl Iterator<Item = &'t [u8]> + Clone,
        visitor: &mut impl Visit,
    ) -> usize {
        let Some(node) = self.nodes.get(at as usize) else { return 0 };
        let visited = match rest.next() {
            None => self.show(at, visitor),
            Some(level) => {
                let mut visited = 1;
                if let Some(child) = self.edge(at, level) {
                    visited += self.walk(child, rest.clone(), visitor);
                }
                if node.plus != NONE {
                    visited += self.walk(node.plus, rest, visitor);
                }
                visited
            }
        };
        // `a/#` matches `a` as well as all that is below it.
        visited + self.show(node.hash, visitor)
    }

    fn show(&self, at: NodeId, visitor: &mut impl Visit) -> usize {
        let Some(node) = self.nodes.get(at as usize) else { return 0 };
        visitor.subscribers(&node.subscribers);
        for (_, group) in node.groups() {
            visitor.group(group);
        }
        1
    }

    fn child(&self, at: NodeId, level: &[u8]) -> Option<NodeId> {
        let node = self.nodes.get(at as usize)?;
        match level {
            b"+" => (node.plus != NONE).then_some(node.plus),
            b"#" => (node.hash != NONE).then_some(node.hash),
            _ => self.edge(at, level),
        }
    }

    #[inline]
    fn edge(&self, parent: NodeId, level: &[u8]) -> Option<NodeId> {
        let is = |&id: &NodeId| {
            self.nodes.get(id as usize).is_some_and(|n| n.parent == parent && n.level.as_bytes() == level)
        };
        self.edges.find(hash_edge(&self.hasher, parent, level), is).copied()
    }

    fn add_child(&mut self, parent: NodeId, level: &[u8]) -> NodeId {
        let id = self.nodes.insert(Node::new(parent, level)) as NodeId;
        match level {
            b"+" | b"#" => {}
            _ => {
                let (nodes, hasher) = (&self.nodes, &self.hasher);
                self.edges.insert_unique(hash_edge(hasher, parent, level), id, |&id| {
                    nodes.get(id as usize).map_or(0, |n| hash_edge(hasher, n.parent, n.level.as_bytes()))
                });
            }
        }
        if let Some(parent) = self.nodes.get_mut(parent as usize) {
            parent.children += 1;
            match level {
                b"+" => parent.plus = id,
                b"#" => parent.hash = id,
                _ => {}
            }
        }
        id
    }

    /// Drops `at` and its ancestors as far as nobody needs them.
    fn prune(&mut self, mut at: NodeId) {
        while at != ROOT {
            if self.nodes.get(at as usize).is_none_or(Node::is_used) {
                return;
            }
            let Some(node) = self.nodes.remove(at as usize) else { return };
            let parent = node.parent;
            match node.level.as_bytes() {
                b"+" | b"#" => {}
                name => self.forget_edge(at, parent, name),
            }
            if let Some(parent) = self.nodes.get_mut(parent as usize) {
                parent.children -= 1;
                if parent.plus == at {
                    parent.plus = NONE;
                } else if parent.hash == at {
                    parent.hash = NONE;
                }
            }
            at = parent;
        }
    }

    fn forget_edge(&mut self, at: NodeId, parent: NodeId, level: &[u8]) {
        let (nodes, hasher) = (&self.nodes, &self.hasher);
        if let Ok(entry) = self.edges.find_entry(hash_edge(hasher, parent, level), |&id| id == at) {
            entry.remove();
        }
        shrink_table(&mut self.edges, |&id| {
            nodes.get(id as usize).map_or(0, |n| hash_edge(hasher, n.parent, n.level.as_bytes()))
        });
    }
}

#[inline]
fn hash_edge(hasher: &RandomState, parent: NodeId, level: &[u8]) -> u64 {
    let mut state = hasher.build_hasher();
    state.write_u32(parent);
    state.write(level);
    state.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subscriber::Grant;
    use mosquitto_mqtt::packet::SubscriptionOptions;
    use mosquitto_mqtt::{QoS, TopicFilter, TopicName};

    const SHARD: ShardId = ShardId(0);

    fn subscriber(slot: u32) -> Subscriber {
        let grant = Grant::new(SubscriptionOptions::qos(QoS::AtMostOnce), 0);
        Subscriber::new(SHARD, SessionId { slot, epoch: 0 }, grant)
    }

    #[derive(Default)]
    struct Hits(Vec<u32>, usize);

    impl Visit for Hits {
        fn subscribers(&mut self, subscribers: &Subscribers) {
            self.0.extend(subscribers.as_slice().iter().map(|s| s.session.slot));
        }
        fn group(&mut self, _: &Arc<Group>) {
            self.1 += 1;
        }
    }

    fn hits(tree: &SubscriptionTree, topic: &str) -> Hits {
        let mut hits = Hits::default();
        tree.visit(topic.as_bytes(), &mut hits);
        hits
    }

    const FILTERS: [&str; 20] = [
        "#", "+", "/", "+/+", "/+", "a", "a/#", "a/+", "a/b", "a/b/#", "+/b", "+/b/#", "a/+/c", "a/b/c", "+/+/+",
        "a//c", "$SYS/#", "$SYS/+", "$SYS/a", "a/+/c/#",
    ];
    const TOPICS: [&str; 13] =
        ["a", "/", "a/b", "a/b/c", "a//c", "/b", "b", "a/x/c/d", "$SYS", "$SYS/a", "$SYS/a/b", "x/b/y", "a/"];

    #[test]
    fn the_tree_matches_what_the_filters_match_one_by_one() {
        let mut tree = SubscriptionTree::default();
        for (slot, filter) in (0..).zip(FILTERS) {
            tree.insert(filter, None, subscriber(slot));
        }
        for topic in TOPICS {
            let name = TopicName::new(topic).unwrap();
            let expected: Vec<u32> = (0..)
                .zip(FILTERS)
                .filter(|(_, f)| TopicFilter::new(f).unwrap().matches(name))
                .map(|(slot, _)| slot)
                .collect();
            let mut found = hits(&tree, topic).0;
            found.sort_unstable();
            assert_eq!(found, expected, "{topic}");
        }
    }

    #[test]
    fn the_walk_shows_the_name_before_plus_before_hash() {
        let mut tree = SubscriptionTree::default();
        for (slot, filter) in (0..).zip(["#", "+/b", "a/+", "a/b", "a/#"]) {
            tree.insert(filter, None, subscriber(slot));
        }
        assert_eq!(hits(&tree, "a/b").0, [3, 2, 4, 1, 0]);
    }

    #[test]
    fn a_walk_counts_the_nodes_that_it_visits() {
        let mut tree = SubscriptionTree::default();
        // Every mixture of `x` and `+` on eight levels, none of which is a match.
        for mixture in 0..256u32 {
            let levels: Vec<&str> = (0..8).map(|bit| if mixture >> bit & 1 == 0 { "x" } else { "+" }).collect();
            tree.insert(&format!("{}/y", levels.join("/")), None, subscriber(mixture));
        }
        assert_eq!(tree.visit(b"x/x/x/x/x/x/x/x/x", &mut Hits::default()), (1 << 9) - 1);
        assert_eq!(tree.visit(b"y", &mut Hits::default()), 2);
        assert_eq!(tree.visit(b"$x/x", &mut Hits::default()), 1);
    }

    #[test]
    fn a_tree_that_is_emptied_keeps_only_its_root() {
        let mut tree = SubscriptionTree::default();
        let long = format!("a/{}", "x".repeat(100));
        let nodes: Vec<NodeId> =
            FILTERS.iter().chain([&long.as_str()]).map(|f| tree.insert(f, None, subscriber(1)).0).collect();
        assert_eq!(tree.len(), FILTERS.len() + 1);
        let removed = tree.remove("a/b", None, SHARD, subscriber(1).session).unwrap();
        assert_eq!(tree.remove("a/b", None, SHARD, subscriber(1).session), None);
        for node in nodes.into_iter().filter(|&n| n != removed) {
            assert!(tree.remove_at(node, None, SHARD, subscriber(1).session));
        }
        assert_eq!((tree.len(), tree.node_count(), tree.edges.len()), (0, 1, 0));
    }

    #[test]
    fn a_membership_is_taken_back_alone() {
        let mut tree = SubscriptionTree::default();
        let session = subscriber(1).session;
        let (node, _) = tree.insert("a", Some("g"), subscriber(1));
        tree.insert("a", Some("h"), subscriber(1));
        tree.insert("a", None, subscriber(1));
        assert!(tree.remove_at(node, Some("g"), SHARD, session));
        assert!(!tree.remove_at(node, Some("g"), SHARD, session));
        assert!(tree.remove_at(node, None, SHARD, session));
        assert!(tree.remove_at(node, Some("h"), SHARD, session));
        assert_eq!((tree.len(), tree.node_count()), (0, 1));
    }

    #[test]
    fn groups_stand_beside_plain_subscriptions_of_the_same_filter() {
        let mut tree = SubscriptionTree::default();
        tree.insert("a/b", Some("g"), subscriber(1));
        tree.insert("a/b", Some("h"), subscriber(1));
        tree.insert("a/b", None, subscriber(1));
        let found = hits(&tree, "a/b");
        assert_eq!((found.0, found.1), (vec![1], 2));
        let session = subscriber(1).session;
        assert!(tree.remove("a/b", Some("g"), SHARD, session).is_some());
        assert!(tree.remove("a/b", None, SHARD, session).is_some());
        assert_eq!(tree.remove("a/b", Some("g"), SHARD, session), None);
        assert_eq!((hits(&tree, "a/b").1, tree.len()), (1, 1));
        assert!(tree.remove("a/b", Some("h"), SHARD, session).is_some());
        assert_eq!(tree.node_count(), 1);
    }
}
