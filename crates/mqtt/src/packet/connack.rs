//! CONNACK (MQTT 5, 3.2; 3.1.1, 3.2).

use super::put_header;
use crate::reader::Reader;
use crate::{Carrier, DecodeError, PacketType, Properties, ProtocolVersion, ReasonCode};

/// The answer to CONNECT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnAck<'a> {
    /// Whether the server kept a session of this client.
    pub session_present: bool,
    /// A reason code of MQTT 5, or a return code 0 to 5 of MQTT 3.
    pub reason: ReasonCode,
    /// Empty in MQTT 3.
    pub properties: Properties<'a>,
}

impl<'a> ConnAck<'a> {
    /// The return code of MQTT 3 for a protocol level that the server does not speak.
    pub const MQTT3_UNACCEPTABLE_VERSION: ReasonCode = ReasonCode(1);

    /// Decodes what follows the fixed header. In MQTT 5 the property length is never left out (3.2.2.3.1); only a
    /// server that speaks no MQTT 5 refuses it in two bytes, as [`MQTT3_UNACCEPTABLE_VERSION`] that Mosquitto's clients
    /// understand too.
    ///
    /// [`MQTT3_UNACCEPTABLE_VERSION`]: Self::MQTT3_UNACCEPTABLE_VERSION
    pub fn decode(body: &'a [u8], version: ProtocolVersion) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let flags = reader.u8("connect acknowledge flags")?;
        if flags & 0xfe != 0 {
            return Err(DecodeError::malformed("connect acknowledge flags", "have reserved bits set")); // [MQTT-3.2.2-1]
        }
        let reason = ReasonCode(reader.u8("reason code")?);
        let refused_in_mqtt3 = reader.is_empty() && flags == 0 && reason == Self::MQTT3_UNACCEPTABLE_VERSION;
        let properties = if version.is_v5() && !refused_in_mqtt3 {
            Properties::decode(&mut reader, Carrier::Packet(PacketType::ConnAck))?
        } else {
            Properties::EMPTY
        };
        reader.end("CONNACK")?;
        Ok(Self { session_present: flags & 1 != 0, reason, properties })
    }

    /// Appends the whole packet.
    pub fn encode(self, version: ProtocolVersion, out: &mut Vec<u8>) {
        let properties = if version.is_v5() { self.properties.encoded_len() } else { 0 };
        put_header(out, PacketType::ConnAck.first_byte(), 2 + properties);
        out.extend_from_slice(&[u8::from(self.session_present), self.reason.0]);
        if version.is_v5() {
            self.properties.encode(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fault, ProtocolVersion::*};

    #[test]
    fn the_property_length_of_mqtt_5_is_left_out_by_servers_of_mqtt_3_only() {
        for reason in 0..=u8::MAX {
            let body = [0, reason];
            assert!(ConnAck::decode(&body, V311).is_ok());
            let refusal = ConnAck::decode(&body, V5);
            if reason == 1 {
                assert_eq!(refusal.unwrap().reason, ConnAck::MQTT3_UNACCEPTABLE_VERSION);
            } else {
                assert_eq!(refusal.unwrap_err().fault, Fault::Malformed, "{reason:#x}");
            }
            assert_eq!(ConnAck::decode(&[1, reason], V5).unwrap_err().fault, Fault::Malformed, "{reason:#x}");
        }
    }
}
