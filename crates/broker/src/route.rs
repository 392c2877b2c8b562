//! From a message to those who get it.

use crate::Shard;
use crate::group::Group;
use crate::id::SessionId;
use crate::mail::{Mail, SHARED_PAYLOAD_BYTES};
use crate::message::{MessageRef, Outgoing};
use crate::received::WORK_BYTES;
use crate::subscriber::Subscriber;
use crate::subscription_tree::Visit;
use crate::topic_cache::{CacheSlot, Lookup};
use std::sync::Arc;

impl Shard {
    /// Where the messages of a topic go.
    #[inline]
    pub(crate) fn way_of(&mut self, topic: &[u8]) -> CacheSlot {
        match self.cache.lookup(topic, self.shared.generation()) {
            Lookup::Hit(slot) => slot,
            Lookup::Stale(slot) => {
                let tree = self.tree.get_or_insert_with(|| self.shared.subscriptions.read_arc());
                // Read under the lock, so that it is this tree's.
                let generation = self.shared.generation();
                self.cache.fill(slot, tree, generation, self.id);
                slot
            }
        }
    }

    /// [`way_of`](Self::way_of) for this message. One that is to be retained keeps the subscription tree as it is until
    /// it stands in the retained tree: else a subscription made in between would find it in neither.
    pub(crate) fn way_for(&mut self, message: &MessageRef<'_>) -> CacheSlot {
        if message.retain {
            self.tree();
        }
        self.way_of(message.topic)
    }

    /// Whether a message on this way has to wait, since a shard on it cannot take more mail now.
    #[inline]
    pub(crate) fn must_wait(&mut self, way: CacheSlot) -> bool {
        let (id, post) = (self.id, &self.post);
        let Some(matches) = self.cache.matches_mut(way) else { return false };
        if matches.shards.iter().any(|remote| post.is_full(remote.shard)) {
            return true;
        }
        // Whose turn it will be is not known yet, so any member may be the one.
        !matches.groups.is_empty()
            && post.any_full()
            && matches.groups.iter().any(|group| group.any_on(|shard| shard != id && post.is_full(shard)))
    }

    /// Brings a message to all on its way, and keeps it if it is to be retained. Returns whether anybody subscribes.
    pub(crate) fn route(&mut self, way: CacheSlot, outgoing: &mut Outgoing<'_>, origin: Option<SessionId>) -> bool {
        let id = self.id;
        let Some(matches) = self.cache.matches_mut(way) else { return false };
        for &subscriber in &matches.local {
            // [MQTT-3.8.3-3]: its own messages, and only those, do not come back. A publisher's session is always local.
            if subscriber.grant.no_local() && origin == Some(subscriber.session) {
                continue;
            }
            self.home.deliver(subscriber, outgoing);
        }
        for remote in &mut matches.shards {
            let targets = matches.remote.get(remote.targets.clone()).unwrap_or_default();
            self.post.send(remote, targets, matches.generation, outgoing);
        }
        // [MQTT-4.8.2-4]: one member of each group.
        for group in &matches.groups {
            match group.pick() {
                Some(member) if member.shard == id => self.home.deliver(member, outgoing),
                Some(member) => self.post.send_one(member, matches.generation, outgoing),
                None => {}
            }
        }
        let view = &outgoing.view;
        let copied = view.topic.len() + view.properties.len() + view.payload.len().min(SHARED_PAYLOAD_BYTES);
        let work = (matches.local.len() + matches.remote.len() + matches.groups.len()) * (1 + copied / WORK_BYTES);
        self.work = self.work.saturating_add(u32::try_from(work).unwrap_or(u32::MAX));
        let matched = !matches.is_empty();
        if outgoing.view.retain {
            self.retain(outgoing);
        }
        matched
    }

    /// Delivers what another shard sent to sessions of this one.
    pub fn mail(&mut self, mail: &Mail) {
        for (mut outgoing, targets) in mail.letters() {
            for (at, &target) in targets.iter().enumerate() {
                let unsubscribed_in = self.home.sessions.find_mut(target.session).map(|s| s.unsubscribed_in);
                // Unknown sessions are the delivery's business.
                let changed = unsubscribed_in.is_some_and(|generation| generation > mail.generation());
                if !changed || self.is_still_subscribed(targets, at, outgoing.view.topic) {
                    self.home.deliver(target, &mut outgoing);
                }
            }
        }
    }

