//! Who subscribes to what, and what waits for whom: copied out of a running broker a slice at a time, and written as text.

use crate::id::SessionId;
use crate::subscriber::Subscriber;
use crate::subscription_tree::{Copied, NodeId, ROOT};
use crate::{DropCounts, Shard, ShardId, Shared};
use mosquitto_mqtt::MAX_LEVEL_SEPARATORS;
use std::collections::{BTreeSet, HashMap};
use std::io::{self, Write};

/// A copy of all subscriptions. What changes while it is made may be in it or not.
#[derive(Debug, Default)]
pub struct SubscriptionCopy {
    nodes: Vec<Copied>,
}

/// How it stands with one session.
#[derive(Debug)]
pub struct SessionReport {
    /// Its client.
    pub client_id: Box<str>,
    /// Whether the client is here.
    pub connected: bool,
    /// Whether the session outlives the broker.
    pub is_durable: bool,
    /// QoS 1 and 2 messages in flight.
    pub in_flight: usize,
    /// Messages that wait behind them.
    pub queued: usize,
    /// Bytes of all these messages.
    pub bytes: usize,
    /// What was dropped since the session began, on the way to the client or from it.
    pub dropped: DropCounts,
    shard: ShardId,
    session: SessionId,
}

/// What is kept of a client that is away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftBehind {
    /// The packet identifiers of messages to it that it has not acknowledged to the end.
    pub in_flight: Vec<u16>,
    /// Those of messages of QoS 2 from it that it has not released.
    pub unreleased: Vec<u16>,
    /// What it subscribes to, in order.
    pub filters: Vec<String>,
}

impl Shared {
    /// Copies all subscriptions. The tree is locked for reading only for a slice at a time: 10,000 filters, or those that
    /// have 100,000 subscribers; one filter's subscribers are copied at once, however many there are.
    pub fn copy_subscriptions(&self) -> SubscriptionCopy {
        let (mut nodes, mut from) = (Vec::new(), Some(ROOT));
        while let Some(start) = from {
            from = self.subscriptions.read().copy_slice(start, &mut nodes);
        }
        SubscriptionCopy { nodes }
    }
}

impl Shard {
    /// Whether messages of QoS 0 wait for a client that is away and has a session here, as those of other QoS do, whatever is set:
    /// for a lazy bridge, which comes for them, and for one that is about to.
    pub fn keep_qos_0(&mut self, client_id: &str, on: bool) {
        let slot = self.home.sessions.find(client_id);
        if let Some(session) = slot.and_then(|slot| self.home.sessions.get_mut(slot)) {
            session.keeps_qos_0 = on;
        }
    }

    /// Whether the session of this client lives here.
    pub fn is_home_of(&self, client_id: &str) -> bool {
        self.shared.home_of(client_id) == self.id
    }

    /// What waits for a client, or is in flight to it, if it has a session here: messages, and bytes of them.
    pub fn backlog(&self, client_id: &str) -> Option<(usize, usize)> {
        let session = self.home.sessions.get(self.home.sessions.find(client_id)?)?;
        Some((session.window.len(), session.window.bytes()))
    }

    /// What is kept of a client, if it has a session here. In a tick only.
    pub fn left_behind(&mut self, client_id: &str) -> Option<LeftBehind> {
        self.tree();
        let tree = self.tree.as_ref()?;
        let session = self.home.sessions.get(self.home.sessions.find(client_id)?)?;
        let filter = |(node, group): (_, Option<&str>)| match group {
            None => tree.filter_of(node),
            Some(group) => format!("$share/{group}/{}", tree.filter_of(node)),
        };
        let mut filters: Vec<_> = session.places().map(filter).collect();
        filters.sort();
        let in_flight = session.window.packet_ids().collect();
        Some(LeftBehind { in_flight, unreleased: session.incoming.identifiers(), filters })
    }

    /// Ends the session of a client, if it has one here and is away. In a tick only.
    pub fn end_session_of(&mut self, client_id: &str) {
        let slot = self.home.sessions.find(client_id);
        if let Some(slot) = slot
            && self.home.sessions.get(slot).is_some_and(|session| session.connection.is_none())
        {
            self.end_session(slot);
        }
    }

    /// Messages to a client get the packet identifiers after this one: somebody else has it.
    pub fn pass_over_packet_id(&mut self, client_id: &str, packet_id: u16) {
        let slot = self.home.sessions.find(client_id);
        if let Some(session) = slot.and_then(|slot| self.home.sessions.get_mut(slot)) {
            session.window.pass_over(packet_id);
        }
    }

    /// How it stands with some sessions: those in `slots_max` places from the place `from` on. With them comes the place
    /// to go on from, if there are more.
    pub fn session_reports(&self, from: u32, slots_max: u32) -> (Vec<SessionReport>, Option<u32>) {
        let all = self.home.sessions.slot_count();
        let end = from.saturating_add(slots_max).min(all);
        let report = |slot: u32| {
            let session = self.home.sessions.get(slot)?;
            Some(SessionReport {
                client_id: (&*session.client_id).into(),
                is_durable: session.is_durable,
                connected: session.connection.is_some(),
                in_flight: session.window.len() - session.window.queued(),
                queued: session.window.queued(),
                bytes: session.window.bytes(),
                dropped: session.drops.as_ref().map_or_else(DropCounts::default, |drops| drops.all),
                shard: self.id,
                session: SessionId { slot, epoch: session.epoch },
            })
        };
        ((from..end).filter_map(report).collect(), (end < all).then_some(end))
    }
}

