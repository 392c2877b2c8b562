//! Packets that were damaged on their way: whatever comes, the broker goes on and nothing stays behind.

use crate::harness::{Net, Peer, connect};
use crate::random::Random;
use mosquitto_broker::Settings;
use mosquitto_mqtt::Property;

/// Packets that a client may send once it is connected, in the form of MQTT 5.
const PACKETS: [&[u8]; 16] = [
    b"\x30\x06\0\x03a/b\0",
    b"\x30\x0d\0\x01a\x05\x02\0\0\0\x09hello",
    b"\x30\x08\0\x01a\x03\x23\0\x01x",
    b"\x31\x06\0\0\x03\x23\0\x01",
    b"\x33\x0f\0\x01a\0\x07\x08\x26\0\x01k\0\x02vv\0",
    b"\x34\x06\0\x01a\0\x08\0",
    b"\x62\x02\0\x08",
    b"\x40\x02\0\x01",
    b"\x50\x02\0\x01",
    b"\x70\x02\0\x01",
    b"\x82\x0b\0\x02\x02\x0b\x05\0\x03a/+\x02",
    b"\x82\x11\0\x03\0\0\x0b$share/g/a#\x01",
    b"\xa2\x08\0\x04\0\0\x03a/+",
    b"\xc0\0",
    b"\xe0\x07\0\x05\x11\0\0\0\x05",
    b"\xf0\x06\x18\x04\x15\0\x01m",
];

fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len() as u64) as usize;
    match random.below(6) {
        0 => bytes[at] = random.below(256) as u8,
        1 => bytes[at] ^= 1 << random.below(8),
        2 => bytes.truncate(at + 1),
        3 => bytes.insert(at, random.below(256) as u8),
        // As often as not, nothing at all.
        _ => {}
    }
}

fn converse(net: &mut Net, random: &mut Random) -> Peer {
    let options = match random.below(3) {
        0 => connect(&format!("c{}", random.below(5))).v311().resume(),
        1 => connect(&format!("c{}", random.below(5))).keep_session(random.below(9) as u32).username("u"),
        _ => connect("").will("a/b", "gone", 1, true).will_with(Property::WillDelayInterval(random.below(9) as u32)),
    };
    let mut bytes = options.keep_alive(1 + random.below(20) as u16).bytes();
    damage(&mut bytes, random);
    let peer = net.dial(random.below(3) as usize);
    net.send_bytes(peer, &bytes);
    for _ in 0..random.below(12) {
        let mut bytes = PACKETS[random.below(PACKETS.len() as u64) as usize].to_vec();
        damage(&mut bytes, random);
        net.send_bytes(peer, &bytes);
    }
    net.hold_mail = random.below(2) == 0;
    if random.below(2) == 0 {
        net.cut(peer);
    }
    net.advance(random.below(3));
    peer
}

#[test]
fn damaged_packets_do_no_harm() {
    let mut random = Random(1);
    let mut net = Net::with(3, Settings { max_inflight_messages: 2, max_queued_messages: 5, ..Settings::default() });
    let peers: Vec<Peer> = (0..1000).map(|_| converse(&mut net, &mut random)).collect();
    net.deliver_mail();
    peers.into_iter().for_each(|peer| net.cut(peer));
    net.leap(1 << 33);
    assert_eq!(net.connections_and_deadlines(), (0, 0), "nobody is left but sessions of MQTT 3, which do not end");
    let (publisher, subscriber) = (connect("pub").on(&mut net), connect("sub").on(&mut net));
    net.subscribe(subscriber, "t", 1);
    net.publish(publisher, "t", "x", 1, 1);
    assert_eq!((net.got(publisher), net.got(subscriber).len()), (vec!["PUBACK 1".to_owned()], 1));
}
