//! What happens, each by chance.

use super::Counts;
use super::book::Book;
use super::client::Client;
use super::joint::{Joint, Sight};
use super::node::Node;
use super::plan::Plan;
use super::wire::{Owner, Place, Wire};
use crate::random::Random;
use crate::violation::{Checked, must};
use mosquitto_broker::{LogLine, LogMask, Moment, Settings};
use mosquitto_client::mqtt::ProtocolVersion;
use std::collections::BTreeMap;

/// `max_inflight_bytes` where `max_queued_bytes` is set.
const INFLIGHT_BYTES: u32 = 20_000;

pub(crate) struct World {
    pub(crate) random: Random,
    pub(crate) now: u64,
    pub(crate) nodes: Vec<Node>,
    pub(crate) wires: BTreeMap<usize, Wire>,
    next_wire: usize,
    pub(crate) joints: Vec<Joint>,
    pub(crate) plans: Vec<Plan>,
    pub(crate) clients: Vec<Client>,
    pub(crate) book: Book,
    pub(crate) settings: Settings,
    /// Bytes that a network holds.
    capacity: usize,
    /// Steps between faults, about; how often publishers break, too; and whether bridges are made anew at any time.
    fault_steps: usize,
    pub(crate) clients_break: bool,
    is_rough: bool,
    /// Whether some payloads are very large.
    pub(crate) is_heavy: bool,
    /// What was counted at the last rest: of each hop.
    pub(crate) dropped: Vec<u64>,
    pub(crate) counts: Counts,
    pub(crate) trace: Option<Vec<String>>,
}

impl World {
    pub(crate) fn new(seed: u64, traced: bool) -> Self {
        let mut random = Random::new(seed);
        let brokers = *random.pick(&[2, 2, 2, 3, 3, 3, 4]);
        let window = *random.pick(&[2, 3, 20]);
        let max_queued_bytes = *random.pick(&[0, 0, 0, 0, 600]);
        let settings = Settings {
            max_inflight_messages: window,
            max_queued_messages: *random.pick(&[0, 0, 0, 5, 20]),
            max_queued_bytes,
            // With that much in flight, QoS 0 is dropped where bytes are limited: observers never have so much.
            max_inflight_bytes: if max_queued_bytes > 0 { INFLIGHT_BYTES } else { 0 },
            // What MQTT 3 is sent again on one connection comes twice at QoS 1, and out of order: that is not the bridge's business.
            retry_interval_s: Some(0),
            queue_qos0_messages: random.one_in(5),
            log: if traced { LogMask::ALL } else { LogMask::NONE },
            ..Settings::default()
        };
        let nodes: Vec<Node> = (0..brokers).map(|number| Node::new(number, 1 + random.below(3), &settings)).collect();
        let remaps = random.one_in(2);
        let now = 1_000_000;
        let mut joints = Vec::new();
        for to in 1..brokers {
            // A row, or a star, or something between.
            let from = if random.one_in(2) { to - 1 } else { random.below(to) };
            let (home, remote) = if random.one_in(2) { (from, to) } else { (to, from) };
            let mut plan = Plan::new(to, home, remote, remaps, &mut random);
            if max_queued_bytes > 0 {
                // Two long messages leave no room for a third.
                plan.threshold = plan.threshold.min(1);
            }
            let (local_id, shard) = nodes[home].name(&format!("local-{to}-"), &mut random);
            plan.local_id = local_id;
            plan.remote_id = nodes[remote].name(&format!("remote-{to}-"), &mut random).0;
            let mut joint = Joint::new(joints.len(), plan, shard, window, now);
            joint.log = traced.then(Vec::new);
            joints.push(joint);
        }
        let mut clients = Vec::new();
        for (number, node) in nodes.iter().enumerate() {
            let name = node.name(&format!("observer-{number}-"), &mut random).0;
            clients.push(Client::new(number, &name, ProtocolVersion::V5, true));
        }
        for (number, node) in nodes.iter().enumerate() {
            for publisher in 0..=random.below(2) {
                let name = node.name(&format!("publisher-{number}-{publisher}-"), &mut random).0;
                let version = *random.pick(&[ProtocolVersion::V311, ProtocolVersion::V5]);
                clients.push(Client::new(number, &name, version, false));
            }
        }
        let count = joints.len();
        let mut world = Self {
            now,
            nodes,
            wires: BTreeMap::new(),
            next_wire: 0,
            plans: joints.iter().map(|joint| joint.plan.clone()).collect(),
            joints,
            clients,
            book: Book::default(),
            settings,
            capacity: *random.pick(&[500, 4000, 65_536]),
            fault_steps: *random.pick(&[10, 30, 100]),
            clients_break: random.one_in(3),
            is_rough: random.one_in(5),
            is_heavy: max_queued_bytes == 0 && random.one_in(8),
            dropped: vec![0; 2 * count],
            counts: Counts::default(),
            trace: traced.then(Vec::new),
            random,
        };
        let begin = format!("{} brokers, {:?}", brokers, world.settings);
        world.note(|_| begin);
        for plan in world.plans.clone() {
            world.note(|_| format!("a bridge from {} to {}:\n{}", plan.home, plan.remote, plan.text()));
        }
        world
    }

