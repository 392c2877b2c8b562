//! DISCONNECT and AUTH: what a client may say in the end, and what it makes of the server's.

use crate::harness::{Peer, SUCCESS, V5};
use mosquitto_client::mqtt::packet::Subscription;
use mosquitto_client::mqtt::packet::SubscriptionOptions;
use mosquitto_client::mqtt::{Properties, PropertiesBuf, Property, QoS, ReasonCode};
use mosquitto_client::{Publication, RequestError};

#[test]
fn texts_that_are_too_long_for_the_server_are_left_out_of_a_disconnect() {
    // [MQTT-3.14.2-3] [MQTT-3.14.2-4]
    let text = "long enough to be too long";
    for (property, limit) in [(Property::ReasonString(text), 33), (Property::UserProperty((text, "")), 35)] {
        for (limit, is_whole) in [(limit, true), (limit - 1, false)] {
            let mut peer = Peer::new(V5);
            peer.connect(false, &[Property::MaximumPacketSize(limit)]);
            let list: PropertiesBuf = [property].into_iter().collect();
            peer.session.disconnect(peer.now, ReasonCode::DISCONNECT_WITH_WILL_MESSAGE, list.as_properties());
            let bytes = peer.session.output();
            assert!(bytes.len() <= limit as usize, "{bytes:?}");
            assert_eq!(bytes.windows(text.len()).any(|window| window == text.as_bytes()), is_whole);
            assert_eq!((bytes[0], bytes[2]), (0xe0, 4), "the reason is told all the same");
        }
    }
}

#[test]
fn nothing_is_sent_behind_a_disconnect() {
    // [MQTT-3.14.4-1] [MQTT-3.14.4-2]
    let mut peer = Peer::connected(V5);
    peer.session.disconnect(peer.now, SUCCESS, Properties::EMPTY);
    assert_eq!(peer.sent(), "DISCONNECT Success");
    assert!(!peer.session.is_connected());
    let now = peer.now;
    let refused = peer.session.publish(now, Publication::new("t", b"", QoS::AtMostOnce));
    assert_eq!(refused, Err(RequestError::NotConnected));
    assert!(peer.session.publish(now, Publication::new("t", b"", QoS::AtLeastOnce)).is_ok());
    let list = [Subscription { filter: "t", options: SubscriptionOptions::default() }];
    assert_eq!(peer.session.subscribe(now, &list, Properties::EMPTY), Err(RequestError::NotConnected));
    peer.deliver("t", QoS::AtLeastOnce, 1, &[]);
    peer.wait_ms(1 << 40);
    assert_eq!(peer.sent(), "");
}

#[test]
fn a_server_that_misbehaves_is_told_and_hears_no_more() {
    // [MQTT-3.14.4-1] [MQTT-3.14.4-2] [MQTT-3.14.1-1] [MQTT-4.13.2-1]
    let mut peer = Peer::connected(V5);
    peer.server_bytes(&[0xe1, 0]);
    assert_eq!(peer.blamed_for(), ReasonCode::MALFORMED_PACKET);
    assert_eq!(peer.sent(), "DISCONNECT Malformed Packet");
    peer.publish(QoS::AtLeastOnce);
    peer.deliver("t", QoS::AtLeastOnce, 1, &[]);
    assert_eq!((peer.sent().as_str(), peer.session.is_connected()), ("", false));
}

#[test]
fn a_server_that_ends_the_connection_is_not_answered() {
    // [MQTT-4.13.2-1]
    for reason in [0x80, 0x82, 0x8e, 0x97] {
        let mut peer = Peer::connected(V5);
        peer.server_bytes(&[0xe0, 1, reason]);
        peer.end();
        assert!(peer.is_quiet() && !peer.session.is_connected());
    }
}

#[test]
fn an_auth_with_a_reason_of_another_packet_is_an_error() {
    // [MQTT-3.15.2-1]
    for reason in [1, 0x17, 0x80] {
        let mut peer = Peer::connected(V5);
        peer.server_bytes(&[0xf0, 2, reason, 0]);
        assert_eq!(peer.blamed_for(), ReasonCode::PROTOCOL_ERROR);
    }
}

#[test]
fn answers_of_a_server_have_the_reasons_of_their_kind() {
    // [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1] [MQTT-3.14.2-1]
    let cases: [&[u8]; 5] =
        [&[0x40, 3, 0, 1, 0x92], &[0x50, 3, 0, 1, 0x92], &[0x62, 3, 0, 1, 0x10], &[0x70, 3, 0, 1, 0x10], &[0xe0, 1, 5]];
    for bytes in cases {
        let mut peer = Peer::connected(V5);
        peer.publish(QoS::ExactlyOnce);
        peer.sent();
        peer.server_bytes(bytes);
        assert_eq!(peer.blamed_for(), ReasonCode::PROTOCOL_ERROR, "{bytes:x?}");
    }
}

#[test]
fn answers_to_subscriptions_have_the_reasons_of_their_kind() {
    // [MQTT-3.9.3-2] [MQTT-3.11.3-2]
    let list = [Subscription { filter: "t", options: SubscriptionOptions::default() }];
    for (subscribes, reason) in [(true, 3), (true, 0x11), (true, 0x10), (false, 1), (false, 0xa2)] {
        let mut peer = Peer::connected(V5);
        if subscribes {
            peer.session.subscribe(peer.now, &list, Properties::EMPTY).unwrap();
            peer.suback(1, &[reason]);
        } else {
            peer.session.unsubscribe(peer.now, &["t"], Properties::EMPTY).unwrap();
            peer.unsuback(1, &[reason]);
        }
        assert_eq!(peer.blamed_for(), ReasonCode::MALFORMED_PACKET, "{reason:x}");
    }
}
