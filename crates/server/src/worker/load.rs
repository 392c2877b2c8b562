//! When workers share a thread, and when they do not any more. Times are in microseconds since the broker's start.

/// Where the first thread was busy for more of a stretch than this, it has too many workers.
const CROWDED_PERCENT: u64 = 85;

/// They go until those that stay have made it busy for no more than this. A worker comes back if it and the first thread
/// together were busy for no more than this: so much less that none comes only to go again.
const ROOMY_PERCENT: u64 = 50;

/// How long a stretch of the first thread's time is at least: as long has everybody to wait for a thread of his own.
const CROWDED_AFTER_US: u64 = 10_000;

/// How long a worker stays at home at least.
const HOME_US: u64 = 200_000;

/// The time of the first thread.
#[derive(Debug)]
pub(super) struct HostTime {
    since: u64,
    slept: u64,
    /// Ever, up to the end of the last stretch.
    busy: u64,
}

impl HostTime {
    pub(super) fn begin(now_us: u64) -> Self {
        Self { since: now_us, slept: 0, busy: 0 }
    }

    pub(super) fn slept(&mut self, for_us: u64) {
        self.slept += for_us;
    }

    /// Ends the stretch, if it was long enough: how long it was, and how much of that the thread was busy.
    pub(super) fn end_stretch(&mut self, now_us: u64) -> Option<(u64, u64)> {
        let elapsed_us = now_us.saturating_sub(self.since);
        if elapsed_us < CROWDED_AFTER_US {
            return None;
        }
        let busy_us = elapsed_us.saturating_sub(self.slept);
        *self = Self { since: now_us, slept: 0, busy: self.busy + busy_us };
        Some((elapsed_us, busy_us))
    }

    /// How long the thread was busy, ever.
    pub(super) fn busy_us(&self) -> u64 {
        self.busy
    }
}

/// Which guests go home after a stretch: those that took most of it first. `guests_us` says for how long each was served.
pub(super) fn who_goes((elapsed_us, busy_us): (u64, u64), guests_us: &[u64]) -> Vec<usize> {
    if busy_us * 100 <= elapsed_us * CROWDED_PERCENT {
        return Vec::new();
    }
    let mut order: Vec<(usize, u64)> = guests_us.iter().copied().enumerate().collect();
    order.sort_by_key(|(_, took_us)| std::cmp::Reverse(*took_us));
    let (mut going, mut left_us) = (Vec::new(), busy_us);
    for (at, took_us) in order {
        if left_us * 100 <= elapsed_us * ROOMY_PERCENT {
            break;
        }
        left_us = left_us.saturating_sub(took_us);
        going.push(at);
    }
    going
}

/// The time of a worker at home, and of the first thread meanwhile.
#[derive(Debug)]
pub(super) struct HomeTime {
    since: u64,
    busy: u64,
    host_before: u64,
}

impl HomeTime {
    /// `host_us`: how long the first thread was busy, ever.
    pub(super) fn begin(now_us: u64, host_us: u64) -> Self {
        Self { since: now_us, busy: 0, host_before: host_us }
    }

    /// The worker was busy until now; whether it may go to the first thread.
    pub(super) fn may_go(&mut self, begun_us: u64, now_us: u64, host_us: u64) -> bool {
        self.busy += now_us.saturating_sub(begun_us);
        let elapsed_us = now_us.saturating_sub(self.since);
        if elapsed_us < HOME_US {
            return false;
        }
        let together_us = self.busy + host_us.saturating_sub(self.host_before);
        *self = Self::begin(now_us, host_us);
        together_us * 100 <= elapsed_us * ROOMY_PERCENT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_goes_while_the_thread_has_time() {
        assert!(who_goes((10_000, 8_500), &[8_000, 500]).is_empty());
    }

    #[test]
    fn the_busiest_guest_goes_first_and_those_may_stay_for_whom_there_is_room_then() {
        assert_eq!(who_goes((10_000, 9_000), &[500, 6_000, 1_000]), [1]);
        assert_eq!(who_goes((10_000, 9_000), &[2_500, 2_500, 1_000]), [0, 1]);
    }

    #[test]
    fn all_guests_go_where_the_thread_has_too_much_of_its_own() {
        assert_eq!(who_goes((10_000, 10_000), &[0, 100]), [1, 0]);
    }

    #[test]
    fn a_stretch_is_judged_when_it_was_long_enough() {
        let mut time = HostTime::begin(5_000);
        time.slept(4_000);
        assert_eq!(time.end_stretch(14_999), None);
        assert_eq!(time.end_stretch(15_000), Some((10_000, 6_000)));
        assert_eq!(time.end_stretch(30_000), Some((15_000, 15_000)), "the next one begins without sleep");
        assert_eq!(time.busy_us(), 21_000);
    }

    #[test]
    fn a_worker_goes_to_the_first_thread_when_both_had_little_to_do_for_a_while() {
        let mut time = HomeTime::begin(0, 1_000);
        assert!(!time.may_go(199_000, 199_500, 1_000), "it has come home only now");
        assert!(time.may_go(199_900, 200_000, 1_000));
        let mut time = HomeTime::begin(0, 0);
        assert!(!time.may_go(100_000, 200_000, 10_000), "it was busy half of the time, and the first thread as well");
        assert!(time.may_go(400_000, 400_000, 100_000 + 10_000), "and not in the next while");
        let mut time = HomeTime::begin(0, 0);
        assert!(!time.may_go(199_000, 200_000, 150_000), "the first thread was");
    }
}
