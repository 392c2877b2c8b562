//! What clients do.

use super::broker::{Link, Mark};
use super::client::{Book, FILTERS, Kind, Message, Outgoing, Request, Session, is_group, matches, qos_of};
use super::world::World;
use crate::violation::Checked;
use mosquitto_mqtt::packet::{
    Connect, Disconnect, Publish, RetainHandling, Subscribe, Subscription, SubscriptionOptions, Unsubscribe,
};
use mosquitto_mqtt::{PacketType, Properties, PropertiesBuf, Property, QoS, ReasonCode};

/// Messages that a client has open at the most.
const OPEN_MAX: usize = 8;

impl World {
    /// A client does something.
    pub(crate) fn act(&mut self, at: usize) -> Checked {
        if self.clients[at].link.is_none() {
            if self.random.one_in(4) {
                self.connect(at);
            }
            return Ok(());
        }
        self.read(at)?;
        if !self.clients[at].connected {
            if self.random.one_in(40) {
                self.connect(at);
            }
            return Ok(());
        }
        match self.random.below(100) {
            0..40 => self.publish(at),
            40..75 => {
                for _ in 0..=self.random.below(5) {
                    self.answer(at);
                }
            }
            75..86 => self.request(at, true),
            86..90 => self.request(at, false),
            90 => self.leave(at),
            91 => self.connect(at),
            92 => self.disconnect(at),
            _ => {}
        }
        Ok(())
    }

    pub(crate) fn send(&mut self, at: usize, bytes: &[u8]) {
        if let Some(link) = self.clients[at].link {
            self.broker.links[link].inbox.extend_from_slice(bytes);
        }
    }

    /// Opens a connection, also where there is one.
    pub(crate) fn connect(&mut self, at: usize) {
        if let Some(link) = self.clients[at].link {
            self.broker.links[link].inbox.clear();
        }
        self.lost(at);
        // What an older connection has not brought so far it never will.
        for link in self.broker.links.iter_mut().filter(|link| link.client == at) {
            link.inbox.clear();
            link.acknowledged.clear();
        }
        if self.random.one_in(25) {
            self.clients[at].wants_clean = true;
        }
        let shard = self.random.below(self.broker.shards.len());
        let wall_ms = self.broker.wall_ms();
        let receive_maximum = 2 + self.random.below(8) as u16;
        let client = &mut self.clients[at];
        let clean = client.wants_clean || (client.kind == Kind::Brief && !client.version.is_v5());
        client.sent_clean = clean;
        let may_be_over = match client.kind {
            Kind::Mortal(_) => wall_ms > client.left_at_ms + 15_000,
            _ => client.session == Session::No,
        };
        if clean || (client.kind != Kind::Brief && may_be_over) {
            client.session = Session::Maybe;
        }
        if clean {
            self.give_up(at);
        }
        let client = &mut self.clients[at];
        let link = self.broker.connect(at, client.version, shard);
        client.link = Some(link);
        let mut properties = PropertiesBuf::new();
        if client.version.is_v5() {
            match client.kind {
                Kind::Durable => properties.push(Property::SessionExpiryInterval(u32::MAX)),
                Kind::Mortal(seconds) => properties.push(Property::SessionExpiryInterval(seconds)),
                Kind::Brief => {}
            }
            properties.push(Property::ReceiveMaximum(receive_maximum));
        }
        let mut out = Vec::new();
        Connect {
            version: client.version,
            bridge: false,
            clean_start: clean,
            keep_alive_s: 0,
            properties: properties.as_properties(),
            client_id: &client.id,
            will: None,
            username: None,
            password: None,
        }
        .encode(&mut out);
        self.send(at, &out);
        self.note(|w| format!("client {at} connects to shard {shard}, clean: {clean}, {:?}", w.clients[at].session));
    }

    /// A client says goodbye.
    fn disconnect(&mut self, at: usize) {
        let mut out = Vec::new();
        let (version, kind) = (self.clients[at].version, self.clients[at].kind);
        let mut properties = PropertiesBuf::new();
        if version.is_v5() && kind != Kind::Brief && self.random.one_in(4) {
            // Its session is to end at once.
            properties.push(Property::SessionExpiryInterval(0));
            self.clients[at].wants_clean = true;
            self.clients[at].session = Session::Maybe;
            self.give_up(at);
        }
        Disconnect { reason: ReasonCode::SUCCESS, properties: properties.as_properties() }.encode(version, &mut out);
        self.note(|w| format!("client {at} disconnects, wants clean: {}", w.clients[at].wants_clean));
        self.send(at, &out);
        self.leave(at);
    }

    fn leave(&mut self, at: usize) {
        if self.random.one_in(2)
            && let Some(link) = self.clients[at].link
        {
            self.broker.links[link].inbox.clear();
        }
        self.note(|_| format!("client {at} leaves"));
        self.lost(at);
    }

