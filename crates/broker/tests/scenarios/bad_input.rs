//! What clients must not send.

use crate::harness::{Net, connect};
use mosquitto_broker::Then;

/// Sends bytes on a new connection of an accepted client. Returns what came back; the connection is closed.
fn after_connect(net: &mut Net, v5: bool, bytes: &[u8]) -> Vec<String> {
    let options = if v5 { connect("bad") } else { connect("bad").v311() };
    let peer = options.on(net);
    net.send_bytes(peer, bytes);
    assert!(!net.is_open(peer), "{bytes:02x?} was taken");
    net.got(peer)
}

fn each(v5: bool, cases: &[(&str, &[u8])], expected: &[&str]) {
    let mut net = Net::new();
    for (name, bytes) in cases {
        assert_eq!(after_connect(&mut net, v5, bytes), expected, "{name}");
    }
}

#[test]
fn malformed_packets_end_with_0x81() {
    // [MQTT-4.13.1-1]
    let deep = [&[0x30, 0xcd, 1, 0, 201][..], &[b'/'; 201], &[0, 0]].concat();
    let cases: [(&str, &[u8]); 17] = [
        ("QoS 3", b"\x36\x06\0\x01a\0\x01\0"),         // [MQTT-3.3.1-4]
        ("DUP at QoS 0", b"\x38\x04\0\x01a\0"),        // [MQTT-3.3.1-2]
        ("empty topic, no alias", b"\x30\x03\0\0\0"),  // [MQTT-4.7.3-1]
        ("wildcard in a topic", b"\x30\x04\0\x01#\0"), // [MQTT-3.3.2-2]
        ("U+0000 in a topic", b"\x30\x04\0\x01\0\0"),  // [MQTT-1.5.4-2] [MQTT-4.7.3-2]
        ("201 separators", &deep),
        ("unknown property", b"\x30\x06\0\x01a\x02\x7f\0"),
        ("cut short", b"\x30\x03\0\x09a"),
        ("SUBSCRIBE flags", b"\x80\x07\0\x01\0\0\x01a\0"), // [MQTT-3.8.1-1]
        ("SUBSCRIBE without filter", b"\x82\x03\0\x01\0"), // [MQTT-3.8.3-2]
        ("SUBSCRIBE identifier 0", b"\x82\x07\0\0\0\0\x01a\0"),
        ("misplaced #", b"\x82\x09\0\x01\0\0\x03#/a\0"), // [MQTT-4.7.1-1]
        ("retain handling 3", b"\x82\x07\0\x01\0\0\x01a\x30"),
        ("reserved option", b"\x82\x07\0\x01\0\0\x01a\x40"), // [MQTT-3.8.3-5]
        ("UNSUBSCRIBE without filter", b"\xa2\x03\0\x01\0"), // [MQTT-3.10.3-2]
        ("subscription identifier 0", b"\x82\x09\0\x01\x02\x0b\0\0\x01a\0"),
        ("PUBREL flags", b"\x60\x02\0\x01"), // [MQTT-3.6.1-1]
    ];
    each(true, &cases, &["DISCONNECT rc=0x81"]);
}

#[test]
fn protocol_errors_end_with_0x82() {
    let cases: [(&str, &[u8]); 15] = [
        ("PUBLISH identifier 0", b"\x32\x06\0\x01a\0\0\0"), // [MQTT-2.2.1-3]
        ("subscription identifier in PUBLISH", b"\x30\x06\0\x01a\x02\x0b\x01"), // [MQTT-3.3.4-6]
        ("property of another packet", b"\x30\x07\0\x01a\x03\x13\0\x01"),
        ("payload format 2", b"\x30\x06\0\x01a\x02\x01\x02"),
        ("property twice", b"\x30\x08\0\x01a\x04\x01\x01\x01\x01"),
        ("alias 0", b"\x30\x07\0\x01a\x03\x23\0\0"), // [MQTT-3.3.2-8]
        ("alias of nothing", b"\x30\x06\0\0\x03\x23\0\x01"),
        ("wildcard in a response topic", b"\x30\x08\0\x01a\x04\x08\0\x01+"), // [MQTT-3.3.2-14]
        ("reserved type", b"\0\0"),
        ("CONNACK", b"\x20\x03\0\0\0"),
        ("SUBACK", b"\x90\x04\0\x01\0\0"),
        ("AUTH", b"\xf0\0"),                                               // [MQTT-4.12.0-7]
        ("shared without a filter", b"\x82\x0e\0\x01\0\0\x08$share/g\0"),  // [MQTT-4.8.2-1]
        ("shared with no local", b"\x82\x10\0\x01\0\0\x0a$share/g/a\x04"), // [MQTT-3.8.3-4]
        ("reason of no PUBACK", b"\x40\x03\0\x01\x92"),                    // [MQTT-3.4.2-1]
    ];
    each(true, &cases, &["DISCONNECT rc=0x82"]);
}

