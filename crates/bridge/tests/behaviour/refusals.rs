//! What a refusal teaches.

use crate::harness::Peer;
use mosquitto_client::mqtt::{ProtocolVersion, QoS};

/// Opens the connection that is asked for, and returns the CONNECT.
fn connect(peer: &mut Peer) -> String {
    assert!(peer.effects().contains("open one:1883"));
    peer.remote.opened(peer.now);
    peer.sent()
}

#[test]
fn who_does_not_know_bridges_is_not_told_of_one_again() {
    let mut peer = Peer::new("topic t");
    assert!(connect(&mut peer).starts_with("CONNECT V311 bridge "));
    peer.connack(false, 1, &[]);
    assert_eq!(peer.effects(), "close");
    assert_eq!(peer.log.iter().filter(|line| *line == "Connection Refused: unacceptable protocol version").count(), 1);
    peer.wait();
    assert!(connect(&mut peer).starts_with("CONNECT V311 host.b "));
    peer.connack(false, 0, &[]);
    peer.breaks();
    peer.wait();
    assert!(connect(&mut peer).starts_with("CONNECT V311 host.b "));
}

#[test]
fn who_does_not_speak_mqtt_5_is_spoken_to_in_3_1_1() {
    for reason in [1, 0x84] {
        let mut peer = Peer::new("topic t\nbridge_protocol_version mqttv50\naddress one two");
        assert!(connect(&mut peer).starts_with("CONNECT V5 "));
        // A broker of MQTT 3 answers in MQTT 3.
        if reason == 1 {
            peer.remote.received(peer.now, &[0x20, 2, 0, 1]);
        } else {
            peer.connack(false, reason, &[]);
        }
        assert_eq!(peer.events(), "forgotten");
        peer.wait();
        peer.version = ProtocolVersion::V311;
        let connect = connect(&mut peer);
        assert!(connect.starts_with("CONNECT V311 bridge "), "{connect}");
        peer.connack(false, 0, &[]);
        assert!(peer.remote.is_connected());
    }
}

#[test]
fn who_does_not_take_the_qos_or_retained_messages_gets_none() {
    let mut peer = Peer::new("topic t\nbridge_protocol_version mqttv50");
    connect(&mut peer);
    peer.connack(false, 0x9b, &[]);
    peer.wait();
    assert!(connect(&mut peer).contains("q1 retain"));
    peer.connack(false, 0x9b, &[]);
    peer.wait();
    assert!(connect(&mut peer).contains("q0 retain"));
    peer.connack(false, 0x9a, &[]);
    peer.wait();
    assert!(connect(&mut peer).contains("=0 q0 "));
    peer.connack(false, 0, &[]);
    let sent = peer.sent();
    assert!(sent.starts_with("PUBLISH $SYS/broker/connection/host.b/state 0 q0 1"), "{sent}");
    peer.publish("t", QoS::ExactlyOnce);
    assert_eq!(peer.sent(), "PUBLISH t 0 q0 p");
}

#[test]
fn other_refusals_lead_to_the_next_address_and_are_told() {
    for (reason, text) in [
        (2, "identifier rejected"),
        (3, "broker unavailable"),
        (4, "bad user name or password"),
        (5, "not authorised"),
        (9, "unknown reason"),
    ] {
        let mut peer = Peer::new("topic t\naddress one two");
        connect(&mut peer);
        peer.connack(false, reason, &[]);
        assert_eq!(peer.effects(), "close");
        assert_eq!(peer.remote.report().last_error, Some(format!("refused: {text}")));
        assert!(peer.log.contains(&format!("Connection Refused: {text}")));
        peer.wait();
        assert_eq!(peer.effects(), "open two:1883");
    }
}