    /// Mostly bridges have connected before anything breaks.
    pub(crate) fn begin(&mut self) -> Checked {
        if self.random.below(4) > 0 { self.settle() } else { self.observe() }
    }

    pub(crate) fn note(&mut self, text: impl FnOnce(&Self) -> String) {
        if self.trace.is_some() {
            let line = format!("{:>6} {:>9} ms  {}", self.counts.steps, self.now, text(self));
            let more: Vec<String> =
                self.joints.iter_mut().filter_map(|joint| joint.log.as_mut()).flat_map(std::mem::take).collect();
            if let Some(trace) = &mut self.trace {
                trace.extend(more);
                trace.push(line);
            }
        }
    }

    /// Something happens.
    pub(crate) fn step(&mut self) -> Checked {
        self.counts.steps += 1;
        if self.random.one_in(self.fault_steps) {
            return self.fault();
        }
        match self.random.below(100) {
            0..12 => {
                self.publish(false);
                Ok(())
            }
            12..45 => {
                self.go_on();
                Ok(())
            }
            45..60 => {
                let at = self.random.below(self.clients.len());
                self.pump(at, false).map(|_| ())
            }
            60..97 => {
                let node = self.random.below(self.nodes.len());
                let shard = self.random.below(self.nodes[node].shards.len());
                self.tick(node, shard, false).map(|_| ())
            }
            _ => {
                let most = *self.random.pick(&[10, 100, 1000, 1000, 6000]);
                self.now += self.random.below(most) as u64;
                Ok(())
            }
        }
    }

    /// Bytes get on, and ends learn of what has happened.
    fn go_on(&mut self) {
        for wire in self.wires.values_mut() {
            let most = *self.random.pick(&[0, 0, 1, 10, 100, 100_000]);
            if wire.stalled_until <= self.now {
                wire.go_on(most);
            }
            wire.broker_knows |= wire.is_cut && self.random.one_in(40);
            wire.peer_knows |= wire.is_cut && self.random.one_in(40);
        }
    }

    /// A client reads, writes, and comes back.
    pub(crate) fn pump(&mut self, at: usize, calm: bool) -> Checked<bool> {
        let node = self.clients[at].node;
        if self.clients[at].wire.is_none() && (calm || self.random.one_in(5)) {
            let shard = self.random.below(self.nodes[node].shards.len());
            let capacity = if self.clients[at].is_observer { usize::MAX } else { self.capacity };
            self.wires.insert(self.next_wire, Client::wire(at, node, shard, capacity));
            self.clients[at].connect(self.next_wire, self.now);
            self.next_wire += 1;
        }
        let moved = self.clients[at].pump(&mut self.wires, self.now, calm);
        while let Some(message) = self.clients[at].messages.pop_front() {
            if let Some(retained) = &mut self.clients[at].retained {
                retained.insert(message.topic, message.payload);
                continue;
            }
            if self.trace.is_some() {
                let (topic, payload) = (&message.topic, String::from_utf8_lossy(&message.payload));
                let payload: String = payload.chars().take(8).collect();
                let line = format!("broker {node} has {payload} as {topic}, QoS {}", message.qos.bits());
                self.note(|_| line);
            }
            self.book.arrived(node, &message)?;
        }
        Ok(moved)
    }

