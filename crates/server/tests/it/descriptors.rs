//! Connections leave nothing behind.
#![cfg(target_os = "linux")]

use crate::harness::{Broker, Client, Got, Setup, client};
use std::io::Write;
use std::thread;

#[test]
fn many_short_connections_leave_no_descriptors_behind() {
    let broker = Broker::open("worker_threads 4\nconnection_messages false");
    client("before").to(&broker).disconnect();
    let before = broker.descriptors();
    thread::scope(|scope| {
        for thread in 0..4 {
            let broker = &broker;
            scope.spawn(move || {
                for n in 0..500 {
                    client(&format!("short-{thread}-{n}")).to(broker).disconnect();
                }
            });
        }
    });
    // The one before them may have been counted while it was being closed, as the last of them may be now.
    comes_down_to(&broker, before);
}

fn comes_down_to(broker: &Broker, descriptors: usize) {
    let until = std::time::Instant::now() + crate::harness::PATIENCE;
    while broker.descriptors() > descriptors && std::time::Instant::now() < until {
        thread::yield_now();
    }
    let now = broker.descriptors();
    assert!(now <= descriptors, "{now} instead of {descriptors}");
}

/// In all the ways in which a connection can end.
#[test]
fn connections_that_end_badly_leave_no_descriptors_behind() {
    let broker = Broker::open("worker_threads 2\nmax_connections 1000");
    let before = broker.descriptors();
    for n in 0..60 {
        drop(broker.dial());
        broker.dial().write_all(b"garbage").unwrap();
        drop(client("half").over(broker.dial()));
        let mut bad = client(&format!("bad-{n}")).to(&broker);
        bad.send_bytes(&[0, 0]);
        bad.rest();
        let first = client("taken-over").to(&broker);
        let second = client("taken-over").to(&broker);
        drop((first, second));
    }
    // Each of them has been logged as new, and then as gone.
    let new = broker.log.wait_for_several("New connection from", 360).len();
    broker.log.wait_for_several("disconnected", new);
    // What was told its reason may hang up by itself, for a second.
    comes_down_to(&broker, before);
}

/// Those who are too many are turned away, and the others go on.
#[test]
fn a_broker_out_of_descriptors_serves_whom_it_has() {
    let broker = Setup::open("worker_threads 2").descriptors(64).start();
    let mut seated: Vec<Client> = Vec::new();
    let refused = loop {
        let mut next = client(&format!("client-{}", seated.len())).over(broker.dial());
        match next.next() {
            Got::ConnAck { present: false, reason: 0 } => seated.push(next),
            other => break other,
        }
        assert!(seated.len() < 64, "more clients than descriptors");
    };
    assert_eq!(refused, Got::End);
    // It has nothing more to do then, though it could let nobody in: a client that is silent for too long tells that some
    // time has passed.
    let before = broker.cpu_ms();
    seated.pop().unwrap().disconnect();
    assert_eq!(client("silent").keep_alive(1).to(&broker).rest(), []);
    let used_ms = broker.cpu_ms() - before;
    assert!(used_ms < 500, "{used_ms} ms of a processor in one and a half seconds of rest");
    broker.log.wait_for("Unable to accept new connection, system socket count has been exceeded.");
    seated.iter_mut().for_each(Client::ping);
    // As soon as there is room, whoever waits is let in.
    let left = seated.len() / 2;
    seated.drain(left..).for_each(Client::disconnect);
    for n in 0..5 {
        let mut next = client(&format!("next-{n}")).over(broker.dial());
        assert_eq!(next.next(), Got::ConnAck { present: false, reason: 0 });
        seated.push(next);
    }
    seated.iter_mut().for_each(Client::ping);
}
