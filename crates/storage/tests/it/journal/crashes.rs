//! The power goes off during each operation of a history, and each part of what was not synced may be lost.

use super::{append, commit, first_not_in_database, open, replayed};
use mosquitto_storage::journal::{Continues, TestDisk, Ticket, Writer};
use std::io;

/// How many images of one crash are tried, if there are more.
const IMAGES_MAX: usize = 200;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Append,
    Flush,
    Sync,
    Prepare,
    Begin,
    Commit,
    /// The broker is killed and started again.
    Restart,
}

/// What a history has come to.
#[derive(Debug, Default)]
struct Book {
    appended: u64,
    /// All up to this was said to be on disk.
    synced: u64,
}

fn run(disk: &TestDisk, steps: &[Step], book: &mut Book) -> io::Result<()> {
    let mut writer = writer_of(disk)?;
    let mut ticket: Option<Ticket> = None;
    for step in steps {
        match step {
            Step::Append => {
                // It counts as appended even if it fails: any part of it may be on disk.
                book.appended = writer.next_sequence();
                append(&mut writer).map_err(io::Error::other)?;
            }
            Step::Flush => writer.flush().map_err(io::Error::other)?,
            Step::Sync => book.synced = writer.sync().map_err(io::Error::other)?,
            Step::Prepare => writer.prepare().map_err(io::Error::other)?,
            Step::Begin => ticket = Some(writer.begin_snapshot().map_err(io::Error::other)?),
            Step::Commit => {
                commit(disk, &mut writer, &ticket.take().unwrap())?;
                book.synced = writer.synced();
            }
            Step::Restart => {
                writer = writer_of(disk)?;
                book.synced = writer.synced();
            }
        }
    }
    Ok(())
}

fn writer_of(disk: &TestDisk) -> io::Result<Writer> {
    open(disk).into_writer().map_err(io::Error::other)
}

/// Checks what a start finds, lets it go on, and crashes it again.
fn check(left: &TestDisk, book: &Book, what: &str) {
    let base = first_not_in_database(left);
    let recovery = open(left);
    let report = recovery.report().clone();
    assert!(!report.is_loss() && report.set_aside.is_empty(), "{what}: {report:?}");
    assert!(report.continues != Continues::Another, "{what}");
    let found = replayed(&recovery);
    let expected: Vec<u64> = (base..base + found.len() as u64).collect();
    assert_eq!(found, expected, "{what}: {book:?}");
    let last = base + found.len() as u64 - 1;
    assert!((book.synced..=book.appended.max(base - 1)).contains(&last), "{what}: {last} of {book:?}");
    assert_eq!(report.frames, found.len() as u64, "{what}");
    if report.continues == Continues::Snapshot && base > 1 {
        let payload = recovery.snapshot_payload().map(|bytes| String::from_utf8(bytes.to_vec()).unwrap());
        assert_eq!(payload, Some(format!("snapshot {base}")), "{what}");
    }

    let mut writer = recovery.into_writer().unwrap();
    assert_eq!(writer.next_sequence(), last + 1, "{what}");
    append(&mut writer).unwrap();
    append(&mut writer).unwrap();
    writer.sync().unwrap();
    append(&mut writer).unwrap();
    writer.flush().unwrap();
    let again = left.crash_and_lose_all();
    let recovery = open(&again);
    let found = replayed(&recovery);
    assert_eq!(found, (base..last + 3).collect::<Vec<u64>>(), "{what}: after another crash");
    assert!(!recovery.report().is_loss(), "{what}: {:?}", recovery.report());
}

/// Chooses in each of the possible ways, one after the other, as long as there are not too many; else at random.
struct Choices {
    digits: Vec<(usize, usize)>,
    random: Option<u64>,
}

impl Choices {
    fn for_each(mut image: impl FnMut(&mut dyn FnMut(usize) -> usize)) {
        let mut this = Self { digits: Vec::new(), random: None };
        for count in 0.. {
            let mut at = 0;
            image(&mut |most| this.choose(&mut at, most));
            let combinations = this.digits.iter().fold(1usize, |all, (_, most)| all.saturating_mul(most + 1));
            if combinations > IMAGES_MAX {
                this.random = Some(this.random.unwrap_or(0x9E37_79B9_7F4A_7C15));
                if count >= IMAGES_MAX {
                    return;
                }
            } else if !this.advance() {
                return;
            }
        }
    }

    fn choose(&mut self, at: &mut usize, most: usize) -> usize {
        if let Some(random) = &mut self.random {
            *random ^= *random << 13;
            *random ^= *random >> 7;
            *random ^= *random << 17;
            return (*random >> 33) as usize % (most + 1);
        }
        if *at == self.digits.len() {
            self.digits.push((0, most));
        }
        *at += 1;
        self.digits[*at - 1].0.min(most)
    }

    fn advance(&mut self) -> bool {
        while let Some((digit, most)) = self.digits.last_mut() {
            if *digit < *most {
                *digit += 1;
                return true;
            }
            self.digits.pop();
        }
        false
    }
}

/// Crashes the history during each of its operations, in all ways.
fn crash_everywhere(steps: &[Step]) {
    let whole = TestDisk::new();
    run(&whole, steps, &mut Book::default()).unwrap();
    let mut images = 0;
    for operation in 0..=whole.operations() {
        let disk = TestDisk::new();
        disk.power_off_after(operation);
        let mut book = Book::default();
        let result = run(&disk, steps, &mut book);
        assert_eq!(result.is_ok(), operation >= whole.operations(), "{result:?}");
        for block_bytes in [512, 4096] {
            Choices::for_each(|choose| {
                check(&disk.crash(block_bytes, choose), &book, &format!("operation {operation}"));
                images += 1;
            });
        }
        check(&disk.kill(), &book, &format!("operation {operation}, killed"));
    }
    println!("{} operations, {images} images", whole.operations());
}

