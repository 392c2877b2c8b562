//! Subscriptions where the server has forgotten them, and the queue while there is no connection.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper fails the test that it serves")]

use crate::harness::{Peer, SUCCESS, V5, V311};
use mosquitto_client::mqtt::packet::{SubAck, Subscription, SubscriptionOptions};
use mosquitto_client::mqtt::{Packet, PacketType, Properties, QoS};
use mosquitto_client::{Event, Options, Publication, RequestError, Subscriptions};

fn subscribe(peer: &mut Peer, subscriptions: &mut Subscriptions, filters: &[&str]) -> u16 {
    let options = SubscriptionOptions::default();
    let list: Vec<_> = filters.iter().map(|filter| Subscription { filter, options }).collect();
    let packet_id = peer.session.subscribe(peer.now, &list, Properties::EMPTY).unwrap();
    subscriptions.asked(packet_id, &list, Properties::EMPTY);
    packet_id
}

fn suback(peer: &mut Peer, subscriptions: &mut Subscriptions, packet_id: u16, reasons: &[u8]) {
    peer.server(Packet::SubAck(SubAck { packet_id, properties: Properties::EMPTY, reasons }));
    let Event::Subscribed { packet_id, reasons } = peer.event() else { panic!() };
    subscriptions.answered(packet_id, &reasons);
}

fn connect_again(peer: &mut Peer, subscriptions: &mut Subscriptions, session_present: bool) -> String {
    peer.session.closed(peer.now);
    peer.end();
    peer.sent();
    peer.connect(session_present, &[]);
    subscriptions.connected(session_present);
    assert!(!subscriptions.proceed(&mut peer.session, peer.now));
    peer.sent()
}

#[test]
fn a_server_without_the_session_is_asked_again_for_what_it_granted() {
    // [MQTT-3.2.2-5]
    for version in [V311, V5] {
        let mut peer = Peer::with(Options { clean_start: false, ..Options::new(version, "me") });
        let mut subscriptions = Subscriptions::default();
        peer.connect(false, &[]);
        let packet_id = subscribe(&mut peer, &mut subscriptions, &["granted", "refused", "ended"]);
        suback(&mut peer, &mut subscriptions, packet_id, &[0, 0x80, 0]);
        subscriptions.ended(&["ended"]);
        assert_eq!(connect_again(&mut peer, &mut subscriptions, true), "");
        let sent = connect_again(&mut peer, &mut subscriptions, false);
        assert!(sent.starts_with("SUBSCRIBE") && sent.contains("granted"), "{sent}");
        assert!(!sent.contains("refused") && !sent.contains("ended"), "{sent}");
    }
}

#[test]
fn what_was_not_answered_is_asked_again_in_any_case() {
    let mut peer = Peer::with(Options { clean_start: false, ..Options::new(V5, "me") });
    let mut subscriptions = Subscriptions::default();
    peer.connect(false, &[]);
    subscribe(&mut peer, &mut subscriptions, &["open"]);
    assert!(connect_again(&mut peer, &mut subscriptions, true).contains("open"));
}

#[test]
fn the_queue_without_a_connection_has_the_bounds_that_were_asked_for() {
    let mut peer = Peer::with(Options { queue_messages_max: 2, clean_start: false, ..Options::new(V311, "me") });
    let publish = |peer: &mut Peer| peer.session.publish(peer.now, Publication::new("t", b"", QoS::AtLeastOnce));
    assert_eq!([publish(&mut peer), publish(&mut peer)], [Ok(1), Ok(2)]);
    assert_eq!(publish(&mut peer), Err(RequestError::Full));
    assert!(peer.session.is_unfinished(2) && !peer.session.is_unfinished(3));
    peer.connect(false, &[]);
    assert_eq!(peer.sent(), "PUBLISH t 1 q1, PUBLISH t 2 q1");
    peer.ack(PacketType::PubAck, 2, SUCCESS);
    assert!(!peer.session.is_unfinished(2));

    let mut peer = Peer::with(Options { queue_bytes_max: 6, ..Options::new(V311, "me") });
    assert_eq!([publish(&mut peer), publish(&mut peer)], [Ok(1), Err(RequestError::Full)]);
}
