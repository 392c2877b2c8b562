//! Limits of a client's packets: at the limit, one under, one over.

use super::{arrived, refused};
use crate::harness::{Broker, Client, Got, client};
use mosquitto_mqtt::packet::Publish;
use mosquitto_mqtt::{Packet, PacketType, Properties, PropertiesBuf, Property, ProtocolVersion, QoS};

/// Sends a PUBLISH of this many bytes in all.
fn send_packet_of(user: &mut Client, version: ProtocolVersion, bytes: usize) {
    let of = |payload: &[u8]| {
        let (dup, retain, properties) = (false, false, Properties::EMPTY);
        let publish = Publish { dup, qos: QoS::AtMostOnce, retain, topic: "t", packet_id: 0, properties, payload };
        let mut out = Vec::new();
        publish.encode(version, &mut out);
        out
    };
    // The length itself takes more bytes in a longer packet.
    let room = bytes - (of(&vec![0; bytes]).len() - bytes);
    let packet = of(&vec![b'x'; room]);
    assert_eq!(packet.len(), bytes);
    user.send_bytes(&packet);
}

#[test]
pub(super) fn max_packet_size_is_announced_and_closes_who_sends_more() {
    for (lines, limit) in [("max_packet_size 100", 100), ("", 2_000_000)] {
        let broker = Broker::open(lines);
        for version in [ProtocolVersion::V311, ProtocolVersion::V5] {
            let mut user = client("user").version(version).to(&broker);
            if version.is_v5() {
                assert_eq!(user.announced("MaximumPacketSize"), Some(format!("MaximumPacketSize({limit})").as_str()));
            }
            send_packet_of(&mut user, version, limit - 1);
            send_packet_of(&mut user, version, limit);
            user.ping();
            send_packet_of(&mut user, version, limit + 1);
            let told = version.is_v5().then_some(Got::Disconnect(0x95));
            assert_eq!(user.rest(), Vec::from_iter(told), "{limit}");
        }
        broker.log.wait_for_several("disconnected: oversize packet.", 2);
    }
    client("u").v311().to(&Broker::open("max_packet_size 20")).ping();
    refused("max_packet_size 19", "'max_packet_size' must be >= 20.");
}

/// Publishes at QoS 1 and 2, and returns the reasons of PUBACK and PUBREC. MQTT 5 knows 0x95 in neither of them.
fn acknowledged(user: &mut Client, topic: &str, payload: &[u8]) -> [u8; 2] {
    let (properties, dup, retain) = (Properties::EMPTY, false, false);
    [(QoS::AtLeastOnce, 1), (QoS::ExactlyOnce, 2)].map(|(qos, packet_id)| {
        user.send(&Packet::Publish(Publish { dup, qos, retain, topic, packet_id, properties, payload }));
        let reason = match *user.next_bytes() {
            [0x40, 2, 0, 1] | [0x50, 2, 0, 2] => 0,
            [0x40, 3, 0, 1, reason] | [0x50, 3, 0, 2, reason] => reason,
            ref other => panic!("{other:x?} instead of an acknowledgement"),
        };
        if qos == QoS::ExactlyOnce && reason < 0x80 {
            user.ack(PacketType::PubRel, packet_id);
            assert_eq!(user.next(), Got::Ack(PacketType::PubComp, packet_id, 0));
        }
        reason
    })
}

#[test]
pub(super) fn message_size_limit_drops_longer_messages_and_keeps_their_sender() {
    for (lines, last) in [("message_size_limit 10", [0x95; 2]), ("message_size_limit 0", [0; 2]), ("", [0; 2])] {
        let broker = Broker::open(lines);
        let mut watcher = client("watcher").to(&broker);
        watcher.subscribe("#", 2);
        let mut user = client("user").to(&broker);
        assert_eq!(acknowledged(&mut user, "t", &[b'x'; 9]), [0; 2]);
        assert_eq!(acknowledged(&mut user, "t", &[b'x'; 10]), [0; 2]);
        assert_eq!(acknowledged(&mut user, "t", &[b'x'; 11]), last, "{lines}");
        // MQTT 3 has no reasons at all.
        let mut old = client("old").v311().to(&broker);
        assert_eq!(acknowledged(&mut old, "t", &[b'x'; 11]), [0; 2]);
        old.publish("end", "", 0);
        let mut lens: Vec<_> = std::iter::from_fn(|| Some(watcher.message()).filter(|message| message.topic != "end"))
            .map(|message| message.payload.len())
            .collect();
        lens.dedup();
        assert_eq!(lens, if last == [0; 2] { vec![9, 10, 11] } else { vec![9, 10] }, "{lines}");
        let advice = "Note: It is recommended to replace `message_size_limit` with `max_packet_size`.";
        assert_eq!(broker.log.count(advice), usize::from(!lines.is_empty()));
    }
}

