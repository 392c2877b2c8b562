//! The files of persistence, and what they say at the start.

use super::journal::epoch_ms;
use super::{aside, reading};
use crate::failure::Failure;
use crate::log::Logger;
use crate::worker::Clock;
use mosquitto_broker::{LogLevel, Restore, Restored, Settings, Shard, Shared, Skipped};
use mosquitto_config::Persistence as Options;
use mosquitto_storage::journal::{
    Continues, Identity, Kind, Lock, LockError, Opening, RealDisk, Recovery, named_snapshots,
};
use mosquitto_transport::error_text;
use reading::{Database, Trouble};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// The size of a segment of the journal in bytes: two of them are allocated at any time.
const SEGMENT_BYTES: u64 = 16 * 1024 * 1024;

/// The files, which are this broker's alone as long as this exists.
#[derive(Debug)]
pub(crate) struct Files {
    /// Where `mosquitto.db` is.
    pub(super) path: PathBuf,
    /// Its name in its directory.
    pub(super) database: String,
    pub(super) disk: Arc<RealDisk>,
    pub(super) lock: Lock,
}

/// What the files have said, put together.
pub(crate) struct Found {
    pub(super) files: Files,
    pub(super) recovery: Recovery,
    /// The bytes of the database.
    pub(super) snapshot_bytes: u64,
    /// Whether something is wrong that the next database puts right.
    pub(super) must_save: bool,
    /// None once it was installed.
    restore: Restore,
    /// Whether there was anything.
    is_something: bool,
}

impl Files {
    /// Those that the options name; none without persistence. They must not be another broker's.
    pub(crate) fn take(options: &Options) -> Result<Option<Self>, Failure> {
        if !options.on {
            return Ok(None);
        }
        let path = options.path();
        let (Some(name), Some(directory)) = (path.file_name().and_then(|name| name.to_str()), path.parent()) else {
            let text = format!("Error: The persistence_file {} is not the name of a file.", path.display());
            return Err(Failure::invalid(text));
        };
        let (database, disk) = (name.to_owned(), Arc::new(RealDisk::new(directory)));
        let lock = Lock::acquire(&path).map_err(|error| match error {
            LockError::Taken { .. } => Failure::from(format!("Error: {error}.")),
            LockError::Io { path, error } => {
                let why = error_text(&error);
                Failure::system(format!("Error: Unable to open {} for persistence: {why}.", path.display()))
            }
        })?;
        Ok(Some(Self { path, database, disk, lock }))
    }

    /// Reads all of it. Nothing is changed, but for a database that cannot be read, which gets another name.
    pub(crate) fn read(self, settings: Arc<Settings>, clock: Clock, logger: &Logger) -> Result<Found, Failure> {
        let now_ms = u64::try_from(epoch_ms(clock)).unwrap_or_default();
        let mut restore = Restore::new(settings, now_ms, clock.now());
        let read = reading::read(&self.path, &mut restore, logger);
        let is_damaged = set_aside(&self.path, &read, logger);
        let unreadable = |error: io::Error| {
            let path = self.path.display();
            Failure::system(format!("Error: Unable to read the journal of {path}: {}.", error_text(&error)))
        };
        let mut is_known_damaged = read.is_empty || !matches!(read.trouble, Trouble::None);
        let mut recovery = self.open(read.identity, is_known_damaged)?.open().map_err(unreadable)?;
        if recovery.report().continues == Continues::Another && !is_known_damaged {
            // It may be damaged where that cannot be seen.
            let named = named_snapshots(&*self.disk, &self.database).map_err(unreadable)?;
            if named.iter().any(|named| named.size == read.identity.size) {
                is_known_damaged = true;
                recovery = self.open(read.identity, true)?.open().map_err(unreadable)?;
            }
        }
        replay(&mut restore, &recovery).map_err(unreadable)?;
        let has_lost = tell(&recovery, logger);
        let is_something = read.identity != Identity::NONE || recovery.report().frames > 0;
        let (snapshot_bytes, must_save) = (read.identity.size, is_damaged || is_known_damaged || has_lost);
        Ok(Found { files: self, recovery, snapshot_bytes, must_save, restore, is_something })
    }
}

impl Files {
    fn open(&self, snapshot: Identity, snapshot_is_damaged: bool) -> Result<Opening, Failure> {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Ok(Opening {
            disk: self.disk.clone(),
            database: self.database.clone(),
            snapshot,
            snapshot_is_damaged,
            segment_bytes: SEGMENT_BYTES,
            wall_clock_s: i64::try_from(since_1970.as_secs()).unwrap_or(i64::MAX),
            salt: salt()?,
        })
    }
}

