//! Very many user properties in one packet. What is counted is how often a property is read, wherever in the broker or
//! the decoder: the work may grow with their number and not with its square.

use crate::harness::{Net, Peer, connect};
use mosquitto_mqtt::{PropertiesBuf, Property, property_reads};

/// How often a property may be read on its way from one client to another: when it is checked, when the broker looks for
/// what is meant for itself, and when those are left out.
const READS_A_PROPERTY: u64 = 4;

fn list(count: usize) -> Vec<Property<'static>> {
    // All names alike, as those who look for repetitions like it least.
    vec![Property::UserProperty(("name", "value")); count]
}

/// The reads that a PUBLISH with so many user properties costs in all, from its arrival until it was sent to all.
fn reads_of_publish(net: &mut Net, publisher: Peer, count: usize) -> u64 {
    let mut properties = list(count);
    properties.push(Property::MessageExpiryInterval(100));
    let before = property_reads();
    net.publish_with(publisher, "t", b"x", 1, 1, &properties);
    property_reads() - before
}

#[test]
fn five_thousand_user_properties_of_a_publish_are_each_read_a_few_times() {
    let mut net = Net::new();
    let (publisher, subscribers) = (connect("pub").on(&mut net), ["a", "b", "c"].map(|id| connect(id).on(&mut net)));
    subscribers.into_iter().for_each(|subscriber| net.subscribe(subscriber, "t", 1));
    let reads = [5_001, 10_002].map(|count| {
        let reads = reads_of_publish(&mut net, publisher, count);
        assert!(reads >= count as u64, "they were not counted");
        assert!(reads <= READS_A_PROPERTY * (count as u64 + 1), "{reads} reads for {count}");
        for subscriber in subscribers {
            let got = net.got(subscriber);
            assert_eq!(got[0].matches("user-property=").count(), count, "none is lost");
            net.puback(subscriber, if count == 5_001 { 1 } else { 2 });
        }
        reads
    });
    assert!(reads[1] <= 2 * reads[0] + 10, "{reads:?}");
    assert!(net.is_open(publisher));
}

#[test]
fn so_are_those_of_a_connect_and_of_its_will() {
    // As many as a CONNECT of 100,000 bytes holds: 14 bytes each.
    let connect_reads = [3_500, 7_000].map(|count| {
        let mut net = Net::new();
        let options =
            list(count / 2).into_iter().fold(connect("a").will("w", "x", 0, false), crate::harness::Options::with);
        let options = list(count / 2).into_iter().fold(options, crate::harness::Options::will_with);
        let watcher = connect("watcher").on(&mut net);
        net.subscribe(watcher, "w", 0);
        let before = property_reads();
        let peer = options.on(&mut net);
        net.cut(peer);
        let reads = property_reads() - before;
        assert!(reads >= count as u64 && reads <= READS_A_PROPERTY * count as u64, "{reads} reads for {count}");
        assert_eq!(net.got(watcher)[0].matches("user-property=").count(), count / 2);
        reads
    });
    assert!(connect_reads[1] <= 2 * connect_reads[0] + 10, "{connect_reads:?}");
}

#[test]
fn so_are_those_of_every_other_packet() {
    let count = 700;
    let mut section = Vec::new();
    let properties: PropertiesBuf = list(count).into_iter().collect();
    properties.as_properties().encode(&mut section);
    for (first, head, tail) in [
        (0x82, &b"\0\x01"[..], &b"\0\x01a\0"[..]),
        (0xa2, b"\0\x01", b"\0\x01a"),
        (0x40, b"\0\x01\0", b""),
        (0x50, b"\0\x01\0", b""),
        (0x62, b"\0\x01\0", b""),
        (0x70, b"\0\x01\0", b""),
        (0xe0, b"\0", b""),
    ] {
        let mut net = Net::new();
        let peer = connect("a").on(&mut net);
        let body = [head, &section, tail].concat();
        let len = body.len();
        let before = property_reads();
        net.send_bytes(peer, &[&[first, (len % 128) as u8 | 0x80, (len / 128) as u8], &body[..]].concat());
        let reads = property_reads() - before;
        assert!(reads >= count as u64 && reads <= READS_A_PROPERTY * count as u64, "{first:x}: {reads}");
        assert_eq!(net.is_open(peer), first != 0xe0, "{first:x}");
        assert_eq!(net.log_with("error").len(), 0);
    }
}
