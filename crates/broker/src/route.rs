//! From a message to those who get it.

use crate::changes::is_kept;
use crate::group::Group;
use crate::id::SessionId;
use crate::mail::{Mail, SHARED_PAYLOAD_BYTES};
use crate::message::{MessageRef, Outgoing};
use crate::received::WORK_BYTES;
use crate::subscriber::{Grant, Subscriber, Subscribers, mark_repeated};
use crate::subscription_tree::Visit;
use crate::topic_cache::{CacheSlot, Lookup};
use crate::{Shard, ShardId};
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use std::sync::Arc;

/// Nodes of the subscription tree whose visit is as much work as a delivery.
const NODES_A_WORK: usize = 4;

impl Shard {
    /// Where the messages of a topic go.
    #[inline]
    pub(crate) fn way_of(&mut self, topic: &[u8]) -> CacheSlot {
        let mark = !self.home.settings.allow_duplicate_messages;
        match self.cache.lookup(topic, self.shared.generation(), mark) {
            Lookup::Hit(slot) => slot,
            Lookup::Stale(slot) => {
                let tree = self.tree.get_or_insert_with(|| self.shared.subscriptions.read_on());
                // Read under the lock, so that it is this tree's.
                let generation = self.shared.generation();
                let visited = self.cache.fill(slot, tree, generation, self.id, mark);
                self.work = self.work.saturating_add(u32::try_from(visited / NODES_A_WORK).unwrap_or(u32::MAX));
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
        let (id, is_retained) = (self.id, self.is_to_be_retained(&outgoing.view, origin));
        let Some(matches) = self.cache.matches_mut(way) else { return false };
        // [MQTT-4.8.2-4]: one member of each group.
        self.picked.clear();
        if !matches.groups.is_empty() {
            self.picked.extend(matches.groups.iter().filter_map(|group| group.pick()));
        }
        if self.home.changes.is_on() {
            let (settings, targets) = (&self.home.settings, (&*matches, self.picked.as_slice()));
            let is_kept = is_retained && !outgoing.view.payload.is_empty() && is_kept(outgoing.view.topic);
            self.home.changes.published(settings, targets, outgoing, origin, is_kept);
        }
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
        for &member in &self.picked {
            if member.shard == id {
                self.home.deliver(member, outgoing);
            } else {
                self.post.send_to_member(member, matches.generation, outgoing);
            }
        }
        let view = &outgoing.view;
        let copied = view.topic.len() + view.properties.len() + view.payload.len().min(SHARED_PAYLOAD_BYTES);
        let work = (matches.local.len() + matches.remote.len() + matches.groups.len()) * (1 + copied / WORK_BYTES);
        self.work = self.work.saturating_add(u32::try_from(work).unwrap_or(u32::MAX));
        let matched = !matches.is_empty();
        if is_retained {
            self.retain(outgoing, origin);
        }
        matched
    }

    /// Wills and messages of QoS 2 may have come when it was allowed still.
    #[inline]
    fn is_to_be_retained(&mut self, message: &MessageRef<'_>, origin: Option<SessionId>) -> bool {
        message.retain
            && self.home.settings.retain_available
            && (!self.home.storage_full || self.may_be_retained(message, origin))
    }

    /// Delivers what another shard sent to sessions of this one.
    pub fn mail(&mut self, mail: &Mail) {
        self.read(mail);
        if mail.announces_hand_over() {
            self.heard_of_hand_over();
        }
    }

    /// Returns what had to be searched for. No subscription changes meanwhile, so what was found for some targets is
    /// good for all letters to them.
    fn read<'m>(&mut self, mail: &'m Mail) -> HashMap<Searched<'m>, Vec<bool>, RandomState> {
        let mut searched = HashMap::with_hasher(RandomState::default());
        for (mut outgoing, start, targets) in mail.letters() {
            for (at, mut target) in targets.iter().copied().enumerate() {
                // Unknown sessions are the delivery's business.
                if self.has_changed(target, mail) {
                    let topic = outgoing.view.topic;
                    let key = if mail.is_member(start) {
                        Searched::Member(topic, target.session, target.grant)
                    } else {
                        Searched::Subscribers(start)
                    };
                    let still: &Vec<bool> =
                        searched.entry(key).or_insert_with(|| self.still_subscribed(mail, start, targets, topic));
                    if !still.get(at).is_some_and(|&still| still) {
                        self.home.withhold(target, &outgoing.view);
                        continue;
                    }
                    // What is repeated was left out already: what it repeats may be gone.
                    target.is_repeated = false;
                }
                self.home.deliver(target, &mut outgoing);
            }
        }
        searched
    }

