//! CONNECT: who is let in, and what the answer says.

use crate::harness::{Net, connect, of_listener};
use mosquitto_broker::{ListenerSettings, Settings};
use mosquitto_mqtt::Property;

/// Sends bytes as the first ones of a connection. Returns what came back and whether the connection is still open.
fn first_bytes(net: &mut Net, bytes: &[u8]) -> (Vec<u8>, bool) {
    let peer = net.dial(0);
    net.send_bytes(peer, bytes);
    (net.got_bytes(peer), net.is_open(peer))
}

/// A CONNECT with another byte at one place behind the fixed header.
fn changed(mut bytes: Vec<u8>, at: usize, byte: u8) -> Vec<u8> {
    bytes[2 + at] = byte;
    bytes
}

#[test]
fn the_answer_is_byte_for_byte_mosquittos() {
    // [MQTT-3.1.4-5] [MQTT-3.2.2-1]
    // [MQTT-4.12.0-6]: no authentication method
    let mut net = Net::new();
    let (answer, open) = first_bytes(&mut net, &connect("five").bytes());
    assert_eq!(answer, [0x20, 14, 0, 0, 11, 0x22, 0, 10, 0x27, 0, 0x1e, 0x84, 0x80, 0x21, 0, 20]);
    assert!(open);
    for old in [connect("a").v31(), connect("b").v311(), connect("c").v311().bridge()] {
        assert_eq!(first_bytes(&mut net, &old.bytes()), (vec![0x20, 2, 0, 0], true));
    }
}

#[test]
fn properties_of_the_answer_stand_in_mosquittos_order() {
    let mut net = Net::with(2, Settings { max_keepalive_s: 60, ..Settings::default() });
    let (_, got) = connect("").keep_alive(100).attempt(&mut net);
    let names: Vec<&str> = got[0].split(['{', ' ', '=']).filter(|word| word.contains('-')).take(6).collect();
    let ours: Vec<&str> = names.iter().copied().filter(|name| !name.starts_with("auto")).collect();
    let order = ["server-keep-alive", "topic-alias-maximum", "assigned-client-identifier", "maximum-packet-size"];
    assert_eq!(ours[..4], order, "{got:?}");
    assert!(got[0].ends_with("receive-maximum=20}"), "{got:?}");
}

#[test]
fn limits_that_are_off_are_not_announced() {
    let settings = Settings {
        max_inflight_messages: 0,
        ..of_listener(ListenerSettings { max_topic_alias: 0, ..ListenerSettings::default() })
    };
    let (_, got) = connect("x").attempt(&mut Net::with(1, settings));
    assert_eq!(got, ["CONNACK present=0 rc=0 {maximum-packet-size=2000000}"]);
}

#[test]
fn a_client_without_an_id_gets_one_of_its_own() {
    // [MQTT-3.1.3-6] [MQTT-3.1.3-7] [MQTT-3.2.2-16]
    let mut net = Net::new();
    let mut assigned = |options: crate::harness::Options| {
        let (_, got) = options.attempt(&mut net);
        let id = got[0].split("assigned-client-identifier=").nth(1).unwrap();
        id.split([',', '}']).next().unwrap().trim_matches('"').to_owned()
    };
    let (first, second) = (assigned(connect("")), assigned(connect("").keep_session(60)));
    assert_ne!(first, second);
    for id in [first, second] {
        assert_eq!((id.len(), &id[..5], &id[13..14]), (41, "auto-", "-"));
        assert!(!id[5..].contains(|c: char| c != '-' && !c.is_ascii_digit() && !('A'..='F').contains(&c)), "{id}");
    }
    assert_eq!(net.session_count(), 2);
}

#[test]
fn an_assigned_id_is_at_home_where_its_client_is() {
    let mut net = Net::new();
    for shard in 0..3 {
        let peer = net.dial(shard);
        net.send_bytes(peer, &connect("").bytes());
        assert_eq!(net.shards[shard].session_count(), 1);
        let bytes = net.got_bytes(peer);
        let id = bytes.windows(5).position(|window| window == b"auto-").unwrap();
        assert_eq!(net.home_of(std::str::from_utf8(&bytes[id..id + 41]).unwrap()), shard);
    }
}

