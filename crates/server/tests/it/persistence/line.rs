//! A connection that may break at any moment, in the middle of a packet too.

use crate::harness::PATIENCE;
use mosquitto_mqtt::packet::{Ack, Connect, Publish, Subscribe, Subscription, SubscriptionOptions};
use mosquitto_mqtt::{FixedHeader, Packet, PacketType, Properties, ProtocolVersion, QoS, ReasonCode};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

const VERSION: ProtocolVersion = ProtocolVersion::V311;

/// A client of MQTT 3.1.1 whose session is kept, connected.
pub(super) struct Line {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Whether there was a session.
    pub(super) present: bool,
}

/// What came. All methods return None once the connection is gone.
#[derive(Debug)]
pub(super) enum Came {
    Message { payload: String, qos: u8, packet_id: u16, dup: bool },
    Ack(PacketType, u16),
    SubAck,
    Pong,
}

impl Line {
    pub(super) fn connect(address: SocketAddr, client_id: &str) -> Option<Self> {
        let stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.set_nodelay(true).ok()?;
        let mut line = Self { stream, buffer: Vec::new(), present: false };
        let mut out = Vec::new();
        let (version, properties) = (VERSION, Properties::EMPTY);
        Connect {
            version,
            bridge: false,
            clean_start: false,
            keep_alive_s: 0,
            properties,
            client_id,
            will: None,
            username: None,
            password: None,
        }
        .encode(&mut out);
        line.send(&out)?;
        let (present, reason) = line.next_packet(|packet| match packet {
            Packet::ConnAck(ack) => (ack.session_present, ack.reason.0),
            other => panic!("{other:?} instead of a CONNACK"),
        })?;
        assert_eq!(reason, 0, "{client_id} is refused");
        line.present = present;
        Some(line)
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> Option<()> {
        self.stream.write_all(bytes).ok()
    }

    pub(super) fn publish(
        &mut self,
        (topic, payload): (&str, &str),
        qos: u8,
        packet_id: u16,
        again: bool,
    ) -> Option<()> {
        let retain = topic.starts_with('r');
        let (qos, properties) = (QoS::from_bits(qos).unwrap(), Properties::EMPTY);
        let mut out = Vec::new();
        Publish { dup: again, qos, retain, topic, packet_id, properties, payload: payload.as_bytes() }
            .encode(VERSION, &mut out);
        self.send(&out)
    }

    pub(super) fn ack(&mut self, kind: PacketType, packet_id: u16) -> Option<()> {
        let mut out = Vec::new();
        Ack::new(packet_id, ReasonCode::SUCCESS).encode(kind, VERSION, &mut out);
        self.send(&out)
    }

    pub(super) fn subscribe(&mut self, filter: &str, qos: u8) -> Option<()> {
        let options = SubscriptionOptions::qos(QoS::from_bits(qos).unwrap());
        let mut out = Vec::new();
        Subscribe::write(1, Properties::EMPTY, [Subscription { filter, options }].into_iter(), VERSION, &mut out);
        self.send(&out)
    }

    pub(super) fn ping(&mut self) -> Option<()> {
        let mut out = Vec::new();
        Packet::PingReq.encode(VERSION, &mut out);
        self.send(&out)
    }

    pub(super) fn disconnect(mut self) {
        // Whether anybody hears it does not matter.
        let _ = self.send(&[0xe0, 0]);
    }

    pub(super) fn next(&mut self) -> Option<Came> {
        self.next_packet(|packet| match packet {
            Packet::Publish(publish) => Came::Message {
                payload: String::from_utf8(publish.payload.to_vec()).unwrap(),
                qos: publish.qos.bits(),
                packet_id: publish.packet_id,
                dup: publish.dup,
            },
            Packet::PubAck(ack) => Came::Ack(PacketType::PubAck, ack.packet_id),
            Packet::PubRec(ack) => Came::Ack(PacketType::PubRec, ack.packet_id),
            Packet::PubRel(ack) => Came::Ack(PacketType::PubRel, ack.packet_id),
            Packet::PubComp(ack) => Came::Ack(PacketType::PubComp, ack.packet_id),
            Packet::SubAck(_) => Came::SubAck,
            Packet::PingResp => Came::Pong,
            other => panic!("{other:?} came"),
        })
    }

    fn next_packet<T>(&mut self, make: impl FnOnce(Packet<'_>) -> T) -> Option<T> {
        loop {
            let header = FixedHeader::parse(&self.buffer).expect("a header that the broker wrote");
            if let Some(header) = header
                && let Some(body) = self.buffer.get(usize::from(header.header_len)..header.packet_len())
            {
                let packet = Packet::decode(header, body, VERSION).expect("a packet that the broker wrote");
                let made = make(packet);
                self.buffer.drain(..header.packet_len());
                return Some(made);
            }
            let mut room = [0; 16384];
            match self.stream.read(&mut room) {
                Ok(0) => return None,
                Ok(len) => self.buffer.extend_from_slice(&room[..len]),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("the broker says nothing"),
                Err(_) => return None,
            }
        }
    }
}
