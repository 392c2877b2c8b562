//! SUBSCRIBE and SUBACK (MQTT 5, 3.8 and 3.9; 3.1.1, 3.8 and 3.9).

use super::{put_header, put_text};
use crate::reader::Reader;
use crate::{
    Carrier, DecodeError, Fault, FilterError, PacketType, Properties, ProtocolVersion, QoS, ReasonCode, SharedFilter,
};

/// When a subscription brings retained messages (MQTT 5, 3.8.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum RetainHandling {
    /// Each time it is made.
    #[default]
    Always = 0,
    /// Only where it did not exist yet.
    IfNew = 1,
    /// Never.
    Never = 2,
}

/// The options byte of one subscription (MQTT 5, 3.8.3.1). MQTT 3 has only the QoS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SubscriptionOptions {
    /// The most at which messages are to come.
    pub qos: QoS,
    /// Do not send back what this client publishes itself.
    pub no_local: bool,
    /// Keep the retain flag as the publisher set it.
    pub retain_as_published: bool,
    /// When retained messages are wanted.
    pub retain_handling: RetainHandling,
}

impl SubscriptionOptions {
    /// The name of the field in errors about it.
    pub const QOS: &'static str = "requested QoS";
    /// Likewise, where it is about bits that have no meaning.
    pub const RESERVED: &'static str = "subscription options";
    /// Likewise.
    pub const NO_LOCAL: &'static str = "no local";

    /// Only a QoS, as MQTT 3 subscribes.
    pub const fn qos(qos: QoS) -> Self {
        Self { qos, no_local: false, retain_as_published: false, retain_handling: RetainHandling::Always }
    }

    fn from_byte(byte: u8, version: ProtocolVersion) -> Result<Self, DecodeError> {
        let qos = QoS::from_bits(byte & 3).ok_or(DecodeError::malformed(Self::QOS, "is 3"))?; // [MQTT-3.8.3-4]
        if !version.is_v5() {
            // [3.1.1 MQTT-3.8.3-4]
            let clean = byte & 0xfc == 0;
            return if clean { Ok(Self::qos(qos)) } else { Err(reserved()) };
        }
        if byte & 0xc0 != 0 {
            return Err(reserved()); // [MQTT-3.8.3-5]
        }
        let retain_handling = match (byte >> 4) & 3 {
            0 => RetainHandling::Always,
            1 => RetainHandling::IfNew,
            2 => RetainHandling::Never,
            _ => return Err(DecodeError::malformed("retain handling", "is 3")),
        };
        Ok(Self { qos, no_local: byte & 4 != 0, retain_as_published: byte & 8 != 0, retain_handling })
    }

    /// The options byte.
    pub fn to_byte(self) -> u8 {
        self.qos.bits()
            | u8::from(self.no_local) << 2
            | u8::from(self.retain_as_published) << 3
            | (self.retain_handling as u8) << 4
    }
}

fn reserved() -> DecodeError {
    DecodeError::malformed(SubscriptionOptions::RESERVED, "have reserved bits set")
}

/// One filter of a SUBSCRIBE with its options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscription<'a> {
    /// The filter as it was sent, `$share` included; a valid [`SharedFilter`].
    pub filter: &'a str,
    /// How messages are to come.
    pub options: SubscriptionOptions,
}

/// A request for one or more subscriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscribe<'a> {
    /// Never 0.
    pub packet_id: u16,
    /// Subscription identifier and user properties; empty in MQTT 3.
    pub properties: Properties<'a>,
    payload: &'a [u8],
    version: ProtocolVersion,
}

impl<'a> Subscribe<'a> {
    /// Decodes what follows the fixed header and checks every filter and option.
    pub fn decode(body: &'a [u8], version: ProtocolVersion) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let packet_id = reader.packet_id().map_err(|e| e.as_fault(Fault::Malformed))?;
        let properties = if version.is_v5() {
            Properties::decode(&mut reader, Carrier::Packet(PacketType::Subscribe))?
        } else {
            Properties::EMPTY
        };
        let payload = reader.rest();
        if payload.is_empty() {
            return Err(DecodeError::malformed("topic filter", "is missing")); // [MQTT-3.8.3-2]
        }
        while !reader.is_empty() {
            let subscription = read_subscription(&mut reader, version)?;
            check_filter(subscription)?;
        }
        Ok(Self { packet_id, properties, payload, version })
    }

    /// The subscriptions in order.
    pub fn subscriptions(&self) -> impl Iterator<Item = Subscription<'a>> {
        let (mut reader, version) = (Reader::new(self.payload), self.version);
        std::iter::from_fn(move || read_subscription(&mut reader, version).ok())
    }

    /// Appends the packet.
    pub fn encode(&self, version: ProtocolVersion, out: &mut Vec<u8>) {
        Self::write(self.packet_id, self.properties, self.subscriptions(), version, out);
    }

    /// Appends a SUBSCRIBE with these subscriptions, of which there has to be at least one.
    pub fn write<'s>(
        packet_id: u16,
        properties: Properties<'_>,
        subscriptions: impl Iterator<Item = Subscription<'s>>,
        version: ProtocolVersion,
        out: &mut Vec<u8>,
    ) {
        let mut body = Vec::new();
        body.extend_from_slice(&packet_id.to_be_bytes());
        if version.is_v5() {
            properties.encode(&mut body);
        }
        for subscription in subscriptions {
            put_text(&mut body, subscription.filter);
            body.push(if version.is_v5() { subscription.options.to_byte() } else { subscription.options.qos.bits() });
        }
        put_header(out, PacketType::Subscribe.first_byte(), body.len());
        out.extend_from_slice(&body);
    }
}

