//! From bytes to packets: what arrives on a connection, one packet after the other.

use crate::connection::{Phase, REPLY_BACKLOG_BYTES};
use crate::log::{log, log_connection};
use crate::message::{GATHERED_FROM, Gathered};
use crate::protocol_error::{FaultyPacket, Refused};
use crate::{ConnectionId, Shard, ShardId};
use mosquitto_mqtt::packet::{Ack, Disconnect, Publish, Subscribe, Unsubscribe};
use mosquitto_mqtt::{DecodeError, Fault, FixedHeader, PacketType, ProtocolVersion, ReasonCode};

/// The largest remaining length of a CONNECT or AUTH, and of an MQTT 5 SUBSCRIBE or UNSUBSCRIBE, in bytes.
const LONG_PACKET_MAX: u32 = 100_000;

/// The largest remaining length of an MQTT 5 acknowledgement or DISCONNECT, in bytes.
const SHORT_PACKET_MAX: u32 = 10_000;

/// The first byte of a TLS client's first record (RFC 8446, 5.1).
const TLS_HANDSHAKE: u8 = 0x16;

/// The first byte of `GET`, with which WebSockets begin, too. No packet of MQTT begins so.
const HTTP_GET: u8 = b'G';

/// Bytes to copy that count as much as a delivery.
pub(crate) const WORK_BYTES: usize = 1024;

/// What became of the bytes that were given to [`Shard::received`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// How many of them were used up. The rest has to be presented again, with what comes after it.
    pub consumed: usize,
    /// How to go on.
    pub then: Then,
}

/// How to go on with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// The rest is the beginning of a packet of this many bytes; 0 where its length cannot be told yet.
    Wait {
        /// Bytes of the whole packet.
        packet_len: usize,
    },
    /// The connection had its share of the tick: present the rest in the next one, and read no more before.
    Busy,
    /// The client does not take its answers, or another shard cannot take more mail: present the rest once output was
    /// sent or mail was taken, and read no more before.
    Full,
    /// The client's password is being looked at: present the rest once [`Shard::password_checked`] has the answer, and
    /// read no more before.
    Checking,
    /// The connection belongs to another shard. Hand socket and rest over to it and [release](Shard::release) the
    /// connection here.
    HandOver(ShardId),
    /// The connection is at its end; nothing more is read.
    Ended {
        /// Whether its client has said goodbye, and so waits for nothing.
        by_client: bool,
    },
}

/// What a packet handler says.
pub(crate) enum Flow {
    /// The packet is done.
    Next,
    /// The packet cannot be handled now, and nothing has been done for it.
    Held,
    /// The packet has to wait until a password was looked at, and nothing else has been done for it.
    Checking,
    /// The packet belongs to another shard, and nothing has been done for it.
    HandOver(ShardId),
}

impl Shard {
    /// Handles the packets at the front of `bytes`, which came in on a connection. See [`Received`].
    pub fn received(&mut self, id: ConnectionId, bytes: &[u8]) -> Received {
        let now = self.home.now;
        match self.home.connections.get_mut(id) {
            // A CONNECT has to be whole in time, however slowly it comes.
            Some(connection) if connection.phase == Phase::Opening => {}
            Some(connection) => connection.heard_at = now,
            None => return Received { consumed: 0, then: Then::Ended { by_client: false } },
        }
        let mut consumed = 0;
        self.work = 0;
        loop {
            let rest = bytes.get(consumed..).unwrap_or_default();
            match self.receive_one(id, rest) {
                Ok(len) => consumed += len,
                Err(then) => return Received { consumed, then },
            }
        }
    }

