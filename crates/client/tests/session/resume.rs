//! A session that goes on over another connection.

use crate::harness::{Peer, SUCCESS, V5, V311};
use mosquitto_client::mqtt::{PacketType, Property, ProtocolVersion, QoS};
use mosquitto_client::{End, Options};

fn lasting(version: ProtocolVersion) -> Peer {
    let mut options = Options::new(version, "me");
    options.clean_start = false;
    let mut peer = Peer::with(options);
    peer.connect(false, &[]);
    peer
}

fn lose(peer: &mut Peer) {
    peer.session.closed(peer.now);
    assert_eq!(peer.end(), End::Lost);
    // Whatever was not sent is gone with the connection.
    peer.sent();
}

#[test]
fn unfinished_messages_are_sent_again_in_their_order() {
    // [MQTT-3.1.2-23] [MQTT-3.3.1-1]
    // [MQTT-4.3.2-3] [MQTT-4.3.3-3] [MQTT-4.3.3-5] [MQTT-4.3.3-6] [MQTT-4.6.0-1]
    for version in [V311, V5] {
        let mut peer = lasting(version);
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce, QoS::ExactlyOnce, QoS::AtLeastOnce] {
            peer.publish(qos);
        }
        peer.ack(PacketType::PubRec, 2, SUCCESS);
        peer.ack(PacketType::PubAck, 4, SUCCESS);
        peer.published();
        lose(&mut peer);
        peer.connect(true, &[]);
        // [MQTT-4.4.0-1]
        assert_eq!(peer.sent(), "PUBLISH t 1 q1 dup, PUBREL 2, PUBLISH t 3 q2 dup");
        peer.ack(PacketType::PubComp, 2, SUCCESS);
        assert_eq!(peer.published(), (2, SUCCESS));
    }
}

#[test]
fn what_was_only_queued_is_no_repetition() {
    let mut peer = lasting(V311);
    lose(&mut peer);
    let packet_id = peer.publish(QoS::AtLeastOnce);
    assert_eq!(peer.sent(), "");
    peer.connect(true, &[]);
    assert_eq!(peer.sent(), format!("PUBLISH t {packet_id} q1"));
}

#[test]
fn a_server_without_the_session_gets_messages_as_new_ones() {
    // [MQTT-3.2.2-5]
    let mut peer = lasting(V5);
    peer.publish(QoS::AtLeastOnce);
    peer.publish(QoS::ExactlyOnce);
    peer.ack(PacketType::PubRec, 2, SUCCESS);
    lose(&mut peer);
    peer.connect(false, &[]);
    // What it has taken over is through: a PUBREL would tell it nothing.
    assert_eq!(peer.published(), (2, SUCCESS));
    assert_eq!(peer.sent(), "PUBLISH t 1 q1");
}

#[test]
fn a_narrower_window_holds_for_repetitions_too() {
    let mut peer = lasting(V5);
    for _ in 0..3 {
        peer.publish(QoS::AtLeastOnce);
    }
    lose(&mut peer);
    peer.connect(true, &[Property::ReceiveMaximum(1)]);
    assert_eq!(peer.sent(), "PUBLISH t 1 q1 dup");
    peer.ack(PacketType::PubAck, 1, SUCCESS);
    assert_eq!(peer.sent(), "PUBLISH t 2 q1 dup");
}

#[test]
fn a_message_that_was_received_and_not_released_survives() {
    // [MQTT-3.1.2-23]
    for version in [V311, V5] {
        let mut peer = lasting(version);
        peer.deliver("t", QoS::ExactlyOnce, 7, &[]);
        lose(&mut peer);
        peer.connect(true, &[]);
        peer.deliver("t", QoS::ExactlyOnce, 7, &[]);
        assert_eq!(peer.sent(), "PUBREC 7");
        peer.ack(PacketType::PubRel, 7, SUCCESS);
        assert_eq!(peer.message().packet_id, 7);
        assert!(!peer.session.has_events());
    }
}

#[test]
fn a_new_session_of_the_server_uses_identifiers_anew() {
    // [MQTT-3.2.2-5]
    for version in [V311, V5] {
        let mut peer = lasting(version);
        peer.deliver("old", QoS::ExactlyOnce, 7, &[]);
        lose(&mut peer);
        peer.connect(false, &[]);
        peer.deliver("new", QoS::ExactlyOnce, 7, &[]);
        peer.ack(PacketType::PubRel, 7, SUCCESS);
        assert_eq!(peer.message().topic, "new");
    }
}

#[test]
fn unsent_bytes_of_a_lost_connection_do_not_leave_with_the_next() {
    let mut peer = Peer::connected(V311);
    peer.publish(QoS::AtMostOnce);
    peer.session.closed(peer.now);
    peer.end();
    peer.connect(false, &[]);
    assert_eq!(peer.sent(), "");
}
