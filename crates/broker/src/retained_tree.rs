//! All retained messages of all shards, by topic, and the walk that finds those that a new subscription wants.
//!
//! The walk is made in slices, as fast as the subscriber takes the messages, while others change the tree. It
//! therefore remembers its way not by position but by node and the node's serial number: children stand in the order
//! in which they came, so where a node is gone, the walk goes on with the first sibling that came after it.

use crate::Moment;
use crate::access::Source;
use crate::edges::Edges;
use crate::level::{Level, levels};
use crate::message::{Message, MessageRef};
use crate::slots::Slots;
use foldhash::fast::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::ops::Range;
use std::sync::Arc;

type NodeId = u32;

const ROOT: NodeId = 0;
const NONE: NodeId = u32::MAX;

#[derive(Debug)]
struct Node {
    /// Never used twice, and larger for what came later.
    serial: u64,
    parent: NodeId,
    first_child: NodeId,
    last_child: NodeId,
    next: NodeId,
    previous: NodeId,
    level: Level,
    retained: Option<Retained>,
}

/// A retained message.
#[derive(Debug, Clone)]
pub(crate) struct Retained {
    pub(crate) message: Message,
    /// Who published it, where that is asked for; none: nobody is asked about it.
    pub(crate) source: Option<Arc<Source>>,
}

impl Retained {
    #[inline]
    fn view(&self) -> MessageRef<'_> {
        self.message.view()
    }
}

impl From<Message> for Retained {
    fn from(message: Message) -> Self {
        Self { message, source: None }
    }
}

impl Node {
    fn has_expired(&self, now: Moment) -> bool {
        self.retained.as_ref().is_some_and(|retained| retained.view().expires_at <= now)
    }
}

/// The tree. Behind a lock that all shards share.
#[derive(Debug)]
pub(crate) struct RetainedTree {
    nodes: Slots<Node>,
    edges: Edges,
    hasher: RandomState,
    last_serial: u64,
    /// How many changes there were that records speak of.
    pub(crate) changes: u64,
    count: usize,
}

/// Where a walk stands.
#[derive(Debug)]
pub(crate) struct RetainedWalk {
    filter: Box<str>,
    /// Levels of the filter, and whether the last one is `#`.
    depth: usize,
    open_ended: bool,
    /// The serial number of the youngest node there was when it began. What is retained under younger ones was published
    /// after the subscription was made, and came to it already.
    newest: u64,
    /// The nodes from the root to the last one visited.
    path: Vec<(NodeId, u64)>,
    /// Where the last node visited was gone when the walk came back to it: its serial number. The walk passes its
    /// siblings once more, from the first one on, until one is younger. 0: it passes nothing.
    passed: u64,
}

/// What a slice of a walk comes to.
#[derive(Debug)]
pub(crate) enum Found {
    /// The next retained message.
    Message(Retained),
    /// As many nodes as allowed were visited.
    Pause,
    /// There are no more.
    End,
}

impl RetainedWalk {
    /// A walk over what `filter` matches, in the order of the tree: parents before children. It leaves out topics that are
    /// younger than [`newest`](RetainedTree::newest) says.
    pub(crate) fn new(filter: &str, newest: u64) -> Self {
        let depth = levels(filter.as_bytes()).count();
        Self {
            filter: filter.into(),
            depth,
            open_ended: filter.ends_with('#'),
            newest,
            path: vec![(ROOT, 0)],
            passed: 0,
        }
    }

    /// The levels that a node has to match one by one.
    fn fixed(&self) -> usize {
        self.depth - usize::from(self.open_ended)
    }

    /// Whether a node this deep is a match, given that its way was.
    fn is_match(&self, depth: usize) -> bool {
        if self.open_ended { depth >= self.fixed() } else { depth == self.depth }
    }

    /// What the children of a node at `depth` have to be.
    fn wanted(&self, depth: usize) -> Wanted<'_> {
        if depth >= self.fixed() {
            return if self.open_ended { Wanted::Any } else { Wanted::None };
        }
        match levels(self.filter.as_bytes()).nth(depth) {
            Some(b"+") => Wanted::Any,
            Some(name) => Wanted::Name(name),
            None => Wanted::None,
        }
    }
}

