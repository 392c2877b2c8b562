//! Packets as text.

use mosquitto_mqtt::packet::{Ack, Publish};
use mosquitto_mqtt::{FixedHeader, Packet, Properties, Property, ProtocolVersion};

/// The packets in `bytes`, each as a line:
///
/// - `CONNACK present=0 rc=0 {receive-maximum=20}`
/// - `PUBLISH q1 id=3 dup retain a/b "text" {subscription-identifier=7}` (only what applies)
/// - `PUBACK 3`, `PUBREC 3 rc=0x97`, ...
/// - `SUBACK 1 [1, 128]`, `UNSUBACK 1 []`, `PINGRESP`, `DISCONNECT rc=0x8e`
pub(crate) fn show(mut bytes: &[u8], version: ProtocolVersion) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(header) = FixedHeader::parse(bytes).expect("a header that the broker wrote") {
        let (packet, rest) = bytes.split_at(header.packet_len());
        let body = &packet[usize::from(header.header_len)..];
        // A refusal may come in MQTT 5 whatever was asked for.
        let connack_of_5 = packet[0] == 0x20 && body.len() > 2;
        let version = if connack_of_5 { ProtocolVersion::V5 } else { version };
        lines.push(line(&Packet::decode(header, body, version).expect("a packet that the broker wrote")));
        bytes = rest;
    }
    assert!(bytes.is_empty(), "half a packet");
    lines
}

fn line(packet: &Packet<'_>) -> String {
    match packet {
        Packet::ConnAck(ack) => format!(
            "CONNACK present={} rc={}{}",
            u8::from(ack.session_present),
            ack.reason.0,
            properties(ack.properties)
        ),
        Packet::Publish(publish) => publish_line(publish),
        Packet::PubAck(ack) => ack_line("PUBACK", ack),
        Packet::PubRec(ack) => ack_line("PUBREC", ack),
        Packet::PubRel(ack) => ack_line("PUBREL", ack),
        Packet::PubComp(ack) => ack_line("PUBCOMP", ack),
        Packet::SubAck(ack) => format!("SUBACK {} {:?}", ack.packet_id, ack.reasons),
        Packet::UnsubAck(ack) => format!("UNSUBACK {} {:?}", ack.packet_id, ack.reasons),
        Packet::PingResp => "PINGRESP".to_owned(),
        Packet::Disconnect(packet) => format!("DISCONNECT rc={:#04x}", packet.reason.0),
        other => panic!("a server does not send {other:?}"),
    }
}

fn publish_line(publish: &Publish<'_>) -> String {
    let mut line = format!("PUBLISH q{}", publish.qos.bits());
    if publish.packet_id != 0 {
        line += &format!(" id={}", publish.packet_id);
    }
    if publish.dup {
        line += " dup";
    }
    if publish.retain {
        line += " retain";
    }
    line += &format!(" {} {:?}", publish.topic, String::from_utf8_lossy(publish.payload));
    line + &properties(publish.properties)
}

fn ack_line(name: &str, ack: &Ack<'_>) -> String {
    let reason = if ack.reason.0 == 0 { String::new() } else { format!(" rc={:#04x}", ack.reason.0) };
    format!("{name} {}{reason}", ack.packet_id)
}

fn properties(properties: Properties<'_>) -> String {
    if properties.is_empty() {
        return String::new();
    }
    let list: Vec<String> = properties.iter().map(property).collect();
    format!(" {{{}}}", list.join(", "))
}

fn property(property: Property<'_>) -> String {
    let name = property.id().name();
    let debug = format!("{property:?}");
    let value = debug.split_once('(').map_or("", |(_, value)| value.strip_suffix(')').unwrap_or(value));
    format!("{name}={}", value.trim_matches('"'))
}
