//! Packets that another codec builds from the same values.

use mosquitto_mqtt::packet::{Ack, RetainHandling, Subscription};
use mosquitto_mqtt::{self as ours, Packet, ProtocolVersion, QoS};
use mqtt_protocol_core::mqtt::packet::{self as theirs, Properties, Qos, SubEntry, SubOpts, v3_1_1, v5_0};

/// The packet as the other codec writes it; `None` for an AUTH that only our session refuses. `long` spells out what
/// may be left unsaid, as far as it may be.
pub(crate) fn built(packet: &Packet<'_>, version: ProtocolVersion, long: bool) -> Option<Vec<u8>> {
    Some(match packet {
        Packet::Auth(_) | Packet::Disconnect(_) if version.is_v5() => return last_word(packet, long),
        Packet::Connect(_) if version.is_v5() => connect_v5(packet),
        Packet::Connect(_) => connect_v3(packet),
        _ if version.is_v5() => built_v5(packet, long),
        _ => built_v3(packet),
    })
}

/// Writes an acknowledgement of MQTT 5.
macro_rules! ack_v5 {
    ($kind:ident, $ack:expr, $long:expr) => {{
        let Ack { packet_id, reason, properties } = *$ack;
        let mut builder = v5_0::$kind::builder().packet_id(packet_id);
        if $long || reason.0 != 0 || !properties.is_empty() {
            builder = builder.reason_code(reason.0.try_into().unwrap());
        }
        if $long || !properties.is_empty() {
            builder = builder.props(list(properties));
        }
        builder.build().unwrap().to_continuous_buffer()
    }};
}

macro_rules! ack_v3 {
    ($kind:ident, $ack:expr) => {
        v3_1_1::$kind::builder().packet_id($ack.packet_id).build().unwrap().to_continuous_buffer()
    };
}

macro_rules! publish {
    ($module:ident, $packet:expr $(, $props:expr)?) => {{
        let packet = $packet;
        let mut builder = $module::Publish::builder().topic_name(packet.topic).unwrap().qos(qos(packet.qos));
        builder = builder.dup(packet.dup).retain(packet.retain).payload(packet.payload)$(.props($props))?;
        if packet.qos != QoS::AtMostOnce {
            builder = builder.packet_id(packet.packet_id);
        }
        builder.build().unwrap().to_continuous_buffer()
    }};
}

macro_rules! connect {
    ($module:ident, $packet:expr, $builder:expr) => {{
        let (packet, mut builder) = ($packet, $builder);
        builder = builder.client_id(packet.client_id).unwrap().clean_start(packet.clean_start);
        builder = builder.keep_alive(packet.keep_alive_s);
        if let Some(will) = &packet.will {
            builder = builder.will_message(will.topic, will.payload.to_vec(), qos(will.qos), will.retain).unwrap();
        }
        if let Some(username) = packet.username {
            builder = builder.user_name(username).unwrap();
        }
        if let Some(password) = packet.password {
            builder = builder.password(password.to_vec()).unwrap();
        }
        builder.build().unwrap().to_continuous_buffer()
    }};
}

fn connect_v5(packet: &Packet<'_>) -> Vec<u8> {
    let Packet::Connect(packet) = packet else { unreachable!() };
    let mut builder = v5_0::Connect::builder().props(list(packet.properties));
    if let Some(will) = &packet.will {
        builder = builder.will_props(list(will.properties));
    }
    connect!(v5_0, packet, builder)
}

fn connect_v3(packet: &Packet<'_>) -> Vec<u8> {
    let Packet::Connect(packet) = packet else { unreachable!() };
    connect!(v3_1_1, packet, v3_1_1::Connect::builder())
}

