//! No Local, Retain As Published and the private dialect of bridges.

use crate::harness::{Net, connect};
use mosquitto_mqtt::packet::SubscriptionOptions;

fn no_local() -> SubscriptionOptions {
    SubscriptionOptions { no_local: true, ..Default::default() }
}

#[test]
fn no_local_keeps_a_clients_own_messages_from_it() {
    // [MQTT-3.8.3-3]
    let mut net = Net::new();
    let (a, b) = (connect("a").on(&mut net), connect("b").on(&mut net));
    net.subscribe_options(a, "t", no_local(), 0);
    net.subscribe(b, "t", 0);
    net.publish(a, "t", "a's", 1, 1);
    assert_eq!(net.got(a), ["PUBACK 1"]);
    assert_eq!(net.got(b), [r#"PUBLISH q0 t "a's""#]);
    net.publish(b, "t", "b's", 0, 0);
    assert_eq!(net.got(a), [r#"PUBLISH q0 t "b's""#]);
}

#[test]
fn no_local_holds_for_messages_of_qos_2_and_wills() {
    let mut net = Net::new();
    let a = connect("a").keep_session(100).will("t", "gone", 1, false).on(&mut net);
    net.subscribe_options(a, "t", no_local(), 0);
    net.publish(a, "t", "x", 2, 1);
    net.pubrel(a, 1);
    assert_eq!(net.got(a), ["PUBREC 1", "PUBCOMP 1"]);
    net.cut(a);
    let a = connect("a").keep_session(100).on(&mut net);
    assert!(net.got(a).is_empty());
}

#[test]
fn retain_as_published_keeps_the_flag_on_live_messages() {
    // [MQTT-3.3.1-12] [MQTT-3.3.1-13]
    let mut net = Net::new();
    let (publisher, peer) = (connect("pub").on(&mut net), connect("sub").on(&mut net));
    net.subscribe_options(peer, "t", SubscriptionOptions { retain_as_published: true, ..Default::default() }, 1);
    net.subscribe_options(peer, "+", SubscriptionOptions::default(), 2);
    net.publish_retained(publisher, "t", "x", 0, 0);
    net.publish(publisher, "t", "y", 0, 0);
    let flags = net.got(peer).iter().map(|line| line.contains("retain t")).collect::<Vec<_>>();
    assert_eq!(flags, [true, false, false, false]);
}

#[test]
fn the_flag_survives_the_queue() {
    let mut net = Net::new();
    let (publisher, peer) = (connect("pub").on(&mut net), connect("sub").keep_session(100).on(&mut net));
    let options =
        SubscriptionOptions { retain_as_published: true, qos: mosquitto_mqtt::QoS::AtLeastOnce, ..Default::default() };
    net.subscribe_options(peer, "t", options, 5);
    net.cut(peer);
    net.publish_retained(publisher, "t", "x", 1, 1);
    let peer = connect("sub").keep_session(100).on(&mut net);
    assert_eq!(net.got(peer), [r#"PUBLISH q1 id=1 retain t "x" {subscription-identifier=5}"#]);
}

#[test]
fn a_bridge_of_mqtt_3_gets_no_echo_and_the_retain_flag() {
    let mut net = Net::new();
    let (bridge, publisher) = (connect("bridge").v311().bridge().on(&mut net), connect("pub").on(&mut net));
    net.subscribe(bridge, "#", 0);
    net.publish(bridge, "t", "own", 0, 0);
    net.publish_retained(publisher, "t", "x", 0, 0);
    assert_eq!(net.got(bridge), [r#"PUBLISH q0 retain t "x""#]);
    assert_eq!(net.log_with("New bridge connected from").len(), 1);
}
