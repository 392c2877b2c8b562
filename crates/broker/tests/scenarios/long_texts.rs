//! Texts of a client that make its packets longer than the broker takes (MQTT 5, 3.2.2.3.6).

use crate::harness::{Net, connect};
use mosquitto_broker::Settings;
use mosquitto_mqtt::packet::{Ack, Auth, Disconnect};
use mosquitto_mqtt::{Packet, PropertiesBuf, Property, ProtocolVersion, ReasonCode};

const MAX_PACKET_SIZE: usize = 100;

/// The packet of this name with a text that makes it so long.
fn packet(name: &str, property: fn(&str) -> Property<'_>, len: usize) -> Vec<u8> {
    let with = |text: &str| {
        let list: PropertiesBuf = [property(text)].into_iter().collect();
        let properties = list.as_properties();
        let ack = Ack { packet_id: 1, reason: ReasonCode::SUCCESS, properties };
        let packet = match name {
            "PUBACK" => Packet::PubAck(ack),
            "PUBREC" => Packet::PubRec(ack),
            "PUBREL" => Packet::PubRel(ack),
            "PUBCOMP" => Packet::PubComp(ack),
            "AUTH" => Packet::Auth(Auth { reason: ReasonCode::REAUTHENTICATE, properties }),
            _ => Packet::Disconnect(Disconnect { reason: ReasonCode::SUCCESS, properties }),
        };
        let mut bytes = Vec::new();
        packet.encode(ProtocolVersion::V5, &mut bytes);
        bytes
    };
    let bytes = with(&"x".repeat(len - with("").len()));
    assert_eq!(bytes.len(), len);
    bytes
}

/// What a client hears that sends these bytes, to which nothing was sent before.
fn answer(bytes: &[u8]) -> (Vec<String>, bool) {
    let mut net = Net::with(2, Settings { max_packet_size: MAX_PACKET_SIZE as u32, ..Settings::default() });
    let peer = connect("a").on(&mut net);
    net.send_bytes(peer, bytes);
    (net.got(peer), net.is_open(peer))
}

fn ends_only_beyond_the_maximum(property: fn(&str) -> Property<'_>) {
    let fitting: [(&str, &[&str], bool); 6] = [
        ("PUBACK", &[], true),
        ("PUBREC", &["PUBREL 1"], true),
        ("PUBREL", &["PUBCOMP 1"], true),
        ("PUBCOMP", &[], true),
        ("DISCONNECT", &[], false),
        ("AUTH", &["DISCONNECT rc=0x82"], false),
    ];
    for (name, got, open) in fitting {
        let (heard, is_open) = answer(&packet(name, property, MAX_PACKET_SIZE));
        assert_eq!((heard.iter().map(String::as_str).collect(), is_open), (got.to_vec(), open), "{name}");
        let too_long = answer(&packet(name, property, MAX_PACKET_SIZE + 1));
        assert_eq!(too_long, (vec!["DISCONNECT rc=0x95".to_owned()], false), "{name}");
    }
}

#[test]
fn a_reason_string_that_makes_a_packet_too_long_ends_the_connection() {
    // [MQTT-3.4.2-2] [MQTT-3.5.2-2] [MQTT-3.6.2-2] [MQTT-3.7.2-2] [MQTT-3.14.2-3] [MQTT-3.15.2-2], as a client breaks
    // them
    ends_only_beyond_the_maximum(|text| Property::ReasonString(text));
}

#[test]
fn a_user_property_that_makes_a_packet_too_long_ends_the_connection() {
    // [MQTT-3.4.2-3] [MQTT-3.5.2-3] [MQTT-3.6.2-3] [MQTT-3.7.2-3] [MQTT-3.14.2-4] [MQTT-3.15.2-3], as a client breaks
    // them
    ends_only_beyond_the_maximum(|text| Property::UserProperty(("name", text)));
}
