//! The `$SYS` tree, as clients see it.

use crate::harness::{Broker, Client, PATIENCE, client};
use std::collections::BTreeMap;
use std::time::Instant;

const ROOT: &str = "$SYS/broker/";

/// Reads `$SYS` topics until one says what is expected. Returns all that came.
fn wait_for(watcher: &mut Client, topic: &str, value: &str) -> BTreeMap<String, String> {
    let (mut seen, until) = (BTreeMap::new(), Instant::now() + PATIENCE);
    while seen.get(topic).is_none_or(|found| found != value) {
        assert!(Instant::now() < until, "{topic} never is {value:?} but {:?} in {seen:#?}", seen.get(topic));
        let message = watcher.message();
        let name = message.topic.strip_prefix(ROOT).expect("a topic below $SYS/broker").to_owned();
        seen.insert(name, message.text().to_owned());
    }
    seen
}

/// However early it comes: here it is the worker that did not publish them which lets it in.
#[test]
fn the_first_client_finds_all_topics() {
    let broker = Broker::open("sys_interval 65535\nworker_threads 4");
    for n in 0..8 {
        let mut watcher = client(&format!("first-{n}")).to(&broker);
        watcher.subscribe("$SYS/#", 2);
        let version = concat!("mosquitto version ", env!("CARGO_PKG_VERSION"));
        // The tree is walked in the order in which it was made.
        let seen = wait_for(&mut watcher, "load/connections/15min", "0.00");
        assert_eq!(seen["version"], version);
        assert_eq!(seen["uptime"], "0 seconds");
        for topic in ["clients/total", "messages/received", "store/messages/count", "publish/messages/dropped/expired"]
        {
            assert_eq!(seen[topic], "0", "{topic}");
        }
    }
}

#[test]
fn the_topics_are_retained_messages_of_qos_2() {
    let broker = Broker::open("");
    let mut watcher = client("watcher").to(&broker);
    watcher.subscribe("$SYS/broker/version", 2);
    let message = watcher.message();
    assert_eq!((message.qos, message.retain), (2, true));
    watcher.subscribe("#", 0);
    watcher.ping();
    watcher.publish("other", "", 0);
    assert_eq!(watcher.message().topic, "other", "they are not among what # matches");
}

#[test]
pub(crate) fn the_topics_follow_what_happens_on_all_workers() {
    let broker = Broker::open("sys_interval 1\nworker_threads 3\nmax_queued_messages 2");
    let mut away = client("away").persistent().to(&broker);
    away.subscribe("news", 1);
    away.disconnect();
    let mut publisher = client("publisher").to(&broker);
    publisher.subscribe("$share/g/work", 0);
    for n in 0..5 {
        publisher.publish("news", "12345", 1);
        publisher.publish_retained(&format!("kept/{n}"), "1", 0);
    }
    publisher.finish();
    let mut watcher = client("watcher").to(&broker);
    watcher.subscribe("$SYS/#", 0);
    let mut seen = wait_for(&mut watcher, "publish/messages/dropped", "3");
    // The next update begins when all of this one has come.
    loop {
        let message = watcher.message();
        let (topic, value) = (message.topic.strip_prefix(ROOT).unwrap().to_owned(), message.text().to_owned());
        let is_next = topic == "uptime";
        seen.insert(topic, value);
        if is_next {
            break;
        }
    }
    for (topic, value) in [
        ("clients/maximum", "3"),
        ("clients/connected", "2"),
        ("clients/disconnected", "1"),
        ("publish/messages/received", "10"),
        ("publish/bytes/received", "30"),
        ("publish/messages/dropped/queue_full", "3"),
        ("shared_subscriptions/count", "1"),
    ] {
        assert_eq!(seen[topic], value, "{topic}");
    }
    let number = |topic: &str| seen[topic].parse::<u64>().unwrap();
    // The $SYS topics are retained as well.
    let topics = number("retained messages/count") - 5;
    assert!((60..80).contains(&topics), "{topics}");
    assert_eq!(number("store/messages/count"), 5 + 2 + topics);
    assert_eq!(number("messages/stored"), number("store/messages/count"));
    assert!(number("heap/current") > 100_000 && number("heap/maximum") >= number("heap/current"));
    assert!(number("bytes/received") > 100 && number("messages/received") >= 15);
    assert!(seen["load/publish/received/1min"].parse::<f64>().unwrap() > 0.0);
    publisher.ping();
}

#[test]
pub(crate) fn with_an_interval_of_0_there_are_no_topics() {
    let broker = Broker::open("sys_interval 0");
    let mut watcher = client("watcher").to(&broker);
    watcher.subscribe("$SYS/#", 0);
    watcher.ping();
    watcher.subscribe("other", 0);
    watcher.publish("other", "", 0);
    assert_eq!(watcher.message().topic, "other");
}

#[test]
fn an_interval_that_is_reloaded_holds_at_once() {
    let broker = Broker::open("sys_interval 0\nworker_threads 2");
    let mut watcher = client("watcher").to(&broker);
    watcher.subscribe("$SYS/#", 0);
    broker.reload(&format!("{}\nsys_interval 1", broker.config()));
    let seen = wait_for(&mut watcher, "clients/total", "1");
    assert!(seen.contains_key("version"), "{seen:#?}");
}