#[test]
fn mqtt_3_is_closed_without_a_word() {
    let cases: [(&str, &[u8]); 9] = [
        ("QoS 3", b"\x36\x05\0\x01a\0\x01"),
        ("PUBLISH identifier 0", b"\x32\x05\0\x01a\0\0"),
        ("empty topic", b"\x30\x02\0\0"),
        ("SUBSCRIBE flags", b"\x80\x06\0\x01\0\x01a\0"),
        ("options of MQTT 5", b"\x82\x06\0\x01\0\x01a\x04"),
        ("DISCONNECT with a body", b"\xe0\x01\0"),
        ("PUBACK with a reason", b"\x40\x03\0\x01\0"),
        ("AUTH", b"\xf0\0"),
        ("reserved type", b"\0\0"),
    ];
    each(false, &cases, &[]);
}

#[test]
fn wrong_flags_are_malformed_but_where_the_packet_itself_is_out_of_place() {
    // [MQTT-2.1.3-1] [MQTT-3.14.1-1]
    for bytes in [&b"\xe1\0"[..], b"\x91\x03\0\x01\0", b"\xb1\x03\0\x01\0", b"\xc1\0", b"\xd1\0"] {
        assert_eq!(after_connect(&mut Net::new(), true, bytes), ["DISCONNECT rc=0x81"], "{bytes:x?}");
    }
    for bytes in [&b"\xf1\0"[..], b"\x29\x02\0\x01"] {
        assert_eq!(after_connect(&mut Net::new(), true, bytes), ["DISCONNECT rc=0x82"], "{bytes:x?}");
    }
}

#[test]
fn pings_that_are_too_long_are_not_answered() {
    for bytes in [b"\xc0\x01\0", b"\xd0\x01\0"] {
        assert!(after_connect(&mut Net::new(), true, bytes).is_empty());
    }
}

#[test]
fn a_disconnect_for_a_reason_that_there_is_none_of_is_not_answered() {
    // [MQTT-3.14.2-1]
    let mut net = Net::new();
    assert!(after_connect(&mut net, true, b"\xe0\x01\x05").is_empty());
    assert_eq!(net.log_with("disconnected: protocol error.").len(), 1);
}

#[test]
fn the_flags_of_a_connect_matter_but_to_mqtt_3_1() {
    // [MQTT-2.1.3-1]
    let mut net = Net::new();
    for (options, open) in [(connect("a").v31(), true), (connect("b").v311(), false), (connect("c"), false)] {
        let mut bytes = options.bytes();
        bytes[0] |= 4;
        let peer = net.dial(0);
        net.send_bytes(peer, &bytes);
        assert_eq!(net.is_open(peer), open);
        assert_eq!(net.got_bytes(peer).is_empty(), !open);
    }
}

#[test]
fn packet_type_0_is_an_error_before_its_length_is_known() {
    assert_eq!(after_connect(&mut Net::new(), true, b"\x0a\xc0"), ["DISCONNECT rc=0x82"]);
}