impl Found {
    /// Gives the shards, none of which has begun, what was found. Returns what this broker's journal begins with, and the
    /// rest.
    pub(super) fn install(self, shared: &Shared, shards: &mut [Shard], logger: &Logger) -> (Vec<u8>, Rest) {
        let Self { files, recovery, snapshot_bytes, must_save, restore, is_something } = self;
        let restored = restore.install(shared, shards);
        if is_something {
            tell_restored(&restored, logger);
        }
        let next_number = restored.next_number;
        (restored.boot, Rest { files, recovery, next_number, snapshot_bytes, must_save })
    }
}

/// What is left when the state was given away.
pub(super) struct Rest {
    pub(super) files: Files,
    pub(super) recovery: Recovery,
    /// The number of the next message.
    pub(super) next_number: u64,
    pub(super) snapshot_bytes: u64,
    pub(super) must_save: bool,
}

/// Keeps a database that cannot be used, or not wholly, under another name, and says what was lost. Returns whether it is so.
fn set_aside(path: &Path, read: &Database, logger: &Logger) -> bool {
    let shown = path.display();
    let (why, kept) = match &read.trouble {
        Trouble::None => return false,
        Trouble::Unreadable(error) => (error_text(error), aside::move_away(path, "unreadable")),
        Trouble::Damaged(error) => (error.to_string(), aside::keep(path, "damaged")),
    };
    let lost = read.lost;
    let text = format!(
        "Error: {shown} is damaged, {why}; {} chunks of {} bytes could not be read. What could be read is used.",
        lost.chunks, lost.bytes
    );
    logger.log(LogLevel::Error, text);
    match kept {
        Ok(name) => logger.log(LogLevel::Warning, format!("It is kept as {}.", name.display())),
        Err(error) => {
            logger.log(LogLevel::Error, format!("Error: It cannot be set aside: {}.", error_text(&error)));
        }
    }
    true
}

fn salt() -> Result<u64, Failure> {
    let mut salt = [0; 8];
    getrandom::fill(&mut salt).map_err(|e| format!("Error: No random numbers from the system: {e}."))?;
    Ok(u64::from_le_bytes(salt))
}

fn replay(restore: &mut Restore, recovery: &Recovery) -> io::Result<()> {
    if let Some(payload) = recovery.snapshot_payload() {
        restore.known(payload);
    }
    let mut frames = recovery.frames();
    while let Some(frame) = frames.next()? {
        let epoch_ms = u64::try_from(frame.epoch_ms).unwrap_or_default();
        match frame.kind {
            Kind::Changes => restore.frame(epoch_ms, frame.payload),
            Kind::Boot => restore.boot(epoch_ms, frame.payload),
            // Of later versions, which say by other means where they cannot be left out.
            Kind::Snapshot | Kind::Unknown(_) => {}
        }
    }
    Ok(())
}

/// Says what the journal was like. Returns whether something of it was lost, or is in the way.
fn tell(recovery: &Recovery, logger: &Logger) -> bool {
    let report = recovery.report();
    let level = if report.is_loss() { LogLevel::Error } else { LogLevel::Warning };
    for line in &report.lines {
        logger.log(level, format!("{line}."));
    }
    if report.lines_left_out > 0 {
        logger.log(level, format!("{} more lines about the journal are left out.", report.lines_left_out));
    }
    if report.frames > 0 {
        let (frames, bytes) = (report.frames, report.bytes);
        logger.log(LogLevel::Information, format!("Replayed {frames} entries of the journal ({bytes} bytes)"));
    }
    report.is_loss() || report.continues == Continues::Another || !report.set_aside.is_empty()
}

/// The first lines are Mosquitto's.
fn tell_restored(restored: &Restored, logger: &Logger) {
    for (count, what) in [
        (restored.base_messages, "base messages"),
        (restored.retained, "retained messages"),
        (restored.clients, "clients"),
        (restored.subscriptions, "subscriptions"),
        (restored.client_messages, "client messages"),
    ] {
        logger.log(LogLevel::Information, format!("Restored {count} {what}"));
    }
    for (count, what) in [
        (restored.expired_sessions, "sessions that have expired"),
        (restored.expired_messages, "messages that have expired"),
    ] {
        if count > 0 {
            logger.log(LogLevel::Information, format!("Left out {count} {what}"));
        }
    }
    let Skipped { messages, unknown, subscriptions, sessions, frames } = restored.skipped;
    for (count, what) in [
        (messages, "messages that are none"),
        (unknown, "references to messages that are not there"),
        (subscriptions, "subscriptions with a filter that is none"),
        (sessions, "sessions without a client id"),
        (frames, "entries of the journal that make no sense"),
    ] {
        if count > 0 {
            logger.log(LogLevel::Warning, format!("Warning: Left out {count} {what}."));
        }
    }
}
