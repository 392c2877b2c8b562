//! From every client to every other, whichever workers they live with.

use crate::harness::{Broker, Client, Message, client};
use std::collections::HashMap;
use std::sync::Barrier;
use std::thread;

const CLIENTS: usize = 16;

/// Every client publishes `each` messages, which every client gets: all of them, once, and in order.
fn everybody_to_everybody(broker: &Broker, qos: u8, each: usize) {
    let barrier = Barrier::new(CLIENTS);
    thread::scope(|scope| {
        for own in 0..CLIENTS {
            let barrier = &barrier;
            scope.spawn(move || {
                let mut user = client(&format!("peer-{own}")).to(broker);
                user.subscribe("from/+", qos);
                barrier.wait();
                for n in 0..each {
                    user.publish(&format!("from/{own}"), n.to_string(), qos);
                }
                let got = user.messages(CLIENTS * each);
                assert_complete(&got, each, qos);
                user.finish();
                // Nothing comes a second time.
                barrier.wait();
                user.ping();
                user.disconnect();
            });
        }
    });
}

fn assert_complete(got: &[Message], each: usize, qos: u8) {
    let mut next: HashMap<&str, usize> = HashMap::new();
    for message in got {
        let expected = next.entry(&message.topic).or_default();
        assert_eq!((message.text(), message.qos), (expected.to_string().as_str(), qos), "{}", message.topic);
        assert!(!message.dup && !message.retain, "{message:?}");
        *expected += 1;
    }
    assert_eq!(next.len(), CLIENTS);
    assert!(next.values().all(|count| *count == each), "{next:?}");
}

/// `[MQTT-4.6.0-5]`, `[MQTT-4.6.0-6]`, and `[MQTT-4.2-1]` over TCP
#[test]
fn nothing_is_lost_doubled_or_out_of_order_at_qos_0() {
    everybody_to_everybody(&Broker::open("worker_threads 4\nmax_queued_messages 0"), 0, 200);
}

#[test]
fn nothing_is_lost_doubled_or_out_of_order_at_qos_1() {
    everybody_to_everybody(&Broker::open("worker_threads 4\nmax_queued_messages 0"), 1, 60);
}

#[test]
fn nothing_is_lost_doubled_or_out_of_order_at_qos_2() {
    everybody_to_everybody(&Broker::open("worker_threads 4\nmax_queued_messages 0"), 2, 40);
}

#[test]
fn one_worker_does_it_all() {
    let broker = Broker::open("worker_threads 1\nmax_queued_messages 0");
    (0..=2).for_each(|qos| everybody_to_everybody(&broker, qos, 20));
}

#[test]
fn as_many_workers_as_clients_and_more_do_it_too() {
    let broker = Broker::open("worker_threads 64\nmax_queued_messages 0");
    (0..=2).for_each(|qos| everybody_to_everybody(&broker, qos, 10));
}

#[test]
fn what_is_retained_by_one_is_seen_by_all() {
    let broker = Broker::open("worker_threads 4");
    let mut users: Vec<_> = (0..CLIENTS).map(|n| client(&format!("user-{n}")).to(&broker)).collect();
    for (n, user) in users.iter_mut().enumerate() {
        user.publish_retained(&format!("state/{n:02}"), "old", 0);
        user.publish_retained(&format!("state/{n:02}"), format!("of {n}"), 1);
        user.finish();
    }
    for user in &mut users {
        user.subscribe("state/#", 1);
        let mut got = user.messages(CLIENTS);
        got.sort_by(|a, b| a.topic.cmp(&b.topic));
        for (n, message) in got.iter().enumerate() {
            assert_eq!(
                (message.topic.as_str(), message.text()),
                (format!("state/{n:02}").as_str(), format!("of {n}").as_str())
            );
            assert!(message.retain);
        }
    }
    // An empty message takes it away: [MQTT-3.3.1-6].
    for (n, user) in users.iter_mut().enumerate() {
        user.publish_retained(&format!("state/{n:02}"), "", 1);
    }
    users.iter_mut().for_each(Client::finish);
    let mut late = client("late").to(&broker);
    late.subscribe("state/#", 1);
    late.ping();
    late.publish("state/end", "", 0);
    assert_eq!(late.message().topic, "state/end");
}

