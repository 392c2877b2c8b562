//! Replies to a client that takes little (MQTT 5, 3.1.2.11.4): they carry no text that would make them too long.

use crate::harness::{Net, connect};
use mosquitto_broker::Settings;
use mosquitto_mqtt::Property;

/// The smallest Maximum Packet Size with which the CONNACK can be sent.
const SMALLEST: u32 = 16;

#[test]
fn acknowledgements_of_messages_are_as_short_as_can_be() {
    // [MQTT-3.4.2-2] [MQTT-3.4.2-3] [MQTT-3.5.2-2] [MQTT-3.5.2-3] [MQTT-3.7.2-2] [MQTT-3.7.2-3]
    // [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.7.2-1]
    let mut net = Net::with(2, Settings { max_inflight_messages: 1, ..Settings::default() });
    let peer = connect("a").with(Property::MaximumPacketSize(SMALLEST)).on(&mut net);
    let watcher = connect("watcher").on(&mut net);
    net.publish(peer, "t", "x", 1, 1);
    assert_eq!(net.got_bytes(peer), [0x40, 3, 0, 1, 0x10]);
    net.subscribe(watcher, "t", 0);
    net.publish(peer, "t", "x", 1, 2);
    assert_eq!(net.got_bytes(peer), [0x40, 2, 0, 2]);
    net.publish(peer, "t", "x", 2, 3);
    net.publish(peer, "t", "x", 2, 4);
    assert_eq!(net.got_bytes(peer), [0x50, 2, 0, 3, 0x50, 3, 0, 4, 0x97]);
    net.pubrel(peer, 3);
    net.pubrel(peer, 9);
    assert_eq!(net.got_bytes(peer), [0x70, 2, 0, 3, 0x70, 2, 0, 9]);
}

#[test]
fn a_release_is_as_short_as_can_be() {
    // [MQTT-3.6.2-1] [MQTT-3.6.2-2] [MQTT-3.6.2-3]
    let mut net = Net::new();
    let (publisher, peer) =
        (connect("pub").on(&mut net), connect("a").with(Property::MaximumPacketSize(SMALLEST)).on(&mut net));
    net.subscribe(peer, "t", 2);
    net.publish(publisher, "t", "x", 2, 1);
    net.pubrel(publisher, 1);
    net.got(peer);
    net.pubrec(peer, 1);
    assert_eq!(net.got_bytes(peer), [0x62, 2, 0, 1]);
}

#[test]
fn answers_to_subscriptions_are_as_short_as_can_be() {
    // [MQTT-3.9.2-1] [MQTT-3.9.2-2] [MQTT-3.11.2-1] [MQTT-3.11.2-2] [MQTT-3.9.3-2] [MQTT-3.11.3-2]
    let mut net = Net::new();
    let peer = connect("a").with(Property::MaximumPacketSize(SMALLEST)).on(&mut net);
    net.send_bytes(peer, b"\x82\x0f\0\x09\0\0\x01a\x02\0\x01b\x01\0\x01c\0");
    assert_eq!(net.got_bytes(peer), [0x90, 6, 0, 9, 0, 2, 1, 0]);
    net.unsubscribe(peer, 3, &["a", "a"]);
    assert_eq!(net.got_bytes(peer), [0xb0, 5, 0, 3, 0, 0, 0x11]);
}
