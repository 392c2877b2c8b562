//! Connections that break, and what is sent again.

use crate::harness::Peer;
use mosquitto_client::mqtt::{PacketType, QoS};

const QUIET: &str = "topic o out 2\nnotifications false\nbridge_attempt_unsubscribe false";

fn again(peer: &mut Peer, session_present: bool) {
    peer.breaks();
    assert_eq!(peer.effects(), "close");
    peer.events();
    peer.wait();
    peer.connect(session_present, &[]);
}

#[test]
fn what_is_not_through_is_sent_again_in_order() {
    // [MQTT-4.4.0-1] [MQTT-4.6.0-1]
    let mut peer = Peer::connected(QUIET);
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce, QoS::ExactlyOnce, QoS::AtLeastOnce] {
        peer.publish("t", qos);
    }
    peer.sent();
    peer.ack(PacketType::PubRec, 2);
    peer.sent();
    again(&mut peer, true);
    assert_eq!(peer.sent(), "PUBLISH t 1 q1 dup p, PUBREL 2, PUBLISH t 3 q2 dup p, PUBLISH t 4 q1 dup p");
}

#[test]
fn qos_2_is_there_once_over_any_number_of_breaks() {
    let mut peer = Peer::connected(QUIET);
    peer.publish("t", QoS::ExactlyOnce);
    for _ in 0..5 {
        again(&mut peer, true);
        assert_eq!(peer.sent(), "PUBLISH t 1 q2 dup p");
    }
    peer.ack(PacketType::PubRec, 1);
    for _ in 0..5 {
        again(&mut peer, true);
        assert_eq!(peer.sent(), "PUBREL 1");
    }
    peer.ack(PacketType::PubComp, 1);
    assert_eq!(peer.events(), "through 1");
    again(&mut peer, true);
    assert_eq!(peer.sent(), "");
}

#[test]
fn a_remote_broker_that_has_forgotten_the_session_gets_what_it_had_not_taken() {
    let mut peer = Peer::connected(QUIET);
    peer.publish("t", QoS::ExactlyOnce);
    peer.publish("t", QoS::ExactlyOnce);
    peer.ack(PacketType::PubRec, 1);
    again(&mut peer, false);
    // As Mosquitto does. A broker that knows nothing of the first one says so in its PUBCOMP.
    assert_eq!(peer.sent(), "PUBREL 1, PUBLISH t 2 q2 dup p");
    peer.ack(PacketType::PubComp, 1);
    assert_eq!(peer.events(), "through 1");
}

#[test]
fn a_message_that_comes_again_is_told_once_at_qos_2() {
    let mut peer = Peer::connected("topic # in 2\nnotifications false");
    peer.delivers("t", QoS::ExactlyOnce, 7, false);
    assert_eq!(peer.events(), "message t 7");
    again(&mut peer, true);
    peer.sent();
    peer.delivers("t", QoS::ExactlyOnce, 7, true);
    assert_eq!((peer.events(), peer.sent()), (String::new(), String::new()));
    peer.remote.acknowledge(peer.now, 7);
    assert_eq!(peer.sent(), "PUBREC 7");
    again(&mut peer, true);
    peer.sent();
    peer.delivers("t", QoS::ExactlyOnce, 7, true);
    assert_eq!((peer.events(), peer.sent()), (String::new(), "PUBREC 7".to_owned()));
    peer.ack(PacketType::PubRel, 7);
    assert_eq!((peer.events(), peer.sent()), ("released 7".to_owned(), String::new()));
    peer.remote.complete(peer.now, 7);
    assert_eq!(peer.sent(), "PUBCOMP 7");
}

#[test]
fn why_it_broke_is_remembered_while_it_works_again() {
    let mut peer = Peer::connected(QUIET);
    again(&mut peer, true);
    assert_eq!(peer.remote.report().last_error.as_deref(), Some("reset by peer"));
    assert_eq!(peer.remote.report().counters.connections, 2);
}
