//! Which topics and filters there are, and what MQTT 3.1.1 has in SUBSCRIBE and UNSUBSCRIBE.

use crate::harness::{Net, connect, field, packet};

/// Whether the broker goes on with a client of MQTT 3.1.1 that sent these bytes.
fn taken(net: &mut Net, bytes: &[u8]) -> bool {
    let peer = connect("a").v311().on(net);
    net.send_bytes(peer, bytes);
    let (open, got) = (net.is_open(peer), net.got(peer));
    assert!(open || got.is_empty(), "closed with {got:?}");
    open
}

#[test]
fn wildcards_stand_where_they_may_or_the_connection_ends() {
    // [3.1.1 MQTT-4.7.1-2] [3.1.1 MQTT-4.7.1-3] [3.1.1 MQTT-4.7.3-1]
    let mut net = Net::new();
    for (filter, good) in [
        ("#", true),
        ("a/#", true),
        ("/#", true),
        ("+/#", true),
        ("a#", false),
        ("a/#/b", false),
        ("#/", false),
        ("a/b#", false),
        ("##", false),
        ("+", true),
        ("+/+", true),
        ("a/+/b", true),
        ("/+", true),
        ("a+", false),
        ("+a", false),
        ("a/b+/c", false),
        ("++", false),
        ("+#", false),
        ("/", true),
        (" ", true),
        ("", false),
    ] {
        let field = field(filter.as_bytes());
        assert_eq!(taken(&mut net, &packet(0x82, &[b"\0\x01", &field, b"\0"])), good, "{filter:?}");
        assert_eq!(taken(&mut net, &packet(0xa2, &[b"\0\x01", &field])), good, "{filter:?}");
    }
}

#[test]
fn a_topic_name_has_no_wildcards_and_is_not_empty() {
    // [3.1.1 MQTT-3.3.2-2] [3.1.1 MQTT-4.7.1-1] [3.1.1 MQTT-4.7.3-1] [3.1.1 MQTT-4.8.0-1]
    let mut net = Net::new();
    for (topic, good) in
        [("a", true), ("/", true), ("", false), ("#", false), ("+", false), ("a/+", false), ("a#", false)]
    {
        assert_eq!(taken(&mut net, &packet(0x30, &[&field(topic.as_bytes()), b"x"])), good, "{topic:?}");
    }
}

#[test]
fn a_publish_begins_with_its_topic() {
    // [3.1.1 MQTT-3.3.2-1]
    let mut net = Net::new();
    for bytes in [&b"\x30\0"[..], b"\x30\x01\0", b"\x30\x03\0\x02t", b"\x32\x03\0\x01t"] {
        assert!(!taken(&mut net, bytes), "{bytes:x?}");
    }
    let (publisher, peer) = (connect("pub").v311().on(&mut net), connect("sub").v311().on(&mut net));
    net.subscribe(peer, "t", 1);
    net.send_bytes(publisher, b"\x32\x06\0\x01t\0\x09x");
    assert_eq!(net.got_bytes(peer), b"\x32\x06\0\x01t\0\x01x", "and so does what the broker sends");
}

#[test]
fn a_request_names_a_filter_and_each_subscription_a_qos() {
    // [3.1.1 MQTT-3.8.3-3] [3.1.1 MQTT-3.8.3-4] [3.1.1 MQTT-3.10.3-2]
    let mut net = Net::new();
    assert!(!taken(&mut net, b"\x82\x02\0\x01"));
    assert!(!taken(&mut net, b"\xa2\x02\0\x01"));
    assert!(!taken(&mut net, b"\x82\x05\0\x01\0\x01a"), "a filter without a QoS");
    for qos in 0..=255 {
        assert_eq!(taken(&mut net, &[0x82, 6, 0, 1, 0, 1, b'a', qos]), qos < 3, "{qos:#x}");
        assert_eq!(taken(&mut net, &[0x82, 10, 0, 1, 0, 1, b'a', 0, 0, 1, b'b', qos]), qos < 3, "{qos:#x}");
    }
}

#[test]
fn a_message_comes_under_its_own_topic_to_those_whose_filter_it_matches() {
    // [3.1.1 MQTT-3.3.2-3] [3.1.1 MQTT-4.7.3-4] [3.1.1 MQTT-4.7.2-1]
    let mut net = Net::new();
    let peer = connect("a").v311().on(&mut net);
    let cases: [(&str, &[&str], &[&str]); 7] = [
        ("#", &["a", "a/b", "/", "\u{e5}/\u{212b}"], &["$x", "$x/a"]),
        ("+/b", &["a/b", "/b"], &["a", "a/b/", "a/B", "$x/b"]),
        ("+", &["a", " "], &["/", "a/", "$x"]),
        ("a/#", &["a", "a/", "a/b/c"], &["A", "aa", "ab/c"]),
        ("$x/#", &["$x", "$x/a"], &["x/a", "$X/a"]),
        // The same letter to the eye, and another name.
        ("\u{212b}", &["\u{212b}"], &["\u{e5}", "\u{c5}", "A\u{30a}"]),
        ("a b", &["a b"], &["a%20b", "ab", "a  b"]),
    ];
    for (filter, matching, others) in cases {
        net.subscribe(peer, filter, 0);
        for topic in others {
            net.publish(peer, topic, "x", 0, 0);
            assert!(net.got(peer).is_empty(), "{filter} {topic}");
        }
        for topic in matching {
            net.publish(peer, topic, "x", 0, 0);
            assert_eq!(net.got(peer), [format!(r#"PUBLISH q0 {topic} "x""#)], "{filter}");
        }
        net.unsubscribe(peer, 1, &[filter]);
        net.got(peer);
    }
}
