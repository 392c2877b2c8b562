//! The bridges of a worker: those whose local session is at home there.
//!
//! A bridge is served like a connection: in a tick what has come from the remote broker is read and handled, and what the
//! bridge says goes to the shard; after it, what the shard has for the bridge goes to the bridge, and what the bridge has for
//! the remote broker to the socket. None of that waits for anybody, and each bridge gets a share of a tick at most.

mod actions;
mod dial;
mod link;
mod remote;
mod slot;
mod topics;

use super::Worker;
use crate::bridges::{Found, Lookups, Setup, Setups};
use mio::{Events, Token};
use mosquitto_bridge::{Bridge, State};
use mosquitto_broker::{ConnectionId, Moment};
use mosquitto_config::{ReloadType, StartType};
use slot::Slot;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// Tokens of bridges count up from here, two for each. Those of connections are below, those of doors far above.
const FIRST_BRIDGE: usize = usize::MAX / 2;

/// The sockets of a bridge.
const TO_REMOTE: usize = 0;
const PROBE: usize = 1;
const SOCKETS: usize = 2;

/// How long bytes wait that the shard does not take, in milliseconds.
const RETRY_MS: u64 = 1;

/// How long the end of the broker waits for what bridges have under way, in milliseconds.
const LAST_ACKNOWLEDGEMENTS_MS: u64 = 1000;

/// How often it is looked meanwhile whether something was written down, in milliseconds.
const LAST_LOOKS_MS: u64 = 2;

/// How often what waits for a bridge is looked at.
const LOOK_MS: u64 = 1000;

/// The bridges of a worker.
#[derive(Debug)]
pub(super) struct Bridges {
    lookups: Lookups,
    /// By number. None where there is none any more, or where it is being served.
    slots: Vec<Option<Box<Slot>>>,
    by_name: HashMap<String, usize>,
    /// The bridge of each link; none: the link is closed already, and not released yet.
    links: HashMap<ConnectionId, Option<usize>>,
    /// Those with something to do in the next tick.
    ready: Vec<usize>,
    /// Those with something to bring out at the end of this tick.
    served: Vec<usize>,
    deadlines: BTreeSet<(Moment, usize)>,
    last_ticket: u64,
}

impl Bridges {
    pub(super) fn new(lookups: Lookups) -> Self {
        Self {
            lookups,
            slots: Vec::new(),
            by_name: HashMap::new(),
            links: HashMap::new(),
            ready: Vec::new(),
            served: Vec::new(),
            deadlines: BTreeSet::new(),
            last_ticket: 0,
        }
    }

    /// Whether there is something to do at once.
    pub(super) fn has_work(&self) -> bool {
        !self.ready.is_empty()
    }

    pub(super) fn next_deadline(&self) -> Option<Moment> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    fn slot_mut(&mut self, number: usize) -> Option<&mut Slot> {
        self.slots.get_mut(number)?.as_deref_mut()
    }

    fn take(&mut self, number: usize) -> Option<Box<Slot>> {
        self.slots.get_mut(number)?.take()
    }

    fn put_back(&mut self, number: usize, slot: Box<Slot>) {
        if let Some(place) = self.slots.get_mut(number) {
            *place = Some(slot);
        }
    }

    /// Has a bridge served in the next round.
    fn line_up(&mut self, number: usize) {
        if let Some(slot) = self.slot_mut(number)
            && !std::mem::replace(&mut slot.is_ready, true)
        {
            self.ready.push(number);
        }
    }

    fn bring_out(&mut self, number: usize) {
        if let Some(slot) = self.slot_mut(number)
            && !std::mem::replace(&mut slot.is_served, true)
        {
            self.served.push(number);
        }
    }

    fn next_ticket(&mut self) -> u64 {
        self.last_ticket += 1;
        self.last_ticket
    }
}

impl Worker {
    /// Whether a token is that of a bridge, of which an event is noted then.
    pub(super) fn note_bridge_event(&mut self, Token(token): Token, event: &mio::event::Event) -> bool {
        let Some(at) = token.checked_sub(FIRST_BRIDGE) else { return false };
        let (number, socket) = (at / SOCKETS, at % SOCKETS);
        if let Some(slot) = self.bridges.slot_mut(number) {
            if socket == TO_REMOTE {
                slot.note_event(event);
            }
            self.bridges.line_up(number);
        }
        true
    }

