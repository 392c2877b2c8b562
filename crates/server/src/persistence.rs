//! What outlives the broker: sessions, their messages, and what is retained.
//!
//! All of it is in one file in Mosquitto's format, `mosquitto.db`, as it was at some time, and in the journal beside it, which
//! has what has changed since ([`mosquitto_storage`]). [`Files`] finds both and puts the state together again at the start.
//! While the broker runs, the shards write down what they change; each worker has a [`Keeper`], who hands that to the journal
//! at the end of each tick, before the tick's mail leaves, and tells the shard what of it is safe. [`Persistence`] is the
//! operator's side: it has the file written anew, by a thread of its own (`saver`), when that is due, and at the end.

mod aside;
mod counting;
mod files;
mod journal;
mod keeper;
mod progress;
mod reading;
mod saver;

pub(crate) use files::{Files, Found};
pub(crate) use keeper::Keeper;
pub(crate) use progress::StoreFigures;
pub(crate) use saver::HandedOver;

use crate::failure::Failure;
use crate::log::Logger;
use crate::mailbox::PostOffice;
use crate::worker::Clock;
use files::Rest;
use journal::{Desk, Told};
use mosquitto_broker::{Shard, ShardId, Shared};
use mosquitto_config::Persistence as Options;
use mosquitto_storage::journal::{Lock, WriteError};
use mosquitto_transport::error_text;
use progress::Progress;
use saver::{NotSaved, Saver, Wanted};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What persistence takes of the rest of the broker.
pub(crate) struct Surroundings {
    pub(crate) office: Arc<PostOffice>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) clock: Clock,
    pub(crate) logger: Logger,
    /// What ends the broker when it is sent there.
    pub(crate) end: Box<dyn Fn() + Send + Sync>,
}

/// Persistence at work, as the operator sees it.
pub(crate) struct Persistence {
    saver: Arc<Saver>,
    desk: Arc<Desk>,
    /// To the thread that saves; one request may wait, and who asks meanwhile is served by it as well.
    requests: SyncSender<Wanted>,
    thread: JoinHandle<()>,
    /// When the file was written last by the clock, or the broker began.
    last_autosave: Instant,
    /// Held to the end.
    lock: Lock,
}

impl Found {
    /// Gives the shards, none of which has begun, what was found, and starts to keep what they do from now on.
    pub(crate) fn begin(
        self,
        shards: &mut [Shard],
        options: &Options,
        around: Surroundings,
    ) -> Result<Persistence, Failure> {
        let Surroundings { office, shared, clock, logger, end } = around;
        let (boot, rest) = self.install(&shared, shards, &logger);
        let Rest { files, recovery, next_number, snapshot_bytes, must_save } = rest;
        let Files { path, database, disk, lock } = files;
        let writer = recovery.into_writer().map_err(|error| {
            let why = text_of(&error);
            Failure::system(format!("Error: Unable to write the journal of {}: {why}.", path.display()))
        })?;
        let refused = |error: io::Error| format!("Error: The system does not give threads: {}.", error_text(&error));
        let told = Told::new(Arc::clone(&office), Arc::clone(&shared), logger.clone(), end);
        let desk = Arc::new(Desk::start(writer, options.sync, told, clock).map_err(refused)?);
        desk.push_boot(boot);
        let progress = Arc::new(Progress::new(snapshot_bytes));
        let of_saver = Arc::clone(&desk);
        let saver =
            Saver { path, database, disk, office, shared, desk: of_saver, progress, clock, logger, next_number };
        let saver = Arc::new(saver);
        let (requests, asked) = sync_channel(1);
        let thread = saver.start(asked).map_err(refused)?;
        if must_save {
            let _ = requests.try_send(Wanted::Save);
        }
        let persistence = Persistence { saver, desk, requests, thread, last_autosave: Instant::now(), lock };
        persistence.count_for(options);
        Ok(persistence)
    }
}

impl Persistence {
    /// For the worker of this shard.
    pub(crate) fn keeper(&self, shard: ShardId) -> Keeper {
        Keeper::new(shard, Arc::clone(&self.desk), Arc::clone(&self.saver.progress), self.requests.clone())
    }

    /// Has the file written.
    pub(crate) fn save(&self) {
        let _ = self.requests.try_send(Wanted::Save);
    }

    /// When the file is to be written by the clock.
    pub(crate) fn next_deadline(&self, options: &Options) -> Option<Instant> {
        let by_time = options.autosave_interval > 0 && !options.autosave_on_changes;
        by_time.then(|| self.last_autosave + Duration::from_secs(options.autosave_interval.into()))
    }

    /// Writes the file where that is due, and goes by these options from now on.
    pub(crate) fn do_what_is_due(&mut self, now: Instant, options: &Options) {
        self.count_for(options);
        if self.next_deadline(options).is_some_and(|at| now >= at) {
            self.last_autosave = now;
            self.save();
        }
    }

    /// Counts changes where that is asked for.
    fn count_for(&self, options: &Options) {
        let limit = if options.autosave_on_changes { options.autosave_interval } else { 0 };
        self.saver.progress.counting.set_limit(limit.into());
    }

    /// What `$SYS` tells.
    pub(crate) fn figures(&self) -> StoreFigures {
        StoreFigures {
            journal_bytes: self.desk.bytes_since_snapshot(),
            saved_at_s: self.saver.progress.saved_at_s.load(Ordering::Relaxed),
        }
    }

    /// The end: all workers have stopped, and wait to be dismissed. Says what is wrong, if the file has not all of it.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        let Self { saver, desk, requests, thread, lock, .. } = self;
        // It may be saving still, which is older.
        let _ = requests.send(Wanted::Nothing);
        let _ = thread.join();
        let saved = if desk.has_failed() { Err(NotSaved::Over) } else { saver.save(true) };
        let outcome = match saved {
            // Without a journal another broker may go on with the file.
            // Should it have more, it stays, and the next start goes by it.
            Ok(()) => desk.stop_and_remove().map(|_| ()),
            Err(_) => desk.stop(),
        };
        drop(lock);
        match (saved, outcome) {
            (Ok(()), Ok(())) => Ok(()),
            // It was said already.
            (Err(NotSaved::Over), _) => Err(Failure::from(String::new())),
            (Err(_), Ok(())) => Err(Failure::from(
                "Error: The database is not up to date: the next start goes by the journal.".to_owned(),
            )),
            (_, Err(error)) => Err(Failure::from(format!("Error: Unable to end the journal: {}.", text_of(&error)))),
        }
    }
}

/// What went wrong with the journal, in the system's words.
fn text_of(error: &WriteError) -> String {
    match error {
        WriteError::NoRoom => "no room on the disk".to_owned(),
        WriteError::Failed(failure) => format!("{}: {}", failure.what, error_text(&failure.error)),
    }
}
