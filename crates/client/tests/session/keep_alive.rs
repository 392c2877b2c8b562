//! PINGREQ, and silence.

use crate::harness::{Peer, V5, V311};
use mosquitto_client::mqtt::{Packet, Property, QoS};
use mosquitto_client::{End, Moment, Options};

fn with_keep_alive(keep_alive_s: u16) -> Peer {
    let mut options = Options::new(V5, "me");
    options.keep_alive_s = keep_alive_s;
    Peer::with(options)
}

#[test]
fn silence_is_broken_by_a_ping() {
    // [MQTT-3.1.2-20]
    let mut peer = with_keep_alive(10);
    peer.connect(false, &[]);
    assert_eq!(peer.session.next_deadline(), Some(Moment(11_000)));
    peer.wait_ms(9_999);
    assert!(peer.is_quiet());
    peer.wait_ms(1);
    assert_eq!(peer.sent(), "PINGREQ");
    peer.wait_ms(5_000);
    peer.server(Packet::PingResp);
    assert_eq!(peer.session.next_deadline(), Some(peer.now + 5_000));
    peer.wait_ms(5_000);
    assert_eq!(peer.sent(), "PINGREQ");
}

#[test]
fn a_client_that_only_sends_pings_as_well() {
    let mut peer = with_keep_alive(10);
    peer.connect(false, &[]);
    for _ in 0..9 {
        peer.wait_ms(1_000);
        peer.publish(QoS::AtMostOnce);
        assert_eq!(peer.sent(), "PUBLISH t q0");
    }
    peer.wait_ms(1_000);
    assert_eq!(peer.sent(), "PINGREQ");
}

#[test]
fn talk_in_both_directions_needs_no_ping() {
    let mut peer = with_keep_alive(10);
    peer.connect(false, &[]);
    for packet_id in 1..20 {
        peer.wait_ms(9_000);
        peer.deliver("t", QoS::AtLeastOnce, packet_id, &[]);
        peer.message();
        assert_eq!(peer.sent(), format!("PUBACK {packet_id}"));
    }
}

#[test]
fn a_ping_without_an_answer_ends_the_connection() {
    let mut peer = with_keep_alive(10);
    peer.connect(false, &[]);
    peer.wait_ms(10_000);
    peer.sent();
    peer.wait_ms(9_999);
    assert!(!peer.session.has_events());
    peer.wait_ms(1);
    assert_eq!(peer.end(), End::KeepAlive);
    assert_eq!(peer.session.next_deadline(), None);
}

#[test]
fn connack_has_to_come_in_time() {
    for (keep_alive_s, ms) in [(10, 10_000), (0, 60_000)] {
        let mut peer = with_keep_alive(keep_alive_s);
        peer.session.connect(peer.now);
        peer.sent();
        peer.wait_ms(ms - 1);
        assert!(peer.is_quiet());
        peer.wait_ms(1);
        assert_eq!(peer.end(), End::KeepAlive);
    }
}

#[test]
fn the_server_can_overrule_the_interval() {
    // [MQTT-3.1.2-21] [MQTT-3.2.2-21]
    let mut peer = with_keep_alive(60);
    peer.connect(false, &[Property::ServerKeepAlive(5)]);
    peer.wait_ms(5_000);
    assert_eq!(peer.sent(), "PINGREQ");
    let mut peer = with_keep_alive(60);
    peer.connect(false, &[Property::ServerKeepAlive(0)]);
    assert_eq!(peer.session.next_deadline(), None);
}

#[test]
fn no_keep_alive_is_no_ping() {
    let mut peer = with_keep_alive(0);
    peer.connect(false, &[]);
    assert_eq!(peer.session.next_deadline(), None);
    peer.wait_ms(1 << 40);
    assert!(peer.is_quiet());
}

#[test]
fn time_does_not_go_back() {
    let mut peer = Peer::connected(V311);
    peer.session.tick(Moment(5));
    peer.publish(QoS::AtMostOnce);
    peer.sent();
    assert_eq!(peer.session.next_deadline(), Some(Moment(61_000)));
}

#[test]
fn a_ping_that_was_not_asked_for_does_no_harm() {
    let mut peer = Peer::connected(V311);
    peer.server(Packet::PingResp);
    assert!(peer.is_quiet());
}
