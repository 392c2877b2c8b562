//! What systemd is told (sd_notify(3)), if it is there to listen (`NOTIFY_SOCKET`).

use crate::mailbox::PostOffice;
use crate::order::Order;
use sd_notify::NotifyState;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

/// The broker runs, or runs again after a reload.
pub(crate) fn ready() {
    tell(&[NotifyState::Ready, NotifyState::Status("Running")]);
}

/// A reload begins. [`ready`] ends it.
pub(crate) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now, NotifyState::Status("Reloading")]),
        Err(_) => tell(&[NotifyState::Reloading, NotifyState::Status("Reloading")]),
    }
}

/// The broker stops.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("Stopping")]);
}

fn tell(states: &[NotifyState<'_>]) {
    // Who is not there does not miss it.
    let _ = sd_notify::notify(states);
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
        let limit = sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero())?;
        Some(Self { every: limit / 2, next: Instant::now(), missing: 0, answers: None })
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
        tell(&[NotifyState::Watchdog]);
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
