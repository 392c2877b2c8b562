//! Files that were damaged after they had been written.

use super::{DATABASE, append, commit, open, payload, replayed};
use mosquitto_storage::journal::{
    Continues, FRAMES_AT, HEADER_BYTES, HEADER_COPY_AT, Kind, TestDisk, WriteError, Writer,
};

fn segment(number: u64) -> String {
    format!("{DATABASE}.journal.{number:08}")
}

/// Frames that are synced one by one: each says that the one before it is on disk.
fn append_synced(writer: &mut Writer, count: usize) {
    for _ in 0..count {
        append(writer).unwrap();
        writer.sync().unwrap();
    }
}

/// A journal of four segments over a snapshot; all its frames, from number 6 on.
fn sample() -> (TestDisk, Vec<u64>) {
    let disk = TestDisk::new();
    let mut writer = open(&disk).into_writer().unwrap();
    append_synced(&mut writer, 5);
    let ticket = writer.begin_snapshot().unwrap();
    append_synced(&mut writer, 2);
    commit(&disk, &mut writer, &ticket).unwrap();
    append_synced(&mut writer, 10);
    let last = writer.synced();
    drop(writer);
    let disk = disk.crash_and_lose_all();
    let names: Vec<String> = disk.files().into_keys().filter(|name| name.contains(".journal.0")).collect();
    assert_eq!(names, [segment(3), segment(4), segment(5), segment(6)], "a sample as it is meant to be");
    (disk, (6..=last).collect())
}

fn with_file(disk: &TestDisk, name: &str, bytes: &[u8]) -> TestDisk {
    let other = disk.kill();
    other.put(name, bytes);
    other
}

/// What is left goes on: it can be written to, and is found again.
fn goes_on(disk: &TestDisk, what: &str) {
    let recovery = open(disk);
    let before = replayed(&recovery);
    let mut writer = recovery.into_writer().unwrap();
    let added = append(&mut writer).unwrap();
    assert!(before.last().is_none_or(|last| *last < added), "{what}");
    writer.sync().unwrap();
    let after = replayed(&open(&disk.crash_and_lose_all()));
    assert_eq!(after, [before, vec![added]].concat(), "{what}");
}

/// All bytes but most of the zeros around headers.
fn is_interesting(at: usize) -> bool {
    at >= FRAMES_AT as usize || at % HEADER_COPY_AT < HEADER_BYTES || at.is_multiple_of(64)
}

#[test]
fn a_flipped_bit_costs_one_frame_at_most() {
    let (disk, all) = sample();
    for number in 3..=6 {
        let name = segment(number);
        let bytes = disk.read(&name).unwrap();
        for at in (0..bytes.len()).filter(|at| is_interesting(*at)) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (at % 8);
            let disk = with_file(&disk, &name, &damaged);
            let what = format!("byte {at} of {name}");
            let recovery = open(&disk);
            let report = recovery.report();
            let found = replayed(&recovery);
            assert!(
                found.len() >= all.len() - 1 && found.iter().all(|n| all.contains(n)),
                "{what}: {found:?} {report:?}"
            );
            assert!(found.is_sorted_by(|a, b| a < b), "{what}");
            assert_eq!(report.continues, Continues::Snapshot, "{what}");
            assert_eq!(report.frames, found.len() as u64, "{what}");
            if found.len() < all.len() && found.last() == all.last() {
                assert_eq!((report.missing, report.damaged_places), (1, 1), "{what}: {report:?}");
                assert_eq!(report.set_aside.len(), 1, "{what}");
            }
            if at % 97 == 0 {
                goes_on(&disk, &what);
            }
        }
    }
}

#[test]
fn a_segment_that_was_cut_short_costs_what_was_behind() {
    let (disk, all) = sample();
    for number in 3..=6 {
        let name = segment(number);
        let bytes = disk.read(&name).unwrap();
        for length in (0..bytes.len()).filter(|at| is_interesting(*at)) {
            let disk = with_file(&disk, &name, &bytes[..length]);
            let what = format!("{name} of {length} bytes");
            let recovery = open(&disk);
            let found = replayed(&recovery);
            assert!(found.iter().all(|n| all.contains(n)) && found.is_sorted_by(|a, b| a < b), "{what}");
            // The other segments are as they were.
            let others = all.len() - frames_in(&bytes);
            assert!(found.len() >= others, "{what}: {found:?}");
            if number < 6 {
                let lost = (all.len() - found.len()) as u64;
                assert_eq!(recovery.report().missing, lost, "{what}: {:?}", recovery.report());
            }
            if length % 512 == 0 {
                goes_on(&disk, &what);
            }
        }
    }
}

