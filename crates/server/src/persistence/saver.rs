//! Saving: what the shards have becomes a new `mosquitto.db`, while they go on.
//!
//! By a thread of its own, which may wait. First the journal begins a new segment; then each worker is asked for what its shard
//! has, a slice at a time, each of which costs it no more than a part of a tick: what is handed over are handles of
//! messages, not their bytes. The file is written under another name, and takes the place of the old one when the journal
//! has all that happened until the last slice was made. What is in the journal from that segment on is replayed over it.

use super::journal::{Desk, epoch_ms};
use super::progress::Progress;
use crate::log::Logger;
use crate::mailbox::PostOffice;
use crate::order::Order;
use crate::worker::Clock;
use mosquitto_broker::{LogLevel, SessionPart, ShardId, Shared, Slice};
use mosquitto_storage::journal::{NewDatabase, RealDisk, WriteError};
use mosquitto_storage::snapshot::SnapshotWriter;
use mosquitto_transport::error_text;
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Places of a shared tree that are looked at under one lock.
const PLACES: u16 = 1000;

/// Messages that a broker gets in its life, at the most: thirty years at a thousand a second. Numbers last for eight
/// million starts.
const NUMBERS: u64 = 1 << 40;

/// How often saving begins again because sessions have come and gone meanwhile.
const ATTEMPTS: u32 = 10;

/// How long to wait for other workers to have begun.
const PAUSE: Duration = Duration::from_millis(1);

/// What the thread is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Save,
    /// Nothing more.
    Nothing,
}

/// Some of what a shard has.
#[derive(Debug)]
pub(crate) struct HandedOver {
    pub(crate) parts: Vec<SessionPart>,
    pub(crate) slice: Slice,
}

/// What saving takes.
pub(super) struct Saver {
    pub(super) path: PathBuf,
    pub(super) database: String,
    pub(super) disk: Arc<RealDisk>,
    pub(super) office: Arc<PostOffice>,
    pub(super) shared: Arc<Shared>,
    pub(super) desk: Arc<Desk>,
    pub(super) progress: Arc<Progress>,
    pub(super) clock: Clock,
    pub(super) logger: Logger,
    /// The number of this broker's first message.
    pub(super) next_number: u64,
}

/// Why nothing was saved.
#[derive(Debug)]
pub(super) enum NotSaved {
    /// The journal has failed, which was said already, or the broker ends.
    Over,
    /// A client's session was over and another one there before all were handed over, and both were.
    Moved,
    /// There is no room.
    NoRoom,
    Io(io::Error),
}

impl Saver {
    /// The thread, which saves whenever it is asked to.
    pub(super) fn start(self: &Arc<Self>, requests: Receiver<Wanted>) -> io::Result<JoinHandle<()>> {
        let saver = Arc::clone(self);
        thread::Builder::new().name("saving".to_owned()).spawn(move || {
            while requests.recv() == Ok(Wanted::Save) {
                // What is wrong was said.
                let _ = saver.save(false);
            }
        })
    }

    /// Saves; `shutdown`: for the last time. What goes wrong is logged, and nothing is changed by it.
    pub(super) fn save(&self, shutdown: bool) -> Result<(), NotSaved> {
        let path = self.path.display();
        self.logger.log(LogLevel::Information, format!("Saving in-memory database to {path}."));
        let mut outcome = self.write(shutdown);
        for _ in 1..ATTEMPTS {
            if matches!(outcome, Err(NotSaved::Moved)) {
                outcome = self.write(shutdown);
            }
        }
        if let Err(error) = &outcome {
            let _ = NewDatabase::remove(&*self.disk, &self.database);
            let why = match error {
                NotSaved::Over => return outcome,
                NotSaved::Moved => "sessions come and go too fast".to_owned(),
                NotSaved::NoRoom => "no room on the disk".to_owned(),
                NotSaved::Io(error) => error_text(error),
            };
            let text = format!("Error during saving in-memory database {path}: {why}.");
            self.logger.log(LogLevel::Error, text);
        }
        outcome
    }