fn read_subscription<'a>(reader: &mut Reader<'a>, version: ProtocolVersion) -> Result<Subscription<'a>, DecodeError> {
    let filter = reader.text("topic filter")?;
    let options = SubscriptionOptions::from_byte(reader.u8("options byte")?, version)?;
    Ok(Subscription { filter, options })
}

fn check_filter(subscription: Subscription<'_>) -> Result<(), DecodeError> {
    match SharedFilter::new(subscription.filter) {
        // [MQTT-3.8.3-4]: a shared subscription cannot have No Local.
        Ok(SharedFilter { group: Some(_), .. }) if subscription.options.no_local => {
            Err(DecodeError::protocol(SubscriptionOptions::NO_LOCAL, "is set on a shared subscription"))
        }
        Ok(_) => Ok(()),
        Err(e @ FilterError::Share) => Err(DecodeError::protocol("topic filter", e.what())),
        Err(e) => Err(DecodeError::malformed("topic filter", e.what())),
    }
}

/// The answer to SUBSCRIBE: a code for each filter, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubAck<'a> {
    /// That of the SUBSCRIBE.
    pub packet_id: u16,
    /// Empty in MQTT 3.
    pub properties: Properties<'a>,
    /// One [`ReasonCode`] byte a filter.
    pub reasons: &'a [u8],
}

impl<'a> SubAck<'a> {
    /// Decodes what follows the fixed header.
    pub fn decode(body: &'a [u8], version: ProtocolVersion) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let packet_id = reader.packet_id()?;
        let properties = if version.is_v5() {
            Properties::decode(&mut reader, Carrier::Packet(PacketType::SubAck))?
        } else {
            Properties::EMPTY
        };
        let reasons = reader.rest();
        if reasons.is_empty() {
            return Err(DecodeError::malformed("reason code", "is missing")); // A SUBSCRIBE has at least one filter.
        }
        // [MQTT-3.9.3-2] [3.1.1 MQTT-3.9.3-2]
        let belongs = |code| match version {
            ProtocolVersion::V5 => ReasonCode(code).belongs_in(PacketType::SubAck),
            ProtocolVersion::V31 | ProtocolVersion::V311 => matches!(code, 0..=2 | 0x80),
        };
        if !reasons.iter().all(|&code| belongs(code)) {
            return Err(DecodeError::malformed("reason code", "is none of SUBACK"));
        }
        Ok(Self { packet_id, properties, reasons })
    }

    /// Appends the whole packet.
    pub fn encode(self, version: ProtocolVersion, out: &mut Vec<u8>) {
        let properties = if version.is_v5() { self.properties.encoded_len() } else { 0 };
        put_header(out, PacketType::SubAck.first_byte(), 2 + properties + self.reasons.len());
        out.extend_from_slice(&self.packet_id.to_be_bytes());
        if version.is_v5() {
            self.properties.encode(out);
        }
        out.extend_from_slice(self.reasons);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ProtocolVersion::*;

    #[test]
    fn options_identifier_and_filters_are_checked() {
        let fault = |body: &[u8], v| Subscribe::decode(body, v).unwrap_err().fault;
        assert_eq!(fault(&[0, 1], V311), Fault::Malformed); // [3.1.1 MQTT-3.8.3-3]
        assert_eq!(fault(&[0, 0, 0, 1, b'a', 0], V311), Fault::Malformed);
        assert_eq!(fault(&[0, 1, 0, 1, b'a', 3], V311), Fault::Malformed); // [3.1.1 MQTT-3.8.3-4]
        assert_eq!(fault(&[0, 1, 0, 1, b'a', 4], V311), Fault::Malformed);
        assert_eq!(fault(&[0, 1, 0, 0, 1, b'a', 0x30], V5), Fault::Malformed);
        assert_eq!(fault(&[0, 1, 0, 0, 1, b'a', 0x40], V5), Fault::Malformed); // [MQTT-3.8.3-5]
        assert_eq!(fault(b"\0\x01\0\0\x0b$share/g/ab\x04", V5), Fault::Protocol); // [MQTT-3.8.3-4]
        assert_eq!(fault(b"\0\x01\0\0\x08$share/g\0", V5), Fault::Protocol);
    }

    #[test]
    fn answers_have_codes_and_those_of_their_version() {
        // [MQTT-3.9.3-2] [3.1.1 MQTT-3.9.3-2]
        for code in 0..=u8::MAX {
            let (v5, v3) = ([0, 1, 0, code], [0, 1, code]);
            assert_eq!(SubAck::decode(&v5, V5).is_ok(), ReasonCode(code).belongs_in(PacketType::SubAck), "{code:#x}");
            for version in [V31, V311] {
                assert_eq!(SubAck::decode(&v3, version).is_ok(), matches!(code, 0..=2 | 0x80), "{code:#x}");
            }
        }
        assert_eq!(SubAck::decode(&[0, 1, 0], V5).unwrap_err().fault, Fault::Malformed);
        assert_eq!(SubAck::decode(&[0, 1], V311).unwrap_err().fault, Fault::Malformed);
    }

    #[test]
    fn subscriptions_round_trip() {
        let options = SubscriptionOptions {
            qos: QoS::ExactlyOnce,
            no_local: true,
            retain_as_published: true,
            retain_handling: RetainHandling::Never,
        };
        let list = [
            Subscription { filter: "a/+", options },
            Subscription { filter: "#", options: SubscriptionOptions::default() },
        ];
        let mut out = Vec::new();
        Subscribe::write(9, Properties::EMPTY, list.into_iter(), V5, &mut out);
        let decoded = Subscribe::decode(&out[2..], V5).unwrap();
        assert_eq!((out[0], decoded.packet_id), (0x82, 9));
        assert_eq!(decoded.subscriptions().collect::<Vec<_>>(), list);
    }
}
