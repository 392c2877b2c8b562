//! Wills.

use crate::harness::{Net, Peer, connect};
use mosquitto_mqtt::Property::{self, ContentType, ResponseTopic, ServerReference};

/// A broker with a client that watches `will` at QoS 2.
fn watched() -> (Net, Peer) {
    let mut net = Net::new();
    let watcher = connect("watcher").on(&mut net);
    net.subscribe(watcher, "will", 2);
    (net, watcher)
}

const WILL: [&str; 1] = [r#"PUBLISH q0 will "gone""#];

#[test]
fn a_connection_that_breaks_publishes_the_will() {
    // [MQTT-3.1.2-8]
    let (mut net, watcher) = watched();
    let peer = connect("a").v311().will("will", "gone", 1, false).on(&mut net);
    net.cut(peer);
    assert_eq!(net.got(watcher), [r#"PUBLISH q1 id=1 will "gone""#]);
}

#[test]
fn so_does_every_end_but_a_normal_disconnect() {
    // [MQTT-3.14.4-3]
    let (mut net, watcher) = watched();
    let will = |net: &mut Net| connect("a").keep_alive(10).will("will", "gone", 0, false).on(net);
    let peer = will(&mut net);
    net.advance(15);
    assert_eq!((net.is_open(peer), net.got(watcher)), (false, WILL.map(String::from).to_vec()), "timeout");
    let peer = will(&mut net);
    net.send_bytes(peer, &[0x36, 0]);
    assert_eq!(net.got(watcher), WILL, "malformed packet");
    let peer = will(&mut net);
    net.disconnect_with(peer, 4, &[]);
    assert_eq!(net.got(watcher), WILL, "disconnect with will message");
}

#[test]
fn a_normal_disconnect_forgets_the_will() {
    // [MQTT-3.14.4-3] [MQTT-3.1.2-10]; the four lengths that a DISCONNECT of reason 0 can have
    let (mut net, watcher) = watched();
    for bytes in [&b"\xe0\0"[..], b"\xe0\x01\0", b"\xe0\x02\0\0", b"\xe0\x07\0\x05\x11\0\0\0\0"] {
        let peer = connect("a").will("will", "gone", 0, false).on(&mut net);
        net.send_bytes(peer, bytes);
        assert!(!net.is_open(peer));
    }
    let peer = connect("a").v311().will("will", "gone", 0, false).on(&mut net);
    net.disconnect(peer);
    let peer = connect("a").on(&mut net);
    net.cut(peer);
    assert!(net.got(watcher).is_empty());
}

#[test]
fn a_delayed_will_waits_from_the_end_of_the_connection() {
    // [MQTT-3.1.2-7] [MQTT-3.1.2-8] [MQTT-3.1.2-10]
    let (mut net, watcher) = watched();
    let options = connect("a").keep_session(100).will("will", "gone", 0, false);
    let peer = options.will_with(Property::WillDelayInterval(10)).on(&mut net);
    net.advance(50);
    net.cut(peer);
    net.advance(9);
    assert!(net.got(watcher).is_empty());
    net.advance(1);
    assert_eq!(net.got(watcher), WILL);
    net.advance(100);
    assert!(net.got(watcher).is_empty(), "once");
}

#[test]
fn a_delayed_will_is_forgotten_when_the_client_returns() {
    // [MQTT-3.1.3-9]
    let (mut net, watcher) = watched();
    let options = connect("a").keep_session(100).will("will", "gone", 0, false);
    let peer = options.will_with(Property::WillDelayInterval(10)).on(&mut net);
    net.cut(peer);
    net.advance(5);
    let peer = connect("a").keep_session(100).will("will", "another", 0, false).on(&mut net);
    net.advance(50);
    assert!(net.is_open(peer) && net.got(watcher).is_empty());
}

#[test]
fn the_end_of_the_session_cuts_the_delay_short() {
    // [MQTT-3.1.2-8]
    let (mut net, watcher) = watched();
    for (expiry, wait) in [(3, 3), (0, 0)] {
        let options = connect("a").keep_session(expiry).will("will", "gone", 0, false);
        let peer = options.will_with(Property::WillDelayInterval(10)).on(&mut net);
        net.cut(peer);
        net.advance(wait);
        assert_eq!(net.got(watcher), WILL);
    }
    let options = connect("a").keep_session(100).will("will", "gone", 0, false);
    let peer = options.will_with(Property::WillDelayInterval(10)).on(&mut net);
    net.cut(peer);
    connect("a").on(&mut net);
    assert_eq!(net.got(watcher), WILL, "a clean start ends it, too");
}

#[test]
fn a_will_may_be_retained_and_an_empty_one_clears() {
    // [MQTT-3.1.2-15]
    let (mut net, watcher) = watched();
    for (payload, kept) in [("gone", 1), ("", 0)] {
        let peer = connect("a").will("will", payload, 0, true).on(&mut net);
        net.cut(peer);
        assert_eq!(net.got(watcher), [format!("PUBLISH q0 will {payload:?}")]);
        assert_eq!(net.shared.retained_count(), kept);
    }
}

#[test]
fn properties_of_a_will_are_forwarded_in_order_without_its_delay() {
    // [MQTT-3.1.3-10]
    let (mut net, watcher) = watched();
    let peer = connect("a")
        .keep_session(100)
        .will("will", "gone", 0, false)
        .will_with(Property::UserProperty(("a", "1")))
        .will_with(Property::WillDelayInterval(1))
        .will_with(ContentType("text"))
        .will_with(Property::MessageExpiryInterval(60))
        .will_with(Property::UserProperty(("a", "2")))
        .on(&mut net);
    net.advance(30);
    net.cut(peer);
    net.advance(1);
    let properties =
        r#"{user-property=("a", "1"), content-type=text, user-property=("a", "2"), message-expiry-interval=60}"#;
    assert_eq!(net.got(watcher), [format!("{} {properties}", WILL[0])], "its lifetime begins when it is published");
}

#[test]
fn a_will_that_clients_may_not_publish_is_not() {
    let mut net = Net::new();
    let watcher = connect("watcher").on(&mut net);
    net.subscribe(watcher, "$SYS/#", 0);
    let peer = connect("a").will("$SYS/broker/uptime", "gone", 0, true).on(&mut net);
    net.cut(peer);
    assert!(net.got(watcher).is_empty());
    assert_eq!(net.shared.retained_count(), 0);
}

#[test]
fn a_will_reaches_subscribers_on_every_shard() {
    let mut net = Net::new();
    let watchers: Vec<Peer> = (0..3).map(|shard| connect(&net.id_at_home_on("w", shard)).on(&mut net)).collect();
    watchers.iter().for_each(|&watcher| net.subscribe(watcher, "will", 0));
    let peer = connect("a").will("will", "gone", 0, false).on(&mut net);
    net.cut(peer);
    assert!(watchers.iter().all(|&watcher| net.got(watcher) == WILL));
}

#[test]
fn all_wills_are_published_when_the_broker_stops() {
    let (mut net, watcher) = watched();
    connect("a").will("will", "gone", 0, false).on(&mut net);
    let delayed = connect("b").keep_session(100).will("will", "gone", 0, false);
    let peer = delayed.will_with(Property::WillDelayInterval(10)).on(&mut net);
    net.cut(peer);
    net.shards.iter_mut().for_each(mosquitto_broker::Shard::shut_down);
    net.run();
    assert_eq!(net.got(watcher), [WILL[0], WILL[0]]);
}

#[test]
fn a_network_error_publishes_the_will_and_is_named() {
    let (mut net, watcher) = watched();
    let peer = connect("a").will("will", "gone", 0, false).on(&mut net);
    net.break_with(peer, "Connection reset by peer");
    assert_eq!(net.got(watcher), WILL);
    assert_eq!(net.log_with("Client a [127.0.0.1:50001] disconnected: Connection reset by peer.").len(), 1);
}

#[test]
fn faulty_will_properties_are_answered() {
    // [MQTT-3.1.4-1]
    let mut net = Net::new();
    let twice = connect("a").will("w", "", 0, false).will_with(ContentType("x")).will_with(ContentType("x"));
    let misplaced = connect("b").will("w", "", 0, false).will_with(ServerReference("x"));
    let empty = connect("c").will("w", "", 0, false).will_with(ResponseTopic(""));
    for options in [twice, misplaced, empty] {
        let (peer, got) = options.attempt(&mut net);
        assert_eq!((got, net.is_open(peer)), (vec!["CONNACK present=0 rc=130".to_owned()], false));
    }
}
