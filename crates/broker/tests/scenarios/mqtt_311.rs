//! MQTT 3.1.1, statement by statement where it says more or other than MQTT 5.

use crate::harness::{Net, Options, Peer, connect};
use mosquitto_mqtt::{FixedHeader, PacketType};

fn v311(id: &str) -> Options {
    connect(id).v311()
}

fn pair(net: &mut Net) -> (Peer, Peer) {
    (v311("publisher").on(net), v311("subscriber").on(net))
}

#[test]
fn a_session_that_is_not_clean_is_resumed_and_gets_what_came_meanwhile() {
    // [3.1.1 MQTT-3.1.2-4] [3.1.1 MQTT-3.1.2-5] [3.1.1 MQTT-3.2.2-2] [3.1.1 MQTT-4.1.0-1] [3.1.1 MQTT-4.5.0-1]
    // [3.1.1 MQTT-3.1.4-3]
    let mut net = Net::new();
    let publisher = v311("publisher").on(&mut net);
    let peer = v311("s").resume().on(&mut net);
    net.subscribe(peer, "t", 2);
    net.cut(peer);
    net.publish(publisher, "t", "one", 1, 1);
    net.publish(publisher, "t", "none", 0, 0);
    net.publish(publisher, "t", "two", 2, 2);
    net.pubrel(publisher, 2);
    let (peer, got) = v311("s").resume().attempt(&mut net);
    let expected =
        ["CONNACK present=1 rc=0", r#"PUBLISH q1 id=1 t "one""#, r#"PUBLISH q2 id=2 t "two""#].map(str::to_owned);
    assert_eq!(got, expected);
    assert!(net.is_open(peer));
}

#[test]
fn a_clean_session_begins_anew_and_ends_with_its_connection() {
    // [3.1.1 MQTT-3.1.2-6] [3.1.1 MQTT-3.2.2-1] [3.1.1 MQTT-4.1.0-2]
    let mut net = Net::new();
    let publisher = v311("publisher").on(&mut net);
    let old = v311("s").resume().on(&mut net);
    net.subscribe(old, "t", 1);
    let (peer, got) = v311("s").attempt(&mut net);
    assert_eq!(got, ["CONNACK present=0 rc=0"]);
    net.publish(publisher, "t", "for the old one", 1, 1);
    assert!(net.got(peer).is_empty());
    net.subscribe(peer, "t", 1);
    assert_eq!(net.session_count(), 2, "it lasts as long as its connection");
    net.cut(peer);
    assert_eq!(net.session_count(), 1);
    let (_, got) = v311("s").resume().attempt(&mut net);
    assert_eq!(got, ["CONNACK present=0 rc=0"]);
}

#[test]
fn retained_messages_outlive_the_session_of_their_publisher() {
    // [3.1.1 MQTT-3.1.2-7] [3.1.1 MQTT-3.3.1-5] [3.1.1 MQTT-3.3.1-6] [3.1.1 MQTT-3.3.1-8]
    let mut net = Net::new();
    let (publisher, peer) = pair(&mut net);
    net.publish_retained(publisher, "t", "kept", 1, 1);
    net.disconnect(publisher);
    net.subscribe(peer, "t", 1);
    assert_eq!(net.got(peer), [r#"PUBLISH q1 id=1 retain t "kept""#]);
}

#[test]
fn a_retained_message_is_replaced_also_at_qos_0_and_not_by_others() {
    // [3.1.1 MQTT-3.3.1-7] [3.1.1 MQTT-3.3.1-9] [3.1.1 MQTT-3.3.1-12]
    let mut net = Net::new();
    let (publisher, peer) = pair(&mut net);
    net.publish_retained(publisher, "t", "old", 1, 1);
    net.publish_retained(publisher, "t", "new", 0, 0);
    net.publish(publisher, "t", "not retained", 0, 0);
    net.subscribe(peer, "t", 1);
    assert_eq!(net.got(peer), [r#"PUBLISH q0 retain t "new""#]);
    net.publish_retained(publisher, "t", "live", 0, 0);
    assert_eq!(net.got(peer), [r#"PUBLISH q0 t "live""#], "without the flag where the subscription stands already");
}

#[test]
fn an_empty_retained_message_is_not_kept() {
    // [3.1.1 MQTT-3.3.1-11]
    let mut net = Net::new();
    let (publisher, peer) = pair(&mut net);
    net.publish_retained(publisher, "t", "", 0, 0);
    assert_eq!(net.shared.retained_count(), 0);
    net.subscribe(peer, "t", 0);
    assert!(net.got(peer).is_empty());
}

#[test]
fn a_will_is_published_once_and_only_without_a_disconnect() {
    // [3.1.1 MQTT-3.1.2-8] [3.1.1 MQTT-3.1.2-10] [3.1.1 MQTT-3.14.4-3] [3.1.1 MQTT-3.1.2-12]
    let mut net = Net::new();
    let watcher = v311("watcher").on(&mut net);
    net.subscribe(watcher, "w", 0);
    for (resumes, says_goodbye, expected) in [(true, false, 1), (true, true, 0), (false, false, 1), (false, true, 0)] {
        let options = v311("s").will("w", "gone", 0, false);
        let peer = if resumes { options.resume() } else { options }.on(&mut net);
        if says_goodbye {
            net.disconnect(peer)
        } else {
            net.cut(peer)
        }
        assert_eq!(net.got(watcher).len(), expected);
        // The next connection has no will: the old one is not published again.
        let peer = v311("s").resume().on(&mut net);
        net.cut(peer);
        assert!(net.got(watcher).is_empty());
    }
}

#[test]
fn a_will_is_retained_if_it_says_so() {
    // [3.1.1 MQTT-3.1.2-16] [3.1.1 MQTT-3.1.2-17]
    let mut net = Net::new();
    for (retain, count) in [(false, 0), (true, 1)] {
        let peer = v311("s").will("w", "gone", 0, retain).on(&mut net);
        net.cut(peer);
        assert_eq!(net.shared.retained_count(), count);
    }
}

#[test]
fn silence_for_one_and_a_half_keep_alives_ends_the_connection() {
    // [3.1.1 MQTT-3.1.2-24]
    let mut net = Net::new();
    let peer = v311("s").keep_alive(10).on(&mut net);
    net.advance(14);
    assert!(net.is_open(peer));
    net.advance(3);
    assert!(!net.is_open(peer));
}

#[test]
fn the_client_identifier_is_the_session() {
    // [3.1.1 MQTT-3.1.3-2] [3.1.1 MQTT-3.1.3-5] [3.1.1 MQTT-3.1.4-2]
    let mut net = Net::new();
    let longest = "0123456789abcdefghijABC";
    let all = "DEFGHIJKLMNOPQRSTUVWXYZ";
    let other = "klmnopqrstuvwxyz";
    let peers: Vec<Peer> = [longest, all, other, "x"].iter().map(|id| v311(id).on(&mut net)).collect();
    assert_eq!(net.session_count(), 4);
    let second = v311(longest).on(&mut net);
    assert!(!net.is_open(peers[0]) && net.is_open(second), "the same identifier is the same client");
    assert!(peers[1..].iter().all(|&peer| net.is_open(peer)));
}

#[test]
fn an_empty_identifier_needs_a_clean_session() {
    // [3.1.1 MQTT-3.1.3-7] [3.1.1 MQTT-3.1.3-9] [3.1.1 MQTT-3.2.2-4] [3.1.1 MQTT-3.2.2-5]
    let mut net = Net::new();
    assert_eq!(v311("").resume().refused(&mut net), ["CONNACK present=0 rc=2"]);
    v311("").on(&mut net);
    assert_eq!(net.session_count(), 1);
}

#[test]
fn a_connect_that_is_wrong_ends_without_an_answer_and_nothing_behind_it_is_read() {
    // [3.1.1 MQTT-3.1.4-1] [3.1.1 MQTT-3.2.2-6] [3.1.1 MQTT-3.1.4-5]
    let mut net = Net::new();
    let watcher = v311("watcher").on(&mut net);
    net.subscribe(watcher, "t", 0);
    let publish = [0x30, 4, 0, 1, b't', b'x'];
    let reserved_flag = [0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 4, 3, 0, 0, 0, 1, b'a'];
    // Refused with a code: identifier rejected.
    let no_identifier = [0x10, 12, 0, 4, b'M', b'Q', b'T', b'T', 4, 0, 0, 0, 0, 0];
    for (packet, answer) in [(&reserved_flag[..], 0), (&no_identifier[..], 1)] {
        let peer = net.dial(0);
        net.send_bytes(peer, &[packet, &publish].concat());
        assert_eq!(net.got(peer).len(), answer);
        assert!(!net.is_open(peer));
        assert!(net.got(watcher).is_empty(), "what follows is not processed");
    }
}

#[test]
fn the_broker_gives_identifiers_of_its_own_and_none_at_qos_0() {
    // [3.1.1 MQTT-2.3.1-4] [3.1.1 MQTT-2.3.1-5] [3.1.1 MQTT-3.3.1-3] [3.1.1 MQTT-4.3.2-1]
    let mut net = Net::new();
    let (publisher, peer) = pair(&mut net);
    net.subscribe(peer, "t", 2);
    // DUP of the publisher's is its own business.
    net.publish_again(publisher, "t", "x", 1, 700);
    net.publish(publisher, "t", "y", 1, 700);
    net.publish(publisher, "t", "z", 0, 0);
    let bytes = net.got_bytes(peer);
    let mut packets = Vec::new();
    let mut rest = bytes.as_slice();
    while let Some(header) = FixedHeader::parse(rest).unwrap() {
        let (packet, behind) = rest.split_at(header.packet_len());
        packets.push(packet);
        rest = behind;
    }
    assert_eq!(
        packets,
        [&[0x32, 6, 0, 1, b't', 0, 1, b'x'][..], &[0x32, 6, 0, 1, b't', 0, 2, b'y'], &[0x30, 4, 0, 1, b't', b'z']]
    );
}

#[test]
fn answers_have_the_identifier_of_what_they_answer() {
    // [3.1.1 MQTT-2.3.1-6] [3.1.1 MQTT-2.3.1-7] [3.1.1 MQTT-3.3.4-1] [3.1.1 MQTT-2.2.2-1]
    let mut net = Net::new();
    let peer = v311("a").on(&mut net);
    net.publish(peer, "t", "x", 0, 0);
    assert!(net.got_bytes(peer).is_empty());
    net.publish(peer, "t", "x", 1, 0x0102);
    assert_eq!(net.got_bytes(peer), [0x40, 2, 1, 2]);
    net.publish(peer, "t", "x", 2, 0x0304);
    assert_eq!(net.got_bytes(peer), [0x50, 2, 3, 4]);
    net.pubrel(peer, 0x0304);
    assert_eq!(net.got_bytes(peer), [0x70, 2, 3, 4]);
    net.pubrec(peer, 0x0506);
    assert_eq!(net.got_bytes(peer), [0x62, 2, 5, 6], "PUBREL has the flags 0010");
    net.send_bytes(peer, &[0x82, 6, 7, 8, 0, 1, b'f', 1]);
    assert_eq!(net.got_bytes(peer), [0x90, 3, 7, 8, 1]);
    net.unsubscribe(peer, 0x090a, &["f"]);
    assert_eq!(net.got_bytes(peer), [0xb0, 2, 9, 10]);
}

#[test]
fn a_subscribe_is_answered_filter_by_filter_in_order() {
    // [3.1.1 MQTT-3.8.4-6] [3.1.1 MQTT-3.9.3-1] [3.1.1 MQTT-3.9.3-2]
    let mut net = Net::new();
    let peer = v311("a").on(&mut net);
    net.send_bytes(peer, &[0x82, 14, 0, 9, 0, 1, b'a', 2, 0, 1, b'b', 0, 0, 1, b'c', 1]);
    assert_eq!(net.got_bytes(peer), [0x90, 5, 0, 9, 2, 0, 1]);
}

#[test]
fn overlapping_subscriptions_keep_the_highest_quality_of_service() {
    // [3.1.1 MQTT-3.3.5-1]
    let mut net = Net::new();
    let (publisher, peer) = pair(&mut net);
    net.subscribe(peer, "t/#", 0);
    net.subscribe(peer, "t/+", 2);
    net.publish(publisher, "t/1", "x", 2, 1);
    net.pubrel(publisher, 1);
    assert!(net.got(peer).contains(&r#"PUBLISH q2 id=1 t/1 "x""#.to_owned()));
}

#[test]
fn what_is_delivered_matches_what_was_subscribed_character_by_character() {
    // [3.1.1 MQTT-3.3.2-3] [3.1.1 MQTT-3.3.2-1] [3.1.1 MQTT-4.7.3-4] [3.1.1 MQTT-4.7.1-1] [3.1.1 MQTT-4.7.2-1]
    let mut net = Net::new();
    let (publisher, peer) = pair(&mut net);
    for filter in ["a/+", "#", "é"] {
        net.subscribe(peer, filter, 0);
    }
    net.publish(publisher, "e\u{301}", "decomposed", 0, 0);
    net.publish(publisher, "A/b", "capital", 0, 0);
    net.publish(publisher, "$x/b", "dollar", 0, 0);
    let mut expected = vec!["PUBLISH q0 e\u{301} \"decomposed\"", "PUBLISH q0 A/b \"capital\""];
    assert_eq!(net.got(peer), expected, "by # alone");
    net.unsubscribe(peer, 1, &["#"]);
    net.publish(publisher, "a/b", "x", 0, 0);
    net.publish(publisher, "a/b/c", "y", 0, 0);
    expected = vec!["UNSUBACK 1 []", r#"PUBLISH q0 a/b "x""#];
    assert_eq!(net.got(peer), expected);
    // A wildcard stands in filters only.
    net.send_bytes(publisher, &[0x30, 5, 0, 3, b'a', b'/', b'+']);
    assert!(!net.is_open(publisher));
}

#[test]
fn the_longest_topic_is_taken() {
    // [3.1.1 MQTT-4.7.3-3]
    let mut net = Net::new();
    let (publisher, peer) = pair(&mut net);
    let longest = "x".repeat(65_535);
    net.subscribe(peer, &longest, 0);
    net.publish(publisher, &longest, "p", 0, 0);
    assert_eq!(net.got(peer).len(), 1);
}

#[test]
fn an_unsubscription_ends_what_is_new_and_finishes_what_has_begun() {
    // [3.1.1 MQTT-3.10.4-1] [3.1.1 MQTT-3.10.4-2] [3.1.1 MQTT-3.10.4-3]
    let mut net = Net::new();
    let (publisher, peer) = pair(&mut net);
    net.subscribe(peer, "t", 2);
    net.subscribe(peer, "T", 2);
    net.publish(publisher, "t", "begun", 2, 1);
    net.pubrel(publisher, 1);
    net.unsubscribe(peer, 5, &["t"]);
    net.publish(publisher, "t", "too late", 1, 2);
    assert_eq!(net.got(peer), [r#"PUBLISH q2 id=1 t "begun""#, "UNSUBACK 5 []"]);
    net.pubrec(peer, 1);
    assert_eq!(net.got(peer), ["PUBREL 1"]);
    net.publish(publisher, "T", "another filter", 0, 0);
    assert_eq!(net.got(peer).len(), 1);
}

#[test]
fn what_is_not_acknowledged_is_sent_again_in_order_with_its_identifier() {
    // [3.1.1 MQTT-4.4.0-1] [3.1.1 MQTT-3.3.1-1] [3.1.1 MQTT-4.6.0-6] [3.1.1 MQTT-4.6.0-5]
    let mut net = Net::new();
    let publisher = v311("publisher").on(&mut net);
    let peer = v311("s").resume().on(&mut net);
    net.subscribe(peer, "t", 2);
    for id in 1..=3 {
        net.publish(publisher, "t", &id.to_string(), 2, id);
        net.pubrel(publisher, id);
    }
    net.pubrec(peer, 1);
    let first = net.got(peer);
    assert_eq!(first[..3].iter().filter(|line| line.contains("dup")).count(), 0);
    net.cut(peer);
    let (_, got) = v311("s").resume().attempt(&mut net);
    let expected =
        ["CONNACK present=1 rc=0", "PUBREL 1", r#"PUBLISH q2 id=2 dup t "2""#, r#"PUBLISH q2 id=3 dup t "3""#];
    assert_eq!(got, expected);
}

#[test]
fn acknowledgements_come_in_the_order_of_what_they_answer() {
    // [3.1.1 MQTT-4.6.0-2] [3.1.1 MQTT-4.6.0-3] [3.1.1 MQTT-4.6.0-4]
    let mut net = Net::new();
    let peer = v311("a").on(&mut net);
    let publish = |qos: u8, id: u8| [0x30 | qos << 1, 5, 0, 1, b't', 0, id];
    net.send_bytes(peer, &[publish(1, 9), publish(1, 3), publish(2, 7), publish(2, 5), publish(1, 1)].concat());
    let expected = ["PUBACK 9", "PUBACK 3", "PUBREC 7", "PUBREC 5", "PUBACK 1"];
    assert_eq!(net.got(peer), expected);
    // PUBREL in the order of PUBREC.
    let pubrec = |id: u8| [PacketType::PubRec.first_byte(), 2, 0, id];
    net.send_bytes(peer, &[pubrec(8), pubrec(2), pubrec(6)].concat());
    assert_eq!(net.got(peer), ["PUBREL 8", "PUBREL 2", "PUBREL 6"]);
}

#[test]
fn a_connect_has_no_field_whose_flag_is_not_set() {
    // [3.1.1 MQTT-3.1.2-11] [3.1.1 MQTT-3.1.2-18] [3.1.1 MQTT-3.1.2-20]
    let mut net = Net::new();
    let mut packet = Vec::new();
    packet.extend_from_slice(&v311("a").bytes());
    assert_eq!(packet, [0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 0, 0, 1, b'a'], "no flag, no field");
    // A field that no flag announces: a user name or a password.
    packet.extend_from_slice(&[0, 1, b'u']);
    packet[1] += 3;
    let peer = net.dial(0);
    net.send_bytes(peer, &packet);
    assert!(!net.is_open(peer) && net.got_bytes(peer).is_empty());
    // The QoS or the retain flag of a will that there is not.
    for flags in [0x0a, 0x22] {
        let peer = net.dial(0);
        net.send_bytes(peer, &[0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 4, flags, 0, 0, 0, 1, b'a']);
        assert!(!net.is_open(peer) && net.got_bytes(peer).is_empty());
    }
}