#[test]
fn the_first_packet_is_a_connect_or_the_end() {
    // [MQTT-3.1.0-1]: known from the first byte, without an answer.
    let mut net = Net::new();
    for first in (0..=255u8).filter(|&byte| byte >> 4 != 1 || byte == 0x16) {
        let peer = net.dial(0);
        net.send_bytes(peer, &[first]);
        assert!(!net.is_open(peer) && net.got_bytes(peer).is_empty(), "{first:#x}");
    }
    assert_eq!(net.log_with("First packet not CONNECT (30)").len(), 1);
    assert_eq!(net.log_with("appears to be using TLS to connect to a non-TLS listener").len(), 1);
    assert_eq!(net.log_with("appears to be using HTTP or WebSockets to connect to an MQTT listener").len(), 1);
    assert_eq!(net.connections_and_deadlines(), (0, 0));
}

#[test]
fn a_second_connect_ends_the_connection() {
    // [MQTT-3.2.0-2]
    // [MQTT-3.1.0-2]
    let mut net = Net::new();
    let got = after_connect(&mut net, true, &connect("bad").bytes());
    assert!(got.is_empty());
    assert_eq!(net.log_with("sending multiple CONNECT messages.").len(), 1);
    assert_eq!(net.session_count(), 0);
}

#[test]
fn a_remaining_length_of_five_bytes_ends_the_connection_without_a_word() {
    let mut net = Net::new();
    assert!(after_connect(&mut net, true, b"\x30\xff\xff\xff\xff").is_empty());
    assert_eq!(net.log_with("disconnected: malformed packet.").len(), 1);
    let peer = net.dial(0);
    net.send_bytes(peer, b"\x10\xff\xff\xff\xff\x01");
    assert!(!net.is_open(peer) && net.got_bytes(peer).is_empty());
}

#[test]
fn nothing_behind_a_faulty_packet_is_handled() {
    let mut net = Net::new();
    let watcher = connect("watcher").on(&mut net);
    net.subscribe(watcher, "a", 0);
    after_connect(&mut net, false, b"\x36\x05\0\x01a\0\x01\x30\x04\0\x01ax");
    assert!(net.got(watcher).is_empty());
}

#[test]
fn misplaced_properties_are_malformed_in_subscribe_and_unsubscribe() {
    let mut net = Net::new();
    for bytes in [&b"\x82\x0a\0\x01\x03\x13\0\x01\0\x01a\0"[..], b"\xa2\x09\0\x01\x03\x13\0\x01\0\x01a"] {
        assert_eq!(after_connect(&mut net, true, bytes), ["DISCONNECT rc=0x81"]);
    }
    let twice = b"\x82\x0b\0\x01\x04\x0b\x01\x0b\x01\0\x01a\0";
    assert_eq!(after_connect(&mut net, true, twice), ["DISCONNECT rc=0x82"]);
}

#[test]
fn packets_that_need_not_be_long_have_caps_of_their_own() {
    // Known from the length alone, and closed without a DISCONNECT.
    let mut net = Net::new();
    for first in [0x40, 0x50, 0x62, 0x70, 0xe0] {
        assert!(after_connect(&mut net, true, &[first, 0x91, 0x4e]).is_empty(), "{first:#x}");
    }
    for first in [0x82, 0xa2, 0xf0] {
        assert!(after_connect(&mut net, true, &[first, 0xa1, 0x8d, 0x06]).is_empty(), "{first:#x}");
    }
    let peer = net.dial(0);
    net.send_bytes(peer, &[0x10, 0xa1, 0x8d, 0x06]);
    assert!(!net.is_open(peer));
    assert_eq!(net.log_with("disconnected: oversize packet.").len(), 9);
}

#[test]
fn who_ended_a_connection_is_told() {
    let mut net = Net::new();
    let polite = connect("polite").on(&mut net);
    assert_eq!(net.received_at_once(polite, b"\xe0\0").then, Then::Ended { by_client: true });
    let faulty = connect("faulty").on(&mut net);
    assert_eq!(net.received_at_once(faulty, b"\xc0\x01\0").then, Then::Ended { by_client: false });
    let refused = net.dial(0);
    let bytes = connect("").v311().resume().bytes();
    assert_eq!(net.received_at_once(refused, &bytes).then, Then::Ended { by_client: false });
}
