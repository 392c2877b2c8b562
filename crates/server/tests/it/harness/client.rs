//! A client that does what a test says, packet by packet.

use mosquitto_mqtt::packet::{Ack, Disconnect, Publish, Subscribe, Subscription, SubscriptionOptions};
use mosquitto_mqtt::{FixedHeader, Packet, PacketType, Properties, ProtocolVersion, QoS, ReasonCode};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;

/// Messages of QoS 1 and 2 that a client has under way at once, as many as the broker allows by default.
const WINDOW: usize = 20;

/// A connected client.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    version: ProtocolVersion,
    /// What one read brings.
    room: Box<[u8]>,
    buffer: Vec<u8>,
    /// Bytes of the buffer that were taken.
    taken: usize,
    last_id: u16,
    in_flight: usize,
    /// Messages that came while something else was waited for.
    inbox: VecDeque<Message>,
    /// The properties of the CONNACK.
    announced: Vec<String>,
}

/// A PUBLISH from the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) qos: u8,
    pub(crate) retain: bool,
    pub(crate) dup: bool,
    pub(crate) packet_id: u16,
}

/// What came from the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Got {
    ConnAck {
        present: bool,
        reason: u8,
    },
    Message(Message),
    Ack(PacketType, u16, u8),
    SubAck(Vec<u8>),
    PingResp,
    Disconnect(u8),
    /// The connection is closed.
    End,
}

impl Message {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.payload).unwrap()
    }
}

impl Client {
    pub(crate) fn new(stream: TcpStream, version: ProtocolVersion) -> Self {
        let (room, buffer, inbox) = (vec![0; 65536].into_boxed_slice(), Vec::new(), VecDeque::new());
        Self { stream, version, room, buffer, taken: 0, last_id: 0, in_flight: 0, inbox, announced: Vec::new() }
    }

    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    pub(crate) fn send(&mut self, packet: &Packet<'_>) {
        let mut out = Vec::new();
        packet.encode(self.version, &mut out);
        self.send_bytes(&out);
    }

    /// The next packet, whatever it is. Nothing is answered.
    pub(crate) fn next(&mut self) -> Got {
        loop {
            if let Some(got) = self.take() {
                return got;
            }
            if !self.read() {
                assert_eq!(self.buffer.len(), self.taken, "closed in the middle of a packet");
                return Got::End;
            }
        }
    }

    /// The bytes of the next packet, which need not be as MQTT wants it.
    pub(crate) fn next_bytes(&mut self) -> Vec<u8> {
        loop {
            let bytes = &self.buffer[self.taken..];
            let header = FixedHeader::parse(bytes).expect("a header that the broker wrote");
            if let Some(packet) = header.and_then(|header| bytes.get(..header.packet_len())) {
                let packet = packet.to_vec();
                self.taken += packet.len();
                return packet;
            }
            assert!(self.read(), "the end instead of a packet");
        }
    }

    /// The packets that are left until the connection is closed.
    pub(crate) fn rest(&mut self) -> Vec<Got> {
        std::iter::from_fn(|| Some(self.next()).filter(|got| *got != Got::End)).collect()
    }

    /// The next packet; none where the connection is closed instead, in whatever way.
    pub(crate) fn next_or_end(&mut self) -> Option<Got> {
        let got = self.next();
        (got != Got::End).then_some(got)
    }

    /// False at the end.
    fn read(&mut self) -> bool {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        match retry(|| self.stream.read(&mut self.room)) {
            Ok(len) => {
                self.buffer.extend_from_slice(&self.room[..len]);
                len > 0
            }
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => false,
            Err(error) => panic!("nothing comes: {error}"),
        }
    }

    /// A packet out of what was read.
    fn take(&mut self) -> Option<Got> {
        let bytes = &self.buffer[self.taken..];
        let header = FixedHeader::parse(bytes).expect("a header that the broker wrote")?;
        let body = bytes.get(usize::from(header.header_len)..header.packet_len())?;
        // A refusal may come in MQTT 5 whatever was asked for.
        let version = if bytes[0] == 0x20 && body.len() > 2 { ProtocolVersion::V5 } else { self.version };
        let packet = Packet::decode(header, body, version).expect("a packet that the broker wrote");
        if let Packet::ConnAck(ack) = packet {
            self.announced = ack.properties.iter().map(|property| format!("{property:?}")).collect();
        }
        let got = owned(&packet);
        self.taken += header.packet_len();
        Some(got)
    }