    /// One tick of a shard.
    pub(crate) fn tick(&mut self, node: usize, at: usize, calm: bool) -> Checked<bool> {
        let now = self.now;
        self.nodes[node].shards[at].begin(Moment(now));
        let mut moved = self.nodes[node].read(at, (node, &mut self.wires), &mut self.random, calm);
        moved |= self.nodes[node].read_mail(at, &mut self.random, calm);
        for joint in self.joints_of(node, at) {
            moved |=
                self.with_joint(
                    joint,
                    calm,
                    |joint, shard, sight| {
                        if joint.is_stopped { Ok(false) } else { joint.serve(shard, sight) }
                    },
                )?;
        }
        self.nodes[node].shards[at].end();
        moved |= self.nodes[node].post(at);
        moved |= self.nodes[node].write(at, (node, &mut self.wires), calm);
        for id in self.nodes[node].close(at, node, &mut self.wires) {
            let mut known = false;
            for joint in self.joints_of(node, at) {
                known |= self.with_joint(joint, calm, |joint, shard, sight| Ok(joint.link_ended(shard, id, sight)))?;
            }
            must!(known, "broker {node} closes a connection that is not there");
            moved = true;
        }
        for joint in self.joints_of(node, at) {
            moved |= self.with_joint(joint, calm, Joint::finish)?;
        }
        self.wires.retain(|_, wire| wire.place != Place::Gone || !wire.peer_closed);
        let mut lines: Vec<LogLine> = Vec::new();
        self.nodes[node].shards[at].log_lines(&mut lines);
        for line in lines {
            self.note(|_| format!("    broker {node}.{at}: {}", line.text));
        }
        self.check_backlogs(node, at)?;
        // Its observer sees everything at once.
        moved |= self.pump(node, true)?;
        if let Some(wire) = self.clients[node].wire.and_then(|wire| self.wires.get_mut(&wire)) {
            moved |= wire.go_on(usize::MAX);
        }
        moved |= self.pump(node, true)?;
        Ok(moved || self.nodes[node].is_due(at, now))
    }

    fn joints_of(&self, node: usize, at: usize) -> Vec<usize> {
        let is_here = |joint: &&Joint| joint.plan.home == node && joint.shard == at;
        self.joints.iter().filter(is_here).map(|joint| joint.number).collect()
    }

