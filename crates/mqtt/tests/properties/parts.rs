//! Valid packets at random.

use mosquitto_mqtt::packet::{
    Ack, Auth, ConnAck, Connect, Disconnect, Publish, RetainHandling, SubAck, Subscribe, Subscription,
    SubscriptionOptions, UnsubAck, Unsubscribe, Will,
};
use mosquitto_mqtt::{
    Carrier, Packet, PacketType, PropertiesBuf, Property, PropertyId, ProtocolVersion, QoS, ReasonCode,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// What packets are made of; each takes what it needs.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    pub(crate) version: ProtocolVersion,
    kind: u8,
    id: u16,
    flags: u8,
    topic: String,
    text: String,
    data: Vec<u8>,
    filters: Vec<(String, u8)>,
    properties: Vec<(u8, u32)>,
}

pub(crate) fn parts() -> impl Strategy<Value = Parts> {
    let version = prop_oneof![Just(ProtocolVersion::V31), Just(ProtocolVersion::V311), Just(ProtocolVersion::V5)];
    let filter =
        prop_oneof!["[a-z/é]{1,12}", "(\\+/){0,3}[a-z]{1,3}(/#)?", "\\$share/[a-z]{1,3}/[a-z+]", Just("#".to_owned())];
    (
        (version, 1u8..=15, 1u16.., any::<u8>()),
        ("[a-z$/é😀]{1,40}", "[a-zA-Z0-9 é]{0,30}", vec(any::<u8>(), 0..300)),
        vec((filter, any::<u8>()), 1..5),
        vec((0u8..43, any::<u32>()), 0..12),
    )
        .prop_map(|((version, kind, id, flags), (topic, text, data), filters, properties)| {
            let kind = if kind == 15 && !version.is_v5() { 14 } else { kind };
            Parts { version, kind, id, flags, topic, text, data, filters, properties }
        })
}

impl Parts {
    fn qos(&self) -> QoS {
        QoS::from_bits(self.flags % 3).unwrap()
    }

    /// A reason that may stand in the packet.
    fn reason(&self, kind: PacketType) -> ReasonCode {
        let reason = ReasonCode(self.flags);
        if self.version.is_v5() && reason.belongs_in(kind) { reason } else { ReasonCode::SUCCESS }
    }

    fn properties(&self, carrier: Carrier) -> PropertiesBuf {
        let mut seen = Vec::new();
        let mut list = PropertiesBuf::new();
        for &(id, value) in self.properties.iter().filter(|_| self.version.is_v5()) {
            let Some(id) = PropertyId::from_byte(id).filter(|id| carrier.allows(*id)) else { continue };
            // Data without a method is for the session to refuse.
            if id == PropertyId::AuthenticationData && !seen.contains(&PropertyId::AuthenticationMethod) {
                continue;
            }
            if id == PropertyId::UserProperty || !seen.contains(&id) {
                seen.push(id);
                list.push(self.property(id, value));
            }
        }
        list
    }