    /// The next message. Whatever belongs to the exchanges of QoS 1 and 2 on the way is answered.
    pub(crate) fn message(&mut self) -> Message {
        loop {
            if let Some(message) = self.inbox.pop_front() {
                return message;
            }
            let got = self.next();
            assert!(self.exchange(&got), "{got:?} instead of a message");
        }
    }

    /// That many messages.
    pub(crate) fn messages(&mut self, count: usize) -> Vec<Message> {
        (0..count).map(|_| self.message()).collect()
    }

    /// All messages that have come or that wait for room under way, each acknowledged. With a broker of one worker, these
    /// are all that were published before.
    pub(crate) fn all_messages(&mut self) -> Vec<Message> {
        // One answer may be on its way for each step of an exchange of QoS 2.
        let mut quiet = 0;
        while quiet < 3 {
            let before = self.inbox.len();
            self.ping();
            quiet = if self.inbox.len() == before { quiet + 1 } else { 0 };
        }
        self.inbox.drain(..).collect()
    }

    /// Plays the client's part in an exchange. False where the packet belongs to none.
    fn exchange(&mut self, got: &Got) -> bool {
        match *got {
            Got::Message(ref message) => {
                self.inbox.push_back(message.clone());
                match message.qos {
                    0 => {}
                    1 => self.ack(PacketType::PubAck, message.packet_id),
                    _ => self.ack(PacketType::PubRec, message.packet_id),
                }
            }
            Got::Ack(PacketType::PubRel, id, _) => self.ack(PacketType::PubComp, id),
            Got::Ack(PacketType::PubRec, id, reason) => {
                assert!(reason < 0x80, "PUBREC {reason:#x}");
                self.ack(PacketType::PubRel, id);
            }
            Got::Ack(PacketType::PubAck | PacketType::PubComp, _, reason) => {
                assert!(reason < 0x80, "PUBACK or PUBCOMP {reason:#x}");
                self.in_flight -= 1;
            }
            _ => return false,
        }
        true
    }

    pub(crate) fn ack(&mut self, kind: PacketType, packet_id: u16) {
        let mut out = Vec::new();
        Ack::new(packet_id, ReasonCode::SUCCESS).encode(kind, self.version, &mut out);
        self.send_bytes(&out);
    }

    /// Sends a message, once less than [`WINDOW`] are under way.
    pub(crate) fn publish(&mut self, topic: &str, payload: impl AsRef<[u8]>, qos: u8) {
        self.send_message(topic, payload.as_ref(), qos, false);
    }

    pub(crate) fn publish_retained(&mut self, topic: &str, payload: impl AsRef<[u8]>, qos: u8) {
        self.send_message(topic, payload.as_ref(), qos, true);
    }

    /// Sends messages of QoS 0, all at once.
    pub(crate) fn publish_at_once<P: AsRef<[u8]>>(&mut self, topic: &str, payloads: impl IntoIterator<Item = P>) {
        let (dup, qos, retain, properties) = (false, QoS::AtMostOnce, false, Properties::EMPTY);
        let mut out = Vec::new();
        for payload in payloads {
            let payload = payload.as_ref();
            Publish { dup, qos, retain, topic, packet_id: 0, properties, payload }.encode(self.version, &mut out);
        }
        self.send_bytes(&out);
    }

    /// Sends a message of QoS 1 while no other is under way, and returns what its PUBACK says.
    pub(crate) fn attempt(&mut self, topic: &str, payload: &str) -> u8 {
        self.publish(topic, payload, 1);
        self.in_flight -= 1;
        loop {
            match self.next() {
                Got::Ack(PacketType::PubAck, id, reason) if id == self.last_id => return reason,
                got => assert!(self.exchange(&got), "{got:?} instead of a PUBACK"),
            }
        }
    }