    /// Whether the session took a subscription back since the mail was addressed.
    #[inline]
    fn has_changed(&mut self, target: Subscriber, mail: &Mail) -> bool {
        self.home.sessions.find_mut(target.session).is_some_and(|s| s.unsubscribed_in > mail.generation())
    }

    /// `[MQTT-3.10.4-2]`: no message is added for a subscription that was taken back while the message was under way.
    /// The other subscriptions of the session get it all the same, also those that were made anew or changed meanwhile:
    /// a session gets no more copies than it has matching subscriptions now, and no fewer than it had and still has. Says
    /// of each target whether it gets the message; those whose session changed nothing are not looked at.
    #[cold]
    fn still_subscribed(&mut self, mail: &Mail, start: u32, targets: &[Subscriber], topic: &[u8]) -> Vec<bool> {
        let changed: Vec<bool> = targets.iter().map(|&target| self.has_changed(target, mail)).collect();
        let mut search = Search { shard: self.id, members: mail.is_member(start), ..Search::default() };
        for (target, _) in targets.iter().zip(&changed).filter(|(_, changed)| **changed) {
            search.sessions.insert(target.session, HashMap::with_hasher(RandomState::default()));
        }
        self.tree().visit(topic, &mut search);
        // First those that are as they were, each for one copy; what is left serves those that were changed.
        let mut still: Vec<bool> =
            targets.iter().zip(&changed).map(|(target, changed)| *changed && search.take_same(target)).collect();
        for (target, still) in targets.iter().zip(&mut still) {
            *still = *still || search.take_any(target);
        }
        if !search.members {
            self.leave_out_repeated(targets, &mut still);
        }
        still
    }

    /// One of the targets that still are is enough for a session that gets no duplicates: the best.
    fn leave_out_repeated(&self, targets: &[Subscriber], still: &mut [bool]) {
        let (sessions, settings) = (&self.home.sessions, &self.home.settings);
        let gets_one = |target: &Subscriber| {
            sessions.get(target.session.slot).is_some_and(|session| session.gets_one_copy(settings))
        };
        let (places, mut left): (Vec<usize>, Vec<Subscriber>) = (0..)
            .zip(targets.iter().zip(&*still))
            .filter(|(_, (target, still))| **still && gets_one(target))
            .map(|(at, (target, _))| (at, Subscriber { is_repeated: false, ..*target }))
            .unzip();
        mark_repeated(&mut left);
        for (at, target) in places.into_iter().zip(left) {
            if let Some(still) = still.get_mut(at) {
                *still = !target.is_repeated;
            }
        }
    }
}

/// What has been searched for.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Searched<'m> {
    /// The subscribers of a topic, by where they stand in the mail.
    Subscribers(u32),
    /// A member of any group: each of its letters has a place of its own, but all about a topic say the same.
    Member(&'m [u8], SessionId, Grant),
}

/// Finds what some sessions of one shard subscribe to among all that a topic matches. A message that was given to a
/// member of a group is one of its share: the member's own subscriptions get theirs by themselves, and the other way
/// round. So only what is of the same kind counts.
#[derive(Default)]
struct Search {
    shard: ShardId,
    /// Whether memberships of groups are looked for, and not plain subscriptions.
    members: bool,
    /// What was found for each, and how often.
    sessions: HashMap<SessionId, HashMap<Grant, u32, RandomState>, RandomState>,
}

impl Search {
    fn add(&mut self, found: Subscriber) {
        if let Some(grants) = self.sessions.get_mut(&found.session) {
            *grants.entry(found.grant).or_default() += 1;
        }
    }

    /// Uses up a subscription that is just as the target was. False where there is none left.
    fn take_same(&mut self, target: &Subscriber) -> bool {
        let left = self.sessions.get_mut(&target.session).and_then(|grants| grants.get_mut(&target.grant));
        left.filter(|left| **left > 0).map(|left| *left -= 1).is_some()
    }

