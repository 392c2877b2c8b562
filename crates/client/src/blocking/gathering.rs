//! Messages that trickle in, read together.

use std::time::Duration;

/// How long to let messages gather, to begin with. The system adds about as much of its own (timer slack). A server whose
/// window is 20 messages can still send more than 100,000 a second to somebody who reads them so.
const PAUSE: Duration = Duration::from_micros(50);

/// A pause is doubled so often at most, so that nothing waits for much longer than half a millisecond.
const DOUBLINGS_MAX: u32 = 3;

/// Rounds of pauses of one length before a longer one is tried again, where it was not worth it.
const SETTLED: u32 = 32;

/// A wait that ends sooner was hardly one.
const SHORT: Duration = Duration::from_micros(100);

/// A wait after which nothing is left of a stream. On a busy machine there are shorter ones in the steadiest.
const LONG: Duration = Duration::from_millis(10);

/// After such a wait it is another stream that comes, and how long pauses were says nothing about it.
const PAST: Duration = Duration::from_millis(100);

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
    length: Length,
}

/// How long pauses are: longer ones as long as they gather more in proportion, which they do not where a window bounds
/// what can be under way.
#[derive(Debug, Default)]
struct Length {
    doublings: u32,
    /// Events in the last round of pauses that were half as long, if there was one.
    of_half: Option<u32>,
    /// Rounds until a longer one is tried.
    settled: u32,
}

impl Length {
    fn pause(&self) -> Duration {
        PAUSE * (1 << self.doublings)
    }

    /// A round of pauses has gathered so many events.
    fn gathered(&mut self, events: u32) {
        match self.of_half.take() {
            // Half as much again: the system's own part of a pause is not doubled.
            Some(of_half) if events < of_half.saturating_add(of_half / 2) => {
                (self.doublings, self.settled) = (self.doublings.saturating_sub(1), SETTLED);
            }
            _ if self.settled > 0 => self.settled -= 1,
            _ if self.doublings < DOUBLINGS_MAX => {
                self.doublings += 1;
                self.of_half = Some(events);
            }
            _ => {}
        }
    }
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
        if !self.on || timeout.is_some_and(|timeout| timeout < self.length.pause() + SHORT) {
            return None;
        }
        if std::mem::take(&mut self.paused) {
            self.gathered = self.gathered.saturating_add(events);
            if self.left == 0 && self.gathered < GATHERED * PAUSES {
                (self.streak, self.needed, self.length) = (0, REST, Length::default());
            } else if self.left == 0 {
                self.length.gathered(self.gathered);
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
        Some(self.length.pause())
    }

    /// A wait lasted so long, without the pause before it.
    pub(super) fn waited(&mut self, time: Duration) {
        if time >= LONG {
            (self.streak, self.left, self.paused) = (0, 0, false);
        }
        if time >= PAST {
            self.length = Length::default();
        }
        self.was_short = time < SHORT && !self.paused;
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "a test")]
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

    /// The pauses of so many short waits, where so many events come for one of them.
    fn lengths(gathering: &mut Gathering, waits: u32, events_of: impl Fn(Duration) -> u32) -> Vec<Duration> {
        let (mut lengths, mut events) = (Vec::new(), 1);
        for _ in 0..waits {
            let pause = gathering.pause(events, None);
            gathering.waited(INSTANT);
            events = pause.map_or(1, &events_of);
            lengths.extend(pause);
        }
        lengths
    }

    #[test]
    fn pauses_grow_while_they_gather_more_in_proportion() {
        // Ten in 50 microseconds, and another ten in the system's own part.
        let mut gathering = on();
        let lengths = lengths(&mut gathering, 10 * PAUSES, |pause| pause.as_micros() as u32 / 5 + 10);
        let mut rounds: Vec<_> = lengths.chunks(PAUSES as usize).map(|round| round[0]).collect();
        assert!(lengths.chunks(PAUSES as usize).all(|round| round.iter().all(|pause| *pause == round[0])));
        rounds.dedup();
        assert_eq!(rounds, [PAUSE, PAUSE * 2, PAUSE * 4, PAUSE * 8]);
        // An interruption changes nothing; a longer one ends the stream, and the next one begins as the first.
        gathering.waited(LONG);
        assert_eq!(self::lengths(&mut gathering, TRICKLING + 1, |_| 20), [PAUSE * 8]);
        gathering.waited(PAST);
        assert_eq!(self::lengths(&mut gathering, TRICKLING + 1, |_| 20), [PAUSE]);
    }

    #[test]
    fn pauses_stay_short_where_a_window_bounds_what_they_gather() {
        let lengths = lengths(&mut on(), 100 * PAUSES, |_| 20);
        let longer = lengths.iter().filter(|pause| **pause > PAUSE).count();
        assert!(lengths.iter().all(|pause| *pause <= PAUSE * 2));
        assert!((1..=4 * PAUSES as usize).contains(&longer), "{longer}");
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
