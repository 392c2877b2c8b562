//! What systemd is told (sd_notify(3)), if it is there to listen (`NOTIFY_SOCKET`).

mod manager;

use crate::mailbox::PostOffice;
use crate::order::Order;
use nix::time::{ClockId, clock_gettime};
use std::env;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

/// The shortest time between signs of life. Whoever asks for more of them than that means something else.
const SHORTEST: Duration = Duration::from_millis(5);

/// The broker runs, or runs again after a reload.
pub(crate) fn ready() {
    tell("READY=1\nSTATUS=Running\n");
}

/// A reload begins. [`ready`] ends it.
pub(crate) fn reloading() {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).map(Duration::from);
    let time = time.map(|time| format!("MONOTONIC_USEC={}\n", time.as_micros())).unwrap_or_default();
    tell(&format!("RELOADING=1\n{time}STATUS=Reloading\n"));
}

/// The broker stops.
pub(crate) fn stopping() {
    tell("STOPPING=1\nSTATUS=Stopping\n");
}

fn tell(text: &str) {
    // Who is not there does not miss it.
    let _ = manager::tell(text);
}

/// Within which time a sign of life is wanted of this process, if one is.
fn wanted() -> Option<Duration> {
    let number = |name| env::var_os(name).map(|value| value.to_str().and_then(|text| text.parse::<u64>().ok()));
    // Another process may be meant: the one that has started this one.
    if number("WATCHDOG_PID").is_some_and(|pid| pid != Some(std::process::id().into())) {
        return None;
    }
    number("WATCHDOG_USEC")?.filter(|limit| *limit > 0).map(Duration::from_micros)
}

/// How often to give a sign of life where one is wanted within this time.
fn every(limit: Duration) -> Duration {
    (limit / 2).max(SHORTEST)
}

/// Tells systemd that the broker is alive (`WATCHDOG_USEC`), as long as all of its workers are.
#[derive(Debug)]
pub(crate) struct Watchdog {
    every: Duration,
    next: Instant,
    /// The workers that have not answered yet, and where their answers come in.
    missing: usize,
    answers: Option<Receiver<()>>,
}

impl Watchdog {
    /// If systemd asks for it. The first sign of life is due at once.
    pub(crate) fn enabled() -> Option<Self> {
        Some(Self { every: every(wanted()?), next: Instant::now(), missing: 0, answers: None })
    }

    /// When the next sign of life is due.
    pub(crate) fn next_deadline(&self) -> Instant {
        self.next
    }

    /// Gives a sign of life if one is due and all workers have answered since the last one, and asks them again. Returns
    /// whether it did.
    pub(crate) fn do_what_is_due(&mut self, now: Instant, office: &PostOffice) -> bool {
        if now < self.next {
            return false;
        }
        self.next = now + self.every;
        if let Some(answers) = &self.answers {
            self.missing = self.missing.saturating_sub(answers.try_iter().count());
        }
        if self.missing > 0 {
            return false;
        }
        tell("WATCHDOG=1\n");
        let workers: Vec<_> = office.workers().collect();
        let (sender, receiver) = sync_channel(workers.len());
        for worker in &workers {
            office.order(*worker, Order::Answer(sender.clone()));
        }
        (self.missing, self.answers) = (workers.len(), Some(receiver));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::Delivery;
    use mio::{Poll, Token, Waker};
    use mosquitto_broker::ShardId;

    #[test]
    fn signs_of_life_come_in_half_of_the_time_but_leave_the_broker_time_for_clients() {
        for (limit_us, every_us) in [(60_000_000, 30_000_000), (20_000, 10_000), (1, 5_000), (u64::MAX, u64::MAX / 2)] {
            assert_eq!(every(Duration::from_micros(limit_us)).as_micros(), every_us.into());
        }
    }

    #[test]
    fn a_worker_that_does_not_answer_ends_the_signs_of_life_until_it_does() {
        let polls = [Poll::new().unwrap(), Poll::new().unwrap()];
        let office = PostOffice::new(polls.iter().map(|poll| Waker::new(poll.registry(), Token(0)).unwrap()).collect());
        let answer = |worker| {
            let mut delivery = Delivery::default();
            office.collect(ShardId(worker), &mut delivery);
            for order in delivery.orders {
                let Order::Answer(answer) = order else { panic!("{order:?}") };
                answer.try_send(()).unwrap();
            }
        };
        let (start, every) = (Instant::now(), Duration::from_secs(10));
        let mut watchdog = Watchdog { every, next: start, missing: 0, answers: None };
        assert!(watchdog.do_what_is_due(start, &office));
        answer(0);
        answer(1);
        assert!(!watchdog.do_what_is_due(start + every / 2, &office), "before its time");
        assert!(watchdog.do_what_is_due(start + every, &office));
        answer(0);
        assert!(!watchdog.do_what_is_due(start + every * 2, &office));
        assert!(!watchdog.do_what_is_due(start + every * 3, &office));
        answer(1);
        assert!(watchdog.do_what_is_due(start + every * 4, &office));
    }
}