#[test]
fn old_versions_get_an_id_only_for_a_clean_session() {
    // [3.1.1 MQTT-3.1.3-7] [3.1.1 MQTT-3.1.3-8]
    let mut net = Net::new();
    connect("").v311().on(&mut net);
    assert_eq!(connect("").v311().resume().refused(&mut net), ["CONNACK present=0 rc=2"]);
    assert_eq!(connect("").v31().refused(&mut net), ["CONNACK present=0 rc=2"]);
}

#[test]
fn a_level_that_no_version_has_is_answered_as_mqtt_5_does() {
    // [MQTT-3.1.2-2]
    let mut net = Net::new();
    for level in [2, 6, 0x7f] {
        let answer = first_bytes(&mut net, &changed(connect("a").v311().bytes(), 6, level));
        assert_eq!(answer, (vec![0x20, 3, 0, 0x84, 0], false));
    }
}

#[test]
fn a_known_level_under_the_wrong_name_is_answered_as_mqtt_3_does() {
    let mut net = Net::new();
    assert_eq!(first_bytes(&mut net, &changed(connect("a").bytes(), 6, 3)), (vec![0x20, 2, 0, 1], false));
    for level in [4, 5] {
        let answer = first_bytes(&mut net, &changed(connect("a").v31().bytes(), 8, level));
        assert_eq!(answer, (vec![0x20, 2, 0, 1], false));
    }
}

#[test]
fn a_connect_whose_name_or_flags_are_wrong_is_not_answered() {
    // [MQTT-3.1.2-1] [MQTT-3.1.2-3] [MQTT-3.1.2-11] [MQTT-3.1.2-12] [MQTT-3.1.2-13]
    // [3.1.1 MQTT-3.1.2-1] [3.1.1 MQTT-3.1.2-3] [3.1.1 MQTT-3.1.2-13] [3.1.1 MQTT-3.1.2-14] [3.1.1 MQTT-3.1.2-15]
    let mut net = Net::new();
    for (at, byte) in [(2, b'X'), (7, 0x03), (7, 0x0a), (7, 0x22), (7, 0x1e)] {
        for connect in [connect("a").v311(), connect("a")] {
            let answer = first_bytes(&mut net, &changed(connect.bytes(), at, byte));
            assert_eq!(answer, (vec![], false), "{at} {byte:#x}");
        }
    }
}

#[test]
fn a_password_alone_is_for_mqtt_5_only() {
    // [3.1.1 MQTT-3.1.2-22]
    let mut net = Net::new();
    assert!(connect("a").v311().password(b"x").refused(&mut net).is_empty());
    connect("a").password(b"\xff\0").on(&mut net);
    connect("b").v311().username("u").password(b"").on(&mut net);
}

#[test]
fn a_listener_without_anonymous_clients_refuses_them() {
    // [MQTT-3.1.4-2] [MQTT-3.2.2-7]
    let listeners = vec![ListenerSettings { allow_anonymous: false, ..ListenerSettings::default() }];
    let mut net = Net::with(2, Settings { listeners, ..Settings::default() });
    assert_eq!(connect("a").v311().refused(&mut net), ["CONNACK present=0 rc=5"]);
    assert_eq!(connect("a").refused(&mut net), ["CONNACK present=0 rc=135"]);
    assert_eq!(net.session_count(), 0);
}

#[test]
fn authentication_methods_are_refused_since_there_are_none() {
    // [MQTT-4.12.0-4] [MQTT-4.12.0-1]
    let mut net = Net::new();
    let method = connect("a").with(Property::AuthenticationMethod("x"));
    assert_eq!(method.refused(&mut net), ["CONNACK present=0 rc=140"]);
    let data = connect("a").with(Property::AuthenticationData(b"x"));
    assert_eq!(data.refused(&mut net), ["CONNACK present=0 rc=130"]);
}