/// Kills the broker during each of the history's operations, and stops the machine during each of the start that follows:
/// what the first has left unsynced is still not on the disk.
fn kill_and_crash_everywhere(steps: &[Step]) {
    let whole = TestDisk::new();
    run(&whole, steps, &mut Book::default()).unwrap();
    for killed in 0..whole.operations() {
        for operation in 0.. {
            let disk = TestDisk::new();
            disk.power_off_after(killed);
            let mut book = Book::default();
            assert!(run(&disk, steps, &mut book).is_err());
            disk.power_off_after(disk.operations() + operation);
            let started = writer_of(&disk);
            for seed in 0..12 {
                let mut choices =
                    Choices { digits: Vec::new(), random: Some((seed << 32) | (killed << 16) | operation | 1) };
                let left = disk.crash(512, |most| choices.choose(&mut 0, most));
                check(&left, &book, &format!("killed at {killed}, crashed at {operation} of the next start"));
            }
            if started.is_ok() {
                break;
            }
        }
    }
}

#[test]
fn a_start_after_a_snapshot_that_was_cut_off_may_be_cut_off_too() {
    use Step::{Append, Begin, Commit, Sync};
    kill_and_crash_everywhere(&[Append, Append, Sync, Begin, Append, Append, Commit, Append, Begin, Append, Commit]);
}

#[test]
fn what_was_synced_is_there_and_what_was_not_is_a_beginning_of_it() {
    use Step::{Append, Flush, Prepare, Sync};
    crash_everywhere(&[
        Append, Sync, Append, Append, Flush, Append, Sync, Prepare, Append, Append, Append, Sync, Append, Append,
        Append,
    ]);
}

#[test]
fn segments_follow_each_other() {
    use Step::{Append, Prepare, Sync};
    let mut steps = Vec::new();
    for _ in 0..4 {
        steps.extend([Append, Append, Append, Append, Sync, Append, Append, Append, Prepare]);
    }
    crash_everywhere(&steps);
}

#[test]
fn a_snapshot_takes_the_place_of_what_was_before_or_does_not() {
    use Step::{Append, Begin, Commit, Prepare, Sync};
    crash_everywhere(&[
        Append, Append, Sync, Append, Begin, Append, Sync, Append, Commit, Append, Prepare, Sync, Begin, Append,
        Append, Append, Append, Append, Append, Commit, Append, Sync,
    ]);
}

#[test]
fn a_snapshot_that_is_never_ended_changes_nothing() {
    use Step::{Append, Begin, Commit, Restart, Sync};
    crash_everywhere(&[
        Append, Begin, Append, Sync, Begin, Append, Restart, Append, Begin, Append, Commit, Append, Sync,
    ]);
}

#[test]
fn a_clean_stop_leaves_the_database_alone_or_still_belongs_to_it() {
    let stop = |disk: &TestDisk, operation: Option<u64>| {
        let mut writer = writer_of(disk).unwrap();
        for _ in 0..12 {
            append(&mut writer).unwrap();
        }
        let ticket = writer.begin_snapshot().unwrap();
        commit(disk, &mut writer, &ticket).unwrap();
        let before = disk.operations();
        if let Some(operation) = operation {
            disk.power_off_after(before + operation);
        }
        (writer.remove().is_ok(), disk.operations() - before)
    };
    let whole = TestDisk::new();
    let (_, operations) = stop(&whole, None);
    assert_eq!(whole.files().into_keys().collect::<Vec<_>>(), [super::DATABASE]);
    for operation in 0..operations {
        let disk = TestDisk::new();
        assert!(!stop(&disk, Some(operation)).0);
        Choices::for_each(|choose| {
            let left = disk.crash(512, choose);
            let recovery = open(&left);
            let report = recovery.report();
            assert_eq!(first_not_in_database(&left), 13);
            assert!(report.continues != Continues::Another && !report.is_loss(), "operation {operation}: {report:?}");
            assert_eq!(replayed(&recovery), [0; 0]);
        });
    }
}

#[test]
fn starts_that_follow_each_other_lose_nothing() {
    use Step::{Append, Begin, Commit, Flush, Restart, Sync};
    crash_everywhere(&[
        Append, Append, Sync, Append, Flush, Restart, Append, Flush, Restart, Restart, Append, Sync, Begin, Append,
        Commit, Restart, Append, Append, Flush, Restart, Append, Sync,
    ]);
}

#[test]
fn what_was_said_with_a_snapshot_is_found_however_often_a_broker_has_started_since() {
    let disk = TestDisk::new();
    let mut writer = open(&disk).into_writer().unwrap();
    append(&mut writer).unwrap();
    let ticket = writer.begin_snapshot().unwrap();
    append(&mut writer).unwrap();
    commit(&disk, &mut writer, &ticket).unwrap();
    // Each of these begins a segment, whose header names the snapshot as well.
    for start in 0..40 {
        append(&mut writer).unwrap();
        writer.sync().unwrap();
        let recovery = open(&disk.crash_and_lose_all());
        assert_eq!(recovery.snapshot_payload(), Some(&b"snapshot 2"[..]), "start {start}");
        assert_eq!(replayed(&recovery), (2..start + 4).collect::<Vec<_>>());
        writer = open(&disk).into_writer().unwrap();
    }
}
