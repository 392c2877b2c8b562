//! DISCONNECT towards a client: when it may come, and that nothing follows.

use crate::harness::{Net, connect};
use mosquitto_broker::{ListenerSettings, Settings};
use mosquitto_mqtt::Property;

#[test]
fn a_connection_that_was_not_accepted_gets_no_disconnect() {
    // [MQTT-3.14.0-1] [MQTT-4.13.2-1]
    let listeners = vec![ListenerSettings { allow_anonymous: false, ..ListenerSettings::default() }];
    let mut closed = Net::with(2, Settings { listeners, ..Settings::default() });
    assert_eq!(connect("a").refused(&mut closed), ["CONNACK present=0 rc=135"]);
    let mut net = Net::new();
    assert_eq!(connect("a").with(Property::ReceiveMaximum(0)).refused(&mut net), ["CONNACK present=0 rc=130"]);
    let peer = net.dial(0);
    net.send_bytes(peer, b"\x30\x04\0\x01a\0");
    assert_eq!((net.got(peer), net.is_open(peer)), (vec![], false));
}

#[test]
fn nothing_follows_a_disconnect() {
    // [MQTT-3.14.4-1] [MQTT-3.14.4-2] [MQTT-4.13.2-1]
    let mut net = Net::new();
    let (peer, publisher) = (connect("a").keep_session(100).on(&mut net), connect("pub").on(&mut net));
    net.subscribe(peer, "t", 1);
    // A message of QoS 3, then one that is in order and a ping.
    net.send_bytes(peer, b"\x36\x06\0\x01t\0\x01\0\x32\x06\0\x01t\0\x02\0\xc0\0");
    net.publish(publisher, "t", "x", 1, 1);
    assert_eq!((net.got(peer), net.is_open(peer)), (vec!["DISCONNECT rc=0x81".to_owned()], false));
}

#[test]
fn a_connection_that_was_taken_over_gets_nothing_more() {
    // [MQTT-3.14.4-1] [MQTT-3.14.4-2]
    let mut net = Net::new();
    let old = connect("a").keep_session(100).on(&mut net);
    net.subscribe(old, "t", 1);
    let new = connect("a").keep_session(100).on(&mut net);
    net.publish(new, "t", "x", 1, 1);
    assert_eq!((net.got(old), net.is_open(old)), (vec!["DISCONNECT rc=0x8e".to_owned()], false));
    assert_eq!(net.got(new).len(), 2);
}

#[test]
fn a_disconnect_of_the_broker_is_a_reason_alone() {
    // [MQTT-3.14.2-1] [MQTT-3.14.2-2] [MQTT-3.14.2-3] [MQTT-3.14.2-4]: no session expiry interval, and no texts that
    // could be too long for the client.
    let mut net = Net::new();
    let peer = connect("a").keep_session(100).with(Property::MaximumPacketSize(16)).on(&mut net);
    net.send_bytes(peer, b"\x36\x06\0\x01t\0\x01\0");
    let bytes = net.got_bytes(peer);
    assert!(bytes == [0xe0, 1, 0x81] || bytes == [0xe0, 2, 0x81, 0], "{bytes:x?}");
}

#[test]
fn a_client_that_leaves_with_an_error_is_not_answered() {
    // [MQTT-4.13.2-1]
    let mut net = Net::new();
    for reason in [0x80, 0x81, 0x93] {
        let peer = connect("a").on(&mut net);
        net.disconnect_with(peer, reason, &[]);
        assert_eq!((net.got(peer), net.is_open(peer)), (vec![], false));
    }
}
