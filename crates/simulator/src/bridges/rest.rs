//! Rest: nothing breaks any more, everything gets on, and the books have to come out.

use super::book::{Hop, number_of};
use super::plan::Look;
use super::world::World;
use crate::violation::{Checked, must, violated};
use mosquitto_broker::DropReason;
use std::collections::BTreeMap;

/// How long a link stays closed that its broker has closed, and some ticks.
const LINK_MS: u64 = 5000 + 2000;

/// How long an attempt to connect may last that nobody answers, and a second more.
const MUTE_MS: u64 = 61_000;

/// Rounds after which it has to be quiet.
const ROUNDS: usize = 20_000;

/// Messages that have to arrive although some have QoS 0.
const PROBES: usize = 12;

impl World {
    /// Nothing breaks any more: all bridges connect in time, and all that is owed arrives.
    pub(crate) fn settle(&mut self) -> Checked {
        if self.random.one_in(3) {
            self.come_apart()?;
        }
        self.note(|_| "nothing breaks any more".to_owned());
        self.mend()?;
        self.come_together()?;
        if self.counts.settled == 0 && !self.book.messages.is_empty() {
            self.book.excuse();
        }
        for _ in 0..PROBES {
            self.come_together()?;
            self.publish(true);
            self.quiet()?;
        }
        self.check_states()?;
        self.check_numbers(true)?;
        self.check_books()?;
        self.check_retained()?;
        self.counts.settled += 1;
        if self.random.one_in(3) {
            // With nothing under way, it makes no difference.
            let number = self.random.below(self.joints.len());
            self.replace(number, true)?;
            self.quiet()?;
            self.check_states()?;
            if self.random.one_in(2) {
                self.begin_again(number)?;
            }
        }
        Ok(())
    }

    /// The observers see everything from the beginning.
    pub(crate) fn observe(&mut self) -> Checked {
        for round in 0..20 {
            for at in 0..self.nodes.len() {
                self.pump(at, true)?;
            }
            for wire in self.wires.values_mut() {
                wire.go_on(usize::MAX);
            }
            for node in 0..self.nodes.len() {
                for shard in 0..self.nodes[node].shards.len() {
                    self.nodes[node].shards[shard].begin(mosquitto_broker::Moment(self.now));
                    let wires = (node, &mut self.wires);
                    self.nodes[node].read(shard, wires, &mut self.random, true);
                    self.nodes[node].shards[shard].end();
                    self.nodes[node].post(shard);
                    self.nodes[node].write(shard, (node, &mut self.wires), true);
                }
            }
            must!(round < 19 || self.clients[0].session.is_connected(), "observers do not connect");
        }
        Ok(())
    }

    fn mend(&mut self) -> Checked {
        for number in 0..self.joints.len() {
            self.joints[number].answers = [true; 2];
            self.joints[number].is_mute = false;
            if self.joints[number].is_stopped {
                self.begin_again(number)?;
            }
        }
        self.notice();
        Ok(())
    }

    /// The ends of broken connections are noticed.
    fn notice(&mut self) {
        for wire in self.wires.values_mut() {
            wire.stalled_until = 0;
            wire.broker_knows |= wire.is_cut;
            wire.peer_knows |= wire.is_cut;
        }
    }

    /// Everything goes on until nothing moves, while no time passes.
    pub(crate) fn quiet(&mut self) -> Checked {
        for _ in 0..ROUNDS {
            let mut moved = false;
            for wire in self.wires.values_mut() {
                moved |= wire.go_on(usize::MAX);
            }
            for at in 0..self.clients.len() {
                moved |= self.pump(at, true)?;
            }
            for node in 0..self.nodes.len() {
                for shard in 0..self.nodes[node].shards.len() {
                    moved |= self.tick(node, shard, true)?;
                }
            }
            if !moved && self.nodes.iter().all(|node| !node.has_mail()) {
                return Ok(());
            }
        }
        violated!("it never gets quiet");
    }

    /// All bridges connect, each in its time, and nothing is under way any more.
    fn come_together(&mut self) -> Checked {
        let begin = self.now;
        loop {
            self.quiet()?;
            let mut is_done = self.clients.iter().all(|client| client.session.unfinished_count() == 0);
            for number in 0..self.joints.len() {
                let joint = &self.joints[number];
                if joint.is_connected() && joint.link.is_some() {
                    let under_way = joint.bridge.report().under_way;
                    let waits = self.nodes[joint.plan.home].shards[joint.shard].backlog(&joint.plan.local_id);
                    is_done &= under_way == 0 && waits.is_none_or(|(messages, _)| messages == 0);
                    continue;
                }
                is_done = false;
                let waited = self.now - begin;
                let most = joint.plan.pause_ms + LINK_MS;
                must!(
                    waited <= most,
                    "bridge {number} has not connected in {waited} ms, {most} were allowed: {:?}",
                    joint.bridge.report()
                );
                if joint.plan.threshold > 0 {
                    self.wake(number);
                }
            }
            if is_done {
                return Ok(());
            }
            must!(self.now - begin <= 60_000, "bridges are connected, and something is under way for ever");
            self.now += 250;
        }
    }

