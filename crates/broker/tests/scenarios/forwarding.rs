//! What a message is when it arrives: the same as when it was sent.

use crate::harness::{Net, connect, of_listener};
use mosquitto_broker::ListenerSettings;
use mosquitto_mqtt::Property::{
    self, ContentType, CorrelationData, MessageExpiryInterval, PayloadFormatIndicator, ReceiveMaximum, ResponseTopic,
    TopicAlias, UserProperty,
};
use mosquitto_mqtt::packet::SubscriptionOptions;

/// Everything that belongs to the message and not to its way.
const PROPERTIES: [Property<'static>; 8] = [
    UserProperty(("b", "1")),
    PayloadFormatIndicator(1),
    ContentType("\u{feff}text/\u{fc}"),
    UserProperty(("a", "2")),
    CorrelationData(b"\0\xff\x01"),
    UserProperty(("a", "2")),
    ResponseTopic("$answers//\u{fc}"),
    UserProperty(("", "")),
];

#[test]
fn properties_of_a_message_reach_every_subscriber_unaltered_and_in_order() {
    // [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18] [MQTT-3.3.2-20]
    let plain = PROPERTIES.to_vec();
    // Those that are not the message's own, in the midst of those that are; what is left of the interval goes last.
    let (mut mixed, mut lasting) = (plain.clone(), plain.clone());
    mixed.insert(3, MessageExpiryInterval(9));
    mixed.insert(1, TopicAlias(3));
    lasting.push(MessageExpiryInterval(9));
    for (sent, expected) in [(&plain, &plain), (&mixed, &lasting)] {
        let mut section = Vec::new();
        expected.iter().for_each(|property| property.encode(&mut section));
        let tail = [&[section.len() as u8], &section[..], b"payload"].concat();
        for qos in 0..3 {
            for bytes in arrived(qos, sent) {
                assert!(bytes.ends_with(&tail), "QoS {qos}: {bytes:x?}");
            }
        }
    }
}

