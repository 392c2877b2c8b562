//! `-D`: properties of packets.

use super::text;
use crate::arguments::ArgumentError;
use crate::number::leading_integer;
use crate::settings::{PropertySettings, Settings};
use mosquitto_client::mqtt::{Carrier, MAX_VARINT, PacketType, PropertiesBuf, Property, PropertyId, ProtocolVersion};
use std::ffi::OsString;

/// The words for what carries properties.
const CARRIERS: &[(&str, Carrier)] = &[
    ("connect", Carrier::Packet(PacketType::Connect)),
    ("connack", Carrier::Packet(PacketType::ConnAck)),
    ("publish", Carrier::Packet(PacketType::Publish)),
    ("puback", Carrier::Packet(PacketType::PubAck)),
    ("pubrec", Carrier::Packet(PacketType::PubRec)),
    ("pubrel", Carrier::Packet(PacketType::PubRel)),
    ("pubcomp", Carrier::Packet(PacketType::PubComp)),
    ("subscribe", Carrier::Packet(PacketType::Subscribe)),
    ("suback", Carrier::Packet(PacketType::SubAck)),
    ("unsubscribe", Carrier::Packet(PacketType::Unsubscribe)),
    ("unsuback", Carrier::Packet(PacketType::UnsubAck)),
    ("disconnect", Carrier::Packet(PacketType::Disconnect)),
    ("auth", Carrier::Packet(PacketType::Auth)),
    ("will", Carrier::Will),
];

/// Takes the packet, the property's name and its value from the arguments.
pub(crate) fn read(
    settings: &mut Settings,
    arguments: &mut impl Iterator<Item = OsString>,
) -> Result<(), ArgumentError> {
    let mut word = || {
        let text = "Error: --property argument given but not enough arguments specified.";
        arguments.next().ok_or_else(|| ArgumentError::spaced(text))
    };
    let (packet, name, value) = (word()?, word()?, word()?);
    let (packet, name) = (packet.to_string_lossy(), name.to_string_lossy());
    let refused = |text: String| Err(ArgumentError::spaced(format!("Error: {text} --property argument.")));
    let Some(&(_, carrier)) = CARRIERS.iter().find(|(word, _)| word.eq_ignore_ascii_case(&packet)) else {
        return refused(format!("Invalid command {packet} given in"));
    };
    let Some(id) = (0..=u8::MAX).filter_map(PropertyId::from_byte).find(|id| id.name().eq_ignore_ascii_case(&name))
    else {
        return refused(format!("Invalid property name {name} given in"));
    };
    if !carrier.allows(id) {
        return refused(format!("{name} property not allowed for {packet} in"));
    }
    let second = if id == PropertyId::UserProperty { Some(word()?) } else { None };
    let Some(list) = list_for(&mut settings.properties, carrier, id) else {
        return refused(format!("{name} property not supported for {packet} in"));
    };
    let value = value.as_encoded_bytes();
    let longest = second.as_ref().map_or(value.len(), |second| value.len().max(second.len()));
    if longest > usize::from(u16::MAX) {
        return Err(ArgumentError::spaced(format!("Error: Property value too long for property {name}.")));
    }
    match second {
        Some(second) => {
            let (name, value) = (text(value, "--property")?, text(second.as_encoded_bytes(), "--property")?);
            list.push(Property::UserProperty((&name, &value)));
        }
        None => with_value(id, &name, value, |property| list.push(property))?,
    }
    settings.connection.version = ProtocolVersion::V5;
    Ok(())
}

/// Where a property goes; nowhere if it is not for a user to say.
fn list_for(settings: &mut PropertySettings, carrier: Carrier, id: PropertyId) -> Option<&mut PropertiesBuf> {
    match carrier {
        Carrier::Packet(PacketType::Connect) => Some(&mut settings.connect),
        Carrier::Packet(PacketType::Publish) if id != PropertyId::SubscriptionIdentifier => Some(&mut settings.publish),
        Carrier::Packet(PacketType::Subscribe) => Some(&mut settings.subscribe),
        Carrier::Packet(PacketType::Unsubscribe) => Some(&mut settings.unsubscribe),
        Carrier::Packet(PacketType::Disconnect) => Some(&mut settings.disconnect),
        Carrier::Will => Some(&mut settings.will),
        Carrier::Packet(_) => None,
    }
}

/// The words for packets that can be given properties, each with which properties those are.
pub(crate) fn packets() -> impl Iterator<Item = (&'static str, impl Fn(PropertyId) -> bool)> {
    let takes = |carrier: Carrier| {
        move |id| carrier.allows(id) && list_for(&mut PropertySettings::default(), carrier, id).is_some()
    };
    let all = CARRIERS.iter().map(move |&(word, carrier)| (word, takes(carrier)));
    all.filter(|(_, takes)| takes(PropertyId::UserProperty))
}

/// Calls `push` with the property that has this value.
fn with_value(id: PropertyId, name: &str, value: &[u8], push: impl FnOnce(Property<'_>)) -> Result<(), ArgumentError> {
    use PropertyId as I;
    let number = leading_integer(value);
    let out_of_range =
        || ArgumentError::spaced(format!("Error: Property value ({number}) out of range for property {name}."));
    let byte = || u8::try_from(number).map_err(|_| out_of_range());
    let two = || u16::try_from(number).map_err(|_| out_of_range());
    let four = || u32::try_from(number).map_err(|_| out_of_range());
    let string = || text(value, "--property");
    match id {
        I::PayloadFormatIndicator => push(Property::PayloadFormatIndicator(byte()?)),
        I::RequestProblemInformation => push(Property::RequestProblemInformation(byte()?)),
        I::RequestResponseInformation => push(Property::RequestResponseInformation(byte()?)),
        I::ReceiveMaximum => push(Property::ReceiveMaximum(two()?)),
        I::TopicAliasMaximum => push(Property::TopicAliasMaximum(two()?)),
        I::TopicAlias => push(Property::TopicAlias(two()?)),
        I::MessageExpiryInterval => push(Property::MessageExpiryInterval(four()?)),
        I::SessionExpiryInterval => push(Property::SessionExpiryInterval(four()?)),
        I::WillDelayInterval => push(Property::WillDelayInterval(four()?)),
        I::MaximumPacketSize => push(Property::MaximumPacketSize(four()?)),
        I::SubscriptionIdentifier => match four()? {
            identifier @ ..=MAX_VARINT => push(Property::SubscriptionIdentifier(identifier)),
            _ => return Err(out_of_range()),
        },
        I::ContentType => push(Property::ContentType(&string()?)),
        I::ResponseTopic => push(Property::ResponseTopic(&string()?)),
        I::AuthenticationMethod => push(Property::AuthenticationMethod(&string()?)),
        I::ReasonString => push(Property::ReasonString(&string()?)),
        I::ServerReference => push(Property::ServerReference(&string()?)),
        I::CorrelationData => push(Property::CorrelationData(value)),
        I::AuthenticationData => push(Property::AuthenticationData(value)),
        // No packet of a client carries the others, and a user property is made of two values.
        _ => {}
    }
    Ok(())
}
