//! Packets that are right, so that a script gets far with few bytes.

use super::client::Client;
use mosquitto_mqtt::packet::{
    Ack, Connect, Disconnect, Publish, RetainHandling, Subscribe, Subscription, SubscriptionOptions, Unsubscribe, Will,
};
use mosquitto_mqtt::{Packet, Properties, PropertiesBuf, Property, ProtocolVersion, QoS, ReasonCode};

/// Bytes of some packets towards clients that take one byte less.
const A_LITTLE_TOO_LONG: u32 = 30;

/// A CONNECT of the kind `how`. There are as many client ids as in `ids`, so that the clients meet each other's sessions.
pub(super) fn connect(how: u8, version: ProtocolVersion, ids: &[String]) -> Vec<u8> {
    let clean_start = how & 4 == 0;
    let will = (how & 8 != 0).then(|| will(how));
    let delay: PropertiesBuf = [Property::WillDelayInterval(u32::from(how & 3) * 10)].into_iter().collect();
    let will = will
        .map(|will| Will { properties: if version.is_v5() { delay.as_properties() } else { will.properties }, ..will });
    let mut properties = PropertiesBuf::new();
    if version.is_v5() {
        properties.push(Property::SessionExpiryInterval(if how & 1 == 0 { u32::MAX } else { 20 }));
        properties.push(Property::ReceiveMaximum(u16::from(how & 3) + 1));
        properties.push(Property::TopicAliasMaximum(u16::from(how & 3)));
        if how & 3 == 1 {
            properties.push(Property::MaximumPacketSize(A_LITTLE_TOO_LONG - 1));
        }
    }
    let mut out = Vec::new();
    Connect {
        version,
        bridge: how & 7 == 7 && !version.is_v5(),
        clean_start,
        keep_alive_s: if how & 3 == 3 { 10 } else { 0 },
        properties: properties.as_properties(),
        client_id: &ids[usize::from(how & 3) % ids.len()],
        will,
        username: None,
        password: None,
    }
    .encode(&mut out);
    out
}

fn will(how: u8) -> Will<'static> {
    let (topic, payload, qos) = ("w/a", &b"gone"[..], QoS::from_bits(how & 1).unwrap_or_default());
    Will { topic, payload, qos, retain: how & 2 != 0, properties: Properties::EMPTY }
}

/// The CONNECT of somebody who wants nothing but to end the session that there is.
pub(super) fn last_connect(client_id: &str) -> Vec<u8> {
    let mut out = Vec::new();
    Connect {
        version: ProtocolVersion::V5,
        bridge: false,
        clean_start: true,
        keep_alive_s: 10,
        properties: Properties::EMPTY,
        client_id,
        will: None,
        username: None,
        password: None,
    }
    .encode(&mut out);
    out
}

/// A packet of the kind `how` that `client` could send now.
pub(super) fn packet(how: u8, client: &Client) -> Vec<u8> {
    let (version, id) = (client.version(), client.oldest_in_flight());
    let mut out = Vec::new();
    match how {
        0 => subscribe("#", QoS::ExactlyOnce, 0, version, &mut out),
        1 => subscribe("a/+", QoS::AtLeastOnce, 7, version, &mut out),
        2 => subscribe("$share/g/#", QoS::ExactlyOnce, 0, version, &mut out),
        3 => {
            // The answer has the length in question: five bytes, and a code for each.
            let filters = ["#", "a/+", "$share/g/#"].into_iter().chain(std::iter::repeat_n("none", 22));
            Unsubscribe::write(9, Properties::EMPTY, filters, version, &mut out);
        }
        4 => publish("a/b", QoS::AtMostOnce, false, b"x", version, &mut out),
        5 => publish("a/b", QoS::AtLeastOnce, true, b"xy", version, &mut out),
        // It has that length, too, where it comes without identifiers and aliases.
        6 => publish("a/b", QoS::ExactlyOnce, false, &[b'.'; 20], version, &mut out),
        7 => publish("a/c", QoS::AtLeastOnce, true, b"", version, &mut out),
        8 => publish("long", QoS::AtLeastOnce, true, &[b'.'; 3000], version, &mut out),
        9 => Packet::PubAck(ack(id)).encode(version, &mut out),
        10 => Packet::PubRec(ack(id)).encode(version, &mut out),
        11 => Packet::PubComp(ack(id)).encode(version, &mut out),
        12 => Packet::PubRel(ack(6)).encode(version, &mut out),
        13 => Packet::PingReq.encode(version, &mut out),
        14 => Disconnect::new(ReasonCode::DISCONNECT_WITH_WILL_MESSAGE).encode(version, &mut out),
        _ => Disconnect::new(ReasonCode::SUCCESS).encode(version, &mut out),
    }
    out
}

fn ack(packet_id: u16) -> Ack<'static> {
    Ack::new(packet_id, ReasonCode::SUCCESS)
}

fn subscribe(filter: &str, qos: QoS, identifier: u32, version: ProtocolVersion, out: &mut Vec<u8>) {
    let options = SubscriptionOptions { retain_handling: RetainHandling::Always, ..SubscriptionOptions::qos(qos) };
    let identifier: PropertiesBuf =
        (identifier > 0).then_some(Property::SubscriptionIdentifier(identifier)).into_iter().collect();
    let list = [Subscription { filter, options }];
    Subscribe::write(8, identifier.as_properties(), list.into_iter(), version, out);
}

fn publish(topic: &str, qos: QoS, retain: bool, payload: &[u8], version: ProtocolVersion, out: &mut Vec<u8>) {
    let packet_id = if qos == QoS::AtMostOnce { 0 } else { 4 + u16::from(qos.bits()) };
    Publish { dup: false, qos, retain, topic, packet_id, properties: Properties::EMPTY, payload }.encode(version, out);
}
