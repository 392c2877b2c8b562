//! Topics made to cost much: very many levels, and names that begin with `$`.

use crate::harness::{Net, Options, connect};
use mosquitto_mqtt::Property;
use mosquitto_mqtt::packet::SubscriptionOptions;

fn of_each_version(id: &str) -> [Options; 3] {
    [connect(id), connect(id).v311(), connect(id).v31()]
}

#[test]
fn topics_of_65_000_slashes_end_their_connection_and_leave_no_node() {
    let slashes = "/".repeat(65_000);
    for at in 0..5 {
        for options in of_each_version("a") {
            let mut net = Net::new();
            let peer = options.on(&mut net);
            match at {
                0 => net.publish(peer, &slashes, "x", 0, 0),
                1 => net.publish_retained(peer, &slashes, "x", 1, 1),
                2 => net.subscribe_with(peer, 1, &slashes, SubscriptionOptions::default(), &[]),
                3 => net.subscribe_with(peer, 1, &format!("$share/g/{slashes}"), SubscriptionOptions::default(), &[]),
                _ => net.unsubscribe(peer, 1, &[&slashes]),
            }
            assert!(!net.is_open(peer));
            assert_eq!((net.shared.subscription_count(), net.shared.retained_count()), (0, 0));
        }
    }
}

#[test]
fn a_will_of_65_000_slashes_is_refused() {
    let mut net = Net::new();
    for options in of_each_version("a") {
        assert!(options.will(&"/".repeat(65_000), "x", 0, false).refused(&mut net).is_empty());
    }
    assert_eq!(net.session_count(), 0);
}

#[test]
fn a_topic_of_65_000_slashes_is_not_reached_by_an_alias_either() {
    let mut net = Net::new();
    let peer = connect("a").on(&mut net);
    net.publish_with(peer, &"/".repeat(65_000), b"x", 0, 0, &[Property::TopicAlias(1)]);
    assert_eq!((net.got(peer), net.is_open(peer)), (vec!["DISCONNECT rc=0x81".to_owned()], false));
}

#[test]
fn the_deepest_topic_is_delivered_and_retained_and_cleared() {
    let deepest = "/".repeat(200);
    for options in of_each_version("a") {
        let mut net = Net::new();
        let peer = options.on(&mut net);
        let plus = ["+"; 201].join("/");
        for filter in [&deepest, "/#", &plus, "#"] {
            net.subscribe(peer, filter, 0);
        }
        net.publish_retained(peer, &deepest, "x", 0, 0);
        assert_eq!(net.got(peer).len(), 4);
        assert_eq!(net.shared.retained_count(), 1);
        net.publish_retained(peer, &deepest, "", 0, 0);
        assert_eq!(net.shared.retained_count(), 0);
    }
}

#[test]
fn dollar_topics_of_any_name_are_topics_that_leading_wildcards_pass_by() {
    // [MQTT-4.7.2-1]
    let long = format!("$x{}", "y".repeat(65_000));
    for topic in ["$", "$x", "$x/a", "$$", "$/", "$sys/a", "$SY", "$SYSTEM/a", &long] {
        for options in of_each_version("a") {
            let mut net = Net::new();
            let (peer, watcher) = (options.on(&mut net), connect("watcher").on(&mut net));
            ["#", "+", "+/#", "+/a"].into_iter().for_each(|filter| net.subscribe(watcher, filter, 0));
            net.subscribe(peer, topic, 0);
            net.publish_retained(peer, topic, "x", 0, 0);
            assert_eq!(net.got(peer), [format!("PUBLISH q0 {topic} \"x\"")]);
            assert!(net.got(watcher).is_empty() && net.is_open(peer), "{topic}");
            assert_eq!(net.shared.retained_count(), 1);
        }
    }
}