    /// Publishes as many messages as make a lazy bridge connect.
    fn wake(&mut self, number: usize) {
        let plan = &self.plans[number];
        let (home, threshold) = (plan.home, plan.threshold as usize);
        let joint = &self.joints[number];
        let waits = self.nodes[home].shards[joint.shard].backlog(&plan.local_id).map_or(0, |(messages, _)| messages);
        let line = plan.lines.iter().find(|line| line.home.starts_with('w'));
        let publisher = self.clients.iter().position(|client| client.node == home && !client.is_observer);
        if let (Some(line), Some(publisher)) = (line, publisher) {
            let look = Look { topic: format!("{}wake", line.home), qos: 1, retain: false };
            for _ in waits..threshold {
                self.publish_this(publisher, &look, 8, false);
            }
        }
    }

    /// No bridge has a connection: both sides know, and nothing is kept but what waits at the brokers.
    fn come_apart(&mut self) -> Checked {
        self.note(|_| "no bridge can connect any more".to_owned());
        for number in 0..self.joints.len() {
            self.joints[number].answers = [false; 2];
            self.joints[number].is_mute = false;
        }
        for wire in self.wires.values_mut() {
            if matches!(wire.owner, super::wire::Owner::Bridge(_)) {
                wire.cut(0, 0);
            }
        }
        self.notice();
        self.quiet()?;
        // Attempts that nobody answered end, and links that were closed come back for a moment.
        for _ in 0..MUTE_MS / 1000 {
            self.now += 1000;
            self.quiet()?;
        }
        for joint in &self.joints {
            let number = joint.number;
            must!(joint.link.is_none() && joint.remote.is_none(), "bridge {number} has a connection, and cannot have");
            let kept = joint.link_inbox.len();
            must!(kept == 0, "bridge {number} has {kept} bytes of its link, which is closed");
        }
        self.check_states()?;
        self.check_numbers(false)
    }

    /// Both brokers have been told the state that it is.
    fn check_states(&self) -> Checked {
        for joint in &self.joints {
            let is: &[u8] = if joint.is_connected() && !joint.is_stopped { b"1" } else { b"0" };
            for at in [joint.plan.home, joint.plan.remote] {
                let said = self.book.states.get(&(at, joint.plan.state_topic()));
                // Who was never there is not said to be away.
                let is_right = match said {
                    _ if !joint.plan.notifies(at) => said.is_none(),
                    None => is == b"0" && (at == joint.plan.remote || joint.is_stopped),
                    Some(said) => said == is,
                };
                let said = said.map(|said| String::from_utf8_lossy(said).into_owned());
                must!(
                    is_right,
                    "broker {at} was told {said:?} of bridge {}, which is {:?}",
                    joint.number,
                    joint.bridge.report().state
                );
            }
        }
        Ok(())
    }

    /// Sessions, subscriptions and connections are those that there have to be.
    fn check_numbers(&self, together: bool) -> Checked {
        for (at, node) in self.nodes.iter().enumerate() {
            let clients = self.clients.iter().filter(|client| client.node == at).count();
            let (mut sessions, mut subscriptions, mut connections) = (clients, 2, clients);
            for joint in &self.joints {
                let (is_home, is_remote) = (joint.plan.home == at, joint.plan.remote == at);
                if (is_home || is_remote) && (together || joint.plan.is_there(at)) {
                    let lines = joint.plan.lines.iter();
                    sessions += 1;
                    subscriptions += lines.filter(|line| if is_home { line.out } else { line.inward }).count();
                }
                connections += usize::from(together && (is_home || is_remote));
            }
            let is = (
                node.shards.iter().map(mosquitto_broker::Shard::session_count).sum::<usize>(),
                node.shared.subscription_count(),
                node.shards.iter().map(mosquitto_broker::Shard::connection_count).sum::<usize>(),
            );
            let most = (sessions, subscriptions, connections);
            let is_right = if together { is == most } else { is.0 <= most.0 && is.1 <= most.1 && is.2 == most.2 };
            must!(is_right, "broker {at} has {is:?} sessions, subscriptions and connections, and should have {most:?}");
        }
        Ok(())
    }

