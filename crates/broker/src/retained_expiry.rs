//! Looking for retained messages that have expired, every `retain_expiry_interval`. One shard does it for all, a few nodes
//! of the tree in each of its ticks.

use crate::{Moment, Shard, ShardId};

/// The shard that does it.
const SWEEPER: ShardId = ShardId(0);

/// Nodes of the tree that are looked at in a tick, and so under one lock.
const NODES_A_SLICE: usize = 2000;

/// How far the search has come.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    /// When the last one began, or the option was first seen.
    began: Option<Moment>,
    /// The node to go on with; none between two searches.
    at: Option<usize>,
}

impl Shard {
    /// Milliseconds between the beginnings of two searches; none where this shard makes none.
    fn sweep_interval_ms(&self) -> Option<u64> {
        let minutes = self.home.settings.retain_expiry_interval_min;
        (minutes > 0 && self.id == SWEEPER).then(|| u64::from(minutes) * 60_000)
    }

    /// When to go on looking. The interval is that of now, whatever it was when the last search began.
    pub(crate) fn next_sweep(&self) -> Option<Moment> {
        let interval_ms = self.sweep_interval_ms()?;
        Some(match (self.sweep.at, self.sweep.began) {
            (None, Some(began)) => began + interval_ms,
            _ => self.home.now,
        })
    }

    /// Looks at some more nodes, if it is time to.
    pub(crate) fn sweep_retained(&mut self) {
        let now = self.home.now;
        let Some(interval_ms) = self.sweep_interval_ms() else {
            self.sweep = Sweep::default();
            return;
        };
        let began = *self.sweep.began.get_or_insert(now);
        let from = match self.sweep.at {
            Some(at) => at,
            None if began + interval_ms > now => return,
            None => {
                self.sweep.began = Some(now);
                0
            }
        };
        let slice = from..from.saturating_add(NODES_A_SLICE);
        // Nobody who reads the tree has to wait where nothing has to go.
        let tree = self.shared.retained.read();
        let (found, end) = (tree.has_expired(slice.clone(), now), tree.slots());
        drop(tree);
        if found {
            self.shared.retained.write().remove_all_expired(slice.clone(), now);
        }
        self.sweep.at = Some(slice.end).filter(|at| *at < end);
    }
}

#[cfg(test)]
mod tests {
    use super::NODES_A_SLICE;
    use crate::message::{Message, MessageRef};
    use crate::{Moment, Settings, Shard, ShardId, Shared};
    use mosquitto_mqtt::QoS;
    use std::sync::Arc;

    fn shard_with(messages: usize) -> Shard {
        let shard = Shard::new(ShardId(0), Shared::new(2), Arc::new(Settings::default()), [1; 32]);
        let mut tree = shard.shared.retained.write();
        for n in 0..messages {
            let topic = n.to_string();
            let expires_at = if n % 2 == 0 { Moment(50_000) } else { Moment(70_000) };
            let (topic, properties, payload, qos) = (topic.as_bytes(), &b""[..], &b"x"[..], QoS::AtMostOnce);
            tree.set(Message::store(MessageRef {
                number: 0,
                topic,
                properties,
                payload,
                qos,
                retain: true,
                expires_at,
            }));
        }
        drop(tree);
        shard
    }

    fn tick(shard: &mut Shard, now: u64) -> usize {
        shard.begin(Moment(now));
        shard.end();
        shard.shared.retained_count()
    }

    #[test]
    fn very_many_are_looked_through_in_slices() {
        let mut shard = shard_with(5 * NODES_A_SLICE / 2);
        shard.home.settings = Arc::new(Settings { retain_expiry_interval_min: 1, ..Settings::default() });
        let all = tick(&mut shard, 0);
        assert_eq!(tick(&mut shard, 59_999), all);
        assert_eq!(shard.next_deadline(), Some(Moment(60_000)));
        // The root is a node as well.
        for (left, at_once) in [(all - NODES_A_SLICE / 2, true), (all - NODES_A_SLICE, true), (all / 2, false)] {
            assert!(tick(&mut shard, 60_000).abs_diff(left) <= 1, "{left}");
            assert_eq!(shard.next_deadline() == Some(Moment(60_000)), at_once);
        }
        assert_eq!(shard.next_deadline(), Some(Moment(120_000)));
    }

    #[test]
    fn the_interval_may_change_at_any_time() {
        let mut shard = shard_with(2);
        tick(&mut shard, 0);
        tick(&mut shard, 600_000);
        assert_eq!((shard.next_deadline(), shard.shared.retained_count()), (None, 2));
        shard.home.settings = Arc::new(Settings { retain_expiry_interval_min: 2, ..Settings::default() });
        assert_eq!(tick(&mut shard, 600_000), 2, "it counts from then on");
        shard.home.settings = Arc::new(Settings { retain_expiry_interval_min: 1, ..Settings::default() });
        assert_eq!(shard.next_deadline(), Some(Moment(660_000)));
        assert_eq!(tick(&mut shard, 660_000), 0);
    }
}
