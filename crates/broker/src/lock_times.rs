//! How often the trees that all shards share are locked, how long they are held, and how long they are waited for: of all
//! brokers in this process, for measurements. The example `locks` tells it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Steps between a power of two and the next.
const STEPS: u64 = 8;
const BUCKETS: usize = 64 * STEPS as usize;

/// Nanoseconds since some moment.
static CLOCK: OnceLock<fn() -> u64> = OnceLock::new();
/// By tree, then for reading and for writing.
static TIMES: [[Times; 2]; 2] = [const { [const { Times::new() }; 2] }; 2];

/// Begins to look at the locks by this clock, which counts nanoseconds. Without it, they are only counted.
pub fn measure_by(clock: fn() -> u64) {
    let _ = CLOCK.set(clock);
}

/// What was seen of one way to lock one tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockTimes {
    /// Its name.
    pub tree: &'static str,
    /// Whether it was locked for writing.
    pub exclusive: bool,
    /// How often.
    pub count: u64,
    /// How long it was held, in nanoseconds, to an eighth: half of the times less, 99 % of them less, and the longest.
    pub held_ns: [u64; 3],
    /// How long it was waited for.
    pub waited_ns: [u64; 3],
}

/// What was seen since the last call, and since the beginning of the process at the first.
pub fn take() -> Vec<LockTimes> {
    let mut taken = Vec::new();
    for (tree, modes) in ["subscriptions", "retained"].into_iter().zip(&TIMES) {
        for (exclusive, times) in [false, true].into_iter().zip(modes) {
            let (count, held_ns) = times.held.take();
            let (_, waited_ns) = times.waited.take();
            taken.push(LockTimes { tree, exclusive, count, held_ns, waited_ns });
        }
    }
    taken
}

pub(crate) fn now() -> u64 {
    CLOCK.get().map_or(0, |clock| clock())
}

/// A lock that is held. Dropped when it is free.
#[derive(Debug)]
pub(crate) struct Watch {
    times: &'static Times,
    since: u64,
}

impl Watch {
    #[allow(clippy::indexing_slicing, reason = "there are as many as the trees and modes are")]
    pub(crate) fn begin(tree: usize, exclusive: bool, asked: u64) -> Self {
        let (times, since) = (&TIMES[tree][usize::from(exclusive)], now());
        times.waited.note(since.saturating_sub(asked));
        Self { times, since }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.times.held.note(now().saturating_sub(self.since));
    }
}

#[derive(Debug)]
struct Times {
    held: Histogram,
    waited: Histogram,
}

impl Times {
    const fn new() -> Self {
        Self { held: Histogram::new(), waited: Histogram::new() }
    }
}

#[derive(Debug)]
struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    longest: AtomicU64,
}

impl Histogram {
    const fn new() -> Self {
        Self { buckets: [const { AtomicU64::new(0) }; BUCKETS], longest: AtomicU64::new(0) }
    }

    fn note(&self, time: u64) {
        if let Some(bucket) = self.buckets.get(bucket(time)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.longest.fetch_max(time, Ordering::Relaxed);
    }

    /// How many there were; the median, 99 % and the longest.
    fn take(&self) -> (u64, [u64; 3]) {
        let counts: Vec<u64> = self.buckets.iter().map(|bucket| bucket.swap(0, Ordering::Relaxed)).collect();
        let (all, longest) = (counts.iter().sum::<u64>(), self.longest.swap(0, Ordering::Relaxed));
        let at = |hundredths: u64| {
            let mut left = (all * hundredths).div_ceil(100);
            let found = counts.iter().position(|&count| {
                let reached = left <= count;
                left = left.saturating_sub(count);
                reached
            });
            found.map_or(0, |bucket| upper_end(bucket).min(longest))
        };
        (all, [at(50), at(99), longest])
    }
}

/// The place of a time: exact below [`STEPS`], then so many for each power of two.
fn bucket(time: u64) -> usize {
    let power = u64::from(time.max(1).ilog2());
    let place = if time < STEPS { time } else { (power - 2) * STEPS + (time >> (power - 3)) - STEPS };
    place as usize
}

/// The longest time of a place.
fn upper_end(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < STEPS {
        return bucket;
    }
    let (power, step) = (bucket / STEPS + 2, bucket % STEPS);
    ((STEPS + step + 1) << (power - 3)).wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_to_an_eighth() {
        for time in (0..100_000).chain([u64::from(u32::MAX), 1 << 50]) {
            let told = upper_end(bucket(time));
            assert!(told >= time && told - time <= time / STEPS, "{time} is told as {told}");
        }
    }

    #[test]
    fn percentiles_are_those_of_what_was_noted() {
        let histogram = Histogram::new();
        (1..=100).for_each(|time| histogram.note(time));
        histogram.note(5_000);
        let (all, [median, most, longest]) = histogram.take();
        assert!(all == 101 && (51..=55).contains(&median) && (100..=111).contains(&most) && longest == 5_000);
        assert_eq!(histogram.take(), (0, [0; 3]));
    }
}
