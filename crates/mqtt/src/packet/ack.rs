//! PUBACK, PUBREC, PUBREL, PUBCOMP (MQTT 5, 3.4 to 3.7): one layout.

use super::put_header;
use crate::reader::Reader;
use crate::{Carrier, DecodeError, PacketType, Properties, ProtocolVersion, ReasonCode};

/// The acknowledgement of one step of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ack<'a> {
    /// The message's packet identifier, never 0.
    pub packet_id: u16,
    /// Success in MQTT 3, which has no other.
    pub reason: ReasonCode,
    /// Reason string and user properties; empty in MQTT 3.
    pub properties: Properties<'a>,
}

impl<'a> Ack<'a> {
    /// An acknowledgement without properties.
    #[inline]
    pub const fn new(packet_id: u16, reason: ReasonCode) -> Self {
        Self { packet_id, reason, properties: Properties::EMPTY }
    }

    /// Decodes what follows the fixed header of a packet of type `kind`.
    #[inline]
    pub fn decode(kind: PacketType, body: &'a [u8], version: ProtocolVersion) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let packet_id = reader.packet_id()?;
        if reader.is_empty() {
            return Ok(Self::new(packet_id, ReasonCode::SUCCESS));
        }
        if !version.is_v5() {
            return Err(DecodeError::malformed("remaining length", "is not 2"));
        }
        let reason = ReasonCode(reader.u8("reason code")?);
        if !reason.belongs_in(kind) {
            return Err(DecodeError::protocol("reason code", "is none of this packet type"));
        }
        let properties =
            if reader.is_empty() { Properties::EMPTY } else { Properties::decode(&mut reader, Carrier::Packet(kind))? };
        reader.end("properties")?;
        Ok(Self { packet_id, reason, properties })
    }

    /// Appends the packet. Two bytes where there is nothing to say but success, three without properties.
    #[inline]
    pub fn encode(self, kind: PacketType, version: ProtocolVersion, out: &mut Vec<u8>) {
        let [high, low] = self.packet_id.to_be_bytes();
        let first = kind.first_byte();
        if !version.is_v5() || (self.reason == ReasonCode::SUCCESS && self.properties.is_empty()) {
            out.extend_from_slice(&[first, 2, high, low]);
        } else if self.properties.is_empty() {
            out.extend_from_slice(&[first, 3, high, low, self.reason.0]);
        } else {
            put_header(out, first, 3 + self.properties.encoded_len());
            out.extend_from_slice(&[high, low, self.reason.0]);
            self.properties.encode(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fault, ProtocolVersion::*};

    #[test]
    fn success_takes_two_bytes_and_a_reason_three() {
        let mut out = Vec::new();
        Ack::new(0x1234, ReasonCode::SUCCESS).encode(PacketType::PubRel, V5, &mut out);
        assert_eq!(out, [0x62, 2, 0x12, 0x34]);
        out.clear();
        Ack::new(1, ReasonCode::NO_MATCHING_SUBSCRIBERS).encode(PacketType::PubAck, V5, &mut out);
        assert_eq!(out, [0x40, 3, 0, 1, 0x10]);
        out.clear();
        Ack::new(1, ReasonCode::NOT_AUTHORIZED).encode(PacketType::PubAck, V311, &mut out);
        assert_eq!(out, [0x40, 2, 0, 1]);
    }

    #[test]
    fn identifier_zero_foreign_reasons_and_surplus_are_refused() {
        let fault = |body: &[u8], v| Ack::decode(PacketType::PubAck, body, v).unwrap_err().fault;
        assert_eq!(fault(&[0, 0], V5), Fault::Protocol); // [MQTT-2.2.1-3]
        assert_eq!(fault(&[0, 1, 0x92], V5), Fault::Protocol); // [MQTT-3.4.2-1]
        assert_eq!(fault(&[0, 1, 0], V311), Fault::Malformed);
        assert_eq!(fault(&[0], V311), Fault::Malformed);
        assert_eq!(fault(&[0, 1, 0, 0, 0], V5), Fault::Malformed);
    }
}
