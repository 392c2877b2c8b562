//! What passes through, and who fails.

use super::{Desk, KEYS, Tunnel, connect};
use crate::harness::{Got, Setup, client};
use std::io::{Read, Write};
use std::net::Shutdown;

#[test]
pub(crate) fn a_listener_with_a_hint_lets_in_whoever_has_the_key_of_his_identity() {
    let Some(desk) = Desk::new(KEYS) else { return };
    let broker = desk.broker("");
    for (tunnel, id) in [(desk.alice(), "a"), (desk.bob(), "b")] {
        connect(&tunnel, &broker, id).ping();
        broker.log.wait_for(&format!("Client {id} negotiated TLSv1.2 cipher DHE-PSK-AES256-GCM-SHA384"));
    }
    assert_eq!(broker.log.count("TLS-PSK support available."), 1);
}

/// In both directions, between workers, and to many readers: bytes of every size come out as they went in.
#[test]
fn messages_of_all_sizes_pass() {
    let Some(desk) = Desk::new(KEYS) else { return };
    let broker = desk.broker("worker_threads 3");
    let mut readers: Vec<_> = (0..3).map(|n| connect(&desk.bob(), &broker, &format!("reader-{n}"))).collect();
    for reader in &mut readers {
        reader.subscribe("sizes", 1);
    }
    let mut writer = connect(&desk.alice(), &broker, "writer");
    let sizes = [0, 1, 100, 16_383, 16_384, 16_385, 40_000, 65_536, 131_072, 1_000_000, 1_900_000];
    for (round, size) in sizes.into_iter().enumerate() {
        let payload: Vec<u8> = (0..size).map(|at: usize| (at * 31 + round) as u8).collect();
        writer.publish("sizes", &payload, 1);
        for reader in &mut readers {
            assert!(reader.message().payload == payload, "{size} bytes");
        }
    }
}

/// What the socket does not take waits, encrypted, and nothing of it is lost or told twice.
#[test]
fn who_reads_late_gets_all() {
    const MESSAGES: u8 = 40;
    let Some(desk) = Desk::new(KEYS) else { return };
    let broker = desk.broker("");
    let mut late = connect(&desk.bob(), &broker, "late");
    late.subscribe("much", 1);
    let mut writer = connect(&desk.alice(), &broker, "writer");
    for n in 0..MESSAGES {
        writer.publish("much", vec![n; 700_000], 1);
    }
    writer.ping();
    for n in 0..MESSAGES {
        assert!(late.message().payload == vec![n; 700_000], "message {n}");
    }
}

#[test]
fn another_key_and_an_identity_that_nobody_knows_are_refused_alike_and_told_apart_in_the_log() {
    let Some(desk) = Desk::new(KEYS) else { return };
    let broker = desk.broker("");
    let wrong = desk.tunnel("alice", b"x").to(&broker).unwrap_err();
    let unknown = desk.tunnel("carol", b"x").to(&broker).unwrap_err();
    assert_eq!(wrong, unknown);
    broker.log.wait_for_several("disconnected: Protocol error.", 2);
    let reason = "decryption failed or bad record mac";
    let openssl = broker.log.wait_for_several("OpenSSL Error while trying to get the error[", 2);
    assert!(openssl.iter().any(|line| line.ends_with(reason)), "{openssl:?}");
    broker.log.wait_for(&format!(": PSK identity 'alice': {reason}."));
    broker.log.wait_for(&format!(": PSK identity 'carol' is not known: {reason}."));
    connect(&desk.alice(), &broker, "after").ping();
}

#[test]
fn a_client_that_ends_tls_without_mqtt_is_gone_and_its_will_is_published() {
    let Some(desk) = Desk::new(KEYS) else { return };
    let broker = desk.broker("");
    let mut watcher = connect(&desk.alice(), &broker, "watcher");
    watcher.subscribe("will", 0);
    let leaving = client("leaving").will("will", "gone", 0).over(desk.bob().to(&broker).unwrap());
    broker.log.wait_for("Client leaving negotiated");
    leaving.stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(watcher.message().text(), "gone");
    broker.log.wait_for("disconnected: connection closed by client.");
}

#[test]
fn a_client_without_tls_is_named_and_closed() {
    let Some(desk) = Desk::new(KEYS) else { return };
    let broker = desk.broker("");
    let mut stream = broker.dial();
    let from = stream.local_addr().unwrap();
    stream.write_all(&client("plain").bytes()).unwrap();
    // The end, without an alert: it would not be understood.
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert_eq!(answer, b"");
    broker.log.wait_for(&format!("Client from {from} appears not to be using TLS to connect to a TLS listener."));
    broker.log.wait_for(&format!("[{from}] disconnected: Protocol error."));
}