fn built_v5(packet: &Packet<'_>, long: bool) -> Vec<u8> {
    match packet {
        Packet::ConnAck(packet) => v5_0::Connack::builder()
            .session_present(packet.session_present)
            .reason_code(packet.reason.0.try_into().unwrap())
            .props(list(packet.properties))
            .build()
            .unwrap()
            .to_continuous_buffer(),
        Packet::Publish(packet) => publish!(v5_0, packet, list(packet.properties)),
        Packet::PubAck(ack) => ack_v5!(Puback, ack, long),
        Packet::PubRec(ack) => ack_v5!(Pubrec, ack, long),
        Packet::PubRel(ack) => ack_v5!(Pubrel, ack, long),
        Packet::PubComp(ack) => ack_v5!(Pubcomp, ack, long),
        Packet::Subscribe(packet) => v5_0::Subscribe::builder()
            .packet_id(packet.packet_id)
            .props(list(packet.properties))
            .entries(packet.subscriptions().map(entry).collect::<Vec<_>>())
            .build()
            .unwrap()
            .to_continuous_buffer(),
        Packet::SubAck(packet) => v5_0::Suback::builder()
            .packet_id(packet.packet_id)
            .props(list(packet.properties))
            .reason_codes(packet.reasons.iter().map(|&code| code.try_into().unwrap()).collect())
            .build()
            .unwrap()
            .to_continuous_buffer(),
        Packet::Unsubscribe(packet) => v5_0::Unsubscribe::builder()
            .packet_id(packet.packet_id)
            .props(list(packet.properties))
            .entries(packet.filters())
            .unwrap()
            .build()
            .unwrap()
            .to_continuous_buffer(),
        Packet::UnsubAck(packet) => v5_0::Unsuback::builder()
            .packet_id(packet.packet_id)
            .props(list(packet.properties))
            .reason_codes(packet.reasons.iter().map(|&code| code.try_into().unwrap()).collect())
            .build()
            .unwrap()
            .to_continuous_buffer(),
        Packet::PingReq => v5_0::Pingreq::builder().build().unwrap().to_continuous_buffer(),
        Packet::PingResp => v5_0::Pingresp::builder().build().unwrap().to_continuous_buffer(),
        Packet::Connect(_) | Packet::Disconnect(_) | Packet::Auth(_) => unreachable!(),
    }
}

fn last_word(packet: &Packet<'_>, long: bool) -> Option<Vec<u8>> {
    match packet {
        Packet::Disconnect(packet) => {
            let mut builder = v5_0::Disconnect::builder();
            if long || packet.reason.0 != 0 || !packet.properties.is_empty() {
                builder = builder.reason_code(packet.reason.0.try_into().unwrap());
            }
            if long || !packet.properties.is_empty() {
                builder = builder.props(list(packet.properties));
            }
            Some(builder.build().unwrap().to_continuous_buffer())
        }
        Packet::Auth(packet) => {
            let builder = v5_0::Auth::builder().reason_code(packet.reason.0.try_into().unwrap());
            Some(builder.props(list(packet.properties)).build().ok()?.to_continuous_buffer())
        }
        _ => unreachable!(),
    }
}

fn built_v3(packet: &Packet<'_>) -> Vec<u8> {
    match packet {
        Packet::ConnAck(packet) => v3_1_1::Connack::builder()
            .session_present(packet.session_present)
            .return_code(packet.reason.0.try_into().unwrap())
            .build()
            .unwrap()
            .to_continuous_buffer(),
        Packet::Publish(packet) => publish!(v3_1_1, packet),
        Packet::PubAck(ack) => ack_v3!(Puback, ack),
        Packet::PubRec(ack) => ack_v3!(Pubrec, ack),
        Packet::PubRel(ack) => ack_v3!(Pubrel, ack),
        Packet::PubComp(ack) => ack_v3!(Pubcomp, ack),
        Packet::Subscribe(packet) => v3_1_1::Subscribe::builder()
            .packet_id(packet.packet_id)
            .entries(packet.subscriptions().map(entry).collect::<Vec<_>>())
            .build()
            .unwrap()
            .to_continuous_buffer(),
        Packet::SubAck(packet) => v3_1_1::Suback::builder()
            .packet_id(packet.packet_id)
            .return_codes(packet.reasons.iter().map(|&code| code.try_into().unwrap()).collect())
            .build()
            .unwrap()
            .to_continuous_buffer(),
        Packet::Unsubscribe(packet) => v3_1_1::Unsubscribe::builder()
            .packet_id(packet.packet_id)
            .entries(packet.filters())
            .unwrap()
            .build()
            .unwrap()
            .to_continuous_buffer(),
        Packet::UnsubAck(packet) => ack_v3!(Unsuback, packet),
        Packet::PingReq => v3_1_1::Pingreq::builder().build().unwrap().to_continuous_buffer(),
        Packet::PingResp => v3_1_1::Pingresp::builder().build().unwrap().to_continuous_buffer(),
        Packet::Disconnect(_) => v3_1_1::Disconnect::builder().build().unwrap().to_continuous_buffer(),
        Packet::Connect(_) | Packet::Auth(_) => unreachable!(),
    }
}

