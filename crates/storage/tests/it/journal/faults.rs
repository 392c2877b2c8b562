//! A disk that is full, read-only, or broken.

use super::{append, commit, open, replayed};
use mosquitto_storage::journal::{Continues, Disk as _, TestDisk, WriteError, Writer};

fn used(disk: &TestDisk) -> u64 {
    disk.files().values().map(|bytes| bytes.len() as u64).sum()
}

/// Appends until there is no room; returns the number of the last frame that was taken.
fn fill(writer: &mut Writer) -> u64 {
    loop {
        match append(writer) {
            Ok(_) => {}
            Err(WriteError::NoRoom) => return writer.next_sequence() - 1,
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn without_room_for_a_segment_there_is_still_the_rest_of_this_one() {
    let disk = TestDisk::new();
    let mut writer = open(&disk).into_writer().unwrap();
    append(&mut writer).unwrap();
    assert!(!writer.is_full());
    disk.set_room(Some(used(&disk)));
    // This takes the spare, and there is no other.
    while !writer.is_full() {
        append(&mut writer).unwrap();
        writer.prepare().unwrap();
    }
    let told_at = writer.next_sequence();
    append(&mut writer).unwrap();
    writer.sync().unwrap();
    let last = fill(&mut writer);
    assert!(last > told_at, "there was room for frame {last} still");
    assert!(matches!(append(&mut writer), Err(WriteError::NoRoom)));
    // What was taken can be synced, and is found.
    assert_eq!(writer.sync().unwrap(), last);
    assert_eq!(replayed(&open(&disk.crash_and_lose_all())), (1..=last).collect::<Vec<_>>());

    disk.set_room(None);
    writer.prepare().unwrap();
    assert!(!writer.is_full());
    assert_eq!(append(&mut writer).unwrap(), last + 1);
    writer.sync().unwrap();
    assert_eq!(replayed(&open(&disk.crash_and_lose_all())), (1..=last + 1).collect::<Vec<_>>());
}

#[test]
fn a_snapshot_makes_room_on_a_full_disk() {
    let disk = TestDisk::new();
    let mut writer = open(&disk).into_writer().unwrap();
    for _ in 0..30 {
        append(&mut writer).unwrap();
        writer.prepare().unwrap();
    }
    // The new database finds room, and the journal does not.
    disk.set_room(Some(used(&disk) + 64));
    let last = fill(&mut writer);
    let ticket = writer.begin_snapshot().unwrap();
    assert_eq!(ticket.sequence, last + 1);
    commit(&disk, &mut writer, &ticket).unwrap();
    writer.prepare().unwrap();
    assert!(!writer.is_full());
    append(&mut writer).unwrap();
    writer.sync().unwrap();
    let left = disk.crash_and_lose_all();
    let recovery = open(&left);
    assert_eq!(replayed(&recovery), [last + 1]);
    assert!(!recovery.report().is_loss() && recovery.report().set_aside.is_empty(), "{:?}", recovery.report());
}

#[test]
fn a_start_without_room_succeeds_and_changes_nothing_for_the_worse() {
    let disk = TestDisk::new();
    let mut writer = open(&disk).into_writer().unwrap();
    for _ in 0..10 {
        append(&mut writer).unwrap();
    }
    writer.sync().unwrap();
    drop(writer);
    let all: Vec<u64> = (1..=10).collect();
    let disk = disk.crash_and_lose_all();
    disk.set_room(Some(0));
    for _ in 0..3 {
        let recovery = open(&disk);
        assert_eq!(replayed(&recovery), all);
        let mut writer = recovery.into_writer().unwrap();
        assert!(writer.is_full());
        assert!(matches!(append(&mut writer), Err(WriteError::NoRoom)));
        assert_eq!(writer.sync().unwrap(), 10);
    }
    disk.set_room(None);
    let mut writer = open(&disk).into_writer().unwrap();
    append(&mut writer).unwrap();
    writer.sync().unwrap();
    assert_eq!(replayed(&open(&disk.crash_and_lose_all())).len(), 11);
}

#[test]
fn a_sync_that_failed_is_never_tried_again() {
    let disk = TestDisk::new();
    let mut writer = open(&disk).into_writer().unwrap();
    append(&mut writer).unwrap();
    writer.sync().unwrap();
    append(&mut writer).unwrap();
    disk.set_syncs_fail(true);
    let error = writer.sync().unwrap_err();
    assert!(matches!(error, WriteError::Failed(_)), "{error}");
    assert!(error.to_string().starts_with("syncing mosquitto.db.journal.00000001: "), "{error}");
    disk.set_syncs_fail(false);
    let operations = disk.operations();
    for _ in 0..3 {
        assert!(matches!(writer.sync(), Err(WriteError::Failed(_))));
        assert!(matches!(append(&mut writer), Err(WriteError::Failed(_))));
        assert!(matches!(writer.prepare(), Err(WriteError::Failed(_))));
        assert!(matches!(writer.begin_snapshot(), Err(WriteError::Failed(_))));
    }
    assert_eq!(disk.operations(), operations);
    assert_eq!(writer.synced(), 1);
}

#[test]
fn a_read_only_disk_ends_it() {
    let disk = TestDisk::new();
    let mut writer = open(&disk).into_writer().unwrap();
    append(&mut writer).unwrap();
    disk.set_read_only(true);
    assert!(matches!(writer.sync(), Err(WriteError::Failed(_))));
    // Who wants to know what is there may look.
    let recovery = open(&disk);
    assert_eq!(recovery.report().continues, Continues::Snapshot);
    assert!(matches!(recovery.into_writer(), Err(WriteError::Failed(_))));
}

#[test]
fn a_segment_that_may_not_be_read_stops_the_start() {
    let disk = TestDisk::new();
    let mut writer = open(&disk).into_writer().unwrap();
    append(&mut writer).unwrap();
    writer.sync().unwrap();
    drop(writer);
    disk.set_unreadable(Some(("mosquitto.db.journal.00000001", None)));
    let error = super::opening(&disk, false).open().map(|_| ()).unwrap_err();
    assert!(error.to_string().starts_with("mosquitto.db.journal.00000001: "), "{error}");
}

#[test]
fn sectors_that_cannot_be_read_cost_what_is_in_them() {
    let disk = TestDisk::new();
    let mut writer = open(&disk).into_writer().unwrap();
    for _ in 0..8 {
        append(&mut writer).unwrap();
        writer.sync().unwrap();
    }
    drop(writer);
    let last = {
        let recovery = open(&disk);
        replayed(&recovery).len()
    };
    for sector in 0..3 {
        disk.set_unreadable(Some(("mosquitto.db.journal.00000002", Some(sector))));
        let found = replayed(&open(&disk));
        if sector < 2 {
            assert_eq!(found.len(), last, "headers are there twice");
        } else {
            assert!(found.len() < last && found.contains(&1), "{found:?}");
        }
        disk.set_unreadable(None);
    }
    assert!(disk.list().unwrap().contains(&"mosquitto.db.journal.00000002".to_owned()));
}
