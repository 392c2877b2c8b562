//! The thread that writes the journal: what all workers have handed in, one write and one sync for all of it.

use super::counting::Counting;
use super::intake::{Batch, Frame, Intake};
use crate::broker::AbortOnPanic;
use crate::log::Logger;
use crate::worker::Clock;
use mosquitto_broker::{LogLevel, ShardId, Shared};
use mosquitto_config::PersistenceSync;
use mosquitto_storage::journal::{Identity, Kind, Ticket, WriteError, Writer};
use mosquitto_transport::error_text;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

/// How often to look whether there is room on the disk again.
const LOOK_FOR_ROOM: Duration = Duration::from_millis(500);

/// Something to be done between two frames. There is room in each channel for the answer.
#[derive(Debug)]
pub(super) enum Request {
    /// A snapshot begins.
    Begin(SyncSender<Result<Ticket, WriteError>>),
    /// It is whole, and takes the place of the last one. With it goes what is handed over to who reads it.
    Commit { ticket: Ticket, identity: Identity, payload: Vec<u8>, answer: SyncSender<Result<(), WriteError>> },
    /// A snapshot has everything that there is: the journal goes, and the thread ends. Otherwise only the thread does.
    End { remove: bool, answer: SyncSender<Result<(), WriteError>> },
}

/// The journal asks for a snapshot when it has so many bytes, and twice as many as the last one.
const GROWN_BYTES: u64 = 256 * 1024 * 1024;

/// How long to wait before asking again.
const GROWN_AGAIN: Duration = Duration::from_secs(60);

/// What others may know of the journal.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Bytes that the last snapshot does not make superfluous.
    pub(super) bytes: AtomicU64,
    /// The bytes of the last snapshot.
    pub(super) snapshot_bytes: AtomicU64,
    /// When it took the place of the one before it, in seconds since 1970; 0: not yet.
    pub(super) saved_at_s: AtomicU64,
    /// Changes, counted while `autosave_on_changes` asks for it.
    pub(super) counting: Counting,
}

impl Progress {
    /// There is a new snapshot.
    pub(super) fn saved(&self, bytes: u64) {
        self.snapshot_bytes.store(bytes, Ordering::Relaxed);
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.saved_at_s.store(since_1970.as_secs(), Ordering::Relaxed);
    }
}

/// What the thread has to know.
pub(super) struct Scribe {
    pub(super) intake: Arc<Intake<Request>>,
    pub(super) progress: Arc<Progress>,
    pub(super) writer: Writer,
    pub(super) sync: PersistenceSync,
    pub(super) clock: Clock,
    pub(super) shared: Arc<Shared>,
    pub(super) logger: Logger,
    /// What the journal begins with, where there was no room for it yet.
    pub(super) boot: Option<Vec<u8>>,
    /// Asks for a snapshot.
    pub(super) save: SyncSender<()>,
    /// To be called once nothing more can be kept.
    pub(super) give_up: Box<dyn FnOnce() + Send>,
}

impl Scribe {
    pub(super) fn start(self) -> io::Result<JoinHandle<()>> {
        std::thread::Builder::new().name("journal".to_owned()).spawn(move || {
            let _guard = AbortOnPanic;
            Running::new(self).run();
        })
    }
}

/// The thread at work.
struct Running {
    it: Scribe,
    /// Frames that the journal has not taken yet.
    frames: VecDeque<Frame>,
    requests: VecDeque<Request>,
    /// Of each shard, the last frame that the journal has taken and that is not known to be on the disk.
    taken: Vec<(ShardId, u64)>,
    /// When to sync at the latest, in the mode with an interval.
    sync_by: Option<Instant>,
    /// Whether the disk had no room at the last look, and the log says so.
    is_full: bool,
    /// Whether the journal has refused the first of the frames.
    is_stuck: bool,
    look_for_room_at: Instant,
    /// When to ask for a snapshot because of the journal's size, at the earliest.
    may_ask_at: Instant,
}

/// What comes after a round.
enum Next {
    GoOn,
    End { remove: bool, answer: SyncSender<Result<(), WriteError>> },
}

