//! AUTH (MQTT 5, 3.15).

use super::put_header;
use crate::reader::Reader;
use crate::{Carrier, DecodeError, PacketType, Properties, ProtocolVersion, ReasonCode};

/// A step of an extended authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Auth<'a> {
    /// Success, continue or re-authenticate.
    pub reason: ReasonCode,
    /// The method and its data.
    pub properties: Properties<'a>,
}

impl<'a> Auth<'a> {
    /// Decodes what follows the fixed header. Success without properties may be said in no byte at all (3.15.2.1);
    /// nothing allows to leave out the property length alone, as in DISCONNECT.
    pub fn decode(body: &'a [u8], version: ProtocolVersion) -> Result<Self, DecodeError> {
        if !version.is_v5() {
            return Err(DecodeError::protocol("packet type", "is AUTH, which only MQTT 5 has"));
        }
        let mut reader = Reader::new(body);
        if reader.is_empty() {
            return Ok(Self { reason: ReasonCode::SUCCESS, properties: Properties::EMPTY });
        }
        let reason = ReasonCode(reader.u8("reason code")?);
        if !reason.belongs_in(PacketType::Auth) {
            return Err(DecodeError::protocol("reason code", "is none of AUTH")); // [MQTT-3.15.2-1]
        }
        let properties = Properties::decode(&mut reader, Carrier::Packet(PacketType::Auth))?;
        reader.end("AUTH")?;
        Ok(Self { reason, properties })
    }

    /// Appends the whole packet.
    pub fn encode(self, out: &mut Vec<u8>) {
        put_header(out, PacketType::Auth.first_byte(), 1 + self.properties.encoded_len());
        out.push(self.reason.0);
        self.properties.encode(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fault, FixedHeader};

    #[test]
    fn the_flags_are_all_zero() {
        // [MQTT-3.15.1-1]
        for first_byte in 0xf0..=0xff {
            let header = FixedHeader { first_byte, remaining_length: 0, header_len: 2 };
            assert_eq!(header.packet_type(ProtocolVersion::V5).is_ok(), first_byte == 0xf0, "{first_byte:#x}");
        }
    }

    #[test]
    fn the_reason_is_one_of_its_three() {
        // [MQTT-3.15.2-1]
        for reason in 0..=u8::MAX {
            let body = [reason, 0];
            let decoded = Auth::decode(&body, ProtocolVersion::V5);
            match reason {
                0 | 0x18 | 0x19 => assert_eq!(decoded.unwrap().reason, ReasonCode(reason)),
                _ => assert_eq!(decoded.unwrap_err().fault, Fault::Protocol, "{reason:#x}"),
            }
        }
    }

    #[test]
    fn reason_and_property_length_are_left_out_together_or_not() {
        let short = Auth::decode(&[], ProtocolVersion::V5).unwrap();
        assert_eq!(short, Auth { reason: ReasonCode::SUCCESS, properties: Properties::EMPTY });
        for reason in [0, 0x18, 0x19] {
            assert_eq!(Auth::decode(&[reason], ProtocolVersion::V5).unwrap_err().fault, Fault::Malformed);
        }
    }
}
