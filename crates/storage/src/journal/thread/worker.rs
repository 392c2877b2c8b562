//! What the thread does.

use super::{Notify, Shared, State, SyncMode, ThreadOptions, not_begun};
use crate::journal::queue::{Commit, Item, Queue, Queued, Stop};
use crate::journal::snapshot::Ticket;
use crate::journal::writer::{Failure, WriteError, Writer};
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Instant;

/// Snapshots that have begun and not ended, the last ones.
const TICKETS_MAX: usize = 4;

pub(super) struct Worker {
    shared: Arc<Shared>,
    writer: Writer,
    options: ThreadOptions,
    notify: Box<dyn Notify>,
    /// Taken from the queue and not written, for lack of room.
    waiting: VecDeque<Item>,
    tickets: BTreeMap<u64, Ticket>,
    /// When a sync is due.
    sync_at: Option<Instant>,
    /// When to look for room.
    retry_at: Option<Instant>,
    /// The first of those that wait found no room.
    is_stuck: bool,
    /// What was told last.
    is_full: bool,
    settled: u64,
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, writer: Writer, options: ThreadOptions, notify: Box<dyn Notify>) -> Self {
        Self {
            settled: writer.synced(),
            retry_at: writer.is_full().then(Instant::now),
            shared,
            writer,
            options,
            notify,
            waiting: VecDeque::new(),
            tickets: BTreeMap::new(),
            sync_at: None,
            is_stuck: false,
            is_full: false,
        }
    }

    /// Until it is stopped, or fails.
    pub(super) fn run(mut self) -> Result<bool, WriteError> {
        let stop = loop {
            let stop = self.take();
            match self.work(stop.is_some()) {
                Ok(()) => {}
                Err(WriteError::NoRoom) => self.refuse_commits(),
                Err(WriteError::Failed(failure)) => return Err(self.fail(failure)),
            }
            if let Some(stop) = stop {
                break stop;
            }
        };
        self.finish(stop)
    }

    /// Waits for something to do, and takes all that there is.
    fn take(&mut self) -> Option<Stop> {
        let shared = self.shared.clone();
        let mut queue = shared.queue();
        while queue.items.is_empty() && queue.stop.is_none() && queue.failure.is_none() {
            let due = [self.sync_at, self.retry_at].into_iter().flatten().min();
            match due.map(|due| due.saturating_duration_since(Instant::now())) {
                Some(left) if left.is_zero() => break,
                left => queue = self.wait(queue, left),
            }
        }
        self.waiting.append(&mut queue.items);
        queue.stop
    }

    fn wait<'a>(&self, queue: MutexGuard<'a, Queue>, left: Option<std::time::Duration>) -> MutexGuard<'a, Queue> {
        match left {
            Some(left) => self.shared.wake.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0,
            None => self.shared.wake.wait(queue).unwrap_or_else(PoisonError::into_inner),
        }
    }

    fn work(&mut self, stops: bool) -> Result<(), WriteError> {
        if let Some(failure) = self.shared.queue().failure.clone() {
            return Err(WriteError::Failed(failure));
        }
        // What was taken before it turned out that there was no room is settled, even so.
        let written = self.write_waiting();
        let settled = match written {
            Err(WriteError::Failed(_)) => Ok(()),
            _ => self.settle(stops),
        };
        written.and(settled)?;
        self.prepare_if_there_is_none()
    }

    fn write_waiting(&mut self) -> Result<(), WriteError> {
        if self.is_stuck && self.retry_at.is_some_and(|at| at > Instant::now()) {
            return Err(WriteError::NoRoom);
        }
        while let Some(item) = self.waiting.pop_front() {
            match item {
                Item::Frame(frame) => self.write(frame)?,
                Item::Begin { id } => {
                    let ticket = self.writer.begin_snapshot()?;
                    self.tickets.insert(id, ticket);
                    if self.tickets.len() > TICKETS_MAX {
                        self.tickets.pop_first();
                    }
                }
                Item::Commit(commit) => self.commit(&commit)?,
            }
        }
        Ok(())
    }

    fn write(&mut self, frame: Queued) -> Result<(), WriteError> {
        match self.writer.append(frame.kind, frame.epoch_ms, &frame.payload) {
            Ok(sequence) => {
                self.is_stuck = false;
                debug_assert_eq!(sequence, frame.sequence, "numbers are given in the order of the queue");
                self.shared.queue().written(frame.payload);
                Ok(())
            }
            Err(error) => {
                self.is_stuck = true;
                self.waiting.push_front(Item::Frame(frame));
                Err(error)
            }
        }
    }

    fn commit(&mut self, commit: &Commit) -> Result<(), WriteError> {
        let result = match self.tickets.remove(&commit.id) {
            Some(ticket) => {
                let result = self.writer.commit_snapshot(&ticket, commit.identity, &commit.payload);
                if matches!(result, Err(WriteError::NoRoom)) {
                    self.tickets.insert(commit.id, ticket);
                }
                result
            }
            None => Err(not_begun()),
        };
        let failed = match &result {
            Err(WriteError::Failed(_)) => self.writer.check(),
            _ => Ok(()),
        };
        if result.is_ok() {
            // There may be room now.
            self.retry_at = self.retry_at.map(|_| Instant::now());
            self.tell_counts();
        }
        // Who does not wait any more does not want to know.
        drop(commit.answer.send(result));
        failed
    }

    /// Syncs, if that is due, and tells.
    fn settle(&mut self, stops: bool) -> Result<(), WriteError> {
        let now = Instant::now();
        let is_due = match self.options.sync {
            SyncMode::Always => true,
            SyncMode::Interval(interval) => {
                let at = *self.sync_at.get_or_insert(now + interval);
                at <= now
            }
            SyncMode::None => false,
        };
        if is_due || stops {
            let before = self.writer.synced();
            let synced = self.writer.sync()?;
            self.sync_at = None;
            if synced > before {
                self.shared.syncs.fetch_add(1, Ordering::Relaxed);
            }
        } else {
            self.writer.flush()?;
            if self.writer.synced() + 1 == self.writer.next_sequence() {
                self.sync_at = None;
            }
        }
        let settled = self.writer.next_sequence() - 1;
        self.tell_counts();
        if settled > self.settled {
            self.settled = settled;
            self.shared.settled.store(settled, Ordering::Release);
            self.notify.settled(settled);
        }
        Ok(())
    }

    fn tell_counts(&self) {
        self.shared.bytes_since_snapshot.store(self.writer.bytes_since_snapshot(), Ordering::Relaxed);
    }

    fn prepare_if_there_is_none(&mut self) -> Result<(), WriteError> {
        if self.retry_at.is_none_or(|at| at <= Instant::now()) { self.prepare() } else { Ok(()) }
    }

    fn prepare(&mut self) -> Result<(), WriteError> {
        let result = self.writer.prepare();
        self.tell_room();
        result
    }

    fn tell_room(&mut self) {
        let is_full = self.writer.is_full();
        let now = Instant::now();
        self.retry_at = match self.retry_at {
            Some(at) if is_full && at > now => Some(at),
            _ => is_full.then(|| now + self.options.retry),
        };
        if is_full != self.is_full {
            self.is_full = is_full;
            self.shared.is_full.store(is_full, Ordering::Release);
            self.notify.state(if is_full { &State::Full } else { &State::Writing });
        }
    }

    /// With frames waiting for room, no snapshot can end.
    fn refuse_commits(&mut self) {
        self.tell_room();
        let (commits, rest): (VecDeque<Item>, VecDeque<Item>) =
            std::mem::take(&mut self.waiting).into_iter().partition(|item| matches!(item, Item::Commit(_)));
        self.waiting = rest;
        for item in commits {
            if let Item::Commit(commit) = item {
                drop(commit.answer.send(Err(WriteError::NoRoom)));
            }
        }
    }

    fn fail(&mut self, failure: Failure) -> WriteError {
        let error = WriteError::Failed(failure.clone());
        let mut queue = self.shared.queue();
        queue.failure = Some(failure.clone());
        self.waiting.append(&mut queue.items);
        drop(queue);
        for item in self.waiting.drain(..) {
            if let Item::Commit(commit) = item {
                drop(commit.answer.send(Err(error.clone())));
            }
        }
        self.shared.has_failed.store(true, Ordering::Release);
        self.notify.state(&State::Failed(failure));
        error
    }

    fn finish(mut self, stop: Stop) -> Result<bool, WriteError> {
        if self.waiting.iter().any(|item| matches!(item, Item::Frame(_))) {
            return Err(WriteError::NoRoom);
        }
        self.writer.sync()?;
        match stop {
            Stop::Keep => Ok(false),
            Stop::Remove => self.writer.remove(),
        }
    }
}
