//! DUP, and what is sent again to a client of MQTT 3.1.1 that comes back.

use crate::harness::{Net, Peer, connect};

fn subscriber(net: &mut Net) -> (Peer, Peer) {
    let subscriber = connect("sub").v311().resume().on(net);
    net.subscribe(subscriber, "t", 2);
    (connect("pub").v311().on(net), subscriber)
}

fn publish(net: &mut Net, publisher: Peer, qos: &[u8]) {
    for (&qos, id) in qos.iter().zip(1..) {
        net.publish(publisher, "t", &id.to_string(), qos, id);
        if qos == 2 {
            net.pubrel(publisher, id);
        }
    }
}

fn back(net: &mut Net, old: Peer) -> (Peer, Vec<String>) {
    net.cut(old);
    let (peer, got) = connect("sub").v311().resume().attempt(net);
    assert_eq!(got[0], "CONNACK present=1 rc=0");
    (peer, got[1..].to_vec())
}

#[test]
fn what_is_not_acknowledged_comes_again_in_order_with_dup_and_its_identifier() {
    // [3.1.1 MQTT-3.3.1-1] [3.1.1 MQTT-4.4.0-1] [3.1.1 MQTT-4.6.0-1] [3.1.1 MQTT-4.3.2-1] [3.1.1 MQTT-4.3.3-1]
    // [3.1.1 MQTT-2.3.1-4]
    let mut net = Net::new();
    let (publisher, peer) = subscriber(&mut net);
    publish(&mut net, publisher, &[1, 2, 1, 2, 1]);
    let first = [
        r#"PUBLISH q1 id=1 t "1""#,
        r#"PUBLISH q2 id=2 t "2""#,
        r#"PUBLISH q1 id=3 t "3""#,
        r#"PUBLISH q2 id=4 t "4""#,
        r#"PUBLISH q1 id=5 t "5""#,
    ];
    assert_eq!(net.got(peer), first, "for the first time, so without DUP");
    net.puback(peer, 3);
    let (peer, got) = back(&mut net, peer);
    let again = [
        r#"PUBLISH q1 id=1 dup t "1""#,
        r#"PUBLISH q2 id=2 dup t "2""#,
        r#"PUBLISH q2 id=4 dup t "4""#,
        r#"PUBLISH q1 id=5 dup t "5""#,
    ];
    assert_eq!(got, again);
    net.puback(peer, 1);
    net.puback(peer, 5);
    let (_, got) = back(&mut net, peer);
    assert_eq!(got, again[1..3]);
}

#[test]
fn after_its_pubrec_a_message_is_not_sent_again_but_its_pubrel_is_until_pubcomp() {
    // [3.1.1 MQTT-4.3.3-1] [3.1.1 MQTT-4.4.0-1]
    let mut net = Net::new();
    let (publisher, peer) = subscriber(&mut net);
    publish(&mut net, publisher, &[2, 2]);
    net.pubrec(peer, 1);
    assert_eq!(net.got(peer)[2..], ["PUBREL 1"]);
    let (peer, got) = back(&mut net, peer);
    assert_eq!(got, ["PUBREL 1", r#"PUBLISH q2 id=2 dup t "2""#]);
    net.pubcomp(peer, 1);
    net.pubrec(peer, 2);
    net.pubcomp(peer, 2);
    assert_eq!(net.got(peer), ["PUBREL 2"]);
    let (_, got) = back(&mut net, peer);
    assert!(got.is_empty());
}

#[test]
fn dup_is_not_handed_on() {
    // [3.1.1 MQTT-3.3.1-3] [3.1.1 MQTT-3.3.1-2] [3.1.1 MQTT-4.3.1-1]
    let mut net = Net::new();
    let (publisher, peer) = subscriber(&mut net);
    let lowest = connect("lowest").v311().on(&mut net);
    net.subscribe(lowest, "t", 0);
    net.publish_again(publisher, "t", "1", 1, 1);
    net.publish_again(publisher, "t", "2", 2, 2);
    net.pubrel(publisher, 2);
    assert_eq!(net.got(peer), [r#"PUBLISH q1 id=1 t "1""#, r#"PUBLISH q2 id=2 t "2""#]);
    assert_eq!(net.got(lowest), [r#"PUBLISH q0 t "1""#, r#"PUBLISH q0 t "2""#]);
}
