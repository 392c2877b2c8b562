//! Keep alive: silence, and what breaks it.

use crate::harness::{Net, connect};
use mosquitto_broker::{Moment, Settings};

#[test]
fn one_and_a_half_keep_alives_of_silence_end_a_connection() {
    // [MQTT-3.1.2-22] [3.1.1 MQTT-3.1.2-24]
    let mut net = Net::new();
    let (five, three) =
        (connect("five").keep_alive(10).on(&mut net), connect("three").v311().keep_alive(10).on(&mut net));
    net.advance(14);
    assert!(net.is_open(five) && net.is_open(three));
    net.advance(1);
    assert!(!net.is_open(five) && !net.is_open(three));
    assert!(net.got(five).is_empty(), "a timeout is not announced");
    assert_eq!(net.log_with("disconnected: exceeded timeout.").len(), 2);
}

#[test]
fn any_packet_puts_the_end_off() {
    let mut net = Net::new();
    let peer = connect("a").keep_alive(10).on(&mut net);
    for _ in 0..5 {
        net.advance(14);
        net.publish(peer, "a", "x", 0, 0);
    }
    assert!(net.is_open(peer));
    net.advance(15);
    assert!(!net.is_open(peer));
}

#[test]
fn silence_before_connect_does_not_count() {
    let mut net = Net::new();
    let id = net.id_at_home_on("a", 0);
    let peer = net.dial(0);
    net.advance(5);
    net.send_bytes(peer, &connect(&id).keep_alive(3).bytes());
    net.advance(4);
    assert!(net.is_open(peer));
    net.advance(1);
    assert!(!net.is_open(peer));
}

#[test]
fn what_came_in_during_a_long_pause_is_read_before_silence_counts() {
    let mut net = Net::with(1, Settings::default());
    let (pinging, silent) = (connect("a").keep_alive(10).on(&mut net), connect("b").keep_alive(10).on(&mut net));
    let late = net.dial(0);
    net.leave_bytes(pinging, b"\xc0\0");
    net.leave_bytes(late, &connect("c").bytes());
    net.leap(40);
    assert!(net.is_open(pinging) && !net.is_open(silent) && net.is_open(late));
    assert_eq!(net.got(pinging), ["PINGRESP"]);
    net.leap(14);
    assert!(net.is_open(pinging));
    net.leap(1);
    assert!(!net.is_open(pinging));
}

#[test]
fn silence_ends_a_connection_in_the_second_tick_that_sees_it() {
    let mut net = Net::with(1, Settings::default());
    connect("a").keep_alive(10).on(&mut net);
    let (shard, later, mut closing) = (&mut net.shards[0], Moment(1_015_000), Vec::new());
    shard.begin(later);
    shard.end();
    shard.closing(&mut closing);
    assert_eq!((closing.len(), shard.next_deadline()), (0, Some(later)), "it looks again at once");
    shard.begin(later);
    shard.end();
    shard.closing(&mut closing);
    assert_eq!(closing.len(), 1);
}

#[test]
fn a_long_packet_under_way_puts_the_end_off_but_not_that_of_connect() {
    let mut net = Net::with(1, Settings::default());
    let (peer, opening) = (connect("a").keep_alive(10).on(&mut net), net.dial(0));
    for _ in 0..5 {
        net.advance(14);
        net.heard(peer);
        net.heard(opening);
    }
    assert!(net.is_open(peer) && !net.is_open(opening));
    net.advance(15);
    assert!(!net.is_open(peer));
}

#[test]
fn what_is_sent_to_a_client_is_no_sign_of_its_life() {
    let mut net = Net::new();
    let (peer, publisher) = (connect("a").keep_alive(10).on(&mut net), connect("b").on(&mut net));
    net.subscribe(peer, "a", 0);
    for _ in 0..15 {
        net.publish(publisher, "a", "x", 0, 0);
        net.advance(1);
    }
    assert!(!net.is_open(peer));
}

#[test]
fn no_keep_alive_means_no_end() {
    let mut net = Net::new();
    let peer = connect("a").keep_alive(0).on(&mut net);
    net.leap(1_000_000);
    assert!(net.is_open(peer));
    assert_eq!(net.connections_and_deadlines(), (1, 0));
}

#[test]
fn the_largest_keep_alive_does_not_overflow() {
    let mut net = Net::new();
    let peer = connect("a").keep_alive(65_535).on(&mut net);
    net.leap(98_302);
    assert!(net.is_open(peer));
    net.leap(1);
    assert!(!net.is_open(peer));
}

#[test]
fn pings_are_answered() {
    // [MQTT-3.12.4-1]
    let mut net = Net::new();
    let peer = connect("a").on(&mut net);
    net.ping(peer);
    net.ping(peer);
    assert_eq!(net.got(peer), ["PINGRESP", "PINGRESP"]);
}

#[test]
fn the_server_shortens_a_keep_alive_that_is_too_long() {
    // [MQTT-3.2.2-21]; none at all is too long as well.
    let mut net = Net::with(1, Settings { max_keepalive_s: 60, ..Settings::default() });
    for asked in [61, 0] {
        let (peer, got) = connect("a").keep_alive(asked).attempt(&mut net);
        assert!(got[0].contains("server-keep-alive=60"), "{got:?}");
        net.advance(89);
        assert!(net.is_open(peer));
        net.advance(1);
        assert!(!net.is_open(peer));
    }
    let (_, got) = connect("a").keep_alive(60).attempt(&mut net);
    assert!(!got[0].contains("server-keep-alive"));
}

#[test]
fn old_versions_are_refused_where_their_keep_alive_is_too_long() {
    let mut net = Net::with(1, Settings { max_keepalive_s: 60, ..Settings::default() });
    for asked in [61, 0] {
        assert_eq!(connect("a").v311().keep_alive(asked).refused(&mut net), ["CONNACK present=0 rc=2"]);
    }
    connect("a").v31().keep_alive(60).on(&mut net);
}
