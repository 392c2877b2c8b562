//! A simulated client: what it sends.

use super::Net;
use mosquitto_mqtt::packet::{
    Ack, Connect, Disconnect, Publish, Subscribe, Subscription, SubscriptionOptions, Unsubscribe, Will,
};
use mosquitto_mqtt::{PacketType, Properties, PropertiesBuf, Property, ProtocolVersion, QoS, ReasonCode};

/// A connection, by its number in the harness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer(pub(crate) usize);

/// A CONNECT under construction.
pub(crate) struct Options {
    version: ProtocolVersion,
    client_id: String,
    clean_start: bool,
    keep_alive_s: u16,
    properties: Vec<Property<'static>>,
    will: Option<WillOptions>,
    username: Option<String>,
    password: Option<Vec<u8>>,
    bridge: bool,
    listener: u16,
}

struct WillOptions {
    topic: String,
    payload: Vec<u8>,
    qos: QoS,
    retain: bool,
    properties: Vec<Property<'static>>,
}

/// A client of MQTT 5 that starts clean. Change it with the methods, then call [`Options::on`].
pub(crate) fn connect(client_id: &str) -> Options {
    Options {
        version: ProtocolVersion::V5,
        client_id: client_id.to_owned(),
        clean_start: true,
        keep_alive_s: 0,
        properties: Vec::new(),
        will: None,
        username: None,
        password: None,
        bridge: false,
        listener: 0,
    }
}

impl Options {
    pub(crate) fn v31(mut self) -> Self {
        self.version = ProtocolVersion::V31;
        self
    }

    pub(crate) fn v311(mut self) -> Self {
        self.version = ProtocolVersion::V311;
        self
    }

    pub(crate) fn bridge(mut self) -> Self {
        self.bridge = true;
        self
    }

    /// Goes on with the session that there is.
    pub(crate) fn resume(mut self) -> Self {
        self.clean_start = false;
        self
    }

    /// Goes on with the session that there is, and keeps it for so many seconds after the connection.
    pub(crate) fn keep_session(self, seconds: u32) -> Self {
        self.resume().with(Property::SessionExpiryInterval(seconds))
    }

    pub(crate) fn keep_alive(mut self, seconds: u16) -> Self {
        self.keep_alive_s = seconds;
        self
    }

    pub(crate) fn username(mut self, name: &str) -> Self {
        self.username = Some(name.to_owned());
        self
    }

    pub(crate) fn password(mut self, bytes: &[u8]) -> Self {
        self.password = Some(bytes.to_vec());
        self
    }

    pub(crate) fn with(mut self, property: Property<'static>) -> Self {
        self.properties.push(property);
        self
    }

    pub(crate) fn will(mut self, topic: &str, payload: &str, qos: u8, retain: bool) -> Self {
        let (topic, payload) = (topic.to_owned(), payload.as_bytes().to_vec());
        let (qos, properties) = (QoS::from_bits(qos).unwrap(), Vec::new());
        self.will = Some(WillOptions { topic, payload, qos, retain, properties });
        self
    }

    pub(crate) fn will_with(mut self, property: Property<'static>) -> Self {
        self.will.as_mut().unwrap().properties.push(property);
        self
    }

    /// Comes through the listener of this number.
    pub(crate) fn through(mut self, listener: u16) -> Self {
        self.listener = listener;
        self
    }

    /// The packet.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let properties: PropertiesBuf = self.properties.iter().copied().collect();
        let will_properties: PropertiesBuf = self.will.iter().flat_map(|w| w.properties.iter().copied()).collect();
        let will = self.will.as_ref().map(|will| Will {
            topic: &will.topic,
            payload: &will.payload,
            qos: will.qos,
            retain: will.retain,
            properties: will_properties.as_properties(),
        });
        let mut out = Vec::new();
        let packet = Connect {
            version: self.version,
            bridge: self.bridge,
            clean_start: self.clean_start,
            keep_alive_s: self.keep_alive_s,
            properties: properties.as_properties(),
            client_id: &self.client_id,
            will,
            username: self.username.as_deref(),
            password: self.password.as_deref(),
        };
        packet.encode(&mut out);
        out
    }

    /// Connects (to a shard that is, as it may happen, not the client's home) and returns what came back with it.
    pub(crate) fn attempt(self, net: &mut Net) -> (Peer, Vec<String>) {
        let shard = (net.home_of(&self.client_id) + 1) % net.shards.len();
        let peer = net.dial_through(shard, self.listener);
        net.set_version(peer, self.version);
        net.send_bytes(peer, &self.bytes());
        let got = net.got(peer);
        (peer, got)
    }

    /// Connects, expects to be turned away, and returns what came before the end.
    pub(crate) fn refused(self, net: &mut Net) -> Vec<String> {
        let (peer, got) = self.attempt(net);
        assert!(!net.is_open(peer), "accepted");
        got
    }

    /// Connects and expects to be accepted. What follows the CONNACK can still be read.
    pub(crate) fn on(self, net: &mut Net) -> Peer {
        let shard = (net.home_of(&self.client_id) + 1) % net.shards.len();
        let peer = net.dial_through(shard, self.listener);
        net.set_version(peer, self.version);
        net.send_bytes(peer, &self.bytes());
        let connack = net.got_first(peer);
        assert!(connack.starts_with("CONNACK") && connack.contains("rc=0"), "{connack}");
        peer
    }
}

