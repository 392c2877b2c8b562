//! The flags in the first byte of a packet, MQTT 3.1.1.

use crate::harness::{Net, connect};

/// One of each kind that a connected client may send, but for PUBLISH, whose flags say something.
const PACKETS: [&[u8]; 8] = [
    b"\x40\x02\0\x01",
    b"\x50\x02\0\x01",
    b"\x62\x02\0\x01",
    b"\x70\x02\0\x01",
    b"\x82\x06\0\x01\0\x01a\0",
    b"\xa2\x05\0\x01\0\x01a",
    b"\xc0\0",
    b"\xe0\0",
];

#[test]
fn reserved_flags_that_are_not_as_they_have_to_be_end_the_connection() {
    // [3.1.1 MQTT-2.2.2-2] [3.1.1 MQTT-3.6.1-1] [3.1.1 MQTT-3.8.1-1] [3.1.1 MQTT-3.10.1-1] [3.1.1 MQTT-3.14.1-1]
    // The will tells a connection that was ended for a fault from one that a DISCONNECT ended.
    let mut net = Net::new();
    let watcher = connect("watcher").v311().on(&mut net);
    net.subscribe(watcher, "will", 0);
    for bytes in PACKETS {
        for flags in 0..16 {
            let peer = connect("a").v311().will("will", "fault", 0, false).on(&mut net);
            let (mut changed, right) = (bytes.to_vec(), bytes[0] & 0xf);
            changed[0] = bytes[0] & 0xf0 | flags;
            net.send_bytes(peer, &changed);
            let faulty = net.got(watcher) == [r#"PUBLISH q0 will "fault""#];
            assert_eq!(faulty, flags != right, "{changed:x?}");
            assert_eq!(net.is_open(peer), flags == right && bytes[0] != 0xe0, "{changed:x?}");
            if net.is_open(peer) {
                net.disconnect(peer);
            }
        }
    }
}

#[test]
fn what_the_broker_sends_has_the_flags_of_its_kind() {
    // [3.1.1 MQTT-2.2.2-1] [3.1.1 MQTT-3.6.1-1]
    let mut net = Net::new();
    let peer = net.dial(0);
    let mut first_byte = |bytes: &[u8]| {
        net.send_bytes(peer, bytes);
        let answer = net.got_bytes(peer);
        assert_eq!(answer.len(), usize::from(answer[1]) + 2, "one packet");
        answer[0]
    };
    assert_eq!(first_byte(&connect("a").v311().bytes()), 0x20);
    assert_eq!(first_byte(b"\x82\x06\0\x01\0\x01a\x02"), 0x90);
    assert_eq!(first_byte(b"\x32\x05\0\x01t\0\x01"), 0x40);
    assert_eq!(first_byte(b"\x34\x05\0\x01t\0\x01"), 0x50);
    assert_eq!(first_byte(b"\x62\x02\0\x01"), 0x70);
    // What it sends for an exchange that it began itself.
    net.send_bytes(peer, b"\x34\x05\0\x01a\0\x02\x62\x02\0\x02");
    net.got_bytes(peer);
    let mut first_byte = |bytes: &[u8]| {
        net.send_bytes(peer, bytes);
        net.got_bytes(peer)[0]
    };
    assert_eq!(first_byte(b"\x50\x02\0\x01"), 0x62);
    assert_eq!(first_byte(b"\xa2\x05\0\x01\0\x01a"), 0xb0);
    assert_eq!(first_byte(b"\xc0\0"), 0xd0);
}

#[test]
fn dup_and_qos_of_a_publish_have_to_go_together() {
    // [3.1.1 MQTT-3.3.1-2] [3.1.1 MQTT-3.3.1-4] [3.1.1 MQTT-2.2.2-2]
    let mut net = Net::new();
    for flags in 0..16_u8 {
        let peer = connect("a").v311().on(&mut net);
        let (dup, qos) = (flags & 8 != 0, flags >> 1 & 3);
        let id: &[u8] = if qos == 0 { b"" } else { b"\0\x01" };
        net.send_bytes(peer, &[&[0x30 | flags, 4 + id.len() as u8, 0, 1, b't'], id, b"x"].concat());
        assert_eq!(net.is_open(peer), qos < 3 && !(dup && qos == 0), "{flags:#b}");
    }
}

#[test]
fn mqtt_3_1_is_taken_as_tolerantly_as_mosquitto_takes_it() {
    let mut net = Net::new();
    for bytes in PACKETS.into_iter().filter(|bytes| bytes[0] != 0xe0) {
        for flags in 0..16 {
            let peer = connect("a").v31().on(&mut net);
            let (mut changed, right) = (bytes.to_vec(), bytes[0] & 0xf);
            changed[0] = bytes[0] & 0xf0 | flags;
            net.send_bytes(peer, &changed);
            assert_eq!(net.is_open(peer), flags == right || bytes[0] == 0x62, "{changed:x?}");
            if net.is_open(peer) {
                net.disconnect(peer);
            }
        }
    }
}

#[test]
fn what_a_header_alone_shows_to_be_wrong_is_not_waited_for() {
    // [MQTT-2.1.3-1] [3.1.1 MQTT-2.2.2-2]
    for (header, v5) in [(b"\x41\x02", false), (b"\x80\x7f", false), (b"\x83\x7f", true), (b"\x61\x02", true)] {
        let mut net = Net::new();
        let peer = if v5 { connect("a") } else { connect("a").v311() }.on(&mut net);
        net.send_bytes(peer, header);
        assert!(!net.is_open(peer), "{header:x?}");
        let expected = if v5 { vec!["DISCONNECT rc=0x81".to_owned()] } else { Vec::new() };
        assert_eq!(net.got(peer), expected, "{header:x?}");
    }
    // Lengths that no packet of the type has end the connection without a word, whole or not.
    for (header, v5) in [
        (b"\xc2\x01", true),
        (b"\xc0\x01", true),
        (b"\xd0\x01", true),
        (b"\xc0\x01", false),
        (b"\x40\x03", false),
        (b"\x62\x03", false),
        (b"\xe0\x01", false),
    ] {
        for rest in [&b""[..], b"\0\x01\0"] {
            let mut net = Net::new();
            let peer = if v5 { connect("a") } else { connect("a").v311() }.on(&mut net);
            net.log.clear();
            net.send_bytes(peer, &[header, rest].concat());
            assert_eq!((net.got(peer), net.is_open(peer)), (Vec::new(), false), "{header:x?} {rest:x?}");
            let lines: Vec<&str> = net.log.iter().map(|line| line.text.as_str()).collect();
            assert!(matches!(lines[..], [line] if line.ends_with("disconnected: malformed packet.")), "{lines:?}");
        }
    }
    // Acknowledgements of MQTT 5 may have properties.
    let mut net = Net::new();
    let peer = connect("a").on(&mut net);
    net.send_bytes(peer, b"\x40\x80\x01");
    assert!(net.is_open(peer));
}
