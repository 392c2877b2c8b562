//! Messages that are refused or expire in the middle of their exchange.

use crate::harness::{Net, connect};
use mosquitto_broker::Settings;
use mosquitto_mqtt::{PacketType, Property};

#[test]
fn a_message_that_the_client_refused_does_not_come_again() {
    // [MQTT-4.4.0-2]
    for (qos, kind) in [(1, PacketType::PubAck), (2, PacketType::PubRec)] {
        let mut net = Net::new();
        let (publisher, peer) = (connect("pub").on(&mut net), connect("a").keep_session(100).on(&mut net));
        net.subscribe(peer, "t", qos);
        net.publish(publisher, "t", "x", qos, 1);
        net.pubrel(publisher, 1);
        assert_eq!(net.got(peer).len(), 1);
        net.ack(peer, kind, 1, 0x97);
        net.cut(peer);
        let peer = connect("a").keep_session(100).on(&mut net);
        assert!(net.got(peer).is_empty());
    }
}

#[test]
fn an_identifier_whose_message_was_refused_stands_for_a_new_one() {
    // [MQTT-4.3.3-9]
    let mut net = Net::with(2, Settings { max_inflight_messages: 1, ..Settings::default() });
    let (publisher, peer) = (connect("pub").on(&mut net), connect("a").on(&mut net));
    net.subscribe(peer, "t", 0);
    net.publish(publisher, "t", "first", 2, 1);
    net.publish(publisher, "t", "refused", 2, 2);
    net.publish_again(publisher, "t", "refused", 2, 2);
    net.pubrel(publisher, 1);
    net.publish(publisher, "t", "second", 2, 2);
    net.pubrel(publisher, 2);
    assert_eq!(
        net.got(publisher),
        ["PUBREC 1", "PUBREC 2 rc=0x97", "PUBREC 2 rc=0x97", "PUBCOMP 1", "PUBREC 2", "PUBCOMP 2"]
    );
    assert_eq!(net.got(peer), [r#"PUBLISH q0 t "first""#, r#"PUBLISH q0 t "second""#]);
}

#[test]
fn a_message_that_expires_before_its_release_is_acknowledged_to_the_end() {
    // [MQTT-4.3.3-13]
    let mut net = Net::new();
    let (publisher, peer) = (connect("pub").on(&mut net), connect("a").on(&mut net));
    net.subscribe(peer, "t", 2);
    net.publish_with(publisher, "t", b"x", 2, 1, &[Property::MessageExpiryInterval(2)]);
    net.advance(3);
    net.publish_again(publisher, "t", "x", 2, 1);
    net.pubrel(publisher, 1);
    assert_eq!(net.got(publisher), ["PUBREC 1", "PUBREC 1", "PUBCOMP 1"]);
    assert!(net.got(peer).is_empty());
}

#[test]
fn a_message_for_many_is_kept_for_each_session_that_subscribes() {
    // [MQTT-4.5.0-1]
    let mut net = Net::new();
    let ids: Vec<String> = (0..3).map(|shard| net.id_at_home_on("sub", shard)).collect();
    for id in &ids {
        let peer = connect(id).keep_session(100).on(&mut net);
        net.subscribe(peer, "t/+", 1);
        net.cut(peer);
    }
    let publisher = connect("pub").on(&mut net);
    net.publish(publisher, "t/1", "x", 1, 1);
    assert_eq!(net.got(publisher), ["PUBACK 1"]);
    for id in &ids {
        let peer = connect(id).keep_session(100).on(&mut net);
        assert_eq!(net.got(peer), [r#"PUBLISH q1 id=1 t/1 "x""#]);
    }
}
