//! How much waits for a client, and what becomes of the rest.

use crate::harness::{Broker, Message, client};

/// How many of so many messages of ten bytes wait for a client that is away when they come.
fn kept(lines: &str, qos: u8, published: usize) -> usize {
    let broker = Broker::open(&format!("worker_threads 1\n{lines}"));
    let connecting = client("away").persistent();
    let mut away = connecting.to(&broker);
    away.subscribe("t", 2);
    away.disconnect();
    let mut publisher = client("publisher").v311().to(&broker);
    (0..published).for_each(|n| publisher.publish("t", ten_bytes(n), qos));
    publisher.finish();
    publisher.ping();
    let (mut back, present) = connecting.resume(&broker);
    assert!(present);
    let came = numbers(&back.all_messages());
    // The latest are those that are dropped.
    assert_eq!(came, (0..came.len()).collect::<Vec<_>>(), "{lines}");
    let is_drop = |line: &&String| line.ends_with("Outgoing messages are being dropped for client away.");
    let dropped = broker.stop().iter().filter(is_drop).count();
    assert!(qos == 0 || dropped == usize::from(came.len() < published), "{dropped} lines");
    came.len()
}

fn ten_bytes(n: usize) -> String {
    format!("{n:>10}")
}

fn numbers(messages: &[Message]) -> Vec<usize> {
    messages.iter().map(|message| message.text().trim().parse().unwrap()).collect()
}

#[test]
pub(super) fn max_queued_messages_bounds_what_waits_for_a_client_that_is_away() {
    for (limit, published, expected) in [(5, 4, 4), (5, 5, 5), (5, 6, 5), (1, 2, 1), (0, 100, 100), (-1, 100, 100)] {
        for qos in [1, 2] {
            assert_eq!(kept(&format!("max_queued_messages {limit}"), qos, published), expected, "{limit}");
        }
    }
    assert_eq!(kept("", 1, 1001), 1000);
}

/// A message may be queued while less than the limit is.
#[test]
pub(super) fn max_queued_bytes_bounds_what_waits_for_a_client_that_is_away() {
    for (limit, expected) in [(29, 3), (30, 3), (31, 4), (1, 1), (0, 10), (-1, 10)] {
        for qos in [1, 2] {
            assert_eq!(kept(&format!("max_queued_bytes {limit}"), qos, 10), expected, "{limit}");
        }
    }
    // The first limit that is met counts.
    assert_eq!(kept("max_queued_bytes 30\nmax_queued_messages 2", 1, 10), 2);
    assert_eq!(kept("max_queued_bytes 30\nmax_queued_messages 4", 1, 10), 3);
}

#[test]
pub(super) fn queue_qos0_messages_keeps_them_too_for_clients_that_are_away() {
    for (lines, expected) in [
        ("", 0),
        ("queue_qos0_messages false", 0),
        ("queue_qos0_messages true", 10),
        ("queue_qos0_messages true\nmax_queued_messages 5", 5),
        ("queue_qos0_messages true\nmax_queued_messages 9", 9),
        ("queue_qos0_messages true\nmax_queued_messages 11", 10),
    ] {
        assert_eq!(kept(lines, 0, 10), expected, "{lines}");
    }
}

/// Beyond what is under way, so many wait, and as many more as may be under way.
#[test]
pub(super) fn max_queued_messages_and_max_queued_bytes_bound_what_waits_for_a_client_that_is_slow() {
    for (lines, expected) in [
        ("max_inflight_messages 2\nmax_queued_messages 5", 2 + 5 + 2),
        ("max_inflight_messages 2\nmax_queued_messages 0", 20),
        ("max_inflight_messages 2\nmax_inflight_bytes 20\nmax_queued_bytes 30", 2 + 3 + 2),
    ] {
        let broker = Broker::open(&format!("worker_threads 1\n{lines}"));
        let mut slow = client("slow").to(&broker);
        slow.subscribe("t", 1);
        let mut publisher = client("publisher").to(&broker);
        (0..20).for_each(|n| publisher.publish("t", ten_bytes(n), 1));
        publisher.finish();
        assert_eq!(numbers(&slow.all_messages()), (0..expected).collect::<Vec<_>>(), "{lines}");
    }
}
