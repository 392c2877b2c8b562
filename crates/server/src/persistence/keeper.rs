//! A worker's side of persistence.

use super::intake::Intake;
use super::scribe::Request;
use mosquitto_broker::{Shard, ShardId};
use std::sync::Arc;

/// Hands in what a worker's shard writes down, and tells it what of that is safe.
#[derive(Debug)]
pub(crate) struct Keeper {
    id: ShardId,
    intake: Arc<Intake<Request>>,
    /// Frames that were handed in.
    frames: u64,
    /// The last frame that the shard knows to be safe.
    durable: u64,
    /// For the next frame.
    buffer: Vec<u8>,
}

impl Keeper {
    pub(super) fn new(id: ShardId, intake: Arc<Intake<Request>>) -> Self {
        Self { id, intake, frames: 0, durable: 0, buffer: Vec::new() }
    }

    /// Tells the shard, in a tick, what is safe since the last one.
    pub(crate) fn tell(&mut self, shard: &mut Shard) {
        let durable = self.intake.durable(self.id);
        if durable > self.durable {
            self.durable = durable;
            shard.durable(durable);
        }
    }

    /// Hands in what the shard has written down in a tick: before its mail leaves.
    pub(crate) fn hand_in(&mut self, shard: &mut Shard) {
        if let Some(records) = shard.take_changes(std::mem::take(&mut self.buffer)) {
            self.frames += 1;
            self.buffer = self.intake.push(self.id, self.frames, records);
        }
    }

    /// Whether nothing more is to be read for now, since what was read already is not written yet. Then the worker is called
    /// when that is over.
    pub(crate) fn is_behind(&self) -> bool {
        self.intake.is_behind()
    }
}
