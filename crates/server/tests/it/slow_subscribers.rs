//! Who reads slowly costs only himself, and what is promised to him is kept.

use crate::harness::{Broker, Sentinels, client};
use std::thread;

/// All of it waits: in the socket, in the connection's output, in its session.
#[test]
fn a_subscriber_that_does_not_read_loses_nothing_and_holds_up_nobody() {
    const MESSAGES: usize = 3000;
    let broker = Broker::open("worker_threads 4\nmax_queued_messages 0");
    let mut slow = client("slow").to(&broker);
    slow.subscribe("load", 1);
    let payload = vec![b'x'; 4000];
    let text = |n: usize| [n.to_string().as_bytes(), &payload].concat();
    let mut quick: Vec<_> = (0..4).map(|n| client(&format!("quick-{n}")).to(&broker)).collect();
    for quick in &mut quick {
        quick.subscribe("load", 1);
    }
    thread::scope(|scope| {
        let broker = &broker;
        scope.spawn(move || {
            let mut publisher = client("publisher").to(broker);
            for n in 0..MESSAGES {
                publisher.publish("load", text(n), 1);
            }
            publisher.finish();
        });
        for mut quick in quick {
            scope.spawn(move || {
                for n in 0..MESSAGES {
                    assert!(quick.message().payload == text(n), "not message {n}");
                }
            });
        }
    });
    for n in 0..MESSAGES {
        assert!(slow.message().payload == text(n), "not message {n}");
    }
    slow.ping();
}

/// `max_queued_messages`
#[test]
fn what_is_too_much_for_a_subscriber_is_dropped_and_takes_no_memory() {
    const MESSAGES: usize = 20_000;
    const QUEUED: usize = 100;
    let broker = Broker::open(&format!("worker_threads 2\nmax_queued_messages {QUEUED}"));
    let connecting = client("slow").persistent();
    let mut slow = connecting.to(&broker);
    slow.subscribe("load", 1);
    let mut publisher = client("publisher").to(&broker);
    let payload = vec![b'x'; 2000];
    let text = |n: usize| [format!("{n} ").as_bytes(), &payload].concat();
    #[cfg(target_os = "linux")]
    let before = broker.resident_kib();
    for n in 0..MESSAGES {
        publisher.publish("load", text(n), 1);
    }
    publisher.finish();
    #[cfg(target_os = "linux")]
    {
        let grown_kib = broker.resident_kib().saturating_sub(before);
        assert!(grown_kib < 8 * 1024, "{grown_kib} KiB, though the queue has {QUEUED} messages");
    }
    // What is in flight comes, what is queued comes, and nothing out of order. The end may be dropped, too, at first.
    slow.subscribe("end", 1);
    let mut numbers = Vec::new();
    loop {
        slow.ping();
        publisher.publish("end", "", 1);
        publisher.finish();
        let message = slow.message();
        if message.topic == "end" {
            break;
        }
        let number = message.payload.split(|byte| *byte == b' ').next().map(String::from_utf8_lossy);
        numbers.push(number.unwrap().parse::<usize>().unwrap());
    }
    assert!(numbers.is_sorted(), "{numbers:?}");
    assert!((QUEUED..QUEUED * 2).contains(&numbers.len()), "{} of {MESSAGES} came", numbers.len());
    assert_eq!(numbers[..QUEUED], (0..QUEUED).collect::<Vec<_>>());
    assert_eq!(broker.log.count("Outgoing messages are being dropped for client slow."), 1);
}

/// The same for a session without a connection; and it is told again after the client was here.
#[test]
fn the_queue_of_a_client_that_is_away_is_bounded() {
    const QUEUED: usize = 50;
    let broker = Broker::open(&format!("worker_threads 4\nmax_queued_messages {QUEUED}"));
    let mut sentinels = Sentinels::of(&broker);
    let mut publisher = client("publisher").to(&broker);
    let connecting = client("away").persistent();
    let mut away = connecting.to(&broker);
    away.subscribe("news", 1);
    for episode in 1..=3 {
        away.disconnect();
        for n in 0..QUEUED * 4 {
            publisher.publish("news", n.to_string(), 1);
        }
        sentinels.wait_for(&mut publisher);
        away = connecting.resume(&broker).0;
        let got = away.messages(QUEUED);
        assert!(got.iter().enumerate().all(|(n, message)| message.text() == n.to_string()), "{got:?}");
        away.ping();
        broker.log.wait_for_several("Outgoing messages are being dropped for client away.", episode);
        assert_eq!(broker.log.count("are being dropped"), episode);
    }
}

/// QoS 0 has no queue to wait in: what a subscriber does not take is dropped, and only for it.
#[test]
fn qos_0_to_a_subscriber_that_does_not_read_takes_no_memory() {
    const MESSAGES: usize = 1000;
    let broker = Broker::open("worker_threads 2\nmax_queued_messages 10");
    let mut deaf = client("deaf").to(&broker);
    deaf.subscribe("load", 0);
    let mut publisher = client("publisher").to(&broker);
    #[cfg(target_os = "linux")]
    let before = broker.resident_kib();
    let payload = vec![b'x'; 100_000];
    for _ in 0..MESSAGES {
        publisher.publish("load", &payload, 0);
    }
    publisher.ping();
    #[cfg(target_os = "linux")]
    {
        let grown_kib = broker.resident_kib().saturating_sub(before);
        assert!(grown_kib < 16 * 1024, "{grown_kib} KiB of {} that nobody takes", MESSAGES * 100);
    }
    assert_eq!(deaf.message().payload.len(), payload.len());
}

/// They come as fast as they are read, and wait in the tree that holds them anyway.
#[test]
fn retained_messages_for_subscribers_that_do_not_read_take_no_memory() {
    const MESSAGES: usize = 1000;
    const SUBSCRIBERS: usize = 20;
    let broker = Broker::open("worker_threads 4");
    let mut publisher = client("publisher").to(&broker);
    let payload = vec![b'x'; 20_000];
    for n in 0..MESSAGES {
        publisher.publish_retained(&format!("kept/{n}"), &payload, 1);
    }
    publisher.finish();
    #[cfg(target_os = "linux")]
    let before = broker.resident_kib();
    let mut subscribers: Vec<_> = (0..SUBSCRIBERS).map(|n| client(&format!("subscriber-{n}")).to(&broker)).collect();
    for subscriber in &mut subscribers {
        subscriber.subscribe("kept/+", 0);
    }
    // The workers have other things to do meanwhile.
    publisher.subscribe("other", 1);
    publisher.publish("other", "", 1);
    publisher.message();
    publisher.finish();
    #[cfg(target_os = "linux")]
    {
        let grown_kib = broker.resident_kib().saturating_sub(before);
        let all_kib = MESSAGES * SUBSCRIBERS * payload.len() / 1024;
        assert!(grown_kib < 64 * 1024, "{grown_kib} KiB for {all_kib} KiB of messages");
    }
    for subscriber in &mut subscribers {
        let mut topics: Vec<_> = subscriber.messages(MESSAGES).into_iter().map(|message| message.topic).collect();
        topics.sort();
        topics.dedup();
        assert_eq!(topics.len(), MESSAGES);
        subscriber.ping();
    }
}
