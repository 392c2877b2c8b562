//! A worker looks at the heap.

use super::Worker;
use mosquitto_broker::Moment;

/// How long a look is good for.
const LOOK_MS: u64 = 10;

impl Worker {
    /// Tells the shard how much of the heap is in use, at the beginning of a tick.
    pub(super) fn look_at_heap(&mut self, now: Moment) {
        if self.heap_looked_at.is_none_or(|at| now >= at + LOOK_MS) {
            self.heap_looked_at = Some(now);
            self.shard.heap_in_use(mosquitto_allocator::in_use());
        }
    }
}
