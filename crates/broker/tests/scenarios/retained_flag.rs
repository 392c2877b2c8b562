//! The RETAIN flag, MQTT 3.1.1.

use crate::harness::{Net, Peer, connect};

/// What a new subscriber of `t/#` at QoS 2 gets at once.
fn kept(net: &mut Net) -> Vec<String> {
    let peer = connect("new").v311().on(net);
    net.subscribe(peer, "t/#", 2);
    net.got(peer)
}

fn publisher(net: &mut Net) -> Peer {
    connect("pub").v311().on(net)
}

#[test]
fn the_last_message_of_each_topic_is_kept_with_its_qos_for_new_subscribers() {
    // [3.1.1 MQTT-3.3.1-5] [3.1.1 MQTT-3.3.1-6] [3.1.1 MQTT-3.3.1-8]
    let mut net = Net::new();
    let peer = publisher(&mut net);
    for (topic, qos) in [("t/0", 0), ("t/1", 1), ("t/2", 2), ("u", 1)] {
        net.publish_retained(peer, topic, "older", 1, 1);
        net.publish_retained(peer, topic, "newer", qos, 2);
        net.pubrel(peer, 2);
    }
    let expected = [
        r#"PUBLISH q0 retain t/0 "newer""#,
        r#"PUBLISH q1 id=1 retain t/1 "newer""#,
        r#"PUBLISH q2 id=2 retain t/2 "newer""#,
    ];
    assert_eq!(kept(&mut net), expected);
}

#[test]
fn one_of_qos_0_takes_the_place_of_any_other() {
    // [3.1.1 MQTT-3.3.1-7]
    let mut net = Net::new();
    let peer = publisher(&mut net);
    for qos in 0..3 {
        net.publish_retained(peer, "t/a", "older", qos, 1);
        net.pubrel(peer, 1);
        net.publish_retained(peer, "t/a", &format!("newer {qos}"), 0, 0);
        assert_eq!(kept(&mut net), [format!(r#"PUBLISH q0 retain t/a "newer {qos}""#)]);
    }
}

#[test]
fn who_has_subscribed_already_sees_no_flag() {
    // [3.1.1 MQTT-3.3.1-9]
    let mut net = Net::new();
    let peer = publisher(&mut net);
    net.subscribe(peer, "t/#", 1);
    net.publish_retained(peer, "t/a", "x", 0, 0);
    net.publish_retained(peer, "t/a", "y", 1, 1);
    let got: Vec<String> = net.got(peer).into_iter().filter(|line| line.starts_with("PUBLISH")).collect();
    assert_eq!(got, [r#"PUBLISH q0 t/a "x""#, r#"PUBLISH q1 id=1 t/a "y""#]);
}

#[test]
fn an_empty_one_is_delivered_clears_the_topic_and_is_not_kept() {
    // [3.1.1 MQTT-3.3.1-10] [3.1.1 MQTT-3.3.1-11]
    let mut net = Net::new();
    let (peer, watcher) = (publisher(&mut net), connect("watcher").v311().on(&mut net));
    net.subscribe(watcher, "t/#", 0);
    for (qos, before) in [(0, true), (1, true), (2, true), (1, false)] {
        if before {
            net.publish_retained(peer, "t/a", "x", 1, 1);
            assert_eq!(kept(&mut net).len(), 1);
        }
        net.got(watcher);
        net.publish_retained(peer, "t/a", "", qos, 1);
        net.pubrel(peer, 1);
        assert_eq!(net.got(watcher), [r#"PUBLISH q0 t/a """#]);
        assert!(kept(&mut net).is_empty());
        assert_eq!(net.shared.retained_count(), 0);
    }
}

#[test]
fn without_the_flag_nothing_is_kept_or_replaced() {
    // [3.1.1 MQTT-3.3.1-12]
    let mut net = Net::new();
    let peer = publisher(&mut net);
    net.publish(peer, "t/a", "x", 1, 1);
    assert!(kept(&mut net).is_empty());
    net.publish_retained(peer, "t/a", "kept", 1, 1);
    for (payload, qos) in [("other", 0), ("other", 2), ("", 1)] {
        net.publish(peer, "t/a", payload, qos, 2);
        net.pubrel(peer, 2);
    }
    assert_eq!(kept(&mut net), [r#"PUBLISH q1 id=1 retain t/a "kept""#]);
}
