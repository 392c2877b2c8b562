//! The owner acknowledges what it answers for.

use crate::harness::{Peer, SUCCESS, V5, V31, V311};
use mosquitto_client::mqtt::{PacketType, QoS, ReasonCode};
use mosquitto_client::{End, Event, Options, Publication, RequestError};

fn peer() -> Peer {
    let mut peer = Peer::with(Options { acknowledge_later: true, clean_start: false, ..Options::new(V5, "me") });
    peer.connect(false, &[]);
    peer
}

#[test]
fn qos_1_is_acknowledged_when_the_owner_says_so() {
    let mut peer = peer();
    peer.deliver("t", QoS::AtLeastOnce, 7, &[]);
    assert_eq!((peer.message().packet_id, peer.sent()), (7, String::new()));
    assert!(peer.session.acknowledge(peer.now, 7));
    assert_eq!(peer.sent(), "PUBACK 7");
    assert!(!peer.session.acknowledge(peer.now, 7));
    assert_eq!(peer.sent(), "");
}

#[test]
fn qos_2_is_told_once_and_acknowledged_when_the_owner_says_so() {
    // [MQTT-4.3.3-10]: no second delivery before PUBREL.
    let mut peer = peer();
    peer.deliver("t", QoS::ExactlyOnce, 7, &[]);
    assert_eq!(peer.message().packet_id, 7);
    peer.deliver("t", QoS::ExactlyOnce, 7, &[]);
    assert_eq!((peer.session.poll_event(), peer.sent()), (None, String::new()));
    assert!(peer.session.acknowledge(peer.now, 7));
    assert_eq!(peer.sent(), "PUBREC 7");
    peer.deliver("t", QoS::ExactlyOnce, 7, &[]);
    assert_eq!((peer.session.poll_event(), peer.sent()), (None, "PUBREC 7".to_owned()));
    peer.ack(PacketType::PubRel, 7, SUCCESS);
    assert_eq!(peer.sent(), "PUBCOMP 7");
    peer.deliver("t", QoS::ExactlyOnce, 7, &[]);
    assert_eq!(peer.message().packet_id, 7);
}

#[test]
fn qos_2_outlives_its_connection_and_qos_1_comes_again() {
    let mut peer = peer();
    peer.deliver("t", QoS::ExactlyOnce, 1, &[]);
    peer.deliver("t", QoS::ExactlyOnce, 2, &[]);
    peer.deliver("t", QoS::AtLeastOnce, 3, &[]);
    for _ in 0..3 {
        peer.message();
    }
    peer.session.closed(peer.now);
    assert_eq!(peer.event(), Event::Disconnected(End::Lost));
    assert!(peer.session.acknowledge(peer.now, 1));
    peer.connect(true, &[]);
    assert!(!peer.session.acknowledge(peer.now, 3), "of the connection before");
    for packet_id in [1, 2] {
        peer.deliver("t", QoS::ExactlyOnce, packet_id, &[]);
    }
    assert_eq!((peer.session.poll_event(), peer.sent()), (None, "PUBREC 1".to_owned()));
    peer.deliver("t", QoS::AtLeastOnce, 3, &[]);
    assert_eq!(peer.message().packet_id, 3);
    peer.session.closed(peer.now);
    assert_eq!(peer.event(), Event::Disconnected(End::Lost));
    peer.connect(false, &[]);
    assert!(!peer.session.acknowledge(peer.now, 2), "of the session before");
    peer.deliver("t", QoS::ExactlyOnce, 2, &[]);
    assert_eq!(peer.message().packet_id, 2);
}

#[test]
fn qos_2_of_an_earlier_connection_is_acknowledged_in_the_order_in_which_it_comes_again() {
    // [MQTT-4.6.0-3]
    let mut peer = peer();
    for packet_id in [1, 2] {
        peer.deliver("t", QoS::ExactlyOnce, packet_id, &[]);
        peer.message();
    }
    peer.session.closed(peer.now);
    assert_eq!(peer.event(), Event::Disconnected(End::Lost));
    assert!(peer.session.acknowledge(peer.now, 1));
    peer.connect(true, &[]);
    assert!(peer.session.acknowledge(peer.now, 2));
    assert_eq!(peer.sent(), "");
    for packet_id in [1, 2] {
        peer.deliver("t", QoS::ExactlyOnce, packet_id, &[]);
    }
    assert_eq!((peer.session.poll_event(), peer.sent()), (None, "PUBREC 1, PUBREC 2".to_owned()));
}

