//! Subscriptions of clients of MQTT 3.1.1.

use crate::harness::{Net, connect};

#[test]
fn several_filters_in_one_packet_are_as_several_packets_with_one_answer() {
    // [3.1.1 MQTT-3.8.4-1] [3.1.1 MQTT-3.8.4-4] [3.1.1 MQTT-3.8.4-5] [3.1.1 MQTT-3.9.3-1] [3.1.1 MQTT-3.9.3-2]
    let mut net = Net::new();
    let (publisher, peer) = (connect("pub").v311().on(&mut net), connect("sub").v311().on(&mut net));
    net.publish_retained(publisher, "b", "kept", 1, 1);
    net.send_bytes(peer, b"\x82\x12\0\x09\0\x01a\x02\0\x01b\0\0\x01c\x01\0\x01a\x01");
    let mut got = net.got(peer);
    got.sort();
    assert_eq!(got, [r#"PUBLISH q0 retain b "kept""#, "SUBACK 9 [2, 0, 1, 1]"]);
    // The second `a` has replaced the first.
    for (topic, qos) in [("a", 1), ("b", 0), ("c", 1)] {
        net.publish(publisher, topic, "x", 2, 2);
        net.pubrel(publisher, 2);
        let got = net.got(peer);
        assert_eq!(got.len(), 1, "{topic}");
        assert!(got[0].starts_with(&format!("PUBLISH q{qos} ")), "{got:?}");
    }
}

#[test]
fn a_message_has_the_lower_of_the_publishers_qos_and_the_granted_one() {
    // [3.1.1 MQTT-3.8.4-6]
    let mut net = Net::new();
    let publisher = connect("pub").v311().on(&mut net);
    for granted in 0..3u8 {
        for qos in 0..3u8 {
            let peer = connect("sub").v311().on(&mut net);
            net.subscribe(peer, "t", granted);
            net.publish(publisher, "t", "x", qos, 1);
            net.pubrel(publisher, 1);
            let got = net.got(peer);
            assert_eq!(got.len(), 1);
            assert!(got[0].starts_with(&format!("PUBLISH q{} ", qos.min(granted))), "{got:?}");
        }
    }
}

#[test]
fn subscribing_again_replaces_the_qos_brings_what_is_retained_and_interrupts_nothing() {
    // [3.1.1 MQTT-3.8.4-3]
    let mut net = Net::new();
    let (publisher, peer) = (connect("pub").v311().on(&mut net), connect("sub").v311().on(&mut net));
    net.publish_retained(publisher, "t/a", "kept", 1, 1);
    net.subscribe(peer, "t/+", 2);
    assert_eq!(net.got(peer), [r#"PUBLISH q1 id=1 retain t/a "kept""#]);
    net.publish(publisher, "t/b", "x", 2, 2);
    net.pubrel(publisher, 2);
    net.subscribe_with(peer, 7, "t/+", Default::default(), &[]);
    let expected = [r#"PUBLISH q2 id=2 t/b "x""#, "SUBACK 7 [0]", r#"PUBLISH q0 retain t/a "kept""#];
    assert_eq!(net.got(peer), expected);
    net.pubrec(peer, 2);
    assert_eq!(net.got(peer), ["PUBREL 2"], "an exchange goes on as it was begun");
    net.publish(publisher, "t/b", "y", 1, 3);
    assert_eq!(net.got(peer), [r#"PUBLISH q0 t/b "y""#], "once, and at the new QoS");
}

#[test]
fn of_overlapping_subscriptions_the_highest_qos_is_kept_to() {
    // [3.1.1 MQTT-3.3.5-1]
    let mut net = Net::new();
    let publisher = connect("pub").v311().on(&mut net);
    for (first, second) in [(0, 2), (2, 0), (1, 2), (1, 0)] {
        let peer = connect("sub").v311().on(&mut net);
        net.subscribe(peer, "a/#", first);
        net.subscribe(peer, "a/b", second);
        net.publish(publisher, "a/b", "x", 2, 1);
        net.pubrel(publisher, 1);
        let mut got: Vec<u8> = net.got(peer).iter().map(|line| line.as_bytes()["PUBLISH q".len()] - b'0').collect();
        got.sort_unstable();
        // A copy for each, as 3.3.5 allows.
        assert_eq!(got, [first.min(second), first.max(second)]);
    }
}

#[test]
fn an_unsubscription_takes_back_the_very_filters_that_it_names() {
    // [3.1.1 MQTT-3.10.4-1] [3.1.1 MQTT-3.10.4-5] [3.1.1 MQTT-3.10.4-6]
    let mut net = Net::new();
    let (publisher, peer) = (connect("pub").v311().on(&mut net), connect("sub").v311().on(&mut net));
    for filter in ["a/+", "b", "c/#", "d"] {
        net.subscribe(peer, filter, 0);
    }
    for filters in [&["a/b", "c", "A/+", "a/#"][..], &["nothing"]] {
        net.unsubscribe(peer, 4, filters);
        assert_eq!(net.got(peer), ["UNSUBACK 4 []"], "also where there is none of them");
    }
    assert_eq!(net.shared.subscription_count(), 4);
    net.unsubscribe(peer, 5, &["a/+", "none", "c/#", "b"]);
    assert_eq!(net.got(peer), ["UNSUBACK 5 []"]);
    ["a/b", "b", "c/d", "d"].iter().for_each(|topic| net.publish(publisher, topic, "x", 0, 0));
    assert_eq!(net.got(peer), [r#"PUBLISH q0 d "x""#]);
}

#[test]
fn what_was_begun_before_an_unsubscription_is_finished_and_nothing_is_added() {
    // [3.1.1 MQTT-3.10.4-2] [3.1.1 MQTT-3.10.4-3]
    let mut net = Net::new();
    let publisher = connect("pub").v311().on(&mut net);
    let peer = connect("sub").v311().resume().on(&mut net);
    net.subscribe(peer, "t", 2);
    for (qos, id) in [(1, 1), (2, 2)] {
        net.publish(publisher, "t", "x", qos, id);
    }
    net.pubrel(publisher, 2);
    net.unsubscribe(peer, 3, &["t"]);
    net.publish(publisher, "t", "y", 1, 3);
    let first = [r#"PUBLISH q1 id=1 t "x""#, r#"PUBLISH q2 id=2 t "x""#];
    assert_eq!(net.got(peer), [first[0], first[1], "UNSUBACK 3 []"]);
    net.cut(peer);
    let (peer, got) = connect("sub").v311().resume().attempt(&mut net);
    assert_eq!(got[1..], [r#"PUBLISH q1 id=1 dup t "x""#, r#"PUBLISH q2 id=2 dup t "x""#]);
    net.puback(peer, 1);
    net.pubrec(peer, 2);
    net.pubcomp(peer, 2);
    assert_eq!(net.got(peer), ["PUBREL 2"]);
    net.ping(peer);
    assert_eq!(net.got(peer), ["PINGRESP"]);
}
