//! When the `$SYS` topics are published, and where their numbers come from.
//!
//! An update begins at wall-clock seconds that `sys_interval` divides. Every worker is asked for its numbers; the answers
//! are looked for from time to time, so that a worker that does not answer holds nobody up. Its last known numbers stand
//! for it until it does.

use crate::evictions::Evictions;
use crate::http::Counters;
use crate::mailbox::PostOffice;
use crate::order::Order;
use crate::persistence::StoreFigures;
use crate::sys_tree::{Figures, SysTree};
use mosquitto_broker::{Publication, ShardId, Shared, Statistics, Stored};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant, SystemTime};

/// How often answers are looked for.
const LOOK: Duration = Duration::from_millis(5);

/// How long workers may take to answer.
const PATIENCE: Duration = Duration::from_millis(500);

/// An update that would begin sooner than this after the last one belongs to the same second.
const SAME_SECOND: Duration = Duration::from_millis(100);

/// What a worker has counted.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Report {
    pub(crate) statistics: Statistics,
    pub(crate) stored: Stored,
}

/// Keeps the `$SYS` topics up to date.
#[derive(Debug)]
pub(crate) struct SysUpdates {
    tree: SysTree,
    /// For those who ask over HTTP.
    counters: Counters,
    shared: Arc<Shared>,
    evictions: Evictions,
    /// None: nothing is kept.
    store: Option<StoreFigures>,
    workers: Vec<Known>,
    started: Instant,
    /// When the last update was.
    updated: Option<Instant>,
    /// What `step` is made for.
    interval_s: u16,
    step: Step,
}

/// What is known of a worker.
#[derive(Debug, Default)]
struct Known {
    report: Report,
    /// Where its answer comes in, while it owes one.
    answer: Option<Receiver<Report>>,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// Until the next update. Nothing: there is none.
    Wait(Option<Instant>),
    /// Until all have answered, or have had time enough.
    Collect { look: Instant, until: Instant },
}

impl SysUpdates {
    /// For a broker that starts now, with so many workers.
    pub(crate) fn new(shared: Arc<Shared>, workers: usize, counters: Counters, evictions: Evictions) -> Self {
        Self {
            tree: SysTree::default(),
            counters,
            shared,
            evictions,
            store: None,
            workers: (0..workers).map(|_| Known::default()).collect(),
            started: Instant::now(),
            updated: None,
            interval_s: 0,
            step: Step::Wait(None),
        }
    }

    /// What has to be published before the first client can look: nothing where there are no `$SYS` topics.
    pub(crate) fn first(&mut self, interval_s: u16) -> Vec<Publication> {
        if interval_s == 0 { Vec::new() } else { self.update(Instant::now()) }
    }

    /// How persistence is, from now on.
    pub(crate) fn look_at_store(&mut self, store: StoreFigures) {
        self.store = Some(store);
    }

    /// When there is something to do next, with this `sys_interval`.
    pub(crate) fn next_deadline(&self, interval_s: u16) -> Option<Instant> {
        match self.step {
            Step::Collect { look, .. } => Some(look),
            Step::Wait(until) if interval_s == self.interval_s => until,
            // It has been changed, and everything is to be reckoned anew.
            Step::Wait(_) => Some(self.started),
        }
    }

    /// Does what is due.
    pub(crate) fn do_what_is_due(&mut self, now: Instant, interval_s: u16, office: &PostOffice) {
        match self.step {
            Step::Wait(_) if interval_s != self.interval_s => self.wait(interval_s, now),
            Step::Wait(Some(until)) if until <= now => {
                self.ask(office);
                self.step = Step::Collect { look: now + LOOK, until: now + PATIENCE };
            }
            Step::Wait(_) => {}
            Step::Collect { look, .. } if look > now => {}
            Step::Collect { until, .. } => {
                self.collect();
                if now < until && self.workers.iter().any(|worker| worker.answer.is_some()) {
                    self.step = Step::Collect { look: now + LOOK, until };
                    return;
                }
                // The first worker publishes. One that does not even answer is not given more to do.
                if self.workers.first().is_some_and(|first| first.answer.is_none()) {
                    let news = self.update(now);
                    office.order(ShardId(0), Order::Publish(news));
                }
                // Now and then, by a thread that nobody waits for.
                mosquitto_allocator::give_back();
                self.wait(interval_s, now);
            }
        }
    }

    fn wait(&mut self, interval_s: u16, now: Instant) {
        self.interval_s = interval_s;
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.step = Step::Wait((interval_s > 0).then(|| now + until_next(since_epoch, interval_s)));
    }

    /// Who owes an answer is not asked again.
    fn ask(&mut self, office: &PostOffice) {
        for (id, worker) in office.workers().zip(&mut self.workers) {
            if worker.answer.is_none() {
                let (sender, receiver) = sync_channel(1);
                office.order(id, Order::Report(sender));
                worker.answer = Some(receiver);
            }
        }
    }

    fn collect(&mut self) {
        for worker in &mut self.workers {
            if let Some(report) = worker.answer.as_ref().and_then(|answer| answer.try_recv().ok()) {
                *worker = Known { report, answer: None };
            }
        }
    }

