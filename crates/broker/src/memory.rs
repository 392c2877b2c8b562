//! What the broker does when its memory is used up: no new work, until there is room again.

use crate::log::log;
use crate::{ConnectionId, Shard};
use mosquitto_mqtt::ReasonCode;
use mosquitto_mqtt::packet::Subscribe;
use std::sync::atomic::Ordering;

/// The heap has to fall by this part of the limit before new work is taken again, so that the broker does not go back and
/// forth with every message.
const ROOM_PART: u64 = 32;

impl Shard {
    /// Bytes of the heap that are in use now. Above [`memory_limit`](crate::Settings::memory_limit) no new work is taken:
    /// no new session, no new subscription, no message, but for those that empty what is retained (at QoS 2 that takes room
    /// first). What was taken before is still delivered, and who has a session may come back for it. A will is sent on, and
    /// retained where it takes the place of another message. To be told at the beginning of a tick, as often as is worth it.
    pub fn heap_in_use(&mut self, bytes: u64) {
        let limit = self.home.settings.memory_limit;
        // All shards go by what the last look of any of them has found: they do not disagree about a heap near the limit.
        let was_full = self.shared.memory_full.load(Ordering::Relaxed);
        let bound = if was_full { limit - limit / ROOM_PART } else { limit };
        let is_full = limit > 0 && bytes > bound;
        self.home.memory_full = is_full;
        // The first one to find out says so.
        if is_full != was_full && self.shared.memory_full.swap(is_full, Ordering::Relaxed) != is_full {
            if is_full {
                log!(
                    self.home.log,
                    Warning,
                    "The heap has reached memory_limit ({limit} bytes): no new work is taken."
                );
            } else {
                log!(self.home.log, Notice, "The heap is below memory_limit again: new work is taken.");
            }
        }
    }

    /// Learns at the beginning of a tick what other shards have found.
    pub(crate) fn learn_of_heap(&mut self) {
        self.home.memory_full = self.shared.memory_full.load(Ordering::Relaxed);
    }

    /// The reason codes that refuse subscriptions. None where the connection has been ended instead: in MQTT 3.1 a refusal
    /// cannot be told, and no client is made to believe that it subscribes.
    pub(crate) fn refuse_subscriptions(&mut self, id: ConnectionId, subscribe: &Subscribe<'_>) -> Option<Vec<u8>> {
        let version = self.home.connections.get(id)?.version;
        let code = match version {
            mosquitto_mqtt::ProtocolVersion::V5 => ReasonCode::QUOTA_EXCEEDED.0,
            mosquitto_mqtt::ProtocolVersion::V311 => ReasonCode::UNSPECIFIED_ERROR.0,
            mosquitto_mqtt::ProtocolVersion::V31 => {
                self.end_with(id, None, Some(OUT_OF_MEMORY));
                return None;
            }
        };
        Some(vec![code; subscribe.subscriptions().count()])
    }
}

/// The reason that the log gives.
pub(crate) const OUT_OF_MEMORY: &str = "out of memory";