    /// Uses up any subscription of the target's session. False where there is none left.
    fn take_any(&mut self, target: &Subscriber) -> bool {
        let grants = self.sessions.get_mut(&target.session);
        let left = grants.and_then(|grants| grants.values_mut().find(|left| **left > 0));
        left.map(|left| *left -= 1).is_some()
    }
}

impl Visit for Search {
    fn subscribers(&mut self, subscribers: &Subscribers) {
        if self.members {
            return;
        }
        let list = subscribers.as_slice();
        let found: Vec<Subscriber> = if list.len() < self.sessions.len() {
            list.iter().filter(|s| s.shard == self.shard && self.sessions.contains_key(&s.session)).copied().collect()
        } else {
            self.sessions.keys().filter_map(|&session| subscribers.find(self.shard, session)).collect()
        };
        for found in found {
            self.add(found);
        }
    }

    fn group(&mut self, group: &Arc<Group>) {
        if !self.members {
            return;
        }
        let found: Vec<Subscriber> =
            self.sessions.keys().filter_map(|&session| group.member(self.shard, session)).collect();
        for found in found {
            self.add(found);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::id::SessionId;
    use crate::mail::Mail;
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
            number: 0,
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
            assert!(!shard.shared.subscriptions.is_free());
            shard.end();
            assert!(shard.shared.subscriptions.is_free());
            assert_eq!(shard.shared.retained_count(), 1);
        }
    }

    #[test]
    fn deliveries_on_other_shards_are_work() {
        let mut shard = shard();
        shard.begin(Moment(1));
        let grant = Grant::new(SubscriptionOptions::qos(QoS::AtMostOnce), 0);
        let subscriber = |slot| Subscriber::new(ShardId(1), SessionId { slot, epoch: 0 }, grant);
        shard.change_tree(|tree| {
            for slot in 0..50 {
                tree.insert("a", None, subscriber(slot));
            }
        });
        route_retained(&mut shard);
        assert_eq!(shard.work, 50);
    }

    #[test]
    fn looking_for_the_way_of_a_topic_is_work() {
        let mut shard = shard();
        shard.begin(Moment(1));
        let grant = Grant::new(SubscriptionOptions::qos(QoS::AtMostOnce), 0);
        let subscriber = Subscriber::new(ShardId(1), SessionId { slot: 0, epoch: 0 }, grant);
        shard.change_tree(|tree| {
            for mixture in 0..1 << 10 {
                let levels: Vec<&str> = (0..10).map(|bit| if mixture >> bit & 1 == 0 { "x" } else { "+" }).collect();
                tree.insert(&format!("{}/y", levels.join("/")), None, subscriber);
            }
        });
        shard.way_of(b"x/x/x/x/x/x/x/x/x/x/x");
        assert_eq!(shard.work, (1 << 11) / 4 - 1);
        shard.way_of(b"x/x/x/x/x/x/x/x/x/x/x");
        assert_eq!(shard.work, (1 << 11) / 4 - 1, "the second time it is known");
    }

    #[test]
    fn what_was_taken_back_is_searched_for_once_for_all_letters_of_a_topic() {
        let mut shard = shard();
        shard.begin(Moment(1));
        let (topic, properties, payload, qos) = (&b"t/u"[..], &b""[..], &b"x"[..], QoS::AtLeastOnce);
        let message =
            MessageRef { number: 0, topic, properties, payload, qos, retain: false, expires_at: Moment::NEVER };
        let options = SubscriptionOptions::qos(QoS::AtLeastOnce);
        let mut mail = Mail::default();
        let targets: Vec<Subscriber> = (0..40)
            .map(|n| {
                assert!(shard.shared.admit_session(0));
                let slot = shard.home.sessions.create(&n.to_string());
                let session = shard.home.sessions.get_mut(slot).unwrap();
                session.unsubscribed_in = 2;
                let session = SessionId { slot, epoch: session.epoch };
                Subscriber::new(ShardId(0), session, Grant::new(options, 7))
            })
            .collect();
        // Each was subscribed twice; a third of them still is, a third is once, and one has something new.
        let anew = Subscriber { grant: Grant::new(options, 8), ..targets[2] };
        shard.change_tree(|tree| {
            targets.iter().step_by(3).for_each(|&s| _ = tree.insert("t/u", None, s));
            targets.iter().step_by(3).for_each(|&s| _ = tree.insert("t/+", None, s));
            targets.iter().skip(1).step_by(3).for_each(|&s| _ = tree.insert("t/#", None, s));
            tree.insert("+/u", None, anew);
        });
        let range = mail.address(&[targets.as_slice(), targets.as_slice()].concat(), 1);
        for _ in 0..5 {
            mail.push(range.clone(), &mut Outgoing::new(message));
        }
        assert_eq!(shard.read(&mail).len(), 1);
        for (n, target) in targets.iter().enumerate() {
            let session = shard.home.sessions.find_mut(target.session).unwrap();
            let expected = if n == 2 { 1 } else { [2, 1, 0][n % 3] };
            assert_eq!(session.window.len(), expected * 5, "{n}");
        }
    }

