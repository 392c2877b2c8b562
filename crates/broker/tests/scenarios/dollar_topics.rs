//! Topics that begin with `$`.

use crate::harness::{Net, connect};

#[test]
fn the_brokers_own_topics_are_not_for_clients_to_write() {
    let mut net = Net::new();
    let (five, three, watcher) =
        (connect("a").on(&mut net), connect("b").v311().on(&mut net), connect("w").on(&mut net));
    for filter in ["$SYS/#", "$share/g/$SYS/#"] {
        net.subscribe(watcher, filter, 0);
    }
    for topic in ["$SYS/broker/uptime", "$SYS", "$SYS/broker/connection/x/state/y", "$share/g/t"] {
        for peer in [five, three] {
            net.publish_retained(peer, topic, "x", 1, 1);
            net.publish(peer, topic, "x", 2, 2);
            net.pubrel(peer, 2);
            net.publish(peer, topic, "x", 0, 0);
        }
        assert_eq!(net.got(five), ["PUBACK 1 rc=0x87", "PUBREC 2 rc=0x87", "PUBCOMP 2"], "{topic}");
        assert_eq!(net.got(three), ["PUBACK 1", "PUBREC 2", "PUBCOMP 2"], "{topic}");
    }
    assert!(net.got(watcher).is_empty());
    assert_eq!(net.shared.retained_count(), 0);
}

#[test]
fn the_state_of_a_bridge_is_the_exception() {
    let mut net = Net::new();
    let peer = connect("a").on(&mut net);
    let topic = "$SYS/broker/connection/bridge/state";
    net.publish_retained(peer, topic, "1", 1, 1);
    net.disk.retained_below_sys = 1;
    assert_eq!(net.got(peer), ["PUBACK 1 rc=0x10"]);
    net.subscribe(peer, "$SYS/broker/connection/+/state", 0);
    assert_eq!(net.got(peer), [format!(r#"PUBLISH q0 retain {topic} "1""#)]);
}

#[test]
fn wildcards_on_the_first_level_do_not_match_them() {
    // [MQTT-4.7.2-1]
    let mut net = Net::new();
    let peer = connect("a").on(&mut net);
    for filter in ["#", "+/x", "+/#", "$share/g/#"] {
        net.subscribe(peer, filter, 0);
    }
    net.publish(peer, "$other/x", "x", 0, 0);
    assert!(net.got(peer).is_empty());
    net.subscribe(peer, "$other/#", 0);
    net.publish(peer, "$other/x", "x", 0, 0);
    assert_eq!(net.got(peer), [r#"PUBLISH q0 $other/x "x""#]);
}

#[test]
fn a_request_to_the_broker_is_answered_to_the_one_who_made_it() {
    let mut net = Net::new();
    let (peer, watcher) = (connect("a").on(&mut net), connect("w").on(&mut net));
    net.subscribe(watcher, "$CONTROL/#", 0);
    let answer = r#"PUBLISH q0 $CONTROL/x/v1/response "{\"error\": \"endpoint not available\"}""#;
    net.publish_retained(peer, "$CONTROL/x/v1", "{}", 1, 1);
    assert_eq!(net.got(peer), ["PUBACK 1", answer]);
    net.publish(peer, "$CONTROL/x/v1", "{}", 2, 2);
    net.pubrel(peer, 2);
    assert_eq!(net.got(peer), ["PUBREC 2", answer, "PUBCOMP 2"]);
    assert!(net.got(watcher).is_empty());
    assert_eq!(net.shared.retained_count(), 0);
}

#[test]
fn subscribing_to_what_does_not_exist_is_granted() {
    let mut net = Net::new();
    let peer = connect("a").on(&mut net);
    for filter in ["$SYS/broker/missing", "$shared/x", "$CONTROL"] {
        net.subscribe(peer, filter, 0);
    }
    net.publish(peer, "$CONTROL", "x", 0, 0);
    assert_eq!(net.got(peer), [r#"PUBLISH q0 $CONTROL "x""#], "a plain name without anything below it");
}
