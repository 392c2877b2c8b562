//! What is delivered to whom, at which QoS, under which topic, how often.

use super::{arrived, refused};
use crate::harness::{Broker, Got, Message, client};
use mosquitto_mqtt::ProtocolVersion;

fn topics(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.topic.as_str()).collect()
}

#[test]
pub(super) fn allow_duplicate_messages_decides_about_overlapping_subscriptions_of_mqtt_3() {
    for (lines, copies) in [("", 3), ("allow_duplicate_messages true", 3), ("allow_duplicate_messages false", 1)] {
        let broker = Broker::open(&format!("worker_threads 1\n{lines}"));
        let deprecated = "The 'allow_duplicate_messages' option is now deprecated and will be removed in version 3.0.";
        assert_eq!(broker.log.count(deprecated), usize::from(!lines.is_empty()));
        for (version, copies) in
            [(ProtocolVersion::V31, copies), (ProtocolVersion::V311, copies), (ProtocolVersion::V5, 3)]
        {
            let mut user = client("user").version(version).to(&broker);
            for filter in ["a/b", "a/+", "#"] {
                user.subscribe(filter, 0);
            }
            user.publish("a/b", "", 0);
            assert_eq!(topics(&arrived(&mut user)), vec!["a/b"; copies], "{lines}");
        }
    }
}

#[test]
pub(super) fn upgrade_outgoing_qos_delivers_as_the_subscription_says() {
    for (lines, upgrade) in [("", false), ("upgrade_outgoing_qos false", false), ("upgrade_outgoing_qos true", true)] {
        let broker = Broker::open(lines);
        let mut publisher = client("publisher").to(&broker);
        for subscribed in 0..=2 {
            let mut user = client("user").to(&broker);
            user.subscribe("t", subscribed);
            for published in 0..=2 {
                publisher.publish("t", "", published);
                publisher.finish();
                let expected = if upgrade { subscribed } else { subscribed.min(published) };
                assert_eq!(user.message().qos, expected, "{lines}");
            }
        }
    }
}

#[test]
pub(super) fn mount_point_stands_before_all_topics_of_its_listeners_clients() {
    let broker = Broker::open("worker_threads 1\nlistener SECOND 127.0.0.1\nmount_point home/");
    let mut outside = client("outside").to(&broker);
    outside.subscribe("#", 1);
    let mut inside = client("inside").v311().second().to(&broker);
    inside.subscribe("a/+", 1);
    inside.publish("a/b", "from inside", 1);
    inside.finish();
    assert_eq!((outside.message().topic, inside.message().topic), ("home/a/b".to_owned(), "a/b".to_owned()));
    outside.publish("a/b", "elsewhere", 1);
    outside.publish("home/a/c", "to them", 1);
    outside.finish();
    let message = inside.message();
    assert_eq!((message.topic.as_str(), message.text()), ("a/c", "to them"));
    assert_eq!(topics(&outside.messages(2)), ["a/b", "home/a/c"]);
    drop(client("late").second().will("a/will", "", 1).to(&broker));
    assert_eq!((outside.message().topic, inside.message().topic), ("home/a/will".to_owned(), "a/will".to_owned()));
    // UNSUBSCRIBE, too.
    inside.send_bytes(b"\xa2\x07\x12\x34\0\x03a/+");
    assert_eq!(inside.next_bytes(), b"\xb0\x02\x12\x34");
    outside.publish("home/a/b", "", 1);
    outside.finish();
    assert_eq!(arrived(&mut inside), []);
    refused("mount_point home/+/", "Invalid mount_point 'home/+/'. Does it contain a wildcard character?");
}

/// Only to clients of MQTT 3, and under the same identifier.
#[test]
pub(super) fn retry_interval_sends_again_what_nobody_acknowledges() {
    let broker = Broker::open("worker_threads 1\nretry_interval 1");
    broker.log.wait_for("Note: The 'retry_interval' option is available here: ");
    let mut users = [ProtocolVersion::V31, ProtocolVersion::V311, ProtocolVersion::V5].map(|version| {
        let mut user = client(&format!("user-{}", version.level())).version(version).to(&broker);
        user.subscribe("t", 2);
        user
    });
    let mut publisher = client("publisher").to(&broker);
    publisher.publish("t", "one", 1);
    publisher.publish("t", "two", 2);
    publisher.finish();
    for user in &mut users[..2] {
        let first = [user.next(), user.next()];
        for got in first {
            let Got::Message(message) = got else { panic!("{got:?} instead of a message") };
            assert!(!message.dup);
            // That it comes again is no answer to anything.
            assert_eq!(user.next(), Got::Message(Message { dup: true, ..message }));
        }
    }
    // [MQTT-4.4.0-1]
    let once = arrived(&mut users[2]);
    assert!(once.len() == 2 && once.iter().all(|message| !message.dup), "{once:?}");
    refused("retry_interval 0", "'retry_interval'");
    refused("retry_interval 3601", "'retry_interval'");
}
