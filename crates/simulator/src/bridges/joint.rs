//! A bridge with its two connections, driven as a worker of the server does it.

use super::plan::Plan;
use super::wire::{Owner, Wire};
use crate::random::Random;
use crate::violation::{Checked, must};
use mosquitto_bridge::{Action, Backlog, Bridge, Kept, Limits, State};
use mosquitto_broker::{BRIDGE_LISTENER, ConnectionId, LeftBehind, Received, Shard, Then};
use mosquitto_client::Moment;
use mosquitto_config::Config;
use mosquitto_mqtt::FixedHeader;
use std::collections::{BTreeMap, VecDeque};
use std::io::IoSlice;
use std::path::Path;
use std::sync::Arc;

/// Bytes of the shard that a bridge may hold up, besides one packet, and how often what waits is looked at: as in the server.
const INBOX_BYTES: usize = 256 * 1024;
const LOOK_MS: u64 = 1000;

/// Unsent bytes of a session: twice what stops it, and a message on top.
const OUTPUT_BYTES: usize = 2 * 256 * 1024 + 64 * 1024;

/// Messages of QoS 1 and 2 towards the remote broker: a window sent, as many behind it, and the bridge's own.
const OWN_MESSAGES: usize = 4;

/// What a bridge sees of the world while it is served.
pub(crate) struct Sight<'a> {
    pub(crate) now: u64,
    pub(crate) random: &'a mut Random,
    pub(crate) wires: &'a mut BTreeMap<usize, Wire>,
    pub(crate) next_wire: &'a mut usize,
    pub(crate) remote_shards: usize,
    pub(crate) capacity: usize,
    pub(crate) calm: bool,
}

#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Joint {
    pub(crate) number: usize,
    pub(crate) plan: Plan,
    pub(crate) bridge: Bridge,
    config: Arc<mosquitto_config::Bridge>,
    limits: Limits,
    /// Of the local session.
    pub(crate) shard: usize,
    actions: VecDeque<Action>,
    pub(crate) link: Option<ConnectionId>,
    closed_links: Vec<ConnectionId>,
    pub(crate) link_inbox: Vec<u8>,
    /// Its wire.
    pub(crate) remote: Option<usize>,
    /// The address that it waits for.
    opening: Option<usize>,
    /// Which addresses answer, and whether the others say nothing at all.
    pub(crate) answers: [bool; 2],
    pub(crate) is_mute: bool,
    look_at: u64,
    pub(crate) is_stopped: bool,
    pub(crate) log: Option<Vec<String>>,
    /// Connections of either kind that began or ended, in all and since everything was at rest.
    pub(crate) turns: u32,
    pub(crate) recent_turns: u32,
    pub(crate) connections: u64,
    /// Whether its link was closed since the remote broker was asked for what is retained there.
    pub(crate) was_cut: bool,
    /// Whether it was ever made anew with messages under way.
    pub(crate) was_rough: bool,
}

impl Joint {
    pub(crate) fn new(number: usize, plan: Plan, shard: usize, window: u16, now: u64) -> Self {
        let config = match Config::parse(Path::new("bridge"), plan.text().as_bytes()) {
            Ok(config) => Arc::new(config.bridges[0].clone()),
            Err(error) => unreachable!("the simulator's own configuration is not taken: {error}\n{}", plan.text()),
        };
        let limits = Limits { max_inflight_messages: window, ..Limits::default() };
        let bridge = Bridge::new(Arc::clone(&config), "host", limits, number as u64);
        let mut joint = Self {
            number,
            plan,
            bridge,
            config,
            limits,
            shard,
            actions: VecDeque::new(),
            link: None,
            closed_links: Vec::new(),
            link_inbox: Vec::new(),
            remote: None,
            opening: None,
            answers: [true; 2],
            is_mute: false,
            look_at: 0,
            is_stopped: false,
            log: None,
            turns: 0,
            recent_turns: 0,
            connections: 0,
            was_cut: false,
            was_rough: false,
        };
        joint.bridge.start(Moment(now));
        joint.gather();
        joint
    }

