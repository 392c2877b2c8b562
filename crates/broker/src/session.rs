//! The state of one client that outlives its connection (MQTT 5, 4.1).

use crate::access::{CameThrough, Source};
use crate::drops::Drops;
use crate::incoming::IncomingMessages;
use crate::message::Message;
use crate::name::Name;
use crate::retained_streams::RetainedStreams;
use crate::slots::{Slots, shrink_table};
use crate::subscription_tree::NodeId;
use crate::time::Due;
use crate::window::Window;
use crate::{ConnectionId, Settings};
use hashbrown::{HashSet, HashTable};
use mosquitto_auth::acl::RecentRights;
use mosquitto_mqtt::QoS;
use std::collections::BTreeSet;
use std::hash::BuildHasher;
use std::sync::Arc;

use crate::id::SessionId;

type Hasher = foldhash::fast::RandomState;

/// Where a session subscribes: a node of the subscription tree, and the group there, if it is in one.
pub(crate) type Place = (NodeId, Option<Box<str>>);

/// A set of its own for the few sessions that have any: the others pay for a pointer only.
type Memberships = BTreeSet<(NodeId, Box<str>)>;

/// A session that never ends by itself.
pub(crate) const NEVER_EXPIRES: u32 = u32::MAX;

/// What to publish when the connection is gone.
#[derive(Debug)]
pub(crate) struct StoredWill {
    pub(crate) message: Message,
    /// The message's own lifetime, counted from its publication.
    pub(crate) expiry_s: Option<u32>,
    pub(crate) delay_s: u32,
}

/// A session.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Session {
    pub(crate) client_id: Name,
    pub(crate) username: Option<Box<str>>,
    pub(crate) came_through: CameThrough,
    /// What its client was found to be allowed, once there is an access list.
    pub(crate) rights: Option<Box<RecentRights>>,
    /// Its client as the source of what it retains, where that is asked for.
    pub(crate) source: Option<Arc<Source>>,
    pub(crate) epoch: u32,
    /// None while the client is away.
    pub(crate) connection: Option<ConnectionId>,
    /// Seconds for which it outlives its connection; [`NEVER_EXPIRES`] for ever.
    pub(crate) expiry_s: u32,
    /// Whether it outlives the broker: changes of it are written down. It does from its beginning or never.
    pub(crate) is_durable: bool,
    /// Whether messages of QoS 0 wait for it, too, whatever is set.
    pub(crate) keeps_qos_0: bool,
    /// The armed end of the session.
    pub(crate) expires_at: Due,
    /// Nodes of the subscription tree where it subscribes by itself.
    subscriptions: Nodes,
    /// Its memberships, if it has any: nodes and names of groups there. By name, since a node may have very many.
    memberships: Option<Box<Memberships>>,
    /// The generation of the tree in which a subscription of this session was last taken back.
    pub(crate) unsubscribed_in: u64,
    /// Whether its client last spoke MQTT 5.
    pub(crate) v5: bool,
    /// The highest QoS of the listener that its client has last come through.
    pub(crate) max_qos: QoS,
    pub(crate) window: Window,
    /// QoS 2 messages from the client, by packet identifier.
    pub(crate) incoming: IncomingMessages,
    pub(crate) will: Option<Box<StoredWill>>,
    /// The armed publication of the will.
    pub(crate) will_at: Due,
    /// The armed look at what its client has not acknowledged.
    pub(crate) retry_at: Due,
    /// Retained messages under way to it, if there are any.
    pub(crate) retained: Option<Box<RetainedStreams>>,
    /// Whether it stands in the list of sessions to stream to: retained messages, or queued ones of QoS 0.
    pub(crate) streaming: bool,
    /// Whether the loss of messages was logged since the client came.
    pub(crate) drops_logged: bool,
    /// What was lost, if anything was.
    pub(crate) drops: Option<Box<Drops>>,
}