enum Wanted<'a> {
    None,
    Any,
    Name(&'a [u8]),
}

impl Default for RetainedTree {
    fn default() -> Self {
        let root = Node {
            serial: 0,
            parent: NONE,
            first_child: NONE,
            last_child: NONE,
            next: NONE,
            previous: NONE,
            level: Level::new(b""),
            retained: None,
        };
        let mut nodes = Slots::default();
        // The first one has the number 0.
        nodes.insert(root);
        Self { nodes, edges: Edges::default(), hasher: RandomState::default(), last_serial: 0, changes: 0, count: 0 }
    }
}

impl RetainedTree {
    /// Retained messages.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// There will soon be so many more topics.
    pub(crate) fn reserve(&mut self, topics: usize) {
        // And some levels above them: a little more, lest it grows to twice the size for these.
        let topics = topics + topics / 16;
        self.nodes.reserve(topics);
        let (nodes, hasher) = (&self.nodes, &self.hasher);
        self.edges.reserve(topics, |id| {
            nodes.get(id as usize).map_or(0, |n| hash_edge(hasher, n.parent, n.level.as_bytes()))
        });
    }

    /// The serial number of the youngest node.
    pub(crate) fn newest(&self) -> u64 {
        self.last_serial
    }

    /// Keeps a message in place of what its topic had `[MQTT-3.3.1-5]`.
    pub(crate) fn set(&mut self, new: impl Into<Retained>) {
        let new: Retained = new.into();
        let mut at = ROOT;
        for level in levels(new.view().topic) {
            at = match self.edge(at, level) {
                Some(child) => child,
                None => self.add_child(at, level),
            };
        }
        if let Some(node) = self.nodes.get_mut(at as usize)
            && node.retained.replace(new).is_none()
        {
            self.count += 1;
        }
    }

    /// Forgets what `topic` has `[MQTT-3.3.1-6]`.
    pub(crate) fn remove(&mut self, topic: &[u8]) {
        self.remove_if(topic, |_| true);
    }

    /// Forgets what `topic` has if it has expired by `now`.
    pub(crate) fn remove_expired(&mut self, topic: &[u8], now: Moment) {
        self.remove_if(topic, |retained| retained.view().expires_at <= now);
    }

    /// Whether anything is retained for `topic`.
    pub(crate) fn has(&self, topic: &[u8]) -> bool {
        let node = self.find(topic).and_then(|at| self.nodes.get(at as usize));
        node.is_some_and(|node| node.retained.is_some())
    }

    fn find(&self, topic: &[u8]) -> Option<NodeId> {
        levels(topic).try_fold(ROOT, |at, level| self.edge(at, level))
    }

    fn remove_if(&mut self, topic: &[u8], gone: impl FnOnce(&Retained) -> bool) {
        let Some(at) = self.find(topic) else { return };
        if let Some(node) = self.nodes.get_mut(at as usize)
            && node.retained.as_ref().is_some_and(gone)
        {
            node.retained = None;
            self.count -= 1;
            self.prune(at);
        }
    }

    /// Places for nodes, those in use and those that are free among them.
    pub(crate) fn slots(&self) -> usize {
        self.nodes.end()
    }

    /// The nodes in these places.
    fn nodes_in(&self, slots: Range<usize>) -> impl Iterator<Item = &Node> {
        self.nodes.from(slots.start).take(slots.len()).filter_map(|(_, node)| node)
    }

    /// What is retained in these places.
    pub(crate) fn retained_in(&self, slots: Range<usize>) -> impl Iterator<Item = &Retained> {
        self.nodes_in(slots).filter_map(|node| node.retained.as_ref())
    }

    /// Whether anything has expired by `now` that is retained in these places.
    pub(crate) fn has_expired(&self, slots: Range<usize>, now: Moment) -> bool {
        self.nodes_in(slots).any(|node| node.has_expired(now))
    }

    /// Forgets all that has expired by `now` and is retained in these places.
    pub(crate) fn remove_all_expired(&mut self, slots: Range<usize>, now: Moment) {
        for at in slots.start..slots.end.min(self.nodes.end()) {
            if let Some(node) = self.nodes.get_mut(at)
                && node.has_expired(now)
            {
                node.retained = None;
                self.count -= 1;
                self.prune(at as NodeId);
            }
        }
    }

