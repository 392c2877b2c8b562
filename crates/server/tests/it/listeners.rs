//! Where the broker listens and whom it lets in.

use crate::harness::{Got, Setup, client};
use mosquitto_mqtt::ProtocolVersion;
use std::fmt::Write as _;
use std::net::{Ipv6Addr, TcpStream};

/// The listening TCP sockets of this port, as `/proc` has them: `ADDRESS:PORT` in hexadecimal digits.
fn listening(port: u16) -> Vec<String> {
    let mut found = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        // A kernel without IPv6 has no such table.
        let Ok(text) = std::fs::read_to_string(table) else { continue };
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            if fields[3] == "0A" && fields[1].ends_with(&format!(":{port:04X}")) {
                found.push(fields[1].to_owned());
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

fn has_ipv6() -> bool {
    std::net::TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok()
}

#[test]
fn local_only_mode_listens_on_loopback_and_lets_anonymous_clients_in() {
    let broker = Setup::local().start();
    let port = broker.port();
    let mut expected = vec![format!("0100007F:{port:04X}")];
    if has_ipv6() {
        let stream = TcpStream::connect((Ipv6Addr::LOCALHOST, port)).unwrap();
        stream.set_read_timeout(Some(crate::harness::PATIENCE)).unwrap();
        let mut over_ipv6 = client("over-ipv6").over(stream);
        assert_eq!(over_ipv6.next(), Got::ConnAck { present: false, reason: 0 });
        expected.push(format!("{}01000000:{port:04X}", "0".repeat(24)));
    }
    expected.sort();
    assert_eq!(listening(port), expected);
    client("over-ipv4").to(&broker).ping();
    assert_eq!(broker.log.count("Starting in local only mode."), 1);
}

/// `[MQTT-3.1.4-2]`
#[test]
fn a_configured_listener_refuses_anonymous_clients_by_default() {
    let broker = Setup::config("listener PORT 127.0.0.1\n").start();
    for (version, reason) in [(ProtocolVersion::V31, 5), (ProtocolVersion::V311, 5), (ProtocolVersion::V5, 0x87)] {
        let mut refused = client("anonymous").version(version).over(broker.dial());
        assert_eq!(refused.rest(), [Got::ConnAck { present: false, reason }]);
    }
    broker.log.wait_for_several("disconnected: not authorised.", 3);
}

#[test]
fn every_listener_has_its_own_word_about_anonymous_clients() {
    let other = crate::harness::free_port();
    let mut text = String::from("listener PORT 127.0.0.1\nlistener_allow_anonymous true\n");
    let _ = write!(text, "listener {other} 127.0.0.1\nlistener_allow_anonymous false\n");
    let broker = Setup::config(&text).start();
    client("in").to(&broker).ping();
    let stream = TcpStream::connect(("127.0.0.1", other)).unwrap();
    stream.set_read_timeout(Some(crate::harness::PATIENCE)).unwrap();
    assert_eq!(client("out").over(stream).rest(), [Got::ConnAck { present: false, reason: 0x87 }]);
}

#[test]
fn a_listener_without_address_listens_on_all_of_both_versions() {
    // Nobody is let in, since anybody might come.
    let broker = Setup::config("listener PORT\n").start();
    let port = broker.port();
    let mut expected = vec![format!("00000000:{port:04X}")];
    if has_ipv6() {
        expected.push(format!("{}:{port:04X}", "0".repeat(32)));
    }
    expected.sort();
    assert_eq!(listening(port), expected);
    assert_eq!(client("out").over(broker.dial()).rest(), [Got::ConnAck { present: false, reason: 0x87 }]);
}
