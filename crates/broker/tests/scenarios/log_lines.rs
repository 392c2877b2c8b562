//! What the broker says about its clients: the texts are Mosquitto's.

use crate::harness::{Net, connect};
use mosquitto_broker::{LogLevel, Settings};

#[test]
fn a_client_that_comes_and_goes() {
    let mut net = Net::with(1, Settings::default());
    let options = connect("me").keep_session(9).keep_alive(42).username("joe").will("w/t", "gone", 1, true);
    let peer = options.on(&mut net);
    net.disconnect(peer);
    let lines: Vec<(LogLevel, &str)> = net.log.iter().map(|line| (line.level, line.text.as_str())).collect();
    let expected = [
        (LogLevel::Notice, "New connection from 127.0.0.1:50000 on port 1883."),
        (LogLevel::Notice, "New client connected from 127.0.0.1:50000 as me (p5, c0, k42, u'joe')."),
        (LogLevel::Debug, "Will message specified (4 bytes) (r1, q1)."),
        (LogLevel::Debug, "\tw/t"),
        (LogLevel::Debug, "Sending CONNACK to me (0, 0)"),
        (LogLevel::Debug, "Received DISCONNECT from me"),
        (LogLevel::Notice, "Client me [127.0.0.1:50000] disconnected."),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_client_that_publishes_and_subscribes() {
    let mut net = Net::with(1, Settings::default());
    let peer = connect("me").v311().on(&mut net);
    net.log.clear();
    net.subscribe(peer, "a/+", 1);
    net.publish(peer, "a/b", "text", 1, 3);
    net.puback(peer, 1);
    net.unsubscribe(peer, 4, &["a/+"]);
    net.ping(peer);
    let lines: Vec<&str> = net.log.iter().map(|line| line.text.as_str()).collect();
    let expected = [
        "Received SUBSCRIBE from me",
        "\ta/+ (QoS 1)",
        "me 1 a/+",
        "Sending SUBACK to me",
        "Received PUBLISH from me (d0, q1, r0, m3, 'a/b', ... (4 bytes))",
        "Sending PUBLISH to me (d0, q1, r0, m1, 'a/b', ... (4 bytes))",
        "Sending PUBACK to me (m3, rc0)",
        "Received PUBACK from me (Mid: 1, RC:0)",
        "Received UNSUBSCRIBE from me",
        "\ta/+",
        "me a/+",
        "Sending UNSUBACK to me",
        "Received PINGREQ from me",
        "Sending PINGRESP to me",
    ];
    assert_eq!(lines, expected);
    let level = |text: &str| net.log.iter().find(|line| line.text == text).unwrap().level;
    assert_eq!((level("me 1 a/+"), level("me a/+")), (LogLevel::Subscribe, LogLevel::Unsubscribe));
}

#[test]
fn an_exchange_of_qos_2() {
    let mut net = Net::with(1, Settings::default());
    let peer = connect("me").on(&mut net);
    net.subscribe(peer, "t", 2);
    net.log.clear();
    net.publish(peer, "t", "", 2, 3);
    net.pubrel(peer, 3);
    net.pubrec(peer, 1);
    net.pubcomp(peer, 1);
    let lines: Vec<&str> = net.log.iter().map(|line| line.text.as_str()).collect();
    let expected = [
        "Received PUBLISH from me (d0, q2, r0, m3, 't', ... (0 bytes))",
        "Sending PUBREC to me (m3, rc0)",
        "Received PUBREL from me (Mid: 3)",
        "Sending PUBLISH to me (d0, q2, r0, m1, 't', ... (0 bytes))",
        "Sending PUBCOMP to me (m3)",
        "Received PUBREC from me (Mid: 1)",
        "Sending PUBREL to me (m1)",
        "Received PUBCOMP from me (Mid: 1, RC:0)",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_client_that_is_turned_away_or_denied() {
    let mut net = Net::with(1, Settings::default());
    connect("").v31().refused(&mut net);
    assert_eq!(net.log_with("Client 127.0.0.1 [127.0.0.1:50000] disconnected: protocol error.").len(), 1);
    assert_eq!(net.log_with("Sending CONNACK to 127.0.0.1 (0, 2)").len(), 1);
    let peer = connect("me").v31().on(&mut net);
    assert_eq!(net.log_with("as me (p3, c1, k0).").len(), 1);
    net.publish(peer, "$SYS/x", "x", 0, 0);
    assert_eq!(net.log_with("Denied PUBLISH from me (d0, q0, r0, m0, '$SYS/x', ... (1 bytes))").len(), 1);
    net.cut(peer);
    assert_eq!(net.log_with("Client me [127.0.0.1:50001] disconnected: connection closed by client.").len(), 1);
}

#[test]
fn a_faulty_packet_is_named() {
    let mut net = Net::with(1, Settings::default());
    let peer = connect("me").on(&mut net);
    net.send_bytes(peer, b"\x30\x04\0\x01#\0");
    assert_eq!(net.log_with("Protocol error from me: topic name holds a wildcard.").len(), 1);
    assert_eq!(net.log_with("Client me [127.0.0.1:50000] disconnected: malformed packet.").len(), 1);
}

#[test]
fn a_version_that_no_one_speaks_is_named() {
    let mut net = Net::with(1, Settings::default());
    let peer = net.dial(0);
    net.send_bytes(peer, b"\x10\x0c\0\x04MQTT\x06\0\0\0\0\0");
    assert_eq!(
        net.log_with("Protocol error from 127.0.0.1:50000: CONNECT with invalid protocol version (6).").len(),
        1
    );
}

#[test]
fn connection_messages_may_be_turned_off() {
    let mut net = Net::with(1, Settings { connection_messages: false, ..Settings::default() });
    for options in [connect("me"), connect("me").will("w", "", 0, false)] {
        let peer = options.on(&mut net);
        net.disconnect(peer);
    }
    let lines: Vec<&str> = net.log.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(lines, ["Sending CONNACK to me (0, 0)", "Received DISCONNECT from me"].repeat(2));
}

#[test]
fn no_line_is_broken_by_what_clients_send() {
    // Names with control characters are malformed, so they never get this far.
    let mut net = Net::with(1, Settings::default());
    for options in [connect("a\nb"), connect("a").username("x\ny"), connect("a").will("x\r", "", 0, false)] {
        options.refused(&mut net);
    }
    let peer = connect("me").on(&mut net);
    net.publish(peer, "a\u{85}b", "x", 0, 0);
    assert!(!net.is_open(peer));
    assert!(net.log.iter().all(|line| !line.text.trim_start_matches('\t').contains(char::is_control)));
}