    fn property(&self, id: PropertyId, value: u32) -> Property<'_> {
        let (flag, two, four) = (value as u8 & 1, (value as u16).max(1), value.max(1));
        match id {
            PropertyId::PayloadFormatIndicator => Property::PayloadFormatIndicator(flag),
            PropertyId::MessageExpiryInterval => Property::MessageExpiryInterval(value),
            PropertyId::ContentType => Property::ContentType(&self.text),
            PropertyId::ResponseTopic => Property::ResponseTopic(&self.topic),
            PropertyId::CorrelationData => Property::CorrelationData(&self.data),
            PropertyId::SubscriptionIdentifier => Property::SubscriptionIdentifier(four % 0x0fff_ffff + 1),
            PropertyId::SessionExpiryInterval => Property::SessionExpiryInterval(value),
            PropertyId::AssignedClientIdentifier => Property::AssignedClientIdentifier(&self.text),
            PropertyId::ServerKeepAlive => Property::ServerKeepAlive(value as u16),
            PropertyId::AuthenticationMethod => Property::AuthenticationMethod(&self.text),
            PropertyId::AuthenticationData => Property::AuthenticationData(&self.data),
            PropertyId::RequestProblemInformation => Property::RequestProblemInformation(flag),
            PropertyId::WillDelayInterval => Property::WillDelayInterval(value),
            PropertyId::RequestResponseInformation => Property::RequestResponseInformation(flag),
            PropertyId::ResponseInformation => Property::ResponseInformation(&self.text),
            PropertyId::ServerReference => Property::ServerReference(&self.text),
            PropertyId::ReasonString => Property::ReasonString(&self.text),
            PropertyId::ReceiveMaximum => Property::ReceiveMaximum(two),
            PropertyId::TopicAliasMaximum => Property::TopicAliasMaximum(value as u16),
            PropertyId::TopicAlias => Property::TopicAlias(two),
            PropertyId::MaximumQoS => Property::MaximumQoS(flag),
            PropertyId::RetainAvailable => Property::RetainAvailable(flag),
            PropertyId::UserProperty => Property::UserProperty((&self.topic, &self.text)),
            PropertyId::MaximumPacketSize => Property::MaximumPacketSize(four),
            PropertyId::WildcardSubscriptionAvailable => Property::WildcardSubscriptionAvailable(flag),
            PropertyId::SubscriptionIdentifierAvailable => Property::SubscriptionIdentifierAvailable(flag),
            PropertyId::SharedSubscriptionAvailable => Property::SharedSubscriptionAvailable(flag),
        }
    }

    /// A reason for each filter of a SUBSCRIBE or UNSUBSCRIBE.
    fn reasons(&self, kind: PacketType) -> Vec<u8> {
        let code = |bits: u8| match kind {
            _ if self.version.is_v5() && ReasonCode(bits).belongs_in(kind) => bits,
            PacketType::SubAck if bits & 0x80 != 0 => 0x80,
            PacketType::SubAck => bits % 3,
            _ => bits % 2 * ReasonCode::NO_SUBSCRIPTION_EXISTED.0,
        };
        self.filters.iter().map(|(_, bits)| code(*bits)).collect()
    }

    fn options(&self, filter: &str, bits: u8) -> SubscriptionOptions {
        let qos = QoS::from_bits(bits % 3).unwrap();
        if !self.version.is_v5() {
            return SubscriptionOptions::qos(qos);
        }
        let retain_handling =
            [RetainHandling::Always, RetainHandling::IfNew, RetainHandling::Never][bits as usize / 3 % 3];
        let no_local = bits & 16 != 0 && !filter.starts_with("$share/");
        SubscriptionOptions { qos, no_local, retain_as_published: bits & 32 != 0, retain_handling }
    }

    /// The bytes of the packet, and the packet itself but for the two that are lists.
    pub(crate) fn encoded(&self, check: impl FnOnce(Option<Packet<'_>>, &[u8])) {
        let kind = PacketType::from_first_byte(self.kind << 4).unwrap();
        let list = self.properties(Carrier::Packet(kind));
        let (properties, will_list) = (list.as_properties(), self.properties(Carrier::Will));
        let ack = Ack { packet_id: self.id, reason: self.reason(kind), properties };
        let bit = |at: u8| self.flags & (1 << at) != 0;
        let reasons = self.reasons(kind);
        let mut out = Vec::new();
        let packet = match kind {
            PacketType::Connect => Packet::Connect(self.connect(properties, &will_list, bit(3))),
            PacketType::ConnAck => {
                Packet::ConnAck(ConnAck { session_present: bit(7), reason: self.reason(kind), properties })
            }
            PacketType::Publish => {
                let packet_id = if self.qos() == QoS::AtMostOnce { 0 } else { self.id };
                let (dup, retain) = (packet_id != 0 && bit(7), bit(6));
                let has_alias = properties.iter().any(|property| property.id() == PropertyId::TopicAlias);
                let topic = if has_alias && bit(5) { "" } else { self.topic.as_str() };
                let (qos, payload) = (self.qos(), self.data.as_slice());
                Packet::Publish(Publish { dup, qos, retain, topic, packet_id, properties, payload })
            }
            PacketType::PubAck => Packet::PubAck(ack),
            PacketType::PubRec => Packet::PubRec(ack),
            PacketType::PubRel => Packet::PubRel(ack),
            PacketType::PubComp => Packet::PubComp(ack),
            PacketType::Subscribe => {
                let subscription = |(filter, bits): &'_ (String, u8)| (filter.clone(), self.options(filter, *bits));
                let all: Vec<_> = self.filters.iter().map(subscription).collect();
                let all = all.iter().map(|(filter, options)| Subscription { filter, options: *options });
                Subscribe::write(self.id, properties, all, self.version, &mut out);
                return check(None, &out);
            }
            PacketType::Unsubscribe => {
                let all = self.filters.iter().map(|(filter, _)| filter.as_str());
                Unsubscribe::write(self.id, properties, all, self.version, &mut out);
                return check(None, &out);
            }
            PacketType::SubAck => Packet::SubAck(SubAck { packet_id: self.id, properties, reasons: &reasons }),
            PacketType::UnsubAck => {
                let reasons = if self.version.is_v5() { &reasons } else { &[][..] };
                Packet::UnsubAck(UnsubAck { packet_id: self.id, properties, reasons })
            }
            PacketType::PingReq => Packet::PingReq,
            PacketType::PingResp => Packet::PingResp,
            PacketType::Disconnect => Packet::Disconnect(Disconnect { reason: self.reason(kind), properties }),
            PacketType::Auth => Packet::Auth(Auth { reason: self.reason(kind), properties }),
        };
        packet.encode(self.version, &mut out);
        check(Some(packet), &out);
    }

    fn connect<'a>(
        &'a self,
        properties: mosquitto_mqtt::Properties<'a>,
        will_properties: &'a PropertiesBuf,
        has_will: bool,
    ) -> Connect<'a> {
        let bit = |at: u8| self.flags & (1 << at) != 0;
        let will = Will {
            topic: &self.topic,
            payload: &self.data,
            qos: self.qos(),
            retain: bit(4),
            properties: will_properties.as_properties(),
        };
        Connect {
            version: self.version,
            bridge: false,
            clean_start: bit(5),
            keep_alive_s: self.id,
            properties,
            client_id: &self.topic,
            will: has_will.then_some(will),
            username: bit(6).then_some(&self.text),
            password: (bit(6) && bit(7)).then_some(&self.data),
        }
    }
}
