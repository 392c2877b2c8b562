//! The journal with its thread.

use super::{open, payload, replayed, write_database};
use mosquitto_storage::journal::{
    Identity, Journal, Kind, Notify, PushError, State, SyncMode, TestDisk, ThreadOptions, WriteError,
};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

#[derive(Debug, PartialEq, Eq)]
enum Told {
    Settled(u64),
    Writing,
    Full,
    Failed(String),
}

struct Ear(Sender<Told>);

impl Notify for Ear {
    fn settled(&mut self, sequence: u64) {
        drop(self.0.send(Told::Settled(sequence)));
    }

    fn state(&mut self, state: &State) {
        let told = match state {
            State::Writing => Told::Writing,
            State::Full => Told::Full,
            State::Failed(failure) => Told::Failed(failure.to_string()),
        };
        drop(self.0.send(told));
    }
}

fn start(disk: &TestDisk, options: ThreadOptions) -> (Journal, Receiver<Told>) {
    let (ear, told) = channel();
    let journal = Journal::start(open(disk).into_writer().unwrap(), options, Box::new(Ear(ear))).unwrap();
    (journal, told)
}

fn push(journal: &Journal, sequence: u64) {
    let mut bytes = payload(sequence);
    assert_eq!(journal.push(Kind::Changes, sequence.cast_signed(), &mut bytes).unwrap(), sequence);
    assert!(bytes.is_empty());
}