#[test]
pub(super) fn message_size_limit_refuses_clients_with_a_longer_will() {
    let broker = Broker::open("message_size_limit 10");
    drop(client("user").will("w", &"x".repeat(10), 0).to(&broker));
    let long = client("user").will("w", &"x".repeat(11), 0);
    assert_eq!(long.refused(&broker), [Got::ConnAck { present: false, reason: 0x95 }]);
    assert_eq!(long.v311().refused(&broker), [Got::ConnAck { present: false, reason: 5 }]);
    refused("message_size_limit 268435456", "'message_size_limit'");
    refused("message_size_limit -1", "'message_size_limit'");
}

/// How many of so many messages of QoS 1 come to a client that acknowledges none; and that one acknowledgement brings one
/// more.
fn under_way(broker: &Broker, published: usize) -> usize {
    let mut user = client("user").to(broker);
    user.subscribe("t", 1);
    let mut publisher = client("publisher").v311().to(broker);
    (0..published).for_each(|_| publisher.publish("t", "ten bytes.", 1));
    publisher.finish();
    let came = arrived(&mut user);
    if came.len() < published {
        user.ack(PacketType::PubAck, came[0].packet_id);
        assert_eq!(arrived(&mut user).len(), 1);
    }
    came.len()
}

#[test]
pub(super) fn max_inflight_messages_bounds_what_is_under_way_to_a_client() {
    for (lines, published, expected) in [
        ("max_inflight_messages 3", 2, 2),
        ("max_inflight_messages 3", 3, 3),
        ("max_inflight_messages 3", 4, 3),
        ("max_inflight_messages 1", 2, 1),
        ("max_inflight_messages 0", 200, 200),
        ("max_inflight_messages -1", 200, 200),
        ("max_inflight_messages 65535", 200, 200),
        ("", 21, 20),
    ] {
        let broker = Broker::open(&format!("worker_threads 1\n{lines}"));
        assert_eq!(under_way(&broker, published), expected, "{lines}");
    }
    refused("max_inflight_messages 65536", "'max_inflight_messages' must be <= 65535.");
}

/// A message may be started with less than the limit under way, so the last one may go beyond it.
#[test]
pub(super) fn max_inflight_bytes_bounds_what_is_under_way_to_a_client() {
    for (lines, expected) in [
        ("max_inflight_bytes 29", 3),
        ("max_inflight_bytes 30", 3),
        ("max_inflight_bytes 31", 4),
        ("max_inflight_bytes 1", 1),
        ("max_inflight_bytes 0", 10),
        ("max_inflight_bytes -1", 10),
        ("", 10),
    ] {
        let broker = Broker::open(&format!("worker_threads 1\n{lines}"));
        assert_eq!(under_way(&broker, 10), expected, "{lines}");
    }
}

/// Only open exchanges of QoS 2 fill the window, as QoS 1 is acknowledged at once.
#[test]
pub(super) fn max_inflight_messages_is_announced_and_bounds_what_a_client_may_have_under_way() {
    for (lines, announced, limit) in
        [("max_inflight_messages 3", Some("ReceiveMaximum(3)"), 3), ("", Some("ReceiveMaximum(20)"), 20)]
    {
        let broker = Broker::open(lines);
        let mut user = client("user").to(&broker);
        assert_eq!(user.announced("ReceiveMaximum"), announced);
        let (qos, properties, payload) = (QoS::ExactlyOnce, Properties::EMPTY, &[]);
        for packet_id in 1..=limit + 1 {
            let publish = Publish { dup: false, qos, retain: false, topic: "t", packet_id, properties, payload };
            user.send(&Packet::Publish(publish));
            let reason = if packet_id > limit { 0x97 } else { 0 };
            assert_eq!(user.next(), Got::Ack(PacketType::PubRec, packet_id, reason), "{lines}");
        }
        user.ping();
        broker.log.wait_for("Client user has exceeded its receive-maximum quota.");
    }
    for unlimited in [0, -1, 65535] {
        let broker = Broker::open(&format!("max_inflight_messages {unlimited}"));
        assert_eq!(client("user").to(&broker).announced("ReceiveMaximum"), None);
    }
}

#[test]
pub(super) fn max_keepalive_is_told_to_clients_of_mqtt_5_and_refuses_others() {
    let limited = Broker::open("max_keepalive 10");
    let free = Broker::open("");
    for (seconds, told) in [(9, None), (10, None), (11, Some("ServerKeepAlive(10)")), (0, Some("ServerKeepAlive(10)"))]
    {
        let connecting = client("user").keep_alive(seconds);
        assert_eq!(connecting.to(&limited).announced("ServerKeepAlive"), told, "{seconds}");
        assert_eq!(connecting.to(&free).announced("ServerKeepAlive"), None);
        for version in [ProtocolVersion::V31, ProtocolVersion::V311] {
            let connecting = client("old").keep_alive(seconds).version(version);
            connecting.to(&free).ping();
            if told.is_some() {
                assert_eq!(connecting.refused(&limited), [Got::ConnAck { present: false, reason: 2 }], "{seconds}");
            } else {
                connecting.to(&limited).ping();
            }
        }
    }
    refused("max_keepalive 65536", "'max_keepalive'");
}

