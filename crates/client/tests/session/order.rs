//! Acknowledgements and identifiers of a client, in their order.

use crate::harness::{Peer, SUCCESS, V5};
use mosquitto_client::Options;
use mosquitto_client::mqtt::{PacketType, Property, QoS, ReasonCode};

#[test]
fn acknowledgements_leave_in_the_order_of_what_they_acknowledge() {
    // [MQTT-4.6.0-2] [MQTT-4.6.0-3] [MQTT-4.6.0-4] [MQTT-4.5.0-2]
    let mut peer = Peer::connected(V5);
    for (packet_id, qos) in [(9, QoS::AtLeastOnce), (4, QoS::ExactlyOnce), (2, QoS::AtLeastOnce), (3, QoS::ExactlyOnce)]
    {
        peer.deliver("t", qos, packet_id, &[]);
    }
    assert_eq!(peer.sent(), "PUBACK 9, PUBREC 4, PUBACK 2, PUBREC 3");
    let ids = [(); 3].map(|()| peer.publish(QoS::ExactlyOnce));
    assert_eq!(ids, [1, 2, 3]);
    peer.sent();
    for packet_id in [2, 3, 1] {
        peer.ack(PacketType::PubRec, packet_id, SUCCESS);
    }
    assert_eq!(peer.sent(), "PUBREL 2, PUBREL 3, PUBREL 1");
}

#[test]
fn an_identifier_in_use_is_not_given_out_again() {
    // [MQTT-4.3.2-1] [MQTT-4.3.3-1]
    for (qos, kind) in [(QoS::AtLeastOnce, PacketType::PubAck), (QoS::ExactlyOnce, PacketType::PubRec)] {
        let mut peer = Peer::connected(V5);
        assert_eq!(peer.publish(qos), 1);
        for expected in 2..=u16::MAX {
            assert_eq!(peer.publish(qos), expected);
            // An error ends the exchange at either QoS.
            peer.ack(kind, expected, ReasonCode::UNSPECIFIED_ERROR);
            peer.published();
            let unsent = peer.session.output().len();
            peer.session.sent(unsent);
        }
        assert_eq!(peer.publish(qos), 2);
    }
}

#[test]
fn a_message_that_the_server_refused_is_not_sent_again() {
    // [MQTT-4.4.0-2]
    let mut peer = Peer::with(Options { clean_start: false, ..Options::new(V5, "me") });
    peer.connect(false, &[]);
    let ids = [peer.publish(QoS::AtLeastOnce), peer.publish(QoS::ExactlyOnce)];
    peer.ack(PacketType::PubAck, ids[0], ReasonCode::QUOTA_EXCEEDED);
    peer.ack(PacketType::PubRec, ids[1], ReasonCode::QUOTA_EXCEEDED);
    peer.published();
    peer.published();
    peer.session.closed(peer.now);
    peer.end();
    peer.sent();
    peer.connect(true, &[]);
    assert_eq!(peer.sent(), "");
}

#[test]
fn a_released_identifier_stands_for_a_new_message() {
    // [MQTT-4.3.3-8] [MQTT-4.3.3-10] [MQTT-4.3.3-11] [MQTT-4.3.3-12]
    let mut peer = Peer::connected(V5);
    for topic in ["first", "second"] {
        peer.deliver(topic, QoS::ExactlyOnce, 7, &[]);
        peer.deliver(topic, QoS::ExactlyOnce, 7, &[]);
        peer.ack(PacketType::PubRel, 7, SUCCESS);
        assert_eq!(peer.sent(), "PUBREC 7, PUBREC 7, PUBCOMP 7");
        assert_eq!(peer.message().topic, topic);
        assert!(!peer.session.has_events());
    }
}

#[test]
fn a_message_of_qos_1_that_comes_twice_is_two() {
    // [MQTT-4.3.2-4] [MQTT-4.3.2-5]
    let mut peer = Peer::connected(V5);
    peer.deliver("t", QoS::AtLeastOnce, 7, &[]);
    peer.deliver("t", QoS::AtLeastOnce, 7, &[]);
    assert_eq!(peer.sent(), "PUBACK 7, PUBACK 7");
    assert_eq!((peer.message().packet_id, peer.message().packet_id), (7, 7));
}

#[test]
fn a_closed_window_leaves_room_for_all_other_packets() {
    // [MQTT-4.9.0-2] [MQTT-4.9.0-3]
    let mut peer = Peer::new(V5);
    peer.connect(false, &[Property::ReceiveMaximum(1)]);
    peer.publish(QoS::AtLeastOnce);
    peer.publish(QoS::AtLeastOnce);
    peer.deliver("t", QoS::AtLeastOnce, 5, &[]);
    peer.deliver("t", QoS::ExactlyOnce, 6, &[]);
    peer.session.unsubscribe(peer.now, &["t"], mosquitto_client::mqtt::Properties::EMPTY).unwrap();
    assert_eq!(peer.sent(), "PUBLISH t 1 q1, PUBACK 5, PUBREC 6, UNSUBSCRIBE 3 t");
    peer.wait_ms(60_000);
    assert_eq!(peer.sent(), "PINGREQ");
}
