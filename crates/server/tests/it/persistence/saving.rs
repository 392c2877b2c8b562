//! When the file is written.

use super::{directory, files, kept_in};
use crate::harness::{Broker, Setup, Signal, client, wait_until};
use std::path::Path;

const SAVING: &str = "Saving in-memory database to ";

/// What stands in a database, as text: good enough to see whether a topic is in it.
fn contains(path: &Path, text: &str) -> bool {
    std::fs::read(path).is_ok_and(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
}

fn retain(broker: &Broker, topic: &str) {
    let mut publisher = client("publisher").to(broker);
    publisher.publish_retained(topic, "x", 1);
    publisher.finish();
}

#[test]
fn sigusr1_has_it_written_and_without_persistence_says_that_there_is_nothing_to_write() {
    let directory = directory();
    let broker = kept_in(&directory, "").start();
    retain(&broker, "kept/by/signal");
    let database = directory.path().join("mosquitto.db");
    assert!(!database.exists());
    broker.signal(Signal::USR1);
    broker.log.wait_for(&format!("{SAVING}{}.", database.display()));
    wait_until("the file is written", || contains(&database, "kept/by/signal"));
    // Over and over.
    retain(&broker, "kept/later");
    broker.signal(Signal::USR1);
    wait_until("the file is written again", || contains(&database, "kept/later"));
    broker.kill();
    let broker = kept_in(&directory, "").start();
    let mut user = client("user").to(&broker);
    user.subscribe("kept/#", 0);
    assert_eq!(user.all_messages().len(), 2);

    let broker = Broker::open("");
    let mut user = client("user").to(&broker);
    broker.signal(Signal::USR1);
    broker.log.wait_for("SIGUSR1 ignored: there is no persistence; nothing was saved.");
    user.ping();
}

#[test]
pub(crate) fn autosave_interval_is_the_time_between_two_savings_and_a_reload_changes_it() {
    let directory = directory();
    let broker = kept_in(&directory, "autosave_interval 1").start();
    broker.log.wait_for_several(SAVING, 2);
    broker.reload(&broker.config().replace("autosave_interval 1", "autosave_interval 0"));
    // One may have begun before.
    let before = broker.log.count(SAVING);
    let rare = kept_in(&super::directory(), "autosave_interval 1").start();
    rare.log.wait_for_several(SAVING, 2);
    assert!(broker.log.count(SAVING) <= before + 1, "0 is never");
}

#[test]
pub(crate) fn autosave_on_changes_counts_changes_and_not_seconds() {
    let directory = directory();
    let broker = kept_in(&directory, "autosave_on_changes true\nautosave_interval 10\nsys_interval 0").start();
    let mut away = client("away").persistent().to(&broker);
    away.subscribe("a", 1);
    away.disconnect();
    // Two so far: a client that has connected, and its subscription. Those of clean sessions count for nothing.
    client("passing").to(&broker).subscribe("a", 1);
    let mut publisher = client("publisher").to(&broker);
    for n in 0..7 {
        publisher.publish("a", n.to_string(), 1);
        publisher.publish("nobody", n.to_string(), 1);
    }
    publisher.finish();
    assert_eq!(broker.log.count(SAVING), 0);
    publisher.publish("a", "tenth", 1);
    broker.log.wait_for(SAVING);
}

/// Where the file is.
#[test]
pub(crate) fn persistence_location_and_persistence_file_say_where_it_is() {
    let directory = directory();
    std::fs::create_dir(directory.path().join("sub")).unwrap();
    let lines = "persistence true\npersistence_location DIR/sub/\npersistence_file other.db";
    let setup = Setup::open(lines).directory(&directory);
    let broker = setup.start();
    client("user").persistent().to(&broker).disconnect();
    broker.stop();
    assert!(contains(&directory.path().join("sub/other.db"), "user"));
    assert_eq!(files(directory.path()), [""; 0]);
    let broker = setup.start();
    assert!(client("user").persistent().resume(&broker).1);
    // Another place after the next start, not before.
    let log = broker.reload(&broker.config().replace("other.db", "third.db"));
    let expected = "persistence_file: other.db -> third.db (after a restart).";
    assert!(log.iter().any(|line| line == expected), "{log:#?}");
    broker.stop();
    assert!(!directory.path().join("sub/third.db").exists());
}

/// What a broker does before it acknowledges: seen in the calls of its thread for the journal.
#[test]
pub(crate) fn persistence_sync_decides_whether_the_disk_is_waited_for() {
    for (line, expected) in [("", true), ("persistence_sync always", true), ("persistence_sync none", false)] {
        let directory = directory();
        let Some(setup) = super::faults::with_faults(kept_in(&directory, line), &directory) else { return };
        let broker = setup.start();
        client("user").persistent().to(&broker).ping();
        // A disk that fails to sync is noticed only by who syncs.
        super::faults::say(&directory, "eio");
        let mut user = client("another").persistent().attempt_to(&broker);
        assert_eq!(user.next_or_end().is_none(), expected, "{line}");
        super::faults::say(&directory, "");
        drop(user);
        let mut broker = broker;
        if expected {
            assert_eq!(broker.ends().0, Some(1), "{line}");
        } else {
            broker.stop();
        }
    }
}

/// `persistence_sync interval` and `persistence false` to `true` take effect at the next start.
#[test]
fn what_a_reload_cannot_change_is_told_in_the_log() {
    let directory = directory();
    let broker = kept_in(&directory, "log_timestamp false").start();
    let log =
        broker.reload(&broker.config().replace("persistence true", "persistence false\npersistence_sync interval 5"));
    for line in
        ["persistence: true -> false (after a restart).", "persistence_sync: always -> interval 5 (after a restart)."]
    {
        assert!(log.iter().any(|said| said == line), "{line}: {log:#?}");
    }
    retain(&broker, "still/kept");
    broker.stop();
    assert!(contains(&directory.path().join("mosquitto.db"), "still/kept"));
}
