//! What MQTT 3.1.1 asks of clients.

use crate::harness::{Peer, QOS, SUCCESS, V311};
use mosquitto_client::mqtt::packet::{Subscription, SubscriptionOptions};
use mosquitto_client::mqtt::{PacketType, Properties, QoS};
use mosquitto_client::{End, Options, Publication, RequestError};

#[test]
fn identifiers_are_new_for_each_packet_and_kept_where_it_is_sent_again() {
    // [3.1.1 MQTT-2.3.1-2] [3.1.1 MQTT-2.3.1-3] [3.1.1 MQTT-4.6.0-1]
    let mut options = Options::new(V311, "me");
    options.clean_start = false;
    let mut peer = Peer::with(options);
    peer.connect(false, &[]);
    let first = peer.publish(QoS::AtLeastOnce);
    let second = peer.publish(QoS::ExactlyOnce);
    let list = [Subscription { filter: "f", options: SubscriptionOptions::default() }];
    let third = peer.session.subscribe(peer.now, &list, Properties::EMPTY).unwrap();
    assert!(first != second && second != third && third != first);
    peer.sent();
    peer.session.closed(peer.now);
    assert_eq!(peer.end(), End::Lost);
    peer.sent();
    peer.connect(true, &[]);
    assert_eq!(peer.sent(), format!("PUBLISH t {first} q1 dup, PUBLISH t {second} q2 dup"));
}

#[test]
fn every_message_is_acknowledged_whether_it_is_looked_at_or_not() {
    // [3.1.1 MQTT-4.5.0-2]
    let mut peer = Peer::connected(V311);
    peer.deliver("t", QoS::AtLeastOnce, 7, &[]);
    peer.deliver("t", QoS::ExactlyOnce, 8, &[]);
    assert_eq!(peer.sent(), "PUBACK 7, PUBREC 8");
    peer.ack(PacketType::PubRel, 8, SUCCESS);
    assert_eq!(peer.sent(), "PUBCOMP 8");
}

#[test]
fn a_ping_comes_before_the_keep_alive_is_over() {
    // [3.1.1 MQTT-3.1.2-23]
    let mut options = Options::new(V311, "me");
    options.keep_alive_s = 10;
    let mut peer = Peer::with(options);
    peer.connect(false, &[]);
    peer.wait_ms(10_000);
    assert_eq!(peer.sent(), "PINGREQ");
}

#[test]
fn nothing_follows_a_disconnect() {
    // [3.1.1 MQTT-3.14.4-2]
    let mut peer = Peer::connected(V311);
    peer.session.disconnect(peer.now, SUCCESS, Properties::EMPTY);
    assert!(peer.sent().starts_with("DISCONNECT"));
    let publication = Publication::new("t", b"p", QoS::AtMostOnce);
    assert_eq!(peer.session.publish(peer.now, publication), Err(RequestError::NotConnected));
    assert_eq!(peer.sent(), "");
}

#[test]
fn what_is_sent_has_the_flags_of_its_kind_and_an_identifier_where_it_needs_one() {
    // [3.1.1 MQTT-2.2.2-1] [3.1.1 MQTT-2.3.1-1] [3.1.1 MQTT-2.3.1-5] [3.1.1 MQTT-4.3.1-1] [3.1.1 MQTT-4.3.2-1]
    // [3.1.1 MQTT-4.3.3-1] [3.1.1 MQTT-3.1.0-1]
    let mut peer = Peer::new(V311);
    peer.session.connect(peer.now);
    assert_eq!(bytes(&mut peer), b"\x10\x0e\0\x04MQTT\x04\x02\0\x3c\0\x02me");
    peer.connack(false, SUCCESS, &[]);
    peer.event();
    assert_eq!(QOS.map(|qos| peer.publish(qos)), [1, 2, 3]);
    assert_eq!(bytes(&mut peer), b"\x30\x04\0\x01tp\x32\x06\0\x01t\0\x02p\x34\x06\0\x01t\0\x03p");
    peer.ack(PacketType::PubRec, 3, SUCCESS);
    assert_eq!(bytes(&mut peer), b"\x62\x02\0\x03");
    let list = [Subscription { filter: "f", options: SubscriptionOptions::qos(QoS::ExactlyOnce) }];
    peer.session.subscribe(peer.now, &list, Properties::EMPTY).unwrap();
    peer.session.unsubscribe(peer.now, &["f"], Properties::EMPTY).unwrap();
    assert_eq!(bytes(&mut peer), b"\x82\x06\0\x04\0\x01f\x02\xa2\x05\0\x05\0\x01f");
    peer.deliver("t", QoS::AtLeastOnce, 0x0102, &[]);
    peer.deliver("t", QoS::ExactlyOnce, 0x0304, &[]);
    peer.ack(PacketType::PubRel, 0x0304, SUCCESS);
    assert_eq!(bytes(&mut peer), b"\x40\x02\x01\x02\x50\x02\x03\x04\x70\x02\x03\x04");
    peer.wait_ms(60_000);
    peer.session.disconnect(peer.now, SUCCESS, Properties::EMPTY);
    assert_eq!(bytes(&mut peer), b"\xc0\0\xe0\0");
}