    /// Another one in its place, as after a reload. In a tick of its shard.
    pub(crate) fn make_anew(&mut self, shard: &mut Shard, seed: u64, now: u64) {
        self.connections += self.bridge.report().counters.connections;
        self.bridge = Bridge::new(Arc::clone(&self.config), "host", self.limits, seed);
        if let Some(LeftBehind { in_flight, unreleased, filters }) = shard.left_behind(self.bridge.local_clientid()) {
            self.bridge.remember(Kept { in_flight, unreleased, filters });
        }
        self.is_stopped = false;
        self.turn();
        self.bridge.start(Moment(now));
        self.gather();
    }

    fn turn(&mut self) {
        self.turns += 1;
        self.recent_turns += 1;
    }

    fn gather(&mut self) {
        while let Some(action) = self.bridge.poll_action() {
            self.actions.push_back(action);
        }
    }

    fn is_settled(&self) -> bool {
        self.actions.iter().all(|action| matches!(action, Action::Log(..)))
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.bridge.report().state == State::Connected
    }

    /// In a tick of its shard: whether anything happened.
    pub(crate) fn serve(&mut self, shard: &mut Shard, sight: &mut Sight<'_>) -> Checked<bool> {
        let now = Moment(sight.now);
        if self.bridge.next_deadline().is_some_and(|at| at <= now) {
            self.bridge.tick(now);
            self.gather();
        }
        if self.look_at <= sight.now {
            self.look_at = sight.now + LOOK_MS;
            let (messages, bytes) = shard.backlog(&self.plan.local_id).unwrap_or_default();
            self.bridge.set_backlog(now, Backlog { messages: messages as u64, bytes: bytes as u64 });
            self.gather();
        }
        let mut moved = self.carry_out(shard, sight)?;
        moved |= self.dial(sight);
        moved |= self.carry_out(shard, sight)?;
        loop {
            let received = self.take_from_remote(sight);
            moved |= self.carry_out(shard, sight)?;
            let given = self.give_to_shard(shard)?;
            moved |= self.carry_out(shard, sight)?;
            if !received && !given {
                break;
            }
            moved = true;
        }
        Ok(moved)
    }

    /// After the tick.
    pub(crate) fn finish(&mut self, shard: &mut Shard, sight: &mut Sight<'_>) -> Checked<bool> {
        let mut moved = self.pull_link(shard, sight);
        moved |= self.write_remote(sight);
        let is_coming = self.remote.is_some() || self.plan.threshold > 0;
        shard.keep_qos_0(&self.plan.local_id, is_coming && !self.is_stopped);
        self.check_bounds(sight.now)?;
        Ok(moved || !self.actions.iter().all(|action| matches!(action, Action::Log(..))))
    }

    pub(crate) fn stop(&mut self, shard: &mut Shard, sight: &mut Sight<'_>) -> Checked {
        self.bridge.stop(Moment(sight.now));
        self.gather();
        self.is_stopped = true;
        self.carry_out(shard, sight).map(|_| ())
    }

