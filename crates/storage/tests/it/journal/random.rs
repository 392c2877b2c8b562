//! Histories at random, with crashes, full disks and clean stops in between, beside a model of a few numbers.

use super::{append, commit, first_not_in_database, open, replayed};
use mosquitto_storage::journal::{Continues, TestDisk, Ticket, WriteError, Writer};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};

#[derive(Debug, Clone)]
enum Step {
    Append(u8),
    Flush,
    Sync,
    Prepare,
    Begin,
    Commit,
    /// The broker is killed and starts again.
    Kill,
    /// The machine stops, and what was not synced comes to the disk or not.
    Crash(u64, bool),
    /// The disk has no more room than it has now and these bytes.
    Fill(u16),
    /// It has again.
    Free,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => (1..6u8).prop_map(Step::Append),
        3 => Just(Step::Flush),
        6 => Just(Step::Sync),
        3 => Just(Step::Prepare),
        2 => Just(Step::Begin),
        3 => Just(Step::Commit),
        1 => Just(Step::Kill),
        2 => (any::<u64>(), any::<bool>()).prop_map(|(seed, small)| Step::Crash(seed, small)),
        1 => any::<u16>().prop_map(Step::Fill),
        2 => Just(Step::Free),
    ];
    prop::collection::vec(step, 1..80)
}

/// What the journal has said so far.
struct Model {
    appended: u64,
    synced: u64,
    ticket: Option<Ticket>,
}

impl Model {
    /// No error but one for lack of room, and that only when there is none.
    fn room<T>(result: Result<T, WriteError>, is_limited: bool) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(WriteError::NoRoom) if is_limited => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// Starts what is there again.
    fn restart(&mut self, disk: &TestDisk) -> Writer {
        let recovery = open(disk);
        let base = first_not_in_database(disk);
        let report = recovery.report();
        assert!(
            !report.is_loss() && report.set_aside.is_empty() && report.continues != Continues::Another,
            "{report:?}"
        );
        let found = replayed(&recovery);
        let last = base + found.len() as u64 - 1;
        assert_eq!(found, (base..=last).collect::<Vec<_>>());
        assert!(self.synced <= last && last <= self.appended, "{} <= {last} <= {}", self.synced, self.appended);
        (self.appended, self.synced, self.ticket) = (last, last, None);
        recovery.into_writer().unwrap()
    }
}

fn run(steps: &[Step]) -> u64 {
    let mut disk = TestDisk::new();
    let mut model = Model { appended: 0, synced: 0, ticket: None };
    let mut writer = model.restart(&disk);
    let mut is_limited = false;
    for step in steps {
        match step {
            Step::Append(count) => {
                for _ in 0..*count {
                    if let Some(sequence) = Model::room(append(&mut writer), is_limited) {
                        assert_eq!(sequence, model.appended + 1);
                        model.appended = sequence;
                    }
                }
            }
            Step::Flush => drop(Model::room(writer.flush(), is_limited)),
            Step::Sync => {
                if let Some(synced) = Model::room(writer.sync(), is_limited) {
                    assert_eq!(synced, model.appended);
                    model.synced = synced;
                }
            }
            Step::Prepare => drop(Model::room(writer.prepare(), is_limited)),
            Step::Begin => model.ticket = Model::room(writer.begin_snapshot(), is_limited),
            Step::Commit => {
                // Without room there is no database to commit, and the ticket stays good.
                if let Some(ticket) = model.ticket.take()
                    && commit(&disk, &mut writer, &ticket).is_err()
                {
                    assert!(is_limited);
                    model.ticket = Some(ticket);
                }
                model.synced = model.synced.max(writer.synced());
            }
            Step::Kill => writer = model.restart(&disk),
            Step::Crash(seed, small) => {
                let mut random = seed | 1;
                let left = disk.crash(if *small { 512 } else { 4096 }, |most| {
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    (random >> 33) as usize % (most + 1)
                });
                disk = left;
                is_limited = false;
                writer = model.restart(&disk);
            }
            Step::Fill(bytes) => {
                disk.set_room(Some(disk.files().values().map(|b| b.len() as u64).sum::<u64>() + u64::from(*bytes)));
                is_limited = true;
            }
            Step::Free => {
                disk.set_room(None);
                is_limited = false;
            }
        }
    }
    drop(writer);
    model.restart(&disk);
    model.appended
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_synced_is_there_whatever_happens(steps in steps()) {
        run(&steps);
    }

    #[test]
    fn any_bytes_in_the_place_of_segments_are_survived(
        segments in prop::collection::vec((1..6u64, prop::collection::vec(any::<u8>(), 0..12_000)), 0..4),
        whole in any::<bool>(),
    ) {
        let disk = TestDisk::new();
        let mut writer = open(&disk).into_writer().unwrap();
        for _ in 0..10 {
            append(&mut writer).unwrap();
        }
        writer.sync().unwrap();
        drop(writer);
        for (number, bytes) in &segments {
            // In place of the whole segment, or over its end.
            let name = format!("mosquitto.db.journal.{number:08}");
            let mut there = disk.read(&name).unwrap_or_default();
            let keep = if whole { 0 } else { there.len().saturating_sub(bytes.len()) };
            there.truncate(keep);
            there.extend_from_slice(bytes);
            disk.put(&name, &there);
        }
        let recovery = open(&disk);
        let found = replayed(&recovery);
        prop_assert!(found.iter().all(|sequence| (1..=10).contains(sequence)));
        prop_assert!(found.is_sorted_by(|a, b| a < b));
        let mut writer = recovery.into_writer().unwrap();
        let added = append(&mut writer).unwrap();
        writer.sync().unwrap();
        let after = replayed(&open(&disk.crash_and_lose_all()));
        prop_assert_eq!(after, [found, vec![added]].concat());
    }
}
