//! CONNECT packets that are refused leave nothing of what they carried: no slot, no deadline, no will.

use crate::harness::{Net, Options, connect};
use mosquitto_broker::{ListenerSettings, Settings};
use mosquitto_mqtt::Property;

/// A CONNECT with all that a client can bring.
fn laden(id: &str) -> Options {
    connect(id)
        .keep_session(1000)
        .keep_alive(60)
        .username("user")
        .password(&[b'p'; 500])
        .with(Property::UserProperty(("name", "value")))
        .with(Property::ReceiveMaximum(5))
        .with(Property::TopicAliasMaximum(5))
        .will("will", "gone", 2, true)
        .will_with(Property::WillDelayInterval(10))
        .will_with(Property::CorrelationData(&[7; 500]))
        .will_with(Property::UserProperty(("name", "value")))
}

/// Nothing is left, and nobody was told of a will.
fn leaves_nothing(net: &mut Net, others: usize) {
    net.leap(2000);
    assert_eq!(net.session_count(), others);
    assert_eq!(net.connections_and_deadlines(), (others, 0));
    assert_eq!((net.shared.subscription_count(), net.shared.retained_count()), (others, 0));
}

#[test]
fn many_connects_that_are_not_authorized_leave_nothing() {
    let listeners = vec![ListenerSettings { allow_anonymous: false, ..ListenerSettings::default() }];
    let mut net = Net::with(2, Settings { listeners, ..Settings::default() });
    for n in 0..1000 {
        assert_eq!(laden(&format!("c{n}")).refused(&mut net), ["CONNACK present=0 rc=135"]);
    }
    leaves_nothing(&mut net, 0);
}

#[test]
fn connects_that_are_refused_for_each_other_reason_leave_nothing() {
    let mut net = Net::new();
    let watcher = connect("watcher").on(&mut net);
    net.subscribe(watcher, "#", 2);
    for _ in 0..100 {
        // An authentication method; one with data alone; a maximum that no answer fits in; a will to the broker itself.
        laden("a").with(Property::AuthenticationMethod("m")).refused(&mut net);
        laden("a").with(Property::AuthenticationData(b"d")).refused(&mut net);
        laden("a").will("$CONTROL/x", "y", 0, false).refused(&mut net);
        laden("a").with(Property::ReceiveMaximum(6)).refused(&mut net);
        laden("a").will_with(Property::WillDelayInterval(7)).refused(&mut net);
        // Cut short, or with bytes too many.
        let changes: [fn(&mut Vec<u8>); 2] = [|bytes| bytes.push(0), |bytes| _ = bytes.pop()];
        for change in changes {
            let mut bytes = laden("a").bytes().split_off(3);
            change(&mut bytes);
            let peer = net.dial(0);
            let len = bytes.len();
            net.send_bytes(peer, &[&[0x10, (len % 128) as u8 | 0x80, (len / 128) as u8], &bytes[..]].concat());
            assert!(!net.is_open(peer));
        }
    }
    assert!(net.got(watcher).is_empty());
    leaves_nothing(&mut net, 1);
}

#[test]
fn a_client_that_cannot_take_the_answer_leaves_nothing_but_its_will() {
    // It was accepted, and then lost: that is what a will is for [MQTT-3.1.2-8].
    let mut net = Net::new();
    let watcher = connect("watcher").on(&mut net);
    net.subscribe(watcher, "#", 0);
    for _ in 0..100 {
        let options = connect("a").with(Property::MaximumPacketSize(5)).will("will", "gone", 0, false);
        assert!(options.refused(&mut net).is_empty());
    }
    assert_eq!(net.got(watcher), vec![r#"PUBLISH q0 will "gone""#; 100]);
    leaves_nothing(&mut net, 1);
}

#[test]
fn connects_that_are_never_finished_leave_nothing() {
    let mut net = Net::new();
    let bytes = laden("a").bytes();
    for n in 0..1000 {
        let peer = net.dial(n % 3);
        net.send_bytes(peer, &bytes[..n % bytes.len()]);
        if n % 2 == 0 {
            net.cut(peer);
        }
    }
    net.leap(31);
    leaves_nothing(&mut net, 0);
}
