//! What records come to, in plain maps.

use mosquitto_broker::{Change, KeptMessage, Moment, SessionKey, Target};
use std::collections::{BTreeMap, HashMap, HashSet};

#[derive(Debug, Default)]
pub(crate) struct KeptSession {
    client_id: String,
    pub(crate) is_connected: bool,
    pub(crate) expiry_s: u32,
    /// Options and identifiers by filter.
    pub(crate) subscriptions: BTreeMap<String, (u8, u32)>,
    pub(crate) queue: Vec<(u64, Target)>,
    /// Packet identifiers, messages, and whether those are the client's.
    pub(crate) in_flight: Vec<(u16, u64, bool)>,
    pub(crate) incoming: BTreeMap<u16, u64>,
}

#[derive(Debug, Default)]
pub(crate) struct Replay {
    sessions: HashMap<SessionKey, KeptSession>,
    ended: HashSet<SessionKey>,
    /// What came for sessions that were not known yet.
    early: HashMap<SessionKey, Vec<(u64, Target)>>,
    /// Bytes of each message and when it expires.
    messages: HashMap<u64, (usize, Moment)>,
    /// Serial numbers and messages by topic.
    retained: BTreeMap<String, (u64, Option<u64>)>,
    topics: HashMap<u64, String>,
    payloads: HashMap<u64, String>,
}

impl Replay {
    pub(crate) fn sessions(&self) -> BTreeMap<&str, &KeptSession> {
        let by_name: BTreeMap<_, _> = self.sessions.values().map(|s| (s.client_id.as_str(), s)).collect();
        assert_eq!(by_name.len(), self.sessions.len(), "two sessions of one client");
        by_name
    }

    /// The payload of a message.
    pub(crate) fn payload(&self, message: u64) -> &str {
        &self.payloads[&message]
    }

    pub(crate) fn bytes_of(&self, session: &KeptSession) -> usize {
        let in_flight = session.in_flight.iter().filter(|(.., is_theirs)| !is_theirs).map(|(_, message, _)| message);
        let queued = session.queue.iter().map(|(message, _)| message);
        in_flight.chain(queued).map(|message| self.messages[message].0).sum()
    }

    /// How many messages are retained, and how many of them have not expired.
    pub(crate) fn retained(&self, now: Moment) -> (usize, usize) {
        let all: Vec<u64> = self.retained.values().filter_map(|(_, message)| *message).collect();
        (all.len(), all.iter().filter(|message| self.messages[message].1 > now).count())
    }

    fn know(&mut self, message: &KeptMessage<'_>) {
        assert_ne!(message.number, 0);
        let bytes = message.topic.len() + message.properties.len() + message.payload.len();
        let known = self.messages.insert(message.number, (bytes, message.expires_at));
        assert!(known.is_none_or(|known| known == (bytes, message.expires_at)), "one number for two messages");
        self.payloads.insert(message.number, String::from_utf8_lossy(message.payload).into_owned());
        self.topics.insert(message.number, message.topic.to_owned());
    }

    fn session(&mut self, key: &SessionKey) -> &mut KeptSession {
        self.sessions.get_mut(key).unwrap_or_else(|| panic!("{key:?} is not known"))
    }

    pub(crate) fn play(&mut self, change: &Change<'_>) {
        match change {
            Change::Known { .. } | Change::RetainedUpTo { .. } => panic!("{change:?}"),
            Change::Connected { session: key, client_id, expiry_s, .. } => {
                assert!(!self.ended.contains(key));
                let early = self.early.remove(key);
                let session = self.sessions.entry(*key).or_default();
                session.client_id = (*client_id).to_owned();
                assert!(!session.is_connected);
                (session.is_connected, session.expiry_s) = (true, *expiry_s);
                session.queue.extend(early.into_iter().flatten());
            }
            Change::Left { session, expiry_s, .. } => {
                let session = self.session(session);
                assert!(session.is_connected);
                (session.is_connected, session.expiry_s) = (false, *expiry_s);
            }
            Change::Ended { session } => {
                assert!(self.sessions.remove(session).is_some() && self.ended.insert(*session));
            }
            Change::Subscribed { session, filter, options, identifier } => {
                self.session(session).subscriptions.insert((*filter).to_owned(), (*options, *identifier));
            }
            Change::Unsubscribed { session, filter } => {
                assert!(self.session(session).subscriptions.remove(*filter).is_some(), "{change:?}");
            }
            Change::Published { message, targets } => self.publish(message, targets),
            Change::Launched { target, message, packet_id } => self.launch(target, *message, *packet_id),
            Change::HandedOver { session, message, packet_id } => {
                let entry = (*packet_id, *message, false);
                let entry = self.session(session).in_flight.iter_mut().find(|known| **known == entry);
                entry.unwrap_or_else(|| panic!("{change:?}")).2 = true;
            }
            Change::Finished { session, message, packet_id } => {
                let in_flight = &mut self.session(session).in_flight;
                let at = in_flight.iter().position(|known| (known.0, known.1) == (*packet_id, *message));
                in_flight.remove(at.unwrap_or_else(|| panic!("{change:?}")));
            }
            Change::Dropped { session, message } => {
                // It may have ended while mail was under way, but then nobody would write this.
                let queue = &mut self.session(session).queue;
                let at = queue.iter().rposition(|(known, _)| known == message);
                queue.remove(at.unwrap_or_else(|| panic!("{change:?}")));
            }
            Change::Came { session, packet_id, message } => {
                self.know(message);
                self.session(session).incoming.insert(*packet_id, message.number);
            }
            Change::Released { session, packet_id } => {
                assert!(self.session(session).incoming.remove(packet_id).is_some(), "{change:?}");
            }
            Change::Retained { serial, message, .. } => {
                let topic = self.topics[message].clone();
                self.retain(topic, *serial, Some(*message));
            }
            Change::Cleared { serial, topic } => self.retain((*topic).to_owned(), *serial, None),
        }
    }

    fn publish(&mut self, message: &KeptMessage<'_>, targets: &[Target]) {
        self.know(message);
        for target in targets {
            assert!(target.qos.bits() > 0);
            let entry = (message.number, *target);
            if let Some(session) = self.sessions.get_mut(&target.session) {
                session.queue.push(entry);
            } else if !self.ended.contains(&target.session) {
                self.early.entry(target.session).or_default().push(entry);
            }
        }
    }

    fn launch(&mut self, target: &Target, message: u64, packet_id: u16) {
        assert!(self.messages.contains_key(&message), "{message} is not known");
        let session = self.session(&target.session);
        assert!(session.in_flight.iter().all(|known| known.0 != packet_id), "{packet_id} is in use");
        let same = |known: &(u64, Target)| {
            known.0 == message && (known.1.retain, known.1.identifier) == (target.retain, target.identifier)
        };
        // Else it is a retained message on its way to a new subscription.
        if let Some(at) = session.queue.iter().position(same) {
            session.queue.remove(at);
        }
        session.in_flight.push((packet_id, message, false));
    }

    fn retain(&mut self, topic: String, serial: u64, message: Option<u64>) {
        let known = self.retained.entry(topic).or_default();
        assert_ne!(known.0, serial);
        if known.0 < serial {
            *known = (serial, message);
        }
    }
}
