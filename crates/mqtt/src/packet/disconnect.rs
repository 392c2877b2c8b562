//! DISCONNECT (MQTT 5, 3.14; 3.1.1, 3.14).

use super::put_header;
use crate::reader::Reader;
use crate::{Carrier, DecodeError, PacketType, Properties, ProtocolVersion, ReasonCode};

/// The end of a connection that one side announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disconnect<'a> {
    /// Why; always success ("normal disconnection") in MQTT 3.
    pub reason: ReasonCode,
    /// Empty in MQTT 3.
    pub properties: Properties<'a>,
}

impl<'a> Disconnect<'a> {
    /// The name of the field in errors about a reason code that there is none of.
    pub const REASON_CODE: &'static str = "reason code";

    /// A DISCONNECT without properties.
    pub const fn new(reason: ReasonCode) -> Self {
        Self { reason, properties: Properties::EMPTY }
    }

    /// Decodes what follows the fixed header.
    pub fn decode(body: &'a [u8], version: ProtocolVersion) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        if reader.is_empty() {
            return Ok(Self::new(ReasonCode::SUCCESS));
        }
        if !version.is_v5() {
            return Err(DecodeError::malformed("remaining length", "is not zero"));
        }
        let reason = ReasonCode(reader.u8(Self::REASON_CODE)?);
        if !reason.belongs_in(PacketType::Disconnect) {
            return Err(DecodeError::protocol(Self::REASON_CODE, "is none of DISCONNECT")); // [MQTT-3.14.2-1]
        }
        let properties = if reader.is_empty() {
            Properties::EMPTY
        } else {
            Properties::decode(&mut reader, Carrier::Packet(PacketType::Disconnect))?
        };
        reader.end("DISCONNECT")?;
        Ok(Self { reason, properties })
    }

    /// Appends the whole packet, as short as it can be said.
    pub fn encode(self, version: ProtocolVersion, out: &mut Vec<u8>) {
        let first = PacketType::Disconnect.first_byte();
        if !version.is_v5() || (self.reason == ReasonCode::SUCCESS && self.properties.is_empty()) {
            out.extend_from_slice(&[first, 0]);
        } else if self.properties.is_empty() {
            out.extend_from_slice(&[first, 1, self.reason.0]);
        } else {
            put_header(out, first, 1 + self.properties.encoded_len());
            out.push(self.reason.0);
            self.properties.encode(out);
        }
    }
}