    /// Its connection is gone.
    pub(crate) fn lost(&mut self, at: usize) {
        let Some(link) = self.clients[at].link.take() else { return };
        self.broker.links[link].is_cut = true;
        self.broker.links[link].outbox.clear();
        let wall_ms = self.broker.wall_ms();
        let client = &mut self.clients[at];
        if std::mem::take(&mut client.connected) {
            client.left_at_ms = wall_ms;
        }
        client.answers.clear();
        client.requests.clear();
        if client.is_brief() {
            // What it has sent and nobody has read it forgets as well.
            self.broker.links[link].inbox.clear();
            self.forget(at);
        }
    }

    /// Whether the session that it goes on with is the one that it knows, or another one, cannot be said.
    pub(crate) fn doubt(&mut self, at: usize) {
        self.give_up(at);
        let client = &mut self.clients[at];
        client.held.clear();
        client.books.values_mut().for_each(|book| book.is_lenient = true);
        for Outgoing { number, .. } in &client.outgoing {
            self.messages[*number as usize - 1].is_lenient = true;
        }
        let filters = (0..FILTERS.len()).filter(|filter| is_group(*filter) && client.filters[*filter].ever);
        let groups: u16 = filters.map(|filter| 1 << filter).sum();
        let of_groups = self.messages.iter_mut().filter(|message| message.groups & groups != 0);
        of_groups.for_each(|message| message.is_lenient = true);
    }

    /// Nothing is owed to a session that ends, or may.
    fn give_up(&mut self, at: usize) {
        for filter in 0..FILTERS.len() {
            self.give_up_filter(at, filter);
        }
    }

    fn give_up_filter(&mut self, at: usize, filter: usize) {
        let client = &mut self.clients[at];
        client.filters[filter].definite = false;
        if is_group(filter) {
            if client.filters[filter].possible {
                self.messages.iter_mut().for_each(|message| message.owed_groups &= !(1 << filter));
            }
        } else {
            client.books.values_mut().for_each(|book| book.owed &= !(1 << filter));
        }
    }

    /// The broker has no session of it: what it remembers of the last one is worth nothing.
    pub(crate) fn forget(&mut self, at: usize) {
        self.give_up(at);
        let client = &mut self.clients[at];
        client.held.clear();
        client.books.clear();
        // What a session that is gone has seen binds nobody: a release that was not safe yet is repeated, and goes to the new one.
        client.lanes.clear();
        client.filters.iter_mut().for_each(|subscribed| subscribed.possible = false);
        for Outgoing { number, .. } in std::mem::take(&mut client.outgoing) {
            self.done(number, false);
        }
    }

    /// An exchange of a publisher is over.
    pub(crate) fn done(&mut self, number: u32, is_acknowledged: bool) {
        let message = &mut self.messages[number as usize - 1];
        (message.is_open, message.is_acknowledged, message.done_at) = (false, is_acknowledged, self.clock);
    }

    fn publish(&mut self, at: usize) {
        let qos = *self.random.pick(&[QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce]);
        if self.clients[at].outgoing.len() >= OPEN_MAX {
            return;
        }
        let (mut retain, mut is_empty) = (false, false);
        let topic = match self.random.below(8) {
            0..4 => format!("t/{}", self.random.below(3)),
            4 | 5 => format!("s/{}", self.random.below(3)),
            _ => {
                retain = self.random.below(4) > 0;
                is_empty = retain && self.random.one_in(4);
                format!("r/{at}/{}", self.random.below(2))
            }
        };
        let expires = self.clients[at].version.is_v5() && self.random.one_in(12);
        let mut message = Message {
            publisher: at,
            topic,
            qos,
            retain,
            is_empty,
            expires,
            is_open: true,
            is_acknowledged: false,
            sent_at: self.clock,
            done_at: u64::MAX,
            attempts: 0,
            groups: 0,
            owed_groups: 0,
            group_seen: [0; 3],
            group_settled: 0,
            was_full: false,
            is_lenient: false,
        };
        let number = self.messages.len() as u32 + 1;
        self.address(number, &mut message);
        self.messages.push(message);
        let packet_id = if qos == QoS::AtMostOnce { 0 } else { self.clients[at].next_id() };
        if packet_id > 0 {
            self.clients[at].outgoing.push(Outgoing { packet_id, number, released: false });
        }
        self.send_publish(at, number, packet_id, false);
    }

