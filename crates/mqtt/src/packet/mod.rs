//! The fifteen packets.
//!
//! Each has its own module with a type that borrows from the bytes, `decode` for the part after the fixed header,
//! and `encode`, which appends the whole packet to a `Vec`.

mod ack;
mod auth;
mod connack;
mod connect;
mod disconnect;
mod publish;
mod subscribe;
mod unsubscribe;

pub use ack::Ack;
pub use auth::Auth;
pub use connack::ConnAck;
pub use connect::{Connect, ConnectError, Will};
pub use disconnect::Disconnect;
pub use publish::Publish;
pub use subscribe::{RetainHandling, SubAck, Subscribe, Subscription, SubscriptionOptions};
pub use unsubscribe::{UnsubAck, Unsubscribe};

use crate::{DecodeError, FixedHeader, PacketType, ProtocolVersion, put_varint, varint_len};

/// A packet of any type, decoded.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum Packet<'a> {
    Connect(Connect<'a>),
    ConnAck(ConnAck<'a>),
    Publish(Publish<'a>),
    PubAck(Ack<'a>),
    PubRec(Ack<'a>),
    PubRel(Ack<'a>),
    PubComp(Ack<'a>),
    Subscribe(Subscribe<'a>),
    SubAck(SubAck<'a>),
    Unsubscribe(Unsubscribe<'a>),
    UnsubAck(UnsubAck<'a>),
    PingReq,
    PingResp,
    Disconnect(Disconnect<'a>),
    Auth(Auth<'a>),
}

impl<'a> Packet<'a> {
    /// Decodes the `body` that follows `header`, whole and no more. `version` is what the connection speaks; CONNECT
    /// says it itself.
    pub fn decode(header: FixedHeader, body: &'a [u8], version: ProtocolVersion) -> Result<Self, DecodeError> {
        let kind = header.packet_type(version)?;
        Ok(match kind {
            PacketType::Connect => Packet::Connect(Connect::decode(body)?),
            PacketType::ConnAck => Packet::ConnAck(ConnAck::decode(body, version)?),
            PacketType::Publish => Packet::Publish(Publish::decode(header.first_byte, body, version)?),
            PacketType::PubAck => Packet::PubAck(Ack::decode(kind, body, version)?),
            PacketType::PubRec => Packet::PubRec(Ack::decode(kind, body, version)?),
            PacketType::PubRel => Packet::PubRel(Ack::decode(kind, body, version)?),
            PacketType::PubComp => Packet::PubComp(Ack::decode(kind, body, version)?),
            PacketType::Subscribe => Packet::Subscribe(Subscribe::decode(body, version)?),
            PacketType::SubAck => Packet::SubAck(SubAck::decode(body, version)?),
            PacketType::Unsubscribe => Packet::Unsubscribe(Unsubscribe::decode(body, version)?),
            PacketType::UnsubAck => Packet::UnsubAck(UnsubAck::decode(body, version)?),
            PacketType::PingReq | PacketType::PingResp => {
                if !body.is_empty() {
                    return Err(DecodeError::malformed("remaining length", "is not zero in a PINGREQ or PINGRESP"));
                }
                if kind == PacketType::PingReq { Packet::PingReq } else { Packet::PingResp }
            }
            PacketType::Disconnect => Packet::Disconnect(Disconnect::decode(body, version)?),
            PacketType::Auth => Packet::Auth(Auth::decode(body, version)?),
        })
    }

    /// Appends the whole packet as `version` writes it.
    pub fn encode(&self, version: ProtocolVersion, out: &mut Vec<u8>) {
        match self {
            Packet::Connect(packet) => packet.encode(out),
            Packet::ConnAck(packet) => packet.encode(version, out),
            Packet::Publish(packet) => packet.encode(version, out),
            Packet::PubAck(ack) => ack.encode(PacketType::PubAck, version, out),
            Packet::PubRec(ack) => ack.encode(PacketType::PubRec, version, out),
            Packet::PubRel(ack) => ack.encode(PacketType::PubRel, version, out),
            Packet::PubComp(ack) => ack.encode(PacketType::PubComp, version, out),
            Packet::Subscribe(packet) => packet.encode(version, out),
            Packet::SubAck(packet) => packet.encode(version, out),
            Packet::Unsubscribe(packet) => packet.encode(version, out),
            Packet::UnsubAck(packet) => packet.encode(version, out),
            Packet::PingReq => out.extend_from_slice(&[PacketType::PingReq.first_byte(), 0]),
            Packet::PingResp => out.extend_from_slice(&[PacketType::PingResp.first_byte(), 0]),
            Packet::Disconnect(packet) => packet.encode(version, out),
            Packet::Auth(packet) => packet.encode(out),
        }
    }
}

/// Writes the fixed header and makes room for what follows.
#[inline]
fn put_header(out: &mut Vec<u8>, first_byte: u8, remaining_length: usize) {
    out.reserve(1 + varint_len(remaining_length as u32) + remaining_length);
    out.push(first_byte);
    put_varint(out, remaining_length as u32);
}

/// Writes a two-byte length and the text. Callers hold text of at most 65,535 bytes.
#[inline]
fn put_text(out: &mut Vec<u8>, text: &str) {
    put_data(out, text.as_bytes());
}

#[inline]
fn put_data(out: &mut Vec<u8>, data: &[u8]) {
    debug_assert!(u16::try_from(data.len()).is_ok(), "field of {} bytes", data.len());
    out.extend_from_slice(&(data.len() as u16).to_be_bytes());
    out.extend_from_slice(data);
}