    #[test]
    fn a_member_of_many_groups_is_searched_for_once_for_all_letters_of_a_topic() {
        let mut shard = shard();
        shard.begin(Moment(1));
        let slot = shard.home.sessions.create("a");
        let session = shard.home.sessions.get_mut(slot).unwrap();
        session.unsubscribed_in = 2;
        let session = SessionId { slot, epoch: session.epoch };
        let grant = Grant::new(SubscriptionOptions::qos(QoS::AtLeastOnce), 7);
        let member = Subscriber::new(ShardId(0), session, grant);
        shard.change_tree(|tree| tree.insert("t", Some("g"), member));
        let mut mail = Mail::default();
        for topic in ["t", "u", "t", "u", "t"] {
            let (topic, properties, payload, qos) = (topic.as_bytes(), &b""[..], &b"x"[..], QoS::AtLeastOnce);
            let message =
                MessageRef { number: 0, topic, properties, payload, qos, retain: false, expires_at: Moment::NEVER };
            let range = mail.address_member(member, 1);
            mail.push(range, &mut Outgoing::new(message));
        }
        assert_eq!(shard.read(&mail).len(), 2);
        assert_eq!(shard.home.sessions.find_mut(session).unwrap().window.len(), 3);
    }

    #[test]
    fn whether_duplicates_are_allowed_may_change_while_the_way_of_a_topic_is_known() {
        let mut shard = shard();
        shard.begin(Moment(1));
        let slot = shard.home.sessions.create("a");
        let session = shard.home.sessions.get_mut(slot).unwrap();
        session.v5 = false;
        let session = SessionId { slot, epoch: session.epoch };
        let grant = Grant::new(SubscriptionOptions::qos(QoS::AtLeastOnce), 0);
        shard.change_tree(|tree| {
            tree.insert("t", None, Subscriber::new(ShardId(0), session, grant));
            tree.insert("#", None, Subscriber::new(ShardId(0), session, grant));
        });
        let (topic, properties, payload, qos) = (&b"t"[..], &b""[..], &b"x"[..], QoS::AtLeastOnce);
        let message =
            MessageRef { number: 0, topic, properties, payload, qos, retain: false, expires_at: Moment::NEVER };
        let mut queued = Vec::new();
        for allow_duplicate_messages in [true, false, true, false] {
            shard.home.settings = Arc::new(Settings { allow_duplicate_messages, ..Settings::default() });
            let way = shard.way_for(&message);
            shard.route(way, &mut Outgoing::new(message), None);
            queued.push(shard.home.sessions.get(slot).unwrap().window.len());
        }
        assert_eq!(queued, [2, 3, 5, 6]);
    }

    #[test]
    fn a_new_generation_begins_only_where_a_subscription_changed() {
        let mut shard = shard();
        shard.begin(Moment(1));
        let session = SessionId { slot: 0, epoch: 0 };
        let grant = Grant::new(SubscriptionOptions::qos(QoS::AtMostOnce), 0);
        let subscriber = Subscriber::new(ShardId(0), session, grant);
        let first = shard.shared.generation();
        let (_, made) = shard.change_tree(|tree| tree.insert("a", None, subscriber));
        let (_, nothing) = shard.change_tree(|tree| tree.remove("b", None, ShardId(0), session));
        let (_, removed) = shard.change_tree(|tree| tree.remove("a", None, ShardId(0), session));
        assert_eq!([made, nothing, removed], [first + 1, first + 1, first + 2]);
        assert_eq!(shard.shared.generation(), removed);
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
                let message = MessageRef { number: 0, topic, properties, payload, qos, retain: true, expires_at };
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