    fn carry_out(&mut self, shard: &mut Shard, sight: &mut Sight<'_>) -> Checked<bool> {
        let mut did = false;
        while let Some(action) = self.actions.pop_front() {
            did = true;
            if !matches!(action, Action::Log(..)) && self.log.is_some() {
                self.say(&format!("{action:?}"));
            }
            match action {
                Action::OpenRemote(address) => {
                    must!(self.remote.is_none() && self.opening.is_none(), "a bridge opens two connections");
                    self.opening = Some(usize::from(address.host == "two"));
                }
                Action::ProbeRemote(address) => {
                    let reached = self.answers[usize::from(address.host == "two")];
                    self.bridge.remote_probed(Moment(sight.now), reached);
                    self.gather();
                }
                Action::CloseRemote => self.close_remote(sight),
                Action::OpenLink => {
                    must!(self.link.is_none(), "a bridge opens two links");
                    self.turn();
                    let id = shard.open_handed_over("bridge", BRIDGE_LISTENER);
                    self.link = Some(id);
                    self.link_inbox.clear();
                    self.bridge.link_opened(Moment(sight.now));
                    self.gather();
                }
                Action::PassOver(packet_id) => {
                    shard.pass_over_packet_id(self.bridge.local_clientid(), packet_id);
                }
                Action::CloseLink => {
                    if let Some(id) = self.link {
                        self.give_to_shard(shard)?;
                        self.link = None;
                        self.link_inbox.clear();
                        self.closed_links.push(id);
                        shard.closed(id, None);
                        self.turn();
                    }
                }
                Action::Log(_, text) => self.say(&text),
            }
        }
        Ok(did)
    }

    fn say(&mut self, text: &str) {
        if let Some(log) = &mut self.log {
            log.push(format!("    bridge {}: {text}", self.number));
        }
    }

    fn close_remote(&mut self, sight: &mut Sight<'_>) {
        self.opening = None;
        self.write_remote(sight);
        if let Some(wire) = self.remote.take().and_then(|remote| sight.wires.get_mut(&remote)) {
            wire.peer_closed = true;
            self.turn();
        }
    }

    /// The connection that was asked for is there, or cannot be had, or nobody says anything.
    fn dial(&mut self, sight: &mut Sight<'_>) -> bool {
        let Some(address) = self.opening.filter(|_| sight.calm || sight.random.one_in(2)) else { return false };
        if self.answers[address] {
            self.opening = None;
            self.was_cut = false;
            self.turn();
            let shard = sight.random.below(sight.remote_shards);
            let wire = Wire::new(Owner::Bridge(self.number), self.plan.remote, shard, sight.capacity);
            let id = *sight.next_wire;
            *sight.next_wire += 1;
            sight.wires.insert(id, wire);
            self.remote = Some(id);
            self.bridge.remote_opened(Moment(sight.now));
        } else if self.is_mute {
            return false;
        } else {
            self.opening = None;
            self.bridge.remote_open_failed(Moment(sight.now), "refused");
        }
        self.gather();
        true
    }

    fn take_from_remote(&mut self, sight: &mut Sight<'_>) -> bool {
        let now = Moment(sight.now);
        let mut taken_any = false;
        while self.is_settled()
            && let Some(wire) = self.remote.and_then(|remote| sight.wires.get_mut(&remote))
        {
            if wire.down.arrived.is_empty() {
                if wire.is_over_for_peer() {
                    self.lose_remote(sight);
                    return true;
                }
                break;
            }
            let taken = self.bridge.remote_received(now, &wire.down.arrived);
            wire.down.arrived.drain(..taken);
            let is_over = taken == 0 && wire.is_over_for_peer();
            let header = FixedHeader::parse(&wire.down.arrived);
            let is_whole = matches!(header, Ok(Some(header)) if header.packet_len() <= wire.down.arrived.len());
            self.gather();
            if taken == 0 {
                // What is not whole will never be. What the bridge does not take now may be lost with the connection, or not.
                if is_over && (!is_whole || (!sight.calm && sight.random.one_in(8))) {
                    self.lose_remote(sight);
                    return true;
                }
                break;
            }
            taken_any = true;
        }
        taken_any
    }

    fn lose_remote(&mut self, sight: &mut Sight<'_>) {
        if let Some(wire) = self.remote.take().and_then(|remote| sight.wires.get_mut(&remote)) {
            wire.peer_closed = true;
            self.turn();
            self.bridge.remote_closed(Moment(sight.now), "closed");
            self.gather();
        }
    }

