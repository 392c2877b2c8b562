//! What clients do, each by chance.

use crate::client::{Answer, Outgoing, Stage};
use crate::link::{Closed, ConnectInfo, Link, Place, Sent, WillInfo};
use crate::message::Message;
use crate::simulation::Simulation;
use mosquitto_mqtt::packet::{
    Connect, Disconnect, Publish, RetainHandling, Subscribe, Subscription, SubscriptionOptions, Unsubscribe, Will,
};
use mosquitto_mqtt::{Packet, Properties, PropertiesBuf, Property, ProtocolVersion, QoS, ReasonCode};
use std::rc::Rc;

/// How a client connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// In any version, with any wishes.
    ByChance,
    /// To go on with its session.
    Back,
    /// To end its session, in MQTT 3.
    Clean,
}

const LEVELS: [&str; 4] = ["a", "b", "c", ""];

impl Simulation {
    /// A client does something.
    pub(crate) fn act(&mut self, at: usize) {
        if self.clients[at].link.is_none() {
            self.connect(at, Manner::ByChance);
            return;
        }
        if !self.clients[at].connected {
            match self.random.below(60) {
                0 => self.leave(at),
                1 => self.connect(at, Manner::ByChance),
                _ => {}
            }
            return;
        }
        match self.random.below(200) {
            0..70 => self.publish(at),
            // Exchanges that stay open fill the window.
            70..110 if self.exceeds && self.random.below(8) > 0 => self.publish(at),
            70..110 => self.answer(at),
            110..125 => self.subscribe(at),
            125..135 => self.unsubscribe(at),
            135..150 => self.ping(at),
            150..154 => self.disconnect(at),
            154..160 => self.leave(at),
            160..163 => self.connect(at, Manner::ByChance),
            163..168 => self.clients[at].stalled = true,
            168..198 => self.clients[at].stalled = false,
            _ => self.send_garbage(at),
        }
    }

    fn qos(&mut self) -> QoS {
        *self.random.pick(&[QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce])
    }

    /// Opens a connection, also where the client has one still: that one is taken over.
    pub(crate) fn connect(&mut self, at: usize, manner: Manner) {
        if let Some(old) = self.clients[at].link {
            self.network.links[old].abandoned = true;
        }
        self.clients[at].lost();
        let version = if manner != Manner::ByChance || self.random.below(3) > 0 {
            self.clients[at].version
        } else {
            *self.random.pick(&[ProtocolVersion::V31, ProtocolVersion::V311, ProtocolVersion::V5])
        };
        self.clients[at].version = version;
        let info = self.connect_info(at, version, manner);
        if info.clean {
            self.clients[at].forget();
        }
        let shard = self.random.below(self.network.shards.len());
        let now = self.network.now;
        let link = self.network.links.len();
        self.network.links.push(Link::new(at, Place::Gone, version, now));
        self.network.send_to(link, shard, false);
        if self.random.one_in(20) {
            self.network.links[link].capacity = 300;
        }
        self.clients[at].link = Some(link);
        let bytes = self.encode_connect(&info);
        self.network.links[link].send(&bytes, Sent::Connect(Box::new(info)));
        self.note(|s| format!("{} connects to shard {shard}", s.name(link)));
    }

    /// Forgets what is retained for a topic.
    pub(crate) fn clear(&mut self, at: usize, topic: &Rc<str>) {
        let (topic, payload, qos) = (Rc::clone(topic), Vec::new(), QoS::AtMostOnce);
        let message = Message { number: 0, topic, payload, qos, retain: true, expiry_s: None, tagged: false };
        self.send_publish(at, &Rc::new(message), 0, false);
    }

    fn connect_info(&mut self, at: usize, version: ProtocolVersion, manner: Manner) -> ConnectInfo {
        let (v5, calm) = (version.is_v5(), manner != Manner::ByChance);
        let random = &mut self.random;
        let clean = manner == Manner::Clean || (!calm && random.one_in(4));
        let expiry_s = if v5 && random.below(4) > 0 { *random.pick(&[1, 5, 30, 1000, u32::MAX]) } else { 0 };
        let expiry_s = if manner == Manner::Back && v5 { 100_000 } else { expiry_s };
        let keep_alive_s = if calm { 0 } else { *random.pick(&[0, 0, 5, 20, 60]) };
        let receive_maximum = (v5 && random.one_in(2)).then(|| 1 + random.below(12) as u16);
        let max_packet_size = (v5 && !calm && random.one_in(8)).then_some(300);
        let alias_maximum = if v5 && random.one_in(2) { random.below(15) as u16 } else { 0 };
        let wants_will = !calm && random.one_in(2);
        let will = wants_will.then(|| self.will(at, version));
        ConnectInfo {
            client: at,
            version,
            clean,
            expiry_s,
            keep_alive_s,
            receive_maximum,
            max_packet_size,
            alias_maximum,
            will,
        }
    }

