//! `max_connections` and `global_max_connections`.

use crate::harness::{Broker, Client, Got, client, retry};
use std::io::Read;
use std::{iter, thread};

const LIMIT: usize = 8;

fn broker() -> Broker {
    Broker::open(&format!("max_connections {LIMIT}\nworker_threads 4"))
}

fn fill(broker: &Broker) -> Vec<Client> {
    (0..LIMIT).map(|n| client(&format!("seated-{n}")).to(broker)).collect()
}

fn is_refused(broker: &Broker) {
    let mut stream = broker.dial();
    match retry(|| stream.read(&mut [0])) {
        Ok(len) => assert_eq!(len, 0),
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
}

#[test]
pub(crate) fn the_one_too_many_is_closed_and_the_others_go_on() {
    let broker = broker();
    let mut seated = fill(&broker);
    for n in 1..=5 {
        is_refused(&broker);
        let line = "Client connection from 127.0.0.1 denied: max_connections exceeded.";
        broker.log.wait_for_several(line, n);
    }
    seated.iter_mut().for_each(Client::ping);
}

/// As soon as the client sees the end of its connection.
#[test]
fn a_seat_is_free_at_once_when_its_client_has_left() {
    let broker = broker();
    let mut seated = fill(&broker);
    for n in 0..200 {
        seated.remove(0).disconnect();
        seated.push(client(&format!("next-{n}")).to(&broker));
    }
    is_refused(&broker);
}

#[test]
fn a_seat_is_free_when_its_client_was_thrown_out() {
    let broker = broker();
    let mut seated = fill(&broker);
    for n in 0..50 {
        let mut bad = seated.remove(0);
        bad.send_bytes(&[0, 0]);
        assert_eq!(bad.rest(), [Got::Disconnect(0x82)]);
        seated.push(client(&format!("next-{n}")).to(&broker));
    }
}

#[test]
fn a_seat_is_free_when_its_client_is_gone_without_a_word() {
    let broker = broker();
    let mut seated = fill(&broker);
    for (gone, n) in (0..20).enumerate() {
        drop(seated.remove(0));
        // Only now the broker knows that it is gone.
        broker.log.wait_for_several("disconnected: connection closed by client.", gone + 1);
        // The line comes from the tick in which the socket is closed, whose end nothing tells; the next tick does.
        seated.iter_mut().for_each(Client::ping);
        let mut next = client(&format!("next-{n}")).over(broker.dial());
        let mut got = next.next();
        while got == Got::End {
            next = client(&format!("next-{n}")).over(broker.dial());
            got = next.next();
        }
        assert_eq!(got, Got::ConnAck { present: false, reason: 0 });
        seated.push(next);
    }
}

/// A connection that changes to the worker where its session lives keeps its one seat.
#[test]
fn a_connection_takes_one_seat_whichever_worker_accepts_it() {
    let broker = broker();
    for _ in 0..10 {
        let seated = fill(&broker);
        is_refused(&broker);
        seated.into_iter().for_each(Client::disconnect);
    }
}

/// Although there is much to send to it still.
#[test]
fn a_seat_is_free_when_its_client_dies_under_a_flood() {
    let broker = Broker::open("max_connections 2\nworker_threads 1\nmax_queued_messages 0");
    let mut publisher = client("publisher").to(&broker);
    let payload = vec![b'x'; 50_000];
    for n in 0..60 {
        let id = format!("victim-{n}");
        let mut victim = client(&id).to(&broker);
        victim.subscribe("flood", 0);
        thread::scope(|scope| {
            scope.spawn(|| (0..20).for_each(|_| publisher.publish_at_once("flood", iter::repeat_n(&payload, 10))));
            // With a part unread: the network says so at once.
            (0..n * 3).for_each(|_| drop(victim.message()));
            drop(victim);
        });
        broker.log.wait_for(&format!("Client {id} ["));
        // Whatever was to be done for it is done.
        publisher.ping();
        publisher.ping();
    }
}

/// It was sent away, but there was much to send to it still.
#[test]
fn a_seat_is_free_when_its_client_does_not_wait_for_its_last_bytes() {
    let broker = Broker::open("max_connections 3\nworker_threads 1\nmax_queued_messages 0");
    let mut publisher = client("publisher").to(&broker);
    let mut deaf = client("deaf").to(&broker);
    deaf.subscribe("load", 0);
    publisher.publish_at_once("load", iter::repeat_n(vec![b'x'; 100_000], 200));
    publisher.ping();
    let _heir = client("deaf").to(&broker);
    drop(deaf);
    publisher.ping();
    publisher.ping();
    client("next").to(&broker).ping();
}

#[test]
pub(crate) fn global_max_connections_counts_those_of_all_listeners() {
    let broker = Broker::open(&format!("global_max_connections {LIMIT}\nworker_threads 2"));
    let mut seated = fill(&broker);
    is_refused(&broker);
    broker.log.wait_for("Client connection from 127.0.0.1 denied: max_connections exceeded.");
    seated.remove(0).disconnect();
    seated.push(client("next").to(&broker));
    seated.iter_mut().for_each(Client::ping);
}