fn bytes(peer: &mut Peer) -> Vec<u8> {
    let bytes = peer.session.output().to_vec();
    peer.session.sent(bytes.len());
    bytes
}

#[test]
fn an_identifier_is_free_again_when_its_packet_is_acknowledged_and_not_before() {
    // [3.1.1 MQTT-2.3.1-2] [3.1.1 MQTT-2.3.1-3]
    let mut peer = Peer::connected(V311);
    let list = [Subscription { filter: "f", options: SubscriptionOptions::default() }];
    let held = peer.publish(QoS::AtLeastOnce);
    let subscribing = peer.session.subscribe(peer.now, &list, Properties::EMPTY).unwrap();
    let unsubscribing = peer.session.unsubscribe(peer.now, &["f"], Properties::EMPTY).unwrap();
    for _ in 0..70_000 {
        let id = peer.session.unsubscribe(peer.now, &["f"], Properties::EMPTY).unwrap();
        assert!(id != 0 && ![held, subscribing, unsubscribing].contains(&id), "{id}");
        peer.unsuback(id, &[]);
        peer.event();
        bytes(&mut peer);
    }
    peer.suback(subscribing, &[0]);
    peer.event();
    let mut ids = (0..65_535).map(|_| {
        let id = peer.session.unsubscribe(peer.now, &["f"], Properties::EMPTY).unwrap();
        peer.unsuback(id, &[]);
        peer.event();
        bytes(&mut peer);
        id
    });
    assert!(ids.any(|id| id == subscribing));
}

#[test]
fn acknowledgements_leave_in_the_order_of_what_they_acknowledge() {
    // [3.1.1 MQTT-4.6.0-2] [3.1.1 MQTT-4.6.0-3] [3.1.1 MQTT-4.6.0-4] [3.1.1 MQTT-3.3.4-1]
    let mut peer = Peer::connected(V311);
    for (packet_id, qos) in [(9, QoS::AtLeastOnce), (4, QoS::ExactlyOnce), (2, QoS::AtLeastOnce), (3, QoS::ExactlyOnce)]
    {
        peer.deliver("t", qos, packet_id, &[]);
    }
    peer.deliver("t", QoS::AtMostOnce, 0, &[]);
    assert_eq!(peer.sent(), "PUBACK 9, PUBREC 4, PUBACK 2, PUBREC 3");
    assert_eq!([(); 3].map(|()| peer.publish(QoS::ExactlyOnce)), [1, 2, 3]);
    peer.sent();
    for packet_id in [2, 3, 1] {
        peer.ack(PacketType::PubRec, packet_id, SUCCESS);
    }
    assert_eq!(peer.sent(), "PUBREL 2, PUBREL 3, PUBREL 1");
}

