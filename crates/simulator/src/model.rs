//! The specification, naively: sessions in a map, every subscription compared with every message.
//!
//! The model is told what the broker has taken in, in the order in which it did: packets, ends of connections, the
//! arrival of mail, the passing of time. It keeps what follows from that, and [`observe`](crate::observe) holds what
//! clients see against it.

use crate::arrival::Delivery;
use crate::link::{Closed, ConnectInfo, Link, Reply, Sent, WillInfo};
use crate::message::Message;
use crate::session::{Awaiting, Candidate, Due, Session, Stream, Subscription, Version};
use crate::violation::{Checked, must, violated};
use mosquitto_broker::{Moment, Settings};
use mosquitto_mqtt::packet::{RetainHandling, SubscriptionOptions};
use mosquitto_mqtt::{ProtocolVersion, QoS, SharedFilter};
use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

const NEVER_EXPIRES: u32 = u32::MAX;

#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) now: Moment,
    /// By client.
    pub(crate) sessions: BTreeMap<usize, Session>,
    /// The home shard of each client.
    pub(crate) homes: Vec<usize>,
    pub(crate) retained: BTreeMap<Rc<str>, Version>,
    /// Members of each shared subscription (as subscribed), whose turn it is first.
    pub(crate) groups: BTreeMap<Rc<str>, Vec<usize>>,
    /// Messages routed so far.
    pub(crate) seq: u64,
    pub(crate) wills_published: u64,
    /// The numbers of all messages that were routed.
    routed: HashSet<u32>,
    /// The Receive Maximum of clients that name none (`max_inflight_messages`).
    pub(crate) window: u16,
    /// Whether clients of MQTT 3 are sent again on a live connection what they do not acknowledge.
    pub(crate) retries: bool,
    /// How copies come to a session.
    delivery: Delivery,
}

impl Model {
    pub(crate) fn new(homes: Vec<usize>, now: Moment, settings: &Settings) -> Self {
        Self {
            now,
            sessions: BTreeMap::new(),
            homes,
            retained: BTreeMap::new(),
            groups: BTreeMap::new(),
            seq: 0,
            wills_published: 0,
            routed: HashSet::new(),
            window: settings.max_inflight_messages,
            retries: settings.retry_interval_s != Some(0),
            delivery: Delivery {
                one_copy: !settings.allow_duplicate_messages,
                queues_qos_0: settings.queue_qos0_messages,
            },
        }
    }

    pub(crate) fn subscription_count(&self) -> usize {
        self.sessions.values().map(|session| session.subscriptions.len()).sum()
    }

    /// Time has come this far on a shard: delayed wills and ends of sessions.
    pub(crate) fn time_passed(&mut self, shard: usize) {
        let due: Vec<usize> = self.sessions.keys().copied().filter(|&client| self.homes[client] == shard).collect();
        for client in due {
            let session = &self.sessions[&client];
            if session.will_at.is_some_and(|at| at <= self.now) {
                self.publish_will(client);
            }
            if self.sessions[&client].expires_at.is_some_and(|at| at <= self.now) {
                self.end_session(client);
            }
        }
    }

    /// The broker has handled a packet.
    pub(crate) fn handled(&mut self, at: usize, sent: Sent, links: &mut [Link]) -> Checked {
        let client = links[at].client;
        if let Sent::Connect(info) = sent {
            self.connect(at, &info, links);
            return Ok(());
        }
        must!(links[at].open && !links[at].ended, "a packet was handled on a connection that is not open: {sent:?}");
        let v5 = links[at].version.is_v5();
        match sent {
            Sent::Connect(_) => {}
            Sent::Publish { message, packet_id } => self.publish(at, &message, packet_id, links),
            Sent::PubAck(id) => self.finish(client, id, Awaiting::PubAck),
            Sent::PubRec { packet_id, refused } => {
                let session = self.sessions.entry(client).or_default();
                if refused {
                    session.exchanges.remove(&packet_id);
                } else {
                    if let Some(exchange) = session.exchanges.get_mut(&packet_id) {
                        exchange.awaiting = Awaiting::PubComp;
                    }
                    links[at].replies.push_back(Reply::PubRel(packet_id));
                }
            }
            Sent::PubRel(id) => {
                let session = self.sessions.entry(client).or_default();
                if let Some((message, expires_at)) = session.incoming.remove(&id) {
                    self.route(client, &message, expires_at);
                }
                links[at].replies.push_back(Reply::PubComp(id));
            }
            Sent::PubComp(id) => self.finish(client, id, Awaiting::PubComp),
            Sent::Subscribe { packet_id, identifier, list } => {
                let codes = list.iter().map(|(_, options)| options.qos.bits()).collect();
                links[at].replies.push_back(Reply::SubAck { packet_id, codes });
                for (filter, options) in list {
                    self.subscribe(client, &filter, options, identifier);
                }
            }
            Sent::Unsubscribe { packet_id, filters } => {
                let removed = filters.iter().map(|filter| self.unsubscribe(client, filter));
                let codes: Vec<u8> = removed.map(|removed| if removed { 0 } else { 0x11 }).collect();
                let codes = if v5 { codes } else { Vec::new() };
                links[at].replies.push_back(Reply::UnsubAck { packet_id, codes });
            }
            Sent::Ping => links[at].replies.push_back(Reply::PingResp),
            Sent::Disconnect { keep_will, expiry_s } => {
                let session = self.sessions.entry(client).or_default();
                if let Some(seconds) = expiry_s {
                    session.expiry_s = seconds;
                }
                if !keep_will {
                    session.will = None;
                }
                self.connection_ended(at, links);
            }
            Sent::Garbage => violated!("the broker took what is no packet"),
        }
        Ok(())
    }

