//! Enhanced authentication (MQTT 5, 4.12), of which the broker has no method yet.

use crate::harness::{Net, connect};
use mosquitto_mqtt::packet::Auth;
use mosquitto_mqtt::{PropertiesBuf, Property, ReasonCode};

/// An AUTH with this reason and method.
fn auth(reason: ReasonCode, method: Option<&'static str>) -> Vec<u8> {
    let properties: PropertiesBuf = method.map(Property::AuthenticationMethod).into_iter().collect();
    let mut bytes = Vec::new();
    Auth { reason, properties: properties.as_properties() }.encode(&mut bytes);
    bytes
}

#[test]
fn a_client_that_named_no_method_may_not_authenticate_later() {
    // [MQTT-4.12.0-7] [MQTT-4.12.1-2]: re-authentication fails as well, and that is the end of the connection.
    for reason in [ReasonCode::SUCCESS, ReasonCode::CONTINUE_AUTHENTICATION, ReasonCode(0x19)] {
        for method in [None, Some("x")] {
            let mut net = Net::new();
            let peer = connect("a").on(&mut net);
            net.send_bytes(peer, &auth(reason, method));
            assert_eq!((net.got(peer), net.is_open(peer)), (vec!["DISCONNECT rc=0x82".to_owned()], false));
        }
    }
}

#[test]
fn an_auth_with_flags_or_a_foreign_reason_ends_the_connection() {
    // MQTT 5, 3.15.1 and 3.15.2.1
    for bytes in [&b"\xf1\0"[..], b"\xf8\x02\x18\0", b"\xf0\x02\x01\0"] {
        let mut net = Net::new();
        let peer = connect("a").on(&mut net);
        net.send_bytes(peer, bytes);
        assert!(!net.is_open(peer), "{bytes:x?}");
        assert_eq!(net.got(peer).len(), 1);
    }
}

#[test]
fn a_refused_method_gets_one_packet_and_the_end() {
    // [MQTT-4.12.0-1] [MQTT-4.12.0-4] [MQTT-3.14.0-1]: neither an AUTH nor a DISCONNECT.
    let mut net = Net::new();
    let peer = net.dial(0);
    let bytes = connect("a").with(Property::AuthenticationMethod("SCRAM-SHA-1")).bytes();
    net.send_bytes(peer, &[bytes, auth(ReasonCode::CONTINUE_AUTHENTICATION, Some("SCRAM-SHA-1"))].concat());
    assert_eq!((net.got_bytes(peer), net.is_open(peer)), (vec![0x20, 3, 0, 0x8c, 0], false));
}
