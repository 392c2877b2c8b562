//! What hostile clients make the process hold, as the system counts it.
#![cfg(target_os = "linux")]

use crate::harness::{Broker, Got, Setup, client};
use mosquitto_mqtt::packet::Publish;
use mosquitto_mqtt::{PacketType, Properties, ProtocolVersion, QoS, put_varint};
use std::io::{Read, Write};
use std::net::TcpStream;

const MIB_IN_KIB: u64 = 1024;

/// The first bytes of a packet of this type that will be so long, and no more.
fn announcement(first_byte: u8, remaining_length: u32) -> Vec<u8> {
    let mut bytes = vec![first_byte];
    put_varint(&mut bytes, remaining_length);
    bytes.extend_from_slice(b"\0\x04MQTT\x05\x02\0\0\0\0\0");
    bytes
}

/// Reads until the broker closes the connection.
fn is_closed(mut stream: TcpStream) {
    let mut rest = Vec::new();
    if let Err(error) = stream.read_to_end(&mut rest) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "not closed");
    }
}

/// Fourteen connections that announce 240 MB each before they have said who they are. Another broker reserved it all.
#[test]
fn a_huge_length_announced_before_connect_reserves_nothing() {
    const ANNOUNCED: u32 = 240_000_000;
    let broker = Broker::open("worker_threads 2\nmax_packet_size 268435455");
    // Each worker has served somebody before anything is measured.
    (0..8).for_each(|n| drop(client(&format!("warm-{n}")).to(&broker)));
    let before = broker.virtual_peak_kib();
    let mut held = Vec::new();
    for first_byte in [0x10, 0x10, 0x10, 0x30, 0x82, 0xf0, 0xe0] {
        for _ in 0..2 {
            let mut stream = broker.dial();
            stream.write_all(&announcement(first_byte, ANNOUNCED)).unwrap();
            held.push(stream);
        }
    }
    held.into_iter().for_each(is_closed);
    let grown = broker.virtual_peak_kib().saturating_sub(before);
    assert!(grown <= 20 * MIB_IN_KIB, "{grown} KiB");
}

/// The same behind a CONNECT, where such a packet may come if `max_packet_size` says so.
#[test]
fn a_huge_length_announced_after_connect_reserves_nothing_either() {
    let broker = Broker::open("worker_threads 2\nmax_packet_size 268435455");
    let mut witness = client("witness").to(&broker);
    (0..8).for_each(|n| drop(client(&format!("warm-{n}")).to(&broker)));
    let before = broker.virtual_peak_kib();
    let held: Vec<_> = (0..14)
        .map(|n| {
            let mut announcer = client(&format!("announcer-{n}")).to(&broker);
            announcer.send_bytes(&announcement(0x30, 240_000_000));
            announcer
        })
        .collect();
    witness.send_bytes(&[0xc0, 0]);
    assert_eq!(witness.next(), Got::PingResp);
    let grown = broker.virtual_peak_kib().saturating_sub(before);
    assert!(grown <= 20 * MIB_IN_KIB, "{grown} KiB for {} connections", held.len());
}

/// A will and properties are taken apart before it is known that their client is not let in.
#[test]
fn connects_that_are_refused_leave_no_memory_behind() {
    let broker = Setup::config("listener PORT 127.0.0.1\nallow_anonymous false\nworker_threads 2\n").start();
    let payload = "x".repeat(10_000);
    let knock = |count: usize| {
        for n in 0..count {
            let mut refused = client(&format!("refused-{n}-{}", &payload[..500]))
                .will("will/topic", &payload, 2)
                .will_delay(100)
                .persistent()
                .over(broker.dial());
            assert_eq!(refused.next(), Got::ConnAck { present: false, reason: 0x87 });
            assert_eq!(refused.rest(), []);
        }
    };
    knock(200);
    let before = broker.resident_kib();
    knock(2000);
    let grown = broker.resident_kib().saturating_sub(before);
    assert!(grown <= 4 * MIB_IN_KIB, "{grown} KiB of the 20 MiB that were sent");
}

/// A client that uses its identifiers again and again without releasing any message.
#[test]
fn messages_that_are_never_released_do_not_pile_up() {
    let broker = Broker::open("worker_threads 1\nmax_inflight_messages 20");
    let mut careless = client("careless").to(&broker);
    let mut publish = |rounds: u32| {
        for round in 0..rounds {
            let payload = format!("{round:010000}").into_bytes();
            let mut bytes = Vec::new();
            for packet_id in 1..=20 {
                let (qos, topic, properties) = (QoS::ExactlyOnce, "t", Properties::EMPTY);
                Publish { dup: false, qos, retain: false, topic, packet_id, properties, payload: &payload }
                    .encode(ProtocolVersion::V5, &mut bytes);
            }
            careless.send_bytes(&bytes);
            (1..=20).for_each(|id| assert_eq!(careless.next(), Got::Ack(PacketType::PubRec, id, 0)));
        }
    };
    publish(10);
    let before = broker.resident_kib();
    publish(100);
    let grown = broker.resident_kib().saturating_sub(before);
    assert!(grown <= 4 * MIB_IN_KIB, "{grown} KiB of the 20 MiB that were sent");
}

/// Where it was gathered it is kept: a copy would be felt, in memory and in the time that all others wait.
#[test]
fn a_long_message_stands_in_memory_once() {
    const LEN: usize = 48 << 20;
    let broker = Broker::open("worker_threads 1\nmax_packet_size 268435455");
    let mut publisher = client("publisher").to(&broker);
    let before = broker.resident_peak_kib();
    let payload = vec![7; LEN];
    let mut bytes = Vec::new();
    let (qos, topic, packet_id, properties) = (QoS::AtLeastOnce, "long", 1, Properties::EMPTY);
    Publish { dup: false, qos, retain: true, topic, packet_id, properties, payload: &payload }
        .encode(ProtocolVersion::V5, &mut bytes);
    publisher.send_bytes(&bytes);
    assert_eq!(publisher.next(), Got::Ack(PacketType::PubAck, 1, 0x10));
    let grown = broker.resident_peak_kib().saturating_sub(before);
    let len = (LEN >> 10) as u64;
    assert!(grown >= len && grown <= len + 12 * MIB_IN_KIB, "{grown} KiB for a message of {len}");
}
