//! QoS 1 and 2 towards a client: the window, the queue, acknowledgements.

use crate::harness::{Net, Peer, connect};
use mosquitto_broker::{DropReason, Settings};
use mosquitto_mqtt::{PacketType, Property};

/// A publisher and a subscriber of `t` at this QoS that takes two unacknowledged messages.
fn pair(net: &mut Net, qos: u8) -> (Peer, Peer) {
    let (publisher, subscriber) = (connect("pub").on(net), connect("sub").with(Property::ReceiveMaximum(2)).on(net));
    net.subscribe(subscriber, "t", qos);
    (publisher, subscriber)
}

fn publish(net: &mut Net, publisher: Peer, qos: u8, count: u16) {
    for n in 1..=count {
        net.publish(publisher, "t", &n.to_string(), qos, n);
        if qos == 2 {
            net.pubrel(publisher, n);
        }
    }
}

#[test]
fn the_receive_maximum_of_the_client_closes_the_window() {
    // [MQTT-4.9.0-1] [MQTT-4.9.0-2] [MQTT-3.3.4-9]; QoS 1 and 2 count together, and QoS 0 does not wait.
    let mut net = Net::new();
    let (publisher, subscriber) = pair(&mut net, 2);
    publish(&mut net, publisher, 1, 1);
    publish(&mut net, publisher, 2, 2);
    net.publish(publisher, "t", "now", 0, 0);
    let got = net.got(subscriber);
    assert_eq!(got, [r#"PUBLISH q1 id=1 t "1""#, r#"PUBLISH q2 id=2 t "1""#, r#"PUBLISH q0 t "now""#]);
    net.puback(subscriber, 1);
    assert_eq!(net.got(subscriber), [r#"PUBLISH q2 id=3 t "2""#]);
}

#[test]
fn only_pubcomp_makes_room_again() {
    // [MQTT-4.3.3-4] [MQTT-4.9.0-2]
    // MQTT 5, 4.9
    let mut net = Net::new();
    let (publisher, subscriber) = pair(&mut net, 2);
    publish(&mut net, publisher, 2, 3);
    net.got(subscriber);
    net.pubrec(subscriber, 1);
    assert_eq!(net.got(subscriber), ["PUBREL 1"]);
    net.pubcomp(subscriber, 1);
    assert_eq!(net.got(subscriber), [r#"PUBLISH q2 id=3 t "3""#]);
}

#[test]
fn a_pubrec_that_refuses_ends_the_exchange_and_makes_room() {
    // [MQTT-4.3.3-4]: no PUBREL follows
    let mut net = Net::new();
    let (publisher, subscriber) = pair(&mut net, 2);
    publish(&mut net, publisher, 2, 3);
    net.got(subscriber);
    net.ack(subscriber, PacketType::PubRec, 1, 0x80);
    assert_eq!(net.got(subscriber), [r#"PUBLISH q2 id=3 t "3""#]);
}

#[test]
fn without_a_receive_maximum_the_brokers_own_window_counts() {
    let mut net = Net::with(2, Settings { max_inflight_messages: 3, ..Settings::default() });
    let publisher = connect("pub").on(&mut net);
    for options in [connect("a"), connect("b").v311()] {
        let subscriber = options.on(&mut net);
        net.subscribe(subscriber, "t", 1);
        publish(&mut net, publisher, 1, 5);
        assert_eq!(net.got(subscriber).len(), 3);
    }
}

#[test]
fn acknowledgements_may_come_in_any_order() {
    let mut net = Net::with(2, Settings { max_inflight_messages: 4, ..Settings::default() });
    let (publisher, subscriber) = (connect("pub").on(&mut net), connect("sub").on(&mut net));
    net.subscribe(subscriber, "t", 1);
    publish(&mut net, publisher, 1, 12);
    for id in [4, 2, 3, 1, 8, 5, 6, 7, 12, 11, 9, 10] {
        net.puback(subscriber, id);
    }
    let ids: Vec<String> = net.got(subscriber).iter().map(|line| line.split(' ').nth(2).unwrap().to_owned()).collect();
    assert_eq!(ids, (1..=12).map(|id| format!("id={id}")).collect::<Vec<_>>());
}

#[test]
fn acknowledgements_for_nothing_are_ignored() {
    let mut net = Net::new();
    for peer in [connect("a").on(&mut net), connect("b").v311().on(&mut net)] {
        net.puback(peer, 9);
        net.pubcomp(peer, 9);
        net.pubrec(peer, 9);
        assert_eq!(net.got(peer), ["PUBREL 9"], "so that a client that lost its way gets on");
    }
    let warning = "Warning: Received PUBREC from a for an unknown packet identifier 9.";
    assert_eq!(net.log_with(warning).len(), 1);
}

#[test]
fn acknowledgements_of_the_wrong_kind_end_the_connection() {
    for (qos, kind) in
        [(1, PacketType::PubRec), (1, PacketType::PubComp), (2, PacketType::PubAck), (2, PacketType::PubComp)]
    {
        let mut net = Net::new();
        let (publisher, subscriber) = pair(&mut net, qos);
        publish(&mut net, publisher, qos, 1);
        net.got(subscriber);
        net.ack(subscriber, kind, 1, 0);
        assert_eq!(net.got(subscriber), ["DISCONNECT rc=0x82"], "{qos} {kind:?}");
    }
}

#[test]
fn a_second_pubrec_is_answered_by_a_second_pubrel() {
    let mut net = Net::new();
    let (publisher, subscriber) = pair(&mut net, 2);
    publish(&mut net, publisher, 2, 1);
    net.pubrec(subscriber, 1);
    net.pubrec(subscriber, 1);
    assert_eq!(net.got(subscriber)[1..], ["PUBREL 1", "PUBREL 1"]);
}

#[test]
fn the_queue_is_bounded_and_drops_the_newest() {
    // As in Mosquitto, a client that is here has room for as many more as it takes at once.
    let mut net = Net::with(2, Settings { max_queued_messages: 1, ..Settings::default() });
    let (publisher, subscriber) = pair(&mut net, 1);
    publish(&mut net, publisher, 1, 7);
    assert_eq!(net.got(subscriber).len(), 2);
    assert_eq!(net.dropped(DropReason::QueueFull), 2);
    (1..=5).for_each(|id| net.puback(subscriber, id));
    let got = net.got(subscriber);
    assert_eq!((got.len(), got[2].as_str()), (3, r#"PUBLISH q1 id=5 t "5""#));
    assert!(net.got(publisher).iter().all(|line| !line.contains("rc=")), "the publisher does not notice");
}

#[test]
fn a_client_that_takes_any_number_at_once_has_no_more_room_in_its_queue_for_that() {
    let settings =
        Settings { max_inflight_messages: 0, max_queued_messages: 3, max_inflight_bytes: 1, ..Settings::default() };
    for (max_queued_bytes, kept) in [(0, 1 + 3), (2, 1 + 2 + 1), (1, 1 + 1 + 1)] {
        let mut net = Net::with(1, Settings { max_queued_bytes, ..settings.clone() });
        let (publisher, subscriber) = (connect("pub").on(&mut net), connect("sub").v311().on(&mut net));
        net.subscribe(subscriber, "t", 1);
        publish(&mut net, publisher, 1, 7);
        (1..=7).for_each(|id| net.puback(subscriber, id));
        assert_eq!(net.got(subscriber).len(), kept, "{max_queued_bytes}");
    }
}

#[test]
fn the_queue_of_a_client_that_is_away_is_bounded_too() {
    let mut net = Net::with(2, Settings { max_queued_messages: 3, ..Settings::default() });
    let (publisher, subscriber) = (connect("pub").on(&mut net), connect("sub").v311().resume().on(&mut net));
    net.subscribe(subscriber, "t", 1);
    net.cut(subscriber);
    publish(&mut net, publisher, 1, 10);
    assert_eq!(net.dropped(DropReason::QueueFull), 7);
    let subscriber = connect("sub").v311().resume().on(&mut net);
    assert_eq!(net.got(subscriber).len(), 3);
}

#[test]
fn a_loss_is_logged_once_until_the_client_returns() {
    let mut net = Net::with(2, Settings { max_queued_messages: 1, ..Settings::default() });
    let publisher = connect("pub").on(&mut net);
    let mut subscriber = connect("sub").v311().resume().on(&mut net);
    net.subscribe(subscriber, "t", 1);
    for times in 1..=2 {
        net.cut(subscriber);
        publish(&mut net, publisher, 1, 5);
        assert_eq!(net.log_with("Outgoing messages are being dropped for client sub.").len(), times);
        subscriber = connect("sub").v311().resume().on(&mut net);
    }
}

#[test]
fn a_queue_without_a_limit_takes_everything() {
    let mut net = Net::with(1, Settings { max_queued_messages: 0, ..Settings::default() });
    let (publisher, subscriber) = pair(&mut net, 1);
    publish(&mut net, publisher, 1, 2000);
    (1..=2000).for_each(|id| net.puback(subscriber, id));
    assert_eq!(net.got(subscriber).len(), 2000);
    assert_eq!(net.dropped(DropReason::QueueFull), 0);
}

#[test]
fn what_is_larger_than_the_client_takes_is_dropped_and_takes_no_identifier() {
    // [MQTT-3.1.2-24] [MQTT-3.1.2-25]
    let mut net = Net::new();
    let (publisher, small) =
        (connect("pub").on(&mut net), connect("sub").with(Property::MaximumPacketSize(20)).on(&mut net));
    net.subscribe(small, "t", 1);
    // 2 bytes of header, 3 of topic, 2 of identifier, 1 of properties
    net.publish(publisher, "t", &"x".repeat(13), 1, 1);
    net.publish(publisher, "t", &"y".repeat(12), 1, 2);
    net.publish(publisher, "t", &"z".repeat(15), 0, 0);
    net.publish(publisher, "t", &"z".repeat(14), 0, 0);
    let got = net.got(small);
    assert_eq!(got, [r#"PUBLISH q1 id=1 t "yyyyyyyyyyyy""#, r#"PUBLISH q0 t "zzzzzzzzzzzzzz""#]);
    assert_eq!(net.dropped(DropReason::TooLarge), 2);
    assert_eq!(net.log_with("Dropping too large outgoing PUBLISH for sub (13 bytes)").len(), 1);
    assert_eq!(net.got(publisher), ["PUBACK 1", "PUBACK 2"]);
}

#[test]
fn what_became_too_large_while_it_waited_is_dropped_too() {
    let mut net = Net::new();
    let (publisher, subscriber) = (connect("pub").on(&mut net), connect("sub").keep_session(100).on(&mut net));
    net.subscribe(subscriber, "t", 1);
    net.publish(publisher, "t", "in flight when the connection broke", 1, 1);
    net.cut(subscriber);
    net.publish(publisher, "t", "queued while the client was away", 1, 1);
    net.publish(publisher, "t", "x", 1, 1);
    let subscriber = connect("sub").keep_session(100).with(Property::MaximumPacketSize(20)).on(&mut net);
    assert_eq!(net.got(subscriber), [r#"PUBLISH q1 id=2 t "x""#]);
    assert_eq!(net.dropped(DropReason::TooLarge), 2);
}
