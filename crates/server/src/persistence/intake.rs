//! What workers hand in to be kept: frames, each the changes of one worker in one tick; and what becomes of them.
//!
//! There is one queue for all workers, which each of them locks once a tick, before its mail leaves. So a frame that tells of
//! a cause stands before those that tell of its effects, whichever workers they come from.

use crate::mailbox::PostOffice;
use mosquitto_broker::ShardId;
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

/// Bytes of frames that may wait before nothing more is read from anybody. One tick of each worker may come on top.
const WAITING_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Buffers that are kept to be filled again, and how large they may be for that, in bytes.
const SPARE_MAX: usize = 64;
const SPARE_BYTES_MAX: usize = 1024 * 1024;

/// The changes of a tick of one shard.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) shard: ShardId,
    /// Which of its frames it is.
    pub(super) number: u64,
    pub(super) bytes: Vec<u8>,
}

/// The queue, and how far it has got.
#[derive(Debug)]
pub(crate) struct Intake<R> {
    queue: Mutex<Queue<R>>,
    filled: Condvar,
    /// Bytes of frames that were handed in and are not written yet.
    waiting_bytes: AtomicUsize,
    /// Whether a worker waits for that to be less.
    blocked: AtomicBool,
    /// By shard, the number of the last of its frames that is on the disk.
    durable: Vec<AtomicU64>,
    /// Whether nothing more is taken.
    closed: AtomicBool,
    office: Arc<PostOffice>,
}

#[derive(Debug)]
struct Queue<R> {
    frames: Vec<Frame>,
    requests: Vec<R>,
    spare: Vec<Vec<u8>>,
}

/// What was handed in since the last time, in order; requests come after the frames that were there before them.
#[derive(Debug)]
pub(super) struct Batch<R> {
    pub(super) frames: Vec<Frame>,
    pub(super) requests: Vec<R>,
}

impl<R> Intake<R> {
    pub(super) fn new(shards: usize, office: Arc<PostOffice>) -> Self {
        Self {
            queue: Mutex::new(Queue { frames: Vec::new(), requests: Vec::new(), spare: Vec::new() }),
            filled: Condvar::new(),
            waiting_bytes: AtomicUsize::new(0),
            blocked: AtomicBool::new(false),
            durable: (0..shards).map(|_| AtomicU64::new(0)).collect(),
            closed: AtomicBool::new(false),
            office,
        }
    }

    /// Takes a frame, and gives an empty buffer back for the next one.
    pub(crate) fn push(&self, shard: ShardId, number: u64, bytes: Vec<u8>) -> Vec<u8> {
        if self.closed.load(Ordering::Relaxed) {
            return Vec::new();
        }
        self.waiting_bytes.fetch_add(bytes.len(), Ordering::Relaxed);
        let mut queue = self.queue.lock();
        queue.frames.push(Frame { shard, number, bytes });
        let spare = queue.spare.pop().unwrap_or_default();
        drop(queue);
        self.filled.notify_one();
        spare
    }

    /// The number of the last frame of this shard that is on the disk.
    pub(crate) fn durable(&self, shard: ShardId) -> u64 {
        self.durable.get(shard.index()).map_or(0, |number| number.load(Ordering::Acquire))
    }

    /// Whether nothing more is to be read from anybody. Who is told so is called when that is over.
    pub(crate) fn is_behind(&self) -> bool {
        if self.waiting_bytes.load(Ordering::Relaxed) <= WAITING_BYTES_MAX {
            return false;
        }
        self.blocked.store(true, Ordering::SeqCst);
        // It may have been written in between.
        self.waiting_bytes.load(Ordering::SeqCst) > WAITING_BYTES_MAX
    }

    /// Asks for something that is due after the frames that were handed in so far.
    pub(super) fn request(&self, request: R) {
        self.queue.lock().requests.push(request);
        self.filled.notify_one();
    }

    /// Waits until there is something, or for so long at most, and takes all there is.
    pub(super) fn take(&self, until: Option<Instant>) -> Batch<R> {
        let mut queue = self.queue.lock();
        while queue.frames.is_empty() && queue.requests.is_empty() {
            match until {
                None => self.filled.wait(&mut queue),
                Some(until) => {
                    if self.filled.wait_until(&mut queue, until).timed_out() {
                        break;
                    }
                }
            }
        }
        Batch { frames: std::mem::take(&mut queue.frames), requests: std::mem::take(&mut queue.requests) }
    }

    /// Frames were written: their buffers may be filled again, and their bytes wait no longer.
    pub(super) fn written(&self, frames: impl Iterator<Item = Vec<u8>>) {
        let mut bytes_written = 0;
        let mut queue = self.queue.lock();
        for mut bytes in frames {
            bytes_written += bytes.len();
            if queue.spare.len() < SPARE_MAX && bytes.capacity() <= SPARE_BYTES_MAX {
                bytes.clear();
                queue.spare.push(bytes);
            }
        }
        drop(queue);
        let left = self.waiting_bytes.fetch_sub(bytes_written, Ordering::SeqCst) - bytes_written;
        if left <= WAITING_BYTES_MAX / 2 && self.blocked.swap(false, Ordering::SeqCst) {
            self.office.workers().for_each(|worker| self.office.call(worker));
        }
    }

    /// The frames of this shard up to this number are on the disk.
    pub(super) fn tell_durable(&self, shard: ShardId, number: u64) {
        if let Some(durable) = self.durable.get(shard.index()) {
            durable.store(number, Ordering::Release);
            self.office.call(shard);
        }
    }

    /// Takes nothing more: nothing that was handed in since is kept, or said to be.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        let mut queue = self.queue.lock();
        (queue.frames, queue.requests) = (Vec::new(), Vec::new());
        drop(queue);
        self.waiting_bytes.store(0, Ordering::SeqCst);
        self.office.workers().for_each(|worker| self.office.call(worker));
    }
}
