//! A worker's side of persistence.

use super::journal::Desk;
use super::progress::Progress;
use super::saver::Wanted;
use mosquitto_broker::{Shard, ShardId};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

/// Hands in what a worker's shard writes down, and tells it what of that is safe.
pub(crate) struct Keeper {
    id: ShardId,
    desk: Arc<Desk>,
    progress: Arc<Progress>,
    /// Asks for the file to be written.
    save: SyncSender<Wanted>,
    /// Frames that were handed in.
    frames: u64,
    /// Frames that are not known to be safe: the number among all, and that among those of this shard.
    unsafe_frames: VecDeque<(u64, u64)>,
    /// For the next frame.
    buffer: Vec<u8>,
}

impl Keeper {
    pub(super) fn new(id: ShardId, desk: Arc<Desk>, progress: Arc<Progress>, save: SyncSender<Wanted>) -> Self {
        Self { id, desk, progress, save, frames: 0, unsafe_frames: VecDeque::new(), buffer: Vec::new() }
    }

    /// Tells the shard, in a tick, what is safe since the last one.
    pub(crate) fn tell(&mut self, shard: &mut Shard) {
        if self.unsafe_frames.is_empty() {
            return;
        }
        let (settled, mut last) = (self.desk.settled(), None);
        while let Some((_, frame)) = self.unsafe_frames.pop_front_if(|(number, _)| *number <= settled) {
            last = Some(frame);
        }
        if let Some(frame) = last {
            shard.durable(frame);
            if self.unsafe_frames.is_empty() {
                self.desk.knows_all(self.id);
            }
        }
    }

    /// Hands in what the shard has written down in a tick: before its mail leaves.
    pub(crate) fn hand_in(&mut self, shard: &mut Shard) {
        let Some(mut records) = shard.take_changes(std::mem::take(&mut self.buffer)) else { return };
        let counting = &self.progress.counting;
        let is_due = counting.is_on() && counting.is_due_after(&records);
        if is_due || self.progress.is_too_long(self.desk.bytes_since_snapshot()) {
            let _ = self.save.try_send(Wanted::Save);
        }
        self.frames += 1;
        // Without a number, no frame is ever safe again, and the broker is about to end.
        let number = self.desk.push(self.id, &mut records);
        self.unsafe_frames.extend(number.map(|number| (number, self.frames)));
        self.buffer = records;
    }

    /// Whether nothing more is to be read for now, since what was read already is not written yet. Then the worker is called
    /// when that is over.
    pub(crate) fn is_behind(&self) -> bool {
        self.desk.is_behind()
    }
}
