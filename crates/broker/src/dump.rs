//! Who subscribes to what, and what waits for whom: copied out of a running broker a slice at a time, and written as text.

use crate::id::SessionId;
use crate::subscription_tree::{Copied, NodeId, ROOT};
use crate::{DropCounts, Shard, ShardId, Shared};
use std::collections::HashMap;
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
    /// How it stands with some sessions: those in `slots_max` places from the place `from` on. With them comes the place
    /// to go on from, if there are more.
    pub fn session_reports(&self, from: u32, slots_max: u32) -> (Vec<SessionReport>, Option<u32>) {
        let all = self.home.sessions.slot_count();
        let end = from.saturating_add(slots_max).min(all);
        let report = |slot: u32| {
            let session = self.home.sessions.get(slot)?;
            Some(SessionReport {
                client_id: session.client_id.clone(),
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
    /// Writes the tree as Mosquitto prints it: a line for each level, four spaces before the first and two more before
    /// each further one, with ` (CLIENTID, QOS)` for each who subscribes there. Topics that begin with `$` stand by
    /// themselves, all others below an empty level. Then, which Mosquitto does not print, a line for each shared
    /// subscription and each of `sessions`.
    pub fn write(&self, sessions: &[SessionReport], out: &mut impl Write) -> io::Result<()> {
        let names: HashMap<_, _> = sessions.iter().map(|s| ((s.shard, s.session), &*s.client_id)).collect();
        let name = |shard, session| names.get(&(shard, session)).copied().unwrap_or_default();
        let mut children: HashMap<NodeId, Vec<&Copied>> = HashMap::new();
        for node in self.nodes.iter().filter(|node| node.id != ROOT) {
            children.entry(node.parent).or_default().push(node);
        }
        let top = children.get(&ROOT).map(Vec::as_slice).unwrap_or_default();
        let mut groups = Vec::new();
        let (dollar, plain): (Vec<_>, Vec<_>) = top.iter().copied().partition(|node| node.level.starts_with(b"$"));
        writeln!(out, "    ")?;
        // A node has one parent, and the root has none, so no way from it comes to the same node twice, also where the
        // tree has changed between two slices.
        let mut way: Vec<(&Copied, usize, String)> = Vec::new();
        for (level, nodes) in [(1, plain), (0, dollar)] {
            way.extend(nodes.into_iter().rev().map(|node| (node, level, String::new())));
            while let Some((node, level, before)) = way.pop() {
                let text = String::from_utf8_lossy(&node.level);
                write!(out, "{:indent$}{text}", "", indent = 2 * (level + 2))?;
                for subscriber in &node.subscribers {
                    let client_id = name(subscriber.shard, subscriber.session);
                    write!(out, " ({client_id}, {})", subscriber.grant.qos().bits())?;
                }
                writeln!(out)?;
                let filter = format!("{before}{text}");
                groups.extend(node.groups.iter().map(|(group, members)| (group, filter.clone(), members)));
                let below = children.get(&node.id).map(Vec::as_slice).unwrap_or_default();
                way.extend(below.iter().rev().map(|node| (*node, level + 1, format!("{filter}/"))));
            }
        }
        for (group, filter, members) in groups {
            write!(out, "$share/{group}/{filter}")?;
            for member in members {
                write!(out, " ({}, {})", name(member.shard, member.session), member.grant.qos().bits())?;
            }
            writeln!(out)?;
        }
        sessions.iter().try_for_each(|session| session.write(out))
    }
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
