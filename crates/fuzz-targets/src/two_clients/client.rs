//! A client's side: what it has sent, and whether what it gets may come from a server.

use super::broker::Link;
use mosquitto_broker::Settings;
use mosquitto_mqtt::packet::{ConnAck, Connect, Publish};
use mosquitto_mqtt::{FixedHeader, Packet, PacketType, Property, ProtocolVersion, QoS};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

/// Unsent bytes for one client beyond what its packets can make: replies may pile up to 1 MiB, and retained messages are
/// streamed while less than 64 KiB wait.
const OUTPUT_FIXED: usize = (1 << 20) + 64 * 1024;

#[derive(Debug)]
pub(super) struct Client {
    pub(super) link: Option<Link>,
    /// What its packets look like where they are made for it.
    preferred: ProtocolVersion,
    receive_maximum: u16,
    max_queued_messages: usize,
    max_packet_size: usize,
    /// Whether the server sends again on a live connection what a client of MQTT 3.1 does not acknowledge.
    repeats: bool,
    last_sent: Vec<u8>,
    /// Client ids under which it may have left a session.
    ids: BTreeSet<String>,
    connection: Connection,
}

/// What it knows of the present connection.
#[derive(Debug, Default)]
struct Connection {
    /// What it sent and has not been taken apart yet.
    outgoing: Vec<u8>,
    /// Whether what it sends cannot be taken apart any more.
    garbled: bool,
    connect: Option<Said>,
    /// What it got and has not looked at yet.
    incoming: Vec<u8>,
    accepted: Option<bool>,
    /// Whether the server has said goodbye.
    ended: bool,
    /// Messages of QoS 1 and 2 that it has not acknowledged.
    in_flight: BTreeSet<u16>,
    /// It acknowledged what it did not have: nobody can tell what is in flight.
    cheated: bool,
    aliases: BTreeMap<u16, String>,
    /// What it has asked for, with how many filters, and has no answer to.
    unanswered: HashMap<(PacketType, u16), VecDeque<usize>>,
}

/// What its CONNECT said.
#[derive(Debug)]
struct Said {
    version: ProtocolVersion,
    receive_maximum: Option<u16>,
    maximum_packet_size: usize,
    topic_alias_maximum: u16,
}

impl Client {
    pub(super) fn new(preferred: ProtocolVersion, settings: &Settings) -> Self {
        Self {
            link: None,
            preferred,
            receive_maximum: settings.max_inflight_messages,
            max_queued_messages: settings.max_queued_messages as usize,
            max_packet_size: settings.max_packet_size as usize,
            repeats: settings.retry_interval_s != Some(0),
            last_sent: Vec::new(),
            ids: BTreeSet::new(),
            connection: Connection::default(),
        }
    }

    /// What it speaks on this connection, or would.
    pub(super) fn version(&self) -> ProtocolVersion {
        self.connection.connect.as_ref().map_or(self.preferred, |connect| connect.version)
    }

    pub(super) fn last_sent(&self) -> &[u8] {
        &self.last_sent
    }

    pub(super) fn ids_used(&self) -> impl Iterator<Item = &String> {
        self.ids.iter()
    }

    /// The message of QoS 1 or 2 that it has had for longest, as far as it knows.
    pub(super) fn oldest_in_flight(&self) -> u16 {
        self.connection.in_flight.first().copied().unwrap_or(1)
    }

    pub(super) fn sends(&mut self, bytes: &[u8]) {
        self.last_sent = bytes.to_vec();
        let connection = &mut self.connection;
        if connection.garbled {
            return;
        }
        connection.outgoing.extend_from_slice(bytes);
        while let Some(len) = self.look_at_sent() {
            self.connection.outgoing.drain(..len);
        }
    }

    /// Looks at the first packet that it sent; `None` where there is none, or none that can be understood.
    fn look_at_sent(&mut self) -> Option<usize> {
        let (version, connection) = (self.version(), &mut self.connection);
        let packet = packet(&connection.outgoing, version);
        let (len, packet) = match packet {
            Ok(Some(packet)) => packet,
            Ok(None) => return None,
            Err(()) => {
                connection.garbled = true;
                return None;
            }
        };
        match packet {
            Packet::Connect(connect) if connection.connect.is_none() => {
                self.ids.insert(connect.client_id.to_owned());
                connection.connect = Some(Said::in_connect(&connect));
            }
            Packet::PubAck(ack) | Packet::PubComp(ack) => {
                connection.cheated |= !connection.in_flight.remove(&ack.packet_id);
            }
            Packet::PubRec(ack) if ack.reason.is_error() => {
                connection.cheated |= !connection.in_flight.remove(&ack.packet_id);
            }
            _ => {}
        }
        if let Some((answer, filters)) = answer_to(&packet) {
            connection.unanswered.entry(answer).or_default().push_back(filters);
        }
        Some(len)
    }

