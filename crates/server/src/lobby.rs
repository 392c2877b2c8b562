//! Where connections wait that have not said who they are: their CONNECT has not come as a whole yet, and perhaps not
//! even their handshake. Who has the next turn, and who gives way when there are too many.
//!
//! Pure: it knows numbers, and no sockets. A worker has a lobby of its own.
//!
//! Two things are shared out fairly among the addresses that connections come from, so that who opens very many harms
//! nobody but himself:
//!
//! - *Turns.* Handshakes cost much. A connection with something to read lines up behind the others of its address, and
//!   the addresses take turns.
//! - *Room.* Where the lobby is full, a connection of the address with most of them gives way: the one that has been
//!   silent for longest, as honest clients do not stay for long. Where none of them is silent, the broker itself is
//!   behind: then the newest gives way, as it has cost least, and that is the newcomer if it comes from there.

use mosquitto_broker::{ConnectionId, Moment};
use mosquitto_transport::Peer;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

/// Bytes that the broker holds for all in a lobby, before those have to go who are not content with little.
const HELD_MAX: usize = 32 << 20;

/// What one may make the broker hold in any case, in bytes: more than nearly any CONNECT or message of a handshake has.
const HELD_BY_ONE: usize = 8 << 10;

/// Where a connection comes from, as far as it matters for fairness. Whoever has one address of IPv6 mostly has a whole
/// /64 of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    /// A Unix socket.
    Local,
    V4(Ipv4Addr),
    /// The upper half of the address.
    V6(u64),
}

impl Source {
    pub(crate) fn of(peer: &Peer) -> Self {
        match peer.address().map(|address| address.ip()) {
            None => Self::Local,
            Some(IpAddr::V4(address)) => Self::V4(address),
            Some(IpAddr::V6(address)) => Self::V6((address.to_bits() >> 64) as u64),
        }
    }
}

/// What a connection in the lobby carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pass {
    group: Key,
    /// Passes are numbered in the order in which connections came.
    number: u64,
}

/// A group: the listener's number, and where its members come from.
type Key = (u16, Source);

/// Those of one listener and address.
#[derive(Debug, Default)]
struct Group {
    members: BTreeMap<u64, Member>,
    /// Those that wait for their client.
    silent: BTreeSet<u64>,
    /// Those that wait for the broker, by when they have lined up.
    queue: BTreeMap<u64, u64>,
    /// The group's own place among those that take turns; none where nobody of it waits.
    turn: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Member {
    id: ConnectionId,
    since: Moment,
    /// Its place in the queue; none while it is silent.
    place: Option<u64>,
    /// Bytes held for it.
    held: usize,
}

/// How groups of a listener are ordered: the largest comes last, and of those the one with the oldest silent member.
type Rank = (usize, Reverse<u64>, Source);

/// What is to be done for a newcomer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// Nothing.
    Free,
    /// This one has to go first.
    InPlaceOf(ConnectionId),
    /// There is none for it.
    None,
}

/// The connections of a worker that have not said who they are.
#[derive(Debug)]
pub(crate) struct Lobby {
    limit: usize,
    len: usize,
    /// Bytes held for all of them.
    held: usize,
    groups: BTreeMap<Key, Group>,
    /// By listener.
    ranks: BTreeMap<u16, BTreeSet<Rank>>,
    /// Groups with somebody in their queue, each once.
    turns: BTreeMap<u64, Key>,
    /// The next number of all: of passes, of places in queues, of turns.
    next_number: u64,
}

