//! What MQTT 3.1.1 asks of clients.

use crate::harness::{Peer, SUCCESS, V311};
use mosquitto_client::mqtt::packet::{Subscription, SubscriptionOptions};
use mosquitto_client::mqtt::{PacketType, Properties, QoS};
use mosquitto_client::{End, Options, Publication, RequestError};

#[test]
fn identifiers_are_new_for_each_packet_and_kept_where_it_is_sent_again() {
    // [3.1.1 MQTT-2.3.1-2] [3.1.1 MQTT-2.3.1-3] [3.1.1 MQTT-4.6.0-1]
    let mut options = Options::new(V311, "me");
    options.clean_start = false;
    let mut peer = Peer::with(options);
    peer.connect(false, &[]);
    let first = peer.publish(QoS::AtLeastOnce);
    let second = peer.publish(QoS::ExactlyOnce);
    let list = [Subscription { filter: "f", options: SubscriptionOptions::default() }];
    let third = peer.session.subscribe(peer.now, &list, Properties::EMPTY).unwrap();
    assert!(first != second && second != third && third != first);
    peer.sent();
    peer.session.closed(peer.now);
    assert_eq!(peer.end(), End::Lost);
    peer.sent();
    peer.connect(true, &[]);
    assert_eq!(peer.sent(), format!("PUBLISH t {first} q1 dup, PUBLISH t {second} q2 dup"));
}

#[test]
fn every_message_is_acknowledged_whether_it_is_looked_at_or_not() {
    // [3.1.1 MQTT-4.5.0-2]
    let mut peer = Peer::connected(V311);
    peer.deliver("t", QoS::AtLeastOnce, 7, &[]);
    peer.deliver("t", QoS::ExactlyOnce, 8, &[]);
    assert_eq!(peer.sent(), "PUBACK 7, PUBREC 8");
    peer.ack(PacketType::PubRel, 8, SUCCESS);
    assert_eq!(peer.sent(), "PUBCOMP 8");
}

#[test]
fn a_ping_comes_before_the_keep_alive_is_over() {
    // [3.1.1 MQTT-3.1.2-23]
    let mut options = Options::new(V311, "me");
    options.keep_alive_s = 10;
    let mut peer = Peer::with(options);
    peer.connect(false, &[]);
    peer.wait_ms(10_000);
    assert_eq!(peer.sent(), "PINGREQ");
}

#[test]
fn nothing_follows_a_disconnect() {
    // [3.1.1 MQTT-3.14.4-2]
    let mut peer = Peer::connected(V311);
    peer.session.disconnect(peer.now, SUCCESS, Properties::EMPTY);
    assert!(peer.sent().starts_with("DISCONNECT"));
    let publication = Publication::new("t", b"p", QoS::AtMostOnce);
    assert_eq!(peer.session.publish(peer.now, publication), Err(RequestError::NotConnected));
    assert_eq!(peer.sent(), "");
}