#[test]
fn what_is_not_acknowledged_counts_against_the_receive_maximum() {
    // [MQTT-3.3.4-9]
    let options = Options { acknowledge_later: true, receive_maximum: Some(2), ..Options::new(V5, "me") };
    let mut peer = Peer::with(options);
    peer.connect(false, &[]);
    peer.deliver("t", QoS::AtLeastOnce, 1, &[]);
    peer.deliver("t", QoS::ExactlyOnce, 2, &[]);
    peer.session.acknowledge(peer.now, 1);
    peer.deliver("t", QoS::AtLeastOnce, 3, &[]);
    assert!(peer.session.is_connected());
    peer.deliver("t", QoS::AtLeastOnce, 4, &[]);
    assert!(!peer.session.is_connected());
}

#[test]
fn a_pubrel_or_an_identifier_out_of_turn_costs_the_connection() {
    let mut peer = peer();
    peer.deliver("t", QoS::ExactlyOnce, 1, &[]);
    peer.ack(PacketType::PubRel, 1, SUCCESS);
    assert!(!peer.session.is_connected());
    let mut peer = self::peer();
    peer.deliver("t", QoS::AtLeastOnce, 1, &[]);
    peer.deliver("t", QoS::ExactlyOnce, 1, &[]);
    assert!(!peer.session.is_connected());
}

#[test]
fn a_bridge_says_so_in_mqtt_3_alone() {
    for (version, level) in [(V311, 0x84), (V5, 5)] {
        let mut peer = Peer::with(Options { bridge: true, ..Options::new(version, "me") });
        peer.session.connect(peer.now);
        assert_eq!(peer.session.output()[8], level);
        peer.session.set_bridge(false);
        peer.session.connect(peer.now);
        assert_eq!(peer.session.output()[8], level & 0x7f);
    }
}

#[test]
fn acknowledgements_are_taken_though_the_server_does_not_read() {
    let mut peer = peer();
    let packet_id = peer.publish(QoS::AtLeastOnce);
    while peer.session.has_room(QoS::AtMostOnce) {
        let payload = [0; 10_000];
        peer.session.publish(peer.now, Publication::new("t", &payload, QoS::AtMostOnce)).unwrap();
    }
    assert!(peer.session.is_congested());
    peer.ack(PacketType::PubAck, packet_id, SUCCESS);
    assert_eq!(peer.published().0, packet_id);
    peer.deliver("t", QoS::AtLeastOnce, 7, &[]);
    assert_eq!(peer.message().packet_id, 7);
    let ping_response = [0xd0, 0];
    assert_eq!(peer.session.received(peer.now, &ping_response), 0, "what may be answered waits");
}

fn relaying() -> Peer {
    let options = Options {
        acknowledge_later: true,
        complete_later: true,
        release_later: true,
        clean_start: false,
        receive_maximum: Some(2),
        ..Options::new(V5, "me")
    };
    let mut peer = Peer::with(options);
    peer.connect(true, &[]);
    peer
}

fn reconnect(peer: &mut Peer) {
    peer.session.closed(peer.now);
    assert_eq!(peer.event(), Event::Disconnected(End::Lost));
    peer.connect(true, &[]);
}

#[test]
fn a_release_is_answered_when_the_owner_says_so() {
    let mut peer = relaying();
    peer.deliver("t", QoS::ExactlyOnce, 7, &[]);
    peer.message();
    peer.session.acknowledge(peer.now, 7);
    assert!(!peer.session.complete(peer.now, 7), "before its time");
    for packet_id in [7, 9] {
        // Nothing is known of the second one, but the owner may know more.
        peer.ack(PacketType::PubRel, packet_id, SUCCESS);
        assert_eq!(peer.event(), Event::Released { packet_id });
        peer.ack(PacketType::PubRel, packet_id, SUCCESS);
    }
    assert_eq!((peer.session.poll_event(), peer.sent()), (None, "PUBREC 7".to_owned()));
    assert!(peer.session.complete(peer.now, 7) && peer.session.complete(peer.now, 9));
    assert!(!peer.session.complete(peer.now, 7));
    assert_eq!(peer.sent(), "PUBCOMP 7, PUBCOMP 9");
}

#[test]
fn what_came_on_an_earlier_connection_takes_nothing_of_the_receive_maximum() {
    // MQTT 5, 4.9: it is new with each connection.
    let mut peer = relaying();
    for packet_id in [1, 2] {
        peer.deliver("t", QoS::ExactlyOnce, packet_id, &[]);
        peer.message();
        peer.session.acknowledge(peer.now, packet_id);
    }
    reconnect(&mut peer);
    for packet_id in [3, 4] {
        peer.deliver("t", QoS::ExactlyOnce, packet_id, &[]);
        peer.message();
    }
    assert!(peer.session.is_connected());
    peer.deliver("t", QoS::ExactlyOnce, 5, &[]);
    assert!(!peer.session.is_connected());
}