    /// The next match of `walk`. Each node visited takes one of `visits`.
    pub(crate) fn advance(&self, walk: &mut RetainedWalk, visits: &mut u32) -> Found {
        loop {
            if *visits == 0 {
                return Found::Pause;
            }
            *visits -= 1;
            let Some(at) = self.step(walk) else { return Found::End };
            if walk.passed == 0
                && walk.is_match(walk.path.len() - 1)
                && !self.is_barred(walk)
                && let Some(node) = self.nodes.get(at as usize).filter(|node| node.serial <= walk.newest)
                && let Some(retained) = node.retained.clone()
            {
                return Found::Message(retained);
            }
        }
    }

    /// What is retained where `walk` stands, if anything still is.
    pub(crate) fn current(&self, walk: &RetainedWalk) -> Option<Retained> {
        let &(at, serial) = walk.path.last()?;
        self.alive(at, serial)?.retained.clone()
    }

    /// Goes down, or else sideways, or else up and sideways; the path ends at the new node.
    fn step(&self, walk: &mut RetainedWalk) -> Option<NodeId> {
        let &(at, serial) = walk.path.last()?;
        let may_go_down = walk.passed == 0 && !self.is_barred(walk);
        let down =
            self.alive(at, serial).filter(|_| may_go_down).and_then(|node| match walk.wanted(walk.path.len() - 1) {
                Wanted::None => None,
                Wanted::Any => self.enter(walk, node.first_child),
                Wanted::Name(name) => self.edge(at, name).and_then(|child| self.enter(walk, child)),
            });
        if down.is_some() {
            return down;
        }
        loop {
            let (last, serial) = walk.path.pop()?;
            let &(parent, parent_serial) = walk.path.last()?;
            if let Some(parent) = self.alive(parent, parent_serial)
                && matches!(walk.wanted(walk.path.len() - 1), Wanted::Any)
            {
                let next = if let Some(last) = self.alive(last, serial) {
                    last.next
                } else {
                    walk.passed = walk.passed.max(serial);
                    parent.first_child
                };
                if let Some(sibling) = self.enter(walk, next) {
                    return Some(sibling);
                }
            }
            walk.passed = 0;
        }
    }

    /// Puts a child of the last node at the end of the path.
    fn enter(&self, walk: &mut RetainedWalk, child: NodeId) -> Option<NodeId> {
        let serial = self.nodes.get(child as usize)?.serial;
        walk.path.push((child, serial));
        if serial > walk.passed {
            walk.passed = 0;
        }
        Some(child)
    }

    /// Whether the walk stands at what a wildcard on the first level does not match `[MQTT-4.7.2-1]`.
    fn is_barred(&self, walk: &RetainedWalk) -> bool {
        let [_, (at, _)] = walk.path.as_slice() else { return false };
        matches!(walk.wanted(0), Wanted::Any)
            && self.nodes.get(*at as usize).is_some_and(|node| node.level.as_bytes().starts_with(b"$"))
    }

    fn alive(&self, at: NodeId, serial: u64) -> Option<&Node> {
        self.nodes.get(at as usize).filter(|node| node.serial == serial)
    }

    fn edge(&self, parent: NodeId, level: &[u8]) -> Option<NodeId> {
        let is = |&id: &NodeId| {
            self.nodes.get(id as usize).is_some_and(|n| n.parent == parent && n.level.as_bytes() == level)
        };
        self.edges.find(hash_edge(&self.hasher, parent, level), is)
    }

    fn add_child(&mut self, parent: NodeId, level: &[u8]) -> NodeId {
        self.last_serial += 1;
        let previous = self.nodes.get(parent as usize).map_or(NONE, |p| p.last_child);
        let node = Node {
            serial: self.last_serial,
            parent,
            first_child: NONE,
            last_child: NONE,
            next: NONE,
            previous,
            level: Level::new(level),
            retained: None,
        };
        let id = self.nodes.insert(node) as NodeId;
        if let Some(previous) = self.nodes.get_mut(previous as usize) {
            previous.next = id;
        } else if let Some(parent) = self.nodes.get_mut(parent as usize) {
            parent.first_child = id;
        }
        if let Some(parent) = self.nodes.get_mut(parent as usize) {
            parent.last_child = id;
        }
        let (nodes, hasher) = (&self.nodes, &self.hasher);
        self.edges.insert(hash_edge(hasher, parent, level), id, |id| {
            nodes.get(id as usize).map_or(0, |n| hash_edge(hasher, n.parent, n.level.as_bytes()))
        });
        id
    }

