//! The time, in whole nanoseconds of the system's monotonic clock.

use rustix::time::{ClockId, Timespec, clock_gettime};

/// Nanoseconds.
pub(crate) type Nanos = u64;

/// One second.
pub(crate) const SECOND: Nanos = 1_000_000_000;

/// One millisecond.
pub(crate) const MILLISECOND: Nanos = 1_000_000;

/// Now. Only differences mean something.
pub(crate) fn now() -> Nanos {
    nanos(clock_gettime(ClockId::Monotonic))
}

/// The time that this process has spent on processors, user and system.
pub(crate) fn own_cpu() -> Nanos {
    nanos(clock_gettime(ClockId::ProcessCPUTime))
}

/// As the system's calls take it.
pub(crate) fn timespec(at: Nanos) -> Timespec {
    Timespec { tv_sec: (at / SECOND).cast_signed(), tv_nsec: (at % SECOND).cast_signed() }
}

/// In seconds.
#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
pub(crate) fn seconds(time: Nanos) -> f64 {
    time as f64 / SECOND as f64
}

/// From seconds, of which there are less than a year.
#[allow(
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "the options take no negative times, and a second is exact"
)]
pub(crate) fn from_seconds(seconds: f64) -> Nanos {
    (seconds * SECOND as f64) as Nanos
}

fn nanos(time: Timespec) -> Nanos {
    time.tv_sec.cast_unsigned() * SECOND + time.tv_nsec.cast_unsigned()
}