impl SubscriptionCopy {
    /// Writes the subscriptions as Mosquitto prints them, and then what it does not print: a line for each shared
    /// subscription with its members, and one for each of `sessions`.
    ///
    /// Mosquitto prints a line for each level of a filter, with ` (CLIENTID, QOS)` for each who subscribes there. Below an
    /// empty line with four spaces there is another one with six, and below that all filters, two spaces more for each
    /// level; those whose first level begins with `$` stand below that level, twice. The filters of shared subscriptions
    /// follow in a tree of their own.
    pub fn write(&self, sessions: &[SessionReport], out: &mut impl Write) -> io::Result<()> {
        let names: HashMap<_, _> = sessions.iter().map(|s| ((s.shard, s.session), &*s.client_id)).collect();
        let plain = Tree::of(&self.nodes, |node| !node.subscribers.is_empty());
        let (dollar, ordinary): (Vec<&Copied>, Vec<_>) =
            plain.below(ROOT).partition(|node| node.level.starts_with(b"$"));
        line(out, 0, b"")?;
        if !ordinary.is_empty() {
            line(out, 1, b"")?;
        }
        let with_subscribers = |out: &mut _, node: &Copied| write_subscribers(out, &node.subscribers, &names);
        ordinary.into_iter().try_for_each(|node| plain.write(node, 2, out, with_subscribers))?;
        let (system, others): (Vec<_>, Vec<_>) = dollar.into_iter().partition(|node| *node.level == *b"$SYS");
        line(out, 0, b"$SYS")?;
        system.into_iter().try_for_each(|node| plain.write(node, 1, out, with_subscribers))?;
        for node in others {
            line(out, 0, &node.level)?;
            plain.write(node, 1, out, with_subscribers)?;
        }
        let shared = Tree::of(&self.nodes, |node| !node.groups.is_empty());
        line(out, 0, b"")?;
        if shared.below(ROOT).next().is_some() {
            line(out, 1, b"")?;
        }
        shared.below(ROOT).try_for_each(|node| shared.write(node, 2, out, |_, _| Ok(())))?;
        for node in self.nodes.iter().filter(|node| !node.groups.is_empty()) {
            let filter = shared.filter(node);
            for (group, members) in &node.groups {
                write!(out, "$share/{group}/{filter}")?;
                write_subscribers(out, members, &names)?;
                writeln!(out)?;
            }
        }
        sessions.iter().try_for_each(|session| session.write(out))
    }
}

/// The way from the root down to some nodes.
struct Tree<'a> {
    nodes: HashMap<NodeId, &'a Copied>,
    children: HashMap<NodeId, Vec<&'a Copied>>,
}

impl<'a> Tree<'a> {
    /// To those that are wanted.
    fn of(all: &'a [Copied], wanted: impl Fn(&Copied) -> bool) -> Self {
        let nodes: HashMap<_, _> = all.iter().filter(|node| node.id != ROOT).map(|node| (node.id, node)).collect();
        let mut needed = BTreeSet::new();
        for node in all.iter().filter(|node| wanted(node)) {
            let mut at = nodes.get(&node.id);
            // What is known already has its way already.
            while let Some(node) = at.filter(|node| needed.insert(node.id)) {
                at = nodes.get(&node.parent);
            }
        }
        let mut children: HashMap<_, Vec<_>> = HashMap::new();
        for node in needed.iter().filter_map(|id| nodes.get(id).copied()) {
            children.entry(node.parent).or_default().push(node);
        }
        Self { nodes, children }
    }

    fn below(&self, id: NodeId) -> impl DoubleEndedIterator<Item = &'a Copied> {
        self.children.get(&id).into_iter().flatten().copied()
    }

    /// Writes a node and all below it. A node has one parent, and the root has none, so no way from it comes to the same
    /// node twice, also where the tree has changed between two slices of its copy.
    fn write<W: Write>(
        &self,
        top: &'a Copied,
        level: usize,
        out: &mut W,
        more: impl Fn(&mut W, &Copied) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut way = vec![(top, level)];
        while let Some((node, level)) = way.pop() {
            write!(out, "{:indent$}{}", "", String::from_utf8_lossy(&node.level), indent = 2 * (level + 2))?;
            more(out, node)?;
            writeln!(out)?;
            way.extend(self.below(node.id).rev().map(|node| (node, level + 1)));
        }
        Ok(())
    }

    /// The filter that a node stands for. What was copied while the tree changed may lead round in a circle.
    fn filter(&self, node: &Copied) -> String {
        let (mut levels, mut at) = (Vec::new(), Some(node));
        while let Some(node) = at.filter(|_| levels.len() <= MAX_LEVEL_SEPARATORS) {
            levels.push(String::from_utf8_lossy(&node.level));
            at = self.nodes.get(&node.parent).copied();
        }
        levels.reverse();
        levels.join("/")
    }
}

fn line(out: &mut impl Write, level: usize, text: &[u8]) -> io::Result<()> {
    writeln!(out, "{:indent$}{}", "", String::from_utf8_lossy(text), indent = 2 * (level + 2))
}

fn write_subscribers(
    out: &mut impl Write,
    subscribers: &[Subscriber],
    names: &HashMap<(ShardId, SessionId), &str>,
) -> io::Result<()> {
    subscribers.iter().try_for_each(|subscriber| {
        let client_id = names.get(&(subscriber.shard, subscriber.session)).copied().unwrap_or_default();
        write!(out, " ({client_id}, {})", subscriber.grant.qos().bits())
    })
}

impl SessionReport {
    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let SessionReport { client_id, connected, in_flight, queued, bytes, dropped, .. } = self;
        let state = if *connected { "connected" } else { "away" };
        write!(out, "client {client_id}: {state}, {in_flight} in flight, {queued} queued, {bytes} bytes")?;
        for (at, (reason, count)) in dropped.iter().enumerate() {
            write!(out, "{} {} {count}", if at == 0 { "; dropped:" } else { "," }, reason.name())?;
        }
        writeln!(out)
    }
}