fn wait_until_settled(told: &Receiver<Told>, sequence: u64) {
    let mut last = 0;
    while last < sequence {
        match told.recv_timeout(Duration::from_secs(20)).unwrap() {
            Told::Settled(settled) => {
                assert!(settled > last);
                last = settled;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(last, sequence);
}

#[test]
fn what_is_settled_is_on_the_disk() {
    let disk = TestDisk::new();
    let (journal, told) = start(&disk, ThreadOptions::default());
    for sequence in 1..=100 {
        push(&journal, sequence);
        if sequence % 10 == 0 {
            wait_until_settled(&told, sequence);
            assert_eq!(journal.settled(), sequence);
            assert_eq!(replayed(&open(&disk.crash_and_lose_all())).last(), Some(&sequence));
        }
    }
    assert_eq!(journal.queued_bytes(), 0);
    journal.stop().unwrap();
    assert!(matches!(journal.push(Kind::Changes, 0, &mut Vec::new()), Err(PushError::Stopped)));
}

#[test]
fn without_syncs_what_is_settled_survives_the_broker_and_in_the_end_the_machine() {
    let disk = TestDisk::new();
    let (journal, told) = start(&disk, ThreadOptions { sync: SyncMode::None, ..ThreadOptions::default() });
    push(&journal, 1);
    push(&journal, 2);
    wait_until_settled(&told, 2);
    assert_eq!(replayed(&open(&disk.kill())), [1, 2]);
    assert_eq!(replayed(&open(&disk.crash_and_lose_all())), [0; 0]);
    journal.stop().unwrap();
    assert_eq!(replayed(&open(&disk.crash_and_lose_all())), [1, 2]);
}

#[test]
fn an_interval_syncs_what_waits_without_anything_new() {
    let disk = TestDisk::new();
    let sync = SyncMode::Interval(Duration::from_millis(20));
    let (journal, told) = start(&disk, ThreadOptions { sync, ..ThreadOptions::default() });
    push(&journal, 1);
    wait_until_settled(&told, 1);
    while journal.syncs() == 0 {
        std::thread::yield_now();
    }
    assert_eq!(replayed(&open(&disk.crash_and_lose_all())), [1]);
}

#[test]
fn a_snapshot_removes_what_was_before_its_beginning() {
    let disk = TestDisk::new();
    let (journal, told) = start(&disk, ThreadOptions::default());
    (1..=30).for_each(|sequence| push(&journal, sequence));
    let begun = journal.begin_snapshot().unwrap();
    assert_eq!(begun.sequence, 31);
    (31..=35).for_each(|sequence| push(&journal, sequence));
    let before = journal.bytes_since_snapshot();
    let identity = write_database(&disk, 31).unwrap();
    journal.commit_snapshot(begun, identity, b"more".to_vec()).unwrap();
    wait_until_settled(&told, 35);
    assert!(journal.bytes_since_snapshot() < before.max(10_000));
    let left = disk.crash_and_lose_all();
    let recovery = open(&left);
    assert_eq!(replayed(&recovery), [31, 32, 33, 34, 35]);
    assert_eq!(recovery.snapshot_payload(), Some(b"more".as_slice()));

    let begun = journal.begin_snapshot().unwrap();
    let identity = write_database(&disk, 36).unwrap();
    journal.commit_snapshot(begun, identity, Vec::new()).unwrap();
    assert!(journal.stop_and_remove().unwrap());
    assert_eq!(disk.files().keys().collect::<Vec<_>>(), ["mosquitto.db"]);
}

#[test]
fn a_journal_that_says_more_than_the_database_is_not_removed() {
    let disk = TestDisk::new();
    let (journal, _told) = start(&disk, ThreadOptions::default());
    push(&journal, 1);
    let begun = journal.begin_snapshot().unwrap();
    push(&journal, 2);
    let identity = write_database(&disk, 2).unwrap();
    journal.commit_snapshot(begun, identity, Vec::new()).unwrap();
    let again = journal.commit_snapshot(begun, identity, Vec::new()).unwrap_err();
    assert!(again.to_string().starts_with("ending a snapshot: "), "{again}");
    assert!(!journal.has_failed());
    assert!(!journal.stop_and_remove().unwrap());
    assert_eq!(replayed(&open(&disk.crash_and_lose_all())), [2]);
}

#[test]
fn a_sync_that_fails_is_the_end() {
    let disk = TestDisk::new();
    let (journal, told) = start(&disk, ThreadOptions::default());
    push(&journal, 1);
    wait_until_settled(&told, 1);
    disk.set_syncs_fail(true);
    push(&journal, 2);
    let told = told.recv_timeout(Duration::from_secs(20)).unwrap();
    assert!(matches!(&told, Told::Failed(why) if why.contains("mosquitto.db.journal.00000001")), "{told:?}");
    disk.set_syncs_fail(false);
    assert!(journal.has_failed() && journal.settled() == 1);
    assert!(matches!(journal.push(Kind::Changes, 0, &mut vec![1]), Err(PushError::Failed(_))));
    assert!(matches!(journal.begin_snapshot(), Err(PushError::Failed(_))));
    assert!(matches!(journal.stop(), Err(WriteError::Failed(_))));
}

#[test]
fn nobody_waits_for_a_thread_that_has_panicked() {
    struct Deaf;
    impl Notify for Deaf {
        fn settled(&mut self, _: u64) {
            panic!("as this test wants it");
        }
        fn state(&mut self, _: &State) {}
    }
    let writer = open(&TestDisk::new()).into_writer().unwrap();
    let journal = Journal::start(writer, ThreadOptions::default(), Box::new(Deaf)).unwrap();
    push(&journal, 1);
    let begun = journal.begin_snapshot();
    if let Ok(begun) = begun {
        assert!(journal.commit_snapshot(begun, Identity::NONE, Vec::new()).is_err());
    }
    while !journal.has_failed() {
        std::thread::yield_now();
    }
    assert!(matches!(journal.push(Kind::Changes, 0, &mut vec![1]), Err(PushError::Failed(_))));
    assert!(journal.stop().is_err());
}

#[test]
fn without_room_it_waits_and_goes_on_when_there_is_some() {
    let disk = TestDisk::new();
    let options = ThreadOptions { retry: Duration::from_millis(5), ..ThreadOptions::default() };
    let (journal, told) = start(&disk, options);
    disk.set_room(Some(disk.files().values().map(|bytes| bytes.len() as u64).sum()));
    // The first segment and the spare hold some of these.
    (1..=40).for_each(|sequence| push(&journal, sequence));
    let mut settled = 0;
    loop {
        match told.recv_timeout(Duration::from_secs(20)).unwrap() {
            Told::Settled(sequence) => settled = sequence,
            Told::Full => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(journal.is_full() && !journal.has_failed() && settled < 40);
    let begun = journal.begin_snapshot().unwrap();
    let refused = journal.commit_snapshot(begun, Identity::NONE, Vec::new());
    assert!(matches!(refused, Err(WriteError::NoRoom)), "{refused:?}");
    disk.set_room(None);
    while settled < 40 {
        match told.recv_timeout(Duration::from_secs(20)).unwrap() {
            Told::Settled(sequence) => settled = sequence,
            Told::Writing | Told::Full => {}
            other @ Told::Failed(_) => panic!("{other:?}"),
        }
    }
    journal.stop().unwrap();
    assert_eq!(replayed(&open(&disk.crash_and_lose_all())), (1..=40).collect::<Vec<u64>>());
}

#[test]
fn a_backlog_is_told_and_has_an_end() {
    let disk = TestDisk::new();
    let options = ThreadOptions { behind_bytes: 2000, queue_bytes_max: 4000, ..ThreadOptions::default() };
    let (journal, told) = start(&disk, options);
    disk.set_room(Some(0));
    // Until the segments are full.
    let mut sequence = 1;
    let error = loop {
        match journal.push(Kind::Changes, sequence, &mut vec![7; 500]) {
            Ok(_) => sequence += 1,
            Err(error) => break error,
        }
        while !journal.is_full() && journal.queued_bytes() > 0 {
            std::thread::yield_now();
        }
    };
    assert!(matches!(error, PushError::Failed(_)), "{error}");
    assert!(journal.is_behind());
    assert!(told.iter().any(|told| matches!(told, Told::Failed(_))));
    assert!(journal.stop().is_err());
}
