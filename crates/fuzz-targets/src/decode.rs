//! `decode_v31`, `decode_v311`, `decode_v5`: the packets of one version, one after the other, then topics and filters.

use crate::text;
use mosquitto_mqtt::packet::{Connect, Publish};
use mosquitto_mqtt::{FixedHeader, Packet, Properties, PropertiesBuf, Property, ProtocolVersion, QoS, TopicName};

/// Takes the packets off the front of `bytes` until one is refused or not whole; looks at all the bytes as text, too.
pub(crate) fn run(bytes: &[u8], version: ProtocolVersion) {
    let mut rest = bytes;
    while let Some((header, body)) = frame(rest) {
        let Ok(packet) = Packet::decode(header, body, version) else { break };
        survives_the_wire(&packet, version);
        is_valid(&packet, version);
        older_versions_are_no_stricter(header, body, version);
        rest = rest.get(header.packet_len()..).expect("the packet was whole");
    }
    text::check(bytes);
}

/// The first packet, if it is whole.
fn frame(bytes: &[u8]) -> Option<(FixedHeader, &[u8])> {
    let header = FixedHeader::parse(bytes).ok()??;
    let header_len = usize::from(header.header_len);
    assert!((2..=5).contains(&header_len) && header.packet_len() >= header_len);
    for len in 0..header_len {
        let cut = bytes.get(..len).expect("the header was read from there");
        assert_eq!(FixedHeader::parse(cut), Ok(None), "the header is complete without its last byte");
    }
    Some((header, bytes.get(header_len..header.packet_len())?))
}

/// What was accepted is written as something that reads the same, and is written the same again.
fn survives_the_wire(packet: &Packet<'_>, version: ProtocolVersion) {
    // A CONNECT says itself what is spoken.
    let mut written = Vec::new();
    packet.encode(version, &mut written);
    let (header, body) = frame(&written).expect("a packet that was written is whole");
    assert_eq!(header.packet_len(), written.len(), "the remaining length is wrong");
    let again = Packet::decode(header, body, version).expect("a packet that was written is accepted");
    assert_eq!(&again, packet);
    let mut rewritten = Vec::new();
    again.encode(version, &mut rewritten);
    assert_eq!(rewritten, written);
}

/// The promises of the types: what is decoded need not be checked again.
fn is_valid(packet: &Packet<'_>, version: ProtocolVersion) {
    match packet {
        Packet::Connect(connect) => is_valid_connect(connect),
        Packet::Publish(publish) => is_valid_publish(publish, version),
        Packet::ConnAck(packet) => are_whole(packet.properties),
        Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack) => {
            assert!(ack.packet_id > 0);
            are_whole(ack.properties);
        }
        Packet::Subscribe(packet) => {
            assert!(packet.packet_id > 0 && packet.subscriptions().count() > 0);
            packet.subscriptions().for_each(|subscription| text::is_shared_filter(subscription.filter));
            are_whole(packet.properties);
        }
        Packet::Unsubscribe(packet) => {
            assert!(packet.packet_id > 0 && packet.filters().count() > 0);
            packet.filters().for_each(text::is_filter);
            are_whole(packet.properties);
        }
        Packet::SubAck(packet) => are_whole(packet.properties),
        Packet::UnsubAck(packet) => are_whole(packet.properties),
        Packet::PingReq | Packet::PingResp => {}
        Packet::Disconnect(packet) => are_whole(packet.properties),
        Packet::Auth(packet) => {
            assert!(version.is_v5());
            are_whole(packet.properties);
        }
    }
}

fn is_valid_connect(connect: &Connect<'_>) {
    text::is_text(connect.client_id);
    connect.username.into_iter().for_each(text::is_text);
    are_whole(connect.properties);
    if let Some(will) = connect.will {
        TopicName::new(will.topic).expect("a will's topic is a topic name");
        are_whole(will.properties);
    }
    if !connect.version.is_v5() {
        assert!(connect.properties.is_empty() && connect.will.is_none_or(|will| will.properties.is_empty()));
        assert!(connect.username.is_some() || connect.password.is_none());
    }
}

fn is_valid_publish(publish: &Publish<'_>, version: ProtocolVersion) {
    assert_eq!(publish.packet_id > 0, publish.qos != QoS::AtMostOnce);
    if version.is_v5() && publish.topic.is_empty() {
        // A topic alias stands for it, or the session refuses it.
    } else {
        TopicName::new(publish.topic).expect("a topic that was decoded is a topic name");
        text::is_text(publish.topic);
    }
    assert!(version.is_v5() || publish.properties.is_empty());
    are_whole(publish.properties);
}

/// A section is the sum of its properties, each of which is looked at once.
fn are_whole(properties: Properties<'_>) {
    let again: PropertiesBuf = properties.iter().collect();
    assert_eq!(again.as_properties(), properties, "a property was lost or changed");
    assert_eq!(properties.iter().map(Property::encoded_len).sum::<usize>(), properties.as_bytes().len());
    assert_eq!(Properties::from_checked(properties.as_bytes()), properties);
}

/// What MQTT 3.1.1 takes, MQTT 3.1 takes as well: Mosquitto reads the old version tolerantly.
fn older_versions_are_no_stricter(header: FixedHeader, body: &[u8], version: ProtocolVersion) {
    if version == ProtocolVersion::V311 {
        assert!(Packet::decode(header, body, ProtocolVersion::V31).is_ok());
    }
}