    /// Bytes come from the broker.
    pub(super) fn receives(&mut self, bytes: &[u8]) {
        self.connection.incoming.extend_from_slice(bytes);
        while let Some(len) = self.look_at_received() {
            self.connection.incoming.drain(..len);
        }
    }

    /// The connection is over; `last` is what would still have come.
    pub(super) fn ends(&mut self, last: &[u8]) {
        self.receives(last);
        assert!(self.connection.incoming.is_empty(), "half a packet was all that there was");
        self.connection = Connection::default();
    }

    fn look_at_received(&mut self) -> Option<usize> {
        let connack_of_5 = self.connection.accepted.is_none() && self.connection.incoming.get(1) != Some(&2);
        let version = if connack_of_5 { ProtocolVersion::V5 } else { self.version() };
        let incoming = std::mem::take(&mut self.connection.incoming);
        let len = match packet(&incoming, version) {
            Err(()) => panic!("the broker sent what is no packet: {incoming:02x?}"),
            Ok(None) => None,
            Ok(Some((len, packet))) => {
                self.is_right(&packet, len);
                Some(len)
            }
        };
        self.connection.incoming = incoming;
        len
    }

    fn is_right(&mut self, packet: &Packet<'_>, len: usize) {
        let connection = &mut self.connection;
        assert!(!connection.ended, "{packet:?} came after the end");
        if let Packet::ConnAck(ack) = packet {
            assert_eq!(connection.accepted, None, "a second CONNACK");
            connection.accepted = Some(!ack.reason.is_error() && ack.reason.0 == 0);
            self.on_connack(ack);
        } else {
            // [MQTT-3.2.0-1] [MQTT-3.2.2-7]
            assert_eq!(connection.accepted, Some(true), "{packet:?} came to a client that was not accepted");
        }
        let said = self.connection.connect.as_ref();
        if self.connection.accepted == Some(true) {
            let said = said.expect("a client that was accepted has connected");
            // [MQTT-3.1.2-24]
            assert!(len <= said.maximum_packet_size, "a packet of {len} bytes");
        }
        self.is_an_answer(packet);
        match packet {
            Packet::Publish(publish) => self.on_publish(publish),
            // [MQTT-3.14.0-1] and 3.1.1, 3.14: a server of MQTT 3 has no DISCONNECT.
            Packet::Disconnect(disconnect) => {
                assert!(self.version().is_v5() && disconnect.reason.is_error());
                self.connection.ended = true;
            }
            Packet::Connect(_) | Packet::Subscribe(_) | Packet::Unsubscribe(_) | Packet::PingReq | Packet::Auth(_) => {
                panic!("a server does not send {packet:?}")
            }
            _ => {}
        }
    }

    /// An answer has its question, and as many codes as there were filters.
    fn is_an_answer(&mut self, packet: &Packet<'_>) {
        let (kind, id, codes) = match packet {
            Packet::PubAck(ack) => (PacketType::PubAck, ack.packet_id, 0),
            Packet::PubRec(ack) => (PacketType::PubRec, ack.packet_id, 0),
            Packet::PubRel(ack) => (PacketType::PubRel, ack.packet_id, 0),
            Packet::PubComp(ack) => (PacketType::PubComp, ack.packet_id, 0),
            Packet::SubAck(ack) => (PacketType::SubAck, ack.packet_id, ack.reasons.len()),
            Packet::UnsubAck(ack) => (PacketType::UnsubAck, ack.packet_id, ack.reasons.len()),
            Packet::PingResp => (PacketType::PingResp, 0, 0),
            _ => return,
        };
        let asked = self.connection.unanswered.get_mut(&(kind, id)).and_then(VecDeque::pop_front);
        match asked {
            // UNSUBACK of MQTT 3 has no codes.
            Some(filters) => assert!(codes == filters || (codes == 0 && !self.version().is_v5()), "{packet:?}"),
            // The message may have come over an earlier connection [MQTT-4.4.0-1].
            None => assert_eq!(kind, PacketType::PubRel, "{packet:?} was not asked for"),
        }
    }

    /// Whether nothing is owed to a client that takes all it is sent.
    pub(super) fn has_all_answers(&self) {
        let open: Vec<_> = self.connection.unanswered.iter().filter(|(_, list)| !list.is_empty()).collect();
        assert!(open.is_empty() || self.connection.garbled, "{open:?} are not answered");
    }