    /// Likewise, of a long packet in a buffer of its own: it may become that of the message's payload, which is not copied then.
    /// Returns what of the buffer was not used up as well.
    pub fn received_whole(&mut self, id: ConnectionId, mut bytes: Vec<u8>) -> (Received, Vec<u8>) {
        // Too short for any payload to stay: most of these are what a newcomer has said first.
        if bytes.len() < GATHERED_FROM {
            let received = self.received(id, &bytes);
            bytes.drain(..received.consumed);
            return (received, bytes);
        }
        let packet = Gathered::new(bytes);
        self.gathered = Some(packet.clone());
        let received = self.received(id, packet.bytes());
        self.gathered = None;
        let rest = match packet.take() {
            Ok(bytes) if received.consumed >= bytes.len() => Vec::new(),
            Ok(mut bytes) => {
                bytes.drain(..received.consumed);
                bytes
            }
            Err(kept) => kept.bytes().get(received.consumed..).unwrap_or_default().to_vec(),
        };
        (received, rest)
    }

    /// More of a packet that is not whole came in on a connection: its client is alive. That does not give it longer to
    /// send its CONNECT.
    pub fn heard(&mut self, id: ConnectionId) {
        let now = self.home.now;
        if let Some(connection) = self.home.connections.get_mut(id)
            && matches!(connection.phase, Phase::Open(_))
        {
            connection.heard_at = now;
        }
    }

    /// Handles one packet and says how long it was, or why there is none to handle.
    #[inline]
    fn receive_one(&mut self, id: ConnectionId, bytes: &[u8]) -> Result<usize, Then> {
        let Some(connection) = self.home.connections.get(id) else { return Err(Then::Ended { by_client: false }) };
        if connection.phase == Phase::Ending {
            return Err(Then::Ended { by_client: connection.goodbye });
        }
        if connection.reply_bytes >= REPLY_BACKLOG_BYTES {
            return Err(Then::Full);
        }
        let header = match self.header(id, bytes) {
            Ok(Some(header)) => header,
            Ok(None) => return Err(self.wait_or_ended(id)),
            Err(error) => {
                self.fail(id, bytes.first().copied().unwrap_or_default(), &[], error);
                return Err(Then::Ended { by_client: false });
            }
        };
        let len = header.packet_len();
        let Some(body) = bytes.get(usize::from(header.header_len)..len) else {
            return Err(self.wait_for_the_rest(id, header));
        };
        if self.work >= self.work_max {
            return Err(Then::Busy);
        }
        self.work += 1;
        self.home.changes.begin_packet();
        match self.packet(id, header, body) {
            Ok(Flow::Next) => {
                self.home.statistics.count_received(len);
                Ok(len)
            }
            Ok(Flow::Held) => Err(Then::Full),
            Ok(Flow::Checking) => Err(Then::Checking),
            Ok(Flow::HandOver(shard)) => Err(Then::HandOver(shard)),
            Err(error) => {
                self.home.statistics.count_received(len);
                self.fail(id, header.first_byte, body, error);
                Err(Then::Ended { by_client: false })
            }
        }
    }

    /// A packet is not whole. Where its flags are wrong, the rest is not waited for.
    fn wait_for_the_rest(&mut self, id: ConnectionId, header: FixedHeader) -> Then {
        let Some(connection) = self.home.connections.get(id) else { return Then::Ended { by_client: false } };
        let (version, is_open) = (connection.version, matches!(connection.phase, Phase::Open(_)));
        match header.packet_type(version) {
            Err(error) if is_open => {
                self.fail(id, header.first_byte, &[], error.into());
                Then::Ended { by_client: false }
            }
            _ => Then::Wait { packet_len: header.packet_len() },
        }
    }

    fn wait_or_ended(&self, id: ConnectionId) -> Then {
        match self.home.connections.get(id) {
            Some(connection) if connection.phase != Phase::Ending => Then::Wait { packet_len: 0 },
            _ => Then::Ended { by_client: false },
        }
    }

