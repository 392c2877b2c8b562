//! Messages that trickle in, read together.

use std::time::Duration;

/// How long to let messages gather. The system adds about as much of its own (timer slack). A server whose window is 20
/// messages can still send more than 100,000 a second to somebody who reads them so.
const PAUSE: Duration = Duration::from_micros(50);

/// A wait that ends sooner was hardly one.
const SHORT: Duration = Duration::from_micros(100);

/// A wait after which nothing is left of a stream. On a busy machine there are shorter ones in the steadiest.
const LONG: Duration = Duration::from_millis(10);

/// What came is worth a pause if it was no more than so many events: more of them are read together as it is.
const FEW: u32 = 4;

/// Short waits for a few events, one after the other, before there are pauses.
const TRICKLING: u32 = 16;

/// Waits with a pause before some without are to show whether it still trickles.
const PAUSES: u32 = 64;

/// How many those are.
const PROBES: u32 = 4;

/// Pauses are worth it if so many events came after each of them, on average: where each message waits for an answer, as
/// with a window of 1, they only take time.
const GATHERED: u32 = 2;

/// Short waits for few events before the next try, where pauses were not worth it.
const REST: u32 = 10_000;

/// When to pause before a wait, so that messages that a server sends one by one do not cost a wake-up and a read each.
/// Only a steady stream is paused for: what comes alone is read at once.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    on: bool,
    /// Short waits for few events so far, without any other between them.
    streak: u32,
    /// So many of them are not enough, if that is more than usual.
    needed: u32,
    /// Pauses to come.
    left: u32,
    /// Events after the last pauses.
    gathered: u32,
    /// Whether there was a pause before the last wait.
    paused: bool,
    /// Whether the last wait was short, and had no pause before it.
    was_short: bool,
}

impl Gathering {
    pub(super) fn set(&mut self, on: bool) {
        *self = Self { on, ..Self::default() };
    }

    pub(super) fn is_on(&self) -> bool {
        self.on
    }

    /// How long to pause before the next wait, which may last for `timeout`. `events` came since the last one.
    pub(super) fn pause(&mut self, events: u32, timeout: Option<Duration>) -> Option<Duration> {
        if !self.on || timeout.is_some_and(|timeout| timeout < PAUSE + SHORT) {
            return None;
        }
        if std::mem::take(&mut self.paused) {
            self.gathered = self.gathered.saturating_add(events);
            if self.left == 0 && self.gathered < GATHERED * PAUSES {
                (self.streak, self.needed) = (0, REST);
            }
        }
        if std::mem::take(&mut self.was_short) {
            self.streak = if events <= FEW { self.streak + 1 } else { 0 };
            if self.streak > self.needed.max(TRICKLING - 1) {
                (self.streak, self.needed) = (TRICKLING - PROBES, 0);
                (self.left, self.gathered) = (PAUSES, 0);
            }
        }
        self.left = self.left.checked_sub(1)?;
        self.paused = true;
        Some(PAUSE)
    }

    /// A wait lasted so long, without the pause before it.
    pub(super) fn waited(&mut self, time: Duration) {
        if time >= LONG {
            (self.streak, self.left, self.paused) = (0, 0, false);
        }
        self.was_short = time < SHORT && !self.paused;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSTANT: Duration = Duration::from_micros(5);

    /// How many of so many short waits have a pause, where so many events come for a wait with one and for one without.
    fn pauses(gathering: &mut Gathering, waits: u32, [with, without]: [u32; 2]) -> u32 {
        let (mut pauses, mut events) = (0, without);
        for _ in 0..waits {
            let paused = gathering.pause(events, None).is_some();
            gathering.waited(INSTANT);
            pauses += u32::from(paused);
            events = if paused { with } else { without };
        }
        pauses
    }

    fn on() -> Gathering {
        let mut gathering = Gathering::default();
        gathering.set(true);
        gathering
    }

    #[test]
    fn a_steady_trickle_is_gathered_and_looked_at_now_and_then() {
        let mut gathering = on();
        assert_eq!(pauses(&mut gathering, TRICKLING, [9, 1]), 0);
        assert_eq!(pauses(&mut gathering, PAUSES, [9, 1]), PAUSES);
        assert_eq!(pauses(&mut gathering, PROBES, [9, 1]), 0);
        assert_eq!(pauses(&mut gathering, PAUSES, [9, 1]), PAUSES);
    }

    #[test]
    fn pauses_that_gather_nothing_are_tried_seldom() {
        let mut gathering = on();
        assert_eq!(pauses(&mut gathering, REST, [1, 1]), PAUSES);
        assert_eq!(pauses(&mut gathering, 2 * REST, [1, 1]), 2 * PAUSES);
    }

    #[test]
    fn what_comes_in_bulk_or_alone_or_unasked_is_read_at_once() {
        assert_eq!(pauses(&mut on(), 1000, [9, FEW + 1]), 0);
        assert_eq!(pauses(&mut Gathering::default(), 1000, [9, 1]), 0);
        let mut gathering = on();
        for _ in 0..1000 {
            assert_eq!(gathering.pause(1, None), None);
            gathering.waited(SHORT);
        }
    }

    #[test]
    fn a_longer_wait_ends_the_pauses_and_a_deadline_forbids_them() {
        let mut gathering = on();
        assert_eq!(pauses(&mut gathering, TRICKLING + 1, [9, 1]), 1);
        assert_eq!(gathering.pause(9, Some(Duration::ZERO)), None);
        assert!(gathering.pause(9, Some(Duration::from_secs(1))).is_some());
        gathering.waited(SHORT);
        assert!(gathering.pause(9, None).is_some());
        gathering.waited(LONG);
        assert_eq!(gathering.pause(1, None), None);
    }
}
