//! CONNECT, field by field: client ids, texts, and what the flags announce.

use crate::harness::{Net, Peer, connect};
use mosquitto_broker::Settings;
use mosquitto_mqtt::packet::SubscriptionOptions;
use mosquitto_mqtt::{Property, QoS};

/// The first packet of a connection, with this payload behind these flags. True if the client is let in.
fn accepts(net: &mut Net, flags: u8, payload: &[&[u8]]) -> bool {
    let body = [&b"\0\x04MQTT\x05"[..], &[flags], b"\0\0\0", &payload.concat()].concat();
    let peer = net.dial(net.home_of("id"));
    net.send_bytes(peer, &[&[0x10, body.len() as u8], &body[..]].concat());
    let accepted = net.is_open(peer);
    assert_eq!(net.got_bytes(peer).starts_with(&[0x20, 14, 0, 0]), accepted);
    assert_eq!(net.session_count(), usize::from(accepted));
    net.cut(peer);
    accepted
}

const ID: &[u8] = b"\0\x02id";

#[test]
fn what_the_flags_announce_has_to_be_there_and_nothing_else() {
    // [MQTT-3.1.4-1] [MQTT-3.1.2-9] [MQTT-3.1.2-16] [MQTT-3.1.2-17] [MQTT-3.1.2-18] [MQTT-3.1.2-19]
    let mut net = Net::new();
    let (will, name, password) = (&b"\0\0\x01w\0\x01x"[..], &b"\0\x01u"[..], &b"\0\x01p"[..]);
    assert!(accepts(&mut net, 0, &[ID]));
    for (flag, field) in [(0x04, will), (0x80, name), (0x40, password)] {
        assert!(accepts(&mut net, flag, &[ID, field]), "{flag:#x}");
        assert!(!accepts(&mut net, flag, &[ID]), "{flag:#x} without its field");
        assert!(!accepts(&mut net, 0, &[ID, field]), "the field without {flag:#x}");
    }
    // [MQTT-3.1.3-1] [MQTT-3.1.3-3]: in this order, behind the client id, which is always there.
    assert!(accepts(&mut net, 0xc4, &[ID, will, name, password]));
    assert!(!accepts(&mut net, 0xc4, &[will, ID, name, password]));
    assert!(!accepts(&mut net, 0xc4, &[ID, name, password, will]));
    assert!(!accepts(&mut net, 0, &[]));
}

#[test]
fn texts_that_are_not_utf_8_end_the_connection() {
    // [MQTT-3.1.3-4] [MQTT-3.1.3-8] [MQTT-3.1.3-11] [MQTT-3.1.3-12] [MQTT-1.5.4-1] [MQTT-1.5.4-2] [MQTT-1.5.7-1]
    let mut net = Net::new();
    for text in [&b"\0\x02\xc3\x28"[..], b"\0\x03\xed\xa0\x80", b"\0\x01\0"] {
        assert!(!accepts(&mut net, 0, &[text]), "client id {text:x?}");
        assert!(!accepts(&mut net, 4, &[ID, b"\0", text, b"\0\0"]), "will topic {text:x?}");
        assert!(!accepts(&mut net, 0x80, &[ID, text]), "user name {text:x?}");
        let pair = [&[0x26], text, b"\0\x01v"].concat();
        assert!(!accepts(&mut net, 4, &[ID, &[pair.len() as u8], &pair, b"\0\x01w\0\0"]), "user property {text:x?}");
        assert!(accepts(&mut net, 0x40, &[ID, text]), "a password is no text");
    }
}