impl Running {
    fn new(it: Scribe) -> Self {
        let mut running = Self {
            it,
            frames: VecDeque::new(),
            requests: VecDeque::new(),
            taken: Vec::new(),
            sync_by: None,
            is_full: false,
            is_stuck: false,
            look_for_room_at: Instant::now(),
            may_ask_at: Instant::now(),
        };
        running.look_at_room();
        running
    }

    fn run(mut self) {
        loop {
            match self.round() {
                Ok(Next::GoOn) => {}
                Ok(Next::End { remove, answer }) => {
                    let writer = self.it.writer;
                    let _ = answer.try_send(if remove { writer.remove() } else { Ok(()) });
                    return;
                }
                Err(error) => return self.give_up(&error),
            }
        }
    }

    /// Takes what there is and keeps it.
    fn round(&mut self) -> Result<Next, WriteError> {
        let Batch { frames, requests } = self.it.intake.take(self.next_deadline());
        let counting = &self.it.progress.counting;
        if counting.is_on() && counting.is_due_after(frames.iter().map(|frame| frame.bytes.as_slice())) {
            let _ = self.it.save.try_send(());
        }
        self.frames.extend(frames);
        self.requests.extend(requests);
        let now = Instant::now();
        if self.is_full && now >= self.look_for_room_at {
            self.it.writer.prepare()?;
            self.is_stuck = false;
            self.look_for_room_at = now + LOOK_FOR_ROOM;
        }
        if !self.is_stuck {
            self.write_frames()?;
        }
        self.sync_if_due(now)?;
        self.look_at_room();
        if !self.frames.is_empty() || self.it.boot.is_some() {
            // Requests are for what comes after the frames. Without room, they fail.
            self.refuse_requests();
            return Ok(Next::GoOn);
        }
        let next = self.answer_requests()?;
        self.look_at_room();
        if matches!(next, Next::GoOn) && !self.is_full {
            self.it.writer.prepare()?;
            self.look_at_room();
        }
        self.look_at_size(now);
        Ok(next)
    }

