//! How fast the journal writes and reads on a disk: `journal_speed DIRECTORY [MEGABYTES]`.
//!
//! The directory should be an empty one, on the disk that is to be measured; the journal is removed in the end.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "it measures time"
)]

use mosquitto_storage::journal::{
    Disk as _, Identity, Journal, Kind, Notify, Opening, RealDisk, Recovery, State, SyncMode, ThreadOptions,
};
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

const RECORD_BYTES: usize = 100;
const FRAME_BYTES: usize = 64 << 10;

struct Ear(Sender<u64>);

impl Notify for Ear {
    fn settled(&mut self, sequence: u64) {
        let _ = self.0.send(sequence);
    }

    fn state(&mut self, state: &State) {
        println!("{state:?}");
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().ok_or("usage: journal_speed DIRECTORY [MEGABYTES]")?;
    let directory = Path::new(&directory);
    let megabytes: usize = arguments.next().map_or(Ok(1000), |text| text.parse())?;
    let interval = SyncMode::Interval(Duration::from_millis(100));
    for (name, sync) in [("none", SyncMode::None), ("interval 100", interval), ("always", SyncMode::Always)] {
        write(directory, name, sync, FRAME_BYTES, megabytes << 20, 4 << 20)?;
        if name == "always" {
            read(directory)?;
        }
        remove(directory)?;
    }
    write(directory, "always, one record at a time", SyncMode::Always, RECORD_BYTES, 2000 * RECORD_BYTES, 1)?;
    remove(directory)?;
    Ok(())
}

fn remove(directory: &Path) -> std::io::Result<()> {
    let disk = RealDisk::new(directory);
    for name in disk.list()?.iter().filter(|name| name.starts_with("mosquitto.db.journal.")) {
        disk.remove(name)?;
    }
    Ok(())
}

fn open(directory: &Path) -> std::io::Result<Recovery> {
    let opening = Opening {
        disk: Arc::new(RealDisk::new(directory)),
        database: "mosquitto.db".into(),
        snapshot: Identity::NONE,
        snapshot_is_damaged: false,
        segment_bytes: 64 << 20,
        wall_clock_s: 0,
        salt: 1,
    };
    opening.open()
}

/// Writes frames, at most `window` bytes of which are not settled at any time.
fn write(
    directory: &Path,
    name: &str,
    sync: SyncMode,
    frame_bytes: usize,
    bytes: usize,
    window: usize,
) -> Result<(), Box<dyn Error>> {
    let (sender, settled) = channel();
    let options = ThreadOptions { sync, ..ThreadOptions::default() };
    let journal = Journal::start(open(directory)?.into_writer()?, options, Box::new(Ear(sender)))?;
    let record: Vec<u8> = (0..RECORD_BYTES).map(|n| n as u8).collect();
    let frames = bytes.div_ceil(frame_bytes) as u64;
    let ahead = (window / frame_bytes).max(1) as u64;
    let (mut buffer, mut done) = (Vec::new(), 0);
    let start = Instant::now();
    for sequence in 1..=frames {
        while buffer.len() + RECORD_BYTES <= frame_bytes {
            buffer.extend_from_slice(&record);
        }
        journal.push(Kind::Changes, 0, &mut buffer)?;
        while sequence - done >= ahead {
            done = settled.recv()?;
        }
    }
    while done < frames {
        done = settled.recv()?;
    }
    let seconds = start.elapsed().as_secs_f64();
    let syncs = journal.syncs();
    journal.stop()?;
    let stopped = start.elapsed().as_secs_f64();
    let records = frames as f64 * (frame_bytes / RECORD_BYTES) as f64;
    println!(
        "{name}: {:.0} records/s, {:.0} MB/s, {:.0} syncs/s; synced in the end after {stopped:.2} s",
        records / seconds,
        bytes as f64 / seconds / 1e6,
        syncs as f64 / seconds
    );
    Ok(())
}

fn read(directory: &Path) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let recovery = open(directory)?;
    let opened = start.elapsed().as_secs_f64();
    let (mut frames, mut count, mut bytes) = (recovery.frames(), 0, 0);
    while let Some(frame) = frames.next()? {
        count += 1;
        bytes += frame.payload.len();
    }
    let seconds = start.elapsed().as_secs_f64() - opened;
    println!("read: {count} frames, {bytes} bytes; opened in {opened:.2} s, read in {seconds:.2} s");
    Ok(())
}
