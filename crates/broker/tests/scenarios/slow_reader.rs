//! Clients that do not take what is sent to them.

use crate::harness::{Net, connect};
use mosquitto_broker::{DropReason, Received, Settings, Then};

#[test]
fn messages_of_qos_0_are_dropped_when_too_many_packets_wait() {
    let mut net = Net::with(2, Settings { max_queued_messages: 100, ..Settings::default() });
    let (publisher, slow, quick) =
        (connect("pub").on(&mut net), connect("slow").on(&mut net), connect("quick").on(&mut net));
    net.subscribe(slow, "t", 0);
    net.subscribe(quick, "t", 0);
    net.set_reading(slow, false);
    (0..150).for_each(|n| net.publish(publisher, "t", &n.to_string(), 0, 0));
    assert_eq!(net.dropped(DropReason::OutputFull), 50);
    assert_eq!(net.log_with("Outgoing messages are being dropped for client slow.").len(), 1);
    net.set_reading(slow, true);
    assert_eq!((net.got(slow).len(), net.got(quick).len()), (100, 150), "a slow reader costs only itself");
    net.publish(publisher, "t", "again", 0, 0);
    assert_eq!(net.got(slow).len(), 1);
}

#[test]
fn a_client_that_reads_gets_all_that_one_tick_brings() {
    // More than max_queued_messages, which counts what a client does not take.
    let mut net = Net::new();
    let publisher = connect(&net.id_at_home_on("pub", 0)).on(&mut net);
    let subscribers = [0, 1].map(|shard| {
        let peer = connect(&net.id_at_home_on("sub", shard)).on(&mut net);
        net.subscribe(peer, "t", 0);
        peer
    });
    net.send_bytes(publisher, &b"\x30\x05\0\x01t\0x".repeat(5000));
    assert_eq!(subscribers.map(|peer| net.got(peer).len()), [5000; 2]);
    assert_eq!(net.dropped(DropReason::OutputFull), 0);
}

#[test]
fn a_client_that_took_all_it_was_offered_is_not_slow() {
    // What is left was not offered yet: there was no room for it in the slices.
    let mut net = Net::with(1, Settings { max_queued_messages: 10, ..Settings::default() });
    let (publisher, peer) = (connect("pub").v311().on(&mut net), connect("a").v311().on(&mut net));
    net.subscribe(peer, "t", 0);
    let publish = [&b"\x30\xeb\x07\0\x01t"[..], &[b'x'; 1000]].concat();
    net.received_at_once(publisher, &publish.repeat(5000));
    let left = net.output_len(peer) - net.take_offered(peer);
    assert_eq!(net.output_len(peer), left);
    net.received_at_once(publisher, &publish.repeat(5));
    assert_eq!((net.output_len(peer), net.dropped(DropReason::OutputFull)), (left + 5 * publish.len(), 0));
    net.take_output(peer, 1);
    net.received_at_once(publisher, &publish);
    assert_eq!(net.dropped(DropReason::OutputFull), 1);
}

#[test]
fn messages_of_qos_1_wait_in_the_window_and_the_queue() {
    let mut net = Net::with(2, Settings { max_inflight_messages: 5, max_queued_messages: 10, ..Settings::default() });
    let (publisher, slow) = (connect("pub").on(&mut net), connect("slow").on(&mut net));
    net.subscribe(slow, "t", 1);
    net.set_reading(slow, false);
    (0..50).for_each(|n| net.publish(publisher, "t", &n.to_string(), 1, 1));
    assert_eq!(net.output_len(slow), 5 * 9, "as many packets as the window takes");
    // As in Mosquitto, the queue has room for what it may hold and for as many as the window takes.
    assert_eq!(net.dropped(DropReason::QueueFull), 50 - 5 - 15);
    net.set_reading(slow, true);
    (1..=20).for_each(|id| net.puback(slow, id));
    assert_eq!(net.got(slow).len(), 20);
}

#[test]
fn a_client_that_asks_without_listening_is_not_read_any_more() {
    let mut net = Net::with(1, Settings { max_packet_size: 100_000, ..Settings::default() });
    let peer = connect("a").v311().on(&mut net);
    net.set_reading(peer, false);
    let topic = format!("$CONTROL/{}", "x".repeat(60_000));
    for _ in 0..40 {
        net.publish(peer, &topic, "", 0, 0);
    }
    let (unread, waiting) = (net.unread_by_broker(peer), net.output_len(peer));
    assert!(unread > 1_000_000 && (1 << 20..1_200_000).contains(&waiting), "{unread} {waiting}");
    net.set_reading(peer, true);
    assert_eq!((net.unread_by_broker(peer), net.got(peer).len()), (0, 40));
}

#[test]
fn answers_that_were_taken_do_not_count_while_messages_wait() {
    // A client with a steady stream of messages may never have taken all of them; it is read all the same.
    let mut net = Net::with(1, Settings { max_packet_size: 100_000, ..Settings::default() });
    let peer = connect("a").v311().on(&mut net);
    net.set_reading(peer, false);
    let topic = format!("$CONTROL/{}", "x".repeat(60_000));
    for _ in 0..40 {
        net.publish(peer, &topic, "", 0, 0);
        assert_eq!(net.unread_by_broker(peer), 0);
        net.take_output(peer, net.output_len(peer) - 1);
    }
}

#[test]
fn the_last_words_to_a_client_that_is_closed_are_still_sent() {
    let mut net = Net::new();
    let (publisher, peer) = (connect("pub").on(&mut net), connect("a").on(&mut net));
    net.subscribe(peer, "t", 0);
    net.set_reading(peer, false);
    net.publish(publisher, "t", "x", 0, 0);
    net.set_reading(peer, true);
    connect("a").on(&mut net);
    assert_eq!(net.got(peer), [r#"PUBLISH q0 t "x""#, "DISCONNECT rc=0x8e"]);
}

#[test]
fn a_client_has_its_share_of_a_tick_and_no_more() {
    let mut net = Net::new();
    let peer = connect("a").on(&mut net);
    let bytes = b"\xc0\0".repeat(30_000);
    let Received { consumed, then } = net.received_at_once(peer, &bytes);
    assert_eq!((consumed, then), (2 * 20_000, Then::Busy));
    let Received { consumed, then } = net.received_at_once(peer, &bytes[consumed..]);
    assert_eq!((consumed, then), (2 * 10_000, Then::Wait { packet_len: 0 }));
}
