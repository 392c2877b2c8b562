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

    /// Milliseconds from `earlier` to here; 0 if it is not earlier.
    pub fn since_ms(self, earlier: Moment) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<u64> for Moment {
    type Output = Moment;

    /// Milliseconds later.
    fn add(self, ms: u64) -> Moment {
        Moment(self.0.saturating_add(ms))
    }
}