#[test]
fn a_client_id_that_is_no_text_is_refused() {
    // [MQTT-3.1.3-4]
    let mut net = Net::new();
    assert_eq!(first_bytes(&mut net, &changed(connect("a").bytes(), 13, 0xff)), (vec![0x20, 3, 0, 0x85, 0], false));
    assert_eq!(first_bytes(&mut net, &changed(connect("a").v311().bytes(), 12, 0)), (vec![], false));
}

#[test]
fn surplus_bytes_and_bad_properties_have_their_reasons() {
    let mut net = Net::new();
    let mut surplus = connect("a").bytes();
    surplus.push(0);
    surplus[1] += 1;
    assert_eq!(first_bytes(&mut net, &surplus), (vec![0x20, 3, 0, 0x81, 0], false));
    for wrong in [Property::ReceiveMaximum(0), Property::MaximumPacketSize(0), Property::TopicAlias(1)] {
        assert_eq!(connect("a").with(wrong).refused(&mut net), ["CONNACK present=0 rc=130"]);
    }
    let twice = connect("a").with(Property::ReceiveMaximum(1)).with(Property::ReceiveMaximum(1));
    assert_eq!(twice.refused(&mut net), ["CONNACK present=0 rc=130"]);
}

#[test]
fn a_client_that_takes_less_than_the_answer_gets_none() {
    // [MQTT-3.1.2-24]
    let mut net = Net::new();
    assert!(connect("a").with(Property::MaximumPacketSize(15)).refused(&mut net).is_empty());
    connect("a").with(Property::MaximumPacketSize(16)).on(&mut net);
}

#[test]
fn a_will_needs_a_topic_that_clients_may_write_to() {
    let mut net = Net::new();
    for topic in ["$CONTROL/broker", "", "a/#"] {
        assert!(connect("a").v311().will(topic, "x", 0, false).refused(&mut net).is_empty(), "{topic}");
    }
    for topic in ["$CONTROL/broker", "a/#"] {
        assert!(connect("a").will(topic, "x", 0, false).refused(&mut net).is_empty(), "{topic}");
    }
    // [MQTT-3.1.4-1]: of these, Mosquitto answers the one without a topic.
    assert_eq!(connect("a").will("", "x", 0, false).refused(&mut net), ["CONNACK present=0 rc=130"]);
}

#[test]
fn a_connect_has_half_a_minute_however_slowly_it_comes() {
    let mut net = Net::new();
    let (silent, slow) = (net.dial(0), net.dial(1));
    let bytes = connect("slow").bytes();
    for second in 0..29 {
        net.advance(1);
        net.send_bytes(slow, &bytes[second / 2..=second / 2][..usize::from(second % 2 == 0)]);
    }
    assert!(net.is_open(silent) && net.is_open(slow));
    net.advance(1);
    assert!(!net.is_open(silent) && !net.is_open(slow));
    assert_eq!(net.connections_and_deadlines(), (0, 0));
}

#[test]
fn a_connection_that_closes_without_a_byte_leaves_nothing() {
    let mut net = Net::new();
    let peer = net.dial(1);
    net.cut(peer);
    assert_eq!((net.connections_and_deadlines(), net.session_count()), ((0, 0), 0));
}

#[test]
fn a_client_id_may_be_very_long() {
    let mut net = Net::new();
    let id = "x".repeat(65_000);
    connect(&id).resume().on(&mut net);
    assert_eq!(net.session_count(), 1);
}

#[test]
fn what_follows_the_connect_is_handled_at_the_clients_home() {
    // MQTT 5, 3.1.4: a client need not wait for the answer.
    let mut net = Net::new();
    for shard in 0..3 {
        let peer = net.dial(shard);
        let rest = b"\x82\x06\0\x01\0\x01a\0\x30\x04\0\x01ax\xc0\0";
        net.send_bytes(peer, &[connect("a").v311().bytes(), rest.to_vec()].concat());
        let got = net.got(peer);
        assert_eq!(got, ["CONNACK present=0 rc=0", "SUBACK 1 [0]", r#"PUBLISH q0 a "x""#, "PINGRESP"]);
    }
}
