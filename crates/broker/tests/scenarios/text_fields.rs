//! What may stand in a text: the topics, filters and fields of MQTT 3.1.1 that are UTF-8.

use crate::harness::{Net, connect, field, packet, raw_connect};

/// Sends each kind of packet that has a text, once with this one in it. Returns which of them the broker took.
fn takers(net: &mut Net, text: &[u8]) -> Vec<&'static str> {
    let after_connect = [
        ("topic name", packet(0x30, &[&field(text), b"x"])),
        ("filter", packet(0x82, &[b"\0\x01", &field(text), b"\0"])),
        ("filter to unsubscribe", packet(0xa2, &[b"\0\x01", &field(text)])),
    ];
    let connecting = [
        ("client id", raw_connect(0x02, &[text])),
        ("will topic", raw_connect(0x06, &[b"a", text, b"x"])),
        ("user name", raw_connect(0x82, &[b"b", text])),
    ];
    let mut taken = Vec::new();
    for (name, bytes) in after_connect {
        let peer = connect("client").v311().on(net);
        net.send_bytes(peer, &bytes);
        taken.extend(net.is_open(peer).then_some(name));
    }
    for (name, bytes) in connecting {
        let peer = net.dial(0);
        net.send_bytes(peer, &bytes);
        let answer = net.got_bytes(peer);
        assert_eq!(answer.is_empty(), !net.is_open(peer), "closed without an answer: {name}");
        taken.extend(net.is_open(peer).then_some(name));
    }
    taken
}

#[test]
fn a_text_that_is_not_well_formed_ends_the_connection() {
    // [3.1.1 MQTT-1.5.3-1] [3.1.1 MQTT-3.3.2-1] [3.1.1 MQTT-3.8.3-1] [3.1.1 MQTT-3.10.3-1]
    // [3.1.1 MQTT-3.1.3-4] [3.1.1 MQTT-3.1.3-10] [3.1.1 MQTT-3.1.3-11]
    let mut net = Net::new();
    for bad in [&b"\xff"[..], b"a\xc0\xaf", b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xf4\x90\x80\x80", b"a\xc3"] {
        assert!(takers(&mut net, bad).is_empty(), "{bad:x?}");
    }
    let all = ["topic name", "filter", "filter to unsubscribe", "client id", "will topic", "user name"];
    for good in ["a", "\u{fc}", "\u{d7ff}\u{e000}", "\u{2a6d4}"] {
        assert_eq!(takers(&mut net, good.as_bytes()), all);
    }
}

#[test]
fn the_null_character_ends_the_connection() {
    // [3.1.1 MQTT-1.5.3-2] [3.1.1 MQTT-4.7.3-2]
    let mut net = Net::new();
    for bad in ["\0", "a\0b", "a/\0"] {
        assert!(takers(&mut net, bad.as_bytes()).is_empty(), "{bad:?}");
    }
}

#[test]
fn a_byte_order_mark_is_a_character_like_others() {
    // [3.1.1 MQTT-1.5.3-3]
    let mut net = Net::new();
    let (marked, plain) = (connect("a").v311().on(&mut net), connect("b").v311().on(&mut net));
    net.subscribe(marked, "\u{feff}t", 0);
    net.subscribe(plain, "t", 0);
    net.publish(plain, "\u{feff}t", "x", 0, 0);
    assert_eq!(net.got_bytes(marked), b"\x30\x07\0\x04\xef\xbb\xbftx");
    assert!(net.got(plain).is_empty());
}

#[test]
fn a_topic_and_a_filter_may_be_as_long_as_their_length_can_say() {
    // [3.1.1 MQTT-4.7.3-3]
    let mut net = Net::new();
    let peer = connect("a").v311().on(&mut net);
    let long = "x".repeat(65_535);
    net.subscribe(peer, &long, 0);
    net.publish(peer, &long, "x", 0, 0);
    assert_eq!(net.got(peer), [format!(r#"PUBLISH q0 {long} "x""#)]);
}
