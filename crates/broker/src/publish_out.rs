//! Writes a PUBLISH towards a client.

use crate::alias::Alias;
use crate::message::MessageRef;
use mosquitto_mqtt::{MAX_VARINT, Property, QoS, put_varint, varint_len};

/// What a PUBLISH has besides its message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head<'a> {
    /// As the client knows it.
    pub(crate) topic: &'a [u8],
    pub(crate) v5: bool,
    pub(crate) dup: bool,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    /// 0 at QoS 0.
    pub(crate) packet_id: u16,
    pub(crate) alias: Alias,
    /// The subscription identifier; 0: none.
    pub(crate) identifier: u32,
    /// The seconds that the message has left.
    pub(crate) expiry_s: Option<u32>,
}

impl Head<'_> {
    /// Bytes of the properties, their length not included.
    fn properties_len(&self, message: &MessageRef<'_>) -> usize {
        let mut len = message.properties.len();
        if self.expiry_s.is_some() {
            len += 5;
        }
        if self.alias != Alias::None {
            len += 3;
        }
        if self.identifier != 0 {
            len += 1 + varint_len(self.identifier);
        }
        len
    }

    fn written_topic(&self) -> &[u8] {
        if matches!(self.alias, Alias::Known(_)) { &[] } else { self.topic }
    }

    #[inline]
    fn remaining_length(&self, message: &MessageRef<'_>) -> usize {
        let mut len = 2 + self.written_topic().len() + message.payload.len();
        if self.qos != QoS::AtMostOnce {
            len += 2;
        }
        if self.v5 {
            let properties = self.properties_len(message);
            len += varint_len(properties as u32) + properties;
        }
        len
    }

    /// Bytes of the whole packet.
    #[inline]
    pub(crate) fn packet_len(&self, message: &MessageRef<'_>) -> usize {
        let remaining = self.remaining_length(message);
        1 + varint_len(remaining as u32) + remaining
    }

    /// Whether the packet is more than a client takes, or than a packet can be: properties that the broker adds may make
    /// one too long that came in just short enough.
    #[inline]
    pub(crate) fn is_too_large(&self, message: &MessageRef<'_>, max_packet_size: u32) -> bool {
        // Topic and additions are less than this.
        const REST: usize = 100_000;
        if max_packet_size == u32::MAX && message.payload.len() + message.properties.len() < MAX_VARINT as usize - REST
        {
            return false;
        }
        self.remaining_length(message) > MAX_VARINT as usize || self.packet_len(message) > max_packet_size as usize
    }

    /// Appends the packet up to its payload. In MQTT 5, what came with the message stands first, then the message
    /// expiry interval, the topic alias and the subscription identifier, as Mosquitto orders them.
    #[inline]
    pub(crate) fn encode(&self, message: &MessageRef<'_>, out: &mut Vec<u8>) {
        let remaining = self.remaining_length(message);
        // Where the payload is shared, it does not come here.
        out.reserve(5 + remaining - message.payload.len());
        out.push(0x30 | u8::from(self.dup) << 3 | self.qos.bits() << 1 | u8::from(self.retain));
        put_varint(out, remaining as u32);
        let topic = self.written_topic();
        out.extend_from_slice(&(topic.len() as u16).to_be_bytes());
        out.extend_from_slice(topic);
        if self.qos != QoS::AtMostOnce {
            out.extend_from_slice(&self.packet_id.to_be_bytes());
        }
        if self.v5 {
            put_varint(out, self.properties_len(message) as u32);
            out.extend_from_slice(message.properties);
            if let Some(seconds) = self.expiry_s {
                Property::MessageExpiryInterval(seconds).encode(out);
            }
            if let Alias::New(alias) | Alias::Known(alias) = self.alias {
                Property::TopicAlias(alias).encode(out);
            }
            if self.identifier != 0 {
                Property::SubscriptionIdentifier(self.identifier).encode(out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Moment;
    use mosquitto_mqtt::packet::Publish;
    use mosquitto_mqtt::{FixedHeader, ProtocolVersion};

    #[test]
    fn the_length_is_what_is_written_and_the_codec_reads_it() {
        let message = MessageRef {
            number: 0,
            topic: b"a/b",
            properties: &[1, 1],
            payload: b"payload",
            qos: QoS::AtLeastOnce,
            retain: false,
            expires_at: Moment::NEVER,
        };
        for alias in [Alias::None, Alias::New(1), Alias::Known(1)] {
            for (qos, packet_id) in [(QoS::AtMostOnce, 0), (QoS::AtLeastOnce, 5)] {
                let head = Head {
                    topic: message.topic,
                    v5: true,
                    dup: false,
                    qos,
                    retain: true,
                    packet_id,
                    alias,
                    identifier: 300,
                    expiry_s: Some(9),
                };
                let mut out = Vec::new();
                head.encode(&message, &mut out);
                out.extend_from_slice(message.payload);
                assert_eq!(out.len(), head.packet_len(&message));
                let header = FixedHeader::parse(&out).unwrap().unwrap();
                let body = &out[usize::from(header.header_len)..];
                let packet = Publish::decode(out[0], body, ProtocolVersion::V5).unwrap();
                assert_eq!((packet.packet_id, packet.payload, packet.retain), (packet_id, message.payload, true));
                assert_eq!(packet.topic.is_empty(), matches!(alias, Alias::Known(_)));
                let last = packet.properties.iter().last();
                assert_eq!(last, Some(Property::SubscriptionIdentifier(300)));
            }
        }
    }

    const PLAIN: Head<'_> = Head {
        topic: b"a/b",
        v5: true,
        dup: false,
        qos: QoS::AtMostOnce,
        retain: false,
        packet_id: 0,
        alias: Alias::None,
        identifier: 0,
        expiry_s: None,
    };

    fn message(payload: &[u8]) -> MessageRef<'_> {
        let (topic, properties, expires_at) = (&b"a/b"[..], &b""[..], Moment::NEVER);
        MessageRef { number: 0, topic, properties, payload, qos: QoS::AtMostOnce, retain: false, expires_at }
    }

    #[test]
    fn the_head_of_a_large_message_takes_no_room_for_its_payload() {
        let (payload, mut out) = (vec![0; 1 << 20], Vec::new());
        PLAIN.encode(&message(&payload), &mut out);
        assert!(out.capacity() < 100, "{}", out.capacity());
    }

    #[test]
    fn a_packet_whose_length_cannot_be_written_is_too_large() {
        // Never touched, so it costs address space only.
        let payload = vec![0; MAX_VARINT as usize - 6];
        let longer = Head { identifier: 1, ..PLAIN };
        assert!(!PLAIN.is_too_large(&message(&payload), u32::MAX));
        assert!(longer.is_too_large(&message(&payload), u32::MAX));
        assert!(!longer.is_too_large(&message(&payload[2..]), u32::MAX));
        assert!(PLAIN.is_too_large(&message(&payload), 1000));
        let len = PLAIN.packet_len(&message(b"x")) as u32;
        assert!(!PLAIN.is_too_large(&message(b"x"), len) && PLAIN.is_too_large(&message(b"x"), len - 1));
    }
}