    fn update(&mut self, now: Instant) -> Vec<Publication> {
        // This thread has stored the messages of the first update.
        let mut stored = Stored::on_this_thread();
        self.workers.iter().for_each(|worker| stored += worker.report.stored);
        let shared_subscriptions = self.shared.shared_subscription_count();
        let figures = Figures {
            evictions: self.evictions.all(),
            store: self.store,
            statistics: self.workers.iter().map(|worker| worker.report.statistics).sum(),
            stored,
            subscriptions: self.shared.subscription_count().saturating_sub(shared_subscriptions),
            shared_subscriptions,
            retained: self.shared.retained_count(),
            heap: mosquitto_allocator::in_use(),
            heap_maximum: mosquitto_allocator::peak(),
            uptime_s: now.duration_since(self.started).as_secs(),
        };
        let elapsed = self.updated.replace(now).map_or(Duration::ZERO, |updated| now.duration_since(updated));
        let news = self.tree.update(&figures, elapsed.as_secs_f64());
        self.counters.update(|topic| self.tree.last(topic));
        news
    }
}

/// From a time, given since 1970, to the next second that the interval divides.
fn until_next(since_epoch: Duration, interval_s: u16) -> Duration {
    let interval = u64::from(interval_s.max(1));
    let after = since_epoch + SAME_SECOND;
    let next = (after.as_secs() / interval + 1) * interval;
    Duration::from_secs(next).saturating_sub(since_epoch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::Delivery;
    use mio::{Poll, Token, Waker};

    /// What has been ordered from a worker since the last time; reports are answered with so many sessions.
    fn work(office: &PostOffice, worker: u16, sessions: Option<u64>) -> (usize, Vec<Publication>) {
        let (mut delivery, mut asked, mut published) = (Delivery::default(), 0, Vec::new());
        office.collect(ShardId(worker), &mut delivery);
        for order in delivery.orders {
            match order {
                Order::Report(answer) => {
                    asked += 1;
                    let Some(sessions) = sessions else { continue };
                    let statistics = Statistics { sessions, ..Statistics::default() };
                    answer.send(Report { statistics, ..Report::default() }).unwrap();
                }
                Order::Publish(some) => published.extend(some),
                _ => {}
            }
        }
        (asked, published)
    }

    fn total(published: &[Publication]) -> Option<&[u8]> {
        published.iter().find(|p| &*p.topic == "$SYS/broker/clients/total").map(|p| &*p.payload)
    }

    #[test]
    fn a_worker_that_does_not_answer_holds_up_nobody_and_its_last_numbers_stand_for_it() {
        let polls: Vec<_> = (0..2).map(|_| Poll::new().unwrap()).collect();
        let wakers = polls.iter().map(|poll| Waker::new(poll.registry(), Token(0)).unwrap()).collect();
        let updates = SysUpdates::new(Shared::new(2), 2, Counters::new(), Evictions::default());
        let (office, mut updates) = (PostOffice::new(wakers), updates);
        assert_eq!(total(&updates.first(1)), Some(&b"0"[..]));
        let due = |updates: &mut SysUpdates| {
            let at = updates.next_deadline(1).unwrap();
            updates.do_what_is_due(at, 1, &office);
        };
        due(&mut updates);
        due(&mut updates);
        assert_eq!([work(&office, 0, Some(3)).0, work(&office, 1, Some(4)).0], [1, 1]);
        due(&mut updates);
        assert_eq!(total(&work(&office, 0, None).1), Some(&b"7"[..]));
        for (sessions, expected) in [(10, &b"14"[..]), (20, b"24")] {
            due(&mut updates);
            assert_eq!(work(&office, 0, Some(sessions)).0, 1);
            let began = updates.next_deadline(1).unwrap();
            // Looks, until the second worker has had time enough.
            while matches!(updates.step, Step::Collect { .. }) {
                assert!(updates.next_deadline(1).unwrap() <= began + PATIENCE + LOOK);
                due(&mut updates);
            }
            assert_eq!(total(&work(&office, 0, None).1), Some(expected));
        }
        assert_eq!(work(&office, 1, None).0, 1, "who owes an answer is not asked again");
    }

    #[test]
    fn an_interval_that_is_changed_holds_at_once_and_0_means_never() {
        let mut updates = SysUpdates::new(Shared::new(1), 1, Counters::new(), Evictions::default());
        let office = PostOffice::new(Vec::new());
        assert!(updates.first(0).is_empty());
        assert_eq!(updates.next_deadline(0), None);
        let now = Instant::now();
        updates.do_what_is_due(now, 60_000, &office);
        assert!(updates.next_deadline(60_000).is_some());
        assert!(updates.next_deadline(1).unwrap() <= now, "reckoned anew");
        updates.do_what_is_due(now, 0, &office);
        assert_eq!(updates.next_deadline(0), None);
    }

    #[test]
    fn updates_are_due_at_seconds_that_the_interval_divides() {
        for (now_ms, interval_s, expected_ms) in [
            (1_000_000, 10, 10_000),
            (1_003_250, 10, 6750),
            (1_009_899, 10, 101),
            // A clock that is a little early does not make two updates of one.
            (1_009_999, 10, 10_001),
            (1_000_500, 1, 500),
            (1_000_000, 7, 1000),
            (5, 60, 59_995),
        ] {
            let until = until_next(Duration::from_millis(now_ms), interval_s);
            assert_eq!(until, Duration::from_millis(expected_ms), "{now_ms} {interval_s}");
        }
    }
}