    /// A name was looked up.
    pub(super) fn bridge_address_found(&mut self, found: Found) {
        let number = found.ticket.bridge;
        if let Some(mut slot) = self.bridges.take(number) {
            self.dial_found(&mut slot, found);
            self.bridges.put_back(number, slot);
            self.bridges.line_up(number);
        }
    }

    /// In a tick: gives every bridge with something to do its turn.
    pub(super) fn serve_bridges(&mut self) {
        let now = self.clock.now();
        while let Some(&(at, number)) = self.bridges.deadlines.first()
            && at <= now
        {
            self.bridges.deadlines.pop_first();
            if let Some(slot) = self.bridges.slot_mut(number) {
                slot.deadline = None;
            }
            self.bridges.line_up(number);
        }
        for number in std::mem::take(&mut self.bridges.ready) {
            let Some(mut slot) = self.bridges.take(number) else { continue };
            slot.is_ready = false;
            if slot.may_change()
                && let Some(next) = slot.next.take()
            {
                slot = self.made_anew(slot, number, &next);
            }
            self.serve_bridge(&mut slot, number, now);
            self.bridges.put_back(number, slot);
            self.bridges.bring_out(number);
        }
    }

    fn serve_bridge(&mut self, slot: &mut Slot, number: usize, now: Moment) {
        slot.tick(now);
        self.look_at_backlog(slot, now);
        self.carry_out(slot, number);
        self.bring_dials_on(slot, number, now);
        self.exchange(slot, number, now);
    }

    /// After a tick: brings out what the bridges have for their remote brokers.
    pub(super) fn finish_bridges(&mut self) {
        if self.bridges.served.is_empty() {
            return;
        }
        let now = self.clock.now();
        for number in std::mem::take(&mut self.bridges.served) {
            let Some(mut slot) = self.bridges.take(number) else { continue };
            slot.is_served = false;
            let progress = self.pull_link(&mut slot, now);
            let progress = slot.write_remote() | progress;
            self.shard.keep_qos_0(slot.bridge.local_clientid(), slot.is_coming());
            self.publish_state(&mut slot);
            let next = slot.next_deadline(now);
            if slot.deadline != next {
                if let Some(at) = slot.deadline {
                    self.bridges.deadlines.remove(&(at, number));
                }
                slot.deadline = next;
                self.bridges.deadlines.extend(next.map(|at| (at, number)));
            }
            let has_work = slot.has_work(progress);
            self.bridges.put_back(number, slot);
            if has_work {
                self.bridges.line_up(number);
            }
        }
    }

    /// Goes on with the bridges of another configuration: only those change that are different.
    pub(super) fn configure_bridges(&mut self, setups: &Setups) {
        let own: Vec<_> = setups.iter().filter(|setup| self.shard.is_home_of(&setup.local_clientid())).collect();
        let wanted: HashMap<_, _> = own.iter().map(|setup| (setup.config.name.as_str(), *setup)).collect();
        let gone = self.bridges.by_name.iter().filter(|(name, _)| !wanted.contains_key(name.as_str()));
        let gone: Vec<_> = gone.map(|(name, number)| (name.clone(), *number)).collect();
        for (name, number) in gone {
            self.bridges.by_name.remove(&name);
            if let Some(mut slot) = self.bridges.take(number) {
                self.end_bridge(&mut slot, number);
                self.forget_state(&mut slot);
                if let Some(at) = slot.deadline {
                    self.bridges.deadlines.remove(&(at, number));
                }
            }
        }
        for setup in own {
            match self.bridges.by_name.get(&setup.config.name) {
                None => self.add_bridge(setup),
                Some(&number) => self.change_bridge(number, setup),
            }
        }
    }

    fn add_bridge(&mut self, setup: &Arc<Setup>) {
        let free = self.bridges.slots.iter().position(Option::is_none);
        let number = free.unwrap_or(self.bridges.slots.len());
        if free.is_none() {
            self.bridges.slots.push(None);
        }
        self.bridges.by_name.insert(setup.config.name.clone(), number);
        let slot = self.new_slot(setup);
        self.bridges.put_back(number, slot);
        self.bridges.line_up(number);
    }

