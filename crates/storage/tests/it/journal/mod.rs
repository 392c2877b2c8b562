//! The journal on a disk that forgets, fills up and breaks.

mod crashes;
mod damage;
mod faults;
mod on_a_machine;
mod random;
mod thread;

use mosquitto_storage::journal::{Identity, Kind, NewDatabase, Opening, Recovery, TestDisk, Ticket, Writer};
use std::io::Write as _;
use std::sync::Arc;

const DATABASE: &str = "mosquitto.db";
const SEGMENT_BYTES: u64 = 12 << 10;

/// Opens what is there, as a broker would that starts.
fn open(disk: &TestDisk) -> Recovery {
    opening(disk, false).open().unwrap()
}

fn opening(disk: &TestDisk, snapshot_is_damaged: bool) -> Opening {
    Opening {
        disk: Arc::new(disk.clone()),
        database: DATABASE.into(),
        snapshot: disk.read(DATABASE).map_or(Identity::NONE, |bytes| Identity::of(&bytes)),
        snapshot_is_damaged,
        segment_bytes: SEGMENT_BYTES,
        wall_clock_s: 1_795_905_900,
        salt: 0x0123_4567_89AB_CDEF,
    }
}

/// The payload of the frame with this number: of any length between 0 and some hundred bytes, now and then some thousand.
fn payload(sequence: u64) -> Vec<u8> {
    let length = match sequence % 7 {
        0 => 0,
        3 => 3000,
        n => n as usize * 61 + 3,
    };
    (0..length).map(|n| (n as u64 * 31 + sequence * 7) as u8).collect()
}

fn append(writer: &mut Writer) -> Result<u64, mosquitto_storage::journal::WriteError> {
    let sequence = writer.next_sequence();
    writer.append(Kind::Changes, sequence.cast_signed(), &payload(sequence))
}

/// The numbers of the frames that a start replays; each is what was once appended.
fn replayed(recovery: &Recovery) -> Vec<u64> {
    let mut sequences = Vec::new();
    let mut frames = recovery.frames();
    while let Some(frame) = frames.next().unwrap() {
        assert_eq!(frame.kind, Kind::Changes);
        assert_eq!(frame.epoch_ms, frame.sequence.cast_signed());
        assert_eq!(frame.payload, payload(frame.sequence), "frame {}", frame.sequence);
        sequences.push(frame.sequence);
    }
    sequences
}

/// A database that says which frames are in it: those before this one.
fn write_database(disk: &TestDisk, sequence: u64) -> std::io::Result<Identity> {
    let mut file = NewDatabase::create(disk, DATABASE)?;
    writeln!(file, "frames before {sequence}")?;
    file.finish()
}

/// The first frame that is not in the database.
fn first_not_in_database(disk: &TestDisk) -> u64 {
    let Some(bytes) = disk.read(DATABASE) else { return 1 };
    let text = String::from_utf8(bytes).unwrap();
    text.strip_prefix("frames before ").unwrap().trim_end().parse().unwrap()
}

fn commit(disk: &TestDisk, writer: &mut Writer, ticket: &Ticket) -> std::io::Result<()> {
    let identity = write_database(disk, ticket.sequence)?;
    let payload = format!("snapshot {}", ticket.sequence);
    writer.commit_snapshot(ticket, identity, payload.as_bytes()).map_err(std::io::Error::other)
}
