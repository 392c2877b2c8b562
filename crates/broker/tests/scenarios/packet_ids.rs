//! Packet identifiers, MQTT 3.1.1.

use crate::harness::{Net, connect};
use mosquitto_broker::Settings;
use std::collections::BTreeSet;

#[test]
fn a_packet_that_needs_an_identifier_has_one_that_is_not_zero() {
    // [3.1.1 MQTT-2.3.1-1]
    let mut net = Net::new();
    for packet in
        [&b"\x32\x05\0\x01t\0\x00"[..], b"\x34\x05\0\x01t\0\x00", b"\x82\x06\0\x00\0\x01t\0", b"\xa2\x05\0\x00\0\x01t"]
    {
        for id in [0, 1] {
            let mut bytes = packet.to_vec();
            let at = if packet[0] < 0x40 { 6 } else { 3 };
            bytes[at] = id;
            let peer = connect("a").v311().on(&mut net);
            net.send_bytes(peer, &bytes);
            assert_eq!((net.is_open(peer), net.got(peer).len()), (id != 0, usize::from(id)), "{bytes:x?}");
        }
    }
}

#[test]
fn the_broker_gives_each_message_an_identifier_that_is_free() {
    // [3.1.1 MQTT-2.3.1-1] [3.1.1 MQTT-2.3.1-4] [3.1.1 MQTT-4.3.2-1]
    const BATCH: usize = 1000;
    let mut net = Net::with(1, Settings { max_inflight_messages: 0, max_queued_messages: 0, ..Settings::default() });
    let (publisher, subscriber) = (connect("pub").v311().on(&mut net), connect("sub").v311().on(&mut net));
    net.subscribe(subscriber, "t", 1);
    let (mut held, mut came) = (BTreeSet::new(), 0);
    for _ in 0..70 {
        net.send_bytes(publisher, &b"\x32\x05\0\x01t\0\x01".repeat(BATCH));
        net.got_bytes(publisher);
        let mut acks = Vec::new();
        for id in published(&net.got_bytes(subscriber)) {
            assert!(id != 0 && held.insert(id), "{id} is in use");
            came += 1;
            // The first three are not acknowledged.
            if came > 3 {
                held.remove(&id);
                acks.extend([[0x40, 2], id.to_be_bytes()].concat());
            }
        }
        net.send_bytes(subscriber, &acks);
    }
    assert_eq!(held, BTreeSet::from([1, 2, 3]));
    // All others were in use since; the broker waits for these rather than go round a second time.
    assert_eq!(came, 65_535);
    net.send_bytes(subscriber, b"\x40\x02\0\x02\x40\x02\0\x01");
    assert_eq!(published(&net.got_bytes(subscriber)), [1, 2]);
}

/// The identifiers of these messages of QoS 1 under `t` without a payload, none of which is a repetition.
fn published(bytes: &[u8]) -> Vec<u16> {
    let (packets, rest) = bytes.as_chunks::<7>();
    assert!(rest.is_empty() && packets.iter().all(|packet| packet[0] == 0x32));
    packets.iter().map(|packet| u16::from_be_bytes([packet[5], packet[6]])).collect()
}

#[test]
fn a_message_of_qos_0_has_none() {
    // [3.1.1 MQTT-2.3.1-5] [3.1.1 MQTT-4.3.1-1]
    let mut net = Net::new();
    let (publisher, subscriber) = (connect("pub").v311().on(&mut net), connect("sub").v311().on(&mut net));
    net.subscribe(subscriber, "t", 0);
    // Right behind the topic comes the payload, whichever QoS the message had before, and whether it was repeated.
    net.send_bytes(publisher, b"\x30\x05\0\x01t\0\x07");
    assert_eq!(net.got_bytes(subscriber), b"\x30\x05\0\x01t\0\x07");
    net.send_bytes(publisher, b"\x3a\x06\0\x01t\0\x09x");
    assert_eq!(net.got_bytes(subscriber), b"\x30\x04\0\x01tx");
}

#[test]
fn an_answer_has_the_identifier_of_what_it_answers() {
    // [3.1.1 MQTT-2.3.1-6] [3.1.1 MQTT-2.3.1-7] [3.1.1 MQTT-3.8.4-2] [3.1.1 MQTT-3.10.4-4]
    let mut net = Net::new();
    let peer = connect("a").v311().on(&mut net);
    for id in [1, 0x1234, 65_535] {
        net.publish(peer, "t", "x", 1, id);
        net.publish(peer, "t", "x", 2, id);
        net.pubrel(peer, id);
        assert_eq!(net.got(peer), [format!("PUBACK {id}"), format!("PUBREC {id}"), format!("PUBCOMP {id}")]);
        net.subscribe_with(peer, id, "a", Default::default(), &[]);
        net.unsubscribe(peer, id, &["a"]);
        assert_eq!(net.got(peer), [format!("SUBACK {id} [0]"), format!("UNSUBACK {id} []")]);
    }
    // And its PUBREL has that of its PUBLISH, which the client need not have answered in order.
    net.subscribe(peer, "b", 2);
    for id in 1..=2 {
        net.publish(peer, "b", "x", 2, id);
        net.pubrel(peer, id);
    }
    net.got(peer);
    net.pubrec(peer, 2);
    assert_eq!(net.got(peer), ["PUBREL 2"]);
}