    /// Each client has a will topic of its own.
    fn will(&mut self, at: usize, version: ProtocolVersion) -> WillInfo {
        let (qos, retain) = (self.qos(), self.random.one_in(3));
        let delay_s = if version.is_v5() { *self.random.pick(&[0, 0, 2, 10, 2000]) } else { 0 };
        self.last_number += 1;
        let topic = format!("w/{at}").into();
        let payload = Message::payload(self.last_number, 0);
        let tagged = version.is_v5() && self.random.one_in(2);
        let message = Message { number: self.last_number, topic, payload, qos, retain, expiry_s: None, tagged };
        WillInfo { message: Rc::new(message), delay_s }
    }

    fn encode_connect(&self, info: &ConnectInfo) -> Vec<u8> {
        let mut properties = PropertiesBuf::new();
        if info.expiry_s > 0 {
            properties.push(Property::SessionExpiryInterval(info.expiry_s));
        }
        if let Some(maximum) = info.receive_maximum {
            properties.push(Property::ReceiveMaximum(maximum));
        }
        if let Some(bytes) = info.max_packet_size {
            properties.push(Property::MaximumPacketSize(bytes));
        }
        if info.alias_maximum > 0 {
            properties.push(Property::TopicAliasMaximum(info.alias_maximum));
        }
        let mut will_properties = PropertiesBuf::new();
        if let Some(will) = &info.will {
            if will.delay_s > 0 {
                will_properties.push(Property::WillDelayInterval(will.delay_s));
            }
            if let Some((name, value)) = will.message.user_property() {
                will_properties.push(Property::UserProperty((name, &value)));
            }
        }
        let mut out = Vec::new();
        Connect {
            version: info.version,
            bridge: false,
            clean_start: info.clean,
            keep_alive_s: info.keep_alive_s,
            properties: properties.as_properties(),
            client_id: &self.clients[info.client].id,
            will: info.will.as_ref().map(|will| Will {
                topic: &will.message.topic,
                payload: &will.message.payload,
                qos: will.message.qos,
                retain: will.message.retain,
                properties: will_properties.as_properties(),
            }),
            username: None,
            password: None,
        }
        .encode(&mut out);
        out
    }

    fn topic(&mut self) -> Rc<str> {
        match self.random.below(20) {
            0 => return "$x/a".into(),
            1 => return "$SYS/broker/forged".into(),
            2..5 => return (*self.random.pick(&["s/a", "s/b", "s/a/b"])).into(),
            _ => {}
        }
        let levels: Vec<&str> = (0..=self.random.below(3)).map(|_| *self.random.pick(&LEVELS)).collect();
        let topic = levels.join("/");
        if topic.is_empty() { "a".into() } else { topic.into() }
    }

    fn filter(&mut self) -> Rc<str> {
        match self.random.below(12) {
            0 | 1 => {
                let group = *self.random.pick(&["g", "h"]);
                let filter = *self.random.pick(&["s/#", "s/+", "s/a", "s/a/b"]);
                return format!("$share/{group}/{filter}").into();
            }
            2 => return (*self.random.pick(&["#", "w/#", "w/+", "$x/#", "+/#"])).into(),
            _ => {}
        }
        let topic = self.topic();
        let mut levels: Vec<&str> = topic.split('/').collect();
        for level in &mut levels {
            if self.random.one_in(3) {
                *level = "+";
            }
        }
        if self.random.one_in(5) {
            levels.push("#");
        }
        levels.join("/").into()
    }

