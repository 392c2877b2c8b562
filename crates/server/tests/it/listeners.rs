//! Where the broker listens and whom it lets in.

use crate::harness::{Got, Scratch, Setup, client, free_port, mosquitto};
use mosquitto_mqtt::ProtocolVersion;
use std::net::{Ipv6Addr, TcpStream};

/// The listening TCP sockets of this port, as `/proc` has them: `ADDRESS:PORT` in hexadecimal digits.
pub(crate) fn listening(port: u16) -> Vec<String> {
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

pub(crate) fn has_ipv6() -> bool {
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

#[test]
pub(crate) fn socket_domain_leaves_one_version_of_ip() {
    let broker = Setup::config("listener PORT\nsocket_domain ipv4\n").start();
    assert_eq!(listening(broker.port()), [format!("00000000:{:04X}", broker.port())]);
    if has_ipv6() {
        let port = free_port();
        let text = format!("listener PORT 127.0.0.1\nlistener {port}\nsocket_domain ipv6\n");
        let _broker = Setup::config(&text).start();
        assert_eq!(listening(port), [format!("{}:{port:04X}", "0".repeat(32))]);
    }
}

#[test]
pub(crate) fn bind_interface_listens_on_all_addresses_of_the_interface_and_nowhere_else() {
    let broker = Setup::config("listener PORT\nbind_interface lo\n").start();
    let port = broker.port();
    let mut expected = vec![format!("0100007F:{port:04X}")];
    if has_ipv6() {
        expected.push(format!("{}01000000:{port:04X}", "0".repeat(24)));
    } else {
        assert_eq!(broker.log.count("Warning: Interface lo has no ipv6 address."), 1);
    }
    expected.sort();
    assert_eq!(listening(port), expected);
    let broker = Setup::config("listener PORT 127.0.0.1\nbind_interface lo\n").start();
    assert_eq!(listening(broker.port()), [format!("0100007F:{:04X}", broker.port())]);
}

#[test]
fn an_interface_or_version_of_ip_that_does_not_fit_is_named_and_exits_with_1() {
    for (listener, line) in [
        ("bind_interface no-such-one", "Error: Interface no-such-one does not exist."),
        // It is on the interface's net, but not its address.
        (" 127.0.0.9\nbind_interface lo", "Error: Interface lo does not have the address of listener '127.0.0.9'."),
        (" 127.0.0.1\nsocket_domain ipv6", "Error: Listener '127.0.0.1' has no ipv6 address."),
    ] {
        let scratch = Scratch::new();
        let host = if listener.starts_with(' ') { "" } else { "\n" };
        let text = format!("log_timestamp false\nlistener {}{host}{listener}\n", free_port());
        let refused = mosquitto(["-c", scratch.file("mosquitto.conf", &text).to_str().unwrap()]);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.stderr.iter().any(|written| written == line), "{refused:?}");
    }
}

#[test]
fn an_option_that_means_nothing_to_a_kind_of_listener_is_warned_of() {
    let broker = Setup::config(
        "listener PORT 127.0.0.1\nwebsockets_origin https://a\nproxy_protocol_v2_require_tls true\n\
         listener 0 DIR/x.sock\nsocket_domain ipv4\nbind_interface lo\n\
         listener SECOND 127.0.0.1\nprotocol websockets\nwebsockets_origin https://a\nsocket_domain ipv4\n\
         enable_proxy_protocol 2\nproxy_protocol_v2_require_tls true\n",
    )
    .start();
    let (tcp, unix) = (format!("{} 127.0.0.1", broker.port()), format!("0 {}/x.sock", broker.directory().display()));
    for (option, listener) in [
        ("websockets_origin", &tcp),
        ("proxy_protocol_v2_require_tls", &tcp),
        ("socket_domain", &unix),
        ("bind_interface", &unix),
    ] {
        let line = format!("Warning: The '{option}' option has no effect on listener {listener}.");
        assert_eq!(broker.log.count(&line), 1, "{:?}", broker.log.all());
    }
    assert_eq!(broker.log.count(" has no effect "), 4);
}
