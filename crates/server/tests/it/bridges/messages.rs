//! What crosses.

use super::{Remote, bridged, connected, expect, lines_of_bridge, listening};
use crate::harness::{Broker, Setup, client};

const ONE_WORKER: &str = "listener PORT 127.0.0.1\nallow_anonymous true\nlog_type all\n";

fn pair(lines: &str) -> (Broker, Broker) {
    let there = Setup::config(ONE_WORKER).start();
    let here = bridged(there.port(), lines);
    here.log.wait_for("Received SUBACK");
    (here, there)
}

#[test]
pub(crate) fn topic_lines_say_what_crosses_and_what_it_is_called() {
    let there = Setup::config(ONE_WORKER).start();
    let lines = "topic # out 1 o/ out/\ntopic # in 2 i/ in/\ntopic # both 0 b/ both/\n";
    let here = bridged(there.port(), lines);
    connected(&here);
    here.log.wait_for_several("Sending SUBACK to local.there", 4);
    there.log.wait_for_several("Sending SUBACK to there", 2);
    let (mut at_home, mut away) = (listening(&here, "#", 2), listening(&there, "#", 2));
    for (topic, name) in [("o/a", "out/a"), ("b/a", "both/a")] {
        client("publisher").to(&here).publish(topic, "x", 0);
        expect(&mut away, name, "x");
    }
    for (topic, name) in [("in/a", "i/a"), ("both/b", "b/b")] {
        let mut publisher = client("publisher").to(&there);
        publisher.publish(topic, "y", 1);
        publisher.finish();
        expect(&mut at_home, name, "y");
    }
}

/// [MQTT-3.8.3-3]
#[test]
fn what_came_over_a_bridge_does_not_go_back() {
    let there = Setup::config(ONE_WORKER).start();
    let here = bridged(there.port(), "topic # both 1\nnotifications false\n");
    there.log.wait_for("Sending SUBACK to there");
    here.log.wait_for_several("Sending SUBACK to local.there", 2);
    let mut away = listening(&there, "t/#", 1);
    for n in 0..3 {
        let mut publisher = client("publisher").to(&here);
        publisher.publish("t/x", n.to_string(), 1);
        publisher.finish();
        let message = away.message();
        assert_eq!((message.topic.as_str(), message.text()), ("t/x", n.to_string().as_str()));
    }
}

#[test]
pub(crate) fn bridge_outgoing_retain_false_takes_the_flag_off() {
    for (value, flag) in [("true", "retain: true"), ("false", "retain: false")] {
        let remote = Remote::new();
        let lines = format!("notifications false\ntopic t out 1\nbridge_outgoing_retain {value}\n");
        let broker = bridged(remote.port(), &lines);
        let mut bridge = remote.accepted();
        bridge.says_so(&["Unsubscribe"]);
        client("publisher").to(&broker).publish_retained("t", "x", 1);
        bridge.says_so(&["Publish", flag]);
    }
}

#[test]
pub(crate) fn bridge_max_packet_size_drops_what_is_larger() {
    let remote = Remote::new();
    let broker = bridged(remote.port(), "notifications false\ntopic t out 1\nbridge_max_packet_size 100\n");
    let mut bridge = remote.accepted();
    bridge.says_so(&["Unsubscribe"]);
    let mut publisher = client("publisher").to(&broker);
    publisher.publish("t", [b'x'; 200], 1);
    publisher.publish("t", "a", 1);
    bridge.says_so(&["Publish", "payload: [97]"]);
}

#[test]
pub(crate) fn cleansession_and_local_cleansession_decide_what_waits() {
    for (lines, waits) in [
        ("cleansession false", true),
        ("cleansession true", false),
        ("cleansession true\nlocal_cleansession false", true),
        ("cleansession false\nlocal_cleansession true", false),
    ] {
        let remote = Remote::new();
        let broker = bridged(remote.port(), &format!("notifications false\ntopic t out 1\n{lines}\n"));
        let mut bridge = remote.accepted();
        broker.log.wait_for_several("Sending SUBACK to local.there", if waits { 2 } else { 1 });
        bridge.says_so(&["Unsubscribe"]);
        drop(bridge);
        broker.log.wait_for("next backoff");
        let mut publisher = client("publisher").to(&broker);
        publisher.publish("t", "waited", 1);
        publisher.finish();
        let mut bridge = remote.accepted();
        let subscribed = if waits { 3 } else { 2 };
        broker.log.wait_for_several("Sending SUBACK to local.there", subscribed);
        publisher.publish("t", "later", 1);
        let first = bridge.says_so(&["Publish"]);
        assert_eq!(first.contains("119, 97, 105"), waits, "{lines}: {first}");
    }
}

#[test]
fn messages_of_every_qos_cross_in_order() {
    for version in ["mqttv311", "mqttv50"] {
        for qos in 0..=2 {
            let (here, there) = pair(&format!("topic t both {qos}\nbridge_protocol_version {version}\n"));
            there.log.wait_for("Sending SUBACK to there");
            here.log.wait_for_several("Sending SUBACK to local.there", 2);
            let mut away = listening(&there, "t", 2);
            let mut publisher = client("publisher").to(&here);
            for n in 0..100 {
                publisher.publish("t", n.to_string(), qos);
            }
            publisher.finish();
            let texts: Vec<_> = away.messages(100).iter().map(|message| message.text().to_owned()).collect();
            assert_eq!(texts, (0..100).map(|n| n.to_string()).collect::<Vec<_>>(), "{version} {qos}");
        }
    }
}

#[test]
fn a_message_that_no_line_lets_in_is_dropped() {
    let remote = Remote::new();
    let broker = bridged(remote.port(), "notifications false\ntopic t in 1 l/ r/\n");
    let mut bridge = remote.accepted();
    bridge.says_so(&["Subscribe"]);
    broker.log.wait_for("Sending CONNACK to local.there (1, 0)");
    let mut listener = listening(&broker, "#", 1);
    bridge.client.publish("r/other", "no", 1);
    bridge.client.publish("r/t", "yes", 1);
    bridge.client.finish();
    let message = listener.message();
    assert_eq!((message.topic.as_str(), message.text()), ("l/t", "yes"));
    assert!(!lines_of_bridge(1, "").is_empty());
}
