//! When a session ends.

use crate::harness::{Net, connect};
use mosquitto_broker::{DropReason, Settings};
use mosquitto_mqtt::Property;

#[test]
fn a_session_ends_when_its_interval_has_passed() {
    // [MQTT-4.1.0-1] [MQTT-4.1.0-2]
    // MQTT 5, 3.1.2.11.2
    let mut net = Net::new();
    let (peer, publisher) = (connect("a").keep_session(10).on(&mut net), connect("b").on(&mut net));
    net.subscribe(peer, "t", 1);
    net.advance(100);
    assert_eq!(net.session_count(), 2, "it does not run while the client is there");
    net.cut(peer);
    net.publish(publisher, "t", "x", 1, 1);
    net.advance(9);
    assert_eq!(net.session_count(), 2);
    net.advance(1);
    assert_eq!((net.session_count(), net.shared.subscription_count()), (1, 0));
    assert_eq!(net.log_with("Expiring client a due to timeout.").len(), 1);
    assert_eq!(net.dropped(DropReason::SessionEnded), 1);
    let (_, got) = connect("a").keep_session(10).attempt(&mut net);
    assert!(got[0].starts_with("CONNACK present=0"));
}

#[test]
fn a_return_in_time_stops_the_clock() {
    let mut net = Net::new();
    let peer = connect("a").keep_session(10).on(&mut net);
    net.cut(peer);
    net.advance(9);
    let (peer, got) = connect("a").keep_session(10).attempt(&mut net);
    assert!(got[0].starts_with("CONNACK present=1"));
    net.advance(100);
    assert!(net.is_open(peer));
    assert_eq!((net.session_count(), net.connections_and_deadlines()), (1, (1, 0)));
}

#[test]
fn some_sessions_never_end() {
    let mut net = Net::new();
    let peers = [connect("a").keep_session(u32::MAX).on(&mut net), connect("b").v311().resume().on(&mut net)];
    peers.into_iter().for_each(|peer| net.disconnect(peer));
    net.leap(100 * 365 * 86_400);
    assert_eq!((net.session_count(), net.connections_and_deadlines()), (2, (0, 0)));
}

#[test]
fn intervals_near_the_largest_do_not_overflow() {
    let mut net = Net::new();
    let peer = connect("a").keep_session(u32::MAX - 1).on(&mut net);
    net.cut(peer);
    net.leap(u64::from(u32::MAX) - 2);
    assert_eq!(net.session_count(), 1);
    net.leap(1);
    assert_eq!(net.session_count(), 0);
}

#[test]
fn a_disconnect_may_change_the_interval() {
    // MQTT 5, 3.14.2.2.2
    let mut net = Net::new();
    let peer = connect("a").keep_session(10).on(&mut net);
    net.disconnect_with(peer, 0, &[Property::SessionExpiryInterval(20)]);
    net.advance(19);
    assert_eq!(net.session_count(), 1);
    net.advance(1);
    assert_eq!(net.session_count(), 0);
    let peer = connect("a").keep_session(10).on(&mut net);
    net.disconnect_with(peer, 0, &[Property::SessionExpiryInterval(0)]);
    assert_eq!(net.session_count(), 0, "0 ends it at once");
}

#[test]
fn a_disconnect_cannot_keep_what_was_not_to_be_kept() {
    // MQTT 5, 3.14.2.2.2
    let mut net = Net::new();
    let peer = connect("a").on(&mut net);
    net.disconnect_with(peer, 0, &[Property::SessionExpiryInterval(1)]);
    assert_eq!(net.got(peer), ["DISCONNECT rc=0x82"]);
    assert_eq!((net.is_open(peer), net.session_count()), (false, 0));
}

#[test]
fn nothing_is_left_of_clients_that_came_and_went() {
    let mut net = Net::new();
    for n in 0..200 {
        let options = connect(&format!("c{n}")).keep_session(n % 5).keep_alive(10);
        let peer = options.will("w", "x", 1, false).will_with(Property::WillDelayInterval(n % 3)).on(&mut net);
        net.subscribe(peer, &format!("a/{n}/+"), 1);
        net.subscribe(peer, "$share/g/a/#", 1);
        if n % 2 == 0 { net.cut(peer) } else { net.disconnect(peer) }
    }
    net.advance(10);
    assert_eq!((net.session_count(), net.shared.subscription_count()), (0, 0));
    assert_eq!(net.connections_and_deadlines(), (0, 0));
}

#[test]
fn a_session_in_the_place_of_one_that_ended_has_its_own_deadlines() {
    let mut net = Net::with(1, Default::default());
    let (peer, watcher) = (connect("a").keep_session(10), connect("watcher").on(&mut net));
    net.subscribe(watcher, "w", 0);
    let peer = peer.will("w", "x", 0, false).will_with(Property::WillDelayInterval(5)).on(&mut net);
    net.cut(peer);
    let peer = connect("a").will("w", "y", 0, false).on(&mut net);
    assert_eq!(net.got(watcher), [r#"PUBLISH q0 w "x""#]);
    net.advance(20);
    assert!(net.is_open(peer) && net.got(watcher).is_empty());
    assert_eq!(net.session_count(), 2);
}

#[test]
fn a_session_with_very_many_subscriptions_goes_in_slices() {
    let mut net = Net::with(1, Default::default());
    let (peer, other) = (connect("a").v311().on(&mut net), connect("b").on(&mut net));
    let filters: Vec<u8> =
        (0..2500).flat_map(|n| [&b"\0\x04"[..], format!("{n:04}").as_bytes(), &[0]].concat()).collect();
    net.send_bytes(peer, &[&[0x82, 0xde, 0x88, 0x01, 0, 1][..], &filters].concat());
    assert_eq!((net.got_bytes(peer).len(), net.shared.subscription_count()), (2500 + 5, 2500));
    net.cut(peer);
    assert_eq!((net.session_count(), net.shared.subscription_count()), (1, 0));
    net.publish(other, "0001", "x", 1, 1);
    assert_eq!(net.got(other), ["PUBACK 1 rc=0x10"]);
}

#[test]
fn no_session_outlives_its_connection_for_longer_than_the_operator_allows() {
    for (options, seconds) in [
        (connect("a").keep_session(u32::MAX), 20),
        (connect("a").keep_session(21), 20),
        (connect("a").keep_session(19), 19),
        (connect("a").v311().resume(), 20),
        (connect("a").v31().resume(), 20),
    ] {
        let mut net = Net::with(2, Settings { persistent_client_expiration_s: 20, ..Settings::default() });
        let peer = options.on(&mut net);
        net.advance(30);
        net.cut(peer);
        net.advance(seconds - 1);
        assert_eq!(net.session_count(), 1);
        net.advance(1);
        assert_eq!((net.session_count(), net.connections_and_deadlines()), (0, (0, 0)));
    }
}

#[test]
fn a_session_without_expiry_ends_at_once_whatever_the_operator_allows() {
    let mut net = Net::with(1, Settings { persistent_client_expiration_s: 20, ..Settings::default() });
    for options in [connect("a"), connect("a").v311()] {
        let peer = options.on(&mut net);
        net.cut(peer);
        assert_eq!(net.session_count(), 0);
    }
}
