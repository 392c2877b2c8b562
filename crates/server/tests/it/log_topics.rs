//! `log_dest topic`.

use crate::harness::{Setup, client};
use std::iter;

#[test]
pub(crate) fn lines_are_published_by_level_and_debug_lines_are_not() {
    let broker = Setup::open("worker_threads 3\nlog_dest topic\nlog_type all\nlog_timestamp false").silent().start();
    let mut reader = client("reader").to(&broker);
    reader.subscribe("$SYS/broker/log/#", 2);
    let mut other = client("other").to(&broker);
    other.subscribe("news", 1);
    other.disconnect();
    let mut seen = Vec::new();
    while !seen.last().is_some_and(|(_, text): &(String, String)| text.ends_with("disconnected.")) {
        let message = reader.message();
        assert!(!message.retain && message.qos == 2);
        seen.push((message.topic.clone(), message.text().to_owned()));
    }
    let has = |topic: &str, text: &str| seen.iter().any(|(t, line)| t == topic && line.contains(text));
    assert!(has("$SYS/broker/log/N", "New client connected from 127.0.0.1:"), "{seen:#?}");
    assert!(has("$SYS/broker/log/M/subscribe", "other 1 news"), "{seen:#?}");
    assert!(!seen.iter().any(|(topic, _)| topic.ends_with("/D")), "{seen:#?}");
    // Lines about lines would never end.
    reader.ping();
    reader.subscribe("end", 0);
    reader.publish("end", "", 0);
    let rest: Vec<_> = iter::from_fn(|| Some(reader.message()).filter(|message| message.topic != "end")).collect();
    assert!(rest.len() < 10, "{rest:#?}");
}

#[test]
fn topics_stand_beside_other_destinations_and_come_with_the_time() {
    let broker = Setup::open("log_dest stderr\nlog_dest topic\nlog_timestamp_format T%Y").start();
    let mut reader = client("reader").to(&broker);
    reader.subscribe("$SYS/broker/log/N", 0);
    drop(client("other").to(&broker));
    let line = reader.message();
    assert!(line.text().starts_with("T20"), "{}", line.text());
    broker.log.wait_for(line.text());
}

/// The log must not keep the broker from stopping, nor wait for workers that are gone.
#[test]
fn a_broker_that_logs_to_topics_stops() {
    for _ in 0..3 {
        let broker = Setup::open("worker_threads 2\nlog_dest stderr\nlog_dest topic\nlog_type all").start();
        let mut reader = client("reader").to(&broker);
        reader.subscribe("$SYS/broker/log/#", 0);
        let lines = broker.stop();
        assert!(lines.last().unwrap().ends_with("terminating"));
    }
}

#[test]
fn topics_may_become_a_destination_while_the_broker_runs() {
    let broker = Setup::open("log_dest stderr\nworker_threads 2").start();
    let mut reader = client("reader").to(&broker);
    reader.subscribe("$SYS/broker/log/#", 0);
    broker.reload(&format!("{}\nlog_dest topic", broker.config()));
    while !reader.message().text().contains("Configuration reloaded: 1 change.") {}
}