    fn check_books(&mut self) -> Checked {
        let mut hops = Vec::new();
        for number in 0..self.joints.len() {
            for outward in [true, false] {
                let joint = &self.joints[number];
                let plan = &joint.plan;
                let (from, to) = if outward { (plan.home, plan.remote) } else { (plan.remote, plan.home) };
                let dropped = self.dropped_for(from, if outward { &plan.local_id } else { &plan.remote_id });
                let before = std::mem::replace(&mut self.dropped[hops.len()], dropped);
                hops.push(Hop {
                    from,
                    to,
                    giver_keeps: plan.is_kept(from),
                    taker_keeps: plan.is_kept(to),
                    recent_turns: joint.recent_turns,
                    turns: joint.turns,
                    dropped: dropped.saturating_sub(before),
                });
            }
        }
        let breaks: Vec<u32> = self.clients.iter().map(|client| client.breaks).collect();
        self.book.settle(&hops, &breaks)?;
        self.joints.iter_mut().for_each(|joint| joint.recent_turns = 0);
        Ok(())
    }

    /// What was dropped on the way into a session, since it began.
    fn dropped_for(&self, node: usize, id: &str) -> u64 {
        let reports = self.nodes[node].shards.iter().flat_map(|shard| shard.session_reports(0, 1000).0);
        let of = [DropReason::QueueFull, DropReason::QueueBytes, DropReason::OutputFull];
        let dropped = reports.filter(|report| &*report.client_id == id).map(|report| report.dropped);
        dropped.map(|dropped| of.iter().map(|reason| dropped.of(*reason)).sum::<u64>()).sum()
    }

    /// What is retained at one side of a line that has one direction is retained at the other one.
    fn check_retained(&mut self) -> Checked {
        for at in 0..self.nodes.len() {
            self.clients[at].retained = Some(BTreeMap::new());
            let now = self.now;
            self.clients[at].ask(now);
        }
        self.quiet()?;
        let all: Vec<BTreeMap<String, Vec<u8>>> =
            (0..self.nodes.len()).map(|at| self.clients[at].retained.take().unwrap_or_default()).collect();
        for joint in &self.joints {
            let plan = &joint.plan;
            for at in [plan.home, plan.remote].into_iter().filter(|at| plan.notifies(*at)) {
                let said = all[at].get(&plan.state_topic()).map(Vec::as_slice);
                must!(
                    said == Some(b"1"),
                    "broker {at} retains {said:?} of bridge {}, which is connected",
                    joint.number
                );
            }
            let limited = self.settings.max_queued_messages > 0 || self.settings.max_queued_bytes > 0;
            if limited || self.is_heavy {
                continue;
            }
            for (from, to) in [(plan.home, plan.remote), (plan.remote, plan.home)] {
                // Of QoS 0, what waited comes behind what is retained; and over a link that ends it may be lost.
                let least = u8::from(plan.is_kept(from) || joint.was_cut);
                if joint.was_rough && !(plan.is_kept(from) && plan.is_kept(to)) {
                    // What was under way may be lost with a session.
                    continue;
                }
                // Where the taker's session is lost between the two steps, so is the message.
                let most = if joint.was_cut && !plan.is_kept(to) { 1 } else { 2 };
                for (topic, payload) in &all[from] {
                    let qos =
                        topic.as_bytes().iter().rev().find(|byte| byte.is_ascii_digit()).map_or(0, |byte| byte - b'0');
                    let look = Look { topic: topic.clone(), qos, retain: true };
                    let there = plan
                        .cross(from, &look, payload.len())
                        .filter(|there| there.retain && (least..=most).contains(&there.qos));
                    if let Some(there) = there.filter(|_| !plan.comes_back(from, topic)) {
                        let is = all[to].get(&there.topic).map(|payload| number_of(payload));
                        must!(
                            is == Some(number_of(payload)),
                            "{topic} of broker {from} is {} and retained, at broker {to} {} is {is:?}",
                            number_of(payload),
                            there.topic
                        );
                    }
                }
            }
        }
        Ok(())
    }

    /// At the end of a life, everything has to come out once more.
    pub(crate) fn finish(&mut self) -> Checked {
        self.settle()?;
        for number in 0..self.joints.len() {
            self.counts.connections +=
                self.joints[number].connections + self.joints[number].bridge.report().counters.connections;
        }
        self.counts.crossings = self.book.crossings;
        Ok(())
    }
}
