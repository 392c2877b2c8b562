//! A broker: its shards, mail between them, and the broker's ends of connections.

use super::wire::{Place, Wire};
use crate::random::Random;
use mosquitto_broker::{ConnectionId, Mail, Moment, Settings, Shard, ShardId, Shared, Then};
use std::collections::{BTreeMap, VecDeque};
use std::io::IoSlice;
use std::sync::Arc;

/// Batches that a mailbox takes from one sender, as in the server.
const MAILBOX: usize = 4;

pub(crate) struct Node {
    pub(crate) shards: Vec<Shard>,
    pub(crate) shared: Arc<Shared>,
    /// By receiver and sender.
    mail: Vec<Vec<VecDeque<Mail>>>,
    /// Connections that the shard wants to be closed.
    ending: Vec<(usize, ConnectionId)>,
}

impl Node {
    pub(crate) fn new(number: usize, shards: usize, settings: &Settings) -> Self {
        let (settings, shared) = (Arc::new(settings.clone()), Shared::new(shards as u16));
        let shard = |at: usize| {
            let seed = [(number * 8 + at) as u8 + 1; 32];
            Shard::new(ShardId(at as u16), Arc::clone(&shared), Arc::clone(&settings), seed)
        };
        Self {
            shards: (0..shards).map(shard).collect(),
            mail: (0..shards).map(|_| (0..shards).map(|_| VecDeque::new()).collect()).collect(),
            ending: Vec::new(),
            shared,
        }
    }

    /// A name of one length that is at home on a shard by chance: so a seed means the same bytes although the broker hashes
    /// with a secret.
    pub(crate) fn name(&self, base: &str, random: &mut Random) -> (String, usize) {
        let home = random.below(self.shards.len());
        let mut names = (0..100_000).map(|n| format!("{base}{n:05}"));
        (names.find(|name| self.shared.home_of(name).index() == home).unwrap_or_default(), home)
    }

    /// Reads what has arrived on a shard's connections.
    pub(crate) fn read(
        &mut self,
        at: usize,
        (own, wires): (usize, &mut BTreeMap<usize, Wire>),
        random: &mut Random,
        calm: bool,
    ) -> bool {
        let mut moved = false;
        for wire in wires.values_mut().filter(|wire| wire.node == own) {
            match wire.place {
                Place::Arriving { shard, handed_over } if shard == at && (calm || random.below(3) > 0) => {
                    let shard = &mut self.shards[at];
                    let id = if handed_over { shard.open_handed_over("peer", 0) } else { shard.open("peer", 0) };
                    wire.place = Place::On(at, id);
                    moved = true;
                }
                Place::On(shard, id) if shard == at && (calm || random.below(5) > 0) => {
                    moved |= Self::read_one(&mut self.shards[at], at, wire, id);
                }
                _ => {}
            }
        }
        moved
    }

    fn read_one(shard: &mut Shard, at: usize, wire: &mut Wire, id: ConnectionId) -> bool {
        if wire.up.arrived.is_empty() {
            if wire.is_over_for_broker() {
                shard.closed(id, None);
            }
            return false;
        }
        let received = shard.received(id, &wire.up.arrived);
        wire.up.arrived.drain(..received.consumed);
        match received.then {
            Then::HandOver(to) => {
                shard.release(id);
                debug_assert_ne!(to.index(), at, "it is at home here");
                wire.place = Place::Arriving { shard: to.index(), handed_over: true };
                true
            }
            // Half a packet, which will never be whole.
            Then::Wait { .. } | Then::Ended { .. } if wire.is_over_for_broker() => {
                wire.up.arrived.clear();
                shard.closed(id, None);
                true
            }
            _ => received.consumed > 0,
        }
    }

    pub(crate) fn read_mail(&mut self, at: usize, random: &mut Random, calm: bool) -> bool {
        let mut moved = false;
        for from in 0..self.shards.len() {
            for _ in 0..if calm { MAILBOX } else { random.below(3) } {
                let Some(mail) = self.mail[at][from].pop_front() else { break };
                self.shards[at].mail(&mail);
                moved = true;
            }
        }
        moved
    }

    pub(crate) fn post(&mut self, from: usize) -> bool {
        let waiting: Vec<usize> = self.shards[from].mail_waiting().map(ShardId::index).collect();
        let mut moved = false;
        for to in waiting {
            if self.mail[to][from].len() < MAILBOX {
                let mail = self.shards[from].exchange_mail(ShardId(to as u16), Mail::default());
                self.mail[to][from].push_back(mail);
                moved = true;
            }
        }
        moved
    }

    /// Sends what a shard has for its connections, as far as there is room on their way.
    pub(crate) fn write(&mut self, at: usize, (own, wires): (usize, &mut BTreeMap<usize, Wire>), calm: bool) -> bool {
        let (mut moved, mut touched) = (false, Vec::new());
        self.shards[at].touched(&mut touched);
        for wire in wires.values_mut().filter(|wire| wire.node == own) {
            let Place::On(shard, id) = wire.place else { continue };
            if shard != at || self.shards[at].output_len(id) == 0 {
                continue;
            }
            let mut left = wire.room_down(calm);
            loop {
                let mut slices = [IoSlice::new(&[]); 8];
                let filled = self.shards[at].output(id, &mut slices);
                let mut taken = 0;
                for slice in &slices[..filled] {
                    let part = &slice[..slice.len().min(left)];
                    // Nothing gets through a broken one, and who has closed does not read.
                    if !wire.is_cut && !wire.peer_closed {
                        wire.down.moving.extend_from_slice(part);
                    }
                    left -= part.len();
                    taken += part.len();
                }
                self.shards[at].sent(id, taken);
                moved |= taken > 0;
                if taken == 0 {
                    break;
                }
            }
        }
        moved
    }

    /// The connections that a shard wants to be closed, and those whose time has come: not the links of bridges, which are
    /// returned.
    pub(crate) fn close(&mut self, at: usize, own: usize, wires: &mut BTreeMap<usize, Wire>) -> Vec<ConnectionId> {
        let mut closing = Vec::new();
        self.shards[at].closing(&mut closing);
        self.ending.extend(closing.into_iter().map(|id| (at, id)));
        let (mut links, shard) = (Vec::new(), &mut self.shards[at]);
        self.ending.retain(|&(of, id)| {
            if of != at {
                return true;
            }
            let is_it = |wire: &&mut Wire| wire.node == own && wire.place == Place::On(at, id);
            let Some(wire) = wires.values_mut().find(is_it) else {
                links.push(id);
                return false;
            };
            if shard.output_len(id) > 0 && !wire.is_cut && !wire.peer_closed {
                return true;
            }
            shard.release(id);
            (wire.place, wire.broker_closed) = (Place::Gone, true);
            false
        });
        links
    }

    pub(crate) fn is_due(&self, at: usize, now: u64) -> bool {
        self.shards[at].next_deadline().is_some_and(|Moment(at)| at <= now)
    }

    pub(crate) fn has_mail(&self) -> bool {
        self.mail.iter().flatten().any(|queue| !queue.is_empty())
            || self.shards.iter().any(|shard| shard.mail_waiting().next().is_some())
    }
}