#[test]
fn every_qos_of_a_will_but_3_is_taken_and_kept() {
    // [MQTT-3.1.2-12] [MQTT-3.2.2-12]: what is accepted is within the broker's capabilities.
    let mut net = Net::new();
    let watcher = connect("watcher").on(&mut net);
    net.subscribe(watcher, "will", 2);
    for (qos, id) in [(0, ""), (1, " id=1"), (2, " id=2")] {
        let peer = connect("a").will("will", "gone", qos, false).on(&mut net);
        net.cut(peer);
        assert_eq!(net.got(watcher), [format!(r#"PUBLISH q{qos}{id} will "gone""#)]);
    }
}

#[test]
fn a_will_is_retained_if_it_asks_for_it_and_else_not() {
    // [MQTT-3.1.2-14] [MQTT-3.1.2-15] [MQTT-3.2.2-13]: what is accepted is within the broker's capabilities.
    let mut net = Net::new();
    for (retain, later) in [(false, &[][..]), (true, &[r#"PUBLISH q0 retain will "gone""#])] {
        let peer = connect("a").will("will", "gone", 0, retain).on(&mut net);
        net.cut(peer);
        let watcher = connect("watcher").on(&mut net);
        net.subscribe(watcher, "will", 0);
        assert_eq!(net.got(watcher), later, "{retain}");
    }
}

#[test]
fn every_client_id_of_letters_and_digits_up_to_23_bytes_is_taken() {
    // [MQTT-3.1.3-5]
    let mut net = Net::new();
    let letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for len in 1..=23 {
        connect(&letters[62 - len..]).on(&mut net);
        connect(&letters[..len]).on(&mut net);
    }
    for at in 23..62 - 23 {
        connect(&letters[at..at + 23]).on(&mut net);
    }
    assert_eq!(net.session_count(), 2 * 23 + 16);
}

fn subscribed(net: &mut Net, client_id: &str) -> Peer {
    let peer = connect(client_id).keep_session(100).on(net);
    net.subscribe(peer, "t", 1);
    peer
}

/// Whether the broker has a session of this client, and what is queued in it.
fn resumed(net: &mut Net, client_id: &str) -> (bool, Vec<String>) {
    let (peer, mut got) = connect(client_id).keep_session(100).attempt(net);
    let connack = got.remove(0);
    assert!(connack.contains(" rc=0") && net.is_open(peer), "{connack}");
    net.cut(peer);
    (connack.starts_with("CONNACK present=1"), got)
}

#[test]
fn a_session_is_its_client_ids_and_begins_where_there_is_none() {
    // [MQTT-3.1.3-2] [MQTT-3.1.2-5] [MQTT-3.1.2-6] [MQTT-3.1.2-23] [MQTT-3.2.2-3]
    let mut net = Net::new();
    let (peer, publisher) = (subscribed(&mut net, "client"), connect("pub").on(&mut net));
    net.cut(peer);
    net.publish(publisher, "t", "x", 1, 1);
    for other in ["clien", "client1", "Client", "CLIENT"] {
        assert_eq!(resumed(&mut net, other), (false, vec![]), "{other}");
        assert_eq!(resumed(&mut net, other), (true, vec![]), "{other}: one of its own has begun");
    }
    assert_eq!(resumed(&mut net, "client"), (true, vec![r#"PUBLISH q1 id=1 t "x""#.to_owned()]));
}

#[test]
fn an_assigned_client_id_is_as_good_as_one_of_the_clients_own() {
    // [MQTT-3.1.3-6] [MQTT-3.1.3-7] [MQTT-3.2.2-16]
    let mut net = Net::new();
    let (peer, got) = connect("").keep_session(100).attempt(&mut net);
    let id = got[0].split("assigned-client-identifier=").nth(1).unwrap().split(',').next().unwrap();
    net.subscribe(peer, "t", 1);
    net.cut(peer);
    let publisher = connect("pub").on(&mut net);
    net.publish(publisher, "t", "x", 1, 1);
    assert_eq!(resumed(&mut net, id), (true, vec![r#"PUBLISH q1 id=1 t "x""#.to_owned()]));
}

#[test]
fn a_keep_alive_that_is_short_enough_counts_as_it_is() {
    // [MQTT-3.2.2-22]
    let mut net = Net::with(1, Settings { max_keepalive_s: 60, ..Settings::default() });
    let (peer, got) = connect("a").keep_alive(40).attempt(&mut net);
    assert!(!got[0].contains("server-keep-alive"), "{got:?}");
    net.advance(59);
    assert!(net.is_open(peer));
    net.advance(1);
    assert!(!net.is_open(peer));
}

#[test]
fn what_a_connack_does_not_restrict_is_there() {
    // [MQTT-3.2.2-9] [MQTT-3.2.2-10]: no Maximum QoS means all three, and so with the others.
    let mut net = Net::new();
    let (peer, got) = connect("a").attempt(&mut net);
    for restriction in ["maximum-qos", "retain-available", "wildcard", "shared", "subscription-identifier"] {
        assert!(!got[0].contains(restriction), "{got:?}");
    }
    for qos in 0..3 {
        net.subscribe_options(peer, "+", SubscriptionOptions::qos(QoS::from_bits(qos).unwrap()), 9);
        net.send_publish(peer, "t", b"x", qos, 1, (qos == 2, false), &[]);
        net.pubrel(peer, 1);
        let got = net.got(peer).into_iter().find(|line| line.starts_with("PUBLISH")).unwrap();
        assert!(got.starts_with(&format!("PUBLISH q{qos}")), "{got}");
    }
    assert_eq!(net.shared.retained_count(), 1);
    net.subscribe(peer, "$share/g/t", 0);
}

#[test]
fn nothing_is_said_that_was_not_asked_for() {
    // [MQTT-3.1.2-28] [MQTT-3.1.2-29]
    let mut net = Net::new();
    let quiet = [Property::RequestProblemInformation(0), Property::RequestResponseInformation(0)];
    let options = quiet.into_iter().fold(connect("a"), crate::harness::Options::with);
    let (peer, got) = options.attempt(&mut net);
    assert!(!got[0].contains("response-information"), "{got:?}");
    net.send_bytes(peer, b"\x82\x0d\0\x02\0\0\x01a\0\0\x03$SY\0"); // granted
    net.send_bytes(peer, b"\xa2\x06\0\x03\0\0\x01b"); // there is no such subscription
    net.publish(peer, "b", "x", 1, 4); // nobody subscribes
    net.publish(peer, "$SYS/x", "x", 1, 5); // denied
    net.publish(peer, "$SYS/x", "x", 2, 6);
    net.pubrel(peer, 7); // for nothing
    net.pubrec(peer, 8);
    let expected = [
        &b"\x90\x05\0\x02\0\0\0"[..],
        b"\xb0\x04\0\x03\0\x11",
        b"\x40\x03\0\x04\x10",
        b"\x40\x03\0\x05\x87",
        b"\x50\x03\0\x06\x87",
        b"\x70\x02\0\x07",
        b"\x62\x02\0\x08",
    ];
    assert_eq!(net.got_bytes(peer), expected.concat(), "no reason string and no user property");
}
