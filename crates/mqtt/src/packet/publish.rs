//! PUBLISH (MQTT 5, 3.3; 3.1.1, 3.3).

use super::{put_header, put_text};
use crate::reader::Reader;
use crate::{Carrier, DecodeError, PacketType, Properties, ProtocolVersion, QoS, TopicName};

/// An application message on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Publish<'a> {
    /// Whether this may be a repetition.
    pub dup: bool,
    /// How it is acknowledged.
    pub qos: QoS,
    /// Whether it is to be kept for later subscribers, or was.
    pub retain: bool,
    /// A valid topic name; empty where an MQTT 5 topic alias stands for it.
    pub topic: &'a str,
    /// 0 for QoS 0, else never 0 `[MQTT-2.2.1-2]`.
    pub packet_id: u16,
    /// All properties, the topic alias included.
    pub properties: Properties<'a>,
    /// The message itself; may be empty.
    pub payload: &'a [u8],
}

impl<'a> Publish<'a> {
    /// Decodes what follows the fixed header, whose first byte holds the flags.
    #[inline]
    pub fn decode(first_byte: u8, body: &'a [u8], version: ProtocolVersion) -> Result<Self, DecodeError> {
        let qos = QoS::from_bits((first_byte >> 1) & 3).ok_or(DecodeError::malformed("QoS", "is 3"))?; // [MQTT-3.3.1-4]
        let dup = first_byte & 8 != 0;
        if dup && qos == QoS::AtMostOnce {
            return Err(DecodeError::malformed("DUP", "is set at QoS 0")); // [MQTT-3.3.1-2]
        }
        let mut reader = Reader::new(body);
        let topic = reader.text("topic name")?;
        let packet_id = if qos == QoS::AtMostOnce { 0 } else { reader.packet_id()? };
        let properties = if version.is_v5() {
            Properties::decode(&mut reader, Carrier::Packet(PacketType::Publish))?
        } else {
            Properties::EMPTY
        };
        // An empty name is right only with an alias: whether there is one, the session checks, as it looks it up.
        if !topic.is_empty() || !version.is_v5() {
            TopicName::new(topic).map_err(|e| DecodeError::malformed("topic name", e.what()))?;
        }
        Ok(Self { dup, qos, retain: first_byte & 1 != 0, topic, packet_id, properties, payload: reader.rest() })
    }

    /// The bytes after the fixed header. The caller keeps it within
    /// [`MAX_REMAINING_LENGTH`](crate::MAX_REMAINING_LENGTH).
    #[inline]
    pub fn remaining_length(&self, version: ProtocolVersion) -> usize {
        let id = if self.qos == QoS::AtMostOnce { 0 } else { 2 };
        let properties = if version.is_v5() { self.properties.encoded_len() } else { 0 };
        2 + self.topic.len() + id + properties + self.payload.len()
    }

    /// The first byte with its flags.
    #[inline]
    pub fn first_byte(&self) -> u8 {
        PacketType::Publish.first_byte() | u8::from(self.dup) << 3 | self.qos.bits() << 1 | u8::from(self.retain)
    }

    /// Appends the packet up to, not with, its payload.
    #[inline]
    pub fn encode_head(&self, version: ProtocolVersion, out: &mut Vec<u8>) {
        put_header(out, self.first_byte(), self.remaining_length(version));
        put_text(out, self.topic);
        if self.qos != QoS::AtMostOnce {
            out.extend_from_slice(&self.packet_id.to_be_bytes());
        }
        if version.is_v5() {
            self.properties.encode(out);
        }
    }

    /// Appends the whole packet.
    #[inline]
    pub fn encode(&self, version: ProtocolVersion, out: &mut Vec<u8>) {
        self.encode_head(version, out);
        out.extend_from_slice(self.payload);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fault, ProtocolVersion::*};

    #[test]
    fn flags_topic_and_identifier_are_checked() {
        let fault = |first, body: &[u8], v| Publish::decode(first, body, v).unwrap_err().fault;
        assert_eq!(fault(0x36, &[0, 1, b'a', 0, 1], V311), Fault::Malformed); // [MQTT-3.3.1-4] [3.1.1 MQTT-3.3.1-4]
        assert_eq!(fault(0x38, &[0, 1, b'a'], V311), Fault::Malformed); // [MQTT-3.3.1-2] [3.1.1 MQTT-3.3.1-2]
        assert_eq!(fault(0x32, &[0, 1, b'a', 0, 0], V311), Fault::Protocol); // [3.1.1 MQTT-2.3.1-1]
        assert_eq!(fault(0x30, &[0, 1, b'#'], V311), Fault::Malformed); // [MQTT-3.3.2-2] [3.1.1 MQTT-3.3.2-2]
        assert_eq!(fault(0x30, &[0, 0], V311), Fault::Malformed); // [MQTT-4.7.3-1] [3.1.1 MQTT-4.7.3-1]
        assert_eq!(fault(0x30, &[0, 9, b'a'], V311), Fault::Malformed);
        assert!(Publish::decode(0x30, &[0, 0, 3, 0x23, 0, 1], V5).is_ok());
    }

    #[test]
    fn every_form_round_trips() {
        for (version, qos) in [(V31, QoS::AtMostOnce), (V311, QoS::AtLeastOnce), (V5, QoS::ExactlyOnce)] {
            let packet = Publish {
                dup: qos != QoS::AtMostOnce,
                qos,
                retain: true,
                topic: "a/b",
                packet_id: if qos == QoS::AtMostOnce { 0 } else { 7 },
                properties: Properties::EMPTY,
                payload: b"payload",
            };
            let mut out = Vec::new();
            packet.encode(version, &mut out);
            assert_eq!(out.len(), 2 + packet.remaining_length(version));
            assert_eq!(Publish::decode(out[0], &out[2..], version).unwrap(), packet);
        }
    }
}
