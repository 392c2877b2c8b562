//! CONNECT, CONNACK and DISCONNECT.

use crate::harness::{Peer, SUCCESS, V5, V31, V311, VERSIONS};
use mosquitto_client::mqtt::packet::Disconnect;
use mosquitto_client::mqtt::{Packet, Properties, PropertiesBuf, Property, QoS, ReasonCode};
use mosquitto_client::{End, Event, Moment, Options, RequestError, WillMessage};

#[test]
fn connect_says_what_the_options_say() {
    let mut options = Options::new(V5, "name");
    options.clean_start = false;
    options.keep_alive_s = 7;
    options.session_expiry_s = Some(60);
    options.receive_maximum = Some(20);
    options.maximum_packet_size = Some(1000);
    options.topic_alias_maximum = 3;
    options.properties.push(Property::UserProperty(("k", "v")));
    let mut peer = Peer::with(options);
    peer.session.connect(peer.now);
    assert_eq!(
        peer.sent(),
        "CONNECT V5 \"name\" clean=false keep_alive=7 SessionExpiryInterval(60) TopicAliasMaximum(3) ReceiveMaximum(20) \
         MaximumPacketSize(1000) UserProperty((\"k\", \"v\"))"
    );
}

#[test]
fn properties_are_for_mqtt_5_only_and_a_password_needs_a_user_before() {
    for version in [V31, V311] {
        let mut options = Options::new(version, "name");
        options.session_expiry_s = Some(60);
        options.password = Some(b"secret".to_vec());
        options.will = Some(WillMessage { topic: "w".to_owned(), qos: QoS::AtLeastOnce, ..WillMessage::default() });
        let mut peer = Peer::with(options);
        peer.session.connect(peer.now);
        let bytes = peer.session.output().to_vec();
        assert!(!bytes.windows(6).any(|window| window == b"secret"));
        assert_eq!(peer.sent(), format!("CONNECT {version:?} \"name\" clean=true keep_alive=60 "));
    }
}

#[test]
fn an_accepted_connection_is_told_with_its_properties() {
    for version in VERSIONS {
        let mut peer = Peer::new(version);
        peer.session.connect(peer.now);
        assert!(!peer.session.is_connected());
        peer.connack(false, SUCCESS, if version == V5 { &[Property::ReceiveMaximum(9)] } else { &[] });
        let Event::Connected { session_present: false, properties } = peer.event() else { panic!() };
        let expected: PropertiesBuf = (version == V5).then_some(Property::ReceiveMaximum(9)).into_iter().collect();
        assert_eq!(properties, expected);
        assert!(peer.session.is_connected());
    }
}

#[test]
fn a_refused_connection_is_over() {
    for (version, reason) in [(V31, ReasonCode(5)), (V311, ReasonCode(4)), (V5, ReasonCode::NOT_AUTHORIZED)] {
        let mut peer = Peer::new(version);
        peer.session.connect(peer.now);
        peer.sent();
        peer.connack(false, reason, &[]);
        assert_eq!(peer.end(), End::Refused { reason, properties: PropertiesBuf::new() });
        assert!(peer.is_quiet() && peer.session.next_deadline().is_none());
    }
}

#[test]
fn a_server_that_speaks_mqtt_3_only_refuses_mqtt_5_in_its_own_words() {
    let mut peer = Peer::new(V5);
    peer.session.connect(peer.now);
    peer.server_bytes(&[0x20, 2, 0, 1]);
    assert!(matches!(peer.end(), End::Refused { reason: ReasonCode::UNSUPPORTED_PROTOCOL_VERSION, .. }));
}

#[test]
fn a_server_may_name_a_client_that_has_no_name() {
    let mut peer = Peer::with(Options::new(V5, ""));
    peer.connect(false, &[Property::AssignedClientIdentifier("auto-1")]);
    assert_eq!(peer.session.client_id(), "auto-1");
    // The next connection is a new client again.
    peer.session.connect(peer.now);
    assert_eq!(peer.session.client_id(), "");
}

#[test]
fn disconnect_is_the_last_packet() {
    for version in VERSIONS {
        let mut peer = Peer::connected(version);
        peer.publish(QoS::AtMostOnce);
        peer.session.disconnect(peer.now, ReasonCode::DISCONNECT_WITH_WILL_MESSAGE, Properties::EMPTY);
        let reason = if version == V5 { "Disconnect with Will Message" } else { "Success" };
        assert_eq!(peer.sent(), format!("PUBLISH t q0, DISCONNECT {reason}"));
        assert_eq!(peer.end(), End::Requested);
        peer.session.disconnect(peer.now, SUCCESS, Properties::EMPTY);
        peer.session.closed(peer.now);
        assert!(peer.is_quiet());
    }
}

#[test]
fn a_disconnect_before_connack_needs_no_packet() {
    let mut peer = Peer::new(V311);
    peer.session.connect(peer.now);
    peer.sent();
    peer.session.disconnect(peer.now, SUCCESS, Properties::EMPTY);
    assert_eq!((peer.sent().as_str(), peer.end()), ("", End::Requested));
}

#[test]
fn a_server_of_mqtt_5_may_end_the_connection_with_a_reason() {
    let mut peer = Peer::connected(V5);
    peer.server(Packet::Disconnect(Disconnect::new(ReasonCode::SESSION_TAKEN_OVER)));
    let reason = ReasonCode::SESSION_TAKEN_OVER;
    assert_eq!(peer.end(), End::ByServer { reason, properties: PropertiesBuf::new() });
    assert!(peer.is_quiet());
}

#[test]
fn a_connection_that_is_begun_again_was_lost() {
    let mut peer = Peer::connected(V311);
    peer.session.connect(peer.now);
    assert_eq!(peer.end(), End::Lost);
    assert!(peer.sent().starts_with("CONNECT"));
}

#[test]
fn what_comes_after_the_end_is_ignored() {
    let mut peer = Peer::connected(V5);
    peer.session.closed(peer.now);
    assert_eq!(peer.end(), End::Lost);
    peer.deliver("t", QoS::AtLeastOnce, 1, &[]);
    peer.session.tick(Moment(u64::MAX));
    assert!(peer.is_quiet());
    let message = mosquitto_client::Publication::new("t", b"", QoS::AtMostOnce);
    assert_eq!(peer.session.publish(peer.now, message), Err(RequestError::NotConnected));
}

#[test]
fn packets_are_taken_one_at_a_time_and_only_when_whole() {
    let mut peer = Peer::new(V311);
    peer.session.connect(peer.now);
    let bytes = [0x20, 2, 0, 0, 0x30, 4, 0, 1, b't', b'x', 0x30];
    for len in 0..4 {
        assert_eq!(peer.session.received(peer.now, &bytes[..len]), 0);
    }
    assert_eq!(peer.session.received(peer.now, &bytes), 4);
    assert!(matches!(peer.event(), Event::Connected { .. }) && !peer.session.has_events());
    assert_eq!(peer.session.received(peer.now, &bytes[4..]), 6);
    assert_eq!(peer.message().payload, b"x");
    assert_eq!(peer.session.received(peer.now, &bytes[10..]), 0);
}

#[test]
fn texts_that_no_field_can_hold_are_cut_between_characters() {
    let mut options = Options::new(V311, "\u{fc}".repeat(40_000));
    options.username = Some("u".repeat(70_000));
    options.password = Some(vec![0; 70_000]);
    let mut peer = Peer::with(options);
    peer.session.connect(peer.now);
    let id = "\u{fc}".repeat(32_767);
    assert_eq!(peer.sent(), format!("CONNECT V311 {id:?} clean=true keep_alive=60 "));
}
