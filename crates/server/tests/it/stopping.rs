//! Signals, and what clients see of the broker's end.

use crate::harness::{Broker, Got, Setup, Signal, client, retry};
use std::io::{Read, Write};
use std::iter;
use std::sync::{Arc, Barrier};
use std::thread;

#[test]
fn term_and_int_end_it_with_0_and_a_last_line() {
    for signal in [Signal::TERM, Signal::INT] {
        let lines = Setup::open("log_timestamp false\nworker_threads 3").start().stop_with(signal);
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(lines.first().unwrap(), &format!("mosquitto version {version} starting"));
        assert_eq!(lines.last().unwrap(), &format!("mosquitto version {version} terminating"));
    }
}

/// Also those that wait, and also to subscribers that live with other workers.
#[test]
fn wills_of_connected_clients_are_published_when_the_broker_stops() {
    const CLIENTS: usize = 12;
    let broker = Broker::open("worker_threads 4");
    let mut subscribers: Vec<_> = (0..CLIENTS).map(|n| client(&format!("subscriber-{n}")).to(&broker)).collect();
    for (n, subscriber) in subscribers.iter_mut().enumerate() {
        subscriber.subscribe("will/#", n as u8 % 3);
    }
    let owners: Vec<_> = (0..CLIENTS)
        .map(|n| {
            let qos = n as u8 % 3;
            client(&format!("owner-{n}")).will(&format!("will/{n}"), "gone", qos).to(&broker)
        })
        .collect();
    broker.stop();
    for subscriber in &mut subscribers {
        let mut topics: Vec<_> = subscriber
            .rest()
            .into_iter()
            .map(|got| match got {
                Got::Message(message) => message.topic,
                other => panic!("{other:?}"),
            })
            .collect();
        topics.sort_by_key(|topic| topic["will/".len()..].parse::<usize>().unwrap());
        assert_eq!(topics, (0..CLIENTS).map(|n| format!("will/{n}")).collect::<Vec<_>>());
    }
    drop(owners);
}

/// Mosquitto does so in all versions; a client is to try again, not to think that it was sent away.
#[test]
fn nobody_is_told_goodbye_when_the_broker_stops() {
    let broker = Broker::open("");
    let mut v5 = client("v5").to(&broker);
    let mut v311 = client("v311").v311().to(&broker);
    broker.stop();
    assert_eq!(v5.rest(), []);
    assert_eq!(v311.rest(), []);
}

#[test]
fn it_stops_while_clients_send_and_others_do_not_read() {
    let broker = Broker::open("worker_threads 2\nmax_queued_messages 0");
    let mut deaf = client("deaf").to(&broker);
    deaf.subscribe("load", 0);
    let mut sender = client("sender").to(&broker);
    let load = vec![b'x'; 100_000];
    for _ in 0..300 {
        sender.publish("load", &load, 0);
    }
    sender.ping();
    let sending = thread::spawn(move || {
        // Until the broker is gone.
        while sender.stream.write_all(&[0xc0, 0]).is_ok() {
            let mut some = [0; 512];
            if retry(|| sender.stream.read(&mut some)).is_ok_and(|len| len == 0) {
                break;
            }
        }
    });
    broker.stop();
    sending.join().unwrap();
}

/// Mailboxes between workers are full, and wills find their way nevertheless.
#[test]
fn wills_are_published_by_a_broker_that_is_stopped_under_load() {
    const OWNERS: usize = 12;
    let broker = Broker::open("worker_threads 4\nmax_queued_messages 0");
    let mut heirs: Vec<_> = (0..8).map(|n| client(&format!("heir-{n}")).to(&broker)).collect();
    for heir in &mut heirs {
        heir.subscribe("will/#", 1);
    }
    let owners: Vec<_> =
        (0..OWNERS).map(|n| client(&format!("owner-{n}")).will(&format!("will/{n}"), "gone", 0).to(&broker)).collect();
    let (mut load, under_way) = (Vec::new(), Arc::new(Barrier::new(9)));
    for n in 0..4 {
        let mut subscriber = client(&format!("subscriber-{n}")).to(&broker);
        subscriber.subscribe("load", 0);
        let under_way_here = Arc::clone(&under_way);
        load.push(thread::spawn(move || {
            subscriber.messages(100);
            under_way_here.wait();
            while matches!(retry(|| subscriber.stream.read(&mut [0; 4096])), Ok(1..)) {}
        }));
        let mut publisher = client(&format!("publisher-{n}")).to(&broker);
        let under_way_here = Arc::clone(&under_way);
        load.push(thread::spawn(move || {
            publisher.publish_at_once("load", iter::repeat_n("load", 100));
            under_way_here.wait();
            let mut some = Vec::new();
            (0..1000).for_each(|_| some.extend_from_slice(b"\x30\x0b\x00\x04load\x00load"));
            while publisher.stream.write_all(&some).is_ok() {}
        }));
    }
    under_way.wait();
    broker.stop();
    for heir in &mut heirs {
        assert_eq!(heir.rest().len(), OWNERS);
    }
    for thread in load {
        thread.join().unwrap();
    }
    drop(owners);
}
