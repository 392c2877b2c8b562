//! `max_packet_size`, and payloads of every size.

use crate::harness::{Net, connect};
use mosquitto_broker::{Settings, Then};

#[test]
fn a_packet_that_is_too_large_ends_the_connection_before_it_has_come() {
    // [MQTT-3.2.2-15], as a client breaks it
    // MQTT 5, 3.2.2.3.6: known from its length alone
    let mut net = Net::with(2, Settings { max_packet_size: 40, ..Settings::default() });
    let (five, three) = (connect("a").on(&mut net), connect("b").v311().on(&mut net));
    net.send_bytes(five, &[0x30, 39]);
    net.send_bytes(three, &[0x30, 0xff, 0xff, 0xff, 0x7f]);
    assert_eq!((net.got(five), net.is_open(five)), (vec!["DISCONNECT rc=0x95".to_owned()], false));
    assert!(net.got(three).is_empty() && !net.is_open(three));
    assert_eq!(net.log_with("disconnected: oversize packet.").len(), 2);
}

#[test]
fn the_fixed_header_counts() {
    let mut net = Net::with(1, Settings { max_packet_size: 40, ..Settings::default() });
    let peer = connect("a").v311().on(&mut net);
    net.subscribe(peer, "t", 0);
    net.publish(peer, "t", &"x".repeat(40 - 5), 0, 0);
    assert_eq!(net.got(peer).len(), 1);
    net.publish(peer, "t", &"x".repeat(40 - 4), 0, 0);
    assert!(!net.is_open(peer));
}

#[test]
fn a_connect_counts_too() {
    let mut net = Net::with(1, Settings { max_packet_size: 40, ..Settings::default() });
    assert!(connect(&"x".repeat(40)).refused(&mut net).is_empty());
    connect("x").on(&mut net);
}

#[test]
fn payloads_of_every_size_arrive_whole_on_every_shard() {
    let mut net = Net::new();
    let ids: Vec<String> = (0..3).map(|shard| net.id_at_home_on("sub", shard)).collect();
    let subscribers: Vec<_> = ids.iter().map(|id| connect(id).v311().on(&mut net)).collect();
    subscribers.iter().for_each(|&peer| net.subscribe(peer, "t", 1));
    let publisher = connect("pub").v311().on(&mut net);
    for len in [0, 1, 4095, 4096, 65_535, 65_536, 300_000] {
        let payload: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
        net.publish_with(publisher, "t", &payload, 1, 1, &[]);
        for &peer in &subscribers {
            let got = net.got_bytes(peer);
            let id = u16::from_be_bytes([got[got.len() - len - 2], got[got.len() - len - 1]]);
            assert!(got.ends_with(&payload) && got[0] == 0x32, "{len}");
            net.puback(peer, id);
        }
    }
}

#[test]
fn a_payload_that_stays_where_its_packet_came_is_whole_whatever_becomes_of_the_message() {
    let mut net = Net::new();
    let subscriber = connect("sub").v311().on(&mut net);
    net.subscribe(subscriber, "t/#", 2);
    let publisher = connect("pub").v311().on(&mut net);
    let payload: Vec<u8> = (0..100_000_usize).map(|at| (at % 251) as u8).collect();
    let sent = |bytes: &[u8]| bytes.windows(payload.len()).filter(|&part| part == payload).count();
    net.send_publish(publisher, "t/retained", &payload, 0, 0, (true, false), &[]);
    assert_eq!(sent(&net.got_bytes(subscriber)), 1);
    let late = connect("late").v311().on(&mut net);
    net.subscribe(late, "t/retained", 0);
    assert_eq!(sent(&net.got_bytes(late)), 1);
    // [MQTT-4.3.3-10]: kept until PUBREL, and known again.
    for _ in 0..2 {
        net.send_publish(publisher, "t/twice", &payload, 2, 7, (false, false), &[]);
        assert_eq!(net.got(publisher), ["PUBREC 7"]);
    }
    net.send_bytes(publisher, b"\x62\x02\0\x07");
    assert_eq!((net.got(publisher), sent(&net.got_bytes(subscriber))), (vec!["PUBCOMP 7".to_owned()], 1));
    // Something stands behind it.
    let topic = b"\0\x06t/more";
    let mut packet = vec![0x30, 0xa8, 0x8d, 0x06];
    packet.extend([topic.as_slice(), &payload, b"\xc0\0"].concat());
    net.send_bytes(publisher, &packet);
    assert_eq!((net.got(publisher), sent(&net.got_bytes(subscriber))), (vec!["PINGRESP".to_owned()], 1));
}

#[test]
fn a_packet_that_cannot_be_handled_yet_comes_back_with_its_buffer() {
    let mut net = Net::with(1, Settings::default());
    let peer = connect("a").v311().on(&mut net);
    let part = [b"\x30\xa8\x8d\x06\0\x01t".as_slice(), &[7; 40_000]].concat();
    let (received, rest) = net.received_whole_at_once(peer, part.clone());
    assert_eq!((received.consumed, received.then), (0, Then::Wait { packet_len: 100_012 }));
    assert!(rest == part);
}

#[test]
fn a_packet_may_come_byte_by_byte() {
    let mut net = Net::new();
    let peer = net.dial(1);
    let publish = b"\x82\x06\0\x01\0\x01a\0\x32\x06\0\x01a\0\x07x\xe0\0";
    for byte in [connect("a").v311().bytes(), publish.to_vec()].concat() {
        net.send_bytes(peer, &[byte]);
    }
    assert_eq!(net.got(peer), ["CONNACK present=0 rc=0", "SUBACK 1 [0]", r#"PUBLISH q0 a "x""#, "PUBACK 7"]);
    assert!(!net.is_open(peer));
}
