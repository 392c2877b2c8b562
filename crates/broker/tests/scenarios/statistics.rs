//! What is counted.

use crate::harness::{Net, connect};
use mosquitto_broker::{DropReason, Settings, Shard, Statistics, Stored};

fn total(net: &Net) -> Statistics {
    net.shards.iter().map(Shard::statistics).sum()
}

#[test]
fn each_packet_counts_once_whatever_shards_it_passes() {
    let mut net = Net::new();
    let peer = connect("a").on(&mut net);
    net.subscribe(peer, "t", 1);
    net.publish(peer, "t", "x", 1, 1);
    net.puback(peer, 1);
    let Statistics { packets_received, packets_sent, publish_received, publish_sent, .. } = total(&net);
    // CONNECT, SUBSCRIBE, PUBLISH, PUBACK; CONNACK, SUBACK, PUBLISH, PUBACK
    assert_eq!((packets_received, packets_sent, publish_received, publish_sent), (4, 4, 1, 1));
    let Statistics { sockets_opened, connects, sessions, connections, .. } = total(&net);
    assert_eq!((sockets_opened, connects, sessions, connections), (1, 1, 1, 1));
}

#[test]
fn bytes_are_those_of_the_packets_and_payloads_count_by_themselves() {
    let mut net = Net::new();
    let peer = connect("a").v311().on(&mut net);
    let before = total(&net);
    // CONNECT of 13 bytes with an id of one byte, CONNACK of 4.
    assert_eq!((before.bytes_received, before.bytes_sent), (15, 4));
    net.subscribe(peer, "t", 0);
    net.publish(peer, "t", "12345", 0, 0);
    let after = total(&net);
    // SUBSCRIBE and PUBLISH in; SUBACK and PUBLISH out.
    assert_eq!(after.bytes_received - before.bytes_received, 8 + 10);
    assert_eq!(after.bytes_sent - before.bytes_sent, 5 + 10);
    assert_eq!((after.publish_bytes_received, after.publish_bytes_sent), (5, 5));
}

#[test]
fn a_packet_that_ends_its_connection_counts_as_well() {
    let mut net = Net::new();
    let peer = connect("a").v311().on(&mut net);
    let before = total(&net);
    // SUBSCRIBE with wrong flags.
    net.send_bytes(peer, b"\x80\x06\0\x01\0\x01t\0");
    let after = total(&net);
    assert_eq!(after.packets_received - before.packets_received, 1);
    assert_eq!(after.bytes_received - before.bytes_received, 8);
    assert_eq!((after.connections, after.sessions), (0, 0));
}

#[test]
fn connections_come_and_go_and_refused_connects_are_connects() {
    let mut net = Net::new();
    let peer = net.dial(0);
    assert_eq!((total(&net).connections, total(&net).connects), (1, 0));
    connect("").v31().refused(&mut net);
    let kept = connect("kept").keep_session(10).on(&mut net);
    connect("kept").keep_session(10).on(&mut net);
    assert!(!net.is_open(kept), "taken over");
    let Statistics { sockets_opened, connects, connections, sessions, .. } = total(&net);
    assert_eq!((sockets_opened, connects, connections, sessions), (4, 3, 2, 1));
    net.cut(peer);
    assert_eq!(total(&net).connections, 1);
}

#[test]
fn a_session_that_expires_counts_as_expired_and_one_that_ends_does_not() {
    let mut net = Net::new();
    let (expiring, ending) = (connect("a").keep_session(5).on(&mut net), connect("b").on(&mut net));
    net.cut(expiring);
    net.cut(ending);
    assert_eq!((total(&net).sessions, total(&net).sessions_expired), (1, 0));
    net.advance(6);
    assert_eq!((total(&net).sessions, total(&net).sessions_expired), (0, 1));
}

#[test]
fn what_waits_to_be_sent_is_counted_until_it_is_sent_or_given_up() {
    let mut net = Net::new();
    let (publisher, slow) = (connect("pub").on(&mut net), connect("slow").v311().on(&mut net));
    net.subscribe(slow, "t", 0);
    net.set_reading(slow, false);
    (0..10).for_each(|_| net.publish(publisher, "t", "12345", 0, 0));
    assert_eq!((total(&net).packets_waiting, total(&net).bytes_waiting), (10, 100));
    net.take_output(slow, 45);
    assert_eq!((total(&net).packets_waiting, total(&net).bytes_waiting), (6, 55));
    net.set_reading(slow, true);
    assert_eq!((total(&net).packets_waiting, total(&net).bytes_waiting), (0, 0));
    net.set_reading(slow, false);
    net.publish(publisher, "t", "12345", 0, 0);
    net.cut(slow);
    assert_eq!((total(&net).packets_waiting, total(&net).bytes_waiting), (0, 0));
}