    /// The fixed header, with its length held against the limits, and against what packets of its type have, before anything
    /// is reserved for it.
    #[inline]
    fn header(&mut self, id: ConnectionId, bytes: &[u8]) -> Result<Option<FixedHeader>, Refused> {
        let Some(connection) = self.home.connections.get(id) else { return Ok(None) };
        let opening = connection.phase == Phase::Opening;
        let v5 = connection.version.is_v5();
        if opening
            && let Some(&first) = bytes.first()
            && !self.is_connect(id, first)
        {
            return Ok(None);
        }
        // Packet type 0 is an error before its length is known.
        if bytes.first().is_some_and(|first| first >> 4 == 0) {
            let peer = self.home.connections.get(id).map_or("", |connection| &connection.peer);
            log!(self.home.log, Information, "Protocol error from {peer}: RESERVED packet.");
            return Err(Refused::Told(Fault::Protocol));
        }
        let header = match FixedHeader::parse(bytes) {
            Ok(Some(header)) => header,
            Ok(None) => return Ok(None),
            Err(_) => {
                // A length that cannot be told ends a connection without a word, as in Mosquitto.
                self.end_with(id, None, Some("malformed packet"));
                return Ok(None);
            }
        };
        if header.packet_len() > self.home.settings.max_packet_size as usize {
            return Err(too_large().into());
        }
        let len = header.remaining_length;
        let (fits, text) = match PacketType::from_first_byte(header.first_byte) {
            Some(PacketType::Connect | PacketType::Auth) => (len <= LONG_PACKET_MAX, "oversize packet"),
            Some(PacketType::Subscribe | PacketType::Unsubscribe) if v5 => (len <= LONG_PACKET_MAX, "oversize packet"),
            Some(
                PacketType::PubAck
                | PacketType::PubRec
                | PacketType::PubRel
                | PacketType::PubComp
                | PacketType::Disconnect,
            ) if v5 => (len <= SHORT_PACKET_MAX, "oversize packet"),
            Some(PacketType::PubAck | PacketType::PubRec | PacketType::PubRel | PacketType::PubComp) => {
                (len == 2, "malformed packet")
            }
            Some(PacketType::Disconnect | PacketType::PingReq | PacketType::PingResp) => (len == 0, "malformed packet"),
            _ => return Ok(Some(header)),
        };
        if !fits {
            // A wrong length ends a connection without a word, as in Mosquitto.
            self.end_with(id, None, Some(text));
            return Ok(None);
        }
        Ok(Some(header))
    }

    /// `[MQTT-3.1.0-1]`: the first packet is a CONNECT. Known by its first byte, before more is waited for. Whatever else
    /// comes first ends the connection.
    fn is_connect(&mut self, id: ConnectionId, first: u8) -> bool {
        // Its flags are judged when the version is known.
        if PacketType::from_first_byte(first) == Some(PacketType::Connect) && first != TLS_HANDSHAKE {
            return true;
        }
        let Some(peer) = self.home.connections.get(id).map(|connection| &connection.peer) else { return false };
        if first == TLS_HANDSHAKE {
            log_connection!(
                self.home.log,
                Notice,
                "Client from {peer} appears to be using TLS to connect to a non-TLS listener."
            );
        } else {
            if first == HTTP_GET {
                log_connection!(
                    self.home.log,
                    Notice,
                    "Client from {peer} appears to be using HTTP or WebSockets to connect to an MQTT listener."
                );
            }
            log!(self.home.log, Information, "Protocol error from {peer}: First packet not CONNECT ({first:02X}).");
        }
        self.end_with(id, None, Some("protocol error"));
        false
    }

