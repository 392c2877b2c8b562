//! A session and the server's end of its connection.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a harness fails the test that it serves"
)]

use mosquitto_client::mqtt::packet::{Ack, ConnAck, Publish, SubAck, UnsubAck};
use mosquitto_client::mqtt::{
    FixedHeader, Packet, PacketType, Properties, PropertiesBuf, Property, ProtocolVersion, QoS, ReasonCode,
};
use mosquitto_client::{End, Event, Message, Moment, Options, Publication, Session};

pub(crate) use ProtocolVersion::{V5, V31, V311};
pub(crate) const QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];
pub(crate) const VERSIONS: [ProtocolVersion; 3] = [V31, V311, V5];
pub(crate) const SUCCESS: ReasonCode = ReasonCode::SUCCESS;

pub(crate) struct Peer {
    pub(crate) session: Session,
    pub(crate) now: Moment,
    version: ProtocolVersion,
}

impl Peer {
    /// A session that is not connected.
    pub(crate) fn new(version: ProtocolVersion) -> Self {
        Self::with(Options::new(version, "me"))
    }

    pub(crate) fn with(options: Options) -> Self {
        Self { version: options.version, session: Session::new(options), now: Moment(1000) }
    }

    /// A session that the server has accepted.
    pub(crate) fn connected(version: ProtocolVersion) -> Self {
        let mut peer = Self::new(version);
        peer.connect(false, &[]);
        peer
    }

    /// CONNECT and a CONNACK with success, of which nothing is left to drain.
    pub(crate) fn connect(&mut self, session_present: bool, properties: &[Property<'_>]) {
        self.session.connect(self.now);
        assert!(self.sent().starts_with("CONNECT "));
        self.connack(session_present, SUCCESS, properties);
        assert!(
            matches!(self.event(), Event::Connected { session_present: present, .. } if present == session_present)
        );
    }

    pub(crate) fn connack(&mut self, session_present: bool, reason: ReasonCode, properties: &[Property<'_>]) {
        let list: PropertiesBuf = properties.iter().copied().collect();
        self.server(Packet::ConnAck(ConnAck { session_present, reason, properties: list.as_properties() }));
    }

    /// The server sends a packet.
    pub(crate) fn server(&mut self, packet: Packet<'_>) {
        let mut bytes = Vec::new();
        packet.encode(self.version, &mut bytes);
        self.server_bytes(&bytes);
    }

    pub(crate) fn server_bytes(&mut self, bytes: &[u8]) {
        assert_eq!(self.session.received(self.now, bytes), bytes.len(), "the packet is not taken");
    }

    pub(crate) fn ack(&mut self, kind: PacketType, packet_id: u16, reason: ReasonCode) {
        let ack = Ack::new(packet_id, reason);
        self.server(match kind {
            PacketType::PubAck => Packet::PubAck(ack),
            PacketType::PubRec => Packet::PubRec(ack),
            PacketType::PubRel => Packet::PubRel(ack),
            _ => Packet::PubComp(ack),
        });
    }

    pub(crate) fn deliver(&mut self, topic: &str, qos: QoS, packet_id: u16, properties: &[Property<'_>]) {
        let list: PropertiesBuf = properties.iter().copied().collect();
        self.server(Packet::Publish(Publish {
            dup: false,
            qos,
            retain: false,
            topic,
            packet_id,
            properties: list.as_properties(),
            payload: b"payload",
        }));
    }

    pub(crate) fn deliver_again(&mut self, topic: &str, qos: QoS, packet_id: u16) {
        let (properties, payload) = (Properties::EMPTY, &b"payload"[..]);
        self.server(Packet::Publish(Publish { dup: true, qos, retain: false, topic, packet_id, properties, payload }));
    }

    pub(crate) fn suback(&mut self, packet_id: u16, reasons: &[u8]) {
        self.server(Packet::SubAck(SubAck { packet_id, properties: Properties::EMPTY, reasons }));
    }

    pub(crate) fn unsuback(&mut self, packet_id: u16, reasons: &[u8]) {
        self.server(Packet::UnsubAck(UnsubAck { packet_id, properties: Properties::EMPTY, reasons }));
    }

    pub(crate) fn publish(&mut self, qos: QoS) -> u16 {
        self.session.publish(self.now, Publication::new("t", b"p", qos)).unwrap()
    }

    /// Time passes.
    pub(crate) fn wait_ms(&mut self, ms: u64) {
        self.now = self.now + ms;
        self.session.tick(self.now);
    }

    /// The next event, which has to be there.
    pub(crate) fn event(&mut self) -> Event {
        self.session.poll_event().expect("an event")
    }

    pub(crate) fn message(&mut self) -> Message {
        match self.event() {
            Event::Message(message) => message,
            other => panic!("{other:?} instead of a message"),
        }
    }

    /// Packet identifier and reason of the message that is through.
    pub(crate) fn published(&mut self) -> (u16, ReasonCode) {
        match self.event() {
            Event::Published { packet_id, reason, .. } => (packet_id, reason),
            other => panic!("{other:?} instead of a message that is through"),
        }
    }

    pub(crate) fn end(&mut self) -> End {
        match self.event() {
            Event::Disconnected(end) => end,
            other => panic!("{other:?} instead of the end"),
        }
    }

    /// What an MQTT 5 server is told of its misbehaviour.
    pub(crate) fn blamed_for(&mut self) -> ReasonCode {
        match self.end() {
            End::ServerMisbehaved { reason, .. } => reason,
            other => panic!("{other:?} instead of misbehaviour"),
        }
    }

    pub(crate) fn is_quiet(&self) -> bool {
        !self.session.has_events() && self.session.output().is_empty()
    }

    /// The packets that the session has sent, separated by commas.
    pub(crate) fn sent(&mut self) -> String {
        let bytes = self.session.output().to_vec();
        self.session.sent(bytes.len());
        let (mut rest, mut list) = (bytes.as_slice(), Vec::new());
        while let Some(header) = FixedHeader::parse(rest).unwrap() {
            let (packet, behind) = rest.split_at(header.packet_len());
            let body = &packet[usize::from(header.header_len)..];
            list.push(show(&Packet::decode(header, body, self.version).unwrap()));
            rest = behind;
        }
        list.join(", ")
    }
}

/// A packet as tests compare it.
fn show(packet: &Packet<'_>) -> String {
    let ack = |name: &str, ack: &Ack<'_>| match ack.reason {
        SUCCESS => format!("{name} {}", ack.packet_id),
        reason => format!("{name} {} {}", ack.packet_id, reason.text()),
    };
    match packet {
        Packet::Connect(packet) => format!(
            "CONNECT {:?} {:?} clean={} keep_alive={} {}",
            packet.version,
            packet.client_id,
            packet.clean_start,
            packet.keep_alive_s,
            packet.properties.iter().map(|p| format!("{p:?}")).collect::<Vec<_>>().join(" ")
        ),
        Packet::Publish(packet) => format!(
            "PUBLISH {}{} q{}{}",
            packet.topic,
            if packet.packet_id > 0 { format!(" {}", packet.packet_id) } else { String::new() },
            packet.qos.bits(),
            if packet.dup { " dup" } else { "" }
        ),
        Packet::PubAck(packet) => ack("PUBACK", packet),
        Packet::PubRec(packet) => ack("PUBREC", packet),
        Packet::PubRel(packet) => ack("PUBREL", packet),
        Packet::PubComp(packet) => ack("PUBCOMP", packet),
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
