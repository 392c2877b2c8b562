//! The remote half with a scripted peer at the other end.

use mosquitto_bridge::{Effect, Limits, Passed, Passing, Remote, RemoteEvent};
use mosquitto_client::Moment;
use mosquitto_client::mqtt::packet::{Ack, ConnAck, Publish, SubAck, UnsubAck};
use mosquitto_client::mqtt::{
    FixedHeader, Packet, PacketType, Properties, PropertiesBuf, Property, ProtocolVersion, QoS, ReasonCode,
};
use mosquitto_config::{Bridge, Config};
use std::path::Path;
use std::sync::Arc;

/// The bridge that these lines below `connection b` make.
pub(crate) fn configured(lines: &str) -> Arc<Bridge> {
    let address = if lines.contains("address") { "" } else { "address one\n" };
    let text = format!("connection b\n{address}{lines}\n");
    let config = Config::parse(Path::new("test"), text.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    Arc::new(config.bridges[0].clone())
}

/// A remote half and the end of its connection.
pub(crate) struct Peer {
    pub(crate) remote: Remote,
    pub(crate) now: Moment,
    /// What the remote broker speaks.
    pub(crate) version: ProtocolVersion,
    /// The texts of the log.
    pub(crate) log: Vec<String>,
}

impl Peer {
    /// A bridge that is started.
    pub(crate) fn new(lines: &str) -> Self {
        Self::with(lines, Limits::default())
    }

    pub(crate) fn with(lines: &str, limits: Limits) -> Self {
        let config = configured(lines);
        let version = match config.protocol_version {
            mosquitto_config::BridgeProtocol::V31 => ProtocolVersion::V31,
            mosquitto_config::BridgeProtocol::V311 => ProtocolVersion::V311,
            mosquitto_config::BridgeProtocol::V5 => ProtocolVersion::V5,
        };
        let mut peer =
            Self { remote: Remote::new(config, "host", limits, 1), now: Moment(1000), version, log: Vec::new() };
        peer.remote.start(peer.now);
        peer
    }

    /// A bridge that the remote broker has accepted, and what that was told then is read.
    pub(crate) fn connected(lines: &str) -> Self {
        let mut peer = Self::new(lines);
        peer.connect(false, &[]);
        peer.sent();
        peer
    }

    /// Opens the connection that was asked for, and accepts it.
    pub(crate) fn connect(&mut self, session_present: bool, properties: &[Property<'_>]) {
        assert!(self.effects().starts_with("open "));
        self.remote.opened(self.now);
        assert!(self.sent().starts_with("CONNECT"));
        self.connack(session_present, 0, properties);
        let connected = RemoteEvent::Connected { session_present };
        assert_eq!(self.remote.poll_event(), Some(connected));
    }

    pub(crate) fn connack(&mut self, session_present: bool, reason: u8, properties: &[Property<'_>]) {
        let list: PropertiesBuf = properties.iter().copied().collect();
        let properties = list.as_properties();
        self.says(Packet::ConnAck(ConnAck { session_present, reason: ReasonCode(reason), properties }));
    }

    /// The remote broker sends a packet.
    pub(crate) fn says(&mut self, packet: Packet<'_>) {
        let mut bytes = Vec::new();
        packet.encode(self.version, &mut bytes);
        assert_eq!(self.remote.received(self.now, &bytes), bytes.len(), "{packet:?}");
    }

    pub(crate) fn ack(&mut self, kind: PacketType, packet_id: u16) {
        let ack = Ack::new(packet_id, ReasonCode::SUCCESS);
        self.says(match kind {
            PacketType::PubAck => Packet::PubAck(ack),
            PacketType::PubRec => Packet::PubRec(ack),
            PacketType::PubRel => Packet::PubRel(ack),
            _ => Packet::PubComp(ack),
        });
    }

    pub(crate) fn suback(&mut self, packet_id: u16, reason: u8) {
        self.says(Packet::SubAck(SubAck { packet_id, properties: Properties::EMPTY, reasons: &[reason] }));
    }

    pub(crate) fn unsuback(&mut self, packet_id: u16) {
        let reasons: &[u8] = if self.version.is_v5() { &[0] } else { &[] };
        self.says(Packet::UnsubAck(UnsubAck { packet_id, properties: Properties::EMPTY, reasons }));
    }

    /// The remote broker sends a message.
    pub(crate) fn delivers(&mut self, topic: &str, qos: QoS, packet_id: u16, dup: bool) {
        let (properties, payload) = (Properties::EMPTY, &b"payload"[..]);
        self.says(Packet::Publish(Publish { dup, qos, retain: false, topic, packet_id, properties, payload }));
    }

    pub(crate) fn publish(&mut self, topic: &str, qos: QoS) -> Passed {
        let properties = Properties::EMPTY;
        self.pass(Passing { topic, payload: b"p", qos, packet_id: 0, dup: false, retain: false, properties })
    }

    pub(crate) fn pass(&mut self, message: Passing<'_>) -> Passed {
        self.remote.publish(self.now, message)
    }

    /// The connection breaks.
    pub(crate) fn breaks(&mut self) {
        self.remote.closed(self.now, "reset by peer");
    }

    /// Time passes.
    pub(crate) fn wait_ms(&mut self, ms: u64) {
        self.now = self.now + ms;
        self.remote.tick(self.now);
    }

    /// Time passes until something is due.
    pub(crate) fn wait(&mut self) -> u64 {
        let ms = self.remote.next_deadline().expect("something is due").since_ms(self.now);
        self.wait_ms(ms);
        ms
    }

    /// What the owner has to do, separated by commas; lines for the log are put aside.
    pub(crate) fn effects(&mut self) -> String {
        let mut list = Vec::new();
        while let Some(effect) = self.remote.poll_effect() {
            match effect {
                Effect::Open(address) => list.push(format!("open {}:{}", address.host, address.port)),
                Effect::Probe(address) => list.push(format!("probe {}:{}", address.host, address.port)),
                Effect::Close => list.push("close".to_owned()),
                Effect::Log(_, text) => self.log.push(text),
            }
        }
        list.join(", ")
    }

    /// The events, separated by commas.
    pub(crate) fn events(&mut self) -> String {
        let mut list = Vec::new();
        while let Some(event) = self.remote.poll_event() {
            list.push(match event {
                RemoteEvent::Connected { session_present } => format!("connected {session_present}"),
                RemoteEvent::Message(message) => format!("message {} {}", message.topic, message.packet_id),
                RemoteEvent::Received { packet_id } => format!("received {packet_id}"),
                RemoteEvent::Released { packet_id } => format!("released {packet_id}"),
                RemoteEvent::Through { packet_id, taken: true } => format!("through {packet_id}"),
                RemoteEvent::Through { packet_id, taken: false } => format!("refused {packet_id}"),
                RemoteEvent::Disconnected => "disconnected".to_owned(),
                RemoteEvent::Forgotten => "forgotten".to_owned(),
            });
        }
        list.join(", ")
    }

    /// The packets that were sent, separated by commas.
    pub(crate) fn sent(&mut self) -> String {
        let bytes = self.remote.output().to_vec();
        self.remote.sent(bytes.len());
        packets(&bytes, self.version).join(", ")
    }
}

/// Packets as tests compare them.
pub(crate) fn packets(mut bytes: &[u8], version: ProtocolVersion) -> Vec<String> {
    let mut list = Vec::new();
    while let Some(header) = FixedHeader::parse(bytes).unwrap() {
        let (packet, rest) = bytes.split_at(header.packet_len());
        let body = &packet[usize::from(header.header_len)..];
        list.push(show(&Packet::decode(header, body, version).unwrap()));
        bytes = rest;
    }
    list
}

fn show(packet: &Packet<'_>) -> String {
    let flag = |on: bool, text: &'static str| if on { text } else { "" };
    match packet {
        Packet::Connect(packet) => {
            let properties: Vec<_> = packet.properties.iter().map(|property| format!(" {property:?}")).collect();
            let will = packet.will.map_or(String::new(), |will| {
                let payload = String::from_utf8_lossy(will.payload);
                format!(" will={}={payload} q{}{}", will.topic, will.qos.bits(), flag(will.retain, " retain"))
            });
            format!(
                "CONNECT {:?}{} {} clean={} keep_alive={}{will}{}",
                packet.version,
                flag(packet.bridge, " bridge"),
                packet.client_id,
                packet.clean_start,
                packet.keep_alive_s,
                properties.concat(),
            )
        }
        Packet::Publish(packet) => format!(
            "PUBLISH {} {} q{}{}{} {}",
            packet.topic,
            packet.packet_id,
            packet.qos.bits(),
            flag(packet.retain, " retain"),
            flag(packet.dup, " dup"),
            String::from_utf8_lossy(packet.payload),
        ),
        Packet::PubAck(ack) => format!("PUBACK {}", ack.packet_id),
        Packet::PubRec(ack) => format!("PUBREC {}", ack.packet_id),
        Packet::PubRel(ack) => format!("PUBREL {}", ack.packet_id),
        Packet::PubComp(ack) => format!("PUBCOMP {}", ack.packet_id),
        Packet::Subscribe(packet) => {
            let list: Vec<_> = packet
                .subscriptions()
                .map(|subscription| format!("{}={:#04x}", subscription.filter, subscription.options.to_byte()))
                .collect();
            format!("SUBSCRIBE {} {}", packet.packet_id, list.join(" "))
        }
        Packet::Unsubscribe(packet) => {
            format!("UNSUBSCRIBE {} {}", packet.packet_id, packet.filters().collect::<Vec<_>>().join(" "))
        }
        Packet::PingReq => "PINGREQ".to_owned(),
        Packet::Disconnect(packet) => format!("DISCONNECT {}", packet.reason.text()),
        other => format!("{other:?}"),
    }
}