#[test]
fn what_comes_again_is_one_message_of_qos_2_until_its_pubrel_and_two_of_qos_1() {
    // [3.1.1 MQTT-4.3.2-2] [3.1.1 MQTT-4.3.3-2]
    let mut peer = Peer::connected(V311);
    for topic in ["first", "second"] {
        peer.deliver(topic, QoS::ExactlyOnce, 7, &[]);
        peer.deliver(topic, QoS::ExactlyOnce, 7, &[]);
        peer.ack(PacketType::PubRel, 7, SUCCESS);
        assert_eq!(peer.sent(), "PUBREC 7, PUBREC 7, PUBCOMP 7");
        assert_eq!(peer.message().topic, topic);
        assert!(!peer.session.has_events());
    }
    peer.deliver("t", QoS::AtLeastOnce, 7, &[]);
    peer.deliver("t", QoS::AtLeastOnce, 7, &[]);
    assert_eq!(peer.sent(), "PUBACK 7, PUBACK 7");
    assert_eq!((peer.message().packet_id, peer.message().packet_id), (7, 7));
}

#[test]
fn after_its_pubrec_only_the_pubrel_of_a_message_is_sent_again() {
    // [3.1.1 MQTT-4.3.3-1] [3.1.1 MQTT-4.4.0-1] [3.1.1 MQTT-3.3.1-1]
    let mut peer = Peer::with(Options { clean_start: false, ..Options::new(V311, "me") });
    peer.connect(false, &[]);
    assert_eq!([(); 2].map(|()| peer.publish(QoS::ExactlyOnce)), [1, 2]);
    assert_eq!(peer.sent(), "PUBLISH t 1 q2, PUBLISH t 2 q2");
    peer.ack(PacketType::PubRec, 1, SUCCESS);
    for again in ["PUBREL 1, PUBLISH t 2 q2 dup", "PUBLISH t 2 q2 dup"] {
        peer.sent();
        peer.session.closed(peer.now);
        peer.end();
        peer.sent();
        peer.connect(true, &[]);
        assert_eq!(peer.sent(), again);
        peer.ack(PacketType::PubComp, 1, SUCCESS);
        while peer.session.has_events() {
            peer.event();
        }
    }
}

#[test]
fn a_client_that_only_receives_pings_too() {
    // [3.1.1 MQTT-3.1.2-23]
    let mut peer = Peer::with(Options { keep_alive_s: 10, ..Options::new(V311, "me") });
    peer.connect(false, &[]);
    for _ in 0..9 {
        peer.wait_ms(1_000);
        peer.deliver("t", QoS::AtMostOnce, 0, &[]);
        peer.message();
        assert_eq!(peer.sent(), "");
    }
    peer.wait_ms(1_000);
    assert_eq!(peer.sent(), "PINGREQ");
}

#[test]
fn a_server_that_breaks_the_rules_is_left() {
    // [3.1.1 MQTT-1.5.3-1] [3.1.1 MQTT-1.5.3-2] [3.1.1 MQTT-2.2.2-2] [3.1.1 MQTT-3.3.1-4] [3.1.1 MQTT-4.8.0-1]
    let right: [&[u8]; 5] =
        [b"\xd0\0", b"\x40\x02\0\x09", b"\x62\x02\0\x09", b"\x30\x06\0\x04t\xc3\xbcx", b"\x32\x05\0\x01t\0\x01"];
    let wrong: [&[u8]; 10] = [
        b"\xd1\0",
        b"\x41\x02\0\x09",
        b"\x60\x02\0\x09",
        b"\x72\x02\0\x09",
        b"\x91\x03\0\x01\0",
        b"\x38\x04\0\x01tx",
        b"\x36\x05\0\x01t\0\x01",
        b"\x30\x05\0\x03\xed\xa0\x80",
        b"\x30\x04\0\x02t\xff",
        b"\x30\x04\0\x02t\0",
    ];
    for (bytes, good) in right.map(|bytes| (bytes, true)).into_iter().chain(wrong.map(|bytes| (bytes, false))) {
        let mut peer = Peer::connected(V311);
        peer.server_bytes(bytes);
        assert_eq!(peer.session.is_connected(), good, "{bytes:02x?}");
        assert!(good || matches!(peer.end(), End::ServerMisbehaved { .. }), "{bytes:02x?}");
    }
}
