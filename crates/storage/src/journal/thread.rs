//! The journal's thread: all that has gathered meanwhile is one write and one sync.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "this is the journal's thread, and its clock")]

mod worker;

use super::queue::{Commit, Item, Queue, Stop};
use super::writer::{Failure, WriteError, Writer};
use super::{Identity, Kind, PAYLOAD_BYTES_MAX};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use worker::Worker;

/// When what was handed over is synced: the option `persistence_sync`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SyncMode {
    /// At once, and nothing is settled before.
    #[default]
    Always,
    /// So long after what was first not synced; what was written is settled.
    Interval(Duration),
    /// When a segment is full, for a snapshot, and in the end; what was written is settled.
    None,
}

/// How a [`Journal`] works.
#[derive(Debug, Clone)]
pub struct ThreadOptions {
    /// When it syncs.
    pub sync: SyncMode,
    /// With so many bytes waiting, [`Journal::is_behind`].
    pub behind_bytes: u64,
    /// With so many bytes waiting, no more are taken, and the journal has failed.
    pub queue_bytes_max: u64,
    /// How long after it had no room the journal looks for some again.
    pub retry: Duration,
}

impl Default for ThreadOptions {
    fn default() -> Self {
        Self { sync: SyncMode::Always, behind_bytes: 64 << 20, queue_bytes_max: 1 << 30, retry: Duration::from_secs(1) }
    }
}

/// How the journal is.
#[derive(Debug, Clone)]
pub enum State {
    /// There is room.
    Writing,
    /// There is no room for another segment. What is handed over is still written as long as the current one has room, and
    /// waits then: little should be.
    Full,
    /// Nothing is written any more, and nothing more will be settled.
    Failed(Failure),
}

/// Who is told by the journal's thread; nothing of it may wait.
pub trait Notify: Send {
    /// All frames up to this one are settled: on disk, or in the other modes than [`SyncMode::Always`] written.
    fn settled(&mut self, sequence: u64);

    /// The state is another now.
    fn state(&mut self, state: &State);
}

/// Why a frame was not taken. The broker's state and the journal's are two different ones from then on.
#[derive(Debug, Clone)]
pub enum PushError {
    /// The journal has failed.
    Failed(Failure),
    /// It has been stopped.
    Stopped,
}

/// A snapshot that has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotBegun {
    /// Frames from this one on are replayed over it.
    pub sequence: u64,
    id: u64,
}

/// A journal with its thread. It is shared by all who write; dropping it stops it as [`stop`](Self::stop) does.
pub struct Journal {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<Result<bool, WriteError>>>>,
    options: ThreadOptions,
}

struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    settled: AtomicU64,
    is_full: AtomicBool,
    has_failed: AtomicBool,
    bytes_since_snapshot: AtomicU64,
    syncs: AtomicU64,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sees to it that nobody waits for a thread that has panicked.
struct End(Arc<Shared>);

impl Drop for End {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let error = Arc::new(io::Error::other("its thread has panicked"));
            let mut queue = self.0.queue();
            queue.failure.get_or_insert(Failure { what: "running the journal".into(), error });
            // With who waits for the end of a snapshot.
            queue.items.clear();
            self.0.has_failed.store(true, Ordering::Release);
        }
    }
}

