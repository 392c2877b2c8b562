//! Which thread serves whom: the first worker's all clients while it has the time, else each worker's its own.

use crate::harness::{Broker, Client, client, wait_until};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::thread;

/// So many that some have their homes with others than the first worker.
const PAIRS: usize = 8;

/// Messages of a burst, from one publisher: a worker is busy with them for much longer than it takes to notice that.
const BURST: usize = 20_000;

const ROUNDS: usize = 3;

/// So many that what happens at one start of ten is seen.
const STARTS: usize = 30;

/// A publisher and a subscriber of its topic.
struct Pair {
    topic: String,
    publisher: Client,
    subscriber: Client,
    sent: usize,
}

impl Pair {
    fn all(broker: &Broker) -> Vec<Self> {
        let pair = |n| {
            let mut subscriber = client(&format!("subscriber-{n}")).to(broker);
            subscriber.subscribe(&format!("pair/{n}"), 1);
            let publisher = client(&format!("publisher-{n}")).to(broker);
            Self { topic: format!("pair/{n}"), publisher, subscriber, sent: 0 }
        };
        (0..PAIRS).map(pair).collect()
    }

    /// One message goes the whole way, and its acknowledgement back.
    fn exchange_one(&mut self) {
        self.publisher.publish(&self.topic, self.sent.to_string(), 1);
        self.publisher.finish();
        self.sent += 1;
        assert_eq!(self.subscriber.message().text(), (self.sent - 1).to_string());
    }

    fn burst(&mut self) {
        let first = self.sent;
        self.sent += BURST;
        self.publisher.publish_at_once(&self.topic, (first..self.sent).map(|n| n.to_string()));
        for n in first..self.sent {
            assert_eq!(self.subscriber.message().text(), n.to_string(), "{}", self.topic);
        }
    }
}

/// The workers whose threads have run since, but for the first.
fn others(before: &BTreeMap<String, u64>, after: &BTreeMap<String, u64>) -> usize {
    after.iter().filter(|(name, count)| *name != "0" && before.get(*name) != Some(count)).count()
}

/// A message for a client of another worker has to wait for nobody to wake up.
fn come_together(broker: &Broker, pairs: &mut [Pair]) {
    let pairs = RefCell::new(pairs);
    wait_until("the first thread serves everybody", || {
        let before = broker.switches();
        pairs.borrow_mut().iter_mut().for_each(Pair::exchange_one);
        others(&before, &broker.switches()) == 0
    });
}

#[test]
fn workers_come_together_on_one_thread_part_when_it_is_busy_and_lose_nothing_on_the_way() {
    let broker = Broker::open("worker_threads 4\nworkers_together true");
    let mut pairs = Pair::all(&broker);
    for _ in 0..ROUNDS {
        come_together(&broker, &mut pairs);
        let before = broker.switches();
        thread::scope(|scope| {
            for pair in &mut pairs {
                scope.spawn(|| pair.burst());
            }
        });
        assert!(others(&before, &broker.switches()) > 0);
    }
    come_together(&broker, &mut pairs);
}

#[test]
pub(super) fn workers_stay_apart_where_they_are_told_to() {
    let broker = Broker::open("worker_threads 4\nworkers_together false");
    let mut pairs = Pair::all(&broker);
    // Long enough for workers that would come together.
    for _ in 0..50 {
        let before = broker.switches();
        pairs.iter_mut().for_each(Pair::exchange_one);
        assert!(others(&before, &broker.switches()) > 0, "they have clients to serve");
    }
}

/// Also those of a worker that came to the first thread just before that went to sleep. Nothing else wakes it: there is no `$SYS`.
#[test]
fn clients_of_all_workers_are_served_from_the_start() {
    for _ in 0..STARTS {
        let broker = Broker::open("worker_threads 4\nworkers_together true\nsys_interval 0");
        (0..PAIRS).for_each(|n| client(&format!("client-{n}")).to(&broker).ping());
    }
}

/// Whether they are together or apart, and on their way from one to the other.
#[test]
fn a_broker_stops_wherever_its_workers_are() {
    for rounds in 0..4 {
        let broker = Broker::open("worker_threads 4\nworkers_together true");
        let mut pairs = Pair::all(&broker);
        let mut heir = client("heir").to(&broker);
        heir.subscribe("will", 1);
        let owners: Vec<_> =
            (0..PAIRS).map(|n| client(&format!("owner-{n}")).will("will", "gone", 1).to(&broker)).collect();
        thread::scope(|scope| {
            for pair in &mut pairs {
                scope.spawn(move || (0..rounds).for_each(|_| pair.burst()));
            }
        });
        broker.stop();
        assert_eq!(heir.rest().len(), PAIRS, "after {rounds}");
        drop(owners);
    }
}