impl Lobby {
    /// One with room for so many.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            len: 0,
            held: 0,
            groups: BTreeMap::new(),
            ranks: BTreeMap::new(),
            turns: BTreeMap::new(),
            next_number: 0,
        }
    }

    /// From now on there is room for so many. Who is here stays, until somebody else comes.
    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// What tells those who come from now on from those who are here.
    pub(crate) fn mark(&self) -> u64 {
        self.next_number
    }

    /// Whether nobody should be let in for now, since there is no room, and who would have to give way has come after
    /// `mark`: what it has sent may just not have been looked at.
    pub(crate) fn is_shut(&self, mark: u64) -> bool {
        self.len >= self.limit
            && self.largest().is_some_and(|(_, (_, Reverse(oldest), _))| (mark..u64::MAX).contains(oldest))
    }

    /// Whether there is room for one who comes through this listener from there.
    pub(crate) fn room_for(&self, listener: u16, source: Source) -> Room {
        if self.len < self.limit {
            return Room::Free;
        }
        let Some((of, (size, Reverse(oldest), from))) = self.largest() else { return Room::Free };
        let Some(group) = self.groups.get(&(of, *from)) else { return Room::Free };
        if let Some(member) = group.members.get(oldest) {
            return Room::InPlaceOf(member.id);
        }
        // All of them wait for the broker.
        let own = self.groups.get(&(listener, source)).map_or(0, |group| group.members.len());
        match group.members.last_key_value() {
            Some((_, member)) if own + 1 < *size => Room::InPlaceOf(member.id),
            _ => Room::None,
        }
    }

    /// Who gives way where something else is short than room here: one that has been silent for longest, of those that
    /// came before `mark`.
    pub(crate) fn longest_silent(&self, mark: u64) -> Option<ConnectionId> {
        let (of, (_, Reverse(oldest), from)) = self.largest()?;
        let member = self.groups.get(&(of, *from))?.members.get(oldest)?;
        (*oldest < mark).then_some(member.id)
    }

    /// The same for those, of one listener or of all, that came at this moment or before it.
    pub(crate) fn silent_since(&self, listener: Option<u16>, moment: Moment) -> Option<ConnectionId> {
        let (of, (_, Reverse(oldest), from)) = match listener {
            Some(listener) => (listener, self.ranks.get(&listener)?.last()?),
            None => self.largest()?,
        };
        let member = self.groups.get(&(of, *from))?.members.get(oldest)?;
        (member.since <= moment).then_some(member.id)
    }

    /// Takes a connection in, which is silent so far.
    pub(crate) fn enter(&mut self, listener: u16, source: Source, id: ConnectionId, now: Moment) -> Pass {
        let pass = Pass { group: (listener, source), number: self.number() };
        self.put(pass, Member { id, since: now, place: None, held: 0 });
        pass
    }

    /// So many bytes are held for a connection now. Whether that may be.
    pub(crate) fn may_hold(&mut self, Pass { group, number }: Pass, held: usize) -> bool {
        let Some(member) = self.groups.get_mut(&group).and_then(|group| group.members.get_mut(&number)) else {
            return true;
        };
        self.held = self.held - member.held + held;
        member.held = held;
        held <= HELD_BY_ONE || self.held <= HELD_MAX
    }

    /// A connection has said who it is, or is gone.
    pub(crate) fn leave(&mut self, pass: Pass) {
        self.take(pass);
    }

    /// A connection turns out to come from elsewhere. It is as old as before, and silent.
    pub(crate) fn regroup(&mut self, pass: Pass, source: Source) -> Pass {
        let Some(member) = self.take(pass) else { return pass };
        let pass = Pass { group: (pass.group.0, source), ..pass };
        self.put(pass, Member { place: None, ..member });
        pass
    }

    /// There is something to be done for a connection that was silent.
    pub(crate) fn line_up(&mut self, Pass { group: key, number }: Pass) {
        let place = self.number();
        self.change(key, |group| {
            if group.silent.remove(&number) {
                group.queue.insert(place, number);
                if let Some(member) = group.members.get_mut(&number) {
                    member.place = Some(place);
                }
            }
        });
    }

    /// Whether somebody waits for its turn.
    pub(crate) fn has_turn(&self) -> bool {
        !self.turns.is_empty()
    }

    /// Whose turn it is; afterwards it is silent, unless it lines up again.
    pub(crate) fn next(&mut self) -> Option<ConnectionId> {
        let (_, key) = self.turns.pop_first()?;
        let mut id = None;
        self.change(key, |group| {
            group.turn = None;
            let Some((_, number)) = group.queue.pop_first() else { return };
            group.silent.insert(number);
            if let Some(member) = group.members.get_mut(&number) {
                member.place = None;
                id = Some(member.id);
            }
        });
        id
    }

    fn number(&mut self) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        number
    }

    /// The last in order: its listener and rank.
    fn largest(&self) -> Option<(u16, &Rank)> {
        self.ranks.iter().filter_map(|(listener, ranks)| Some((*listener, ranks.last()?))).max_by_key(|(_, rank)| *rank)
    }

    fn put(&mut self, Pass { group: key, number }: Pass, member: Member) {
        self.len += 1;
        self.held += member.held;
        self.change(key, |group| {
            group.members.insert(number, member);
            group.silent.insert(number);
        });
    }

    fn take(&mut self, Pass { group: key, number }: Pass) -> Option<Member> {
        let mut taken = None;
        self.change(key, |group| {
            taken = group.members.remove(&number);
            group.silent.remove(&number);
            if let Some(place) = taken.and_then(|member| member.place) {
                group.queue.remove(&place);
            }
        });
        self.len -= usize::from(taken.is_some());
        self.held -= taken.map_or(0, |member| member.held);
        taken
    }

    /// Changes a group; then its rank and its turn are right again, and it is forgotten where nobody is left.
    fn change(&mut self, key: Key, change: impl FnOnce(&mut Group)) {
        let turn = self.number();
        let (listener, source) = key;
        let group = self.groups.entry(key).or_default();
        let ranks = self.ranks.entry(listener).or_default();
        ranks.remove(&group.rank(source));
        change(group);
        match (group.turn, group.queue.is_empty()) {
            (None, false) => {
                group.turn = Some(turn);
                self.turns.insert(turn, key);
            }
            (Some(turn), true) => {
                group.turn = None;
                self.turns.remove(&turn);
            }
            _ => {}
        }
        if group.members.is_empty() {
            self.groups.remove(&key);
        } else {
            ranks.insert(group.rank(source));
        }
        if ranks.is_empty() {
            self.ranks.remove(&listener);
        }
    }
}

impl Group {
    fn rank(&self, source: Source) -> Rank {
        (self.members.len(), Reverse(self.silent.first().copied().unwrap_or(u64::MAX)), source)
    }
}

#[cfg(test)]
mod tests;
