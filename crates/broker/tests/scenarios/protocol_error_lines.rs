//! What the log says about clients that break the rules: Mosquitto's lines, in addition to the one about the end.

use crate::harness::{Net, connect};
use mosquitto_broker::{LogLevel, Settings};
use mosquitto_mqtt::Property;

/// What was said about packets at these levels, without what says who came and went.
fn said(net: &Net) -> Vec<&str> {
    let about_packets = |level| matches!(level, LogLevel::Information | LogLevel::Warning | LogLevel::Error);
    net.log.iter().filter(|line| about_packets(line.level)).map(|line| line.text.as_str()).collect()
}

/// What is said when these are the first bytes of a connection, and why it ended.
fn first(bytes: &[u8]) -> (Vec<String>, String) {
    let mut net = Net::with(1, Settings::default());
    let peer = net.dial(0);
    net.send_bytes(peer, bytes);
    assert!(!net.is_open(peer), "{bytes:02x?} was taken");
    (said(&net).into_iter().map(String::from).collect(), net.log.last().unwrap().text.clone())
}

/// What is said when the client `me` sends these bytes, which end its connection.
fn later(v5: bool, bytes: &[u8]) -> String {
    let mut net = Net::with(1, Settings::default());
    let options = if v5 { connect("me") } else { connect("me").v311() };
    let peer = options.on(&mut net);
    net.send_bytes(peer, bytes);
    assert!(!net.is_open(peer), "{bytes:02x?} was taken");
    let lines = said(&net);
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines[0].to_owned()
}