    fn publish(&mut self, at: usize) {
        let window = usize::from(self.settings.max_inflight_messages);
        let most = if self.exceeds { window + 4 } else { window - 2 };
        let qos = if self.clients[at].outgoing.len() >= most { QoS::AtMostOnce } else { self.qos() };
        let v5 = self.clients[at].version.is_v5();
        let (topic, retain) = (self.topic(), self.random.one_in(5));
        let cleared = retain && self.random.one_in(4);
        self.last_number += 1;
        let number = if cleared { 0 } else { self.last_number };
        let more = *self.random.pick(&[0, 0, 0, 10, 100, 1000, 5000]);
        let payload = if cleared { Vec::new() } else { Message::payload(number, more) };
        let expiry_s = (v5 && self.random.one_in(6)).then(|| *self.random.pick(&[0, 1, 3, 60]));
        let tagged = v5 && !cleared && self.random.one_in(3);
        let message = Rc::new(Message { number, topic, payload, qos, retain, expiry_s, tagged });
        let mut packet_id = 0;
        if qos != QoS::AtMostOnce {
            packet_id = self.clients[at].next_id();
            let (message, stage) = (Rc::clone(&message), Stage::Published);
            self.clients[at].outgoing.push(Outgoing { packet_id, message, stage });
        }
        self.send_publish(at, &message, packet_id, false);
    }

    pub(crate) fn send_publish(&mut self, at: usize, message: &Rc<Message>, packet_id: u16, dup: bool) {
        let version = self.clients[at].version;
        let (mut topic, mut alias) = (&*message.topic, None);
        if version.is_v5() && self.random.one_in(2) {
            let known = self.clients[at].aliases.iter().position(|known| *known == message.topic);
            if let Some(place) = known {
                alias = Some(place as u16 + 1);
                topic = "";
            } else if self.clients[at].aliases.len() < usize::from(self.settings.listeners[0].max_topic_alias) {
                self.clients[at].aliases.push(Rc::clone(&message.topic));
                alias = Some(self.clients[at].aliases.len() as u16);
            }
        }
        let properties = if version.is_v5() { message.properties(alias) } else { PropertiesBuf::new() };
        let mut out = Vec::new();
        Publish {
            dup,
            qos: message.qos,
            retain: message.retain,
            topic,
            packet_id,
            properties: properties.as_properties(),
            payload: &message.payload,
        }
        .encode(version, &mut out);
        let message = if version.is_v5() || (!message.tagged && message.expiry_s.is_none()) {
            Rc::clone(message)
        } else {
            // Sent again in a version that has no properties.
            let Message { number, qos, retain, .. } = **message;
            let (topic, payload) = (Rc::clone(&message.topic), message.payload.clone());
            Rc::new(Message { number, topic, payload, qos, retain, expiry_s: None, tagged: false })
        };
        self.send(at, &out, Sent::Publish { message, packet_id });
    }

    pub(crate) fn send(&mut self, at: usize, bytes: &[u8], sent: Sent) {
        self.note(|s| format!("client {at} sends {sent:?} on {:?}", s.clients[at].link));
        if let Some(link) = self.link_mut(at) {
            link.send(bytes, sent);
        }
    }

    fn answer(&mut self, at: usize) {
        for _ in 0..=self.random.below(6) {
            let Some(answer) = self.clients[at].answers.pop_front() else { return };
            self.send_answer(at, answer);
        }
    }

    pub(crate) fn send_answer(&mut self, at: usize, answer: Answer) {
        let (bytes, sent) = self.clients[at].encode(answer);
        self.send(at, &bytes, sent);
    }

    fn subscribe(&mut self, at: usize) {
        let version = self.clients[at].version;
        let v5 = version.is_v5();
        let mut list = Vec::new();
        for _ in 0..=self.random.below(2) {
            let filter = if self.random.one_in(4) && !self.clients[at].filters.is_empty() {
                Rc::clone(self.random.pick(&self.clients[at].filters))
            } else {
                self.filter()
            };
            if self.clients[at].filters.len() > 8 && !self.clients[at].filters.contains(&filter) {
                continue;
            }
            let mut options = SubscriptionOptions::qos(self.qos());
            if v5 {
                options.no_local = !filter.starts_with("$share") && self.random.one_in(4);
                options.retain_as_published = self.random.one_in(3);
                options.retain_handling =
                    *self.random.pick(&[RetainHandling::Always, RetainHandling::IfNew, RetainHandling::Never]);
            }
            if !self.clients[at].filters.contains(&filter) {
                self.clients[at].filters.push(Rc::clone(&filter));
            }
            list.push((filter, options));
        }
        if !list.is_empty() {
            let identifier = (v5 && self.random.one_in(2)).then(|| 1 + self.random.below(300) as u32);
            self.send_subscribe(at, list, identifier);
        }
    }