impl Net {
    fn version(&self, peer: Peer) -> ProtocolVersion {
        self.links[peer.0].version
    }

    /// Sends a PUBLISH. `packet_id` is ignored at QoS 0.
    pub(crate) fn publish(&mut self, peer: Peer, topic: &str, payload: &str, qos: u8, packet_id: u16) {
        self.publish_with(peer, topic, payload.as_bytes(), qos, packet_id, &[]);
    }

    pub(crate) fn publish_with(
        &mut self,
        peer: Peer,
        topic: &str,
        payload: &[u8],
        qos: u8,
        packet_id: u16,
        properties: &[Property<'_>],
    ) {
        self.send_publish(peer, topic, payload, qos, packet_id, (false, false), properties);
    }

    pub(crate) fn publish_retained(&mut self, peer: Peer, topic: &str, payload: &str, qos: u8, packet_id: u16) {
        self.send_publish(peer, topic, payload.as_bytes(), qos, packet_id, (true, false), &[]);
    }

    pub(crate) fn publish_again(&mut self, peer: Peer, topic: &str, payload: &str, qos: u8, packet_id: u16) {
        self.send_publish(peer, topic, payload.as_bytes(), qos, packet_id, (false, true), &[]);
    }

    /// `(retain, dup)`.
    #[allow(clippy::too_many_arguments, reason = "the fields of a PUBLISH")]
    pub(crate) fn send_publish(
        &mut self,
        peer: Peer,
        topic: &str,
        payload: &[u8],
        qos: u8,
        packet_id: u16,
        (retain, dup): (bool, bool),
        properties: &[Property<'_>],
    ) {
        let properties: PropertiesBuf = properties.iter().copied().collect();
        let (qos, properties) = (QoS::from_bits(qos).unwrap(), properties.as_properties());
        let mut out = Vec::new();
        Publish { dup, qos, retain, topic, packet_id, properties, payload }.encode(self.version(peer), &mut out);
        self.send_bytes(peer, &out);
    }

    /// Subscribes and expects to be granted it.
    pub(crate) fn subscribe(&mut self, peer: Peer, filter: &str, qos: u8) {
        let options = SubscriptionOptions::qos(QoS::from_bits(qos).unwrap());
        self.subscribe_options(peer, filter, options, 0);
    }

    /// Subscribes with options of MQTT 5 and an identifier (0: none), and expects to be granted it.
    pub(crate) fn subscribe_options(
        &mut self,
        peer: Peer,
        filter: &str,
        options: SubscriptionOptions,
        identifier: u32,
    ) {
        let properties: &[Property<'_>] = match identifier {
            0 => &[],
            _ => &[Property::SubscriptionIdentifier(identifier)],
        };
        self.subscribe_with(peer, 1, filter, options, properties);
        assert_eq!(self.got_first(peer), format!("SUBACK 1 [{}]", options.qos.bits()));
    }

    pub(crate) fn subscribe_with(
        &mut self,
        peer: Peer,
        packet_id: u16,
        filter: &str,
        options: SubscriptionOptions,
        properties: &[Property<'_>],
    ) {
        let properties: PropertiesBuf = properties.iter().copied().collect();
        let mut out = Vec::new();
        let list = [Subscription { filter, options }];
        Subscribe::write(packet_id, properties.as_properties(), list.into_iter(), self.version(peer), &mut out);
        self.send_bytes(peer, &out);
    }

    pub(crate) fn unsubscribe(&mut self, peer: Peer, packet_id: u16, filters: &[&str]) {
        let mut out = Vec::new();
        Unsubscribe::write(packet_id, Properties::EMPTY, filters.iter().copied(), self.version(peer), &mut out);
        self.send_bytes(peer, &out);
    }

    /// Sends an acknowledgement without properties.
    pub(crate) fn ack(&mut self, peer: Peer, kind: PacketType, packet_id: u16, reason: u8) {
        let mut out = Vec::new();
        Ack::new(packet_id, ReasonCode(reason)).encode(kind, self.version(peer), &mut out);
        self.send_bytes(peer, &out);
    }

    pub(crate) fn puback(&mut self, peer: Peer, packet_id: u16) {
        self.ack(peer, PacketType::PubAck, packet_id, 0);
    }

    pub(crate) fn pubrec(&mut self, peer: Peer, packet_id: u16) {
        self.ack(peer, PacketType::PubRec, packet_id, 0);
    }

    pub(crate) fn pubrel(&mut self, peer: Peer, packet_id: u16) {
        self.ack(peer, PacketType::PubRel, packet_id, 0);
    }

    pub(crate) fn pubcomp(&mut self, peer: Peer, packet_id: u16) {
        self.ack(peer, PacketType::PubComp, packet_id, 0);
    }

    pub(crate) fn ping(&mut self, peer: Peer) {
        self.send_bytes(peer, &[0xc0, 0]);
    }

    pub(crate) fn disconnect(&mut self, peer: Peer) {
        self.disconnect_with(peer, 0, &[]);
    }

    pub(crate) fn disconnect_with(&mut self, peer: Peer, reason: u8, properties: &[Property<'_>]) {
        let properties: PropertiesBuf = properties.iter().copied().collect();
        let mut out = Vec::new();
        Disconnect { reason: ReasonCode(reason), properties: properties.as_properties() }
            .encode(self.version(peer), &mut out);
        self.send_bytes(peer, &out);
    }
}
