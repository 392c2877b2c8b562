//! What passes through TLS, and who fails at it.

use super::Office;
use crate::harness::{Client, Got, PATIENCE, client};
use rustls::version::{TLS12, TLS13};
use std::io::{Read, Write};
use std::net::Shutdown;

fn connect(stream: std::net::TcpStream, id: &str) -> Client {
    let mut client = client(id).over(stream);
    assert_eq!(client.next(), Got::ConnAck { present: false, reason: 0 });
    client
}

#[test]
pub(crate) fn a_listener_with_certificate_and_key_speaks_tls_1_2_and_1_3() {
    let office = Office::new();
    let broker = office.broker("");
    for (version, id, negotiated) in [
        (&TLS12, "old", "TLSv1.2 cipher ECDHE-ECDSA-AES256-GCM-SHA384"),
        (&TLS13, "new", "TLSv1.3 cipher TLS_AES_256_GCM_SHA384"),
    ] {
        connect(office.tunnel().version(version).to(&broker).unwrap(), id).ping();
        broker.log.wait_for(&format!("Client {id} negotiated {negotiated}"));
    }
}

#[test]
fn a_server_has_a_key_of_any_kind() {
    let office = Office::new();
    for (kind, group) in [
        (&rcgen::PKCS_RSA_SHA256, "RSA"),
        (&rcgen::PKCS_ECDSA_P384_SHA384, "ECDSA"),
        (&rcgen::PKCS_ECDSA_P521_SHA512, "ECDSA"),
        (&rcgen::PKCS_ED25519, "ECDSA"),
    ] {
        let server = office.authority.server_with(&rcgen::KeyPair::generate_for(kind).unwrap());
        office.file("server.crt", &server.pem);
        office.file("server.key", &server.key);
        let broker = office.broker("");
        connect(office.tunnel().version(&TLS12).to(&broker).unwrap(), "old").ping();
        broker.log.wait_for(&format!("Client old negotiated TLSv1.2 cipher ECDHE-{group}-AES256-GCM-SHA384"));
        connect(office.tunnel().version(&TLS13).to(&broker).unwrap(), "new").ping();
    }
}

/// In both directions, between workers, and to many readers: bytes of every size come out as they went in.
#[test]
fn messages_of_all_sizes_pass() {
    let office = Office::new();
    let broker = office.broker("worker_threads 3");
    for version in [&TLS12, &TLS13] {
        let tunnel = office.tunnel().version(version);
        let mut readers: Vec<_> =
            (0..4).map(|n| connect(tunnel.to(&broker).unwrap(), &format!("reader-{n}"))).collect();
        for reader in &mut readers {
            reader.subscribe("sizes", 1);
        }
        let mut writer = connect(tunnel.to(&broker).unwrap(), "writer");
        let sizes = [0, 1, 100, 16_383, 16_384, 16_385, 40_000, 65_536, 1_000_000, 1_900_000];
        for (round, size) in sizes.into_iter().enumerate() {
            let payload: Vec<u8> = (0..size).map(|at: usize| (at * 31 + round) as u8).collect();
            writer.publish("sizes", &payload, 1);
            for reader in &mut readers {
                assert!(reader.message().payload == payload, "{size} bytes");
            }
        }
    }
}

#[test]
fn a_client_that_ends_tls_without_mqtt_is_gone_and_its_will_is_published() {
    let office = Office::new();
    let broker = office.broker("");
    let mut watcher = connect(office.tunnel().to(&broker).unwrap(), "watcher");
    watcher.subscribe("will", 0);
    let leaving = client("leaving").will("will", "gone", 0).over(office.tunnel().to(&broker).unwrap());
    broker.log.wait_for("Client leaving negotiated");
    leaving.stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(watcher.message().text(), "gone");
    broker.log.wait_for("disconnected: connection closed by client.");
}

#[test]
fn a_client_without_tls_is_named_and_closed() {
    let office = Office::new();
    let broker = office.broker("");
    let plain = client("plain");
    let mut stream = broker.dial();
    let from = stream.local_addr().unwrap();
    stream.write_all(&plain.bytes()).unwrap();
    // The alert, and then the end.
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert_eq!(answer.first(), Some(&0x15), "{answer:?}");
    broker.log.wait_for(&format!("Client from {from} appears not to be using TLS to connect to a TLS listener."));
    broker.log.wait_for(&format!("[{from}] disconnected: Protocol error."));
}

#[test]
fn a_client_that_does_not_trust_the_server_is_named_with_the_reason() {
    let office = Office::new();
    let broker = office.broker("");
    let stranger = super::Tunnel::trusting(&super::Authority::new("Somebody Else").pem);
    let error = stranger.to(&broker).unwrap_err();
    assert!(error.contains("UnknownIssuer"), "{error}");
    broker.log.wait_for("TLS error of 127.0.0.1:");
    broker.log.wait_for("received fatal alert: UnknownCA.");
    connect(office.tunnel().to(&broker).unwrap(), "after").ping();
}

/// Whatever comes instead of a handshake, or in the middle of one, costs its sender's connection and nothing else.
#[test]
fn broken_handshakes_cost_their_senders_only() {
    let office = Office::new();
    let broker = office.broker("");
    let mut hello = Vec::new();
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let mut tls = rustls::ClientConnection::new(std::sync::Arc::new(office.tunnel().config()), name).unwrap();
    tls.write_tls(&mut hello).unwrap();
    let mut user = connect(office.tunnel().to(&broker).unwrap(), "user");
    for round in 0..200 {
        let mut bytes = hello.clone();
        let at = (round * 7919) % bytes.len();
        match round % 4 {
            0 => bytes[at] ^= 1 << (round % 8),
            1 => bytes.truncate(at),
            2 => bytes.extend_from_slice(&hello),
            _ => bytes.splice(at..at, [0x17, 3, 3, 0xFF, 0xFF]).for_each(drop),
        }
        let mut stream = broker.dial();
        // The broker may have had enough before all is written.
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
    }
    user.ping();
    connect(office.tunnel().to(&broker).unwrap(), "after").ping();
}

/// A handshake that comes in single bytes is one all the same.
#[test]
fn a_handshake_in_small_pieces_succeeds() {
    let office = Office::new();
    let broker = office.broker("");
    let mut socket = broker.dial();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let mut tls = rustls::ClientConnection::new(std::sync::Arc::new(office.tunnel().config()), name).unwrap();
    tls.writer().write_all(&client("small").bytes()).unwrap();
    let mut answer = [0; 2];
    loop {
        let mut out = Vec::new();
        while tls.wants_write() {
            tls.write_tls(&mut out).unwrap();
        }
        for byte in out {
            socket.write_all(&[byte]).unwrap();
        }
        if tls.is_handshaking() || tls.reader().read(&mut answer).is_err() {
            tls.read_tls(&mut socket).unwrap();
            tls.process_new_packets().unwrap();
        } else {
            break;
        }
    }
    assert_eq!(answer[0], 0x20);
}