    fn give_to_shard(&mut self, shard: &mut Shard) -> Checked<bool> {
        let mut given = false;
        while let Some(id) = self.link
            && !self.bridge.link_output().is_empty()
        {
            let Received { consumed, then } = shard.received(id, self.bridge.link_output());
            self.bridge.link_sent(consumed);
            given |= consumed > 0;
            match then {
                Then::Wait { .. } if consumed > 0 => {}
                Then::HandOver(_) => must!(false, "the link is not at home where it was opened"),
                _ => break,
            }
        }
        Ok(given)
    }

    fn pull_link(&mut self, shard: &mut Shard, sight: &mut Sight<'_>) -> bool {
        let mut moved = false;
        loop {
            moved |= self.take_from_link(sight.now);
            let Some(id) = self.link.filter(|_| self.is_settled()) else { return moved };
            let held = self.link_inbox.len();
            // A share of a tick.
            if held >= INBOX_BYTES || (!sight.calm && sight.random.one_in(4)) {
                shard.sent(id, 0);
                return moved;
            }
            let mut slices = [IoSlice::new(&[]); 8];
            let filled = shard.output(id, &mut slices);
            for slice in &slices[..filled] {
                self.link_inbox.extend_from_slice(slice);
            }
            let len = self.link_inbox.len() - held;
            if len == 0 {
                return moved;
            }
            shard.sent(id, len);
            moved = true;
        }
    }

    fn take_from_link(&mut self, now: u64) -> bool {
        let mut at = 0;
        while at < self.link_inbox.len() && self.is_settled() {
            let taken = self.bridge.link_received(Moment(now), &self.link_inbox[at..]);
            self.gather();
            if taken == 0 {
                break;
            }
            at += taken;
        }
        self.link_inbox.drain(..at.min(self.link_inbox.len()));
        at > 0
    }

    fn write_remote(&mut self, sight: &mut Sight<'_>) -> bool {
        let Some(wire) = self.remote.and_then(|remote| sight.wires.get_mut(&remote)) else { return false };
        let output = self.bridge.remote_output();
        let len = output.len().min(wire.room_up(sight.calm));
        if !wire.is_cut {
            wire.up.moving.extend_from_slice(&output[..len]);
        }
        self.bridge.remote_sent(len);
        len > 0
    }

    /// The shard has ended a link: whether it was one of this bridge's.
    pub(crate) fn link_ended(&mut self, shard: &mut Shard, id: ConnectionId, sight: &mut Sight<'_>) -> bool {
        if let Some(at) = self.closed_links.iter().position(|closed| *closed == id) {
            self.closed_links.swap_remove(at);
            shard.release(id);
            return true;
        }
        if self.link != Some(id) {
            return false;
        }
        self.pull_link(shard, sight);
        shard.release(id);
        if self.link == Some(id) {
            self.link = None;
            self.link_inbox.clear();
            self.turn();
            self.bridge.link_closed(Moment(sight.now));
            self.gather();
        }
        true
    }

    /// What is kept is bounded, and so is the next pause.
    fn check_bounds(&self, now: u64) -> Checked {
        let (number, inbox) = (self.number, self.link_inbox.len());
        must!(inbox <= 2 * INBOX_BYTES, "bridge {number} holds up {inbox} bytes of its link");
        for output in [self.bridge.link_output().len(), self.bridge.remote_output().len()] {
            must!(output <= OUTPUT_BYTES, "bridge {number} has {output} bytes to send");
        }
        let report = self.bridge.report();
        let most = 2 * usize::from(self.limits.max_inflight_messages) + OWN_MESSAGES;
        must!(report.under_way <= most, "bridge {number} has {} messages under way", report.under_way);
        if let State::BackingOff { until } = report.state {
            let left = until.0.saturating_sub(now);
            must!(left <= self.plan.pause_ms, "bridge {number} waits for {left} ms, not {}", self.plan.pause_ms);
        }
        Ok(())
    }
}
