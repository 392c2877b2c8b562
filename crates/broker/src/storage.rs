//! What the broker does when there is no room on the disk for what has to outlive it: it takes nothing of the kind.

use crate::changes::is_kept;
use crate::id::SessionId;
use crate::message::MessageRef;
use crate::subscriber::Subscriber;
use crate::topic_cache::CacheSlot;
use crate::{DropReason, Shard};
use mosquitto_mqtt::QoS;

impl Shard {
    /// Learns at the beginning of a tick whether there is room.
    pub(crate) fn learn_of_storage(&mut self) {
        self.home.storage_full = self.home.changes.is_on() && self.shared.is_storage_full();
    }

    /// Whether a client has a session that outlives the broker: it may go on with it, or begin anew in its place.
    #[cold]
    pub(crate) fn has_kept_session(&self, client_id: &str) -> bool {
        let slot = self.home.sessions.find(client_id);
        slot.and_then(|slot| self.home.sessions.get(slot)).is_some_and(|session| session.is_durable)
    }

    /// Whether the session in this slot may make no more subscriptions.
    #[inline]
    pub(crate) fn is_full_for(&self, slot: u32) -> bool {
        self.home.memory_full
            || (self.home.storage_full && self.home.sessions.get(slot).is_some_and(|session| session.is_durable))
    }

    /// Whether there is room to retain a message all the same: where it only empties its topic, or does not outlive the
    /// broker. What was taken as a whole, and could not be refused, is delivered and not retained.
    #[cold]
    pub(crate) fn may_be_retained(&mut self, message: &MessageRef<'_>, origin: Option<SessionId>) -> bool {
        let may = message.payload.is_empty() || !is_kept(message.topic);
        if !may && let Some(origin) = origin {
            self.home.drop_for(origin.slot, DropReason::StorageFull);
        }
        may
    }

    /// Whether a message on this way would have to be kept, by whoever gets it. To empty what is retained takes no room.
    #[cold]
    pub(crate) fn has_to_be_kept(&mut self, way: CacheSlot, message: &MessageRef<'_>) -> bool {
        if message.retain && !message.payload.is_empty() {
            return true;
        }
        let settings = &self.home.settings;
        let Some(matches) = self.cache.matches_mut(way) else { return false };
        let is_kept = |target: &Subscriber| {
            target.is_durable && settings.delivery_qos(message.qos, target.grant.qos()) != QoS::AtMostOnce
        };
        let alone = matches.local.iter().chain(&matches.remote);
        // Whose turn it will be is not known yet, so any member may be the one.
        alone.copied().any(|target| is_kept(&target))
            || matches.groups.iter().any(|group| group.members().iter().any(is_kept))
    }
}

/// The reason that the log gives.
pub(crate) const OUT_OF_STORAGE: &str = "out of storage";