#[test]
pub(super) fn max_qos_is_announced_and_bounds_publishes_subscriptions_and_wills() {
    for name in ["max_qos", "maximum_qos"] {
        for limit in 0..=2 {
            let broker = Broker::open(&format!("{name} {limit}\nlistener SECOND 127.0.0.1"));
            let mut user = client("user").to(&broker);
            let announced = (limit < 2).then(|| format!("MaximumQoS({limit})"));
            assert_eq!(user.announced("MaximumQoS"), announced.as_deref());
            assert_eq!(user.ask_for("t", 2), limit);
            for qos in 0..=limit {
                user.publish("t", "", qos);
                assert_eq!(user.message().qos, qos);
                user.finish();
            }
            user.ping();
            drop(client("with-will").will("w", "", limit).to(&broker));
            if limit < 2 {
                let over = client("with-will").will("w", "", limit + 1);
                assert_eq!(over.refused(&broker), [Got::ConnAck { present: false, reason: 0x9b }]);
                user.publish("t", "", limit + 1);
                assert_eq!(user.rest(), [Got::Disconnect(0x9b)]);
            }
            // The other listener has no such limit.
            let mut other = client("other").second().to(&broker);
            other.subscribe("t", 2);
        }
        refused(&format!("{name} 3"), "'max_qos' must be between 0 and 2 inclusive.");
    }
}

fn publish_with_alias(user: &mut Client, topic: &str, alias: u16) {
    let properties: PropertiesBuf = [Property::TopicAlias(alias)].into_iter().collect();
    let (dup, qos, retain, packet_id, payload) = (false, QoS::AtMostOnce, false, 0, &[]);
    let properties = properties.as_properties();
    user.send(&Packet::Publish(Publish { dup, qos, retain, topic, packet_id, properties, payload }));
}

#[test]
pub(super) fn max_topic_alias_is_announced_and_bounds_what_a_client_may_use() {
    for (lines, limit) in [("max_topic_alias 0", 0), ("max_topic_alias 3", 3), ("", 10)] {
        let broker = Broker::open(lines);
        let mut user = client("user").to(&broker);
        let announced = (limit > 0).then(|| format!("TopicAliasMaximum({limit})"));
        assert_eq!(user.announced("TopicAliasMaximum"), announced.as_deref(), "{lines}");
        user.subscribe("#", 0);
        for alias in 1..=limit {
            let topic = format!("topic/{alias}");
            publish_with_alias(&mut user, &topic, alias);
            publish_with_alias(&mut user, "", alias);
            assert_eq!(user.messages(2).iter().map(|message| message.topic.as_str()).collect::<Vec<_>>(), [&topic; 2]);
        }
        publish_with_alias(&mut user, "topic", limit + 1);
        assert_eq!(user.rest(), [Got::Disconnect(0x94)], "{lines}");
    }
}

/// A topic that has an alias is sent in full once.
#[test]
pub(super) fn max_topic_alias_broker_bounds_what_the_broker_uses() {
    const TOPICS: usize = 15;
    for (lines, clients, expected) in [
        ("max_topic_alias_broker 0", 5, 0),
        ("max_topic_alias_broker 3", 5, 3),
        ("max_topic_alias_broker 5", 3, 3),
        ("", 12, 10),
    ] {
        let broker = Broker::open(&format!("worker_threads 1\n{lines}"));
        let mut user = client("user").with(Property::TopicAliasMaximum(clients)).to(&broker);
        user.subscribe("topic/+", 0);
        let mut publisher = client("publisher").to(&broker);
        let mut aliased = [0; 2];
        for aliased in &mut aliased {
            (0..TOPICS).for_each(|n| publisher.publish(&format!("topic/{n}"), "", 0));
            *aliased = user.messages(TOPICS).iter().filter(|message| message.topic.is_empty()).count();
        }
        assert_eq!(aliased, [0, expected], "{lines}");
    }
}

#[test]
pub(super) fn retain_available_false_is_announced_and_keeps_nothing() {
    for lines in ["", "retain_available true"] {
        let broker = Broker::open(lines);
        let mut user = client("user").to(&broker);
        assert_eq!(user.announced("RetainAvailable"), None);
        user.publish_retained("t", "kept", 0);
        user.subscribe("t", 0);
        assert!(user.message().retain);
    }
    let broker = Broker::open("retain_available false");
    let mut user = client("user").to(&broker);
    assert_eq!(user.announced("RetainAvailable"), Some("RetainAvailable(0)"));
    user.publish_retained("t", "kept", 0);
    assert_eq!(user.rest(), [Got::Disconnect(0x9a)]);
    let mut old = client("user").v311().to(&broker);
    old.publish_retained("t", "kept", 0);
    assert_eq!(old.rest(), []);
    let mut watcher = client("watcher").to(&broker);
    watcher.subscribe("t", 0);
    assert_eq!(arrived(&mut watcher), []);
}

/// Not even of what the broker itself publishes: it comes with the next update only.
#[test]
pub(super) fn retain_available_false_keeps_no_sys_topics_either() {
    for available in [true, false] {
        let broker = Broker::open(&format!("sys_interval 1\nretain_available {available}"));
        let mut watcher = client("watcher").to(&broker);
        watcher.subscribe("$SYS/broker/uptime", 0);
        assert_eq!(watcher.message().retain, available);
    }
}
