//! UNSUBSCRIBE and UNSUBACK (MQTT 5, 3.10 and 3.11; 3.1.1, 3.10 and 3.11).

use super::{put_header, put_text};
use crate::reader::Reader;
use crate::{Carrier, DecodeError, Fault, PacketType, Properties, ProtocolVersion, ReasonCode, TopicFilter};

/// A request to end one or more subscriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsubscribe<'a> {
    /// Never 0.
    pub packet_id: u16,
    /// User properties; empty in MQTT 3.
    pub properties: Properties<'a>,
    payload: &'a [u8],
}

impl<'a> Unsubscribe<'a> {
    /// Decodes what follows the fixed header and checks every filter. A `$share` prefix is not looked into: what no
    /// SUBSCRIBE can have made is simply not found.
    pub fn decode(body: &'a [u8], version: ProtocolVersion) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let packet_id = reader.packet_id().map_err(|e| e.as_fault(Fault::Malformed))?;
        let properties = if version.is_v5() {
            Properties::decode(&mut reader, Carrier::Packet(PacketType::Unsubscribe))?
        } else {
            Properties::EMPTY
        };
        let payload = reader.rest();
        if payload.is_empty() {
            return Err(DecodeError::malformed("topic filter", "is missing")); // [MQTT-3.10.3-2]
        }
        while !reader.is_empty() {
            let filter = reader.text("topic filter")?;
            TopicFilter::new(filter).map_err(|e| DecodeError::malformed("topic filter", e.what()))?;
        }
        Ok(Self { packet_id, properties, payload })
    }

    /// The filters in order.
    pub fn filters(&self) -> impl Iterator<Item = &'a str> {
        let mut reader = Reader::new(self.payload);
        std::iter::from_fn(move || reader.text("topic filter").ok())
    }

    /// Appends the packet.
    pub fn encode(&self, version: ProtocolVersion, out: &mut Vec<u8>) {
        Self::write(self.packet_id, self.properties, self.filters(), version, out);
    }

    /// Appends an UNSUBSCRIBE with these filters, of which there has to be at least one.
    pub fn write<'s>(
        packet_id: u16,
        properties: Properties<'_>,
        filters: impl Iterator<Item = &'s str>,
        version: ProtocolVersion,
        out: &mut Vec<u8>,
    ) {
        let mut body = Vec::new();
        body.extend_from_slice(&packet_id.to_be_bytes());
        if version.is_v5() {
            properties.encode(&mut body);
        }
        for filter in filters {
            put_text(&mut body, filter);
        }
        put_header(out, PacketType::Unsubscribe.first_byte(), body.len());
        out.extend_from_slice(&body);
    }
}

/// The answer to UNSUBSCRIBE: in MQTT 5 a code for each filter, in MQTT 3 nothing but the identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnsubAck<'a> {
    /// That of the UNSUBSCRIBE.
    pub packet_id: u16,
    /// Empty in MQTT 3.
    pub properties: Properties<'a>,
    /// One [`ReasonCode`] byte a filter; empty in MQTT 3.
    pub reasons: &'a [u8],
}

impl<'a> UnsubAck<'a> {
    /// Decodes what follows the fixed header.
    pub fn decode(body: &'a [u8], version: ProtocolVersion) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let packet_id = reader.packet_id()?;
        if !version.is_v5() {
            reader.end("UNSUBACK")?;
            return Ok(Self { packet_id, properties: Properties::EMPTY, reasons: &[] });
        }
        let properties = Properties::decode(&mut reader, Carrier::Packet(PacketType::UnsubAck))?;
        let reasons = reader.rest();
        if reasons.is_empty() {
            return Err(DecodeError::malformed("reason code", "is missing")); // An UNSUBSCRIBE has at least one filter.
        }
        if !reasons.iter().all(|&code| ReasonCode(code).belongs_in(PacketType::UnsubAck)) {
            return Err(DecodeError::malformed("reason code", "is none of UNSUBACK")); // [MQTT-3.11.3-2]
        }
        Ok(Self { packet_id, properties, reasons })
    }

    /// Appends the whole packet.
    pub fn encode(self, version: ProtocolVersion, out: &mut Vec<u8>) {
        if !version.is_v5() {
            put_header(out, PacketType::UnsubAck.first_byte(), 2);
            out.extend_from_slice(&self.packet_id.to_be_bytes());
            return;
        }
        put_header(out, PacketType::UnsubAck.first_byte(), 2 + self.properties.encoded_len() + self.reasons.len());
        out.extend_from_slice(&self.packet_id.to_be_bytes());
        self.properties.encode(out);
        out.extend_from_slice(self.reasons);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ProtocolVersion::*;

    #[test]
    fn an_empty_list_and_bad_filters_are_malformed() {
        let fault = |body: &[u8]| Unsubscribe::decode(body, V311).unwrap_err().fault;
        assert_eq!(fault(&[0, 1]), Fault::Malformed); // [MQTT-3.10.3-2] [3.1.1 MQTT-3.10.3-2]
        assert_eq!(fault(&[0, 1, 0, 0]), Fault::Malformed);
        assert_eq!(fault(&[0, 1, 0, 2, b'a', b'#']), Fault::Malformed);
    }

    #[test]
    fn answers_of_mqtt_5_have_codes() {
        assert_eq!(UnsubAck::decode(&[0, 1, 0], V5).unwrap_err().fault, Fault::Malformed);
        assert!(UnsubAck::decode(&[0, 1, 0, 0x11], V5).is_ok() && UnsubAck::decode(&[0, 1], V311).is_ok());
    }

    #[test]
    fn filters_round_trip() {
        let mut out = Vec::new();
        Unsubscribe::write(3, Properties::EMPTY, ["a", "b/#"].into_iter(), V5, &mut out);
        let decoded = Unsubscribe::decode(&out[2..], V5).unwrap();
        assert_eq!(decoded.filters().collect::<Vec<_>>(), ["a", "b/#"]);
    }
}
