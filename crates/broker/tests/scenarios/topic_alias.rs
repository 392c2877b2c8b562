//! Topic aliases (MQTT 5, 3.3.2.3.4).

use crate::harness::{Net, connect, of_listener};
use mosquitto_broker::{ListenerSettings, Settings};
use mosquitto_mqtt::Property::{MaximumPacketSize, TopicAlias, TopicAliasMaximum};

#[test]
fn an_alias_stands_for_the_topic_it_was_given_last() {
    // [MQTT-3.3.2-12]
    let mut net = Net::new();
    let (publisher, peer) = (connect("pub").on(&mut net), connect("sub").on(&mut net));
    net.subscribe(peer, "#", 0);
    for (topic, expected) in [("a", "a"), ("", "a"), ("b", "b"), ("", "b")] {
        net.publish_with(publisher, topic, b"x", 0, 0, &[TopicAlias(10)]);
        assert_eq!(net.got(peer), [format!(r#"PUBLISH q0 {expected} "x""#)]);
    }
    net.publish_with(publisher, "", b"x", 2, 1, &[TopicAlias(10)]);
    net.publish_with(publisher, "c", b"x", 0, 0, &[TopicAlias(10)]);
    net.pubrel(publisher, 1);
    assert_eq!(net.got(peer)[1], r#"PUBLISH q0 b "x""#, "what it stood for when the message came");
}

#[test]
fn an_alias_beyond_the_maximum_is_invalid() {
    // [MQTT-3.3.2-9]
    let mut net = Net::with(2, of_listener(ListenerSettings { max_topic_alias: 3, ..ListenerSettings::default() }));
    let peer = connect("a").on(&mut net);
    net.publish_with(peer, "t", b"x", 0, 0, &[TopicAlias(3)]);
    assert!(net.is_open(peer));
    net.publish_with(peer, "t", b"x", 0, 0, &[TopicAlias(4)]);
    assert_eq!((net.got(peer), net.is_open(peer)), (vec!["DISCONNECT rc=0x94".to_owned()], false));
    assert_eq!(net.log_with("disconnected: topic alias invalid.").len(), 1);
}

#[test]
fn aliases_end_with_their_connection() {
    // [MQTT-3.3.2-7]
    let mut net = Net::new();
    let peer = connect("a").keep_session(100).on(&mut net);
    net.publish_with(peer, "t", b"x", 0, 0, &[TopicAlias(1)]);
    let peer = connect("a").keep_session(100).on(&mut net);
    net.publish_with(peer, "", b"x", 0, 0, &[TopicAlias(1)]);
    assert_eq!(net.got(peer), ["DISCONNECT rc=0x82"]);
}

#[test]
fn the_first_topics_towards_a_client_get_as_many_as_it_takes() {
    // [MQTT-3.1.2-26] [MQTT-3.3.2-11]
    let mut net = Net::new();
    let (publisher, peer) = (connect("pub").on(&mut net), connect("sub").with(TopicAliasMaximum(2)).on(&mut net));
    net.subscribe(peer, "#", 0);
    ["a", "b", "c", "a", "c", "b"].iter().for_each(|topic| net.publish(publisher, topic, "x", 0, 0));
    let lines = ["a,1", "b,2", "c,", ",1", "c,", ",2"].map(|line| {
        let (topic, alias) = line.split_once(',').unwrap();
        let properties = if alias.is_empty() { String::new() } else { format!(" {{topic-alias={alias}}}") };
        format!(r#"PUBLISH q0 {topic} "x"{properties}"#)
    });
    assert_eq!(net.got(peer), lines);
}

#[test]
fn a_client_that_takes_none_gets_none() {
    // [MQTT-3.1.2-27]
    let mut net = Net::new();
    let (publisher, peer) = (connect("pub").on(&mut net), connect("sub").on(&mut net));
    net.subscribe(peer, "a", 0);
    net.publish(publisher, "a", "x", 0, 0);
    assert_eq!(net.got(peer), [r#"PUBLISH q0 a "x""#]);
}

#[test]
fn the_brokers_own_maximum_counts_too_and_a_reconnection_begins_anew() {
    let mut net =
        Net::with(2, of_listener(ListenerSettings { max_topic_alias_broker: 1, ..ListenerSettings::default() }));
    let publisher = connect("pub").on(&mut net);
    for _ in 0..2 {
        let peer = connect("sub").keep_session(100).with(TopicAliasMaximum(9)).on(&mut net);
        net.subscribe(peer, "#", 0);
        ["a", "b"].iter().for_each(|topic| net.publish(publisher, topic, "x", 0, 0));
        assert_eq!(net.got(peer), [r#"PUBLISH q0 a "x" {topic-alias=1}"#, r#"PUBLISH q0 b "x""#]);
    }
}

#[test]
fn an_alias_is_not_used_up_by_a_message_that_was_not_sent() {
    let mut net = Net::new();
    let options = connect("sub").with(TopicAliasMaximum(9)).with(MaximumPacketSize(40));
    let (publisher, peer) = (connect("pub").on(&mut net), options.on(&mut net));
    net.subscribe(peer, "#", 0);
    net.publish(publisher, "a", &"x".repeat(40), 0, 0);
    net.publish(publisher, "a", "x", 0, 0);
    assert_eq!(net.got(peer), [r#"PUBLISH q0 a "x" {topic-alias=1}"#]);
}

#[test]
fn a_new_alias_does_not_make_a_packet_too_large() {
    // [MQTT-3.1.2-24]: with its name alone the packet is as large as the client takes.
    let mut net = Net::new();
    let options = connect("sub").with(TopicAliasMaximum(2)).with(MaximumPacketSize(40));
    let (publisher, peer) = (connect("pub").on(&mut net), options.on(&mut net));
    net.subscribe(peer, "#", 0);
    net.publish(publisher, "topic", &"x".repeat(30), 0, 0);
    net.publish(publisher, "topic", "x", 0, 0);
    assert_eq!(
        net.got(peer),
        [format!(r#"PUBLISH q0 topic "{}""#, "x".repeat(30)), r#"PUBLISH q0 topic "x" {topic-alias=1}"#.to_owned()]
    );
}

#[test]
fn a_long_topic_is_work_also_where_an_alias_stands_for_it() {
    let mut net = Net::with(1, Settings::default());
    let peer = connect("a").on(&mut net);
    net.publish_with(peer, &"t".repeat(65_500), b"x", 0, 0, &[TopicAlias(1)]);
    let packet = b"\x31\x07\0\0\x03\x23\0\x01x";
    let received = net.received_at_once(peer, &packet.repeat(1000));
    assert_eq!(received.then, mosquitto_broker::Then::Busy);
    assert!((100..400).contains(&(received.consumed / packet.len())), "{}", received.consumed);
}
