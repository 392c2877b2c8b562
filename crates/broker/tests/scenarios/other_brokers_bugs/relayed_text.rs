//! Text that must not be is not handed on to others, wherever it stands: they would have to close their connections.

use crate::harness::{Net, connect};
use mosquitto_mqtt::valid_text;

/// What no text may hold: bytes that are no UTF-8, surrogates, overlong forms, U+0000, control characters, characters
/// that are none.
const BAD: [&[u8]; 12] = [
    b"\xff",
    b"\xc0\x80",
    b"\xc1\xbf",
    b"\xe0\x80\x80",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xe2\x82",
    b"\0",
    b"\x01",
    b"\x7f",
    b"\xc2\x85",
    b"\xef\xbf\xbf",
];

/// A length and the bytes.
fn field(text: &[u8]) -> Vec<u8> {
    [&(text.len() as u16).to_be_bytes(), text].concat()
}

fn packet(first: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    [&[first, body.len() as u8], &body[..]].concat()
}

/// A PUBLISH of MQTT 5 with one property, which is `id` and `value`.
fn publish(topic: &[u8], id: u8, value: &[u8]) -> Vec<u8> {
    packet(0x30, &[&field(topic), &[value.len() as u8 + 1, id], value, b"x"])
}

#[test]
fn text_that_must_not_be_reaches_nobody_by_a_publish() {
    // [MQTT-1.5.4-1] [MQTT-1.5.4-2]; control characters and non-characters are refused as in Mosquitto.
    for bad in BAD {
        let bad = [b"a", bad, b"b"].concat();
        assert_eq!(valid_text(&bad), None);
        let pair = |name: &[u8], value: &[u8]| [field(name), field(value)].concat();
        let packets = [
            packet(0x30, &[&field(&bad), &[0], b"x"]),
            publish(b"t", 3, &field(&bad)),
            publish(b"t", 8, &field(&bad)),
            publish(b"t", 0x26, &pair(&bad, b"v")),
            publish(b"t", 0x26, &pair(b"k", &bad)),
        ];
        for bytes in packets {
            let mut net = Net::new();
            let (peer, watcher) = (connect("bad").on(&mut net), connect("watcher").on(&mut net));
            net.subscribe(watcher, "#", 2);
            net.send_bytes(peer, &bytes);
            assert_eq!(
                (net.got(peer), net.is_open(peer)),
                (vec!["DISCONNECT rc=0x81".to_owned()], false),
                "{bytes:x?}"
            );
            assert!(net.got(watcher).is_empty(), "{bytes:x?}");
        }
    }
}

#[test]
fn nor_does_it_in_mqtt_3() {
    // [3.1.1 MQTT-1.5.3-1] [3.1.1 MQTT-1.5.3-2]
    for bad in BAD {
        for options in [connect("bad").v311(), connect("bad").v31()] {
            let mut net = Net::new();
            let (peer, watcher) = (options.on(&mut net), connect("watcher").on(&mut net));
            net.subscribe(watcher, "#", 2);
            net.send_bytes(peer, &packet(0x30, &[&field(bad), b"x"]));
            assert!(!net.is_open(peer) && net.got(watcher).is_empty(), "{bad:x?}");
        }
    }
}

#[test]
fn nor_by_a_will_or_into_the_log() {
    // A client id or a user name would be logged, a will's topic and properties sent to others.
    for bad in BAD {
        let will = |topic: &[u8], properties: &[u8]| {
            [&[properties.len() as u8], properties, &field(topic), &field(b"gone")].concat()
        };
        let head = |flags: u8, id: &[u8]| [b"\0\x04MQTT\x05", &[flags, 0, 0, 0][..], &field(id)].concat();
        let property = [&[3][..], &field(bad)].concat();
        let cases = [
            packet(0x10, &[&head(0x02, bad)]),
            packet(0x10, &[&head(0x06, b"id"), &will(bad, b"")]),
            packet(0x10, &[&head(0x06, b"id"), &will(b"w", &property)]),
            packet(0x10, &[&head(0x82, b"id"), &field(bad)]),
        ];
        let mut net = Net::new();
        let watcher = connect("watcher").on(&mut net);
        net.subscribe(watcher, "#", 2);
        for bytes in cases {
            let peer = net.dial(0);
            net.send_bytes(peer, &bytes);
            assert!(!net.is_open(peer), "{bytes:x?}");
            net.cut(peer);
        }
        assert!(net.got(watcher).is_empty());
        assert_eq!(net.session_count(), 1);
        let plain = |text: &&str| text.chars().all(|c| !c.is_control() || c == '\t');
        assert!(net.log.iter().all(|line| plain(&line.text.as_str())));
    }
}

#[test]
fn payloads_may_hold_anything() {
    let mut net = Net::new();
    let (peer, watcher) = (connect("a").v311().on(&mut net), connect("watcher").on(&mut net));
    net.subscribe(watcher, "t", 0);
    let payload = BAD.concat();
    net.publish_with(peer, "t", &payload, 0, 0, &[]);
    assert!(net.got_bytes(watcher).ends_with(&payload));
}