    /// `[MQTT-3.10.4-2]`: no message is added for a subscription that was taken back while the message was under way.
    /// The other subscriptions of the session get it all the same, also those that were made anew meanwhile.
    #[cold]
    fn is_still_subscribed(&mut self, targets: &[Subscriber], at: usize, topic: &[u8]) -> bool {
        let Some(&target) = targets.get(at) else { return false };
        let mut search = Search { target, found: Vec::new() };
        self.tree().visit(topic, &mut search);
        let alike = |list: &[Subscriber]| list.iter().filter(|s| **s == target).count();
        // Of several that look the same, as many get it as are left.
        alike(targets.get(..at).unwrap_or_default()) < alike(&search.found)
            || search.found.iter().any(|subscriber| !targets.contains(subscriber))
    }
}

/// Collects what one session subscribes to among all that a topic matches.
struct Search {
    target: Subscriber,
    found: Vec<Subscriber>,
}

impl Visit for Search {
    fn subscribers(&mut self, subscribers: &[Subscriber]) {
        self.found.extend(subscribers.iter().filter(|s| s.is(self.target.shard, self.target.session)));
    }

    fn group(&mut self, group: &Arc<Group>) {
        self.found.extend(group.member(self.target.shard, self.target.session));
    }
}

#[cfg(test)]
mod tests {
    use crate::id::SessionId;
    use crate::message::{MessageRef, Outgoing};
    use crate::subscriber::{Grant, Subscriber};
    use crate::{Moment, Settings, Shard, ShardId, Shared};
    use mosquitto_mqtt::QoS;
    use mosquitto_mqtt::packet::SubscriptionOptions;
    use std::sync::Arc;

    fn shard() -> Shard {
        Shard::new(ShardId(0), Shared::new(2), Arc::new(Settings::default()), [1; 32])
    }

    fn route_retained(shard: &mut Shard) {
        let message = MessageRef {
            topic: b"a",
            properties: b"",
            payload: b"x",
            qos: QoS::AtMostOnce,
            retain: true,
            expires_at: Moment::NEVER,
        };
        let way = shard.way_for(&message);
        shard.route(way, &mut Outgoing::new(message), None);
    }

    #[test]
    fn nobody_subscribes_between_the_matching_of_a_retained_message_and_its_keeping() {
        let mut shard = shard();
        for _ in 0..2 {
            // The second time, the way is known without a look at the tree.
            shard.begin(Moment(1));
            route_retained(&mut shard);
            assert!(shard.shared.subscriptions.try_write().is_none());
            shard.end();
            assert!(shard.shared.subscriptions.try_write().is_some());
            assert_eq!(shard.shared.retained_count(), 1);
        }
    }

    #[test]
    fn deliveries_on_other_shards_are_work() {
        let mut shard = shard();
        shard.begin(Moment(1));
        let grant = Grant::new(SubscriptionOptions::qos(QoS::AtMostOnce), 0);
        let subscriber = |slot| Subscriber { session: SessionId { slot, epoch: 0 }, grant, shard: ShardId(1) };
        shard.change_tree(|tree| {
            for slot in 0..50 {
                tree.insert("a", None, subscriber(slot));
            }
        });
        route_retained(&mut shard);
        assert_eq!(shard.work, 50);
    }

    #[test]
    fn retained_messages_of_a_tick_do_not_pile_up() {
        let mut shard = shard();
        shard.begin(Moment(1));
        let topic = vec![b't'; 65_500];
        let (mut most, mut longest) = (0, 0);
        for topic in std::iter::repeat_n(&topic[..], 40).chain(std::iter::repeat_n(&b"a"[..], 3000)) {
            for payload in [&b"x"[..], b""] {
                let (properties, expires_at) = (&b""[..], Moment::NEVER);
                let qos = QoS::AtMostOnce;
                let message = MessageRef { topic, properties, payload, qos, retain: true, expires_at };
                let way = shard.way_for(&message);
                shard.route(way, &mut Outgoing::new(message), None);
                most = most.max(shard.retained_changes_bytes);
                longest = longest.max(shard.retained_changes.len());
            }
        }
        assert!((500_000..1 << 20).contains(&most), "{most}");
        assert_eq!(longest, 999);
        shard.end();
        assert_eq!((shard.retained_changes_bytes, shard.shared.retained_count()), (0, 0));
    }

    #[test]
    fn a_retained_message_is_kept_before_its_own_shard_changes_the_tree() {
        let mut shard = shard();
        shard.begin(Moment(1));
        route_retained(&mut shard);
        let shared = Arc::clone(&shard.shared);
        let (kept, _) = shard.change_tree(|_| shared.retained_count());
        assert_eq!(kept, 1);
    }
}