    /// Drops `at` and its ancestors as far as they hold nothing.
    fn prune(&mut self, mut at: NodeId) {
        while at != ROOT {
            let Some(node) = self.nodes.get(at as usize) else { return };
            if node.retained.is_some() || node.first_child != NONE {
                return;
            }
            let (parent, next, previous) = (node.parent, node.next, node.previous);
            let hash = hash_edge(&self.hasher, parent, node.level.as_bytes());
            let (nodes, hasher) = (&self.nodes, &self.hasher);
            self.edges.remove(hash, at, |id| {
                nodes.get(id as usize).map_or(0, |n| hash_edge(hasher, n.parent, n.level.as_bytes()))
            });
            self.nodes.remove(at as usize);
            match self.nodes.get_mut(previous as usize) {
                Some(previous) => previous.next = next,
                None => self.with(parent, |p| p.first_child = next),
            }
            match self.nodes.get_mut(next as usize) {
                Some(next) => next.previous = previous,
                None => self.with(parent, |p| p.last_child = previous),
            }
            at = parent;
        }
    }

    fn with(&mut self, at: NodeId, change: impl FnOnce(&mut Node)) {
        if let Some(node) = self.nodes.get_mut(at as usize) {
            change(node);
        }
    }
}

fn hash_edge(hasher: &RandomState, parent: NodeId, level: &[u8]) -> u64 {
    let mut state = hasher.build_hasher();
    state.write_u32(parent);
    state.write(level);
    state.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mosquitto_mqtt::{QoS, TopicFilter, TopicName};

    fn message(topic: &str, expires_at: Moment) -> Message {
        let topic = topic.as_bytes();
        Message::store(MessageRef {
            number: 0,
            topic,
            properties: b"",
            payload: b"x",
            qos: QoS::AtMostOnce,
            retain: true,
            expires_at,
        })
    }

    fn tree(topics: &[&str]) -> RetainedTree {
        let mut tree = RetainedTree::default();
        for topic in topics {
            tree.set(message(topic, Moment::NEVER));
        }
        tree
    }

    fn next(tree: &RetainedTree, walk: &mut RetainedWalk) -> Option<String> {
        let mut visits = u32::MAX;
        match tree.advance(walk, &mut visits) {
            Found::Message(m) => Some(String::from_utf8(m.view().topic.to_vec()).unwrap()),
            _ => None,
        }
    }

    fn all(tree: &RetainedTree, filter: &str) -> Vec<String> {
        let mut walk = RetainedWalk::new(filter, tree.newest());
        std::iter::from_fn(|| next(tree, &mut walk)).collect()
    }

    #[test]
    fn a_walk_finds_what_the_filter_matches() {
        let topics = ["a", "a/b", "a/b/c", "a/x/c", "b", "/", "/a", "a/", "$SYS/x", "$SYS", "a/b/c/d"];
        let tree = tree(&topics);
        assert_eq!(tree.len(), topics.len());
        for filter in ["#", "+", "a", "a/#", "a/+", "a/+/c", "+/b/#", "/#", "$SYS/#", "$SYS/+", "+/+", "a/b/c/d/#", "x"]
        {
            let mut found = all(&tree, filter);
            let mut expected: Vec<String> = topics
                .iter()
                .filter(|t| TopicFilter::new(filter).unwrap().matches(TopicName::new(t).unwrap()))
                .map(|t| (*t).to_owned())
                .collect();
            found.sort();
            expected.sort();
            assert_eq!(found, expected, "{filter}");
        }
    }

    #[test]
    fn parents_come_before_children() {
        assert_eq!(all(&tree(&["a/b/c", "a", "a/b"]), "#"), ["a", "a/b", "a/b/c"]);
    }

    #[test]
    fn a_walk_goes_on_where_nodes_were_removed_and_added() {
        let mut tree = tree(&["a/1", "a/2/x", "a/3", "a/4"]);
        let mut walk = RetainedWalk::new("a/#", tree.newest());
        assert_eq!(next(&tree, &mut walk).as_deref(), Some("a/1"));
        assert_eq!(next(&tree, &mut walk).as_deref(), Some("a/2/x"));
        tree.remove(b"a/2/x");
        tree.remove(b"a/3");
        tree.set(message("a/2/y", Moment::NEVER));
        assert_eq!(next(&tree, &mut walk).as_deref(), Some("a/4"));
        assert_eq!(next(&tree, &mut walk), None, "what came after the walk began is left out");
        assert_eq!(next(&tree, &mut walk), None);
    }

    #[test]
    fn a_walk_pauses_when_its_visits_are_used_up() {
        let tree = tree(&["a/1", "a/2"]);
        let (mut walk, mut visits) = (RetainedWalk::new("#", tree.newest()), 2);
        assert!(matches!(tree.advance(&mut walk, &mut visits), Found::Message(_)));
        assert!(matches!(tree.advance(&mut walk, &mut visits), Found::Pause));
        assert_eq!(next(&tree, &mut walk).as_deref(), Some("a/2"));
    }

    /// Visits until the walk is at its end or comes to its next message, a slice of five at a time.
    fn visits_to_next(tree: &RetainedTree, walk: &mut RetainedWalk) -> (u32, Option<String>) {
        let mut used = 0;
        loop {
            let mut visits = 5;
            let found = tree.advance(walk, &mut visits);
            used += 5 - visits;
            match found {
                Found::Message(m) => return (used, Some(String::from_utf8(m.view().topic.to_vec()).unwrap())),
                Found::End => return (used, None),
                Found::Pause => {}
            }
        }
    }

    #[test]
    fn topics_that_are_passed_over_are_visits() {
        // [MQTT-4.7.2-1]
        let mut topics: Vec<String> = (0..50).map(|n| format!("${n}/x")).collect();
        topics.push("t".into());
        let tree = tree(&topics.iter().map(String::as_str).collect::<Vec<_>>());
        for filter in ["#", "+"] {
            let mut walk = RetainedWalk::new(filter, tree.newest());
            assert_eq!(visits_to_next(&tree, &mut walk), (51, Some("t".into())), "{filter}");
            assert_eq!(visits_to_next(&tree, &mut walk), (1, None), "{filter}");
        }
        assert_eq!(all(&tree, "+/x"), [""; 0]);
        assert_eq!(all(&tree, "$7/#"), ["$7/x"]);
    }

    #[test]
    fn the_way_back_to_where_a_node_is_gone_is_visits() {
        let topics: Vec<String> = (0..50).map(|n| format!("t/{n}/x")).collect();
        let mut tree = tree(&topics.iter().map(String::as_str).collect::<Vec<_>>());
        let mut walk = RetainedWalk::new("t/+/x", tree.newest());
        for topic in &topics[..40] {
            assert_eq!(next(&tree, &mut walk).as_ref(), Some(topic));
        }
        // The walk stands at the last of these two.
        (38..40).for_each(|n| tree.remove(format!("t/{n}/x").as_bytes()));
        let mut visits = 10;
        assert!(matches!(tree.advance(&mut walk, &mut visits), Found::Pause));
        // Where it has come to on its way is gone now as well.
        (5..15).for_each(|n| tree.remove(format!("t/{n}/x").as_bytes()));
        let (used, found) = visits_to_next(&tree, &mut walk);
        assert_eq!(found.as_deref(), Some("t/40/x"), "nothing is sent twice, nothing left out");
        assert!(used >= 28, "{used}");
        assert_eq!(std::iter::from_fn(|| next(&tree, &mut walk)).count(), 9);
    }

    #[test]
    fn removing_everything_leaves_the_root() {
        let mut tree = tree(&["a/b", "a", "c/d/e"]);
        tree.set(message("x", Moment(5)));
        tree.remove_expired(b"x", Moment(4));
        assert_eq!(tree.len(), 4);
        tree.remove_expired(b"x", Moment(5));
        for topic in ["a", "c/d/e", "a/b", "none"] {
            tree.remove(topic.as_bytes());
        }
        assert_eq!((tree.len(), tree.nodes.len(), tree.edges.len()), (0, 1, 0));
    }
}
