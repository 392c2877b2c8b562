//! `kill -9` at any moment, over and over, while clients publish and get messages and keep their own books.
//!
//! `MOSQUITTO_KILL_ROUNDS=500 cargo test -p mosquitto-server --test it persistence::kill` does it that often; with
//! `MOSQUITTO_KILL_SEED` the moments are those of a run that has failed.

use super::book::{Publisher, Subscriber};
use super::kept_in;
use crate::harness::{Broker, Scratch, client};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

/// How often, if nothing else is said.
const ROUNDS: u64 = 20;

/// The broker is killed this long after it runs, in milliseconds, at the most.
const LIFE_MS_MAX: u64 = 150;

pub(super) fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().map_or(otherwise, |text| text.parse().unwrap())
}

/// Where the moments begin, which is printed.
pub(super) fn seed() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let seed = number("MOSQUITTO_KILL_SEED", now.as_micros() as u64).max(1);
    eprintln!("MOSQUITTO_KILL_SEED={seed}");
    seed
}

/// Xorshift: moments need be no better.
pub(super) fn next(random: &mut u64) -> u64 {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    *random
}

fn publishers() -> Vec<Publisher> {
    vec![Publisher::new("one", 1), Publisher::new("another", 1), Publisher::new("two", 2), Publisher::new("second", 2)]
}

/// What is retained is the last that was acknowledged to be published, or one that came after it.
fn look_at_retained(broker: &Broker, publishers: &[Publisher]) {
    let mut watch = client("watch").to(broker);
    watch.subscribe("r/#", 0);
    watch.ping();
    let messages = watch.all_messages();
    for Publisher { name, retained, sent, .. } in publishers {
        let topic = format!("r/{name}");
        let found = messages.iter().find(|message| message.topic == topic).map_or(0, |message| {
            assert!(message.retain);
            message.text().split_once(' ').unwrap().1.parse().unwrap()
        });
        assert!((*retained..=*sent).contains(&found), "{topic} is {found}, not in {retained}..={sent}");
    }
    watch.disconnect();
}

#[test]
fn nothing_that_was_acknowledged_is_lost_and_no_qos_2_message_comes_twice() {
    let rounds = number("MOSQUITTO_KILL_ROUNDS", ROUNDS);
    let mut random = seed();
    let directory = Arc::new(Scratch::new());
    let setup = kept_in(&directory, "max_queued_messages 0\nworker_threads 2\nconnection_messages false");
    let (mut publishers, mut online, mut offline) =
        (publishers(), Subscriber::new("online"), Subscriber::new("offline"));
    let broker = setup.start();
    for subscriber in [&mut online, &mut offline] {
        subscriber.connect(broker.address()).unwrap().disconnect();
    }
    broker.kill();
    for _ in 0..rounds {
        let broker = setup.start();
        look_at_retained(&broker, &publishers);
        let address = broker.address();
        let life = Duration::from_micros(next(&mut random) % (LIFE_MS_MAX * 1000));
        // Now and then while the file is written.
        let is_saving = next(&mut random).is_multiple_of(4);
        thread::scope(|scope| {
            for publisher in &mut publishers {
                scope.spawn(|| publisher.run(address, u64::MAX));
            }
            scope.spawn(|| online.connect(address).and_then(|line| online.run(line, false)));
            if is_saving {
                thread::sleep(life / 2);
                broker.signal(crate::harness::Signal::USR1);
                thread::sleep(life / 20);
            } else {
                thread::sleep(life);
            }
            broker.kill();
        });
    }
    let broker = setup.start();
    look_at_retained(&broker, &publishers);
    for publisher in &mut publishers {
        let until = publisher.sent;
        publisher.run(broker.address(), until).unwrap();
    }
    for subscriber in [&mut online, &mut offline] {
        let line = subscriber.connect(broker.address()).unwrap();
        subscriber.run(line, true).unwrap();
        for publisher in &publishers {
            subscriber.settle_with(publisher);
        }
    }
    let all: u64 = publishers.iter().map(|publisher| publisher.sent).sum();
    assert!(all > rounds, "{all} messages in {rounds} rounds");
    eprintln!("{rounds} kills, {all} messages");
}

/// A long queue is handed over in many parts, and goes out in between.
#[test]
fn what_goes_out_while_the_file_is_written_comes_once() {
    const MESSAGES: u64 = 4000;
    let directory = Arc::new(Scratch::new());
    let setup = kept_in(&directory, "max_queued_messages 0\nworker_threads 2\nconnection_messages false");
    let (mut publisher, mut subscriber) = (Publisher::new("two", 2), Subscriber::new("late"));
    let broker = setup.start();
    subscriber.connect(broker.address()).unwrap().disconnect();
    publisher.run(broker.address(), MESSAGES).unwrap();
    broker.kill();
    for life_ms in [20, 60, 120, 250] {
        let broker = setup.start();
        let address = broker.address();
        thread::scope(|scope| {
            scope.spawn(|| subscriber.connect(address).and_then(|line| subscriber.run(line, false)));
            let until = std::time::Instant::now() + Duration::from_millis(life_ms);
            while std::time::Instant::now() < until {
                broker.signal(crate::harness::Signal::USR1);
                thread::sleep(Duration::from_millis(2));
            }
            broker.kill();
        });
    }
    let broker = setup.start();
    let line = subscriber.connect(broker.address()).unwrap();
    subscriber.run(line, true).unwrap();
    subscriber.settle_with(&publisher);
}
