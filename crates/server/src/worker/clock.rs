//! The broker's clock.

use mosquitto_broker::Moment;
use std::time::Instant;

/// The monotonic clock that all workers share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    /// A clock that shows nearly zero.
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Now.
    pub(crate) fn now(self) -> Moment {
        Moment(self.0.elapsed().as_millis() as u64)
    }

    /// The same in microseconds, for what is shorter than a tick.
    pub(crate) fn now_us(self) -> u64 {
        self.0.elapsed().as_micros() as u64
    }
}