fn qos(qos: QoS) -> Qos {
    match qos {
        QoS::AtMostOnce => Qos::AtMostOnce,
        QoS::AtLeastOnce => Qos::AtLeastOnce,
        QoS::ExactlyOnce => Qos::ExactlyOnce,
    }
}

fn entry(subscription: Subscription<'_>) -> SubEntry {
    let options = subscription.options;
    let retain_handling = match options.retain_handling {
        RetainHandling::Always => theirs::RetainHandling::SendRetained,
        RetainHandling::IfNew => theirs::RetainHandling::SendRetainedIfNotExists,
        RetainHandling::Never => theirs::RetainHandling::DoNotSendRetained,
    };
    let bits = SubOpts::new().set_qos(qos(options.qos)).set_nl(options.no_local);
    SubEntry::new(subscription.filter, bits.set_rap(options.retain_as_published).set_rh(retain_handling)).unwrap()
}

fn list(properties: ours::Properties<'_>) -> Properties {
    properties.iter().map(property).collect()
}

macro_rules! property {
    ($property:expr, $($ours:ident $theirs:ident)*) => {
        match $property {
            ours::Property::PayloadFormatIndicator(value) => {
                let value = if value == 0 { theirs::PayloadFormat::Binary } else { theirs::PayloadFormat::String };
                theirs::Property::PayloadFormatIndicator(theirs::PayloadFormatIndicator::new(value).unwrap())
            }
            ours::Property::UserProperty((name, value)) => {
                theirs::Property::UserProperty(theirs::UserProperty::new(name, value).unwrap())
            }
            ours::Property::CorrelationData(data) => {
                theirs::Property::CorrelationData(theirs::CorrelationData::new(data.to_vec()).unwrap())
            }
            ours::Property::AuthenticationData(data) => {
                theirs::Property::AuthenticationData(theirs::AuthenticationData::new(data.to_vec()).unwrap())
            }
            $(ours::Property::$ours(value) => theirs::Property::$theirs(theirs::$theirs::new(value).unwrap()),)*
        }
    };
}

fn property(property: ours::Property<'_>) -> theirs::Property {
    property!(property,
        MessageExpiryInterval MessageExpiryInterval  ContentType ContentType  ResponseTopic ResponseTopic
        SubscriptionIdentifier SubscriptionIdentifier
        SessionExpiryInterval SessionExpiryInterval  AssignedClientIdentifier AssignedClientIdentifier
        ServerKeepAlive ServerKeepAlive  AuthenticationMethod AuthenticationMethod
        RequestProblemInformation RequestProblemInformation
        WillDelayInterval WillDelayInterval  RequestResponseInformation RequestResponseInformation
        ResponseInformation ResponseInformation  ServerReference ServerReference  ReasonString ReasonString
        ReceiveMaximum ReceiveMaximum  TopicAliasMaximum TopicAliasMaximum  TopicAlias TopicAlias
        MaximumQoS MaximumQos  RetainAvailable RetainAvailable  MaximumPacketSize MaximumPacketSize
        WildcardSubscriptionAvailable WildcardSubscriptionAvailable
        SubscriptionIdentifierAvailable SubscriptionIdentifierAvailable
        SharedSubscriptionAvailable SharedSubscriptionAvailable
    )
}
