//! `journal`: the segments beside a database, as a script makes them: whole, damaged, of other journals, contradictory.
//!
//! Checksums are those that belong to the bytes, unless the script changes these afterwards; a fuzzer would never find them.
//! The layout is spelled out here once more, so that what is documented is what is read.

use crc_fast::{CrcAlgorithm, checksum};
use mosquitto_storage::journal::{Identity, Kind, Opening, Recovery, TestDisk};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const DATABASE: &str = "mosquitto.db";
const CONTENT: &[u8] = b"the database that is there";
const SEGMENT_BYTES_MAX: usize = 64 << 10;
const SEGMENTS_MAX: usize = 6;
const FRAMES_AT: usize = 8192;
const COPY_AT: usize = 4096;

pub(crate) fn run(bytes: &[u8]) {
    let mut script = Script { bytes: bytes.iter(), ..Script::default() };
    script.run();
    let disk = TestDisk::new();
    if script.has_database {
        disk.put(DATABASE, CONTENT);
    }
    for (number, bytes) in &script.segments {
        disk.put(&format!("{DATABASE}.journal.{number:08}"), bytes);
    }
    let recovery = open(&disk, script.is_damaged);
    let found = replayed(&recovery);
    assert!(found.is_sorted_by(|(a, _), (b, _)| a < b), "in order");
    for frame in &found {
        assert!(script.is_raw || script.written.contains(frame), "{frame:?} was never written");
    }
    let report = recovery.report().clone();
    assert_eq!(report.frames, found.len() as u64);
    assert!(report.lines.len() <= 100 && report.lines.iter().all(|line| line.is_ascii() && line.len() < 300));
    assert_eq!(replayed(&recovery), found, "it can be read again");

    // What was found stays what it was, and something can be added.
    let mut writer = recovery.into_writer().expect("there is room");
    let sequence = writer.append(Kind::Boot, 5, b"more").expect("there is room");
    writer.sync().expect("the disk is well");
    drop(writer);
    let mut expected = found;
    expected.push((sequence, b"more".to_vec()));
    let again = open(&disk.crash_and_lose_all(), script.is_damaged);
    assert_eq!(replayed(&again), expected, "{report:?}, then {:?}", again.report());
}

fn open(disk: &TestDisk, snapshot_is_damaged: bool) -> Recovery {
    let opening = Opening {
        disk: Arc::new(disk.clone()),
        database: DATABASE.into(),
        snapshot: disk.read(DATABASE).map_or(Identity::NONE, |bytes| Identity::of(&bytes)),
        snapshot_is_damaged,
        segment_bytes: 16 << 10,
        wall_clock_s: 0,
        salt: 9,
    };
    opening.open().expect("the directory can be read")
}

fn replayed(recovery: &Recovery) -> Vec<(u64, Vec<u8>)> {
    let mut all = Vec::new();
    let mut frames = recovery.frames();
    while let Some(frame) = frames.next().expect("nobody changes it") {
        assert!(frame.kind != Kind::Snapshot);
        all.push((frame.sequence, frame.payload.to_vec()));
    }
    all
}

#[derive(Default)]
struct Script<'a> {
    bytes: std::slice::Iter<'a, u8>,
    has_database: bool,
    is_damaged: bool,
    /// Bytes of the input stand in a segment as they are, so any frame may be in it.
    is_raw: bool,
    segments: BTreeMap<u64, Vec<u8>>,
    /// The segment that is made.
    number: u64,
    salt: u64,
    written: BTreeSet<(u64, Vec<u8>)>,
}