    fn connect(&mut self, at: usize, info: &ConnectInfo, links: &mut [Link]) {
        let client = info.client;
        let kept = self.sessions.get(&client).is_some_and(|session| session.expiry_s > 0) && !info.clean;
        if let Some(session) = self.sessions.get_mut(&client) {
            if kept {
                // [MQTT-3.1.3-9]
                session.will = None;
                session.will_at = None;
            }
            if let Some(old) = session.link {
                // [MQTT-3.1.4-3]
                links[old].goodbye = Some(0x8e);
                self.connection_ended(old, links);
            }
        }
        if !kept && self.sessions.contains_key(&client) {
            self.end_session(client);
        }
        let session = self.sessions.entry(client).or_default();
        session.link = Some(at);
        session.connection += 1;
        session.resumed = kept;
        session.v5 = info.version.is_v5();
        session.seen_here.clear();
        session.released_here.clear();
        let packet = info.max_packet_size.map_or(usize::MAX, |bytes| bytes as usize);
        session.smallest_packet = if session.connection == 1 { packet } else { session.smallest_packet.min(packet) };
        session.expiry_s = match (info.version.is_v5(), info.clean) {
            (true, _) => info.expiry_s,
            (false, true) => 0,
            (false, false) => NEVER_EXPIRES,
        };
        session.expires_at = None;
        session.will.clone_from(&info.will);
        let link = &mut links[at];
        link.open = true;
        link.heard_at = self.now;
        link.silence_ms = u64::from(info.keep_alive_s) * 1500;
        link.receive_maximum = info.receive_maximum.unwrap_or(if self.window == 0 { u16::MAX } else { self.window });
        link.max_packet_size = info.max_packet_size.map_or(usize::MAX, |bytes| bytes as usize);
        link.alias_maximum = info.alias_maximum;
        link.replies.push_back(Reply::ConnAck { present: kept && info.version != ProtocolVersion::V31 });
    }

    /// A connection has ended, for whatever reason: what is sent to nobody is forgotten, the will is due.
    pub(crate) fn connection_ended(&mut self, at: usize, links: &mut [Link]) {
        let link = &mut links[at];
        if std::mem::replace(&mut link.ended, true) || !link.open {
            return;
        }
        let client = link.client;
        let Some(session) = self.sessions.get_mut(&client) else { return };
        session.link = None;
        // What had QoS 0 and was sent may be lost.
        let queued = self.delivery.queues_qos_0;
        session.due.retain_mut(|due| due.under_way.is_some() || due.outlives_the_connection(queued));
        session.either.retain_mut(|(due, _)| due.outlives_the_connection(queued));
        for stream in &mut session.streams {
            let some_qos_0 = |candidate: &Candidate| {
                candidate.versions.iter().any(|version| {
                    stream.grants.iter().any(|(qos, _)| version.message.qos.min(*qos) == QoS::AtMostOnce)
                })
            };
            let lost: Vec<Rc<str>> =
                stream.topics.iter().filter(|(_, c)| some_qos_0(c)).map(|(topic, _)| Rc::clone(topic)).collect();
            for topic in lost {
                if let Some(candidate) = stream.topics.get_mut(&topic) {
                    candidate.must = false;
                }
            }
        }
        let expiry_s = session.expiry_s;
        if let Some(will) = &session.will {
            if will.delay_s == 0 || expiry_s == 0 {
                self.publish_will(client);
            } else {
                session.will_at = Some(self.now + u64::from(will.delay_s) * 1000);
            }
        }
        match expiry_s {
            0 => self.end_session(client),
            NEVER_EXPIRES => {}
            seconds => {
                let at = self.now + u64::from(seconds) * 1000;
                self.sessions.entry(client).or_default().expires_at = Some(at);
            }
        }
    }

