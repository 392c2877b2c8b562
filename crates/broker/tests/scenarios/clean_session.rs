//! Clean sessions and others, MQTT 3.1.1.

use crate::harness::{Net, connect};

#[test]
fn a_session_that_is_not_clean_is_there_when_its_client_returns() {
    // [3.1.1 MQTT-3.1.2-4] [3.1.1 MQTT-3.1.2-5] [3.1.1 MQTT-3.2.0-1] [3.1.1 MQTT-3.2.2-2] [3.1.1 MQTT-3.2.2-3]
    // [3.1.1 MQTT-4.1.0-1] [3.1.1 MQTT-4.5.0-1] [3.1.1 MQTT-3.1.4-4]
    let mut net = Net::new();
    let publisher = connect("pub").v311().on(&mut net);
    for leave in [Net::cut, Net::disconnect] {
        let (peer, got) = connect("sub").v311().resume().attempt(&mut net);
        assert_eq!(got, ["CONNACK present=0 rc=0"]);
        net.subscribe(peer, "t/+", 2);
        net.publish(publisher, "t/0", "unacknowledged", 1, 1);
        leave(&mut net, peer);
        net.publish(publisher, "t/1", "x", 1, 2);
        net.publish(publisher, "t/2", "x", 2, 3);
        net.pubrel(publisher, 3);
        net.leap(1_000_000);
        let (peer, got) = connect("sub").v311().resume().attempt(&mut net);
        let expected = [
            "CONNACK present=1 rc=0",
            r#"PUBLISH q1 id=1 dup t/0 "unacknowledged""#,
            r#"PUBLISH q1 id=2 t/1 "x""#,
            r#"PUBLISH q2 id=3 t/2 "x""#,
        ];
        assert_eq!(got, expected);
        net.publish(publisher, "t/3", "x", 0, 0);
        assert_eq!(net.got(peer), [r#"PUBLISH q0 t/3 "x""#], "it is still subscribed");
        let peer = connect("sub").v311().on(&mut net);
        net.cut(peer);
    }
}

#[test]
fn a_clean_session_begins_with_nothing_and_leaves_nothing() {
    // [3.1.1 MQTT-3.1.2-6] [3.1.1 MQTT-3.1.4-3] [3.1.1 MQTT-3.2.2-1] [3.1.1 MQTT-3.2.2-3]
    let mut net = Net::new();
    let publisher = connect("pub").v311().on(&mut net);
    let peer = connect("sub").v311().resume().on(&mut net);
    net.subscribe(peer, "t", 1);
    net.cut(peer);
    net.publish(publisher, "t", "x", 1, 1);
    let (peer, got) = connect("sub").v311().attempt(&mut net);
    assert_eq!(got, ["CONNACK present=0 rc=0"]);
    net.publish(publisher, "t", "x", 1, 1);
    assert!(net.got(peer).is_empty(), "the subscription is gone with the old session");
    net.subscribe(peer, "t", 1);
    net.publish(publisher, "t", "x", 1, 1);
    net.cut(peer);
    let (peer, got) = connect("sub").v311().resume().attempt(&mut net);
    assert_eq!(got, ["CONNACK present=0 rc=0"], "neither subscription nor message");
    net.publish(publisher, "t", "x", 1, 1);
    assert!(net.got(peer).is_empty());
}

#[test]
fn retained_messages_do_not_end_with_the_session_of_their_publisher() {
    // [3.1.1 MQTT-3.1.2-7]
    let mut net = Net::new();
    let publisher = connect("pub").v311().on(&mut net);
    net.publish_retained(publisher, "t", "kept", 1, 1);
    net.disconnect(publisher);
    connect("pub").v311().on(&mut net);
    let peer = connect("sub").v311().on(&mut net);
    net.subscribe(peer, "t", 0);
    assert_eq!(net.got(peer), [r#"PUBLISH q0 retain t "kept""#]);
}

#[test]
fn a_session_is_its_client_ids() {
    // [3.1.1 MQTT-3.1.3-2]
    let mut net = Net::new();
    let peer = connect("a").v311().resume().on(&mut net);
    net.subscribe(peer, "t", 1);
    for other in ["A", "a ", "b", "aa"] {
        let (peer, got) = connect(other).v311().resume().attempt(&mut net);
        assert_eq!(got, ["CONNACK present=0 rc=0"], "{other:?}");
        net.publish(peer, "t", other, 1, 1);
        assert_eq!(net.got(peer), ["PUBACK 1"]);
    }
    assert!(net.is_open(peer));
    assert_eq!(net.got(peer).len(), 4);
    let (_, got) = connect("a").v311().resume().attempt(&mut net);
    assert_eq!(got.len(), 5, "{got:?}");
}

#[test]
fn a_client_that_connects_again_ends_its_older_connection() {
    // [3.1.1 MQTT-3.1.4-2]
    let mut net = Net::new();
    let old = connect("a").v311().resume().on(&mut net);
    let (new, got) = connect("a").v311().resume().attempt(&mut net);
    assert!(!net.is_open(old) && net.is_open(new) && net.got(old).is_empty());
    assert_eq!(got, ["CONNACK present=1 rc=0"]);
}

#[test]
fn a_clean_session_lasts_as_long_as_its_connection() {
    // [3.1.1 MQTT-4.1.0-2]
    let mut net = Net::new();
    let (peer, publisher) = (connect("a").v311().on(&mut net), connect("b").v311().on(&mut net));
    net.subscribe(peer, "t", 1);
    net.publish(publisher, "t", "x", 1, 1);
    net.got(peer);
    net.leap(1_000_000_000);
    net.publish(publisher, "t", "x", 1, 1);
    assert_eq!(net.got(peer), [r#"PUBLISH q1 id=2 t "x""#], "the first one still holds its identifier");
}