impl Script<'_> {
    fn byte(&mut self) -> Option<u8> {
        self.bytes.next().copied()
    }

    fn run(&mut self) {
        let flags = self.byte().unwrap_or_default();
        self.has_database = flags & 1 != 0;
        self.is_damaged = flags & 2 != 0;
        while let Some(op) = self.byte() {
            if self.step(op).is_none() {
                return;
            }
        }
    }

    fn step(&mut self, op: u8) -> Option<()> {
        match op % 8 {
            0 => self.segment()?,
            1 | 2 => self.frame()?,
            3 => self.snapshot()?,
            4 => {
                let (count, byte) = (usize::from(self.byte()?) * 8, self.byte()?);
                self.extend(&vec![byte; count]);
            }
            5 => {
                let at = usize::from(self.byte()?) * 256 + usize::from(self.byte()?);
                let bit = self.byte()? % 8;
                if let Some(byte) = self.segments.get_mut(&self.number).and_then(|segment| segment.get_mut(at)) {
                    *byte ^= 1 << bit;
                }
            }
            6 => {
                let size = usize::from(self.byte()?) * 64;
                if let Some(segment) = self.segments.get_mut(&self.number) {
                    segment.truncate(size);
                }
            }
            _ => {
                let count = usize::from(self.byte()?);
                let bytes: Vec<u8> = self.bytes.by_ref().take(count).copied().collect();
                self.is_raw = true;
                self.extend(&bytes);
            }
        }
        Some(())
    }

    /// A number: a small one, or one at the end of what there is.
    fn number(&mut self) -> Option<u64> {
        Some(match self.byte()? {
            250 => u64::MAX,
            251 => u64::MAX - 1,
            252 => (1 << 62) + 1,
            253 => 1 << 62,
            254 => (1 << 62) - 1,
            small => u64::from(small),
        })
    }

    /// That of the database that is there, of none, or of another one.
    fn identity(&mut self) -> Option<Identity> {
        Some(match self.byte()? % 4 {
            0 => Identity::NONE,
            1 => Identity { size: CONTENT.len() as u64, checksum: 1 },
            2 => Identity { size: 1, checksum: 2 },
            _ => Identity::of(CONTENT),
        })
    }

    fn segment(&mut self) -> Option<()> {
        if self.segments.len() >= SEGMENTS_MAX {
            return None;
        }
        self.number += u64::from(self.byte()? % 4);
        self.salt = u64::from(self.byte()? % 3);
        let first = self.number()?;
        let (a, a_sequence) = (self.identity()?, self.number()?);
        let (b, b_sequence) = (self.identity()?, self.number()?);
        let flags = self.byte()?;
        let mut segment = self.header(flags, first, a, a_sequence);
        segment.resize(COPY_AT, 0);
        segment.extend(self.header(flags >> 4, first, b, b_sequence));
        segment.resize(FRAMES_AT, 0);
        self.segments.insert(self.number, segment);
        Some(())
    }

    fn header(&self, flags: u8, first: u64, identity: Identity, sequence: u64) -> Vec<u8> {
        let mut header = b"\x00\xB5\x00mosquitto jnl".to_vec();
        header.extend(if flags & 1 == 0 { [1, 0, 0, 0] } else { [2, 0, 0, 0] });
        header.extend([0; 4]);
        for field in [self.number, self.salt, first, identity.size, identity.checksum, sequence, 0] {
            header.extend(field.to_le_bytes());
        }
        header.extend([0; 4]);
        let crc = checksum(CrcAlgorithm::Crc32Iscsi, &header) as u32;
        header.extend(crc.to_le_bytes());
        if flags & 2 != 0 {
            header[40] ^= 1;
        }
        header
    }

    fn frame(&mut self) -> Option<()> {
        let kind = self.byte()?;
        let (sequence, synced) = (self.number()?, self.number()?);
        let payload = vec![kind; usize::from(self.byte()?) * 3];
        if kind != 3 {
            self.written.insert((sequence, payload.clone()));
        }
        self.put_frame(kind, sequence, synced, &payload);
        Some(())
    }

    fn snapshot(&mut self) -> Option<()> {
        let (sequence, synced) = (self.number()?, self.number()?);
        let (identity, base, segment) = (self.identity()?, self.number()?, self.number()?);
        let mut payload = Vec::new();
        for field in [identity.size, identity.checksum, base, segment] {
            payload.extend(field.to_le_bytes());
        }
        self.put_frame(3, sequence, synced, &payload);
        Some(())
    }

    fn put_frame(&mut self, kind: u8, sequence: u64, synced: u64, payload: &[u8]) {
        let Some(segment) = self.segments.get(&self.number) else { return };
        let mut place = Vec::new();
        for field in [self.salt, self.number, segment.len() as u64] {
            place.extend(field.to_le_bytes());
        }
        let crc = |bytes: &[u8]| checksum(CrcAlgorithm::Crc32Iscsi, &[&place, bytes].concat()) as u32;
        let mut frame = (payload.len() as u32).to_le_bytes().to_vec();
        frame.extend([kind, 0, 0, 0]);
        frame.extend(sequence.to_le_bytes());
        frame.extend(synced.to_le_bytes());
        frame.extend(5i64.to_le_bytes());
        frame.extend(crc(payload).to_le_bytes());
        frame.extend(crc(&frame).to_le_bytes());
        frame.extend(payload);
        frame.resize(frame.len().next_multiple_of(8), 0);
        self.extend(&frame);
    }

    fn extend(&mut self, bytes: &[u8]) {
        if let Some(segment) = self.segments.get_mut(&self.number)
            && segment.len() + bytes.len() <= SEGMENT_BYTES_MAX
        {
            segment.extend_from_slice(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::run;

    #[test]
    fn scripts_at_random_hold() {
        let mut random = 0x9E37_79B9_7F4A_7C15_u64;
        for _ in 0..3_000 {
            let mut bytes = Vec::new();
            for _ in 0..8 + random % 120 {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                // Mostly small numbers, so that they have to do with each other.
                bytes.push(if random & 0x300 == 0 { (random >> 32) as u8 } else { (random >> 32) as u8 % 12 });
            }
            bytes.insert(1, 0);
            assert!(std::panic::catch_unwind(|| run(&bytes)).is_ok(), "{bytes:?}");
        }
    }
}