    fn publish_will(&mut self, client: usize) {
        let session = self.sessions.entry(client).or_default();
        session.will_at = None;
        if let Some(WillInfo { message, .. }) = session.will.take() {
            self.wills_published += 1;
            let expires_at = self.expiry(&message);
            self.route(client, &message, expires_at);
        }
    }

    fn end_session(&mut self, client: usize) {
        self.publish_will(client);
        let Some(session) = self.sessions.remove(&client) else { return };
        for filter in session.subscriptions.keys() {
            self.leave_group(client, filter);
        }
    }

    fn finish(&mut self, client: usize, packet_id: u16, awaiting: Awaiting) {
        let session = self.sessions.entry(client).or_default();
        if session.exchanges.get(&packet_id).is_some_and(|exchange| exchange.awaiting == awaiting) {
            session.exchanges.remove(&packet_id);
        }
    }

    fn expiry(&self, message: &Message) -> Moment {
        match message.expiry_s {
            None | Some(0) => Moment::NEVER,
            Some(seconds) => self.now.plus_s(seconds),
        }
    }

    fn publish(&mut self, at: usize, message: &Rc<Message>, packet_id: u16, links: &mut [Link]) {
        let client = links[at].client;
        let expires_at = self.expiry(message);
        let denied = message.topic.starts_with("$SYS");
        let v5 = links[at].version.is_v5();
        // Its open exchanges of QoS 2 fill the window that it was told; a client of MQTT 3 was told none.
        let session = self.sessions.entry(client).or_default();
        let full = v5 && self.window > 0 && session.incoming.len() >= usize::from(self.window);
        if message.qos == QoS::ExactlyOnce {
            let known = session.incoming.get(&packet_id);
            // Another message under the same identifier takes its place.
            let same = known.is_some_and(|(known, _)| {
                known.number == message.number && known.tagged == message.tagged && known.topic == message.topic
            });
            let reason = match (denied, known.is_some()) {
                (true, _) => 0x87,
                (false, false) if full => 0x97,
                _ => 0,
            };
            if reason == 0 && !same {
                session.incoming.insert(packet_id, (Rc::clone(message), expires_at));
            }
            let reason = if v5 { reason } else { 0 };
            links[at].replies.push_back(Reply::PubRec { packet_id, reason });
            return;
        }
        let beyond = full && message.qos == QoS::AtLeastOnce;
        let matched = !denied && !beyond && self.route(client, message, expires_at);
        if message.qos == QoS::AtLeastOnce {
            let reason = match (v5, denied, matched) {
                (true, true, _) => 0x87,
                (true, ..) if beyond => 0x97,
                (true, _, false) => 0x10,
                _ => 0,
            };
            links[at].replies.push_back(Reply::PubAck { packet_id, reason });
        }
    }

    /// Finds out who gets a message. Says whether anybody subscribes.
    fn route(&mut self, origin: usize, message: &Rc<Message>, expires_at: Moment) -> bool {
        self.seq += 1;
        let mut found: Vec<(usize, Subscription, Rc<str>)> = Vec::new();
        let mut matched = false;
        for (&client, session) in &self.sessions {
            for (name, subscription) in &session.subscriptions {
                if subscription.matches(&message.topic) {
                    matched = true;
                    let own = subscription.options.no_local && client == origin;
                    if subscription.group.is_none() && !own {
                        found.push((client, subscription.clone(), Rc::clone(name)));
                    }
                }
            }
        }
        for (name, members) in &mut self.groups {
            let Some(&first) = members.first() else { continue };
            let Some(subscription) = self.sessions.get(&first).and_then(|s| s.subscriptions.get(name)) else {
                continue;
            };
            if subscription.matches(&message.topic) {
                found.push((first, subscription.clone(), Rc::clone(name)));
                members.rotate_left(1);
            }
        }
        let again = message.number == 0 || !self.routed.insert(message.number);
        if again {
            let all = self.sessions.values_mut().flat_map(|session| &mut session.due);
            all.filter(|due| due.message.number == message.number).for_each(|due| due.ambiguous = true);
        }
        for (client, subscription, name) in found {
            self.owe(client, &subscription, name, origin, message, (expires_at, again));
        }
        let here = self.homes[origin];
        self.mail_read(here, here, self.seq);
        if message.retain {
            self.retain(message, expires_at);
        }
        matched
    }