impl Journal {
    /// Starts the thread. Fails if the system has none.
    pub fn start(writer: Writer, options: ThreadOptions, notify: Box<dyn Notify>) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue::new(writer.next_sequence())),
            wake: Condvar::new(),
            settled: AtomicU64::new(writer.synced()),
            is_full: AtomicBool::new(writer.is_full()),
            has_failed: AtomicBool::new(false),
            bytes_since_snapshot: AtomicU64::new(writer.bytes_since_snapshot()),
            syncs: AtomicU64::new(0),
        });
        let worker = Worker::new(shared.clone(), writer, options.clone(), notify);
        let end = End(shared.clone());
        let thread = std::thread::Builder::new().name("journal".into()).spawn(move || {
            let _end = end;
            worker.run()
        })?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)), options })
    }

    /// Hands over a frame, whose payload is exchanged for an empty buffer, and returns its sequence number. Never waits for
    /// the disk.
    pub fn push(&self, kind: Kind, epoch_ms: i64, payload: &mut Vec<u8>) -> Result<u64, PushError> {
        let mut queue = self.shared.queue();
        Self::check(&queue)?;
        let reason = if payload.len() > PAYLOAD_BYTES_MAX {
            Some(io::ErrorKind::InvalidInput)
        } else {
            (queue.bytes + payload.len() as u64 > self.options.queue_bytes_max).then_some(io::ErrorKind::StorageFull)
        };
        if let Some(reason) = reason {
            let what = format!("queueing {} bytes behind {}", payload.len(), queue.bytes);
            let failure = Failure { what, error: Arc::new(reason.into()) };
            queue.failure = Some(failure.clone());
            self.shared.wake.notify_one();
            return Err(PushError::Failed(failure));
        }
        let was_empty = queue.items.is_empty();
        let sequence = queue.push(kind, epoch_ms, payload);
        drop(queue);
        if was_empty {
            self.shared.wake.notify_one();
        }
        Ok(sequence)
    }

    /// The sequence number up to which all is [settled](Notify::settled).
    pub fn settled(&self) -> u64 {
        self.shared.settled.load(Ordering::Acquire)
    }

    /// Whether so much waits that producers should wait too.
    pub fn is_behind(&self) -> bool {
        self.queued_bytes() >= self.options.behind_bytes
    }

    /// The bytes that were handed over and are not written yet.
    pub fn queued_bytes(&self) -> u64 {
        self.shared.queue().bytes
    }

    /// Whether it is [`State::Full`].
    pub fn is_full(&self) -> bool {
        self.shared.is_full.load(Ordering::Acquire)
    }

    /// Whether it is [`State::Failed`].
    pub fn has_failed(&self) -> bool {
        self.shared.has_failed.load(Ordering::Acquire)
    }

    /// The bytes in the files that the next snapshot makes superfluous.
    pub fn bytes_since_snapshot(&self) -> u64 {
        self.shared.bytes_since_snapshot.load(Ordering::Relaxed)
    }

    /// How often it has synced.
    pub fn syncs(&self) -> u64 {
        self.shared.syncs.load(Ordering::Relaxed)
    }

    /// Begins a snapshot, of which everything is part that was handed over before. Does not wait.
    pub fn begin_snapshot(&self) -> Result<SnapshotBegun, PushError> {
        let mut queue = self.shared.queue();
        Self::check(&queue)?;
        let id = queue.next_snapshot;
        queue.next_snapshot += 1;
        queue.items.push_back(Item::Begin { id });
        let sequence = queue.next_sequence;
        drop(queue);
        self.shared.wake.notify_one();
        Ok(SnapshotBegun { sequence, id })
    }

    /// Ends a snapshot that is whole in `mosquitto.db.new`, see [`Writer::commit_snapshot`]; waits until that is done. A
    /// snapshot that is not ended is forgotten.
    pub fn commit_snapshot(
        &self,
        begun: SnapshotBegun,
        identity: Identity,
        payload: Vec<u8>,
    ) -> Result<(), WriteError> {
        let (answer, answered) = sync_channel(1);
        let mut queue = self.shared.queue();
        match Self::check(&queue) {
            Ok(()) => {}
            Err(PushError::Failed(failure)) => return Err(WriteError::Failed(failure)),
            Err(PushError::Stopped) => return Err(stopped()),
        }
        queue.items.push_back(Item::Commit(Commit { id: begun.id, identity, payload, answer }));
        drop(queue);
        self.shared.wake.notify_one();
        answered.recv().unwrap_or_else(|_| Err(stopped()))
    }

    /// Writes and syncs all that was handed over, and ends the thread.
    pub fn stop(&self) -> Result<(), WriteError> {
        self.end(Stop::Keep).map(|_| ())
    }

    /// Ends the thread and removes the journal, right after a snapshot since whose beginning nothing was handed over: then
    /// the database is all there is, and another broker may go on with it. Where something was, this is [`stop`](Self::stop)
    /// and `false`.
    pub fn stop_and_remove(&self) -> Result<bool, WriteError> {
        self.end(Stop::Remove)
    }

    fn end(&self, stop: Stop) -> Result<bool, WriteError> {
        self.shared.queue().stop.get_or_insert(stop);
        self.shared.wake.notify_one();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        thread.map_or(Ok(false), |thread| thread.join().unwrap_or_else(|_| Err(stopped())))
    }

    fn check(queue: &Queue) -> Result<(), PushError> {
        match &queue.failure {
            Some(failure) => Err(PushError::Failed(failure.clone())),
            None if queue.stop.is_some() => Err(PushError::Stopped),
            None => Ok(()),
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // Whoever wants to know how that ended calls `stop`.
        drop(self.end(Stop::Keep));
    }
}

fn stopped() -> WriteError {
    let error = Arc::new(io::Error::other("its thread has ended"));
    WriteError::Failed(Failure { what: "using the journal".into(), error })
}

/// An error of who ends snapshots, and not the journal's.
fn not_begun() -> WriteError {
    let error = Arc::new(io::Error::other("it has not begun, or has ended, or others have begun since"));
    WriteError::Failed(Failure { what: "ending a snapshot".into(), error })
}

impl std::fmt::Display for PushError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Failed(failure) => failure.fmt(f),
            Self::Stopped => write!(f, "the journal has been stopped"),
        }
    }
}

impl std::error::Error for PushError {}
