//! How much has changed, as Mosquitto counts it for `autosave_on_changes`: subscriptions made or ended, messages retained
//! outside of `$SYS` or queued, acknowledgements of clients, clients that connect to a session that is kept.

use mosquitto_broker::Change;
use std::sync::atomic::{AtomicU64, Ordering};

/// A count of changes that runs only while somebody wants to know.
#[derive(Debug, Default)]
pub(super) struct Counting {
    /// How many make it time to save; 0: nobody wants to know.
    limit: AtomicU64,
    count: AtomicU64,
}

impl Counting {
    /// Says how many changes make it time to save; 0: nothing is counted.
    pub(super) fn set_limit(&self, limit: u64) {
        if self.limit.swap(limit, Ordering::Relaxed) == 0 {
            self.count.store(0, Ordering::Relaxed);
        }
    }

    pub(super) fn is_on(&self) -> bool {
        self.limit.load(Ordering::Relaxed) > 0
    }

    /// Counts the changes of a frame, and says whether it is time to save. Then it begins again.
    pub(super) fn is_due_after(&self, frame: &[u8]) -> bool {
        let more = changes_in(frame);
        let is_due = self.count.fetch_add(more, Ordering::Relaxed) + more >= self.limit.load(Ordering::Relaxed);
        if is_due {
            self.count.store(0, Ordering::Relaxed);
        }
        is_due
    }
}

fn changes_in(mut frame: &[u8]) -> u64 {
    let mut count = 0;
    while let Some(change) = Change::decode(&mut frame) {
        count += match change {
            Change::Published { targets, .. } => targets.len() as u64,
            Change::Connected { .. }
            | Change::Subscribed { .. }
            | Change::Unsubscribed { .. }
            | Change::HandedOver { .. }
            | Change::Finished { .. }
            | Change::Came { .. }
            | Change::Released { .. }
            | Change::Retained { .. }
            | Change::Cleared { .. } => 1,
            Change::Known { .. }
            | Change::RetainedUpTo { .. }
            | Change::Left { .. }
            | Change::Ended { .. }
            | Change::Launched { .. }
            | Change::Dropped { .. } => 0,
        };
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use mosquitto_broker::{SessionKey, ShardId};

    #[test]
    fn changes_are_counted_while_somebody_wants_to_know() {
        let session = SessionKey { shard: ShardId(0), slot: 1, epoch: 1 };
        let mut frame = Vec::new();
        for change in [
            Change::Subscribed { session, filter: "a", options: 1, identifier: 0 },
            Change::Finished { session, message: 1, packet_id: 1 },
            Change::Dropped { session, message: 1 },
        ] {
            change.encode(&mut frame);
        }
        let counting = Counting::default();
        counting.set_limit(5);
        assert!(!counting.is_due_after(&frame));
        counting.set_limit(6);
        assert!(!counting.is_due_after(&frame), "it goes on");
        assert!(counting.is_due_after(&frame));
        assert!(!counting.is_due_after(&frame), "it begins again");
        counting.set_limit(0);
        assert!(!counting.is_on());
    }
}
