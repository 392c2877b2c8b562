//! Messages from the server.

use crate::harness::{Peer, QOS, SUCCESS, V5, V311, VERSIONS};
use mosquitto_client::mqtt::packet::Publish;
use mosquitto_client::mqtt::{Packet, PacketType, Properties, Property, QoS, ReasonCode};
use mosquitto_client::{Message, Options};

#[test]
fn each_quality_of_service_is_acknowledged_in_its_way() {
    // [MQTT-3.3.4-1] [MQTT-2.2.1-5]
    // [MQTT-4.5.0-2]: whether or not the message is looked at
    for version in VERSIONS {
        let mut peer = Peer::connected(version);
        for (packet_id, qos) in (0..).zip(QOS) {
            peer.deliver("a/b", qos, packet_id, &[]);
        }
        assert_eq!(peer.sent(), "PUBACK 1, PUBREC 2");
        assert_eq!(peer.message().qos, QoS::AtMostOnce);
        assert_eq!(peer.message().qos, QoS::AtLeastOnce);
        assert!(!peer.session.has_events());
        peer.ack(PacketType::PubRel, 2, SUCCESS);
        assert_eq!(peer.sent(), "PUBCOMP 2");
        assert_eq!(peer.message().qos, QoS::ExactlyOnce);
    }
}

#[test]
fn a_message_is_handed_on_as_it_came() {
    let mut peer = Peer::connected(V5);
    let list = [Property::ContentType("text"), Property::UserProperty(("a", "b"))].into_iter().collect();
    let expected = Message {
        topic: "a/b".to_owned(),
        payload: vec![0, 0xff, b'\n'],
        qos: QoS::AtLeastOnce,
        retain: true,
        dup: true,
        packet_id: 3,
        properties: list,
    };
    peer.server(Packet::Publish(Publish {
        dup: true,
        qos: expected.qos,
        retain: true,
        topic: &expected.topic,
        packet_id: 3,
        properties: expected.properties.as_properties(),
        payload: &expected.payload,
    }));
    assert_eq!(peer.message(), expected);
}

#[test]
fn a_repetition_of_qos_2_is_one_message() {
    let mut peer = Peer::connected(V311);
    peer.deliver("t", QoS::ExactlyOnce, 4, &[]);
    peer.deliver("t", QoS::ExactlyOnce, 4, &[]);
    peer.ack(PacketType::PubRel, 4, SUCCESS);
    peer.ack(PacketType::PubRel, 4, SUCCESS);
    assert_eq!(peer.sent(), "PUBREC 4, PUBREC 4, PUBCOMP 4, PUBCOMP 4");
    peer.message();
    assert!(!peer.session.has_events());
}

#[test]
fn a_release_of_nothing_is_answered() {
    let mut peer = Peer::connected(V5);
    peer.ack(PacketType::PubRel, 4, SUCCESS);
    assert_eq!(peer.sent(), "PUBCOMP 4 Packet Identifier not found");
    assert!(!peer.session.has_events());
}

fn with_aliases(maximum: u16) -> Peer {
    let mut options = Options::new(V5, "me");
    options.topic_alias_maximum = maximum;
    let mut peer = Peer::with(options);
    peer.connect(false, &[]);
    peer
}

#[test]
fn an_alias_stands_for_the_topic_that_came_with_it_last() {
    // [MQTT-3.3.2-10]: each alias up to the maximum is taken.
    let mut peer = with_aliases(2);
    for (topic, alias, expected) in
        [("a", 1, "a"), ("", 1, "a"), ("b", 2, "b"), ("c", 1, "c"), ("", 1, "c"), ("", 2, "b")]
    {
        peer.deliver(topic, QoS::AtMostOnce, 0, &[Property::TopicAlias(alias)]);
        assert_eq!(peer.message().topic, expected);
    }
}

#[test]
fn aliases_end_with_the_connection() {
    // [MQTT-3.3.2-7]
    let mut peer = with_aliases(2);
    peer.deliver("a", QoS::AtMostOnce, 0, &[Property::TopicAlias(1)]);
    peer.message();
    peer.session.closed(peer.now);
    peer.end();
    peer.connect(false, &[]);
    peer.deliver("", QoS::AtMostOnce, 0, &[Property::TopicAlias(1)]);
    assert_eq!(peer.blamed_for(), ReasonCode::PROTOCOL_ERROR);
}

#[test]
fn aliases_beyond_what_was_announced_are_refused() {
    // [MQTT-3.3.2-8] [MQTT-3.3.2-11], as a server breaks them
    for (maximum, alias) in [(0, 1), (2, 3), (2, 0)] {
        let mut peer = with_aliases(maximum);
        peer.deliver("a", QoS::AtMostOnce, 0, &[Property::TopicAlias(alias)]);
        assert_eq!(peer.blamed_for(), ReasonCode::TOPIC_ALIAS_INVALID);
        assert_eq!(peer.sent(), "DISCONNECT Topic Alias invalid");
    }
}

#[test]
fn more_messages_under_way_than_were_allowed_end_the_connection() {
    let mut options = Options::new(V5, "me");
    options.receive_maximum = Some(2);
    let mut peer = Peer::with(options);
    peer.connect(false, &[]);
    peer.deliver("t", QoS::ExactlyOnce, 1, &[]);
    peer.deliver("t", QoS::ExactlyOnce, 2, &[]);
    peer.ack(PacketType::PubRel, 1, SUCCESS);
    peer.message();
    peer.deliver("t", QoS::ExactlyOnce, 3, &[]);
    peer.deliver("t", QoS::AtMostOnce, 0, &[]);
    peer.message();
    peer.sent();
    peer.deliver("t", QoS::AtLeastOnce, 4, &[]);
    assert_eq!(peer.blamed_for(), ReasonCode::RECEIVE_MAXIMUM_EXCEEDED);
    assert_eq!(peer.sent(), "DISCONNECT Receive Maximum exceeded");
}

#[test]
fn a_packet_that_is_larger_than_announced_is_refused_by_its_header() {
    let mut options = Options::new(V5, "me");
    options.maximum_packet_size = Some(100);
    let mut peer = Peer::with(options);
    peer.connect(false, &[]);
    let whole = peer.session.received(peer.now, &[0x30, 98, 0, 1, b't']);
    assert_eq!((whole, peer.session.has_events()), (0, false));
    peer.server_bytes(&[0x30, 99, 0, 1, b't']);
    assert_eq!(peer.blamed_for(), ReasonCode::PACKET_TOO_LARGE);
    assert_eq!(peer.sent(), "DISCONNECT Packet too large");
}

#[test]
fn a_topic_or_an_alias_has_to_be_there() {
    let mut peer = Peer::connected(V5);
    let (qos, properties) = (QoS::AtMostOnce, Properties::EMPTY);
    peer.server(Packet::Publish(Publish {
        dup: false,
        qos,
        retain: false,
        topic: "",
        packet_id: 0,
        properties,
        payload: b"",
    }));
    assert_eq!(peer.blamed_for(), ReasonCode::PROTOCOL_ERROR);
}