#[test]
fn a_message_is_refused_in_one_step() {
    let mut peer = relaying();
    peer.deliver("t", QoS::ExactlyOnce, 7, &[]);
    peer.message();
    assert!(peer.session.refuse(peer.now, 7, ReasonCode::QUOTA_EXCEEDED));
    assert!(!peer.session.refuse(peer.now, 7, ReasonCode::QUOTA_EXCEEDED));
    assert_eq!(peer.sent(), "PUBREC 7 Quota exceeded");
    peer.deliver("t", QoS::ExactlyOnce, 7, &[]);
    assert_eq!(peer.message().packet_id, 7, "it is another one");
}

#[test]
fn a_message_of_the_owner_is_released_when_the_owner_says_so() {
    let mut peer = relaying();
    let message = Publication::new("t", b"p", QoS::ExactlyOnce);
    assert!(!peer.session.is_free(0));
    peer.session.publish_as(peer.now, 40, false, message).unwrap();
    assert_eq!(peer.session.publish_as(peer.now, 40, false, message), Err(RequestError::Full));
    peer.sent();
    peer.ack(PacketType::PubRec, 40, SUCCESS);
    assert_eq!((peer.event(), peer.sent()), (Event::Received { packet_id: 40 }, String::new()));
    reconnect(&mut peer);
    assert_eq!(peer.sent(), "", "nothing is to be said before");
    assert!(peer.session.release(peer.now, 40));
    assert_eq!(peer.sent(), "PUBREL 40");
    reconnect(&mut peer);
    assert_eq!(peer.sent(), "PUBREL 40");
    peer.ack(PacketType::PubComp, 40, SUCCESS);
    assert_eq!(peer.published().0, 40);
    assert!(peer.session.is_free(40));
}

#[test]
fn a_message_of_a_forgotten_session_is_released_and_its_identifier_is_given_to_nobody() {
    let mut peer = relaying();
    peer.session.reserve(1);
    assert_eq!(peer.publish(QoS::AtLeastOnce), 2);
    peer.sent();
    assert!(peer.session.release(peer.now, 1));
    assert!(!peer.session.release(peer.now, 2), "that is another message");
    assert_eq!(peer.sent(), "PUBREL 1");
    peer.ack(PacketType::PubComp, 1, SUCCESS);
    assert_eq!(peer.published().0, 1);
}

#[test]
fn what_nobody_releases_is_released_at_once_or_when_the_server_has_it() {
    let mut peer = relaying();
    let message = Publication::new("t", b"p", QoS::ExactlyOnce);
    for packet_id in [1, 2] {
        peer.session.publish_as(peer.now, packet_id, false, message).unwrap();
    }
    peer.ack(PacketType::PubRec, 1, SUCCESS);
    peer.event();
    peer.sent();
    peer.session.release_all(peer.now);
    assert_eq!(peer.sent(), "PUBREL 1");
    peer.ack(PacketType::PubRec, 2, SUCCESS);
    assert_eq!((peer.session.poll_event(), peer.sent()), (None, "PUBREL 2".to_owned()));
}

/// CONNACK of MQTT 3.1 does not say whether there is a session. What is sent again then is what was sent before, and what is not
/// sent again is new.
#[test]
fn qos_2_outlives_its_connection_also_where_nobody_says_so() {
    let options = Options { acknowledge_later: true, clean_start: false, ..Options::new(V31, "me") };
    let mut peer = Peer::with(options);
    peer.connect(false, &[]);
    for packet_id in [1, 2] {
        peer.deliver("t", QoS::ExactlyOnce, packet_id, &[]);
        peer.message();
    }
    peer.session.closed(peer.now);
    assert_eq!(peer.event(), Event::Disconnected(End::Lost));
    assert!(peer.session.acknowledge(peer.now, 1));
    peer.connect(false, &[]);
    peer.deliver_again("t", QoS::ExactlyOnce, 1);
    peer.deliver_again("t", QoS::ExactlyOnce, 2);
    assert_eq!((peer.session.poll_event(), peer.sent()), (None, "PUBREC 1".to_owned()));
    peer.deliver("another", QoS::ExactlyOnce, 1, &[]);
    assert_eq!(peer.message().topic, "another");
}