/// Whatever comes instead of a handshake, or in the middle of one, costs its sender's connection and nothing else.
#[test]
fn bytes_that_are_no_handshake_cost_only_their_sender() {
    let Some(desk) = Desk::new(KEYS) else { return };
    let broker = desk.broker("");
    let mut user = connect(&desk.alice(), &broker, "user");
    let long = [b"\x16\x03\x01\x40\x00".as_slice(), &[1; 16384]].concat().repeat(20);
    for bytes in [
        b"\x16\x03\x01\0\x05\x01\0\0\x01\0".as_slice(),
        b"\x16\x03\x01\xff\xff",
        b"\x15\x03\x03\0\x02\x02\x28",
        b"\x17\x03\x03\0\x01\0",
        b"\x80\x2e\x01\x03\x01",
        &[0; 1000],
        &[0xff; 10_000],
        &long,
    ] {
        let mut stream = broker.dial();
        // It may be closed before all is written.
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
        user.ping();
    }
}

#[test]
fn each_kind_of_tls_is_refused_at_the_port_of_the_other() {
    let Some(desk) = Desk::new(KEYS) else { return };
    let office = crate::tls::Office::new();
    let (psk, certificate) = (desk.broker(""), office.broker(""));
    assert!(desk.alice().to(&certificate).is_err());
    certificate.log.wait_for("TLS error of 127.0.0.1:");
    certificate.log.wait_for("disconnected: Protocol error.");
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        assert!(office.tunnel().version(version).to(&psk).is_err());
    }
    psk.log.wait_for_several("disconnected: Protocol error.", 2);
    psk.log.wait_for("SSL routines::no shared cipher");
    psk.log.wait_for("SSL routines::unsupported protocol");
    connect(&desk.alice(), &psk, "after").ping();
}

/// One with a certificate, one with keys, one with neither.
#[test]
fn listeners_of_all_kinds_stand_beside_each_other() {
    let Some(desk) = Desk::new(KEYS) else { return };
    let office = crate::tls::Office::new();
    let config = format!("{}\nlistener SECOND 127.0.0.1\nlistener_allow_anonymous true\n", desk.config(""));
    let second = office.config("").replace("PORT", "SECOND").replace("log_type all\n", "");
    let second = second.split_once("listener SECOND").unwrap().1;
    for (rest, inside) in [("", false), (second, true)] {
        let config = if inside { format!("{}\nlistener SECOND{rest}", desk.config("")) } else { config.clone() };
        let broker = Setup::config(&config).start();
        let mut with_keys = connect(&desk.alice(), &broker, "keys");
        with_keys.subscribe("topic", 1);
        let stream = if inside { office.tunnel().over(broker.dial_second()).unwrap() } else { broker.dial_second() };
        let mut other = client("other").over(stream);
        assert_eq!(other.next(), Got::ConnAck { present: false, reason: 0 });
        other.publish("topic", b"hello", 1);
        assert_eq!(with_keys.message().text(), "hello");
    }
}

#[test]
fn ciphers_chooses_among_those_of_openssl() {
    let Some(desk) = Desk::new(KEYS) else { return };
    let broker = desk.broker("ciphers PSK-AES128-GCM-SHA256:ECDHE-PSK-CHACHA20-POLY1305");
    // The broker's order counts.
    let key = [0, 0xc0, 0xff, 0xee];
    for (id, offered, chosen) in [
        ("first", "ECDHE-PSK-CHACHA20-POLY1305:PSK-AES128-GCM-SHA256", "PSK-AES128-GCM-SHA256"),
        ("second", "ECDHE-PSK-CHACHA20-POLY1305", "ECDHE-PSK-CHACHA20-POLY1305"),
    ] {
        connect(&Tunnel::with_ciphers(desk.openssl, "alice", &key, offered), &broker, id).ping();
        broker.log.wait_for(&format!("Client {id} negotiated TLSv1.2 cipher {chosen}"));
    }
    let none = Tunnel::with_ciphers(desk.openssl, "alice", &key, "DHE-PSK-AES256-GCM-SHA384");
    assert!(none.to(&broker).is_err());
}

#[test]
fn secrets_are_written_to_the_file_of_tls_keylog() {
    let Some(desk) = Desk::new(KEYS) else { return };
    let broker = Setup::config(&desk.config("")).argument("--tls-keylog").argument("DIR/keys").start();
    connect(&desk.alice(), &broker, "user").ping();
    let keys = std::fs::read_to_string(broker.directory().join("keys")).unwrap();
    let words: Vec<_> = keys.trim_end().split(' ').collect();
    assert!(words.len() == 3 && words[0] == "CLIENT_RANDOM" && words[2].len() == 96, "{keys}");
}