    /// Handles one whole packet.
    #[inline]
    fn packet(&mut self, id: ConnectionId, header: FixedHeader, body: &[u8]) -> Result<Flow, Refused> {
        let Some(connection) = self.home.connections.get(id) else { return Ok(Flow::Next) };
        let (version, phase) = (connection.version, connection.phase);
        let Phase::Open(slot) = phase else {
            let flow = self.on_connect(id, header, body);
            if matches!(flow, Flow::Next) {
                self.home.statistics.connects += 1;
            }
            return Ok(flow);
        };
        let kind = header.packet_type(version)?;
        match kind {
            // Used where it was decoded: to move it out costs more than to decode it, as what was just written in parts is
            // read as a whole.
            PacketType::Publish => match &Publish::decode(header.first_byte, body, version) {
                Ok(publish) => return self.on_publish(id, slot, publish),
                Err(error) => return Err((*error).into()),
            },
            PacketType::PubAck => self.on_puback(id, slot, &Ack::decode(kind, body, version)?)?,
            PacketType::PubRec => self.on_pubrec(id, slot, &Ack::decode(kind, body, version)?)?,
            PacketType::PubRel => return Ok(self.on_pubrel(id, slot, &Ack::decode(kind, body, version)?)),
            PacketType::PubComp => self.on_pubcomp(id, slot, &Ack::decode(kind, body, version)?)?,
            PacketType::Subscribe => {
                log!(self.home.log, Debug, "Received SUBSCRIBE from {}", self.home.name_of(id));
                self.on_subscribe(id, slot, &Subscribe::decode(body, version)?);
            }
            PacketType::Unsubscribe => {
                log!(self.home.log, Debug, "Received UNSUBSCRIBE from {}", self.home.name_of(id));
                self.on_unsubscribe(id, slot, &Unsubscribe::decode(body, version)?);
            }
            PacketType::PingReq => {
                log!(self.home.log, Debug, "Received PINGREQ from {}", self.home.name_of(id));
                log!(self.home.log, Debug, "Sending PINGRESP to {}", self.home.name_of(id));
                // [MQTT-3.12.4-1]
                self.home.reply(id, |out| out.extend_from_slice(&[PacketType::PingResp.first_byte(), 0]));
            }
            PacketType::Disconnect => match Disconnect::decode(body, version) {
                Ok(disconnect) => self.on_disconnect(id, slot, &disconnect)?,
                // A client that leaves for a reason that there is none of has left all the same: nothing is answered.
                Err(error) if error.field == Disconnect::REASON_CODE => {
                    self.end_with(id, None, Some("protocol error"));
                }
                Err(error) => return Err(error.into()),
            },
            PacketType::Connect => {
                // [MQTT-3.1.0-2]
                log!(self.home.log, Notice, "Bad client {} sending multiple CONNECT messages.", connection.peer);
                self.end_with(id, None, Some("protocol error"));
            }
            PacketType::Auth => {
                // [MQTT-4.12.0-7]: no authentication method was agreed on, so there is none to go on with.
                return Err(protocol_error("AUTH", "came without an authentication method").into());
            }
            PacketType::ConnAck | PacketType::SubAck | PacketType::UnsubAck | PacketType::PingResp => {
                return Err(protocol_error("packet type", "is one that only servers send").into());
            }
        }
        Ok(Flow::Next)
    }

    /// Ends a connection for what its client sent: in MQTT 5 with a DISCONNECT that says why `[MQTT-4.13.1-1]`.
    fn fail(&mut self, id: ConnectionId, first_byte: u8, body: &[u8], refused: Refused) {
        let fault = match refused {
            Refused::Faulty(error) => {
                let version =
                    self.home.connections.get(id).map_or(ProtocolVersion::V5, |connection| connection.version);
                self.log_faulty(id, &FaultyPacket { first_byte, body, version, error });
                error.fault
            }
            Refused::Told(fault) => fault,
        };
        let text = match fault {
            Fault::Malformed => "malformed packet",
            Fault::TooLarge => "oversize packet",
            Fault::Protocol | Fault::ClientIdentifier | Fault::UnsupportedVersion => "protocol error",
        };
        self.end_with(id, Some(fault.reason()), Some(text));
    }

    /// Ends a connection with a reason code of the caller's choice.
    pub(crate) fn refuse(&mut self, id: ConnectionId, reason: ReasonCode, text: &'static str) {
        self.end_with(id, Some(reason), Some(text));
    }
}

pub(crate) fn malformed(field: &'static str, what: &'static str) -> DecodeError {
    DecodeError { fault: Fault::Malformed, field, what }
}

pub(crate) fn protocol_error(field: &'static str, what: &'static str) -> DecodeError {
    DecodeError { fault: Fault::Protocol, field, what }
}

fn too_large() -> DecodeError {
    DecodeError { fault: Fault::TooLarge, field: "packet", what: "is larger than max_packet_size" }
}