    /// Notes who may get a message, and who has to.
    fn address(&mut self, number: u32, message: &mut Message) {
        for filter in (0..FILTERS.len()).filter(|filter| matches(*filter, &message.topic)) {
            let bit = 1 << filter;
            if is_group(filter) {
                let members = || self.clients.iter().filter(|client| client.filters[filter].possible);
                // Whose connection has ended without the broker having seen it is a member there still, and its session may end
                // with what it is given.
                let may_leave =
                    |link: &Link| link.is_cut && !link.is_over && self.clients[link.client].filters[filter].ever;
                let lasts = !self.broker.links.iter().any(may_leave);
                let lasts = lasts
                    && members().all(|client| {
                        client.kind == Kind::Durable
                            && !client.is_brief()
                            && client.session == Session::Yes
                            && client.filters[filter].definite
                    });
                if members().next().is_some() {
                    message.groups |= bit;
                    let owed = lasts && message.qos != QoS::AtMostOnce && !message.expires;
                    message.owed_groups |= if owed { bit } else { 0 };
                }
                continue;
            }
            for (of, client) in self.clients.iter_mut().enumerate() {
                let subscribed = client.filters[filter];
                if !subscribed.possible {
                    continue;
                }
                let book = client.books.entry(number).or_default();
                book.possible |= bit;
                let has_qos = message.qos != QoS::AtMostOnce && qos_of(of, filter) != QoS::AtMostOnce;
                if subscribed.definite && has_qos && !message.expires && !message.is_empty {
                    book.owed |= bit;
                }
            }
        }
    }

    pub(crate) fn send_publish(&mut self, at: usize, number: u32, packet_id: u16, dup: bool) {
        let (version, message) = (self.clients[at].version, &self.messages[number as usize - 1]);
        let payload = if message.is_empty { String::new() } else { format!("{number:08}") };
        let mut properties = PropertiesBuf::new();
        if message.expires {
            properties.push(Property::MessageExpiryInterval(5));
        }
        let mut out = Vec::new();
        Publish {
            dup,
            qos: message.qos,
            retain: message.retain,
            topic: &message.topic,
            packet_id,
            properties: properties.as_properties(),
            payload: payload.as_bytes(),
        }
        .encode(version, &mut out);
        let (topic, retain, qos) = (message.topic.clone(), message.retain, message.qos.bits());
        self.note(|_| {
            format!("client {at} publishes {number} {topic} q{qos} retain {retain} id {packet_id} dup {dup}")
        });
        self.send(at, &out);
        if self.messages[number as usize - 1].is_empty {
            // It cannot be told when it is read.
            self.messages[number as usize - 1].attempts += 1;
        }
    }

    fn answer(&mut self, at: usize) {
        let Some(answer) = self.clients[at].answers.pop_front() else { return };
        let bytes = self.clients[at].encode(answer);
        self.note(|_| format!("client {at} answers {answer:?}"));
        self.send(at, &bytes);
        if matches!(answer.kind, PacketType::PubAck | PacketType::PubRec)
            && let Some(link) = self.clients[at].link
        {
            let none = Mark { client: at, number: 0, group: false };
            self.broker.links[link].acknowledged.push_back(answer.mark.unwrap_or(none));
        }
    }

    pub(crate) fn answer_all(&mut self, at: usize) {
        while !self.clients[at].answers.is_empty() {
            self.answer(at);
        }
    }

    /// Subscribes, or takes a subscription back.
    fn request(&mut self, at: usize, is_subscribe: bool) {
        let filter = self.random.below(FILTERS.len());
        if self.clients[at].requests.iter().any(|request| request.filter == filter) {
            return;
        }
        let packet_id = self.clients[at].next_id();
        let version = self.clients[at].version;
        let was_possible = self.clients[at].filters[filter].possible;
        self.clients[at].requests.push(Request { packet_id, filter, is_subscribe, was_possible });
        self.note(|_| format!("client {at} requests {} {is_subscribe} id {packet_id}", FILTERS[filter]));
        let mut out = Vec::new();
        if !is_subscribe {
            self.give_up_filter(at, filter);
            Unsubscribe::write(packet_id, Properties::EMPTY, [FILTERS[filter]].into_iter(), version, &mut out);
            self.send(at, &out);
            return;
        }
        let subscribed = &mut self.clients[at].filters[filter];
        (subscribed.possible, subscribed.ever) = (true, true);
        for (number, message) in (1..).zip(&mut self.messages) {
            if message.is_open && matches(filter, &message.topic) {
                if is_group(filter) {
                    message.groups |= 1 << filter;
                    message.owed_groups &= !(1 << filter);
                } else {
                    let book: &mut Book = self.clients[at].books.entry(number).or_default();
                    book.possible |= 1 << filter;
                }
            }
        }
        let mut properties = PropertiesBuf::new();
        if version.is_v5() && at.is_multiple_of(2) {
            properties.push(Property::SubscriptionIdentifier(1 + filter as u32));
        }
        let options = SubscriptionOptions {
            qos: qos_of(at, filter),
            no_local: false,
            retain_as_published: false,
            retain_handling: RetainHandling::Always,
        };
        let list = [Subscription { filter: FILTERS[filter], options }];
        Subscribe::write(packet_id, properties.as_properties(), list.into_iter(), version, &mut out);
        self.send(at, &out);
    }
}
