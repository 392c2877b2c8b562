//! SUBSCRIBE, UNSUBSCRIBE and acknowledgements that break the rules of MQTT 5.

use crate::harness::{Net, connect};

fn ends_with(bytes: &[u8], answer: &str) {
    let mut net = Net::new();
    let peer = connect("a").on(&mut net);
    net.subscribe(peer, "kept", 0);
    net.send_bytes(peer, bytes);
    assert_eq!((net.got(peer), net.is_open(peer)), (vec![answer.to_owned()], false), "{bytes:02x?}");
    assert_eq!(net.shared.subscription_count(), 0);
}

#[test]
fn filters_that_are_no_text_are_malformed() {
    // [MQTT-3.8.3-1] [MQTT-3.10.3-1]
    for text in [&b"\xff"[..], b"\xc0\xaf", b"\xed\xa0\x80"] {
        let len = text.len() as u8;
        ends_with(&[&[0x82, 6 + len, 0, 1, 0, 0, len], text, &[0]].concat(), "DISCONNECT rc=0x81");
        ends_with(&[&[0xa2, 5 + len, 0, 1, 0, 0, len], text].concat(), "DISCONNECT rc=0x81");
    }
}

#[test]
fn u_0000_has_no_place_in_names_and_filters() {
    // [MQTT-4.7.3-2]
    for bytes in [&b"\x30\x06\0\x03a\0b\0"[..], b"\x82\x09\0\x01\0\0\x03a\0b\0", b"\xa2\x08\0\x01\0\0\x03a\0b"] {
        ends_with(bytes, "DISCONNECT rc=0x81");
    }
}

#[test]
fn the_flags_of_unsubscribe_are_fixed() {
    // [MQTT-3.10.1-1]
    for flags in (0..16).filter(|&flags| flags != 2) {
        ends_with(&[0xa0 | flags, 6, 0, 1, 0, 0, 1, b'a'], "DISCONNECT rc=0x81");
    }
}

#[test]
fn wildcards_are_for_filters() {
    // [MQTT-4.7.0-1]
    for topic in [b"a/+", b"a/#", b"+/a", b"a+b"] {
        ends_with(&[&[0x30, 6, 0, 3], &topic[..], &[0]].concat(), "DISCONNECT rc=0x81");
    }
}

#[test]
fn acknowledgements_have_the_reasons_of_their_kind() {
    // [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1]
    for (first, reason) in [(0x40, 0x92), (0x50, 0x92), (0x62, 0x10), (0x62, 0x87), (0x70, 0x10), (0x70, 0x97)] {
        ends_with(&[first, 3, 0, 1, reason], "DISCONNECT rc=0x82");
    }
}
