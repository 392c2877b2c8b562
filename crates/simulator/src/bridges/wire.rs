//! Connections as networks make them: bytes under way, and ends that learn late of what happened.

use mosquitto_broker::ConnectionId;

/// Bytes that have arrived and are not read, at most: more than any packet has.
const ARRIVED_MAX: usize = 100_000;

/// Where a connection is on the broker's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// On its way to this shard: accepted, or handed over by another.
    Arriving {
        shard: usize,
        handed_over: bool,
    },
    On(usize, ConnectionId),
    Gone,
}

/// Who is at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    Client(usize),
    Bridge(usize),
}

/// Bytes in one direction.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    pub(crate) moving: Vec<u8>,
    pub(crate) arrived: Vec<u8>,
}

impl Flow {
    pub(crate) fn go_on(&mut self, most: usize) -> bool {
        let len = self.moving.len().min(most).min(ARRIVED_MAX.saturating_sub(self.arrived.len()));
        self.arrived.extend(self.moving.drain(..len));
        len > 0
    }
}

#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Wire {
    pub(crate) owner: Owner,
    pub(crate) node: usize,
    pub(crate) place: Place,
    /// To the broker, and from it.
    pub(crate) up: Flow,
    pub(crate) down: Flow,
    /// Bytes that may be under way in each direction.
    pub(crate) capacity: usize,
    pub(crate) stalled_until: u64,
    /// It is broken: nothing moves any more, and the ends may know of it.
    pub(crate) is_cut: bool,
    pub(crate) broker_knows: bool,
    pub(crate) peer_knows: bool,
    /// Who has closed it in an orderly way: what was sent before still arrives.
    pub(crate) broker_closed: bool,
    pub(crate) peer_closed: bool,
}

impl Wire {
    pub(crate) fn new(owner: Owner, node: usize, shard: usize, capacity: usize) -> Self {
        Self {
            owner,
            node,
            place: Place::Arriving { shard, handed_over: false },
            up: Flow::default(),
            down: Flow::default(),
            capacity,
            stalled_until: 0,
            is_cut: false,
            broker_knows: false,
            peer_knows: false,
            broker_closed: false,
            peer_closed: false,
        }
    }

    pub(crate) fn go_on(&mut self, most: usize) -> bool {
        if self.is_cut {
            return false;
        }
        let up = self.up.go_on(most);
        self.down.go_on(most) || up
    }

    /// It breaks, with so many bytes of what is under way still arriving.
    pub(crate) fn cut(&mut self, up: usize, down: usize) {
        if !self.is_cut {
            self.up.go_on(up);
            self.down.go_on(down);
            self.up.moving.clear();
            self.down.moving.clear();
            self.is_cut = true;
        }
    }

    /// Whether the peer has met the end.
    pub(crate) fn is_over_for_peer(&self) -> bool {
        (self.is_cut && self.peer_knows) || (self.broker_closed && self.down.moving.is_empty())
    }

    /// Whether the broker has.
    pub(crate) fn is_over_for_broker(&self) -> bool {
        (self.is_cut && self.broker_knows) || (self.peer_closed && !self.is_cut && self.up.moving.is_empty())
    }

    /// Bytes that one end may send.
    pub(crate) fn room_up(&self, calm: bool) -> usize {
        if calm { usize::MAX } else { self.capacity.saturating_sub(self.up.moving.len()) }
    }

    pub(crate) fn room_down(&self, calm: bool) -> usize {
        if calm || self.peer_closed { usize::MAX } else { self.capacity.saturating_sub(self.down.moving.len()) }
    }
}