impl Session {
    pub(crate) fn new(client_id: &str, epoch: u32) -> Self {
        Self {
            client_id: client_id.into(),
            username: None,
            came_through: CameThrough::default(),
            rights: None,
            source: None,
            epoch,
            connection: None,
            expiry_s: 0,
            is_durable: false,
            keeps_qos_0: false,
            expires_at: Due::NOT,
            subscriptions: Nodes::None,
            memberships: None,
            unsubscribed_in: 0,
            v5: true,
            max_qos: QoS::ExactlyOnce,
            window: Window::default(),
            incoming: IncomingMessages::default(),
            will: None,
            will_at: Due::NOT,
            retry_at: Due::NOT,
            retained: None,
            streaming: false,
            drops_logged: false,
            drops: None,
        }
    }
}

impl Session {
    /// Whether one copy of a message is enough for it, however many of its subscriptions match.
    #[inline]
    pub(crate) fn gets_one_copy(&self, settings: &Settings) -> bool {
        !settings.allow_duplicate_messages && !self.v5
    }

    /// The session subscribes once more at this node: by itself, or in a group.
    pub(crate) fn add_subscription(&mut self, node: NodeId, group: Option<&str>) {
        match group {
            None => self.subscriptions.insert(node),
            Some(group) => _ = self.memberships.get_or_insert_default().insert((node, group.into())),
        }
    }

    /// A subscription at this node was taken back.
    pub(crate) fn remove_subscription(&mut self, node: NodeId, group: Option<&str>) {
        match group {
            None => self.subscriptions.remove(node),
            Some(group) => {
                if let Some(memberships) = &mut self.memberships {
                    memberships.remove(&(node, group.into()));
                    self.memberships.take_if(|memberships| memberships.is_empty());
                }
            }
        }
    }

    /// All its subscriptions: nodes, and the group where it is one of a group.
    pub(crate) fn places(&self) -> impl Iterator<Item = (NodeId, Option<&str>)> {
        let members = self.memberships.iter().flat_map(|memberships| memberships.iter());
        let members = members.map(|(node, group)| (*node, Some(&**group)));
        self.subscriptions.iter().map(|node| (node, None)).chain(members)
    }

    /// Likewise, when it is over.
    pub(crate) fn into_places(self) -> Vec<Place> {
        let members = self.memberships.into_iter().flat_map(|memberships| *memberships);
        let members = members.map(|(node, group)| (node, Some(group)));
        self.subscriptions.iter().map(|node| (node, None)).chain(members).collect()
    }

    /// Ends what is under way to the subscription at this node.
    pub(crate) fn stop_stream(&mut self, node: NodeId) {
        if let Some(retained) = &mut self.retained {
            retained.remove(node);
            self.retained.take_if(|retained| retained.is_empty());
        }
    }
}

/// Nodes of the subscription tree. Most clients subscribe once.
#[derive(Debug)]
enum Nodes {
    None,
    One(NodeId),
    Many(Box<HashSet<NodeId, Hasher>>),
}

impl Nodes {
    fn insert(&mut self, node: NodeId) {
        match self {
            Nodes::None => *self = Nodes::One(node),
            Nodes::One(one) if *one == node => {}
            Nodes::One(one) => *self = Nodes::Many(Box::new([*one, node].into_iter().collect())),
            Nodes::Many(many) => _ = many.insert(node),
        }
    }

