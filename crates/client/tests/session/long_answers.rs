//! Texts of a server that make its packets longer than the client takes (MQTT 5, 3.1.2.11.4).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use crate::harness::{Peer, SUCCESS, V5};
use mosquitto_client::mqtt::packet::{
    Ack, Auth, ConnAck, Disconnect, SubAck, Subscription, SubscriptionOptions, UnsubAck,
};
use mosquitto_client::mqtt::{Packet, Properties, PropertiesBuf, Property, QoS, ReasonCode};
use mosquitto_client::{End, Event, Options};

const MAXIMUM_PACKET_SIZE: u32 = 100;

/// A client that waits for the answer of this name, and the answer.
fn answer(name: &str, properties: Properties<'_>) -> (Peer, Vec<u8>) {
    let mut options = Options::new(V5, "me");
    options.maximum_packet_size = Some(MAXIMUM_PACKET_SIZE);
    let mut peer = Peer::with(options);
    if name != "CONNACK" {
        peer.connect(false, &[]);
    }
    let ack = Ack { packet_id: 1, reason: SUCCESS, properties };
    let packet = match name {
        "CONNACK" => {
            peer.session.connect(peer.now);
            Packet::ConnAck(ConnAck { session_present: false, reason: SUCCESS, properties })
        }
        "PUBACK" => {
            peer.publish(QoS::AtLeastOnce);
            Packet::PubAck(ack)
        }
        "PUBREC" => {
            peer.publish(QoS::ExactlyOnce);
            Packet::PubRec(ack)
        }
        "PUBCOMP" => {
            peer.publish(QoS::ExactlyOnce);
            peer.server(Packet::PubRec(Ack::new(1, SUCCESS)));
            Packet::PubComp(ack)
        }
        "PUBREL" => {
            peer.deliver("t", QoS::ExactlyOnce, 1, &[]);
            Packet::PubRel(ack)
        }
        "SUBACK" => {
            let list = [Subscription { filter: "t", options: SubscriptionOptions::default() }];
            peer.session.subscribe(peer.now, &list, Properties::EMPTY).unwrap();
            Packet::SubAck(SubAck { packet_id: 1, properties, reasons: &[0] })
        }
        "UNSUBACK" => {
            peer.session.unsubscribe(peer.now, &["t"], Properties::EMPTY).unwrap();
            Packet::UnsubAck(UnsubAck { packet_id: 1, properties, reasons: &[0] })
        }
        "AUTH" => Packet::Auth(Auth { reason: ReasonCode::CONTINUE_AUTHENTICATION, properties }),
        _ => Packet::Disconnect(Disconnect { reason: ReasonCode::SERVER_BUSY, properties }),
    };
    let mut bytes = Vec::new();
    packet.encode(V5, &mut bytes);
    (peer, bytes)
}

/// What the client holds against the server after this answer, with a text that makes it so long.
fn blame(name: &str, property: fn(&str) -> Property<'_>, len: usize) -> Option<ReasonCode> {
    let list = |text: &str| [property(text)].into_iter().collect::<PropertiesBuf>();
    let (_, shortest) = answer(name, list("").as_properties());
    let (mut peer, bytes) = answer(name, list(&"x".repeat(len - shortest.len())).as_properties());
    assert_eq!(bytes.len(), len);
    peer.server_bytes(&bytes);
    std::iter::from_fn(|| peer.session.poll_event()).find_map(|event| match event {
        Event::Disconnected(End::ServerMisbehaved { reason, .. }) => Some(reason),
        _ => None,
    })
}

#[test]
fn a_reason_string_that_makes_a_packet_too_long_ends_the_connection() {
    // [MQTT-3.2.2-19] [MQTT-3.4.2-2] [MQTT-3.5.2-2] [MQTT-3.6.2-2] [MQTT-3.7.2-2] [MQTT-3.9.2-1] [MQTT-3.11.2-1]
    // [MQTT-3.14.2-3] [MQTT-3.15.2-2], as a server breaks them
    ends_only_beyond_the_maximum(|text| Property::ReasonString(text));
}

#[test]
fn a_user_property_that_makes_a_packet_too_long_ends_the_connection() {
    // [MQTT-3.2.2-20] [MQTT-3.4.2-3] [MQTT-3.5.2-3] [MQTT-3.6.2-3] [MQTT-3.7.2-3] [MQTT-3.9.2-2] [MQTT-3.11.2-2]
    // [MQTT-3.14.2-4] [MQTT-3.15.2-3], as a server breaks them
    ends_only_beyond_the_maximum(|text| Property::UserProperty(("name", text)));
}

fn ends_only_beyond_the_maximum(property: fn(&str) -> Property<'_>) {
    let names = ["CONNACK", "PUBACK", "PUBREC", "PUBREL", "PUBCOMP", "SUBACK", "UNSUBACK", "DISCONNECT", "AUTH"];
    for name in names {
        // No AUTH is expected at all.
        let fitting = (name == "AUTH").then_some(ReasonCode::PROTOCOL_ERROR);
        assert_eq!(blame(name, property, MAXIMUM_PACKET_SIZE as usize), fitting, "{name}");
        let too_long = blame(name, property, MAXIMUM_PACKET_SIZE as usize + 1);
        assert_eq!(too_long, Some(ReasonCode::PACKET_TOO_LARGE), "{name}");
    }
}