    #[allow(clippy::too_many_arguments, reason = "what a copy of a message is made of")]
    fn owe(
        &mut self,
        client: usize,
        subscription: &Subscription,
        name: Rc<str>,
        origin: usize,
        message: &Rc<Message>,
        (expires_at, again): (Moment, bool),
    ) {
        let (from, seq) = (self.homes[origin], self.seq);
        let Some(session) = self.sessions.get_mut(&client) else { return };
        session.due.push(Due {
            message: Rc::clone(message),
            origin,
            seq,
            qos: message.qos.min(subscription.options.qos),
            granted: subscription.options.qos,
            no_local: subscription.options.no_local,
            retain: message.retain && subscription.options.retain_as_published,
            identifier: subscription.identifier,
            expires_at,
            subscription: name,
            under_way: Some(from),
            optional: false,
            any_identifier: false,
            looks: None,
            ambiguous: again,
            connection: 0,
        });
    }

    /// The mail from one shard to another was read, up to this place. What stays on a shard arrives at once.
    pub(crate) fn mail_read(&mut self, from: usize, to: usize, seq: u64) {
        let (homes, delivery) = (&self.homes, self.delivery);
        for (_, session) in self.sessions.iter_mut().filter(|(client, _)| homes[**client] == to) {
            Self::arrive(session, seq, from, delivery);
        }
    }

    fn retain(&mut self, message: &Rc<Message>, expires_at: Moment) {
        let topic = Rc::clone(&message.topic);
        let version = Version { message: Rc::clone(message), seq: self.seq, expires_at };
        let cleared = message.payload.is_empty();
        for session in self.sessions.values_mut() {
            for stream in &mut session.streams {
                if let Some(candidate) = stream.topics.get_mut(&topic) {
                    if cleared {
                        candidate.must = false;
                    } else {
                        candidate.versions.push(version.clone());
                    }
                } else if !cleared && stream.running && matches(&stream.filter, &topic) {
                    let versions = vec![version.clone()];
                    stream.topics.insert(Rc::clone(&topic), Candidate { versions, must: false });
                }
            }
        }
        if cleared {
            self.retained.remove(&topic);
        } else {
            self.retained.insert(topic, version);
        }
    }

    fn subscribe(&mut self, client: usize, name: &Rc<str>, options: SubscriptionOptions, identifier: Option<u32>) {
        let Ok(SharedFilter { group, filter }) = SharedFilter::new(name) else { return };
        let (group, filter): (Option<Rc<str>>, Rc<str>) = (group.map(Into::into), filter.as_str().into());
        let session = self.sessions.entry(client).or_default();
        let subscription = Subscription { filter: Rc::clone(&filter), group: group.clone(), options, identifier };
        let is_new = session.subscriptions.insert(Rc::clone(name), subscription).is_none();
        if group.is_some() {
            if is_new {
                self.groups.entry(Rc::clone(name)).or_default().push(client);
            }
            return;
        }
        let grant = (options.qos, identifier);
        let wanted = match options.retain_handling {
            RetainHandling::Always => true,
            RetainHandling::IfNew => is_new,
            RetainHandling::Never => false,
        };
        for stream in session.streams.iter_mut().filter(|stream| stream.filter == filter) {
            if wanted {
                // The new one takes its place.
                stream.running = false;
                stream.topics.values_mut().for_each(|candidate| candidate.must = false);
            } else {
                stream.grants.push(grant);
            }
        }
        if wanted {
            let now = self.now;
            let candidate =
                |retained: &Version| Candidate { versions: vec![retained.clone()], must: retained.expires_at > now };
            let topics = self.retained.iter().filter(|(topic, _)| matches(&filter, topic));
            let topics = topics.map(|(topic, retained)| (Rc::clone(topic), candidate(retained))).collect();
            session.streams.push(Stream { filter, grants: vec![grant], running: true, topics });
        }
    }

    fn unsubscribe(&mut self, client: usize, name: &Rc<str>) -> bool {
        let seq = self.seq;
        let session = self.sessions.entry(client).or_default();
        if session.subscriptions.remove(name).is_none() {
            return false;
        }
        session.unsubscribed_at = seq;
        for stream in session.streams.iter_mut().filter(|stream| stream.filter == *name) {
            stream.running = false;
            stream.topics.values_mut().for_each(|candidate| candidate.must = false);
        }
        self.leave_group(client, name);
        true
    }

    fn leave_group(&mut self, client: usize, name: &Rc<str>) {
        if let Some(members) = self.groups.get_mut(name) {
            members.retain(|&member| member != client);
            if members.is_empty() {
                self.groups.remove(name);
            }
        }
    }

    /// Whether a connection should not be open any more as far as its client is concerned.
    pub(crate) fn is_left(link: &Link) -> bool {
        link.closed != Closed::No
    }
}

fn matches(filter: &str, topic: &str) -> bool {
    let Ok(filter) = mosquitto_mqtt::TopicFilter::new(filter) else { return false };
    mosquitto_mqtt::TopicName::new(topic).is_ok_and(|topic| filter.matches(topic))
}