    fn change_bridge(&mut self, number: usize, setup: &Arc<Setup>) {
        let Some(mut slot) = self.bridges.take(number) else { return };
        if slot.setup.is_same_bridge(setup) {
            (slot.setup, slot.next) = (Arc::clone(setup), None);
        } else if setup.config.reload_type == ReloadType::Immediate {
            slot = self.made_anew(slot, number, setup);
        } else {
            slot.next = Some(Arc::clone(setup));
        }
        self.bridges.put_back(number, slot);
        self.bridges.line_up(number);
    }

    /// Another bridge in the place of one.
    fn made_anew(&mut self, mut old: Box<Slot>, number: usize, setup: &Arc<Setup>) -> Box<Slot> {
        self.end_bridge(&mut old, number);
        let mut slot = self.new_slot(setup);
        // It stands in the same lists, and is shown by the same topics.
        (slot.is_ready, slot.is_served, slot.deadline) = (old.is_ready, old.is_served, old.deadline);
        slot.shown = std::mem::take(&mut old.shown);
        slot
    }

    fn new_slot(&mut self, setup: &Arc<Setup>) -> Box<Slot> {
        let mut seed = [0; 8];
        // Without it pauses are less random.
        let _ = getrandom::fill(&mut seed);
        let seed = u64::from_le_bytes(seed);
        let mut bridge = Bridge::new(Arc::clone(&setup.config), &setup.hostname, setup.limits, seed);
        let now = self.clock.now();
        bridge.start(slot::moment(now));
        Box::new(Slot::new(bridge, Arc::clone(setup), now))
    }

    fn end_bridge(&mut self, slot: &mut Slot, number: usize) {
        slot.stop(self.clock.now());
        self.carry_out(slot, number);
    }

    /// Before the last tick: nothing new is passed on, and what is under way gets a moment to be acknowledged. Else the next broker
    /// would send it again, and the remote one what it has sent.
    pub(super) fn await_acknowledgements(&mut self, events: &mut Events) {
        let until = self.clock.now() + LAST_ACKNOWLEDGEMENTS_MS;
        self.bridges.slots.iter_mut().flatten().for_each(|slot| slot.is_ending = true);
        while self.bridges.slots.iter().flatten().any(|slot| slot.is_under_way()) && self.clock.now() < until {
            // Only EINTR can come of it, and it is looked again anyway.
            if self.poll.poll(events, Some(Duration::from_millis(LAST_LOOKS_MS))).is_err() {
                events.clear();
            }
            self.shard.begin(self.clock.now());
            self.look_at_what_is_kept();
            self.note_events(events);
            self.serve_bridges();
            self.shard.end();
            self.drain();
        }
    }

    /// In the last tick: says goodbye on all sides. What has come by then is taken before: it may be acknowledgements, without
    /// which messages would be sent again by the next broker.
    pub(super) fn end_bridges(&mut self) {
        let now = self.clock.now();
        for number in 0..self.bridges.slots.len() {
            if let Some(mut slot) = self.bridges.take(number) {
                slot.look_for_more();
                self.exchange(&mut slot, number, now);
                self.end_bridge(&mut slot, number);
            }
        }
    }

    fn look_at_backlog(&mut self, slot: &mut Slot, now: Moment) {
        if !slot.is_time_to_look(now) {
            return;
        }
        let client_id = slot.bridge.local_clientid();
        let (messages, bytes) = self.shard.backlog(client_id).unwrap_or_default();
        slot.set_backlog(now, messages, bytes);
    }
}

impl Slot {
    /// Whether what is published meanwhile waits for it, whatever the QoS: once it has said hello to the remote broker, the next
    /// thing that it does is to come for messages. To Mosquitto its bridges are connected from then on.
    fn is_coming(&self) -> bool {
        self.remote.is_some() || self.setup.config.start_type == StartType::Lazy
    }

    /// Whether other settings can take its place without ending a connection.
    fn may_change(&self) -> bool {
        self.next.is_some() && !matches!(self.bridge.report().state, State::Connected | State::Connecting)
    }
}
