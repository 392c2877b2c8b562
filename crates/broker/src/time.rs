//! Time as an argument: the broker never asks what time it is.

use std::ops::Add;

/// A point on the monotonic clock: milliseconds since any start that all shards share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(pub u64);

impl Moment {
    /// Later than every real moment.
    pub const NEVER: Moment = Moment(u64::MAX);

    /// This many seconds later; [`NEVER`](Self::NEVER) where the sum would not fit.
    #[must_use]
    pub fn plus_s(self, seconds: u32) -> Moment {
        self + u64::from(seconds) * 1000
    }

    /// Seconds from `now` to here, to the nearest, at least one: what is left of an interval. Another shard's clock may
    /// be some milliseconds ahead, and must not make more of it than there was.
    pub(crate) fn left_s(self, now: Moment) -> u32 {
        let seconds = (self.since_ms(now).saturating_add(500) / 1000).max(1);
        u32::try_from(seconds).unwrap_or(u32::MAX)
    }

    /// Milliseconds from `earlier` to here; 0 if it is not earlier.
    pub fn since_ms(self, earlier: Moment) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// When something of one connection or session is due, if it is at all. Of half the size of an optional [`Moment`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Due(Moment);

impl Due {
    /// It is not.
    pub(crate) const NOT: Due = Due(Moment::NEVER);

    pub(crate) fn at(moment: Moment) -> Self {
        Self(moment)
    }

    pub(crate) fn get(self) -> Option<Moment> {
        (self.0 != Moment::NEVER).then_some(self.0)
    }

    pub(crate) fn is_set(self) -> bool {
        self.get().is_some()
    }

    /// From now on it is not any more.
    pub(crate) fn take(&mut self) -> Option<Moment> {
        std::mem::replace(self, Self::NOT).get()
    }
}

impl Add<u64> for Moment {
    type Output = Moment;

    /// Milliseconds later.
    fn add(self, ms: u64) -> Moment {
        Moment(self.0.saturating_add(ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_the_longest_interval_fits_though_the_clock_lags() {
        // [MQTT-3.3.2-6]
        let start = Moment(10_000);
        for lag_ms in [0, 499, 500, 5000] {
            assert_eq!(start.plus_s(u32::MAX).left_s(Moment(start.0 - lag_ms)), u32::MAX, "{lag_ms}");
        }
        assert_eq!(start.plus_s(10).left_s(start + 600), 9);
        assert_eq!(start.plus_s(1).left_s(start + 999), 1);
    }
}