    fn remove(&mut self, node: NodeId) {
        match self {
            Nodes::One(one) if *one == node => *self = Nodes::None,
            Nodes::None | Nodes::One(_) => {}
            Nodes::Many(many) => {
                many.remove(&node);
                if many.is_empty() {
                    *self = Nodes::None;
                }
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = NodeId> {
        let (one, many) = match self {
            Nodes::None => (None, None),
            Nodes::One(one) => (Some(*one), None),
            Nodes::Many(many) => (None, Some(many)),
        };
        one.into_iter().chain(many.into_iter().flat_map(|many| many.iter().copied()))
    }
}

/// The sessions of a shard, by slot and by client id.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    slots: Slots<Session>,
    by_client_id: HashTable<u32>,
    hasher: Hasher,
    last_epoch: u32,
}

impl Sessions {
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Slots are numbers below this.
    pub(crate) fn slot_count(&self) -> u32 {
        self.slots.end() as u32
    }

    pub(crate) fn find(&self, client_id: &str) -> Option<u32> {
        let name = client_id.as_bytes();
        let is = |&slot: &u32| self.slots.get(slot as usize).is_some_and(|s| s.client_id.as_bytes() == name);
        self.by_client_id.find(self.hasher.hash_one(name), is).copied()
    }

    /// There will soon be so many more.
    pub(crate) fn reserve(&mut self, sessions: usize) {
        self.slots.reserve(sessions);
        let (slots, hasher) = (&self.slots, &self.hasher);
        self.by_client_id
            .reserve(sessions, |&slot| slots.get(slot as usize).map_or(0, |s| hasher.hash_one(s.client_id.as_bytes())));
    }

    /// A new session under a client id that has none.
    pub(crate) fn create(&mut self, client_id: &str) -> u32 {
        self.last_epoch = self.last_epoch.wrapping_add(1);
        let slot = self.slots.insert(Session::new(client_id, self.last_epoch)) as u32;
        let (slots, hasher) = (&self.slots, &self.hasher);
        self.by_client_id.insert_unique(hasher.hash_one(client_id.as_bytes()), slot, |&slot| {
            slots.get(slot as usize).map_or(0, |s| hasher.hash_one(s.client_id.as_bytes()))
        });
        slot
    }

    pub(crate) fn remove(&mut self, slot: u32) -> Option<Session> {
        let session = self.slots.remove(slot as usize)?;
        let hash = self.hasher.hash_one(session.client_id.as_bytes());
        if let Ok(entry) = self.by_client_id.find_entry(hash, |&s| s == slot) {
            entry.remove();
        }
        let (slots, hasher) = (&self.slots, &self.hasher);
        shrink_table(&mut self.by_client_id, |&slot| {
            slots.get(slot as usize).map_or(0, |s| hasher.hash_one(s.client_id.as_bytes()))
        });
        Some(session)
    }

    #[inline]
    pub(crate) fn get(&self, slot: u32) -> Option<&Session> {
        self.slots.get(slot as usize)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut Session> {
        self.slots.get_mut(slot as usize)
    }

    /// The session that an id means, unless it is gone.
    #[inline]
    pub(crate) fn find_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        self.slots.get_mut(id.slot as usize).filter(|s| s.epoch == id.epoch)
    }

    /// All slots in use.
    pub(crate) fn slots(&self) -> impl Iterator<Item = (u32, &Session)> {
        self.slots.iter().map(|(slot, session)| (slot as u32, session))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A broker has one for each client, busy or not; what few of them need is boxed.
    #[test]
    fn a_session_without_anything_is_small() {
        assert!(size_of::<Session>() <= 272, "{}", size_of::<Session>());
    }

    #[test]
    fn a_session_knows_each_of_its_subscriptions_once() {
        let mut session = Session::new("a", 1);
        let places = |session: &Session| {
            let mut places: Vec<Place> = session.subscriptions.iter().map(|node| (node, None)).collect();
            places.sort_unstable();
            places.into_iter().map(|(node, _)| node).collect::<Vec<_>>()
        };
        for (node, known) in [(7, vec![7]), (7, vec![7]), (8, vec![7, 8]), (7, vec![7, 8]), (9, vec![7, 8, 9])] {
            session.add_subscription(node, None);
            assert_eq!(places(&session), known);
        }
        for (node, left) in [(6, vec![7, 8, 9]), (8, vec![7, 9]), (9, vec![7]), (7, vec![]), (7, vec![])] {
            session.remove_subscription(node, None);
            assert_eq!(places(&session), left);
        }
        session.add_subscription(3, None);
        session.remove_subscription(4, None);
        session.add_subscription(3, Some("g"));
        session.add_subscription(3, Some("h"));
        session.remove_subscription(3, Some("h"));
        session.remove_subscription(3, Some("i"));
        let mut places = session.into_places();
        places.sort_unstable();
        assert_eq!(places, [(3, None), (3, Some("g".into()))]);
    }
}
