//! Messages to the server.

use crate::harness::{Peer, QOS, SUCCESS, V5, V311, VERSIONS};
use mosquitto_client::mqtt::{PacketType, Property, QoS, ReasonCode, TopicError};
use mosquitto_client::{Event, Options, Publication, RequestError};

const BIG: &[u8] = &[0; 100_000];

#[test]
fn each_quality_of_service_has_its_packets() {
    // [MQTT-2.2.1-5]
    // [MQTT-4.3.1-1] [MQTT-4.3.2-2] [MQTT-4.3.3-2] [MQTT-4.3.3-4]
    for version in VERSIONS {
        let mut peer = Peer::connected(version);
        // A message of QoS 0 takes a number too, as the log of the original shows it.
        assert_eq!(QOS.map(|qos| peer.publish(qos)), [1, 2, 3]);
        assert_eq!(peer.sent(), "PUBLISH t q0, PUBLISH t 2 q1, PUBLISH t 3 q2");
        peer.ack(PacketType::PubAck, 2, SUCCESS);
        assert_eq!(peer.published(), (2, SUCCESS));
        peer.ack(PacketType::PubRec, 3, SUCCESS);
        assert_eq!(peer.sent(), "PUBREL 3");
        peer.ack(PacketType::PubComp, 3, SUCCESS);
        assert_eq!(peer.published(), (3, SUCCESS));
        assert!(peer.is_quiet() && peer.session.unfinished_count() == 0);
    }
}

#[test]
fn a_message_that_the_server_refuses_is_through() {
    let mut peer = Peer::connected(V5);
    peer.publish(QoS::AtLeastOnce);
    peer.publish(QoS::ExactlyOnce);
    peer.sent();
    peer.ack(PacketType::PubAck, 1, ReasonCode::NOT_AUTHORIZED);
    peer.ack(PacketType::PubRec, 2, ReasonCode::QUOTA_EXCEEDED);
    assert_eq!(peer.published(), (1, ReasonCode::NOT_AUTHORIZED));
    assert_eq!(peer.published(), (2, ReasonCode::QUOTA_EXCEEDED));
    assert!(peer.is_quiet() && peer.session.unfinished_count() == 0);
}

#[test]
fn no_more_than_the_window_is_under_way() {
    let mut options = Options::new(V311, "me");
    options.inflight_max = 2;
    let mut peer = Peer::with(options);
    peer.connect(false, &[]);
    for _ in 0..4 {
        peer.publish(QoS::AtLeastOnce);
    }
    assert_eq!(peer.sent(), "PUBLISH t 1 q1, PUBLISH t 2 q1");
    peer.ack(PacketType::PubAck, 2, SUCCESS);
    assert_eq!(peer.sent(), "PUBLISH t 3 q1");
    peer.ack(PacketType::PubAck, 1, SUCCESS);
    peer.ack(PacketType::PubAck, 3, SUCCESS);
    assert_eq!(peer.sent(), "PUBLISH t 4 q1");
}

#[test]
fn the_receive_maximum_of_the_server_narrows_the_window() {
    // [MQTT-3.3.4-7]
    // [MQTT-4.9.0-1] [MQTT-4.9.0-2]
    let mut peer = Peer::new(V5);
    peer.connect(false, &[Property::ReceiveMaximum(1)]);
    peer.publish(QoS::ExactlyOnce);
    peer.publish(QoS::AtLeastOnce);
    // QoS 0 is not counted.
    peer.publish(QoS::AtMostOnce);
    assert_eq!(peer.sent(), "PUBLISH t 1 q2, PUBLISH t q0");
    peer.ack(PacketType::PubRec, 1, SUCCESS);
    assert_eq!(peer.sent(), "PUBREL 1");
    peer.ack(PacketType::PubComp, 1, SUCCESS);
    assert_eq!(peer.sent(), "PUBLISH t 2 q1");
}

