//! When a lost connection is made again, as a matter of time alone.

use crate::{End, Moment};
use mosquitto_mqtt::ReasonCode;
use std::time::Duration;

/// How long to wait before a lost connection is made again: twice as long after each failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackOff {
    /// The pause after the first failure.
    pub first: Duration,
    /// The longest pause.
    pub max: Duration,
    /// By how many percent at most a pause is shortened at random, so that the clients of a server that was restarted do
    /// not all come back at once. Above 100 counts as 100.
    pub jitter_percent: u8,
}

impl Default for BackOff {
    /// From a second to a minute, shortened by up to a quarter.
    fn default() -> Self {
        Self { first: Duration::from_secs(1), max: Duration::from_mins(1), jitter_percent: 25 }
    }
}

impl BackOff {
    /// The pause in milliseconds after so many failures in a row before this one. `random` is any number.
    pub fn pause_ms(&self, failures: u32, random: u32) -> u64 {
        let full = self.full_ms(failures);
        let jitter = u128::from(full) * u128::from(self.jitter_percent.min(100)) / 100;
        // At most `jitter`, hence at most `full`.
        full - (jitter * u128::from(random) / u128::from(u32::MAX)) as u64
    }

    fn full_ms(&self, failures: u32) -> u64 {
        let factor = 1_u64.checked_shl(failures).unwrap_or(u64::MAX);
        millis(self.first).max(1).saturating_mul(factor).min(millis(self.max).max(1))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// When the next attempt to connect is due. Like [`Session`](crate::Session) it knows no clock and no random source: both are
/// arguments.
///
/// It is told of each connection that the server has [accepted](Self::connected), that is [over](Self::ended), or that did
/// not come about ([`failed`](Self::failed)). A connection that was over sooner than the pause before it counts as a
/// failure, so that a server that accepts and hangs up is not stormed.
#[derive(Debug, Clone)]
pub struct Reconnection {
    back_off: BackOff,
    failures: u32,
    connected_at: Option<Moment>,
    due: Option<Moment>,
}

impl Reconnection {
    /// Nothing is due.
    pub fn new(back_off: BackOff) -> Self {
        Self { back_off, failures: 0, connected_at: None, due: None }
    }

    /// The server has accepted a connection.
    pub fn connected(&mut self, now: Moment) {
        (self.connected_at, self.due) = (Some(now), None);
    }

    /// A connection is over. Returns whether another attempt is due some time: see [`End::is_passing`].
    pub fn ended(&mut self, now: Moment, end: &End, random: u32) -> bool {
        let held_ms = self.connected_at.take().map(|at| now.since_ms(at));
        if held_ms.is_some_and(|held| held >= self.back_off.full_ms(self.failures.saturating_sub(1))) {
            self.failures = 0;
        }
        if end.is_passing() {
            self.failed(now, random);
        } else {
            self.stop();
        }
        end.is_passing()
    }

    /// The server could not be reached.
    pub fn failed(&mut self, now: Moment, random: u32) {
        self.due = Some(now + self.back_off.pause_ms(self.failures, random));
        self.failures = self.failures.saturating_add(1);
    }

    /// When the next attempt is due, if one is.
    pub fn due(&self) -> Option<Moment> {
        self.due
    }

    /// Whether the attempt is due; if so, it is being made from now on.
    pub fn take_due(&mut self, now: Moment) -> bool {
        self.due.take_if(|due| *due <= now).is_some()
    }

    /// No attempt is due any more.
    pub fn stop(&mut self) {
        (self.failures, self.connected_at, self.due) = (0, None, None);
    }
}

impl End {
    /// Whether another connection may go better, though nobody changes anything: not where the end was asked for, where the
    /// server refuses this client for good or has given its session to another connection, or where what it sends is wrong.
    pub fn is_passing(&self) -> bool {
        match self {
            // 3 is what MQTT 3 has for a server that is not available.
            End::Lost | End::KeepAlive | End::Refused { reason: ReasonCode(3), .. } => true,
            End::Requested | End::ServerMisbehaved { .. } => false,
            End::Refused { reason, .. } | End::ByServer { reason, .. } => is_passing(*reason),
        }
    }
}

fn is_passing(reason: ReasonCode) -> bool {
    [
        ReasonCode::SUCCESS,
        ReasonCode::UNSPECIFIED_ERROR,
        ReasonCode::SERVER_UNAVAILABLE,
        ReasonCode::SERVER_BUSY,
        ReasonCode::SERVER_SHUTTING_DOWN,
        ReasonCode::KEEP_ALIVE_TIMEOUT,
        ReasonCode::MESSAGE_RATE_TOO_HIGH,
        ReasonCode::QUOTA_EXCEEDED,
        ReasonCode::ADMINISTRATIVE_ACTION,
        ReasonCode::CONNECTION_RATE_EXCEEDED,
        ReasonCode::MAXIMUM_CONNECT_TIME,
    ]
    .contains(&reason)
}
