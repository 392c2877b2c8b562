//! A group of sessions that share the messages of a filter (MQTT 5, 4.8.2).

use crate::ShardId;
use crate::id::SessionId;
use crate::slots::{Slots, shrink_table};
use crate::subscriber::{Subscriber, hash};
use hashbrown::HashTable;
use parking_lot::Mutex;

/// The sessions that share a filter under one group name. A message goes to one of them, each in turn, whether it is
/// connected or not.
#[derive(Debug, Default)]
pub(crate) struct Group {
    /// Locked for a pick or a change only, a few nanoseconds.
    ring: Mutex<Ring>,
}

/// The members in a circle, so that a turn, a new member and a parting one all cost the same however many there are.
#[derive(Debug, Default)]
struct Ring {
    members: Slots<Member>,
    /// Places in `members`, by session.
    index: HashTable<usize>,
    /// Whose turn it is. Meaningless while there are no members.
    next: usize,
    /// Members on each shard, by its index.
    on_shard: Vec<u32>,
}

#[derive(Debug)]
struct Member {
    subscriber: Subscriber,
    next: usize,
    previous: usize,
}

impl Group {
    /// The member whose turn it is. It goes to the end.
    #[inline]
    pub(crate) fn pick(&self) -> Option<Subscriber> {
        let mut ring = self.ring.lock();
        let member = ring.members.get(ring.next)?;
        let (picked, next) = (member.subscriber, member.next);
        ring.next = next;
        Some(picked)
    }

    /// Adds a member at the end or replaces what the same session had. Returns whether it is new.
    pub(crate) fn insert(&self, new: Subscriber) -> bool {
        self.ring.lock().insert(new)
    }

    /// Returns whether it was one.
    pub(crate) fn remove(&self, shard: ShardId, session: SessionId) -> bool {
        self.ring.lock().remove(shard, session)
    }

    /// The membership of a session.
    pub(crate) fn member(&self, shard: ShardId, session: SessionId) -> Option<Subscriber> {
        let ring = self.ring.lock();
        ring.find(shard, session).and_then(|at| ring.members.get(at)).map(|member| member.subscriber)
    }

    /// All members, in no order.
    pub(crate) fn members(&self) -> Vec<Subscriber> {
        self.ring.lock().members.iter().map(|(_, member)| member.subscriber).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ring.lock().members.len() == 0
    }

    /// Whether a delivery may go to any shard of these: what a full mailbox has to hold back.
    pub(crate) fn any_on(&self, blocked: impl Fn(ShardId) -> bool) -> bool {
        let ring = self.ring.lock();
        (0..).zip(&ring.on_shard).any(|(shard, &members)| members > 0 && blocked(ShardId(shard)))
    }
}

impl Ring {
    fn find(&self, shard: ShardId, session: SessionId) -> Option<usize> {
        let is = |&at: &usize| self.members.get(at).is_some_and(|member| member.subscriber.is(shard, session));
        self.index.find(hash(shard, session), is).copied()
    }

    fn insert(&mut self, new: Subscriber) -> bool {
        if let Some(old) = self.find(new.shard, new.session).and_then(|at| self.members.get_mut(at)) {
            old.subscriber = new;
            return false;
        }
        let is_first = self.members.len() == 0;
        let at = self.members.insert(Member { subscriber: new, next: 0, previous: 0 });
        // The end of a circle is just before the one whose turn it is.
        let next = if is_first { at } else { self.next };
        let previous = self.members.get(next).filter(|_| !is_first).map_or(at, |member| member.previous);
        self.link(previous, at);
        self.link(at, next);
        self.next = next;
        let shard = new.shard.index();
        if self.on_shard.len() <= shard {
            self.on_shard.resize(shard + 1, 0);
        }
        if let Some(members) = self.on_shard.get_mut(shard) {
            *members += 1;
        }
        let members = &self.members;
        self.index.insert_unique(hash(new.shard, new.session), at, |&at| {
            members.get(at).map_or(0, |member| hash(member.subscriber.shard, member.subscriber.session))
        });
        true
    }

