//! The property section of a packet: checked once, then read in place.

use crate::reader::Reader;
use crate::{DecodeError, Fault, PacketType, Property, PropertyId, put_varint, varint_len};

/// What a property section belongs to: a packet, or the will inside CONNECT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Carrier {
    /// The section of a packet's variable header.
    Packet(PacketType),
    /// The will properties in the payload of CONNECT (MQTT 5, 3.1.3.2).
    Will,
}

impl Carrier {
    /// Whether the property may stand here (table 2-4).
    pub fn allows(self, id: PropertyId) -> bool {
        use PacketType as P;
        use PropertyId as I;
        let Carrier::Packet(packet) = self else {
            return matches!(
                id,
                I::PayloadFormatIndicator
                    | I::MessageExpiryInterval
                    | I::ContentType
                    | I::ResponseTopic
                    | I::CorrelationData
                    | I::WillDelayInterval
                    | I::UserProperty
            );
        };
        match id {
            I::UserProperty => !matches!(packet, P::PingReq | P::PingResp),
            I::PayloadFormatIndicator
            | I::MessageExpiryInterval
            | I::ContentType
            | I::ResponseTopic
            | I::CorrelationData
            | I::TopicAlias => packet == P::Publish,
            I::SubscriptionIdentifier => matches!(packet, P::Publish | P::Subscribe),
            I::SessionExpiryInterval => matches!(packet, P::Connect | P::ConnAck | P::Disconnect),
            I::AuthenticationMethod | I::AuthenticationData => matches!(packet, P::Connect | P::ConnAck | P::Auth),
            I::RequestProblemInformation | I::RequestResponseInformation => packet == P::Connect,
            I::WillDelayInterval => false,
            I::ServerReference => matches!(packet, P::ConnAck | P::Disconnect),
            I::ReasonString => {
                !matches!(packet, P::Connect | P::Publish | P::Subscribe | P::Unsubscribe | P::PingReq | P::PingResp)
            }
            I::ReceiveMaximum | I::TopicAliasMaximum | I::MaximumPacketSize => {
                matches!(packet, P::Connect | P::ConnAck)
            }
            I::AssignedClientIdentifier
            | I::ServerKeepAlive
            | I::ResponseInformation
            | I::MaximumQoS
            | I::RetainAvailable
            | I::WildcardSubscriptionAvailable
            | I::SubscriptionIdentifierAvailable
            | I::SharedSubscriptionAvailable => packet == P::ConnAck,
        }
    }

    /// Whether the property may come more than once: user properties, and a PUBLISH from a server may carry several
    /// subscription identifiers.
    fn allows_repetition(self, id: PropertyId) -> bool {
        match id {
            PropertyId::UserProperty => true,
            PropertyId::SubscriptionIdentifier => self == Carrier::Packet(PacketType::Publish),
            _ => false,
        }
    }

    /// Likewise for the one property of a SUBSCRIBE that has a range, the subscription identifier.
    fn out_of_range(self, error: DecodeError) -> DecodeError {
        match self {
            Carrier::Packet(PacketType::Subscribe) => error.as_fault(Fault::Malformed),
            _ => error,
        }
    }

    /// Mosquitto takes every property that does not belong in SUBSCRIBE or UNSUBSCRIBE for malformed, elsewhere for a
    /// protocol error.
    fn misplaced(self, id: PropertyId) -> DecodeError {
        let error = DecodeError::protocol(id.name(), "is a property that does not belong in this packet");
        match self {
            Carrier::Packet(PacketType::Subscribe | PacketType::Unsubscribe) => error.as_fault(Fault::Malformed),
            _ => error,
        }
    }
}

/// A valid property section without its length: every property is whole, allowed where it stands, in its range, and
/// not repeated unless it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Properties<'a> {
    bytes: &'a [u8],
}

impl<'a> Properties<'a> {
    /// No properties.
    pub const EMPTY: Properties<'static> = Properties { bytes: &[] };

    #[inline]
    pub(crate) fn decode(reader: &mut Reader<'a>, carrier: Carrier) -> Result<Self, DecodeError> {
        let len = reader.varint("property length")?;
        if len == 0 {
            return Ok(Properties { bytes: &[] });
        }
        let bytes = reader.take(len as usize, "properties")?;
        Self::check(bytes, carrier)?;
        Ok(Self { bytes })
    }

    /// Reads a section, its length first, at the front of `bytes`; also returns what stands behind it.
    pub fn read(bytes: &'a [u8], carrier: Carrier) -> Result<(Self, &'a [u8]), DecodeError> {
        let mut reader = Reader::new(bytes);
        let properties = Self::decode(&mut reader, carrier)?;
        Ok((properties, reader.rest()))
    }

    /// One pass whatever the number of properties: which ones were seen is a bit set.
    fn check(bytes: &'a [u8], carrier: Carrier) -> Result<(), DecodeError> {
        let mut reader = Reader::new(bytes);
        let mut seen = 0u64;
        while !reader.is_empty() {
            let byte = reader.u8("property identifier")?;
            let id = PropertyId::from_byte(byte)
                .ok_or(DecodeError::malformed("property identifier", "is none that MQTT 5 knows"))?;
            let property = Property::read_value(id, &mut reader)?;
            if !carrier.allows(id) {
                return Err(carrier.misplaced(id));
            }
            let bit = 1u64 << (byte & 63);
            if seen & bit != 0 && !carrier.allows_repetition(id) {
                return Err(DecodeError::protocol(id.name(), "is given more than once"));
            }
            seen |= bit;
            property.check_range().map_err(|error| carrier.out_of_range(error))?;
        }
        Ok(())
    }

