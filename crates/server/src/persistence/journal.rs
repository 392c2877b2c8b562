//! The journal as all workers share it, and whom it tells what.

use crate::log::Logger;
use crate::mailbox::PostOffice;
use crate::worker::Clock;
use mosquitto_broker::{LogLevel, ShardId, Shared};
use mosquitto_config::PersistenceSync;
use mosquitto_storage::journal::{
    Failure, Identity, Journal, Kind, Notify, SnapshotBegun, State, SyncMode, ThreadOptions, WriteError, Writer,
};
use mosquitto_transport::error_text;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

/// Where workers hand their frames in.
pub(super) struct Desk {
    journal: Journal,
    waiting: Arc<Waiting>,
    clock: Clock,
}

/// Which workers wait for something.
#[derive(Debug)]
struct Waiting {
    /// By shard: whether its worker is to be called when more is safe.
    for_safety: Vec<AtomicBool>,
    /// Whether workers do not read, since too much waits to be written.
    to_read: AtomicBool,
}

/// Whom the journal's thread tells how it gets on.
pub(super) struct Told {
    office: Arc<PostOffice>,
    shared: Arc<Shared>,
    logger: Logger,
    waiting: Arc<Waiting>,
    end: Box<dyn Fn() + Send + Sync>,
}

impl Told {
    pub(super) fn new(
        office: Arc<PostOffice>,
        shared: Arc<Shared>,
        logger: Logger,
        end: Box<dyn Fn() + Send + Sync>,
    ) -> Self {
        let for_safety = office.workers().map(|_| AtomicBool::new(false)).collect();
        let waiting = Arc::new(Waiting { for_safety, to_read: AtomicBool::new(false) });
        Self { office, shared, logger, waiting, end }
    }

    /// From now on nothing is acknowledged that would have to be kept.
    fn give_up(&self, failure: &Failure) {
        let why = format!("{}: {}", failure.what, error_text(&failure.error));
        let text = format!("Error: Nothing more can be kept, so the broker ends: {why}.");
        self.logger.log(LogLevel::Error, text);
        (self.end)();
    }
}

impl Notify for Told {
    fn settled(&mut self, _: u64) {
        let all = self.waiting.to_read.swap(false, Ordering::SeqCst);
        for (worker, waits) in self.office.workers().zip(&self.waiting.for_safety) {
            if all || waits.load(Ordering::SeqCst) {
                self.office.call(worker);
            }
        }
    }

    fn state(&mut self, state: &State) {
        match state {
            State::Writing => {
                self.shared.set_storage_full(false);
                self.logger.log(LogLevel::Notice, "There is room on the disk for persistence again.");
            }
            State::Full => {
                self.shared.set_storage_full(true);
                let text = "Error: No room on the disk for persistence: what would have to be kept is refused.";
                self.logger.log(LogLevel::Error, text);
            }
            State::Failed(failure) => self.give_up(failure),
        }
    }
}

impl Desk {
    pub(super) fn start(writer: Writer, sync: PersistenceSync, told: Told, clock: Clock) -> io::Result<Self> {
        let sync = match sync {
            PersistenceSync::Always => SyncMode::Always,
            PersistenceSync::Interval(ms) => SyncMode::Interval(Duration::from_millis(u32::from(ms).into())),
            PersistenceSync::None => SyncMode::None,
        };
        let waiting = Arc::clone(&told.waiting);
        let options = ThreadOptions { sync, ..ThreadOptions::default() };
        let journal = Journal::start(writer, options, Box::new(told))?;
        Ok(Self { journal, waiting, clock })
    }

    /// What this broker begins with, before all frames.
    pub(super) fn push_boot(&self, mut records: Vec<u8>) {
        // A journal that has failed has said so.
        let _ = self.journal.push(Kind::Boot, self.epoch_ms(), &mut records);
    }

    /// Takes a frame, for which there is an empty buffer in exchange. Returns its number among all; none where nothing is kept
    /// any more.
    pub(super) fn push(&self, shard: ShardId, records: &mut Vec<u8>) -> Option<u64> {
        if let Some(waits) = self.waiting.for_safety.get(shard.index()) {
            // Before it can be safe.
            waits.store(true, Ordering::SeqCst);
        }
        self.journal.push(Kind::Changes, self.epoch_ms(), records).ok()
    }

    /// The shard has been told of all that it has handed in.
    pub(super) fn knows_all(&self, shard: ShardId) {
        if let Some(waits) = self.waiting.for_safety.get(shard.index()) {
            waits.store(false, Ordering::SeqCst);
        }
    }

    /// All frames up to this number are safe.
    pub(super) fn settled(&self) -> u64 {
        self.journal.settled()
    }

    /// Whether so much waits to be written that nothing more is to be read. Then all workers are called when there is less.
    pub(super) fn is_behind(&self) -> bool {
        if !self.journal.is_behind() {
            return false;
        }
        self.waiting.to_read.store(true, Ordering::SeqCst);
        // It may have been written in between.
        self.journal.is_behind()
    }

    pub(super) fn bytes_since_snapshot(&self) -> u64 {
        self.journal.bytes_since_snapshot()
    }

    pub(super) fn has_failed(&self) -> bool {
        self.journal.has_failed()
    }

    /// None where nothing is kept any more.
    pub(super) fn begin_snapshot(&self) -> Option<SnapshotBegun> {
        self.journal.begin_snapshot().ok()
    }

    pub(super) fn commit_snapshot(
        &self,
        begun: SnapshotBegun,
        identity: Identity,
        payload: Vec<u8>,
    ) -> Result<(), WriteError> {
        self.journal.commit_snapshot(begun, identity, payload)
    }

    pub(super) fn stop(&self) -> Result<(), WriteError> {
        self.journal.stop()
    }

    /// False where the journal has more than the last file, and so stays.
    pub(super) fn stop_and_remove(&self) -> Result<bool, WriteError> {
        self.journal.stop_and_remove()
    }

    /// The wall clock, in milliseconds since 1970, when the broker's own clock showed nothing.
    fn epoch_ms(&self) -> i64 {
        epoch_ms(self.clock)
    }
}

/// The wall clock, in milliseconds since 1970, when the broker's own clock showed nothing.
pub(super) fn epoch_ms(clock: Clock) -> i64 {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX).saturating_sub_unsigned(clock.now().0)
}
