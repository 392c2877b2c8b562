//! SUBSCRIBE and UNSUBSCRIBE.

use crate::harness::{Net, connect};
use mosquitto_mqtt::packet::{Subscribe, Subscription, SubscriptionOptions};
use mosquitto_mqtt::{Properties, Property, ProtocolVersion, QoS};

#[test]
fn each_filter_has_its_code_in_order() {
    // [MQTT-2.2.1-6]
    // [MQTT-3.8.4-5] [MQTT-3.8.4-6] [MQTT-3.9.3-1]
    // [MQTT-3.8.4-2] [MQTT-3.8.4-5] [MQTT-3.8.4-6] [MQTT-3.9.3-1]
    let mut net = Net::new();
    for options in [connect("a"), connect("b").v311(), connect("c").v31()] {
        let v5 = !options.bytes().ends_with(b"\x01b") && !options.bytes().ends_with(b"\x01c");
        let peer = options.on(&mut net);
        let head: &[u8] = if v5 { b"\x82\x0f\0\x09\0" } else { b"\x82\x0e\0\x09" };
        net.send_bytes(peer, &[head, b"\0\x01a\x02\0\x01b\0\0\x01a\x01"].concat());
        assert_eq!(net.got(peer), ["SUBACK 9 [2, 0, 1]"]);
    }
    assert_eq!(net.shared.subscription_count(), 6);
}

#[test]
fn a_message_comes_with_the_lower_qos() {
    // [MQTT-3.8.4-8]
    let mut net = Net::new();
    let publisher = connect("pub").on(&mut net);
    for granted in 0..3u8 {
        let peer = connect(&format!("sub{granted}")).on(&mut net);
        net.subscribe(peer, "t", granted);
        net.publish(publisher, "t", "x", 1, 1);
        assert!(net.got_first(peer).starts_with(&format!("PUBLISH q{}", granted.min(1))));
    }
}