    fn look_at_size(&mut self, now: Instant) {
        let (bytes, progress) = (self.it.writer.bytes_since_snapshot(), &self.it.progress);
        progress.bytes.store(bytes, Ordering::Relaxed);
        let bound = GROWN_BYTES.max(2 * progress.snapshot_bytes.load(Ordering::Relaxed));
        if bytes > bound && now >= self.may_ask_at {
            self.may_ask_at = now + GROWN_AGAIN;
            let _ = self.it.save.try_send(());
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        let room = self.is_full.then_some(self.look_for_room_at);
        [self.sync_by, room].into_iter().flatten().min()
    }

    /// As many as there is room for.
    fn write_frames(&mut self) -> Result<(), WriteError> {
        let epoch_ms = epoch_ms(self.it.clock);
        if let Some(boot) = &self.it.boot {
            match self.it.writer.append(Kind::Boot, epoch_ms, boot) {
                Ok(_) => self.it.boot = None,
                Err(WriteError::NoRoom) => {
                    self.is_stuck = true;
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        let mut done = Vec::with_capacity(self.frames.len());
        while let Some(frame) = self.frames.front() {
            match self.it.writer.append(Kind::Changes, epoch_ms, &frame.bytes) {
                Ok(_) => {}
                Err(WriteError::NoRoom) => {
                    self.is_stuck = true;
                    break;
                }
                Err(error) => return Err(error),
            }
            note_taken(&mut self.taken, frame.shard, frame.number);
            done.extend(self.frames.pop_front().map(|frame| frame.bytes));
        }
        if done.is_empty() {
            return Ok(());
        }
        if self.it.sync != PersistenceSync::Always {
            unless_full(self.it.writer.flush())?;
        }
        if let PersistenceSync::Interval(ms) = self.it.sync
            && self.sync_by.is_none()
        {
            self.sync_by = Some(Instant::now() + Duration::from_millis(u32::from(ms).into()));
        }
        self.it.intake.written(done.into_iter());
        Ok(())
    }

    fn sync_if_due(&mut self, now: Instant) -> Result<(), WriteError> {
        let is_due = match self.it.sync {
            PersistenceSync::Always => !self.taken.is_empty(),
            PersistenceSync::Interval(_) => self.sync_by.is_some_and(|by| now >= by),
            PersistenceSync::None => false,
        };
        if !is_due {
            return Ok(());
        }
        match self.it.writer.sync() {
            Ok(_) => {}
            // What was taken stays in memory: it is tried again.
            Err(WriteError::NoRoom) => return Ok(()),
            Err(error) => return Err(error),
        }
        self.sync_by = None;
        for (shard, number) in self.taken.drain(..) {
            self.it.intake.tell_durable(shard, number);
        }
        Ok(())
    }

    fn answer_requests(&mut self) -> Result<Next, WriteError> {
        while let Some(request) = self.requests.pop_front() {
            match request {
                Request::Begin(answer) => reply(&answer, self.it.writer.begin_snapshot())?,
                Request::Commit { ticket, identity, payload, answer } => {
                    reply(&answer, self.it.writer.commit_snapshot(&ticket, identity, &payload))?;
                }
                Request::End { remove, answer } => {
                    self.it.writer.sync()?;
                    return Ok(Next::End { remove, answer });
                }
            }
        }
        Ok(Next::GoOn)
    }

    fn refuse_requests(&mut self) {
        for request in self.requests.drain(..) {
            let _ = match request {
                Request::Begin(answer) => answer.try_send(Err(WriteError::NoRoom)).is_ok(),
                Request::Commit { answer, .. } | Request::End { answer, .. } => {
                    answer.try_send(Err(WriteError::NoRoom)).is_ok()
                }
            };
        }
    }

    /// Tells the shards, and the log, whether there is room.
    fn look_at_room(&mut self) {
        let is_full = self.it.writer.is_full();
        if is_full == self.is_full {
            return;
        }
        self.is_full = is_full;
        self.look_for_room_at = Instant::now() + LOOK_FOR_ROOM;
        self.it.shared.set_storage_full(is_full);
        if is_full {
            let text = "No room on the disk for persistence: messages of QoS 1 and 2 that would be kept are refused.";
            self.it.logger.log(LogLevel::Error, text);
        } else {
            self.it.logger.log(LogLevel::Notice, "There is room on the disk for persistence again.");
        }
    }

    /// From now on nothing is acknowledged that would have to be kept.
    fn give_up(self, error: &WriteError) {
        let why = match error {
            WriteError::NoRoom => error.to_string(),
            WriteError::Failed(failure) => format!("{}: {}", failure.what, error_text(&failure.error)),
        };
        let text = format!("Error: Nothing more can be kept, so the broker ends: {why}.");
        self.it.logger.log(LogLevel::Error, text);
        self.it.intake.close();
        (self.it.give_up)();
    }
}

fn note_taken(taken: &mut Vec<(ShardId, u64)>, shard: ShardId, number: u64) {
    match taken.iter_mut().find(|(known, _)| *known == shard) {
        Some((_, last)) => *last = number,
        None => taken.push((shard, number)),
    }
}

/// Answers, where somebody still waits, and fails where the journal has.
fn reply<T>(answer: &SyncSender<Result<T, WriteError>>, outcome: Result<T, WriteError>) -> Result<(), WriteError> {
    let failure = match &outcome {
        Err(WriteError::Failed(failure)) => Err(WriteError::Failed(failure.clone())),
        _ => Ok(()),
    };
    let _ = answer.try_send(outcome);
    failure
}

/// That there is no room is for others to see.
fn unless_full(outcome: Result<(), WriteError>) -> Result<(), WriteError> {
    match outcome {
        Err(WriteError::NoRoom) => Ok(()),
        other => other,
    }
}

/// The wall clock, in milliseconds since 1970, when the broker's own clock showed nothing.
pub(super) fn epoch_ms(clock: Clock) -> i64 {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let now = clock.now().0;
    i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX).saturating_sub_unsigned(now)
}
