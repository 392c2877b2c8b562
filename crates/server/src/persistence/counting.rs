//! How much has changed, as Mosquitto counts it for `autosave_on_changes`: subscriptions made or ended, messages retained
//! outside of `$SYS` or queued, acknowledgements of clients, clients that connect to a session that is kept.

use mosquitto_broker::Change;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A count of changes that runs only while somebody looks at it.
#[derive(Debug, Default)]
pub(super) struct Counting {
    is_on: AtomicBool,
    count: AtomicU64,
}

impl Counting {
    pub(super) fn turn(&self, on: bool) {
        if self.is_on.swap(on, Ordering::Relaxed) != on {
            self.count.store(0, Ordering::Relaxed);
        }
    }

    pub(super) fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    /// Counts the changes of a frame.
    pub(super) fn count(&self, frame: &[u8]) {
        self.count.fetch_add(changes_in(frame), Ordering::Relaxed);
    }

    pub(super) fn so_far(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Begins again.
    pub(super) fn reset(&self) {
        self.count.store(0, Ordering::Relaxed);
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
        counting.turn(true);
        counting.count(&frame);
        assert_eq!(counting.so_far(), 2);
        counting.turn(true);
        assert_eq!(counting.so_far(), 2, "it goes on");
        counting.turn(false);
        assert!(!counting.is_on());
        assert_eq!(counting.so_far(), 0);
    }
}
