//! Whether a worker is so busy that it should let others run before it looks for more work.
//!
//! A message that comes alone costs a sleep and a wake-up beside its read and its write. Under load it is better to
//! give up the rest of the time slice once a tick: whoever waits for this core (a client on the same machine, another
//! worker) goes on, and when the turn comes round again more has arrived, to be done in one tick. On a core for which
//! nobody waits this costs a fraction of a microsecond. A worker with little to do does without, so that nothing
//! stands between a rare message and its delivery.

use mosquitto_broker::Moment;

/// Connections served a millisecond from which a worker is busy.
const BUSY_FROM: u64 = 10;

/// The pace of one worker.
#[derive(Debug, Default)]
pub(super) struct Pace {
    since: Moment,
    served: u64,
    busy: bool,
}

impl Pace {
    /// So many connections are served in a tick that began at `now`.
    pub(super) fn serve(&mut self, now: Moment, connections: usize) {
        let elapsed_ms = now.since_ms(self.since);
        if elapsed_ms > 0 {
            self.busy = self.served >= BUSY_FROM * elapsed_ms;
            self.since = now;
            self.served = 0;
        }
        self.served += connections as u64;
    }

    /// Whether there is so much to do that others should run first.
    pub(super) fn is_busy(&self) -> bool {
        self.busy
    }
}

/// Lets others run.
pub(super) fn make_way() {
    std::thread::yield_now();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_busy_by_the_rate_of_the_last_stretch_of_time() {
        let mut pace = Pace::default();
        (1..=3).for_each(|ms| pace.serve(Moment(ms), 20));
        assert!(pace.busy);
        pace.serve(Moment(103), 20);
        assert!(!pace.busy, "20 in 100 ms are not much");
    }
}
