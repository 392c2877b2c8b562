//! The fixed header: where a packet ends.

use crate::varint::{MAX_VARINT, Varint, read_varint};
use crate::{DecodeError, Fault, ProtocolVersion};

/// The largest remaining length: 268,435,455.
pub const MAX_REMAINING_LENGTH: u32 = MAX_VARINT;

/// The type of a packet: the upper four bits of its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum PacketType {
    Connect = 1,
    ConnAck = 2,
    Publish = 3,
    PubAck = 4,
    PubRec = 5,
    PubRel = 6,
    PubComp = 7,
    Subscribe = 8,
    SubAck = 9,
    Unsubscribe = 10,
    UnsubAck = 11,
    PingReq = 12,
    PingResp = 13,
    Disconnect = 14,
    Auth = 15,
}

impl PacketType {
    /// The type in the upper four bits; none for 0, which is reserved.
    #[inline]
    pub const fn from_first_byte(byte: u8) -> Option<PacketType> {
        Some(match byte >> 4 {
            1 => PacketType::Connect,
            2 => PacketType::ConnAck,
            3 => PacketType::Publish,
            4 => PacketType::PubAck,
            5 => PacketType::PubRec,
            6 => PacketType::PubRel,
            7 => PacketType::PubComp,
            8 => PacketType::Subscribe,
            9 => PacketType::SubAck,
            10 => PacketType::Unsubscribe,
            11 => PacketType::UnsubAck,
            12 => PacketType::PingReq,
            13 => PacketType::PingResp,
            14 => PacketType::Disconnect,
            15 => PacketType::Auth,
            _ => return None,
        })
    }

    /// The first byte with the flags that the specification demands (PUBLISH: none set) `[MQTT-2.1.3-1]`.
    pub const fn first_byte(self) -> u8 {
        let flags = match self {
            PacketType::PubRel | PacketType::Subscribe | PacketType::Unsubscribe => 2,
            _ => 0,
        };
        ((self as u8) << 4) | flags
    }

    /// The name in capitals, as the specification and the log write it.
    pub const fn name(self) -> &'static str {
        match self {
            PacketType::Connect => "CONNECT",
            PacketType::ConnAck => "CONNACK",
            PacketType::Publish => "PUBLISH",
            PacketType::PubAck => "PUBACK",
            PacketType::PubRec => "PUBREC",
            PacketType::PubRel => "PUBREL",
            PacketType::PubComp => "PUBCOMP",
            PacketType::Subscribe => "SUBSCRIBE",
            PacketType::SubAck => "SUBACK",
            PacketType::Unsubscribe => "UNSUBSCRIBE",
            PacketType::UnsubAck => "UNSUBACK",
            PacketType::PingReq => "PINGREQ",
            PacketType::PingResp => "PINGRESP",
            PacketType::Disconnect => "DISCONNECT",
            PacketType::Auth => "AUTH",
        }
    }
}

/// The first two to five bytes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedHeader {
    /// Type and flags.
    pub first_byte: u8,
    /// Bytes after the header.
    pub remaining_length: u32,
    /// Bytes of the header itself: 2 to 5.
    pub header_len: u8,
}

impl FixedHeader {
    /// Reads the header at the front of `bytes`: `None` while more bytes are needed. Nothing is reserved for the
    /// length that it announces; the caller compares [`packet_len`](Self::packet_len) with its limits first.
    #[inline]
    pub fn parse(bytes: &[u8]) -> Result<Option<FixedHeader>, DecodeError> {
        let Some((&first_byte, rest)) = bytes.split_first() else { return Ok(None) };
        match read_varint(rest) {
            Varint::Complete(remaining_length, len) => {
                Ok(Some(FixedHeader { first_byte, remaining_length, header_len: len as u8 + 1 }))
            }
            Varint::CutShort => Ok(None),
            Varint::TooLong => Err(DecodeError::malformed("remaining length", "is longer than four bytes")),
        }
    }

    /// The whole packet's bytes, header included.
    #[inline]
    pub fn packet_len(self) -> usize {
        self.remaining_length as usize + usize::from(self.header_len)
    }

    /// The packet's type, with its flags checked `[MQTT-2.1.3-1]`. MQTT 3.1 is taken as tolerantly as Mosquitto does:
    /// there the flags of CONNECT, PUBREL and DISCONNECT may be any.
    #[inline]
    pub fn packet_type(self, version: ProtocolVersion) -> Result<PacketType, DecodeError> {
        let Some(kind) = PacketType::from_first_byte(self.first_byte) else {
            return Err(DecodeError::protocol("packet type", "is zero"));
        };
        let exact = kind == PacketType::Publish || self.first_byte == kind.first_byte();
        let tolerant = version == ProtocolVersion::V31
            && matches!(kind, PacketType::Connect | PacketType::PubRel | PacketType::Disconnect);
        if exact || tolerant {
            return Ok(kind);
        }
        let error = DecodeError::malformed("fixed header flags", "are not those of the packet type");
        // As Mosquitto counts them: these two are out of place whatever their flags.
        let out_of_place = matches!(kind, PacketType::ConnAck | PacketType::Auth);
        Err(if out_of_place { error.as_fault(Fault::Protocol) } else { error })
    }
}
