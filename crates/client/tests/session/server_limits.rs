//! What a server of MQTT 5 does not take is not published, and does not hold up anything else.

use crate::harness::{Peer, SUCCESS, V5, V311};
use mosquitto_client::mqtt::packet::{Subscription, SubscriptionOptions};
use mosquitto_client::mqtt::{
    PacketType, Properties, PropertiesBuf, Property, ProtocolVersion, QoS, ReasonCode, TopicError,
};
use mosquitto_client::{Publication, RequestError};

fn connected(version: ProtocolVersion, connack: &[Property<'_>]) -> Peer {
    let mut peer = Peer::new(version);
    peer.connect(false, connack);
    peer
}

/// Publishes with one property.
fn publish_with(peer: &mut Peer, qos: QoS, property: Property<'_>) -> Result<u16, RequestError> {
    let properties: PropertiesBuf = [property].into_iter().collect();
    let message = Publication { properties: properties.as_properties(), ..Publication::new("t", b"", qos) };
    peer.session.publish(peer.now, message)
}

#[test]
fn topic_aliases_keep_to_what_the_server_takes() {
    // [MQTT-3.2.2-17] [MQTT-3.2.2-18] [MQTT-3.3.2-8] [MQTT-3.3.2-9]
    let largest = Property::TopicAliasMaximum(3);
    for (connack, maximum) in [(&[][..], 0), (&[Property::TopicAliasMaximum(0)], 0), (&[largest], 3)] {
        for alias in [0, 1, 3, 4, u16::MAX] {
            for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
                let mut peer = connected(V5, connack);
                let outcome = publish_with(&mut peer, qos, Property::TopicAlias(alias));
                if (1..=maximum).contains(&alias) {
                    assert!(outcome.is_ok() && peer.sent().starts_with("PUBLISH t"), "{alias} of {maximum}");
                } else {
                    assert_eq!(outcome, Err(RequestError::TopicAlias { maximum }), "{alias} of {maximum}");
                    assert!(peer.is_quiet());
                }
            }
        }
    }
}

#[test]
fn a_topic_alias_that_was_queued_before_the_limit_was_known_keeps_to_it_too() {
    // [MQTT-3.2.2-17] [MQTT-3.2.2-18]
    let mut peer = Peer::new(V5);
    let ids = [2, 3].map(|alias| publish_with(&mut peer, QoS::AtLeastOnce, Property::TopicAlias(alias)).unwrap());
    peer.connect(false, &[Property::TopicAliasMaximum(2)]);
    assert_eq!(peer.sent(), format!("PUBLISH t {} q1", ids[0]));
    assert_eq!(peer.published(), (ids[1], ReasonCode::TOPIC_ALIAS_INVALID));
    assert_eq!(peer.session.unfinished_count(), 1);
}

#[test]
fn mqtt_3_has_no_aliases_to_refuse() {
    let mut peer = connected(V311, &[]);
    assert!(publish_with(&mut peer, QoS::AtMostOnce, Property::TopicAlias(9)).is_ok());
    assert_eq!(peer.sent(), "PUBLISH t q0");
}

#[test]
fn a_subscription_identifier_is_not_published() {
    // [MQTT-3.3.4-6]
    let mut peer = connected(V5, &[]);
    for qos in [QoS::AtMostOnce, QoS::ExactlyOnce] {
        let outcome = publish_with(&mut peer, qos, Property::SubscriptionIdentifier(7));
        assert_eq!(outcome, Err(RequestError::SubscriptionIdentifier));
    }
    assert!(peer.is_quiet());
}

#[test]
fn properties_that_no_server_takes_are_not_published() {
    // [MQTT-1.5.4-2] [MQTT-3.3.2-14]
    let mut peer = connected(V5, &[]);
    let mut refusal = |property| publish_with(&mut peer, QoS::AtLeastOnce, property).unwrap_err();
    for text in ["\0", "a\u{1}"] {
        assert_eq!(refusal(Property::ContentType(text)), RequestError::NotText);
        assert_eq!(refusal(Property::ResponseTopic(text)), RequestError::NotText);
        assert_eq!(refusal(Property::UserProperty((text, "v"))), RequestError::NotText);
        assert_eq!(refusal(Property::UserProperty(("k", text))), RequestError::NotText);
    }
    assert_eq!(refusal(Property::ResponseTopic("a/+")), RequestError::Topic(TopicError::Wildcard));
    assert_eq!(refusal(Property::ResponseTopic("#")), RequestError::Topic(TopicError::Wildcard));
    assert_eq!(refusal(Property::ResponseTopic("")), RequestError::Topic(TopicError::Empty));
    assert!(peer.is_quiet());
    assert!(publish_with(&mut peer, QoS::AtLeastOnce, Property::CorrelationData(b"\0\xff")).is_ok());
    assert!(publish_with(&mut peer, QoS::AtLeastOnce, Property::ResponseTopic("a/b")).is_ok());
}

#[test]
fn a_window_that_is_used_up_holds_back_messages_only() {
    // [MQTT-3.3.4-7] [MQTT-3.3.4-8]
    let mut peer = connected(V5, &[Property::ReceiveMaximum(2)]);
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce, QoS::AtLeastOnce] {
        peer.publish(qos);
    }
    assert_eq!(peer.sent(), "PUBLISH t 1 q1, PUBLISH t 2 q2");
    let list = [Subscription { filter: "a", options: SubscriptionOptions::default() }];
    peer.session.subscribe(peer.now, &list, Properties::EMPTY).unwrap();
    peer.session.unsubscribe(peer.now, &["a"], Properties::EMPTY).unwrap();
    peer.deliver("t", QoS::AtLeastOnce, 1, &[]);
    peer.deliver("t", QoS::ExactlyOnce, 2, &[]);
    peer.ack(PacketType::PubRel, 2, SUCCESS);
    peer.ack(PacketType::PubRec, 2, SUCCESS);
    let expected = "SUBSCRIBE 4 a=0x00, UNSUBSCRIBE 5 a, PUBACK 1, PUBREC 2, PUBCOMP 2, PUBREL 2";
    assert_eq!(peer.sent(), expected);
    peer.wait_ms(60_000);
    assert_eq!(peer.sent(), "PINGREQ");
    peer.session.disconnect(peer.now, SUCCESS, Properties::EMPTY);
    assert_eq!(peer.sent(), "DISCONNECT Success");
}

#[test]
fn a_refusal_makes_room_in_the_window_as_an_acknowledgement_does() {
    // [MQTT-3.3.4-7]
    let mut peer = connected(V5, &[Property::ReceiveMaximum(1)]);
    for qos in [QoS::ExactlyOnce, QoS::AtLeastOnce, QoS::AtLeastOnce] {
        peer.publish(qos);
    }
    assert_eq!(peer.sent(), "PUBLISH t 1 q2");
    peer.ack(PacketType::PubRec, 1, ReasonCode::QUOTA_EXCEEDED);
    assert_eq!(peer.sent(), "PUBLISH t 2 q1");
    peer.ack(PacketType::PubAck, 2, ReasonCode::QUOTA_EXCEEDED);
    assert_eq!(peer.sent(), "PUBLISH t 3 q1");
}
