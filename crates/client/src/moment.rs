//! Time as an argument: the session never asks what time it is.

use std::ops::Add;

/// A point on a monotonic clock: milliseconds since any start that the owner of the session has chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(pub u64);

impl Moment {
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
