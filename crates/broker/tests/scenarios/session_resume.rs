//! A session that outlives its connection.

use crate::harness::{Net, Peer, connect};
use mosquitto_mqtt::Property;

/// A subscriber of `t` that keeps its session, and a publisher.
fn pair(net: &mut Net, qos: u8) -> (Peer, Peer) {
    let subscriber = connect("sub").keep_session(1000).on(net);
    net.subscribe(subscriber, "t", qos);
    (subscriber, connect("pub").on(net))
}

#[test]
fn subscriptions_and_messages_wait_for_the_client() {
    // [MQTT-3.1.2-23] [MQTT-3.2.0-1]
    // [MQTT-3.1.2-5] [MQTT-3.2.2-3] [MQTT-4.1.0-1]
    // [MQTT-4.5.0-1] [MQTT-3.1.2-5] [MQTT-3.2.2-3] [MQTT-4.1.0-1]
    let mut net = Net::new();
    let (subscriber, publisher) = pair(&mut net, 2);
    net.disconnect(subscriber);
    net.publish(publisher, "t", "one", 1, 1);
    net.publish(publisher, "t", "two", 1, 2);
    let (subscriber, got) = connect("sub").keep_session(1000).attempt(&mut net);
    assert!(got[0].starts_with("CONNACK present=1 rc=0"));
    assert_eq!(got[1..], [r#"PUBLISH q1 id=1 t "one""#, r#"PUBLISH q1 id=2 t "two""#]);
    net.publish(publisher, "t", "three", 0, 0);
    assert_eq!(net.got(subscriber), [r#"PUBLISH q0 t "three""#]);
}

#[test]
fn mqtt_3_sessions_go_on_with_clean_session_0() {
    // [3.1.1 MQTT-3.1.2-4] [3.1.1 MQTT-3.2.2-2]; 3.1 has no Session Present.
    let mut net = Net::new();
    for (v31, present) in [(false, 1), (true, 0)] {
        let options = || if v31 { connect("old").v31().resume() } else { connect("new").v311().resume() };
        let (peer, got) = options().attempt(&mut net);
        assert_eq!(got, ["CONNACK present=0 rc=0"]);
        net.subscribe(peer, "t", 1);
        net.cut(peer);
        let publisher = connect("pub").on(&mut net);
        net.publish(publisher, "t", "x", 1, 1);
        let (_, got) = options().attempt(&mut net);
        assert_eq!(got, [format!("CONNACK present={present} rc=0"), r#"PUBLISH q1 id=1 t "x""#.to_owned()]);
    }
}

#[test]
fn qos_0_does_not_wait() {
    let mut net = Net::new();
    let (subscriber, publisher) = pair(&mut net, 1);
    net.disconnect(subscriber);
    net.publish(publisher, "t", "x", 0, 0);
    let subscriber = connect("sub").keep_session(1000).on(&mut net);
    assert!(net.got(subscriber).is_empty());
}

#[test]
fn a_clean_start_or_no_expiry_means_a_new_session() {
    // [MQTT-3.1.4-4]
    // [MQTT-3.1.2-4] [MQTT-3.2.2-2]
    let mut net = Net::new();
    let (subscriber, publisher) = pair(&mut net, 1);
    net.disconnect(subscriber);
    net.publish(publisher, "t", "x", 1, 1);
    let (subscriber, got) = connect("sub").attempt(&mut net);
    assert!(got[0].starts_with("CONNACK present=0") && got.len() == 1);
    net.subscribe(subscriber, "t", 1);
    net.disconnect(subscriber);
    let (_, got) = connect("sub").resume().attempt(&mut net);
    assert!(got[0].starts_with("CONNACK present=0"), "its expiry was 0");
    assert_eq!(net.shared.subscription_count(), 0);
}

#[test]
fn unacknowledged_messages_come_again_before_new_ones() {
    // [MQTT-4.3.2-3] [MQTT-4.4.0-1] [MQTT-3.3.1-1] [MQTT-4.6.0-1]
    let mut net = Net::new();
    let (subscriber, publisher) = pair(&mut net, 2);
    net.publish(publisher, "t", "one", 1, 1);
    net.publish(publisher, "t", "two", 1, 2);
    net.puback(subscriber, 1);
    net.cut(subscriber);
    net.publish(publisher, "t", "three", 1, 3);
    let subscriber = connect("sub").keep_session(1000).on(&mut net);
    assert_eq!(net.got(subscriber), [r#"PUBLISH q1 id=2 dup t "two""#, r#"PUBLISH q1 id=3 t "three""#]);
}

#[test]
fn after_pubrec_only_the_pubrel_comes_again() {
    // [MQTT-4.3.3-3] [MQTT-4.3.3-5] [MQTT-4.3.3-6] [MQTT-4.4.0-1]
    let mut net = Net::new();
    let (subscriber, publisher) = pair(&mut net, 2);
    net.publish(publisher, "t", "one", 2, 1);
    net.pubrel(publisher, 1);
    net.publish(publisher, "t", "two", 2, 2);
    net.pubrel(publisher, 2);
    net.pubrec(subscriber, 1);
    net.cut(subscriber);
    let subscriber = connect("sub").keep_session(1000).on(&mut net);
    assert_eq!(net.got(subscriber), ["PUBREL 1", r#"PUBLISH q2 id=2 dup t "two""#]);
    net.pubcomp(subscriber, 1);
    net.cut(subscriber);
    let subscriber = connect("sub").keep_session(1000).on(&mut net);
    assert_eq!(net.got(subscriber), [r#"PUBLISH q2 id=2 dup t "two""#]);
}

#[test]
fn packet_identifiers_go_on() {
    let mut net = Net::new();
    let (mut subscriber, publisher) = pair(&mut net, 1);
    for id in 1..5 {
        net.publish(publisher, "t", "x", 1, 1);
        assert_eq!(net.got(subscriber), [format!(r#"PUBLISH q1 id={id} t "x""#)]);
        net.puback(subscriber, id);
        net.disconnect(subscriber);
        subscriber = connect("sub").keep_session(1000).on(&mut net);
    }
}

#[test]
fn a_message_of_qos_2_that_is_repeated_on_a_new_connection_is_delivered_once() {
    // [MQTT-4.3.3-10]
    let mut net = Net::new();
    let subscriber = connect("sub").on(&mut net);
    net.subscribe(subscriber, "t", 0);
    let publisher = connect("pub").keep_session(1000).on(&mut net);
    net.publish(publisher, "t", "x", 2, 7);
    net.publish_again(publisher, "t", "x", 2, 7);
    net.cut(publisher);
    let publisher = connect("pub").keep_session(1000).on(&mut net);
    net.publish_again(publisher, "t", "x", 2, 7);
    net.pubrel(publisher, 7);
    assert_eq!(net.got(publisher), ["PUBREC 7", "PUBCOMP 7"]);
    assert_eq!(net.got(subscriber), [r#"PUBLISH q0 t "x""#]);
}

#[test]
fn the_new_connections_receive_maximum_counts() {
    // [MQTT-3.3.4-9]: exchanges that wait for PUBCOMP are not finished either.
    let mut net = Net::new();
    let (subscriber, publisher) = pair(&mut net, 2);
    for id in 1..=3 {
        net.publish(publisher, "t", "x", 2, id);
        net.pubrel(publisher, id);
    }
    net.pubrec(subscriber, 1);
    net.cut(subscriber);
    let subscriber = connect("sub").keep_session(1000).with(Property::ReceiveMaximum(2)).on(&mut net);
    assert_eq!(net.got(subscriber), ["PUBREL 1", r#"PUBLISH q2 id=2 dup t "x""#]);
    net.pubcomp(subscriber, 1);
    assert_eq!(net.got(subscriber), [r#"PUBLISH q2 id=3 dup t "x""#]);
}

#[test]
fn a_session_may_change_its_version() {
    let mut net = Net::new();
    let subscriber = connect("sub").keep_session(1000).on(&mut net);
    net.subscribe_options(subscriber, "t", Default::default(), 9);
    net.disconnect(subscriber);
    let subscriber = connect("sub").v311().resume().on(&mut net);
    let publisher = connect("pub").on(&mut net);
    net.publish_with(publisher, "t", b"x", 0, 0, &[Property::ContentType("text")]);
    assert_eq!(net.got(subscriber), [r#"PUBLISH q0 t "x""#], "MQTT 3 has no properties");
}
