//! Clients that are not let in.

use crate::harness::{Net, Options, connect};
use mosquitto_broker::{ListenerSettings, Settings};
use mosquitto_mqtt::{PacketType, Property, ReasonCode};

/// A broker whose only listener lets nobody in who has no user name, which is all that it can check.
fn closed() -> Net {
    let listeners = vec![ListenerSettings { allow_anonymous: false, ..ListenerSettings::default() }];
    Net::with(2, Settings { listeners, ..Settings::default() })
}

/// Clients that are refused, each with its broker.
fn refused() -> Vec<(Net, Options)> {
    vec![
        (closed(), connect("a")),
        (Net::new(), connect("a").with(Property::AuthenticationMethod("x"))),
        (Net::new(), connect("a").with(Property::AuthenticationData(b"x"))),
        (Net::new(), connect("a").with(Property::ReceiveMaximum(0))),
        (Net::new(), connect("a").with(Property::ServerKeepAlive(1))),
        (Net::new(), connect("\u{1}")),
    ]
}

#[test]
fn a_refusal_is_one_connack_and_the_end() {
    // [MQTT-3.2.2-7] [MQTT-3.2.2-8] [MQTT-3.1.4-2] [MQTT-3.2.0-2] [MQTT-3.1.3-8]
    for (mut net, options) in refused() {
        let got = options.refused(&mut net);
        let reason = got[0].strip_prefix("CONNACK present=0 rc=").expect("no session, and no properties");
        let reason = ReasonCode(reason.parse().unwrap());
        assert!(got.len() == 1 && reason.is_error() && reason.belongs_in(PacketType::ConnAck), "{got:?}");
        assert_eq!((net.session_count(), net.connections_and_deadlines()), (0, (0, 0)));
    }
}

#[test]
fn a_refusal_tells_of_no_session_where_there_is_one_and_leaves_it() {
    // [MQTT-3.2.2-6]
    let mut net = Net::new();
    let peer = connect("a").keep_session(100).on(&mut net);
    net.cut(peer);
    let again = connect("a").keep_session(100).with(Property::AuthenticationMethod("x"));
    assert_eq!(again.refused(&mut net), ["CONNACK present=0 rc=140"]);
    let (_, got) = connect("a").keep_session(100).attempt(&mut net);
    assert!(got[0].starts_with("CONNACK present=1 rc=0"), "{got:?}");
}

#[test]
fn nothing_that_a_refused_client_has_sent_behind_its_connect_is_handled() {
    // [MQTT-3.1.4-6]
    let rest = b"\x31\x05\0\x01t\0x\x82\x07\0\x01\0\0\x01t\0\xc0\0";
    for (mut net, options) in refused() {
        for shard in 0..net.shards.len() {
            let peer = net.dial(shard);
            net.send_bytes(peer, &[options.bytes(), rest.to_vec()].concat());
            let answer = net.got_bytes(peer);
            assert_eq!((answer.len(), net.is_open(peer)), (5, false), "{answer:x?}");
        }
        assert_eq!((net.shared.retained_count(), net.shared.subscription_count()), (0, 0));
    }
}

#[test]
fn a_refusal_is_no_larger_than_the_client_takes() {
    // [MQTT-3.1.2-24] [MQTT-3.2.2-19] [MQTT-3.2.2-20]: there is neither a reason string nor a user property in it.
    for (size, answer) in [(5, &[0x20, 3, 0, 140, 0][..]), (4, &[])] {
        let mut net = Net::new();
        let options = connect("a").with(Property::MaximumPacketSize(size)).with(Property::AuthenticationMethod("x"));
        let peer = net.dial(0);
        net.send_bytes(peer, &options.bytes());
        assert_eq!((net.got_bytes(peer), net.is_open(peer)), (answer.to_vec(), false));
    }
}

#[test]
fn an_accepted_client_gets_its_connack_first_and_once() {
    // [MQTT-3.2.0-1] [MQTT-3.2.0-2] [MQTT-3.1.4-5]
    let mut net = Net::new();
    let (peer, publisher) = (connect("a").keep_session(100).on(&mut net), connect("pub").on(&mut net));
    net.subscribe(peer, "t", 1);
    net.cut(peer);
    net.publish(publisher, "t", "x", 1, 1);
    let peer = net.dial(0);
    net.send_bytes(peer, &[connect("a").keep_session(100).bytes(), b"\xc0\0".to_vec()].concat());
    net.publish(publisher, "t", "y", 0, 0);
    let bytes = net.got_bytes(peer);
    let got = crate::harness::show(&bytes, mosquitto_mqtt::ProtocolVersion::V5);
    assert!(got[0].starts_with("CONNACK present=1 rc=0"), "{got:?}");
    let kinds: Vec<&str> = got[1..].iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(kinds, ["PUBLISH", "PINGRESP", "PUBLISH"]);
}