#[test]
fn what_comes_before_the_client_id_of_a_connect_is_blamed_on_the_address_and_port() {
    let cases: [(&[u8], &str); 13] = [
        (b"\x30", "First packet not CONNECT (30)"),
        (b"\x10\0", "CONNECT with missing protocol string length"),
        (b"\x10\x02\0\x05", "CONNECT with incorrect protocol string length (5)"),
        (b"\x10\x04\0\x04MQ", "CONNECT with missing protocol string"),
        (b"\x10\x06\0\x04MQTT", "CONNECT with missing protocol version"),
        (b"\x10\x07\0\x04MQTT\x03", "CONNECT with invalid protocol version (3)"),
        (b"\x10\x09\0\x06MQIsdp\x84", "CONNECT with invalid protocol version (132)"),
        (b"\x10\x07\0\x04MQ\nT\x04", r#"CONNECT with invalid protocol "MQ\nT""#),
        (b"\x11\x0c\0\x04MQTT\x04\x02\0\0\0\0", "CONNECT with non-zero reserved flags (11)"),
        (b"\x10\x07\0\x04MQTT\x04", "CONNECT with missing connect flags"),
        (b"\x10\x0c\0\x04MQTT\x04\x03\0\0\0\0", "CONNECT with non-zero connect reserved flag (03)"),
        (b"\x10\x0c\0\x04MQTT\x04\x1e\0\0\0\0", "CONNECT with invalid Will QoS (3)"),
        (b"\x10\x0c\0\x04MQTT\x04\0\0\0\0\0", "CONNECT with zero length clientid when forbidden"),
    ];
    for (bytes, text) in cases {
        let (lines, end) = first(bytes);
        assert_eq!(lines, [format!("Protocol error from 127.0.0.1:50000: {text}.")]);
        assert_eq!(end, "Client 127.0.0.1 [127.0.0.1:50000] disconnected: protocol error.");
    }
    let (lines, _) = first(b"\x10\x0e\0\x06MQIsdp\x03\x02\0\0\0\0");
    assert_eq!(lines, ["Protocol error from 127.0.0.1:50000: v3.1 CONNECT with zero length clientid."]);
    assert_eq!(first(b"\x10\x09\0\x04MQTT\x04\x02\0").0, ["127.0.0.1 sent CONNECT with missing keepalive."]);
}

#[test]
fn what_comes_behind_the_client_id_of_a_connect_is_blamed_on_that() {
    let cases: [(&[u8], &str); 6] = [
        (b"\x10\x0e\0\x04MQTT\x04\x2a\0\0\0\x02me", "CONNECT without Will with non-zero QoS (1) or retain (1)."),
        (b"\x10\x10\0\x04MQTT\x04\x06\0\0\0\x02me\0\0", "Will with empty topic."),
        (b"\x10\x0e\0\x04MQTT\x04\x82\0\0\0\x02me", "CONNECT with username flag but no username."),
        (b"\x10\x11\0\x04MQTT\x04\xc2\0\0\0\x02me\0\x01u", "CONNECT with password flag but no password."),
        (b"\x10\x11\0\x04MQTT\x04\x42\0\0\0\x02me\0\x01p", "password without username, closing connection."),
        (b"\x10\x10\0\x04MQTT\x04\x02\0\0\0\x02me+-", "CONNECT packet with overlong remaining length (14:16)."),
    ];
    for (bytes, text) in cases {
        let (lines, end) = first(bytes);
        assert_eq!(lines, [format!("Protocol error from me: {text}")]);
        assert_eq!(end, "Client 127.0.0.1 [127.0.0.1:50000] disconnected: protocol error.");
    }
}

#[test]
fn properties_of_a_connect_that_are_zero_are_named() {
    for (property, name) in
        [(Property::ReceiveMaximum(0), "receive-maximum"), (Property::MaximumPacketSize(0), "maximum-packet-size")]
    {
        let (lines, _) = first(&connect("me").with(property).bytes());
        assert_eq!(lines, [format!("Protocol error from 127.0.0.1: CONNECT packet with {name} = 0.")]);
    }
}

#[test]
fn a_version_that_no_one_speaks_is_a_disallowed_feature() {
    let (_, end) = first(b"\x10\x07\0\x04MQTT\x06");
    assert!(
        end.ends_with("used disallowed feature (QoS too high, retain not supported, or bad AUTH method)."),
        "{end}"
    );
    let (_, end) = first(&connect("me").with(Property::AuthenticationMethod("x")).bytes());
    assert!(
        end.ends_with("used disallowed feature (QoS too high, retain not supported, or bad AUTH method)."),
        "{end}"
    );
}

#[test]
fn other_protocols_are_not_named_where_connections_are_not() {
    let mut net = Net::with(1, Settings { connection_messages: false, ..Settings::default() });
    for bytes in [&b"\x10\x07\0\x04HTTP\x04"[..], b"\x10\x07\0\x04MQTT\x03"] {
        let peer = net.dial(0);
        net.send_bytes(peer, bytes);
    }
    assert!(said(&net).is_empty());
    let peer = net.dial(0);
    net.send_bytes(peer, b"\x10\x0c\0\x04MQTT\x04\x03\0\0\0\0");
    assert_eq!(said(&net).len(), 1);
}

#[test]
fn a_faulty_publish() {
    assert_eq!(later(true, b"\x38\x04\0\x01a\0"), "Invalid PUBLISH (QoS=0 and DUP=1) from me, disconnecting.");
    assert_eq!(later(false, b"\x36\x05\0\x01a\0\x01"), "Invalid QoS in PUBLISH from me, disconnecting.");
    assert_eq!(later(true, b"\x32\x06\0\x01a\0\0\0"), "Protocol error from me: PUBLISH packet with mid = 0.");
    assert_eq!(later(true, b"\x30\x06\0\0\x03\x23\0\x03"), "Protocol error from me: PUBLISH invalid topic alias (3).");
    let thrice = b"\x34\x05\0\x01a\0\x07".repeat(3);
    assert_eq!(later(false, &thrice), "Protocol error from me: PUBLISH with dup = 2.");
    // Mosquitto has no line for this.
    assert_eq!(later(true, b"\x30\x04\0\x01#\0"), "Protocol error from me: topic name holds a wildcard.");
}

#[test]
fn faulty_acknowledgements() {
    for (first_byte, name) in [(0x40, "PUBACK"), (0x50, "PUBREC"), (0x62, "PUBREL"), (0x70, "PUBCOMP")] {
        let blamed = |bytes: &[u8]| later(true, bytes).replace("Protocol error from me: ", "");
        assert_eq!(blamed(&[first_byte, 2, 0, 0]), format!("{name} with mid = 0."));
        assert_eq!(blamed(&[first_byte, 3, 0, 1, 5]), format!("{name} with reason code = 5."));
        let misplaced = blamed(&[first_byte, 7, 0, 1, 0, 3, 0x13, 0, 1]);
        assert_eq!(misplaced == format!("{name} with invalid properties."), matches!(first_byte, 0x50 | 0x62));
    }
}

#[test]
fn acknowledgements_that_are_not_the_next() {
    let deleting = |first, reason: &[u8], qos| {
        let mut net = Net::with(1, Settings::default());
        let peer = connect("me").on(&mut net);
        net.subscribe(peer, "t", qos);
        net.publish(peer, "t", "x", 2, 1);
        net.pubrel(peer, 1);
        net.log.clear();
        net.send_bytes(peer, &[&[first, 2 + reason.len() as u8, 0, 1], reason].concat());
        assert!(!net.is_open(peer));
        said(&net)[0].to_owned()
    };
    let mismatched = |what| format!("Protocol error from me: Mismatched {what} outgoing message.");
    assert_eq!(deleting(0x50, &[], 1), mismatched("QoS (1:2) when updating"));
    assert_eq!(deleting(0x50, &[0x80], 1), mismatched("QoS (1:2) when deleting"));
    assert_eq!(deleting(0x70, &[], 1), mismatched("QoS (1:2) when deleting"));
    assert_eq!(deleting(0x40, &[], 2), mismatched("QoS (2:1) when deleting"));
    assert_eq!(deleting(0x70, &[], 2), mismatched("state (5:9) when deleting"));
}

#[test]
fn a_message_that_was_taken_cannot_be_refused_any_more() {
    // [MQTT-4.3.3-4]: PUBREC has been answered with PUBREL.
    let mut net = Net::with(1, Settings::default());
    let peer = connect("me").on(&mut net);
    net.subscribe(peer, "t", 2);
    net.publish(peer, "t", "x", 2, 1);
    net.pubrel(peer, 1);
    net.pubrec(peer, 1);
    net.send_bytes(peer, b"\x50\x03\0\x01\x80");
    assert_eq!(net.got(peer).last().unwrap(), "DISCONNECT rc=0x82");
    let line = "Protocol error from me: Mismatched state (9:5) when deleting outgoing message.";
    assert_eq!(said(&net), [line]);
}

#[test]
fn a_refusal_of_what_is_not_known_is_ignored() {
    let mut net = Net::with(1, Settings::default());
    let peer = connect("me").on(&mut net);
    net.send_bytes(peer, b"\x50\x03\0\x01\x80");
    assert!(net.is_open(peer) && net.got(peer).is_empty() && said(&net).is_empty());
    net.pubrec(peer, 1);
    assert_eq!(said(&net), ["Warning: Received PUBREC from me for an unknown packet identifier 1."]);
}

#[test]
fn a_faulty_subscribe_or_unsubscribe() {
    let cases: [(bool, &[u8], &str); 11] = [
        (false, b"\x82\x05\0\x01\0\0\0", "Empty subscription string from 127.0.0.1, disconnecting."),
        (false, b"\x82\x07\0\x01\0\x02a+\0", "Invalid subscription string from 127.0.0.1, disconnecting."),
        (true, b"\x82\x07\0\x01\0\0\x01a\x03", "Invalid QoS in subscription command from 127.0.0.1, disconnecting."),
        (false, b"\x82\x06\0\x01\0\x01a\x04", "Invalid QoS in subscription command from 127.0.0.1, disconnecting."),
        (true, b"\x82\x07\0\x01\0\0\x01a\x40", "Protocol error from me: subscription options have reserved bits set."),
        (
            true,
            b"\x82\x0a\0\x01\x03\x13\0\x01\0\x01a\0",
            "Protocol error from me: SUBSCRIBE packet with invalid properties.",
        ),
        (
            true,
            b"\x82\x10\0\x01\0\0\x0a$share/g/a\x04",
            "Protocol error from me: $share subscription with no-local set.",
        ),
        (false, b"\xa2\x04\0\x01\0\0", "Empty unsubscription string from me, disconnecting."),
        (false, b"\xa2\x06\0\x01\0\x02a+", "Invalid unsubscription string from me, disconnecting."),
        (
            true,
            b"\xa2\x09\0\x01\x03\x13\0\x01\0\x01a",
            "Protocol error from me: UNSUBSCRIBE packet with invalid properties.",
        ),
        (false, b"\x82\x02\0\x01", "Protocol error from me: topic filter is missing."),
    ];
    for (v5, bytes, line) in cases {
        assert_eq!(later(v5, bytes), line);
    }
}

#[test]
fn a_faulty_disconnect() {
    let cases: [(&[u8], &str); 3] = [
        (b"\xe0\x03\0\0x", "DISCONNECT packet with overlong remaining length (2:3)."),
        (b"\xe0\x07\0\x05\x11\0\0\0\x07", "DISCONNECT packet with mismatched session-expiry-interval (0:7)."),
        (b"\xe0\x07\0\x05\x11\xff\xff\xff\xff", "DISCONNECT packet with mismatched session-expiry-interval (0:-1)."),
    ];
    for (bytes, text) in cases {
        assert_eq!(later(true, bytes), format!("Protocol error from me: {text}"));
    }
}

#[test]
fn packets_that_clients_do_not_send() {
    for (bytes, name) in [
        (&b"\x20\x02\0\0"[..], "CONNACK"),
        (b"\x90\x03\0\x01\0", "SUBACK"),
        (b"\xb0\x02\0\x01", "UNSUBACK"),
        (b"\xd0\0", "PINGRESP"),
    ] {
        assert_eq!(later(false, bytes), format!("Protocol error from me: {name} when not a bridge."));
    }
    assert_eq!(later(true, b"\0"), "Protocol error from 127.0.0.1:50000: RESERVED packet.");
    assert_eq!(later(true, b"\xf0\0"), "Protocol error from me: AUTH packet without existing auth-method.");
    assert_eq!(later(false, b"\xf0\0"), "Protocol error from me: AUTH packet when session not MQTT v5.0.");
}

#[test]
fn a_keep_alive_that_is_too_long_for_mqtt_3_is_noticed_last() {
    let mut net = Net::with(1, Settings { max_keepalive_s: 60, ..Settings::default() });
    assert_eq!(connect("me").v311().keep_alive(61).refused(&mut net), ["CONNACK present=0 rc=2"]);
    assert_eq!(net.log_with("New client connected from 127.0.0.1:50000 as me (p4, c1, k61).").len(), 1);
    let end = "Client me [127.0.0.1:50000] disconnected: bad socket read/write: Invalid input";
    assert_eq!(net.log.last().unwrap().text, end);
}

#[test]
fn a_client_that_may_not_connect_is_named() {
    let mut net = Net::with(1, Settings::default());
    let mut closed = Settings::default();
    closed.listeners[0].allow_anonymous = false;
    let mut shut = Net::with(1, closed);
    connect("me").refused(&mut shut);
    assert_eq!(shut.log_with("Sending CONNACK to me (0, 135)").len(), 1);
    connect("").refused(&mut shut);
    assert_eq!(shut.log_with("Sending CONNACK to 127.0.0.1 (0, 135)").len(), 1);
    assert_eq!(shut.log_with("Client me [127.0.0.1:50000] disconnected: not authorised.").len(), 1);
    // What is refused is seen though a client of MQTT 3 is not told.
    let peer = connect("me").v311().on(&mut net);
    net.publish(peer, "$SYS/x", "x", 1, 1);
    net.publish(peer, "a", "x", 1, 2);
    assert_eq!(net.log_with("Sending PUBACK to me (m1, rc135)").len(), 1);
    assert_eq!(net.log_with("Sending PUBACK to me (m2, rc0)").len(), 1);
}
