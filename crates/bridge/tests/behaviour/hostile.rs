//! A broken or hostile remote broker costs its connection, and nothing else.

use crate::harness::Peer;
use mosquitto_bridge::{Limits, State};
use mosquitto_client::mqtt::{PacketType, QoS};
use proptest::prelude::*;

const QUIET: &str = "topic # both 2\nnotifications false\nbridge_attempt_unsubscribe false";

/// The connection is over, and another one is made after a pause.
fn costs_the_connection(mut peer: Peer, what: &str) {
    assert!(peer.effects().contains("close"), "{what}");
    assert!(matches!(peer.remote.report().state, State::BackingOff { .. }), "{what}");
    assert!(peer.remote.report().last_error.is_some(), "{what}");
    assert_eq!(peer.remote.received(peer.now, b"\x30\x05\0\x01tpp"), 7, "what comes later is of no use");
    assert!(!peer.events().contains("message"), "{what}");
    peer.sent();
    peer.wait();
    peer.connect(false, &[]);
}

#[test]
fn whatever_is_no_connack_ends_the_attempt() {
    for bytes in [
        &b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400"[..],
        b"\x20\x02\x02\0",
        b"\x20\x03\0\0\0",
        b"\x20\x00",
        b"\x20\x02\x01\x01",
        b"\x30\x05\0\x01tpp",
        b"\xd0\x00",
        b"\xff\xff\xff\xff\xff",
        b"\x16\x03\x01\x02\x00",
    ] {
        let mut peer = Peer::new(QUIET);
        peer.effects();
        peer.remote.opened(peer.now);
        peer.remote.received(peer.now, bytes);
        costs_the_connection(peer, &format!("{bytes:?}"));
    }
}

#[test]
fn a_silent_one_does_not_keep_the_bridge() {
    let mut peer = Peer::new(QUIET);
    peer.effects();
    peer.remote.opened(peer.now);
    assert_eq!(peer.wait(), 60_000);
    costs_the_connection(peer, "silence");
}

#[test]
fn packets_out_of_turn_end_the_connection() {
    for bytes in [
        &b"\x20\x02\0\0"[..],
        b"\x10\x00",
        b"\x82\x06\0\x01\0\x01a\0",
        b"\x90\x03\0\x63\0",
        b"\xb0\x02\0\x63",
        b"\xe0\x00",
        b"\x36\x07\0\x01t\0\x01pp",
        b"\x32\x05\0\x01t\0\0",
        b"\x30\x05\0\x01#pp",
        b"\x30\x02\0\0",
    ] {
        let mut peer = Peer::connected(QUIET);
        peer.remote.received(peer.now, bytes);
        costs_the_connection(peer, &format!("{bytes:?}"));
    }
}

#[test]
fn a_pubrel_before_its_pubrec_ends_the_connection() {
    let mut peer = Peer::connected(QUIET);
    peer.delivers("t", QoS::ExactlyOnce, 1, false);
    peer.ack(PacketType::PubRel, 1);
    peer.events();
    costs_the_connection(peer, "PUBREL");
}

#[test]
fn a_packet_that_is_too_large_ends_the_connection_before_it_is_there() {
    let mut peer = Peer::with(QUIET, Limits { max_packet_size: 1000, ..Limits::default() });
    peer.connect(false, &[]);
    assert_eq!(peer.remote.received(peer.now, b"\x30\xff\x7f"), 3);
    costs_the_connection(peer, "16383 bytes");
}

#[test]
fn acknowledgements_of_nothing_do_no_harm() {
    let mut peer = Peer::connected(QUIET);
    for kind in [PacketType::PubAck, PacketType::PubRec, PacketType::PubRel, PacketType::PubComp] {
        peer.ack(kind, 77);
    }
    assert!(peer.remote.is_connected());
    // This broker may know more than the bridge.
    assert_eq!(peer.events(), "released 77");
}

#[test]
fn answers_to_one_that_does_not_read_do_not_pile_up() {
    let mut peer = Peer::connected(QUIET);
    let pubrec = [0x50, 2, 0, 99];
    let taken = (0..1_000_000).take_while(|_| peer.remote.received(peer.now, &pubrec) > 0).count();
    assert!(taken < 200_000, "{taken}");
    assert!(peer.remote.output().len() < 600_000);
}

proptest! {
    #[test]
    fn any_bytes_are_survived(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..20),
        accepted in any::<bool>(),
    ) {
        let mut peer = if accepted { Peer::connected(QUIET) } else { Peer::new(QUIET) };
        let mut waiting = Vec::new();
        for chunk in chunks {
            if peer.effects().contains("open") {
                peer.remote.opened(peer.now);
                waiting.clear();
            }
            waiting.extend_from_slice(&chunk);
            let taken = peer.remote.received(peer.now, &waiting);
            prop_assert!(taken <= waiting.len());
            waiting.drain(..taken);
            peer.events();
            peer.wait_ms(500);
        }
        // And then it comes back.
        peer.breaks();
        for _ in 0..3 {
            if peer.effects().contains("open") {
                break;
            }
            peer.wait();
        }
        peer.remote.opened(peer.now);
        peer.sent();
        peer.connack(false, 0, &[]);
        prop_assert!(peer.remote.is_connected());
    }
}

/// As bridges of Mosquitto do, though servers have nothing to ask.
#[test]
fn a_ping_is_answered() {
    let mut peer = Peer::connected(QUIET);
    peer.remote.received(peer.now, b"\xc0\x00");
    assert_eq!(peer.remote.output(), b"\xd0\x00");
    assert!(peer.remote.is_connected());
}