    pub(crate) fn send_subscribe(
        &mut self,
        at: usize,
        list: Vec<(Rc<str>, SubscriptionOptions)>,
        identifier: Option<u32>,
    ) {
        let packet_id = self.clients[at].next_id();
        let properties: PropertiesBuf = identifier.into_iter().map(Property::SubscriptionIdentifier).collect();
        let mut out = Vec::new();
        let subscriptions = list.iter().map(|(filter, options)| Subscription { filter, options: *options });
        Subscribe::write(packet_id, properties.as_properties(), subscriptions, self.clients[at].version, &mut out);
        self.send(at, &out, Sent::Subscribe { packet_id, identifier, list });
    }

    fn unsubscribe(&mut self, at: usize) {
        let filter = match self.clients[at].filters.len() {
            0 => self.filter(),
            count => self.clients[at].filters.swap_remove(self.random.below(count)),
        };
        let filters = if self.random.one_in(4) { vec![filter, self.filter()] } else { vec![filter] };
        self.clients[at].filters.retain(|known| !filters.contains(known));
        let packet_id = self.clients[at].next_id();
        let mut out = Vec::new();
        let list = filters.iter().map(|filter| &**filter);
        Unsubscribe::write(packet_id, Properties::EMPTY, list, self.clients[at].version, &mut out);
        self.send(at, &out, Sent::Unsubscribe { packet_id, filters });
    }

    fn ping(&mut self, at: usize) {
        let mut out = Vec::new();
        Packet::PingReq.encode(self.clients[at].version, &mut out);
        self.send(at, &out, Sent::Ping);
    }

    fn disconnect(&mut self, at: usize) {
        let version = self.clients[at].version;
        let keep_will = version.is_v5() && self.random.one_in(3);
        let expires = self.clients[at].link.and_then(|link| self.expiry_of(link));
        let may_change = version.is_v5() && expires.is_some_and(|seconds| seconds > 0);
        let expiry_s = (may_change && self.random.one_in(3)).then(|| *self.random.pick(&[0, 2, 1000]));
        self.send_disconnect(at, keep_will, expiry_s);
    }

    /// What the session of an open connection lives on for; none where that is not known yet.
    fn expiry_of(&self, link: usize) -> Option<u32> {
        let session = self.model.sessions.get(&self.network.links[link].client)?;
        (session.link == Some(link)).then_some(session.expiry_s)
    }

    pub(crate) fn send_disconnect(&mut self, at: usize, keep_will: bool, expiry_s: Option<u32>) {
        let properties: PropertiesBuf = expiry_s.into_iter().map(Property::SessionExpiryInterval).collect();
        let reason = ReasonCode(if keep_will { 4 } else { 0 });
        let mut out = Vec::new();
        Disconnect { reason, properties: properties.as_properties() }.encode(self.clients[at].version, &mut out);
        self.send(at, &out, Sent::Disconnect { keep_will, expiry_s });
        if let Some(link) = self.link_mut(at) {
            link.closed = Closed::Orderly;
            link.abandoned = true;
        }
        self.clients[at].lost();
    }

    /// The connection breaks, perhaps in the middle of a packet.
    pub(crate) fn leave(&mut self, at: usize) {
        let reset = self.random.one_in(2);
        let cut = self.random.below(60);
        if let Some(link) = self.link_mut(at) {
            link.abandoned = true;
            link.closed = if reset { Closed::Reset } else { Closed::Orderly };
            if reset {
                link.inbox.clear();
                link.packets.clear();
            } else if cut < link.inbox.len() {
                // What was under way gets lost from some byte on.
                let keep = link.inbox.len() - cut;
                link.inbox.truncate(keep);
                let (mut whole, mut packets) = (0, 0);
                for (len, _) in &link.packets {
                    if whole + len > keep {
                        break;
                    }
                    whole += len;
                    packets += 1;
                }
                link.packets.truncate(packets);
                link.tail = keep - whole;
            }
        }
        self.note(|s| format!("client {at} leaves {:?}, reset: {reset}", s.clients[at].link));
        self.clients[at].lost();
    }

    fn send_garbage(&mut self, at: usize) {
        self.send(at, &[0x62, 0x00], Sent::Garbage);
    }
}
