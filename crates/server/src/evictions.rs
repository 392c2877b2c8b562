//! How many connections that had not said who they are were closed to make room for others, over all workers; and the
//! log about it, which is to be short however many they are.

use mosquitto_broker::Moment;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Seconds between two lines.
const LINE_INTERVAL_S: u32 = 60;

/// What the log says when it begins.
pub(crate) const FIRST_LINE: &str =
    "Connections that have not sent their CONNECT are being closed to make room for others.";

/// The counts that all workers share.
#[derive(Debug, Clone, Default)]
pub(crate) struct Evictions(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// Since the start.
    all: AtomicU64,
    /// Since the last line.
    unlogged: AtomicU64,
    /// Whether a worker has said the first line, and will say the second one.
    is_line_due: AtomicBool,
}

/// One worker's part.
#[derive(Debug)]
pub(crate) struct EvictionLines {
    counts: Evictions,
    /// When this worker is to say the next line.
    at: Option<Moment>,
}

impl Evictions {
    /// Since the start.
    pub(crate) fn all(&self) -> u64 {
        self.0.all.load(Ordering::Relaxed)
    }
}

impl EvictionLines {
    pub(crate) fn new(counts: Evictions) -> Self {
        Self { counts, at: None }
    }

    /// One more was closed. The line for the log, if this is the first one for a while.
    pub(crate) fn count(&mut self, now: Moment) -> Option<&'static str> {
        let counts = &self.counts.0;
        counts.all.fetch_add(1, Ordering::Relaxed);
        counts.unlogged.fetch_add(1, Ordering::Relaxed);
        if counts.is_line_due.load(Ordering::Relaxed) || counts.is_line_due.swap(true, Ordering::Relaxed) {
            return None;
        }
        self.at = Some(now.plus_s(LINE_INTERVAL_S));
        Some(FIRST_LINE)
    }

    pub(crate) fn next_deadline(&self) -> Option<Moment> {
        self.at
    }

    /// The line that is due, if one is.
    pub(crate) fn line(&mut self, now: Moment) -> Option<String> {
        self.at.take_if(|at| *at <= now)?;
        let counts = &self.counts.0;
        counts.is_line_due.store(false, Ordering::Relaxed);
        let count = counts.unlogged.swap(0, Ordering::Relaxed);
        Some(format!(
            "Connections without CONNECT closed within {LINE_INTERVAL_S} seconds to make room for others: {count}."
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_are_closed_there_is_a_line_at_once_and_one_a_minute() {
        let counts = Evictions::default();
        let (mut one, mut other) = (EvictionLines::new(counts.clone()), EvictionLines::new(counts.clone()));
        let lines = |evictions: &mut EvictionLines, at: u64| {
            let first = (0..1000).filter_map(|_| evictions.count(Moment(at))).count();
            (first, evictions.line(Moment(at)))
        };
        assert_eq!(lines(&mut one, 0), (1, None));
        assert_eq!(lines(&mut other, 10), (0, None));
        assert_eq!(lines(&mut one, 59_999), (0, None));
        assert_eq!((one.next_deadline(), other.next_deadline()), (Some(Moment(60_000)), None));
        let line = "Connections without CONNECT closed within 60 seconds to make room for others: 3000.";
        assert_eq!(one.line(Moment(60_000)).as_deref(), Some(line));
        assert_eq!((one.line(Moment(70_000)), one.next_deadline()), (None, None));
        // The next time, whichever worker it is.
        assert_eq!(lines(&mut other, 70_000), (1, None));
        assert_eq!(other.next_deadline(), Some(Moment(130_000)));
        assert_eq!(counts.all(), 4000);
    }
}