    /// Lets a bridge do something with its shard.
    pub(crate) fn with_joint<T>(
        &mut self,
        number: usize,
        calm: bool,
        what: impl FnOnce(&mut Joint, &mut mosquitto_broker::Shard, &mut Sight<'_>) -> Checked<T>,
    ) -> Checked<T> {
        let joint = &mut self.joints[number];
        let remote_shards = self.nodes[joint.plan.remote].shards.len();
        let shard = &mut self.nodes[joint.plan.home].shards[joint.shard];
        let mut sight = Sight {
            now: self.now,
            random: &mut self.random,
            wires: &mut self.wires,
            next_wire: &mut self.next_wire,
            remote_shards,
            capacity: self.capacity,
            calm,
        };
        what(joint, shard, &mut sight)
    }

    /// Something breaks, or is mended.
    fn fault(&mut self) -> Checked {
        let number = self.random.below(self.joints.len());
        match self.random.below(12) {
            0..5 => self.break_one(),
            5 | 6 => {
                let (ms, now) = (*self.random.pick(&[100, 5000, 200_000]), self.now);
                if let Some(wire) = self.any_wire().and_then(|wire| self.wires.get_mut(&wire)) {
                    wire.stalled_until = now + ms;
                }
            }
            7..9 => {
                let (one, two, mute) = (self.random.below(4) > 0, self.random.below(4) > 0, self.random.one_in(4));
                self.joints[number].answers = [one, two];
                self.joints[number].is_mute = mute;
                self.note(|_| format!("bridge {number}: addresses answer: {one} {two}, mute: {mute}"));
            }
            9 | 10 => return self.cut_link(number),
            11 if self.is_rough && !self.plans[number].orphans() => return self.make_anew(number),
            _ => {}
        }
        Ok(())
    }

    /// A connection that may break: not those of observers.
    fn any_wire(&mut self) -> Option<usize> {
        let may = |wire: &Wire| match wire.owner {
            Owner::Client(at) => self.clients_break && !self.clients[at].is_observer,
            Owner::Bridge(_) => true,
        };
        let all: Vec<usize> = self.wires.iter().filter(|(_, wire)| may(wire)).map(|(id, _)| *id).collect();
        if all.is_empty() { None } else { Some(*self.random.pick(&all)) }
    }

    fn break_one(&mut self) {
        let Some(id) = self.any_wire() else { return };
        let Some(wire) = self.wires.get_mut(&id).filter(|wire| !wire.is_cut) else { return };
        let (up, down) = (self.random.below(wire.up.moving.len() + 1), self.random.below(wire.down.moving.len() + 1));
        wire.cut(up, down);
        wire.broker_knows = self.random.one_in(2);
        wire.peer_knows = self.random.one_in(2);
        let (owner, broker, peer) = (wire.owner, wire.broker_knows, wire.peer_knows);
        self.counts.breaks += 1;
        self.note(|_| {
            format!("the connection of {owner:?} breaks; the broker knows: {broker}, the peer knows: {peer}")
        });
    }

    /// The broker ends a link.
    fn cut_link(&mut self, number: usize) -> Checked {
        self.note(|_| format!("bridge {number}: its link is closed"));
        let now = self.now;
        self.with_joint(number, false, |joint, shard, _| {
            if let Some(id) = joint.link {
                joint.was_cut = true;
                shard.begin(Moment(now));
                shard.closed(id, None);
                shard.end();
            }
            Ok(())
        })
    }

    /// A bridge is stopped, with what is under way, and made anew, at once or when it is made anew again.
    fn make_anew(&mut self, number: usize) -> Checked {
        self.joints[number].was_rough = true;
        self.replace(number, false)?;
        if self.random.one_in(2) {
            self.begin_again(number)?;
        }
        Ok(())
    }

    /// Stops a bridge.
    pub(crate) fn replace(&mut self, number: usize, calm: bool) -> Checked {
        self.note(|_| format!("bridge {number} is stopped"));
        let now = self.now;
        self.with_joint(number, calm, |joint, shard, sight| {
            if joint.is_stopped {
                return Ok(());
            }
            shard.begin(Moment(now));
            let stopped = joint.stop(shard, sight);
            shard.end();
            stopped
        })
    }

    /// Starts another one in its place.
    pub(crate) fn begin_again(&mut self, number: usize) -> Checked {
        self.note(|_| format!("bridge {number} is made anew"));
        let (seed, now) = (self.random.below(1000) as u64, self.now);
        self.with_joint(number, false, |joint, shard, _| {
            shard.begin(Moment(now));
            joint.make_anew(shard, seed, now);
            shard.end();
            Ok(())
        })
    }

    /// No more of a session waits than may.
    fn check_backlogs(&self, node: usize, at: usize) -> Checked {
        let (messages_max, bytes_max) = (self.settings.max_queued_messages, self.settings.max_queued_bytes);
        for plan in self.plans.iter().filter(|plan| plan.home == node || plan.remote == node) {
            let id = if plan.home == node { &plan.local_id } else { &plan.remote_id };
            let Some((messages, _)) = self.nodes[node].shards[at].backlog(id) else { continue };
            let by_messages = if messages_max > 0 { messages_max as usize } else { usize::MAX };
            let window = usize::from(self.settings.max_inflight_messages.max(plan.receive_maximum));
            // Each payload has a number at least.
            let by_bytes = if bytes_max > 0 { (bytes_max + INFLIGHT_BYTES) as usize / 8 + 1 } else { usize::MAX };
            let most = by_messages.min(by_bytes).saturating_add(2 * window);
            must!(messages <= most, "{messages} messages wait for {id} at broker {node}, more than {most}");
        }
        Ok(())
    }
}
