//! A publish reaches those who subscribe, and nobody else.

use crate::harness::{Net, connect};

#[test]
fn a_message_reaches_subscribers_on_every_shard() {
    let mut net = Net::new();
    let ids: Vec<String> = (0..3).map(|shard| net.id_at_home_on("sub", shard)).collect();
    let subscribers: Vec<_> = ids.iter().map(|id| connect(id).on(&mut net)).collect();
    subscribers.iter().for_each(|&peer| net.subscribe(peer, "a/+", 0));
    let publisher = connect("publisher").on(&mut net);
    net.publish(publisher, "a/b", "hello", 0, 0);
    for peer in subscribers {
        assert_eq!(net.got(peer), [r#"PUBLISH q0 a/b "hello""#]);
    }
    assert!(net.got(publisher).is_empty());
}

#[test]
fn qos_1_is_acknowledged_and_says_whether_anybody_subscribes() {
    // [MQTT-4.3.2-4], MQTT 5 3.4.2.1
    let mut net = Net::new();
    let publisher = connect("publisher").on(&mut net);
    net.publish(publisher, "a", "x", 1, 7);
    assert_eq!(net.got(publisher), ["PUBACK 7 rc=0x10"]);
    let subscriber = connect("subscriber").v311().on(&mut net);
    net.subscribe(subscriber, "a", 1);
    net.publish(publisher, "a", "x", 1, 8);
    assert_eq!(net.got(publisher), ["PUBACK 8"]);
    assert_eq!(net.got(subscriber), [r#"PUBLISH q1 id=1 a "x""#]);
}

#[test]
fn qos_2_is_delivered_once_and_when_released() {
    // [MQTT-4.3.3-8] [MQTT-4.3.3-10] [MQTT-4.3.3-11]
    let mut net = Net::new();
    let (publisher, subscriber) = (connect("publisher").on(&mut net), connect("subscriber").on(&mut net));
    net.subscribe(subscriber, "a", 2);
    net.publish(publisher, "a", "x", 2, 5);
    net.publish_again(publisher, "a", "x", 2, 5);
    assert_eq!(net.got(publisher), ["PUBREC 5", "PUBREC 5"]);
    assert!(net.got(subscriber).is_empty());
    net.pubrel(publisher, 5);
    net.pubrel(publisher, 5);
    assert_eq!(net.got(publisher), ["PUBCOMP 5", "PUBCOMP 5"]);
    assert_eq!(net.got(subscriber), [r#"PUBLISH q2 id=1 a "x""#]);
    net.pubrec(subscriber, 1);
    assert_eq!(net.got(subscriber), ["PUBREL 1"]);
    net.pubcomp(subscriber, 1);
    assert!(net.got(subscriber).is_empty());
}