/// Each message to one member, and no member is left out.
#[test]
fn a_shared_subscription_spreads_over_members_of_all_workers() {
    const MESSAGES: usize = 160;
    let broker = Broker::open("worker_threads 4\nmax_queued_messages 0");
    let mut members: Vec<_> = (0..8).map(|n| client(&format!("member-{n}")).to(&broker)).collect();
    for member in &mut members {
        member.subscribe("$share/group/jobs/#", 1);
        member.subscribe("end", 0);
    }
    let mut publisher = client("publisher").to(&broker);
    for n in 0..MESSAGES {
        publisher.publish("jobs/item", n.to_string(), 1);
    }
    publisher.finish();
    publisher.publish("end", "", 0);
    let mut got = Vec::new();
    for member in &mut members {
        let own: Vec<usize> = std::iter::from_fn(|| Some(member.message()).filter(|m| m.topic != "end"))
            .map(|message| message.text().parse().unwrap())
            .collect();
        assert!(!own.is_empty(), "a member got nothing");
        assert!(own.is_sorted(), "{own:?}");
        got.extend(own);
    }
    got.sort_unstable();
    assert_eq!(got, (0..MESSAGES).collect::<Vec<_>>());
}

/// One block of memory serves all who get it. `[3.1.1 MQTT-7.1.1-1]`
#[test]
fn large_payloads_go_both_ways_and_to_many_at_once() {
    const BYTES: usize = 1_500_000;
    let broker = Broker::open("worker_threads 4");
    let payload: Vec<u8> = (0..BYTES).map(|n| (n % 251) as u8).collect();
    thread::scope(|scope| {
        let subscribers: Vec<_> = (0..8u8)
            .map(|n| {
                let mut subscriber = client(&format!("subscriber-{n}")).to(&broker);
                subscriber.subscribe("large", n % 3);
                subscriber
            })
            .collect();
        for mut subscriber in subscribers {
            let payload = &payload;
            scope.spawn(move || {
                for _ in 0..3 {
                    assert!(subscriber.message().payload == *payload, "not what was sent");
                }
            });
        }
        let mut publisher = client("publisher").to(&broker);
        for qos in 0..=2 {
            publisher.publish("large", &payload, qos);
        }
        publisher.finish();
    });
}

/// More than mailboxes and connections hold: publishers are held back, and nothing is lost.
#[test]
fn a_flood_arrives_whole() {
    const EACH: usize = 20_000;
    const PEERS: usize = 6;
    let broker = Broker::open("worker_threads 4\nmax_queued_messages 0");
    let barrier = Barrier::new(2 * PEERS);
    thread::scope(|scope| {
        for own in 0..PEERS {
            let (broker, barrier) = (&broker, &barrier);
            scope.spawn(move || {
                let mut subscriber = client(&format!("subscriber-{own}")).to(broker);
                subscriber.subscribe("flood/+", 0);
                barrier.wait();
                let mut next = [0; PEERS];
                for _ in 0..PEERS * EACH {
                    let message = subscriber.message();
                    let next = &mut next[message.topic["flood/".len()..].parse::<usize>().unwrap()];
                    assert_eq!(message.text(), next.to_string(), "{}", message.topic);
                    *next += 1;
                }
            });
            scope.spawn(move || {
                let mut publisher = client(&format!("publisher-{own}")).to(broker);
                barrier.wait();
                for start in (0..EACH).step_by(1000) {
                    let numbers = (start..start + 1000).map(|n| n.to_string());
                    publisher.publish_at_once(&format!("flood/{own}"), numbers);
                }
                publisher.ping();
            });
        }
    });
}

/// A worker that sleeps is woken by every message for it.
#[test]
fn a_message_that_comes_alone_is_delivered_at_once() {
    const ROUND_TRIPS: usize = 500;
    let broker = Broker::open("worker_threads 4");
    thread::scope(|scope| {
        for pair in 0..6 {
            let broker = &broker;
            scope.spawn(move || {
                let (to, fro) = (format!("{pair}/to"), format!("{pair}/fro"));
                let mut here = client(&format!("here-{pair}")).to(broker);
                let mut there = client(&format!("there-{pair}")).to(broker);
                here.subscribe(&fro, 0);
                there.subscribe(&to, 0);
                for n in 0..ROUND_TRIPS {
                    here.publish(&to, n.to_string(), 0);
                    let came = there.message().payload;
                    there.publish(&fro, came, 0);
                    assert_eq!(here.message().text(), n.to_string());
                }
            });
        }
    });
}

/// With the default `max_queued_messages`, which counts what a client does not take, and not what comes at once.
#[test]
fn a_burst_of_qos_0_reaches_a_client_that_reads() {
    const MESSAGES: usize = 10_000;
    let broker = Broker::open("worker_threads 4");
    let mut subscribers: Vec<_> = (0..4).map(|n| client(&format!("subscriber-{n}")).to(&broker)).collect();
    for subscriber in &mut subscribers {
        subscriber.subscribe("burst", 0);
    }
    let mut publisher = client("publisher").to(&broker);
    publisher.publish_at_once("burst", (0..MESSAGES).map(|n| n.to_string()));
    for mut subscriber in subscribers {
        let numbers = subscriber.messages(MESSAGES).into_iter().map(|message| message.text().parse::<usize>().unwrap());
        assert!(numbers.eq(0..MESSAGES));
    }
}
