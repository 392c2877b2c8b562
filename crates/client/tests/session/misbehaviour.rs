//! What a server must not send.

use crate::harness::{Peer, SUCCESS, V5, V31, V311, VERSIONS};
use mosquitto_client::Options;
use mosquitto_client::mqtt::packet::{
    Auth, ConnAck, Connect, Disconnect, Subscribe, Subscription, SubscriptionOptions,
};
use mosquitto_client::mqtt::{Packet, PacketType, Properties, Property, ProtocolVersion, QoS, ReasonCode};

const PROTOCOL: ReasonCode = ReasonCode::PROTOCOL_ERROR;
const MALFORMED: ReasonCode = ReasonCode::MALFORMED_PACKET;

/// A connection that ends because of `packet`, with a word to the server where MQTT has one.
fn ends(version: ProtocolVersion, packet: Packet<'_>, reason: ReasonCode) {
    let mut peer = Peer::connected(version);
    peer.server(packet);
    assert_eq!(peer.blamed_for(), reason, "{version:?} {packet:?}");
    let farewell = if version == V5 { format!("DISCONNECT {}", reason.text()) } else { String::new() };
    assert_eq!(peer.sent(), farewell);
    assert!(!peer.session.is_connected());
}

#[test]
fn packets_of_clients_end_the_connection() {
    for version in VERSIONS {
        let connect = Connect {
            version,
            bridge: false,
            clean_start: true,
            keep_alive_s: 0,
            properties: Properties::EMPTY,
            client_id: "x",
            will: None,
            username: None,
            password: None,
        };
        ends(version, Packet::Connect(connect), PROTOCOL);
        ends(version, Packet::PingReq, PROTOCOL);
        let mut bytes = Vec::new();
        let list = [Subscription { filter: "a", options: SubscriptionOptions::default() }];
        Subscribe::write(1, Properties::EMPTY, list.into_iter(), version, &mut bytes);
        ends(version, Packet::Subscribe(Subscribe::decode(&bytes[2..], version).unwrap()), PROTOCOL);
    }
}

#[test]
fn a_connect_is_a_protocol_error_whatever_is_wrong_in_it() {
    // [MQTT-3.14.2-1]: a DISCONNECT has no reason for a bad client identifier, or a protocol level.
    let bad_id = b"\x10\x0e\0\x04MQTT\x05\x02\0\0\0\0\x01\x01";
    let bad_level = b"\x10\x0e\0\x04MQTT\x07\x02\0\0\0\0\x01a";
    for bytes in [bad_id, bad_level] {
        let mut peer = Peer::connected(V5);
        peer.server_bytes(bytes);
        assert_eq!(peer.blamed_for(), PROTOCOL);
        assert_eq!(peer.sent(), "DISCONNECT Protocol Error");
    }
}

#[test]
fn a_second_connack_ends_the_connection() {
    for version in VERSIONS {
        let again = ConnAck { session_present: false, reason: SUCCESS, properties: Properties::EMPTY };
        ends(version, Packet::ConnAck(again), PROTOCOL);
    }
}

#[test]
fn only_mqtt_5_servers_say_goodbye() {
    for version in [V31, V311] {
        ends(version, Packet::Disconnect(Disconnect::new(SUCCESS)), PROTOCOL);
    }
}

#[test]
fn an_auth_that_was_not_agreed_upon_ends_the_connection() {
    // [MQTT-4.12.0-7]: no AUTH is the answer
    let auth = Auth { reason: ReasonCode::CONTINUE_AUTHENTICATION, properties: Properties::EMPTY };
    ends(V5, Packet::Auth(auth), PROTOCOL);
}

#[test]
fn acknowledgements_of_the_wrong_kind_end_the_connection() {
    let wrong = |qos, kind| {
        let mut peer = Peer::connected(V311);
        let packet_id = peer.publish(qos);
        peer.ack(kind, packet_id, SUCCESS);
        assert_eq!(peer.blamed_for(), PROTOCOL);
    };
    wrong(QoS::AtLeastOnce, PacketType::PubRec);
    wrong(QoS::AtLeastOnce, PacketType::PubComp);
    wrong(QoS::ExactlyOnce, PacketType::PubAck);
    wrong(QoS::ExactlyOnce, PacketType::PubComp);
}

#[test]
fn bytes_that_are_no_packet_end_the_connection() {
    for (bytes, reason) in [
        (&[0x30, 0xff, 0xff, 0xff, 0xff, 0][..], MALFORMED),
        (&[0x00, 0], PROTOCOL),
        (&[0x36, 5, 0, 1, b't', 0, 1], MALFORMED), // [MQTT-3.3.1-4] [3.1.1 MQTT-3.3.1-4]
        (&[0x30, 3, 0, 1, b'#'], MALFORMED),
        (&[0x30, 2, 0, 9], MALFORMED),
        (&[0x40, 2, 0, 0], PROTOCOL),
        (&[0xd0, 1, 0], MALFORMED),
    ] {
        let mut peer = Peer::connected(V311);
        peer.server_bytes(bytes);
        assert_eq!(peer.blamed_for(), reason, "{bytes:02x?}");
        assert!(peer.is_quiet());
    }
}

#[test]
fn nothing_comes_before_connack() {
    for version in VERSIONS {
        let mut peer = Peer::new(version);
        peer.session.connect(peer.now);
        peer.sent();
        peer.deliver("t", QoS::AtMostOnce, 0, &[]);
        assert_eq!(peer.blamed_for(), PROTOCOL);
        // There is no connection yet to say goodbye to.
        assert_eq!(peer.sent(), "");
    }
}

/// What ends a handshake with a CONNACK that cannot be.
fn connack_is_wrong(options: Options, session_present: bool, reason: ReasonCode, properties: &[Property<'_>]) {
    let mut peer = Peer::with(options);
    peer.session.connect(peer.now);
    peer.connack(session_present, reason, properties);
    assert_eq!(peer.blamed_for(), PROTOCOL);
}

#[test]
fn a_connack_has_to_fit_its_connect() {
    // [MQTT-3.2.2-2] [3.1.1 MQTT-3.2.2-1]: what begins clean has no past.
    for version in [V311, V5] {
        connack_is_wrong(Options::new(version, "me"), true, SUCCESS, &[]);
    }
    // [MQTT-3.2.2-6]
    let lasting = Options { clean_start: false, ..Options::new(V5, "me") };
    connack_is_wrong(lasting, true, ReasonCode::BANNED, &[]);
    connack_is_wrong(Options::new(V5, "me"), false, SUCCESS, &[Property::AssignedClientIdentifier("you")]);
    // [MQTT-3.2.2-8]
    connack_is_wrong(Options::new(V5, "me"), false, ReasonCode::TOPIC_FILTER_INVALID, &[]);
    connack_is_wrong(Options::new(V5, "me"), false, ReasonCode(3), &[]);
}
