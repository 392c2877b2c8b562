//! Messages that a session lost: counted by reason, and told to the log once a minute at most.

use crate::home::Home;
use crate::log::log;
use crate::statistics::DropCounts;
use crate::timers::Timer;
use crate::{DropReason, Moment};
use std::fmt::Write;

/// Seconds between two lines about what one client has lost.
const LINE_INTERVAL_S: u32 = 60;

/// What was dropped on the way to one client, or from it.
#[derive(Debug, Default)]
pub(crate) struct Drops {
    /// Since the session began.
    pub(crate) all: DropCounts,
    /// Since the last line about it.
    unlogged: DropCounts,
    /// When the next line is due; none where there is nothing to say.
    pub(crate) line_at: Option<Moment>,
}

impl Home {
    /// A message is dropped on behalf of the session in this slot.
    #[cold]
    pub(crate) fn drop_for(&mut self, slot: u32, reason: DropReason) {
        self.statistics.dropped.add(reason, 1);
        let Some(session) = self.sessions.get_mut(slot) else { return };
        let drops = session.drops.get_or_insert_default();
        drops.all.add(reason, 1);
        drops.unlogged.add(reason, 1);
        if drops.line_at.is_none() {
            let at = self.now.plus_s(LINE_INTERVAL_S);
            drops.line_at = Some(at);
            self.timers.set(at, Timer::Drops(slot));
        }
        // The first line of an episode is Mosquitto's, and it has it only for what it counts.
        if reason.is_mosquittos() && !std::mem::replace(&mut session.drops_logged, true) {
            log!(self.log, Notice, "Outgoing messages are being dropped for client {}.", session.client_id);
        }
    }

    /// A minute has passed since the first drop after the last line.
    pub(crate) fn log_drops(&mut self, slot: u32) {
        let Some(session) = self.sessions.get_mut(slot) else { return };
        let Some(drops) = &mut session.drops else { return };
        drops.line_at = None;
        let mut counts = String::new();
        for (reason, count) in std::mem::take(&mut drops.unlogged).iter() {
            let _ = write!(counts, "{}{} {count}", if counts.is_empty() { "" } else { ", " }, reason.name());
        }
        let client_id = &session.client_id;
        log!(self.log, Notice, "Messages dropped for client {client_id} within {LINE_INTERVAL_S} seconds: {counts}.");
    }
}