#[test]
fn a_wider_receive_maximum_does_not_widen_the_own_window() {
    let mut peer = Peer::new(V5);
    peer.connect(false, &[Property::ReceiveMaximum(1000)]);
    for _ in 0..30 {
        peer.publish(QoS::AtLeastOnce);
    }
    assert_eq!(peer.sent().split(", ").count(), 20);
}

#[test]
fn topics_are_checked() {
    // [MQTT-3.3.2-2] [MQTT-1.5.4-2]
    let mut peer = Peer::connected(V5);
    let mut refusal =
        |topic| peer.session.publish(peer.now, Publication::new(topic, b"", QoS::AtLeastOnce)).unwrap_err();
    assert_eq!(refusal(""), RequestError::Topic(TopicError::Empty));
    assert_eq!(refusal("a/#"), RequestError::Topic(TopicError::Wildcard));
    assert_eq!(refusal("a\0b"), RequestError::NotText);
    assert_eq!(refusal(&"a".repeat(65_536)), RequestError::Topic(TopicError::TooLong));
    assert!(peer.is_quiet());
}

#[test]
fn what_the_server_does_not_take_is_not_sent() {
    // [MQTT-3.2.2-11] [MQTT-3.2.2-14] [MQTT-3.2.2-15]
    let mut peer = Peer::new(V5);
    let limits = [Property::MaximumQoS(1), Property::RetainAvailable(0), Property::MaximumPacketSize(20)];
    peer.connect(false, &limits);
    let now = peer.now;
    let message = Publication::new("t", b"p", QoS::ExactlyOnce);
    let refusal = peer.session.publish(now, message).unwrap_err();
    assert_eq!(refusal, RequestError::QoSNotSupported { maximum: QoS::AtLeastOnce });
    let message = Publication { retain: true, qos: QoS::AtMostOnce, ..message };
    assert_eq!(peer.session.publish(now, message).unwrap_err(), RequestError::RetainNotSupported);
    // 2 bytes of header, 3 of topic, 1 of properties: 14 are left.
    let fits = Publication::new("t", &BIG[..14], QoS::AtMostOnce);
    assert!(peer.session.publish(now, fits).is_ok());
    let too_large = Publication::new("t", &BIG[..15], QoS::AtMostOnce);
    assert_eq!(peer.session.publish(now, too_large), Err(RequestError::TooLarge { limit: 20 }));
    assert_eq!(peer.sent(), "PUBLISH t q0");
}

#[test]
fn messages_that_were_queued_before_the_server_told_its_limits_fail_one_by_one() {
    // [MQTT-3.2.2-11] [MQTT-3.2.2-14] [MQTT-3.2.2-15]
    let mut peer = Peer::new(V5);
    let ids = [QoS::ExactlyOnce, QoS::AtLeastOnce].map(|qos| peer.publish(qos));
    let big = peer.session.publish(peer.now, Publication::new("t", BIG, QoS::AtLeastOnce)).unwrap();
    let retained = Publication { retain: true, ..Publication::new("t", b"", QoS::AtLeastOnce) };
    let retained = peer.session.publish(peer.now, retained).unwrap();
    let limits = [Property::MaximumQoS(1), Property::RetainAvailable(0), Property::MaximumPacketSize(100)];
    peer.connect(false, &limits);
    assert_eq!(peer.published(), (ids[0], ReasonCode::QOS_NOT_SUPPORTED));
    assert_eq!(peer.published(), (big, ReasonCode::PACKET_TOO_LARGE));
    assert_eq!(peer.published(), (retained, ReasonCode::RETAIN_NOT_SUPPORTED));
    assert_eq!(peer.sent(), format!("PUBLISH t {} q1", ids[1]));
    assert_eq!(peer.session.unfinished_count(), 1);
}

