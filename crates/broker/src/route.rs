//! From a message to those who get it.

use crate::Shard;
use crate::id::SessionId;
use crate::mail::Mail;
use crate::message::Outgoing;
use crate::subscriber::{Group, Subscriber};
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

    /// Whether a message on this way has to wait, since a shard on it cannot take more mail now.
    #[inline]
    pub(crate) fn must_wait(&mut self, way: CacheSlot) -> bool {
        let (id, post) = (self.id, &self.post);
        let Some(matches) = self.cache.matches_mut(way) else { return false };
        matches.shards.iter().any(|remote| post.is_full(remote.shard))
            || matches.groups.iter().any(|group| group.any_on(|shard| shard != id && post.is_full(shard)))
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
        self.work += (matches.local.len() + matches.groups.len()) as u32;
        let matched = !matches.is_empty();
        if outgoing.view.retain {
            self.retain(outgoing);
        }
        matched
    }

    /// Delivers what another shard sent to sessions of this one.
    pub fn mail(&mut self, mail: &Mail) {
        for (mut outgoing, targets) in mail.letters() {
            let topic = outgoing.view.topic;
            for &target in targets {
                if self.is_still_subscribed(target, topic, mail.generation()) {
                    self.home.deliver(target, &mut outgoing);
                }
            }
        }
    }

    /// `[MQTT-3.10.4-2]`: no message is added for a subscription that was taken back while the message was under way.
    #[inline]
    fn is_still_subscribed(&mut self, target: Subscriber, topic: &[u8], generation: u64) -> bool {
        match self.home.sessions.find_mut(target.session) {
            // Unknown sessions are the delivery's business.
            None => true,
            Some(session) if session.unsubscribed_in <= generation => true,
            Some(_) => {
                let mut search = Search { target, found: false };
                self.tree().visit(topic, &mut search);
                search.found
            }
        }
    }
}

/// Looks for one target among all that a topic matches.
struct Search {
    target: Subscriber,
    found: bool,
}

impl Visit for Search {
    fn subscribers(&mut self, subscribers: &[Subscriber]) {
        self.found |= subscribers.contains(&self.target);
    }

    fn group(&mut self, group: &Arc<Group>) {
        self.found |= group.contains(self.target.shard, self.target.session);
    }
}
