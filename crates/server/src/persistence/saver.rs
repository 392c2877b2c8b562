//! Saving: what the shards have becomes a new `mosquitto.db`, while they go on.
//!
//! By a thread of its own, which may wait. First the journal begins a new segment; then each worker is asked for what its shard
//! has, a slice at a time, each of which costs it no more than a part of a tick: what is handed over are references to
//! messages, not their bytes. The file is written under another name, and takes the place of the old one when the journal
//! has all that happened until the last slice was made. What is in the journal from that segment on is replayed over it.

use super::intake::Intake;
use super::scribe::{Progress, Request};
use super::writing;
use crate::log::Logger;
use crate::mailbox::PostOffice;
use crate::worker::Clock;
use mosquitto_broker::{LogLevel, Shared};
use mosquitto_storage::journal::{NewDatabase, RealDisk, WriteError};
use mosquitto_transport::error_text;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvError, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// What saving takes.
#[derive(Debug)]
pub(super) struct Saver {
    pub(super) path: PathBuf,
    pub(super) database: String,
    pub(super) disk: Arc<RealDisk>,
    pub(super) office: Arc<PostOffice>,
    pub(super) shared: Arc<Shared>,
    pub(super) intake: Arc<Intake<Request>>,
    pub(super) progress: Arc<Progress>,
    pub(super) clock: Clock,
    pub(super) logger: Logger,
}

/// Why nothing was saved.
#[derive(Debug)]
pub(super) enum NotSaved {
    /// The journal has failed, which was said already, or the broker ends.
    Over,
    /// There is no room.
    NoRoom,
    Io(io::Error),
}

impl Saver {
    /// The thread, which saves whenever it is asked to, and ends when nobody can ask any more.
    pub(super) fn start(self: &Arc<Self>, requests: Receiver<()>) -> io::Result<JoinHandle<()>> {
        let saver = Arc::clone(self);
        std::thread::Builder::new().name("saving".to_owned()).spawn(move || {
            for () in requests {
                // What is wrong was said.
                let _ = saver.save(false);
            }
        })
    }

    /// Saves; `shutdown`: for the last time. What goes wrong is logged, and nothing is changed by it.
    pub(super) fn save(&self, shutdown: bool) -> Result<(), NotSaved> {
        let path = self.path.display();
        self.logger.log(LogLevel::Information, format!("Saving in-memory database to {path}."));
        let outcome = self.write(shutdown);
        if let Err(error) = &outcome {
            let _ = NewDatabase::remove(&*self.disk, &self.database);
            let why = match error {
                NotSaved::Over => return outcome,
                NotSaved::NoRoom => "no room on the disk".to_owned(),
                NotSaved::Io(error) => error_text(error),
            };
            let text = format!("Error: Unable to save in-memory database to {path}: {why}.");
            self.logger.log(LogLevel::Error, text);
        }
        outcome
    }

    fn write(&self, shutdown: bool) -> Result<(), NotSaved> {
        let ticket = self.ask(Request::Begin)?;
        let new = NewDatabase::create(&*self.disk, &self.database)?;
        let (identity, payload) = writing::write(self, new, shutdown)?;
        self.ask(|answer| Request::Commit { ticket, identity, payload, answer })?;
        self.progress.saved(identity.size);
        Ok(())
    }

    /// Has the journal end, and be removed if there is nothing in it that was not saved.
    pub(super) fn end_journal(&self, remove: bool) -> Result<(), NotSaved> {
        self.ask(|answer| Request::End { remove, answer })
    }

    fn ask<T>(&self, request: impl FnOnce(SyncSender<Result<T, WriteError>>) -> Request) -> Result<T, NotSaved> {
        let (sender, answer) = sync_channel(1);
        self.intake.request(request(sender));
        answer.recv()?.map_err(NotSaved::from)
    }
}

impl From<RecvError> for NotSaved {
    fn from(_: RecvError) -> Self {
        NotSaved::Over
    }
}

impl From<WriteError> for NotSaved {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::NoRoom => NotSaved::NoRoom,
            WriteError::Failed(_) => NotSaved::Over,
        }
    }
}

impl From<io::Error> for NotSaved {
    fn from(error: io::Error) -> Self {
        NotSaved::Io(error)
    }
}