    fn send_message(&mut self, topic: &str, payload: &[u8], qos: u8, retain: bool) {
        let mut packet_id = 0;
        if qos > 0 {
            self.finish_all_but(WINDOW - 1);
            self.in_flight += 1;
            packet_id = self.fresh_id();
        }
        let qos = QoS::from_bits(qos).unwrap();
        let properties = Properties::EMPTY;
        self.send(&Packet::Publish(Publish { dup: false, qos, retain, topic, packet_id, properties, payload }));
    }

    /// Waits until every message of QoS 1 and 2 is acknowledged.
    pub(crate) fn finish(&mut self) {
        self.finish_all_but(0);
    }

    fn finish_all_but(&mut self, under_way: usize) {
        while self.in_flight > under_way {
            let got = self.next();
            assert!(self.exchange(&got), "{got:?} instead of an acknowledgement");
        }
    }

    /// What the CONNACK has said about a property, given by its name: `Name(value)`.
    pub(crate) fn announced(&self, name: &str) -> Option<&str> {
        let is_it = |property: &&String| property.split_once('(').is_some_and(|(found, _)| found == name);
        self.announced.iter().find(is_it).map(String::as_str)
    }

    /// Subscribes and expects to be granted it.
    pub(crate) fn subscribe(&mut self, filter: &str, qos: u8) {
        assert_eq!(self.ask_for(filter, qos), qos);
    }

    /// Subscribes and returns the reason code.
    pub(crate) fn ask_for(&mut self, filter: &str, qos: u8) -> u8 {
        let options = SubscriptionOptions::qos(QoS::from_bits(qos).unwrap());
        let mut out = Vec::new();
        let list = [Subscription { filter, options }];
        Subscribe::write(self.fresh_id(), Properties::EMPTY, list.into_iter(), self.version, &mut out);
        self.send_bytes(&out);
        loop {
            match self.next() {
                Got::SubAck(reasons) => return reasons[0],
                other => assert!(self.exchange(&other), "{other:?} instead of a SUBACK"),
            }
        }
    }

    /// Whether the broker answers: all that was sent before has been handled then.
    pub(crate) fn ping(&mut self) {
        self.send(&Packet::PingReq);
        loop {
            match self.next() {
                Got::PingResp => return,
                other => assert!(self.exchange(&other), "{other:?} instead of a PINGRESP"),
            }
        }
    }

    /// Says goodbye and waits until the broker has closed the connection.
    pub(crate) fn disconnect(mut self) {
        self.send(&Packet::Disconnect(Disconnect::new(ReasonCode::SUCCESS)));
        assert_eq!(self.rest(), []);
    }

    fn fresh_id(&mut self) -> u16 {
        self.last_id = self.last_id.checked_add(1).unwrap_or(1);
        self.last_id
    }
}

/// A signal to the test runner is no reason to stop.
pub(crate) fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn owned(packet: &Packet<'_>) -> Got {
    match packet {
        Packet::ConnAck(ack) => Got::ConnAck { present: ack.session_present, reason: ack.reason.0 },
        Packet::Publish(publish) => Got::Message(Message {
            topic: publish.topic.to_owned(),
            payload: publish.payload.to_vec(),
            qos: publish.qos.bits(),
            retain: publish.retain,
            dup: publish.dup,
            packet_id: publish.packet_id,
        }),
        Packet::PubAck(ack) => Got::Ack(PacketType::PubAck, ack.packet_id, ack.reason.0),
        Packet::PubRec(ack) => Got::Ack(PacketType::PubRec, ack.packet_id, ack.reason.0),
        Packet::PubRel(ack) => Got::Ack(PacketType::PubRel, ack.packet_id, ack.reason.0),
        Packet::PubComp(ack) => Got::Ack(PacketType::PubComp, ack.packet_id, ack.reason.0),
        Packet::SubAck(ack) => Got::SubAck(ack.reasons.to_vec()),
        Packet::PingResp => Got::PingResp,
        Packet::Disconnect(packet) => Got::Disconnect(packet.reason.0),
        other => panic!("a server does not send {other:?}"),
    }
}