#[test]
fn what_waits_counts_also_where_the_socket_is_not_even_tried() {
    let mut net = Net::with(1, Settings::default());
    let (publisher, slow) = (connect("pub").v311().on(&mut net), connect("slow").v311().on(&mut net));
    net.subscribe(slow, "t", 0);
    net.received_at_once(publisher, b"\x30\x05\0\x01t12");
    net.shards[0].touched(&mut Vec::new());
    assert_eq!((total(&net).packets_waiting, total(&net).bytes_waiting), (1, 7));
}

#[test]
fn a_message_is_stored_once_however_many_wait_for_it_and_until_the_last_has_it() {
    let before = Stored::on_this_thread();
    let stored = || {
        let now = Stored::on_this_thread();
        (now.messages - before.messages, now.bytes - before.bytes)
    };
    let mut net = Net::with(1, Settings::default());
    let publisher = connect("pub").will("w", "will", 1, true).on(&mut net);
    let ids = ["a", "b", "c"];
    for id in ids {
        let peer = connect(id).keep_session(100).on(&mut net);
        net.subscribe(peer, "t", 1);
        net.cut(peer);
    }
    net.publish(publisher, "t", "12345", 0, 0);
    assert_eq!(stored(), (0, 0), "QoS 0 waits for nobody, and a will is no message yet");
    net.publish(publisher, "t", "12345", 1, 1);
    assert_eq!(stored(), (1, 5));
    net.publish(publisher, "u", "1", 2, 2);
    net.publish_retained(publisher, "r", "12", 0, 0);
    assert_eq!(stored(), (3, 8), "queued, not released yet, retained");
    net.pubrel(publisher, 2);
    net.publish_retained(publisher, "r", "", 0, 0);
    assert_eq!(stored(), (1, 5));
    for (left, id) in (0..3).rev().zip(ids) {
        let peer = connect(id).keep_session(100).on(&mut net);
        assert_eq!(stored(), (1, 5), "in flight");
        net.puback(peer, 1);
        assert_eq!(stored(), if left > 0 { (1, 5) } else { (0, 0) });
    }
    net.cut(publisher);
    assert_eq!(stored(), (1, 4), "the will is retained");
    drop(net);
    assert_eq!(stored(), (0, 0));
}

#[test]
fn shared_subscriptions_are_counted_among_the_others_and_by_themselves() {
    let mut net = Net::new();
    let peer = connect("a").on(&mut net);
    for filter in ["$share/g/t", "$share/h/t", "t"] {
        net.subscribe(peer, filter, 0);
    }
    assert_eq!((net.shared.subscription_count(), net.shared.shared_subscription_count()), (3, 2));
    net.unsubscribe(peer, 1, &["$share/g/t"]);
    assert_eq!((net.shared.subscription_count(), net.shared.shared_subscription_count()), (2, 1));
    net.cut(peer);
    assert_eq!((net.shared.subscription_count(), net.shared.shared_subscription_count()), (0, 0));
}

#[test]
fn a_publish_that_is_held_back_counts_when_it_is_taken() {
    let mut net = Net::new();
    let publisher = connect(&net.id_at_home_on("pub", 0)).on(&mut net);
    let subscriber = connect(&net.id_at_home_on("sub", 1)).on(&mut net);
    net.subscribe(subscriber, "t", 0);
    net.hold_mail = true;
    let payload = "x".repeat(500_000);
    (0..16).for_each(|_| net.publish(publisher, "t", &payload, 0, 0));
    (0..10).for_each(|_| net.run());
    assert!(total(&net).publish_received < 16);
    net.deliver_mail();
    let Statistics { publish_received, publish_sent, .. } = total(&net);
    assert_eq!((publish_received, publish_sent), (16, 16));
}

#[test]
fn what_a_publisher_must_not_send_is_counted_as_dropped() {
    let mut net = Net::with(1, Settings { message_size_limit: 4, max_inflight_messages: 1, ..Settings::default() });
    let peer = connect("a").on(&mut net);
    net.publish(peer, "t", "12345", 0, 0);
    net.publish(peer, "t", "1", 2, 1);
    net.publish(peer, "t", "2", 2, 2);
    assert_eq!([DropReason::MessageSize, DropReason::ReceiveMaximum].map(|reason| net.dropped(reason)), [1, 1]);
}
