//! Shared subscriptions: a message belongs to the member that it was given to (MQTT 5, 4.8.2).

use crate::harness::{Net, Peer, connect};
use mosquitto_mqtt::PacketType;

/// Two members of `$share/g/t` with the session kept for 100 s, the first of which is the next in turn, and a publisher.
fn group(net: &mut Net, qos: [u8; 2]) -> ([Peer; 2], Peer) {
    let members = ["one", "two"].map(|id| connect(id).keep_session(100).on(net));
    for (member, qos) in members.into_iter().zip(qos) {
        net.subscribe(member, "$share/g/t", qos);
    }
    (members, connect("pub").on(net))
}

fn publish(net: &mut Net, publisher: Peer, qos: u8) {
    net.publish(publisher, "t", "x", qos, 1);
    if qos == 2 {
        net.pubrel(publisher, 1);
    }
}

#[test]
fn each_member_has_its_own_qos() {
    // [MQTT-4.8.2-3]
    let mut net = Net::new();
    let ([one, two], publisher) = group(&mut net, [0, 1]);
    (0..2).for_each(|_| publish(&mut net, publisher, 2));
    assert_eq!(net.got(one), [r#"PUBLISH q0 t "x""#]);
    assert_eq!(net.got(two), [r#"PUBLISH q1 id=1 t "x""#]);
}

#[test]
fn a_message_that_was_begun_is_completed_with_its_member() {
    // [MQTT-4.8.2-4]
    let mut net = Net::new();
    let ([one, two], publisher) = group(&mut net, [2, 2]);
    publish(&mut net, publisher, 2);
    assert_eq!(net.got(one), [r#"PUBLISH q2 id=1 t "x""#]);
    net.cut(one);
    let one = connect("one").keep_session(100).on(&mut net);
    assert_eq!(net.got(one), [r#"PUBLISH q2 id=1 dup t "x""#]);
    net.pubrec(one, 1);
    net.pubcomp(one, 1);
    assert_eq!((net.got(one), net.got(two)), (vec!["PUBREL 1".to_owned()], vec![]));
}

#[test]
fn a_message_ends_with_the_session_of_its_member() {
    // [MQTT-4.8.2-5]
    let mut net = Net::new();
    let ([one, two], publisher) = group(&mut net, [2, 2]);
    publish(&mut net, publisher, 2);
    assert_eq!(net.got(one).len(), 1);
    net.cut(one);
    net.advance(101);
    assert!(net.got(two).is_empty());
    publish(&mut net, publisher, 2);
    assert_eq!(net.got(two).len(), 1, "the second message alone");
}

#[test]
fn a_message_that_its_member_refuses_goes_to_nobody_else() {
    // [MQTT-4.8.2-6]
    for (qos, kind) in [(1, PacketType::PubAck), (2, PacketType::PubRec)] {
        let mut net = Net::new();
        let ([one, two], publisher) = group(&mut net, [2, 2]);
        publish(&mut net, publisher, qos);
        assert_eq!(net.got(one).len(), 1);
        net.ack(one, kind, 1, 0x80);
        net.cut(one);
        let one = connect("one").keep_session(100).on(&mut net);
        assert!(net.got(one).is_empty() && net.got(two).is_empty());
    }
}