#[test]
fn the_queue_is_bounded_in_messages_and_in_bytes() {
    let mut peer = Peer::new(V311);
    let mut publish = |payload| peer.session.publish(peer.now, Publication::new("t", payload, QoS::AtLeastOnce));
    let taken = (0..10_000).take_while(|_| publish(b"").is_ok()).count();
    assert_eq!(taken, 1000);
    assert_eq!(publish(b""), Err(RequestError::Full));
    assert!(!peer.session.has_room(QoS::AtLeastOnce));

    let mut peer = Peer::new(V311);
    let mut publish = || peer.session.publish(peer.now, Publication::new("t", BIG, QoS::AtLeastOnce));
    let taken = (0..10_000).take_while(|_| publish().is_ok()).count();
    assert_eq!(taken, 16 * 1024 * 1024 / BIG.len() + 1);
}

#[test]
fn room_comes_back_with_acknowledgements() {
    let mut peer = Peer::connected(V311);
    let mut last = 0;
    while peer.session.has_room(QoS::AtLeastOnce) {
        last = peer.publish(QoS::AtLeastOnce);
    }
    for packet_id in 1..=last {
        peer.ack(PacketType::PubAck, packet_id, SUCCESS);
        assert_eq!(peer.published(), (packet_id, SUCCESS));
        peer.sent();
    }
    assert_eq!(peer.session.unfinished_count(), 0);
    assert!(peer.session.has_room(QoS::AtLeastOnce));
}

#[test]
fn messages_of_qos_0_wait_for_the_output_to_be_sent() {
    let mut peer = Peer::connected(V311);
    let message = Publication::new("t", BIG, QoS::AtMostOnce);
    let taken = (0..10_000).take_while(|_| peer.session.publish(peer.now, message).is_ok()).count();
    assert_eq!((taken, peer.session.has_room(QoS::AtMostOnce)), (3, false));
    // Packets of the server wait too, as they might have to be answered.
    assert_eq!(peer.session.received(peer.now, &[0x30, 3, 0, 1, b't']), 0);
    peer.session.sent(200_000);
    assert!(peer.session.has_room(QoS::AtMostOnce));
    assert_eq!(peer.session.received(peer.now, &[0x30, 3, 0, 1, b't']), 5);
}

#[test]
fn answers_to_unknown_messages_do_no_harm() {
    let mut peer = Peer::connected(V5);
    peer.ack(PacketType::PubAck, 9, SUCCESS);
    peer.ack(PacketType::PubComp, 9, SUCCESS);
    assert!(peer.is_quiet());
    // The server is to forget a message that it holds in vain.
    peer.ack(PacketType::PubRec, 9, SUCCESS);
    assert_eq!(peer.sent(), "PUBREL 9 Packet Identifier not found");
}

#[test]
fn packets_are_logged_if_asked_for() {
    let mut options = Options::new(V311, "me");
    options.log_packets = true;
    let mut peer = Peer::with(options);
    peer.session.connect(peer.now);
    peer.connack(false, SUCCESS, &[]);
    peer.publish(QoS::AtMostOnce);
    peer.publish(QoS::ExactlyOnce);
    peer.ack(PacketType::PubRec, 2, SUCCESS);
    peer.ack(PacketType::PubComp, 2, SUCCESS);
    peer.deliver("a/b", QoS::AtLeastOnce, 5, &[]);
    let lines: Vec<_> = std::iter::from_fn(|| peer.session.poll_event())
        .filter_map(|event| match event {
            Event::Log(line) => Some(line),
            _ => None,
        })
        .collect();
    let expected = [
        "sending CONNECT",
        "received CONNACK (0)",
        "sending PUBLISH (d0, q0, r0, m1, 't', ... (1 bytes))",
        "sending PUBLISH (d0, q2, r0, m2, 't', ... (1 bytes))",
        "received PUBREC (Mid: 2)",
        "sending PUBREL (m2)",
        "received PUBCOMP (Mid: 2, RC:0)",
        "received PUBLISH (d0, q1, r0, m5, 'a/b', ... (7 bytes))",
        "sending PUBACK (m5, rc0)",
    ];
    assert_eq!(lines, expected);
}