#[test]
fn subscribing_again_replaces_qos_options_and_identifier() {
    // [MQTT-3.8.4-3]
    let mut net = Net::new();
    let (publisher, peer) = (connect("pub").on(&mut net), connect("sub").on(&mut net));
    net.subscribe_options(peer, "t", SubscriptionOptions::qos(QoS::AtLeastOnce), 7);
    net.publish(publisher, "t", "x", 1, 1);
    assert_eq!(net.got(peer), [r#"PUBLISH q1 id=1 t "x" {subscription-identifier=7}"#]);
    net.subscribe(peer, "t", 0);
    net.publish(publisher, "t", "x", 1, 1);
    assert_eq!(net.got(peer), [r#"PUBLISH q0 t "x""#]);
    assert_eq!(net.shared.subscription_count(), 1);
}

#[test]
fn overlapping_subscriptions_each_bring_the_message() {
    // [MQTT-3.3.4-2] [MQTT-3.3.4-3] [MQTT-3.3.4-5]: one copy for each, as MQTT 5, 3.3.4 allows. A single copy would
    // have to carry all identifiers [MQTT-3.3.4-4].
    let mut net = Net::new();
    let (publisher, peer) = (connect("pub").on(&mut net), connect("sub").on(&mut net));
    for (filter, qos, identifier) in [("#", 0, 1), ("a/+", 1, 2), ("a/b", 2, 268_435_455), ("+/b", 0, 0)] {
        net.subscribe_options(peer, filter, SubscriptionOptions::qos(QoS::from_bits(qos).unwrap()), identifier);
    }
    net.publish(publisher, "a/b", "x", 2, 1);
    net.pubrel(publisher, 1);
    let expected = [
        r#"PUBLISH q2 id=1 a/b "x" {subscription-identifier=268435455}"#,
        r#"PUBLISH q1 id=2 a/b "x" {subscription-identifier=2}"#,
        r#"PUBLISH q0 a/b "x""#,
        r#"PUBLISH q0 a/b "x" {subscription-identifier=1}"#,
    ];
    assert_eq!(net.got(peer), expected);
}

#[test]
fn an_unsubscription_says_for_each_filter_whether_there_was_one() {
    // [MQTT-2.2.1-6]
    // [MQTT-3.10.4-1] [MQTT-3.10.4-5] [MQTT-3.11.3-1]
    // [MQTT-3.10.4-4] [MQTT-3.10.4-6] [MQTT-3.10.4-1] [MQTT-3.10.4-5] [MQTT-3.11.3-1]
    let mut net = Net::new();
    let (five, three) = (connect("five").on(&mut net), connect("three").v311().on(&mut net));
    for peer in [five, three] {
        net.subscribe(peer, "a/+", 0);
        net.subscribe(peer, "$share/g/b", 0);
        net.unsubscribe(peer, 3, &["a/+", "a/b", "a/+", "b", "$share/g/b"]);
    }
    assert_eq!(net.got(five), ["UNSUBACK 3 [0, 17, 17, 17, 0]"]);
    assert_eq!(net.got(three), ["UNSUBACK 3 []"], "MQTT 3 says only that it is done");
    assert_eq!(net.shared.subscription_count(), 0);
}

#[test]
fn nothing_new_comes_after_an_unsubscription() {
    // [MQTT-3.10.4-2] [MQTT-3.10.4-3]: what was in flight is finished.
    let mut net = Net::new();
    let (publisher, peer) = (connect("pub").on(&mut net), connect("sub").on(&mut net));
    net.subscribe(peer, "t", 2);
    net.publish(publisher, "t", "x", 2, 1);
    net.pubrel(publisher, 1);
    net.unsubscribe(peer, 3, &["t"]);
    net.publish(publisher, "t", "y", 1, 2);
    net.pubrec(peer, 1);
    assert_eq!(net.got(peer), [r#"PUBLISH q2 id=1 t "x""#, "UNSUBACK 3 [0]", "PUBREL 1"]);
    assert!(net.got(publisher).contains(&"PUBACK 2 rc=0x10".to_owned()));
}

#[test]
fn a_publisher_that_subscribes_gets_its_own_messages() {
    let mut net = Net::new();
    let peer = connect("a").on(&mut net);
    net.subscribe(peer, "t", 1);
    net.publish(peer, "t", "x", 1, 5);
    let mut got = net.got(peer);
    got.sort();
    assert_eq!(got, ["PUBACK 5", r#"PUBLISH q1 id=1 t "x""#]);
}

#[test]
fn topics_are_compared_level_by_level_and_letter_by_letter() {
    // [MQTT-4.7.3-4]
    let mut net = Net::new();
    let peer = connect("a").on(&mut net);
    for (filter, topic, matches) in [
        ("sport/#", "sport", true),
        ("sport/+", "sport", false),
        ("sport/+", "sport/", true),
        ("+", "/finance", false),
        ("/+", "/finance", true),
        ("+/+", "/finance", true),
        ("Sport", "sport", false),
        ("a//b", "a/b", false),
        ("ü/+", "ü/x", true),
    ] {
        net.subscribe(peer, filter, 0);
        net.publish(peer, topic, "x", 0, 0);
        assert_eq!(net.got(peer).len(), usize::from(matches), "{filter} {topic}");
        net.unsubscribe(peer, 2, &[filter]);
        net.got(peer);
    }
}

#[test]
fn a_reply_that_is_larger_than_the_client_takes_ends_the_connection() {
    // [MQTT-3.1.2-24]
    let mut net = Net::new();
    let filters: Vec<String> = (0..40).map(|n| format!("t/{n}")).collect();
    let filters: Vec<&str> = filters.iter().map(String::as_str).collect();
    let peer = connect("a").with(Property::MaximumPacketSize(30)).on(&mut net);
    net.unsubscribe(peer, 1, &filters[..20]);
    assert_eq!(net.got(peer).len(), 1);
    net.unsubscribe(peer, 1, &filters);
    assert!(net.got(peer).is_empty() && !net.is_open(peer));
    let peer = connect("a").with(Property::MaximumPacketSize(30)).on(&mut net);
    let list = filters.iter().map(|filter| Subscription { filter, options: SubscriptionOptions::default() });
    let mut bytes = Vec::new();
    Subscribe::write(7, Properties::EMPTY, list, ProtocolVersion::V5, &mut bytes);
    net.send_bytes(peer, &bytes);
    assert!(net.got(peer).is_empty() && !net.is_open(peer));
}

#[test]
fn long_lists_are_granted_and_taken_back_whole() {
    let mut net = Net::new();
    let peer = connect("a").v311().on(&mut net);
    let filters: Vec<String> = (0..2500).map(|n| format!("t/{n}")).collect();
    let list = filters.iter().map(|filter| Subscription { filter, options: SubscriptionOptions::default() });
    let mut bytes = Vec::new();
    Subscribe::write(7, Properties::EMPTY, list, ProtocolVersion::V311, &mut bytes);
    net.send_bytes(peer, &bytes);
    assert_eq!(net.shared.subscription_count(), 2500);
    assert_eq!(net.got(peer), [format!("SUBACK 7 {:?}", vec![0; 2500])]);
    let filters: Vec<&str> = filters.iter().map(String::as_str).collect();
    net.unsubscribe(peer, 8, &filters);
    assert_eq!((net.got(peer), net.shared.subscription_count()), (vec!["UNSUBACK 8 []".to_owned()], 0));
}