    /// The section as it is on the wire, without its length.
    #[inline]
    pub fn as_bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// A section that [`as_bytes`](Self::as_bytes) gave before, as when it was stored. Bytes of other origin end the
    /// iteration where they stop making sense.
    #[inline]
    pub fn from_checked(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Whether there is none.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.bytes.is_empty()
    }

    /// The properties in order.
    pub fn iter(self) -> impl Iterator<Item = Property<'a>> {
        let mut reader = Reader::new(self.bytes);
        std::iter::from_fn(move || {
            let id = PropertyId::from_byte(reader.u8("property identifier").ok()?)?;
            Property::read_value(id, &mut reader).ok()
        })
    }

    /// The bytes of the section with its length in front.
    #[inline]
    pub fn encoded_len(self) -> usize {
        varint_len(self.bytes.len() as u32) + self.bytes.len()
    }

    /// Writes length and properties.
    #[inline]
    pub fn encode(self, out: &mut Vec<u8>) {
        put_varint(out, self.bytes.len() as u32);
        out.extend_from_slice(self.bytes);
    }
}

/// A property section under construction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PropertiesBuf {
    bytes: Vec<u8>,
}

impl PropertiesBuf {
    /// An empty section.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends one property.
    pub fn push(&mut self, property: Property<'_>) {
        property.encode(&mut self.bytes);
    }

    /// The section so far. What was pushed is the caller's to get right: nothing is checked again.
    pub fn as_properties(&self) -> Properties<'_> {
        Properties { bytes: &self.bytes }
    }
}

impl<'a> FromIterator<Property<'a>> for PropertiesBuf {
    fn from_iter<I: IntoIterator<Item = Property<'a>>>(properties: I) -> Self {
        let mut list = Self::new();
        properties.into_iter().for_each(|property| list.push(property));
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8], packet: PacketType) -> Result<Vec<Property<'_>>, Fault> {
        let mut section = Vec::new();
        put_varint(&mut section, bytes.len() as u32);
        let section: &'static [u8] = Box::leak([section, bytes.to_vec()].concat().into_boxed_slice());
        Properties::decode(&mut Reader::new(section), Carrier::Packet(packet))
            .map(|p| p.iter().collect())
            .map_err(|e| e.fault)
    }

    #[test]
    fn every_fault_has_its_kind() {
        use PacketType::{Connect, Publish, Subscribe};
        // [MQTT-2.2.2-1] 2.2.2.2: unknown, cut short, repeated, misplaced, out of range
        assert_eq!(decode(&[0], Connect), Err(Fault::Malformed));
        assert_eq!(decode(&[0x21, 0], Connect), Err(Fault::Malformed));
        assert_eq!(decode(&[0x21, 0, 1, 0x21, 0, 1], Connect), Err(Fault::Protocol));
        assert_eq!(decode(&[0x23, 0, 1], Connect), Err(Fault::Protocol));
        assert_eq!(decode(&[0x23, 0, 1], Subscribe), Err(Fault::Malformed));
        assert_eq!(decode(&[0x21, 0, 0], Connect), Err(Fault::Protocol)); // 3.1.2.11.3
        assert_eq!(decode(&[0x17, 2], Connect), Err(Fault::Protocol));
        assert_eq!(decode(&[0x0b, 0], Subscribe), Err(Fault::Malformed));
        assert_eq!(decode(&[0x0b, 0], Publish), Err(Fault::Protocol));
        assert_eq!(decode(&[0x0b, 0x81, 0], Publish), Err(Fault::Malformed)); // [MQTT-1.5.5-1]
        assert_eq!(decode(&[0x08, 0, 0], Publish), Err(Fault::Protocol));
        assert_eq!(decode(&[0x08, 0, 1, b'+'], Publish), Err(Fault::Protocol)); // [MQTT-3.3.2-14]
    }

    #[test]
    fn user_properties_may_repeat_and_keep_their_order() {
        // [MQTT-3.3.2-18]
        let pairs = [Property::UserProperty(("a", "1")), Property::UserProperty(("a", "2"))];
        let list: PropertiesBuf = pairs.into_iter().collect();
        assert_eq!(decode(list.as_properties().as_bytes(), PacketType::Connect).unwrap(), pairs);
    }

    #[test]
    fn a_length_beyond_the_packet_is_malformed() {
        let error = Properties::decode(&mut Reader::new(&[5, 0x21, 0]), Carrier::Will).unwrap_err();
        assert_eq!((error.fault, error.field), (Fault::Malformed, "properties"));
    }

    #[test]
    fn encoded_len_is_what_encode_writes() {
        let list: PropertiesBuf =
            [Property::ContentType("text"), Property::CorrelationData(&[1, 2]), Property::SubscriptionIdentifier(300)]
                .into_iter()
                .collect();
        let mut out = Vec::new();
        list.as_properties().encode(&mut out);
        assert_eq!(out.len(), list.as_properties().encoded_len());
        let sum: usize = list.as_properties().iter().map(Property::encoded_len).sum();
        assert_eq!(sum, out.len() - 1);
    }
}