    fn remove(&mut self, shard: ShardId, session: SessionId) -> bool {
        let members = &self.members;
        let is = |&at: &usize| members.get(at).is_some_and(|member| member.subscriber.is(shard, session));
        let Ok(entry) = self.index.find_entry(hash(shard, session), is) else { return false };
        let (at, _) = entry.remove();
        if let Some(Member { next, previous, .. }) = self.members.remove(at) {
            self.link(previous, next);
            if let Some(members) = self.on_shard.get_mut(shard.index()) {
                *members -= 1;
            }
            if self.next == at {
                self.next = next;
            }
        }
        if self.members.len() == 0 {
            // The tree forgets the group, but shards that know the way of a topic to it may not for long.
            *self = Self::default();
            return true;
        }
        let members = &self.members;
        shrink_table(&mut self.index, |&at| {
            members.get(at).map_or(0, |member| hash(member.subscriber.shard, member.subscriber.session))
        });
        true
    }

    fn link(&mut self, before: usize, after: usize) {
        if let Some(member) = self.members.get_mut(before) {
            member.next = after;
        }
        if let Some(member) = self.members.get_mut(after) {
            member.previous = before;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subscriber::Grant;
    use mosquitto_mqtt::QoS;
    use mosquitto_mqtt::packet::SubscriptionOptions;

    fn subscriber(slot: u32) -> Subscriber {
        let grant = Grant::new(SubscriptionOptions::qos(QoS::AtLeastOnce), slot);
        Subscriber::new(ShardId(slot as u16 % 3), SessionId { slot, epoch: 1 }, grant)
    }

    fn picks(group: &Group, count: usize) -> Vec<u32> {
        (0..count).filter_map(|_| group.pick()).map(|s| s.session.slot).collect()
    }

    #[test]
    fn a_group_serves_its_members_in_turn() {
        let group = Group::default();
        assert!((0..3).all(|slot| group.insert(subscriber(slot))));
        assert_eq!(picks(&group, 4), [0, 1, 2, 0]);
        assert!(!group.insert(subscriber(2)), "it keeps its turn");
        group.insert(subscriber(3));
        assert_eq!(picks(&group, 4), [1, 2, 0, 3], "a new member waits behind those who were there");
    }

    #[test]
    fn members_that_leave_are_passed_over() {
        let group = Group::default();
        assert!((0..5).all(|slot| group.insert(subscriber(slot))));
        for slot in [0, 3] {
            assert!(group.remove(subscriber(slot).shard, subscriber(slot).session));
            assert!(!group.remove(subscriber(slot).shard, subscriber(slot).session));
        }
        assert_eq!(picks(&group, 4), [1, 2, 4, 1]);
        for slot in [1, 2, 4] {
            group.remove(subscriber(slot).shard, subscriber(slot).session);
        }
        assert!(group.is_empty() && group.pick().is_none());
        group.insert(subscriber(7));
        assert_eq!(picks(&group, 2), [7, 7]);
    }

    #[test]
    fn shards_are_asked_about_once_however_many_members_they_have() {
        let group = Group::default();
        (0..1000).for_each(|slot| _ = group.insert(subscriber(slot)));
        group.insert(subscriber(3));
        let asked = |group: &Group| {
            let asked = std::cell::RefCell::new(Vec::new());
            group.any_on(|shard| {
                asked.borrow_mut().push(shard.index());
                false
            });
            asked.into_inner()
        };
        assert_eq!(asked(&group), [0, 1, 2]);
        assert!(group.any_on(|shard| shard == ShardId(2)) && !group.any_on(|shard| shard == ShardId(3)));
        (0..1000).filter(|slot| slot % 3 == 1).for_each(|slot| {
            assert!(group.remove(subscriber(slot).shard, subscriber(slot).session));
        });
        assert_eq!(asked(&group), [0, 2]);
    }
}