    fn on_connack(&mut self, ack: &ConnAck<'_>) {
        // [MQTT-3.2.2-6]
        assert!(!ack.session_present || ack.reason.0 == 0);
        self.connection.ended = ack.reason.0 != 0;
        for property in ack.properties.iter() {
            if let Property::AssignedClientIdentifier(id) = property {
                self.ids.insert(id.to_owned());
            }
        }
    }

    fn on_publish(&mut self, publish: &Publish<'_>) {
        let connection = &mut self.connection;
        let Some(said) = &connection.connect else { return };
        let mut alias = None;
        for property in publish.properties.iter() {
            if let Property::TopicAlias(number) = property {
                // [MQTT-3.1.2-26]
                assert!((1..=said.topic_alias_maximum).contains(&number), "topic alias {number}");
                alias = Some(number);
            }
        }
        match alias {
            Some(alias) if publish.topic.is_empty() => assert!(connection.aliases.contains_key(&alias)),
            Some(alias) => _ = connection.aliases.insert(alias, publish.topic.to_owned()),
            None => assert!(!publish.topic.is_empty()),
        }
        if publish.qos == QoS::AtMostOnce || connection.cheated {
            return;
        }
        // It may cross the acknowledgement, and so be of what is finished already.
        if self.repeats && publish.dup && said.version == ProtocolVersion::V31 {
            return;
        }
        // [MQTT-2.2.1-4]: an identifier that is in use is not used again; and there is no repetition on one connection.
        assert!(connection.in_flight.insert(publish.packet_id), "{publish:?} came twice");
        let maximum =
            said.receive_maximum.unwrap_or(if self.receive_maximum == 0 { u16::MAX } else { self.receive_maximum });
        // [MQTT-3.3.4-9]
        assert!(connection.in_flight.len() <= usize::from(maximum), "more than {maximum} in flight");
    }

    /// Whether no more waits for it than `docs/fuzzing.md` allows. Where nothing bounds its queue, nor is it bounded here.
    pub(super) fn keeps_within_bounds(&self, output_len: usize) {
        if self.max_queued_messages > 0 {
            let window = usize::from(
                self.connection.connect.as_ref().map_or(0, |said| said.receive_maximum.unwrap_or(self.receive_maximum)),
            );
            let longest = self.max_packet_size + 100;
            let packets = self.max_queued_messages + window;
            let limit = OUTPUT_FIXED + self.max_packet_size / 4 + packets * longest;
            assert!(output_len <= limit, "{output_len} bytes wait, {limit} may");
        }
    }
}

impl Said {
    fn in_connect(connect: &Connect<'_>) -> Self {
        let mut said = Self {
            version: connect.version,
            receive_maximum: None,
            maximum_packet_size: usize::MAX,
            topic_alias_maximum: 0,
        };
        for property in connect.properties.iter() {
            match property {
                Property::ReceiveMaximum(maximum) => said.receive_maximum = Some(maximum),
                Property::MaximumPacketSize(bytes) => said.maximum_packet_size = bytes as usize,
                Property::TopicAliasMaximum(maximum) => said.topic_alias_maximum = maximum,
                _ => {}
            }
        }
        said
    }
}

/// What a server answers to a packet, and for how many filters.
fn answer_to(packet: &Packet<'_>) -> Option<((PacketType, u16), usize)> {
    Some(match packet {
        Packet::Publish(publish) if publish.qos == QoS::AtLeastOnce => ((PacketType::PubAck, publish.packet_id), 0),
        Packet::Publish(publish) if publish.qos == QoS::ExactlyOnce => ((PacketType::PubRec, publish.packet_id), 0),
        Packet::PubRel(ack) => ((PacketType::PubComp, ack.packet_id), 0),
        Packet::PubRec(ack) if !ack.reason.is_error() => ((PacketType::PubRel, ack.packet_id), 0),
        Packet::Subscribe(packet) => ((PacketType::SubAck, packet.packet_id), packet.subscriptions().count()),
        Packet::Unsubscribe(packet) => ((PacketType::UnsubAck, packet.packet_id), packet.filters().count()),
        Packet::PingReq => ((PacketType::PingResp, 0), 0),
        _ => return None,
    })
}

/// The first packet and its length: nothing where it is not whole, an error where it is none.
fn packet(bytes: &[u8], version: ProtocolVersion) -> Result<Option<(usize, Packet<'_>)>, ()> {
    let Some(header) = FixedHeader::parse(bytes).map_err(drop)? else { return Ok(None) };
    let len = header.packet_len();
    let Some(body) = bytes.get(usize::from(header.header_len)..len) else { return Ok(None) };
    Ok(Some((len, Packet::decode(header, body, version).map_err(drop)?)))
}
