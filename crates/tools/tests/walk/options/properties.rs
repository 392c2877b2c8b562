//! `-D`: each property in each packet that it may be in, as it is on the wire, and refused in all others.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper fails the test that it serves")]

use super::bench::{Outcome, outcome};
use crate::harness::{Broker, PUB, SUB, Whose};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread::{self, JoinHandle};

/// The packets, each with its type (a will is part of CONNECT) and with the properties that it takes.
const PACKETS: &[(&str, u8, &[&str])] = &[
    (
        "connect",
        1,
        &[
            "authentication-data",
            "authentication-method",
            "maximum-packet-size",
            "receive-maximum",
            "request-problem-information",
            "request-response-information",
            "session-expiry-interval",
            "topic-alias-maximum",
            "user-property",
        ],
    ),
    (
        "publish",
        3,
        &[
            "content-type",
            "correlation-data",
            "message-expiry-interval",
            "payload-format-indicator",
            "response-topic",
            "topic-alias",
            "user-property",
        ],
    ),
    ("subscribe", 8, &["subscription-identifier", "user-property"]),
    ("unsubscribe", 10, &["user-property"]),
    ("disconnect", 14, &["reason-string", "server-reference", "session-expiry-interval", "user-property"]),
    (
        "will",
        1,
        &[
            "content-type",
            "correlation-data",
            "message-expiry-interval",
            "payload-format-indicator",
            "response-topic",
            "user-property",
            "will-delay-interval",
        ],
    ),
];

/// All properties, each with a value and with what that is on the wire.
const PROPERTIES: &[(&str, &[&str], &[u8])] = &[
    ("payload-format-indicator", &["1"], b"\x01\x01"),
    ("message-expiry-interval", &["305419896"], b"\x02\x12\x34\x56\x78"),
    ("content-type", &["text"], b"\x03\0\x04text"),
    ("response-topic", &["answers"], b"\x08\0\x07answers"),
    ("correlation-data", &["data"], b"\x09\0\x04data"),
    ("subscription-identifier", &["300"], b"\x0b\xac\x02"),
    ("session-expiry-interval", &["305419896"], b"\x11\x12\x34\x56\x78"),
    ("assigned-client-identifier", &["id"], b""),
    ("server-keep-alive", &["10"], b""),
    ("authentication-method", &["method"], b"\x15\0\x06method"),
    ("authentication-data", &["data"], b"\x16\0\x04data"),
    ("request-problem-information", &["1"], b"\x17\x01"),
    ("will-delay-interval", &["305419896"], b"\x18\x12\x34\x56\x78"),
    ("request-response-information", &["1"], b"\x19\x01"),
    ("response-information", &["text"], b""),
    ("server-reference", &["text"], b"\x1c\0\x04text"),
    ("reason-string", &["text"], b"\x1f\0\x04text"),
    ("receive-maximum", &["4660"], b"\x21\x12\x34"),
    ("topic-alias-maximum", &["4660"], b"\x22\x12\x34"),
    ("topic-alias", &["5"], b"\x23\0\x05"),
    ("maximum-qos", &["1"], b""),
    ("retain-available", &["1"], b""),
    ("user-property", &["name", "value"], b"\x26\0\x04name\0\x05value"),
    ("maximum-packet-size", &["305419896"], b"\x27\x12\x34\x56\x78"),
    ("wildcard-subscription-available", &["1"], b""),
    ("subscription-identifier-available", &["1"], b""),
    ("shared-subscription-available", &["1"], b""),
];

/// Stands between one client and the broker, and keeps what the client says.
fn recorder(broker: &Broker) -> (u16, JoinHandle<Vec<u8>>) {
    let (listener, port) = (TcpListener::bind(("127.0.0.1", 0)).unwrap(), broker.port);
    let own = listener.local_addr().unwrap().port();
    let recorded = thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut server = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (mut from, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        let downwards = thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Both);
        });
        let (mut said, mut some) = (Vec::new(), [0; 4096]);
        while let Ok(len @ 1..) = client.read(&mut some) {
            said.extend_from_slice(&some[..len]);
            // It may have gone away already.
            let _ = server.write_all(&some[..len]);
        }
        let _ = server.shutdown(Shutdown::Both);
        downwards.join().unwrap();
        said
    });
    (own, recorded)
}

