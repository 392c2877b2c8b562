//! Disks that are full, fail, or cannot be written: `faults.c` stands between the broker and libc and makes them so.

use super::{directory, kept_in};
use crate::harness::{Got, Scratch, Setup, client, report_skipped, wait_until};
use mosquitto_mqtt::PacketType;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, OnceLock};

/// The library, made once; none where there is no compiler for it.
fn library() -> Option<PathBuf> {
    static LIBRARY: OnceLock<Option<(PathBuf, Scratch)>> = OnceLock::new();
    let made = LIBRARY.get_or_init(|| {
        let scratch = Scratch::new();
        let path = scratch.path().join("faults.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/persistence/faults.c");
        let mut command = Command::new("cc");
        command.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&path).args([source, "-ldl"]);
        command.status().is_ok_and(|status| status.success()).then_some((path, scratch))
    });
    let path = made.as_ref().map(|(path, _)| path.clone());
    if path.is_none() {
        report_skipped("a C compiler");
    }
    path
}

/// The broker with a disk that fails when it is said to; none where that cannot be made.
pub(super) fn with_faults(setup: Setup, directory: &Arc<Scratch>) -> Option<Setup> {
    let library = library()?;
    let said = directory.file("faults", "");
    let of = |path: PathBuf| path.to_str().unwrap().to_owned();
    let setup = setup.environment("LD_PRELOAD", &of(library));
    Some(setup.environment("FAULTS", &of(said)).environment("FAULTS_IN", "mosquitto.db"))
}

/// How the disk fails from now on.
pub(super) fn say(directory: &Arc<Scratch>, fault: &str) {
    // At once: it is read while it is written.
    let path = directory.file("faults.next", fault);
    std::fs::rename(path, directory.path().join("faults")).unwrap();
}

/// What comes of a message of QoS 1 to somebody who is to get it later: its reason code.
fn attempt(broker: &crate::harness::Broker, text: &str) -> u8 {
    client("attempt").to(broker).attempt("kept", text)
}

const QUOTA_EXCEEDED: u8 = 0x97;

#[test]
fn a_full_disk_refuses_what_would_have_to_be_kept_until_there_is_room_again() {
    let directory = directory();
    let Some(setup) = with_faults(kept_in(&directory, "worker_threads 2\nmax_queued_messages 0"), &directory) else {
        return;
    };
    let broker = setup.start();
    let mut away = client("away").persistent().to(&broker);
    away.subscribe("kept", 1);
    away.disconnect();
    let mut here = client("here").to(&broker);
    here.subscribe("#", 0);
    assert_eq!(attempt(&broker, "before"), 0);
    say(&directory, "enospc");
    // What is allocated already is used up first.
    let large = "x".repeat(1_000_000);
    let mut taken = 1;
    while attempt(&broker, &large) == 0 {
        taken += 1;
        assert!(taken < 100, "there is always room");
    }
    broker.log.wait_for("No room on the disk for persistence");
    wait_until("it is refused", || attempt(&broker, "full") == QUOTA_EXCEEDED);
    // To MQTT 3.1.1 nothing can be said but by closing.
    let mut old = client("old").v311().to(&broker);
    old.publish("kept", "full", 1);
    assert_eq!(old.rest(), []);
    // QoS 0 goes on, and what nobody keeps.
    let mut publisher = client("publisher").to(&broker);
    publisher.publish("passing", "goes on", 0);
    assert_eq!(publisher.attempt("nobody/else", "QoS 1"), 0);
    for expected in ["goes on", "QoS 1"] {
        while here.message().text() != expected {}
    }
    say(&directory, "");
    broker.log.wait_for("There is room on the disk for persistence again.");
    wait_until("it is taken again", || attempt(&broker, "after") == 0);
    broker.kill();
    let broker = setup.start();
    let (mut away, present) = client("away").persistent().resume(&broker);
    assert!(present);
    let came = away.messages(taken + 1);
    assert_eq!((came[0].text(), came[taken].text()), ("before", "after"));
}

#[test]
fn a_disk_that_does_not_keep_what_it_was_given_ends_the_broker_and_nothing_is_acknowledged_after() {
    for fault in ["eio", "erofs"] {
        let directory = directory();
        let Some(setup) = with_faults(kept_in(&directory, "worker_threads 2"), &directory) else { return };
        let mut broker = setup.start();
        let mut away = client("away").persistent().to(&broker);
        away.subscribe("kept", 1);
        away.disconnect();
        let mut publisher = client("publisher").to(&broker);
        publisher.publish("kept", "before", 1);
        publisher.finish();
        say(&directory, fault);
        publisher.publish("kept", "after", 1);
        let answers = publisher.rest();
        assert!(!answers.iter().any(|got| matches!(got, Got::Ack(PacketType::PubAck, ..))), "{fault}: {answers:?}");
        let (code, log) = broker.ends();
        assert_eq!(code, Some(1), "{fault}");
        let said = |line: &String| line.contains("Error: Nothing more can be kept, so the broker ends: ");
        assert_eq!(log.iter().filter(|line| said(line)).count(), 1, "{fault}: {log:#?}");
        say(&directory, "");
        let broker = setup.start();
        let (mut away, present) = client("away").persistent().resume(&broker);
        assert!(present, "{fault}");
        assert_eq!(away.message().text(), "before", "{fault}");
    }
}

#[test]
fn a_file_that_cannot_be_written_at_the_end_is_told_and_the_journal_has_all_of_it() {
    let directory = directory();
    let Some(setup) = with_faults(kept_in(&directory, ""), &directory) else { return };
    let mut broker = setup.start();
    client("user").persistent().to(&broker).disconnect();
    say(&directory, "enospc");
    broker.signal(crate::harness::Signal::TERM);
    let (code, log) = broker.ends();
    assert_eq!(code, Some(1));
    let said = "Error during saving in-memory database ";
    assert!(log.iter().any(|line| line.contains(said) && line.ends_with(": No space left on device.")), "{log:#?}");
    say(&directory, "");
    assert!(client("user").persistent().resume(&setup.start()).1);
}