/// How many frames with numbers of their own a segment has, counted the simple way.
fn frames_in(segment: &[u8]) -> usize {
    let (mut offset, mut count) = (FRAMES_AT as usize, 0);
    while let Some(&[a, b, c, d, kind @ 1..=255]) = segment.get(offset..offset + 5) {
        count += usize::from(kind != 3);
        offset += (40 + u32::from_le_bytes([a, b, c, d]) as usize).next_multiple_of(8);
    }
    count
}

#[test]
fn sectors_of_zeros_or_rubbish_cost_what_was_in_them() {
    let (disk, all) = sample();
    for (number, sector_bytes) in [(3, 512), (4, 512), (6, 512), (3, 4096), (5, 4096), (6, 4096)] {
        let name = segment(number);
        let bytes = disk.read(&name).unwrap();
        for start in (0..bytes.len()).step_by(sector_bytes) {
            for rubbish in [0, 0xA5] {
                let mut damaged = bytes.clone();
                let end = bytes.len().min(start + sector_bytes);
                damaged[start..end].fill(rubbish);
                let disk = with_file(&disk, &name, &damaged);
                let what = format!("sector at {start} of {name}");
                let found = replayed(&open(&disk));
                assert!(found.len() >= all.len() - frames_in(&bytes), "{what}");
                assert!(found.is_sorted_by(|a, b| a < b), "{what}");
                if start < FRAMES_AT as usize {
                    assert_eq!(found, all, "{what}: headers are there twice");
                }
                goes_on(&disk, &what);
            }
        }
    }
}

#[test]
fn the_frame_that_ends_a_snapshot_is_not_all_that_names_it() {
    let disk = TestDisk::new();
    let mut writer = open(&disk).into_writer().unwrap();
    append_synced(&mut writer, 2);
    let ticket = writer.begin_snapshot().unwrap();
    commit(&disk, &mut writer, &ticket).unwrap();
    writer.append(Kind::Changes, 3, &payload(3)[..50]).unwrap();
    writer.sync().unwrap();
    drop(writer);
    let disk = disk.crash_and_lose_all();
    let names: Vec<String> = disk.files().into_keys().filter(|name| name.contains(".journal.0")).collect();
    assert_eq!(names, [segment(2)]);
    let mut bytes = disk.read(&names[0]).unwrap();
    bytes[FRAMES_AT as usize + 45] ^= 1;
    disk.put(&names[0], &bytes);
    let recovery = open(&disk);
    assert_eq!((recovery.report().continues, recovery.report().frames), (Continues::Snapshot, 1));
    assert_eq!(recovery.snapshot_payload(), None);
}

#[test]
fn a_segment_that_is_gone_is_counted() {
    let (disk, all) = sample();
    let in_4 = frames_in(&disk.read(&segment(4)).unwrap()) as u64;
    let left = disk.kill();
    mosquitto_storage::journal::Disk::remove(&left, &segment(4)).unwrap();
    let recovery = open(&left);
    assert_eq!(recovery.report().missing, in_4);
    assert!(recovery.report().is_loss() && !recovery.report().lines.is_empty());
    assert_eq!(replayed(&recovery).len() as u64, all.len() as u64 - in_4);
    goes_on(&left, "without segment 4");
}

#[test]
fn a_damaged_segment_is_kept_under_another_name() {
    let (disk, _) = sample();
    let name = segment(4);
    let mut bytes = disk.read(&name).unwrap();
    bytes[FRAMES_AT as usize + 50] ^= 1;
    disk.put(&name, &bytes);
    let recovery = open(&disk);
    let aside = recovery.report().set_aside.clone();
    assert_eq!(aside, [format!("{name}.damaged-20261128T224500Z")]);
    let mut writer = recovery.into_writer().unwrap();
    let ticket = writer.begin_snapshot().unwrap();
    commit(&disk, &mut writer, &ticket).unwrap();
    assert_eq!(disk.read(&aside[0]).as_deref(), Some(bytes.as_slice()));
    assert!(disk.read(&name).is_none());
    drop(writer);
    let report = open(&disk).report().clone();
    assert!(!report.is_loss() && report.lines.is_empty(), "{report:?}");
}

#[test]
fn the_journal_of_another_database_is_set_aside() {
    let (disk, _) = sample();
    disk.put(DATABASE, b"what mosquitto has written meanwhile");
    let recovery = open(&disk);
    assert_eq!(recovery.report().continues, Continues::Another);
    assert_eq!(replayed(&recovery), [0; 0]);
    let aside: Vec<String> = (3..=6).map(|number| format!("{}.stale-20261128T224500Z", segment(number))).collect();
    assert_eq!(recovery.report().set_aside, aside);
    let mut writer = recovery.into_writer().unwrap();
    assert_eq!(writer.next_sequence(), 1);
    append_synced(&mut writer, 1);
    drop(writer);
    let left = disk.crash_and_lose_all();
    assert!(aside.iter().all(|name| left.read(name).is_some()));
    let recovery = open(&left);
    assert_eq!(recovery.report().continues, Continues::Snapshot);
    assert_eq!(replayed(&recovery), [1]);
}