/// The packets of one type in what was said; none of them is longer than 127 bytes.
fn packets(said: &[u8], kind: u8) -> Vec<&[u8]> {
    let (mut rest, mut found) = (said, Vec::new());
    while let [first, len, more @ ..] = rest {
        assert!(*len < 128, "a long packet");
        let (packet, others) = more.split_at(usize::from(*len));
        if first >> 4 == kind {
            found.push(packet);
        }
        rest = others;
    }
    found
}

fn command(packet: &str, port: u16) -> Command {
    let (program, arguments): (_, &[&str]) = match packet {
        "subscribe" | "unsubscribe" => (SUB, &["-t", "a", "-U", "b", "-E"]),
        "will" => (PUB, &["-t", "a", "-m", "b", "--will-topic", "w"]),
        _ => (PUB, &["-t", "a", "-m", "b"]),
    };
    let mut command = Command::new(program);
    command.env("XDG_CONFIG_HOME", "/nonexistent").args(["-h", "127.0.0.1", "-p", &port.to_string()]).args(arguments);
    command.stdin(Stdio::null());
    command
}

#[test]
fn each_property_is_in_its_packet() {
    for whose in [Whose::Ours, Whose::Debians] {
        let Some(broker) = Broker::of(whose, "allow_anonymous true\n") else { continue };
        for (packet, kind, takes) in PACKETS {
            for (property, value, bytes) in PROPERTIES.iter().filter(|(property, ..)| takes.contains(property)) {
                let (port, recorded) = recorder(&broker);
                let mut command = command(packet, port);
                if *property == "authentication-data" {
                    // It belongs to a method.
                    command.args(["-D", "connect", "authentication-method", "method"]);
                }
                let output = command.args(["-D", packet, property]).args(*value).output().unwrap();
                // The brokers know no such methods.
                let refused = property.starts_with("authentication");
                assert_eq!(output.status.success(), !refused, "{packet} {property} {output:?}");
                let said = recorded.join().unwrap();
                let sent = packets(&said, *kind);
                let found = sent.iter().any(|packet| packet.windows(bytes.len()).any(|part| part == *bytes));
                assert!(found, "{packet} {property}: {said:x?}");
            }
        }
    }
}

#[test]
fn no_property_is_taken_for_another_packet() {
    for (packet, _, takes) in PACKETS {
        for (property, value, _) in PROPERTIES.iter().filter(|(property, ..)| !takes.contains(property)) {
            // The port is never looked at.
            let mut command = command(packet, 1);
            command.args(["-D", packet, property]).args(*value);
            let known =
                if (*packet, *property) == ("publish", "subscription-identifier") { "supported" } else { "allowed" };
            let said = format!("Error: {property} property not {known} for {packet} in --property argument.\n\n");
            let name = if packet.ends_with("subscribe") { "sub" } else { "pub" };
            let said = format!("{said}\nUse 'mosquitto_{name} --help' to see usage.\n");
            assert_eq!(outcome(&mut command), Outcome::of(1, "", &said), "{packet} {property}");
        }
    }
}

/// [`PACKETS`] is what the original has; what documents say of ours comes from the programs.
#[test]
fn the_table_of_properties_is_that_of_the_programs() {
    let sorted = |packets: Vec<(&str, Vec<&'static str>)>| {
        let mut all: Vec<_> = packets
            .into_iter()
            .map(|(packet, mut properties)| {
                properties.sort_unstable();
                (packet.to_owned(), properties)
            })
            .collect();
        all.sort_unstable();
        all
    };
    let original = PACKETS.iter().map(|(packet, _, properties)| (*packet, properties.to_vec())).collect();
    assert_eq!(sorted(mosquitto_tools::option_table::properties()), sorted(original));
}