/// What subscribers receive of a retained message with these properties: at once on every shard, later as one that was
/// retained, and above QoS 0 after they were away.
fn arrived(qos: u8, properties: &[Property<'_>]) -> Vec<Vec<u8>> {
    let mut net = Net::new();
    let publisher = connect("pub").on(&mut net);
    let ids: Vec<String> = (0..3).map(|shard| net.id_at_home_on("sub", shard)).collect();
    let mut subscribers: Vec<_> = ids.iter().map(|id| connect(id).on(&mut net)).collect();
    subscribers.iter().for_each(|&peer| net.subscribe(peer, "t", qos));
    let away = connect("away").keep_session(100).on(&mut net);
    net.subscribe(away, "t", qos);
    net.cut(away);
    net.send_publish(publisher, "t", b"payload", qos, 1, (true, false), properties);
    net.pubrel(publisher, 1);
    let later = connect("later").on(&mut net);
    net.subscribe(later, "t", qos);
    subscribers.push(later);
    let away = connect("away").keep_session(100).on(&mut net);
    if qos > 0 {
        subscribers.push(away);
    }
    subscribers.into_iter().map(|peer| net.got_bytes(peer)).collect()
}

#[test]
fn dup_says_whether_the_broker_has_sent_it_before_and_not_whether_the_publisher_has() {
    // [MQTT-3.3.1-3] [MQTT-3.3.1-1]
    let mut net = Net::new();
    let (publisher, peer) = (connect("pub").on(&mut net), connect("sub").keep_session(100).on(&mut net));
    net.subscribe(peer, "t", 2);
    for (dup, qos, id) in [(true, 1, 1), (true, 2, 2), (false, 1, 3), (false, 2, 4)] {
        net.send_publish(publisher, "t", b"x", qos, id, (false, dup), &[]);
        net.pubrel(publisher, id);
    }
    let expected = |dup| [(1, 1), (2, 2), (1, 3), (2, 4)].map(|(q, id)| format!(r#"PUBLISH q{q} id={id}{dup} t "x""#));
    assert_eq!(net.got(peer), expected(""));
    net.cut(peer);
    let peer = connect("sub").keep_session(100).on(&mut net);
    assert_eq!(net.got(peer), expected(" dup"));
}

#[test]
fn the_payload_format_is_sent_on_as_it_was_said_or_not_said() {
    // [MQTT-3.3.2-4]
    let mut net = Net::new();
    let (publisher, peer) = (connect("pub").on(&mut net), connect("sub").on(&mut net));
    net.subscribe(peer, "t", 0);
    for (list, shown) in [
        (&[][..], ""),
        (&[PayloadFormatIndicator(0)], " {payload-format-indicator=0}"),
        (&[PayloadFormatIndicator(1)], " {payload-format-indicator=1}"),
    ] {
        net.publish_with(publisher, "t", b"x", 0, 0, list);
        assert_eq!(net.got(peer), [format!(r#"PUBLISH q0 t "x"{shown}"#)]);
    }
}

#[test]
fn topics_arrive_as_they_were_sent_and_match_the_subscription() {
    // [MQTT-3.3.2-3] [MQTT-1.5.4-3]: a U+FEFF is part of the topic.
    let mut net = Net::new();
    let (publisher, peer) = (connect("pub").on(&mut net), connect("sub").on(&mut net));
    net.subscribe(peer, "+/x/#", 0);
    for topic in ["\u{feff}a/x", "a/x", "/x/y/z", "a/x/", "a/y", "x/a/x", "a/xx"] {
        net.publish(publisher, topic, "p", 0, 0);
    }
    let expected = ["\u{feff}a/x", "a/x", "/x/y/z", "a/x/"].map(|topic| format!(r#"PUBLISH q0 {topic} "p""#));
    assert_eq!(net.got(peer), expected);
}

#[test]
fn a_message_of_qos_0_has_no_identifier_and_none_has_properties_that_it_was_not_given() {
    // [MQTT-2.2.1-2] [MQTT-2.2.2-1] [MQTT-3.3.1-2]
    let mut net = Net::new();
    let (publisher, peer) = (connect("pub").on(&mut net), connect("sub").on(&mut net));
    net.subscribe(peer, "t", 1);
    net.publish(publisher, "t", "x", 0, 0);
    net.publish(publisher, "t", "x", 1, 9);
    assert_eq!(net.got_bytes(peer), b"\x30\x05\0\x01t\0x\x32\x07\0\x01t\0\x01\0x");
}

#[test]
fn a_message_of_qos_0_is_sent_without_dup_even_if_it_came_with_it() {
    // [MQTT-4.3.1-1] [MQTT-3.3.1-2] [MQTT-3.3.1-3]
    let mut net = Net::new();
    let (publisher, peer) = (connect("pub").on(&mut net), connect("sub").on(&mut net));
    net.subscribe(peer, "t", 0);
    net.publish_again(publisher, "t", "x", 1, 9);
    net.publish_again(publisher, "t", "y", 2, 9);
    net.pubrel(publisher, 9);
    assert_eq!(net.got_bytes(peer), b"\x30\x05\0\x01t\0x\x30\x05\0\x01t\0y");
}

#[test]
fn every_alias_up_to_the_maximum_that_was_announced_is_taken() {
    // [MQTT-3.3.2-12]
    for maximum in [1, 10, u16::MAX] {
        let mut net =
            Net::with(1, of_listener(ListenerSettings { max_topic_alias: maximum, ..ListenerSettings::default() }));
        let (peer, got) = connect("a").attempt(&mut net);
        assert!(got[0].contains(&format!("topic-alias-maximum={maximum}")), "{got:?}");
        net.subscribe(peer, "#", 0);
        for alias in (1..=maximum).step_by(usize::from(maximum / 15 + 1)).chain([maximum]) {
            net.publish_with(peer, &alias.to_string(), b"x", 0, 0, &[TopicAlias(alias)]);
            net.publish_with(peer, "", b"x", 0, 0, &[TopicAlias(alias)]);
            let line = format!(r#"PUBLISH q0 {alias} "x""#);
            assert_eq!(net.got(peer), [line.clone(), line]);
        }
    }
}

#[test]
fn a_window_that_is_used_up_holds_back_messages_only() {
    // [MQTT-3.3.4-10] [MQTT-3.3.4-9]
    let mut net = Net::new();
    let (publisher, peer) = (connect("pub").on(&mut net), connect("a").with(ReceiveMaximum(1)).on(&mut net));
    net.subscribe(peer, "t", 1);
    (1..=3).for_each(|id| net.publish(publisher, "t", "x", 1, id));
    assert_eq!(net.got(peer), [r#"PUBLISH q1 id=1 t "x""#]);
    net.ping(peer);
    net.publish(peer, "other", "x", 1, 1);
    net.publish(peer, "other", "x", 2, 2);
    net.pubrel(peer, 2);
    net.subscribe_with(peer, 3, "u", SubscriptionOptions::default(), &[]);
    net.unsubscribe(peer, 4, &["u"]);
    let answers = ["PINGRESP", "PUBACK 1 rc=0x10", "PUBREC 2", "PUBCOMP 2", "SUBACK 3 [0]", "UNSUBACK 4 [0]"];
    assert_eq!(net.got(peer), answers);
    net.pubrec(peer, 9);
    assert_eq!(net.got(peer), ["PUBREL 9"]);
}

#[test]
fn texts_that_are_not_utf_8_end_the_connection_of_their_publisher() {
    // [MQTT-3.3.2-1] [MQTT-3.3.2-13] [MQTT-3.3.2-19] [MQTT-1.5.7-1] [MQTT-1.5.4-1] [MQTT-1.5.4-2]
    let mut net = Net::new();
    let watcher = connect("watcher").on(&mut net);
    net.subscribe(watcher, "#", 0);
    for text in [&b"\0\x02\xc3\x28"[..], b"\0\x03\xed\xa0\x80", b"\0\x01\0"] {
        let (topic, good) = (&b"\0\x01t"[..], &b"\0\x01k"[..]);
        for (topic, property) in [
            (text, vec![]),
            (topic, [b"\x08", text].concat()),
            (topic, [b"\x03", text].concat()),
            (topic, [b"\x26", text, good].concat()),
            (topic, [b"\x26", good, text].concat()),
        ] {
            let body = [topic, &[property.len() as u8], &property].concat();
            let publisher = connect("pub").on(&mut net);
            net.send_bytes(publisher, &[&[0x30, body.len() as u8], &body[..]].concat());
            let got = (net.got(publisher), net.is_open(publisher));
            assert_eq!(got, (vec!["DISCONNECT rc=0x81".to_owned()], false), "{body:x?}");
        }
    }
    assert!(net.got(watcher).is_empty());
}