#[test]
fn a_database_that_is_damaged_is_continued_all_the_same() {
    let (disk, all) = sample();
    disk.put(DATABASE, b"frames before 7\n");
    let recovery = super::opening(&disk, true).open().unwrap();
    assert_eq!(recovery.report().continues, Continues::Snapshot);
    assert_eq!(replayed(&recovery), all);
    assert!(recovery.report().lines[0].contains("is damaged"));
    // Also after the next crash, before there is another snapshot.
    drop(recovery.into_writer().unwrap());
    assert_eq!(replayed(&open(&disk.crash_and_lose_all())), all);
}

#[test]
fn a_later_version_is_set_aside() {
    let (disk, _) = sample();
    let name = segment(6);
    let mut bytes = disk.read(&name).unwrap();
    // Both copies say so, and are whole.
    for at in [0, HEADER_COPY_AT] {
        bytes[at + 16] = 2;
        let content = &bytes[at..at + HEADER_BYTES - 4];
        let checksum = (crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, content) as u32).to_le_bytes();
        bytes[at + HEADER_BYTES - 4..at + HEADER_BYTES].copy_from_slice(&checksum);
    }
    disk.put(&name, &bytes);
    let recovery = open(&disk);
    assert_eq!(recovery.report().set_aside, [format!("{name}.version-20261128T224500Z")]);
    assert!(recovery.report().lines[0].contains("version 2"), "{:?}", recovery.report().lines);
    goes_on(&disk, "a later version");
}

#[test]
fn a_frame_is_valid_only_where_it_was_written() {
    // All of a journal's bytes, as a payload and as a segment of another number.
    let (disk, all) = sample();
    let bytes = disk.read(&segment(4)).unwrap();
    disk.put(&segment(9), &bytes);
    let recovery = open(&disk);
    assert_eq!(replayed(&recovery), all);
    assert!(recovery.report().lines[0].contains("it is segment 4"), "{:?}", recovery.report());

    // The first frames of a journal as a payload in another one with the same salt, in the segment of the same number.
    let other = TestDisk::new();
    let mut writer = open(&other).into_writer().unwrap();
    append_synced(&mut writer, 2);
    let frames = &other.read(&segment(1)).unwrap()[FRAMES_AT as usize..FRAMES_AT as usize + 300];
    let disk = TestDisk::new();
    let mut writer = open(&disk).into_writer().unwrap();
    writer.append(Kind::Changes, 1, frames).unwrap();
    writer.append(Kind::Changes, 2, b"behind").unwrap();
    writer.sync().unwrap();
    let mut damaged = disk.read(&segment(1)).unwrap();
    damaged[FRAMES_AT as usize] ^= 1;
    disk.put(&segment(1), &damaged);
    let recovery = open(&disk);
    let mut frames = recovery.frames();
    assert!(frames.next().unwrap().is_none(), "nothing says that the first was on disk, so the second does not count");
}

#[test]
fn a_payload_that_is_too_long_is_an_error_of_the_owner() {
    let disk = TestDisk::new();
    let mut writer = open(&disk).into_writer().unwrap();
    let payload = vec![0; mosquitto_storage::journal::PAYLOAD_BYTES_MAX + 1];
    assert!(matches!(writer.append(Kind::Changes, 1, &payload), Err(WriteError::Failed(_))));
}

#[test]
fn frames_larger_than_a_segment_get_one_of_their_own() {
    let disk = TestDisk::new();
    let mut writer = open(&disk).into_writer().unwrap();
    let sizes = [10, 100_000, 10, 3_000_000, 0, 20_000];
    for size in sizes {
        writer.append(Kind::Boot, -1, &vec![size as u8; size]).unwrap();
    }
    writer.sync().unwrap();
    let left = disk.crash_and_lose_all();
    let recovery = open(&left);
    let mut frames = recovery.frames();
    for size in sizes {
        let frame = frames.next().unwrap().unwrap();
        assert_eq!((frame.kind, frame.epoch_ms, frame.payload), (Kind::Boot, -1, vec![size as u8; size].as_slice()));
    }
    assert!(frames.next().unwrap().is_none());
    assert_eq!(payload(7), [0; 0]);
}