    fn write(&self, shutdown: bool) -> Result<(), NotSaved> {
        let begun = self.desk.begin_snapshot().ok_or(NotSaved::Over)?;
        let new = NewDatabase::create(&*self.disk, &self.database)?;
        let epoch_ms = u64::try_from(epoch_ms(self.clock)).unwrap_or_default();
        let mut writer = SnapshotWriter::new(new, epoch_ms, self.next_number.saturating_add(NUMBERS), shutdown)?;
        let retained_so_far = self.shared.retained_so_far();
        self.write_retained(&mut writer)?;
        self.write_sessions(&mut writer)?;
        self.write_subscriptions(&mut writer)?;
        let (new, mut known) = writer.finish();
        retained_so_far.encode(&mut known);
        let identity = new.finish()?;
        // Until all changes that are in there are in the journal.
        for worker in self.office.workers() {
            self.ask(worker, Order::HandedIn)?;
        }
        self.desk.commit_snapshot(begun, identity, known)?;
        self.progress.saved(identity.size);
        Ok(())
    }

    fn write_retained(&self, writer: &mut SnapshotWriter<NewDatabase>) -> Result<(), NotSaved> {
        let (mut parts, mut from) = (Vec::new(), Some(0));
        while let Some(place) = from {
            from = self.shared.retained_slice(place, usize::from(PLACES), &mut parts);
            parts.drain(..).try_for_each(|part| writer.retained(&part))?;
        }
        Ok(())
    }

    fn write_sessions(&self, writer: &mut SnapshotWriter<NewDatabase>) -> Result<(), NotSaved> {
        for worker in self.office.workers() {
            self.office.order(worker, Order::BeginHandOver);
        }
        let (mut seen, mut have_moved) = (HashMap::new(), false);
        for worker in self.office.workers() {
            loop {
                let HandedOver { parts, slice } = self.ask(worker, Order::HandOver)?;
                for part in &parts {
                    // By a hash of 64 bits: that two clients have the same costs one more attempt.
                    let before = seen.insert(seen.hasher().hash_one(&part.client_id), part.key);
                    have_moved |= before.is_some_and(|before| before != part.key);
                    writer.session(part)?;
                }
                match slice {
                    Slice::Done => break,
                    Slice::More => {}
                    Slice::Waiting => thread::sleep(PAUSE),
                }
            }
        }
        // A file cannot say that what stood there of a session is over.
        if have_moved { Err(NotSaved::Moved) } else { Ok(()) }
    }

    fn write_subscriptions(&self, writer: &mut SnapshotWriter<NewDatabase>) -> Result<(), NotSaved> {
        let (mut filters, mut from) = (Vec::new(), Some(0));
        while let Some(place) = from {
            from = self.shared.subscription_slice(place, PLACES.into(), &mut filters);
            filters.drain(..).try_for_each(|filter| writer.filter(&filter))?;
        }
        Ok(())
    }

    /// Waits for a worker's answer to an order.
    fn ask<T>(
        &self,
        worker: ShardId,
        order: impl FnOnce(std::sync::mpsc::SyncSender<T>) -> Order,
    ) -> Result<T, NotSaved> {
        let (sender, answer) = sync_channel(1);
        self.office.order(worker, order(sender));
        Ok(answer.recv()?)
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

impl From<mosquitto_storage::WriteError> for NotSaved {
    fn from(error: mosquitto_storage::WriteError) -> Self {
        match error {
            mosquitto_storage::WriteError::Io(error) => NotSaved::Io(error),
            mosquitto_storage::WriteError::TooLong(field) => NotSaved::Io(io::Error::other(field)),
        }
    }
}

impl From<io::Error> for NotSaved {
    fn from(error: io::Error) -> Self {
        NotSaved::Io(error)
    }
}
