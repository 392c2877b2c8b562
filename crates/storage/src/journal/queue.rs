//! What waits for the journal's thread, in the order in which it was handed over.

use super::writer::WriteError;
use super::{Failure, Identity, Kind};
use std::collections::VecDeque;
use std::sync::mpsc::SyncSender;

/// Buffers that are kept for re-use, and the largest of them in bytes.
const POOL_BUFFERS: usize = 64;
const POOL_BUFFER_BYTES: usize = 256 << 10;

/// What the thread has to do.
pub(super) enum Item {
    Frame(Queued),
    /// A snapshot begins.
    Begin {
        id: u64,
    },
    /// It is whole.
    Commit(Commit),
}

pub(super) struct Queued {
    pub(super) kind: Kind,
    pub(super) sequence: u64,
    pub(super) epoch_ms: i64,
    pub(super) payload: Vec<u8>,
}

pub(super) struct Commit {
    pub(super) id: u64,
    pub(super) identity: Identity,
    pub(super) payload: Vec<u8>,
    /// Who waits for it.
    pub(super) answer: SyncSender<Result<(), WriteError>>,
}

/// How the journal is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// Everything is written; the segments stay.
    Keep,
    /// The segments are removed.
    Remove,
}

pub(super) struct Queue {
    pub(super) items: VecDeque<Item>,
    pub(super) next_sequence: u64,
    /// Payload bytes that were handed over and are not written yet, also those that the thread has taken.
    pub(super) bytes: u64,
    pub(super) next_snapshot: u64,
    pub(super) stop: Option<Stop>,
    /// Why nothing is taken any more.
    pub(super) failure: Option<Failure>,
    pool: Vec<Vec<u8>>,
}

impl Queue {
    pub(super) fn new(next_sequence: u64) -> Self {
        Self {
            items: VecDeque::new(),
            next_sequence,
            bytes: 0,
            next_snapshot: 0,
            stop: None,
            failure: None,
            pool: Vec::new(),
        }
    }

    /// Takes a payload, for which there is an empty buffer in exchange, and gives it its number.
    pub(super) fn push(&mut self, kind: Kind, epoch_ms: i64, payload: &mut Vec<u8>) -> u64 {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        self.bytes += payload.len() as u64;
        let payload = std::mem::replace(payload, self.pool.pop().unwrap_or_default());
        self.items.push_back(Item::Frame(Queued { kind, sequence, epoch_ms, payload }));
        sequence
    }

    /// Takes back a buffer whose bytes were written.
    pub(super) fn written(&mut self, mut buffer: Vec<u8>) {
        self.bytes = self.bytes.saturating_sub(buffer.len() as u64);
        if self.pool.len() < POOL_BUFFERS && buffer.capacity() <= POOL_BUFFER_BYTES {
            buffer.clear();
            self.pool.push(buffer);
        }
    }
}
