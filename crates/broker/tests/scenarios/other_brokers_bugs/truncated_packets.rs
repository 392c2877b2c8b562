//! Packets whose fields end before their end.

use crate::harness::{Net, Options, connect};

fn version(n: usize) -> Options {
    [connect("a"), connect("a").v311(), connect("a").v31()].into_iter().nth(n).unwrap()
}

/// Whether a client of this version may send these bytes.
fn is_taken(n: usize, first: u8, body: &[u8]) -> bool {
    let mut net = Net::new();
    let (peer, watcher) = (version(n).on(&mut net), connect("watcher").on(&mut net));
    net.subscribe(watcher, "#", 0);
    net.send_bytes(peer, &[&[first, body.len() as u8], body].concat());
    let open = net.is_open(peer);
    if !open {
        let answer: &[&str] = if n == 0 { &["DISCONNECT rc=0x81"] } else { &[] };
        assert_eq!(net.got(peer), answer, "{first:x} {body:x?}");
        assert!(net.got(watcher).is_empty() && net.shared.subscription_count() == 1);
    }
    open
}

/// The lengths at which the packet is whole. MQTT 3 has no properties: `body` is without their length, which is added at
/// `properties_at`.
fn whole_lengths(first: u8, body: &[u8], properties_at: usize) -> [Vec<usize>; 3] {
    [0, 1, 2].map(|n| {
        let mut body = body.to_vec();
        if n == 0 {
            body.insert(properties_at, 0);
        }
        (0..=body.len()).filter(|&len| is_taken(n, first, &body[..len])).collect()
    })
}

#[test]
fn a_subscribe_that_ends_after_its_topic_is_malformed() {
    // [MQTT-3.8.3-2] [3.1.1 MQTT-3.8.3-3]: each filter has its options.
    let lengths = whole_lengths(0x82, b"\0\x01\0\x03a/b\x01\0\x01c\x01", 2);
    assert_eq!(lengths, [vec![9, 13], vec![8, 12], vec![8, 12]]);
}

#[test]
fn an_unsubscribe_is_whole_after_each_of_its_filters() {
    // [MQTT-3.10.3-2] [3.1.1 MQTT-3.10.3-2]
    let lengths = whole_lengths(0xa2, b"\0\x01\0\x03a/b\0\x01c", 2);
    assert_eq!(lengths, [vec![8, 11], vec![7, 10], vec![7, 10]]);
}

#[test]
fn a_publish_of_qos_1_or_2_without_an_identifier_is_malformed() {
    // [MQTT-2.2.1-3] [3.1.1 MQTT-2.3.1-1]; at QoS 0 there is none [MQTT-2.2.1-2] [3.1.1 MQTT-2.3.1-5].
    for first in [0x32, 0x34] {
        let lengths = whole_lengths(first, b"\0\x03a/b\0\x07", 7);
        assert_eq!(lengths, [vec![8], vec![7], vec![7]], "from there on, all is payload");
    }
    let lengths = whole_lengths(0x30, b"\0\x03a/b", 5);
    assert_eq!(lengths, [vec![6], vec![5], vec![5]]);
}

#[test]
fn acknowledgements_have_an_identifier() {
    for first in [0x40, 0x50, 0x62, 0x70] {
        for n in 0..3 {
            assert!(!is_taken(n, first, &[]) && !is_taken(n, first, &[0]) && is_taken(n, first, &[0, 1]));
        }
    }
}

#[test]
fn a_length_that_reaches_beyond_the_packet_is_malformed_wherever_it_stands() {
    let cases: [(u8, &[u8]); 8] = [
        (0x30, b"\xff\xffa\0"),
        (0x30, b"\0\x01a\x05\x03\0\x09x"),
        (0x30, b"\0\x01a\x05\x26\0\x01k\0"),
        (0x30, b"\0\x01a\xff\xff\xff\x7f"),
        (0x30, b"\0\x01a\x80"),
        (0x82, b"\0\x01\0\0\xffa\0"),
        (0x82, b"\0\x01\x7f\0\x01a\0"),
        (0xa2, b"\0\x01\0\0\x02a"),
    ];
    for (first, body) in cases {
        assert!(!is_taken(0, first, body), "{first:x} {body:x?}");
    }
}
