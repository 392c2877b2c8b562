//! Message expiry (MQTT 5, 3.3.2.3.3).

use crate::harness::{Net, connect};
use mosquitto_broker::{DropReason, Moment, Settings};
use mosquitto_mqtt::Property::{ContentType, MessageExpiryInterval, TopicAliasMaximum, UserProperty};
use mosquitto_mqtt::packet::SubscriptionOptions;

#[test]
fn what_is_left_of_the_interval_is_sent_on() {
    // [MQTT-3.3.2-6]
    let mut net = Net::new();
    let (publisher, peer) = (connect("pub").on(&mut net), connect("sub").keep_session(100).on(&mut net));
    net.subscribe(peer, "t", 1);
    net.cut(peer);
    net.publish_with(publisher, "t", b"x", 1, 1, &[MessageExpiryInterval(10)]);
    net.advance(7);
    let peer = connect("sub").keep_session(100).on(&mut net);
    assert_eq!(net.got(peer), [r#"PUBLISH q1 id=1 t "x" {message-expiry-interval=3}"#]);
}

#[test]
fn an_expired_message_is_not_delivered_but_uses_up_its_identifier() {
    // [MQTT-3.3.2-5]; Mosquitto gives identifiers out before it looks.
    let mut net = Net::new();
    let (publisher, peer) = (connect("pub").on(&mut net), connect("sub").keep_session(100).on(&mut net));
    net.subscribe(peer, "t", 1);
    net.cut(peer);
    net.publish_with(publisher, "t", b"expired", 1, 1, &[MessageExpiryInterval(10)]);
    net.publish_with(publisher, "t", b"kept", 1, 1, &[MessageExpiryInterval(11)]);
    net.advance(10);
    let peer = connect("sub").keep_session(100).on(&mut net);
    assert_eq!(net.got(peer), [r#"PUBLISH q1 id=2 t "kept" {message-expiry-interval=1}"#]);
    assert_eq!(net.dropped(DropReason::Expired), 1);
}

#[test]
fn it_expires_also_behind_a_closed_window() {
    let mut net = Net::with(2, Settings { max_inflight_messages: 1, ..Settings::default() });
    let (publisher, peer) = (connect("pub").on(&mut net), connect("sub").on(&mut net));
    net.subscribe(peer, "t", 1);
    net.publish(publisher, "t", "first", 1, 1);
    net.publish_with(publisher, "t", b"expired", 1, 1, &[MessageExpiryInterval(10)]);
    net.publish(publisher, "t", "third", 1, 1);
    net.advance(10);
    net.puback(peer, 1);
    assert_eq!(net.got(peer), [r#"PUBLISH q1 id=1 t "first""#, r#"PUBLISH q1 id=3 t "third""#]);
    assert_eq!(net.dropped(DropReason::Expired), 1);
}

#[test]
fn it_expires_also_where_it_would_be_sent_again() {
    let mut net = Net::new();
    let (publisher, peer) = (connect("pub").on(&mut net), connect("sub").keep_session(100).on(&mut net));
    net.subscribe(peer, "t", 2);
    net.publish_with(publisher, "t", b"expired", 1, 1, &[MessageExpiryInterval(10)]);
    net.publish(publisher, "t", "kept", 1, 1);
    net.cut(peer);
    net.advance(10);
    let peer = connect("sub").keep_session(100).on(&mut net);
    assert_eq!(net.got(peer), [r#"PUBLISH q1 id=2 dup t "kept""#]);
}

#[test]
fn a_message_of_qos_2_that_was_sent_does_not_expire() {
    // [MQTT-4.3.3-7]
    let mut net = Net::new();
    let (publisher, peer) = (connect("pub").on(&mut net), connect("sub").keep_session(100).on(&mut net));
    net.subscribe(peer, "t", 2);
    net.publish_with(publisher, "t", b"x", 2, 1, &[MessageExpiryInterval(10)]);
    net.pubrel(publisher, 1);
    assert_eq!(net.got(peer), [r#"PUBLISH q2 id=1 t "x" {message-expiry-interval=10}"#]);
    net.cut(peer);
    net.advance(11);
    let peer = connect("sub").keep_session(100).on(&mut net);
    assert_eq!(net.got(peer), [r#"PUBLISH q2 id=1 dup t "x" {message-expiry-interval=1}"#]);
    net.pubrec(peer, 1);
    assert_eq!(net.got(peer), ["PUBREL 1"]);
    assert_eq!(net.dropped(DropReason::Expired), 0);
}

#[test]
fn an_interval_of_0_is_none() {
    let mut net = Net::new();
    let (publisher, peer) = (connect("pub").on(&mut net), connect("sub").on(&mut net));
    net.subscribe(peer, "t", 0);
    net.publish_with(publisher, "t", b"x", 0, 0, &[MessageExpiryInterval(0)]);
    assert_eq!(net.got(peer), [r#"PUBLISH q0 t "x""#]);
}

#[test]
fn it_counts_from_the_arrival_of_a_message_of_qos_2() {
    let mut net = Net::new();
    let (publisher, peer) = (connect("pub").on(&mut net), connect("sub").on(&mut net));
    net.subscribe(peer, "t", 0);
    net.publish_with(publisher, "t", b"x", 2, 1, &[MessageExpiryInterval(10)]);
    net.advance(4);
    net.pubrel(publisher, 1);
    assert_eq!(net.got(peer), [r#"PUBLISH q0 t "x" {message-expiry-interval=6}"#]);
}

#[test]
fn the_brokers_own_properties_follow_the_publishers() {
    // [MQTT-3.3.2-17] [MQTT-3.3.2-18]
    let mut net = Net::new();
    let (publisher, peer) = (connect("pub").on(&mut net), connect("sub").with(TopicAliasMaximum(1)).on(&mut net));
    net.subscribe_options(peer, "t", SubscriptionOptions::default(), 4);
    let list = [UserProperty(("k", "2")), MessageExpiryInterval(9), ContentType("c"), UserProperty(("k", "1"))];
    net.publish_with(publisher, "t", b"x", 0, 0, &list);
    let expected = concat!(
        r#"PUBLISH q0 t "x" {user-property=("k", "2"), content-type=c, user-property=("k", "1"), "#,
        "message-expiry-interval=9, topic-alias=1, subscription-identifier=4}"
    );
    assert_eq!(net.got(peer), [expected]);
}

#[test]
fn a_shard_whose_clock_is_a_little_behind_makes_no_more_of_the_interval() {
    // The publisher's shard has seen a later moment than the subscriber's.
    let mut net = Net::new();
    let (publisher, id) = (connect(&net.id_at_home_on("pub", 0)).on(&mut net), net.id_at_home_on("sub", 1));
    let peer = connect(&id).on(&mut net);
    net.subscribe(peer, "t", 0);
    net.shards[0].begin(Moment(1_000_020));
    net.publish_with(publisher, "t", b"x", 0, 0, &[MessageExpiryInterval(10)]);
    assert_eq!(net.got(peer), [r#"PUBLISH q0 t "x" {message-expiry-interval=10}"#]);
}

#[test]
fn retained_messages_that_have_expired_are_forgotten_at_the_operators_interval() {
    let mut net = Net::with(3, Settings { retain_expiry_interval_min: 2, ..Settings::default() });
    // From every shard, also in front of wildcards, and more than one level deep.
    for shard in 0..3 {
        let publisher = connect(&net.id_at_home_on("pub", shard)).on(&mut net);
        for (topic, seconds) in [("a", 119), ("$b/c", 120), ("a/d", 121), ("e/f/g", 0)] {
            let (topic, expiry) = (format!("{topic}/{shard}"), MessageExpiryInterval(seconds));
            net.send_publish(publisher, &topic, b"x", 0, 0, (true, false), &[expiry]);
        }
    }
    for (seconds, left) in [(119, 12), (1, 6), (119, 6), (1, 3), (1000, 3)] {
        net.advance(seconds);
        assert_eq!(net.shared.retained_count(), left);
    }
    assert_eq!(net.dropped(DropReason::Expired), 0, "nobody was to get them");
}

#[test]
fn without_that_interval_they_stay_until_somebody_looks() {
    let mut net = Net::new();
    let peer = connect("a").on(&mut net);
    net.send_publish(peer, "t", b"x", 0, 0, (true, false), &[MessageExpiryInterval(1)]);
    net.advance(100_000);
    assert_eq!((net.shared.retained_count(), net.connections_and_deadlines()), (1, (1, 0)));
    net.subscribe(peer, "t", 0);
    assert_eq!((net.shared.retained_count(), net.got(peer).len()), (0, 0));
}
