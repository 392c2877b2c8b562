//! Messages to and from the remote broker.

use crate::harness::Peer;
use mosquitto_bridge::{Passed, Passing};
use mosquitto_client::mqtt::{PacketType, Properties, Property, QoS};

const QUIET: &str = "topic # both 2\nnotifications false\nbridge_attempt_unsubscribe false";

fn passing(topic: &str, qos: QoS) -> Passing<'_> {
    Passing { topic, payload: b"p", qos, retain: true, properties: Properties::EMPTY }
}

#[test]
fn messages_are_through_when_the_remote_broker_has_them() {
    let mut peer = Peer::connected(QUIET);
    peer.suback(1, 2);
    assert_eq!(peer.publish("a", QoS::AtMostOnce), Passed::Sent);
    let Passed::UnderWay(one) = peer.publish("b", QoS::AtLeastOnce) else { panic!() };
    let Passed::UnderWay(two) = peer.publish("c", QoS::ExactlyOnce) else { panic!() };
    let sent = peer.sent();
    assert!(sent.ends_with(&format!("PUBLISH b {one} q1 p, PUBLISH c {two} q2 p")), "{sent}");
    assert_eq!(peer.events(), "");
    peer.ack(PacketType::PubAck, one);
    assert_eq!(peer.events(), format!("through {one}"));
    peer.ack(PacketType::PubRec, two);
    assert_eq!((peer.events(), peer.sent()), (String::new(), format!("PUBREL {two}")));
    peer.ack(PacketType::PubComp, two);
    assert_eq!(peer.events(), format!("through {two}"));
    assert_eq!(peer.remote.report().counters.messages_out, 3);
}

#[test]
fn no_more_are_under_way_than_the_window_allows_and_they_go_in_order() {
    let mut peer = Peer::new(&format!("{QUIET}\nbridge_protocol_version mqttv50"));
    peer.connect(false, &[Property::ReceiveMaximum(2)]);
    peer.sent();
    for topic in ["a", "b", "c"] {
        peer.publish(topic, QoS::AtLeastOnce);
    }
    assert_eq!(peer.sent(), "PUBLISH a 2 q1 p, PUBLISH b 3 q1 p");
    peer.ack(PacketType::PubAck, 2);
    assert_eq!(peer.sent(), "PUBLISH c 4 q1 p");
}

#[test]
fn more_than_the_window_holds_has_to_wait() {
    let mut peer = Peer::connected(QUIET);
    let mut taken = 0;
    while peer.publish("t", QoS::AtLeastOnce) != Passed::Later {
        taken += 1;
        assert!(taken < 100);
    }
    // What is sent, and what may wait behind it.
    assert!((20..=44).contains(&taken), "{taken}");
    assert!(!peer.remote.has_room());
    peer.ack(PacketType::PubAck, 2);
    assert!(peer.remote.has_room());
}

#[test]
fn a_remote_broker_that_does_not_read_stops_qos_0() {
    let mut peer = Peer::connected(QUIET);
    let payload = vec![0; 10_000];
    let message = Passing { payload: &payload, ..passing("t", QoS::AtMostOnce) };
    let sent = (0..100).take_while(|_| peer.pass(message) == Passed::Sent).count();
    assert!((20..40).contains(&sent), "{sent}");
    assert!(peer.remote.is_congested());
    peer.sent();
    assert_eq!(peer.pass(message), Passed::Sent);
}

#[test]
fn qos_and_retain_are_lowered_to_what_the_remote_broker_takes() {
    let mut peer = Peer::new(&format!("{QUIET}\nbridge_protocol_version mqttv50"));
    peer.connect(false, &[Property::MaximumQoS(1), Property::RetainAvailable(0)]);
    peer.sent();
    // [MQTT-3.2.2-11] [MQTT-3.2.2-14]
    assert_eq!(peer.pass(passing("t", QoS::ExactlyOnce)), Passed::UnderWay(2));
    assert_eq!(peer.sent(), "PUBLISH t 2 q1 p");
}

#[test]
fn retain_is_passed_on_unless_the_options_say_otherwise() {
    for (lines, expected) in [("", "PUBLISH t 2 q1 retain p"), ("bridge_outgoing_retain false", "PUBLISH t 2 q1 p")] {
        let mut peer = Peer::connected(&format!("{QUIET}\n{lines}"));
        peer.pass(passing("t", QoS::AtLeastOnce));
        assert_eq!(peer.sent(), expected);
    }
}

#[test]
fn what_is_too_large_is_dropped_and_counted() {
    let mut peer = Peer::connected(&format!("{QUIET}\nbridge_max_packet_size 10"));
    // 2 + 2 + 1 + 2 + 3 = 10
    assert!(matches!(peer.pass(Passing { payload: b"123", ..passing("t", QoS::AtLeastOnce) }), Passed::UnderWay(_)));
    assert_eq!(peer.pass(Passing { payload: b"1234", ..passing("t", QoS::AtLeastOnce) }), Passed::Dropped);
    let mut peer = Peer::new(&format!("{QUIET}\nbridge_protocol_version mqttv50"));
    peer.connect(false, &[Property::MaximumPacketSize(30)]);
    // [MQTT-3.2.2-15]
    assert_eq!(peer.pass(Passing { payload: &[0; 30], ..passing("t", QoS::AtMostOnce) }), Passed::Dropped);
    assert_eq!(peer.remote.report().counters.dropped_out_too_large, 1);
}

#[test]
fn qos_0_without_a_connection_is_dropped_and_counted() {
    let mut peer = Peer::new(QUIET);
    assert_eq!(peer.publish("t", QoS::AtMostOnce), Passed::Dropped);
    assert_eq!(peer.remote.report().counters.dropped_disconnected, 1);
}

#[test]
fn messages_come_in_and_are_acknowledged_when_somebody_answers_for_them() {
    let mut peer = Peer::connected(QUIET);
    peer.delivers("a", QoS::AtMostOnce, 0, false);
    peer.delivers("b", QoS::AtLeastOnce, 5, false);
    peer.delivers("c", QoS::ExactlyOnce, 6, false);
    assert_eq!((peer.events(), peer.sent()), ("message a 0, message b 5, message c 6".to_owned(), String::new()));
    peer.remote.acknowledge(peer.now, 5);
    peer.remote.acknowledge(peer.now, 6);
    assert_eq!(peer.sent(), "PUBACK 5, PUBREC 6");
    peer.ack(PacketType::PubRel, 6);
    assert_eq!((peer.events(), peer.sent()), (String::new(), "PUBCOMP 6".to_owned()));
}

/// Its will says the same, but the goodbye takes that back.
#[test]
fn one_that_is_stopped_says_so_also_where_the_window_is_full() {
    for version in ["mqttv311", "mqttv50"] {
        let lines = format!("topic t\nbridge_attempt_unsubscribe false\nbridge_protocol_version {version}");
        let mut peer = Peer::connected(&lines);
        while peer.publish("t", QoS::AtLeastOnce) != Passed::Later {}
        peer.sent();
        peer.remote.stop(peer.now);
        let state = "$SYS/broker/connection/host.b/state";
        assert_eq!(peer.sent(), format!("PUBLISH {state} 0 q0 retain 0, DISCONNECT Success"));
    }
}
