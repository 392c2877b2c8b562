//! Rules as a tree over the levels of their filters.

use super::Subject;
use hashbrown::HashMap;

type NodeId = u32;

const ROOT: NodeId = 0;

/// What rules say, added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Verdict(u8);

impl Verdict {
    /// No rule says anything.
    pub(super) const NOTHING: Self = Self(0);
    pub(super) const READ: Self = Self(1);
    pub(super) const WRITE: Self = Self(2);
    pub(super) const READ_WRITE: Self = Self(3);
    pub(super) const DENY: Self = Self(4);

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn denies(self) -> bool {
        self.0 & Self::DENY.0 != 0
    }

    pub(super) fn reads(self) -> bool {
        self.0 & Self::READ.0 != 0
    }

    pub(super) fn writes(self) -> bool {
        self.0 & Self::WRITE.0 != 0
    }

    /// Without what it allows.
    fn denials(self) -> Self {
        Self(self.0 & Self::DENY.0)
    }
}

/// What `%c` and `%u` stand for; none where no topic matches them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named<'a> {
    client_id: Option<&'a [u8]>,
    username: Option<&'a [u8]>,
}

impl<'a> Named<'a> {
    /// For rules that know neither.
    pub(super) const NOBODY: Named<'static> = Named { client_id: None, username: None };

    pub(super) fn of(subject: Subject<'a>) -> Self {
        Self { client_id: Some(subject.client_id.as_bytes()), username: subject.username.map(str::as_bytes) }
    }
}

/// The rules for somebody.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    /// Rules with `%u` within a level, where it stands for nothing: for clients with a username only, nevertheless.
    named: Option<Box<Tree>>,
}

#[derive(Debug, Default)]
struct Node {
    /// Levels as they are written.
    names: HashMap<Box<[u8]>, NodeId, foldhash::fast::FixedState>,
    /// `+`.
    any: Option<NodeId>,
    /// `%c`.
    client_id: Option<NodeId>,
    /// `%u`.
    username: Option<NodeId>,
    /// What the rules say that end here.
    here: Verdict,
    /// What those say that end with `#` below.
    below: Verdict,
}

impl Default for Tree {
    fn default() -> Self {
        Self { nodes: vec![Node::default()], named: None }
    }
}

impl Tree {
    /// Whether there is no rule.
    pub(super) fn is_empty(&self) -> bool {
        self.named.is_none() && self.nodes.len() == 1 && self.nodes.iter().all(|root| root.below == Verdict::NOTHING)
    }

    /// Adds a rule in which `%c` and `%u` are levels like any other.
    pub(super) fn insert(&mut self, filter: &str, verdict: Verdict) {
        self.insert_with(filter, verdict, false);
    }

    /// Adds a rule in which a level of `%c` or `%u` stands for the client's own name.
    pub(super) fn insert_pattern(&mut self, filter: &str, verdict: Verdict) {
        let has_level = filter.split('/').any(|level| level == "%u");
        if filter.contains("%u") && !has_level {
            self.named.get_or_insert_default().insert_with(filter, verdict, true);
        } else {
            self.insert_with(filter, verdict, true);
        }
    }

    fn insert_with(&mut self, filter: &str, verdict: Verdict, is_pattern: bool) {
        let mut at = ROOT;
        for level in filter.split('/') {
            if level == "#" {
                if let Some(node) = self.nodes.get_mut(at as usize) {
                    node.below = node.below.and(verdict);
                }
                return;
            }
            at = self.child(at, level, is_pattern);
        }
        if let Some(node) = self.nodes.get_mut(at as usize) {
            node.here = node.here.and(verdict);
        }
    }

    /// The node for a level below another, made if need be.
    fn child(&mut self, at: NodeId, level: &str, is_pattern: bool) -> NodeId {
        let new = self.nodes.len() as NodeId;
        let Some(node) = self.nodes.get_mut(at as usize) else { return at };
        let child = match level {
            "+" => *node.any.get_or_insert(new),
            "%c" if is_pattern => *node.client_id.get_or_insert(new),
            "%u" if is_pattern => *node.username.get_or_insert(new),
            name => match node.names.get(name.as_bytes()) {
                Some(&child) => child,
                None => *node.names.entry(name.as_bytes().into()).or_insert(new),
            },
        };
        if child == new {
            self.nodes.push(Node::default());
        }
        child
    }

    /// What all rules together say that match a topic. The way to a node determines which of the topic's levels lead
    /// there, so no node is visited twice.
    pub(super) fn verdict(&self, topic: &[u8], named: Named<'_>) -> Verdict {
        let found = self.walk(topic, named).found;
        match &self.named {
            Some(more) if named.username.is_some() => found.and(more.verdict(topic, named)),
            _ => found,
        }
    }

    fn walk<'a>(&'a self, topic: &'a [u8], named: Named<'a>) -> Walk<'a> {
        let mut walk = Walk { tree: self, named, found: Verdict::NOTHING, visited: 0 };
        walk.enter(ROOT, Some(topic), topic.first() == Some(&b'$'), false);
        walk
    }

    /// How many nodes a question costs.
    #[cfg(test)]
    pub(super) fn visited(&self, topic: &[u8], named: Named<'_>) -> usize {
        self.walk(topic, named).visited
    }
}

struct Walk<'a> {
    tree: &'a Tree,
    named: Named<'a>,
    found: Verdict,
    /// Nodes.
    visited: usize,
}

impl<'a> Walk<'a> {
    /// Goes on from a node with what is left of the topic; none where nothing is. `reserved` at the root of a topic that
    /// begins with `$`: only a rule that does so as well matches it. `deny_only` where only a rule that denies counts.
    fn enter(&mut self, at: NodeId, rest: Option<&'a [u8]>, reserved: bool, deny_only: bool) {
        let Some(node) = self.tree.nodes.get(at as usize) else { return };
        self.visited += 1;
        let count = |verdict: Verdict| if deny_only { verdict.denials() } else { verdict };
        if !reserved {
            self.found = self.found.and(count(node.below));
        }
        let Some(rest) = rest else {
            self.found = self.found.and(count(node.here));
            return;
        };
        let (level, behind) = split_level(rest);
        if let Some(&child) = node.names.get(level) {
            self.enter(child, behind, false, deny_only);
        }
        if reserved {
            return;
        }
        if let Some(child) = node.any {
            self.enter(child, behind, false, deny_only);
        }
        for (child, name) in [(node.client_id, self.named.client_id), (node.username, self.named.username)] {
            let (Some(child), Some(name)) = (child, name) else { continue };
            let Some(behind) = behind_name(rest, name) else { continue };
            // A name of several levels is none that a rule can have meant to allow. What it denies stays denied.
            self.enter(child, behind, false, deny_only || name.contains(&b'/'));
        }
    }
}

/// The first level, and what stands behind its separator, if there is one.
fn split_level(topic: &[u8]) -> (&[u8], Option<&[u8]>) {
    match topic.iter().position(|&byte| byte == b'/') {
        Some(at) => (topic.get(..at).unwrap_or_default(), topic.get(at + 1..)),
        None => (topic, None),
    }
}

/// What stands behind a name that fills the first levels of a topic; none where it does not.
#[allow(clippy::option_option, reason = "the outer: whether it does; the inner: whether more levels follow")]
fn behind_name<'t>(topic: &'t [u8], name: &[u8]) -> Option<Option<&'t [u8]>> {
    match topic.strip_prefix(name)? {
        [] => Some(None),
        [b'/', behind @ ..] => Some(Some(behind)),
        _ => None,
    }
}
