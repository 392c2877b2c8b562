//! The fields of a CONNECT of MQTT 3.1.1, its client id, and the answers to it.

use crate::harness::{Net, connect, raw_connect};
use mosquitto_broker::Settings;

const ACCEPTED: &[u8] = &[0x20, 2, 0, 0];

/// Sends a CONNECT on a new connection; returns the answer and whether the connection is still open.
fn answer(net: &mut Net, bytes: &[u8]) -> (Vec<u8>, bool) {
    let peer = net.dial(0);
    net.send_bytes(peer, bytes);
    (net.got_bytes(peer), net.is_open(peer))
}

#[test]
fn the_flags_announce_the_fields_and_neither_more_nor_fewer_come() {
    // [3.1.1 MQTT-3.1.2-9] [3.1.1 MQTT-3.1.2-11] [3.1.1 MQTT-3.1.2-18] [3.1.1 MQTT-3.1.2-19]
    // [3.1.1 MQTT-3.1.2-20] [3.1.1 MQTT-3.1.2-21] [3.1.1 MQTT-3.1.3-3] [3.1.1 MQTT-3.1.4-1] [3.1.1 MQTT-3.2.2-6]
    let mut net = Net::new();
    let fields: [&[u8]; 6] = [b"id", b"f1", b"f2", b"f3", b"f4", b"f5"];
    for (flags, count) in [
        (0x02, 1), // the client id
        (0x06, 3), // with will topic and will message
        (0x82, 2), // with a user name
        (0xc2, 3), // with user name and password
        (0xc6, 5), // all of them
    ] {
        for given in 0..=6 {
            let (answer, open) = answer(&mut net, &raw_connect(flags, &fields[..given]));
            let expected = if given == count { ACCEPTED } else { &[] };
            assert_eq!((answer.as_slice(), open), (expected, given == count), "{flags:#x} with {given} fields");
        }
    }
}

#[test]
fn the_fields_come_in_their_order() {
    // [3.1.1 MQTT-3.1.3-1] [3.1.1 MQTT-3.1.3-3]
    let mut net = Net::new();
    let watcher = connect("watcher").v311().on(&mut net);
    net.subscribe(watcher, "#", 0);
    let peer = net.dial(0);
    net.send_bytes(peer, &raw_connect(0xc6, &[b"the-id", b"the-topic", b"the-message", b"the-user", b"the-password"]));
    assert_eq!(net.got_bytes(peer), ACCEPTED);
    assert_eq!(net.log_with(" as the-id (").len(), 1);
    assert_eq!(net.log_with("u'the-user'").len(), 1);
    net.cut(peer);
    assert_eq!(net.got(watcher), [r#"PUBLISH q0 the-topic "the-message""#]);
}

#[test]
fn client_ids_of_23_letters_and_digits_are_accepted() {
    // [3.1.1 MQTT-3.1.3-5]
    let mut net = Net::new();
    let letters: Vec<u8> = (b'0'..=b'9').chain(b'a'..=b'z').chain(b'A'..=b'Z').collect();
    for (at, letter) in letters.iter().enumerate() {
        let long: Vec<u8> = letters.iter().copied().cycle().skip(at).take(23).collect();
        for id in [&[*letter][..], &long] {
            assert_eq!(answer(&mut net, &raw_connect(0x02, &[id])), (ACCEPTED.to_vec(), true));
        }
    }
    assert_eq!(net.session_count(), 2 * 62, "each is another client");
}

#[test]
fn clients_without_an_id_are_clients_of_their_own() {
    // [3.1.1 MQTT-3.1.3-6] [3.1.1 MQTT-3.1.4-4]
    let mut net = Net::new();
    let publisher = connect("pub").v311().on(&mut net);
    let peers = ["a", "b", "c"].map(|topic| {
        let (peer, got) = connect("").v311().attempt(&mut net);
        assert_eq!(got, ["CONNACK present=0 rc=0"]);
        net.subscribe(peer, topic, 0);
        (peer, topic)
    });
    assert_eq!(net.session_count(), 4);
    for (peer, topic) in peers {
        net.publish(publisher, topic, "x", 0, 0);
        assert_eq!(net.got(peer), [format!(r#"PUBLISH q0 {topic} "x""#)]);
        assert!(net.is_open(peer));
    }
}

#[test]
fn a_refused_client_is_closed_and_what_it_sent_behind_its_connect_is_not_handled() {
    // [3.1.1 MQTT-3.1.4-5] [3.1.1 MQTT-3.2.2-5] [3.1.1 MQTT-3.1.3-8] [3.1.1 MQTT-3.1.3-9] [3.1.1 MQTT-3.1.2-2]
    let mut net = Net::new();
    let watcher = connect("watcher").v311().on(&mut net);
    net.subscribe(watcher, "t", 0);
    let publish = b"\x30\x04\0\x01tx\x82\x06\0\x01\0\x01t\0";
    let level = [&b"\x10\x0d\0\x04MQTT\x03\x02\0\0\0\x01a"[..], publish].concat();
    assert_eq!(answer(&mut net, &level), (vec![0x20, 2, 0, 1], false));
    let nameless = [raw_connect(0, &[b""]).as_slice(), publish].concat();
    assert_eq!(answer(&mut net, &nameless), (vec![0x20, 2, 0, 2], false));
    assert!(net.got(watcher).is_empty());
    assert_eq!((net.session_count(), net.shared.subscription_count()), (1, 1));
}

#[test]
fn a_refused_client_is_not_told_of_its_session() {
    // [3.1.1 MQTT-3.2.2-4]
    let mut net = Net::with(2, Settings { max_keepalive_s: 60, ..Settings::default() });
    let client = |keep_alive_s| connect("a").v311().resume().keep_alive(keep_alive_s);
    let peer = client(60).on(&mut net);
    net.cut(peer);
    assert_eq!(client(61).refused(&mut net), ["CONNACK present=0 rc=2"]);
    assert_eq!(client(60).attempt(&mut net).1, ["CONNACK present=1 rc=0"]);
}
