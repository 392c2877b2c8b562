//! Deadlines, each with its reason.

use crate::{ConnectionId, Moment};
use std::collections::BTreeSet;

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// A connection has to have shown a sign of life (or its CONNECT) by now.
    Silence(ConnectionId),
    /// The session in this slot, which has no connection, ends now.
    SessionExpiry(u32),
    /// The delayed will of the session in this slot is due.
    Will(u32),
    /// The log is told what the session in this slot has lost.
    Drops(u32),
    /// What the client of the session in this slot has not acknowledged is to be sent again.
    Retry(u32),
}

/// All deadlines of a shard. Each owner remembers when its own are due, to take them back: nothing stays behind
/// for connections and sessions that are gone, however many come and go.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    due: BTreeSet<(Moment, Timer)>,
}

impl Timers {
    pub(crate) fn set(&mut self, at: Moment, timer: Timer) {
        self.due.insert((at, timer));
    }

    pub(crate) fn cancel(&mut self, at: Moment, timer: Timer) {
        self.due.remove(&(at, timer));
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Moment> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Takes one that is due at `now`.
    pub(crate) fn pop_due(&mut self, now: Moment) -> Option<Timer> {
        if self.next()? > now {
            return None;
        }
        self.due.pop_first().map(|(_, timer)| timer)
    }
}
