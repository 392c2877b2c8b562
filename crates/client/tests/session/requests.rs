//! SUBSCRIBE and UNSUBSCRIBE.

use crate::harness::{Peer, V5, V31, V311, VERSIONS};
use mosquitto_client::mqtt::packet::{RetainHandling, Subscription, SubscriptionOptions};
use mosquitto_client::mqtt::{FilterError, Properties, Property, ProtocolVersion, QoS, ReasonCode};
use mosquitto_client::{Event, RequestError};

fn subscribe(peer: &mut Peer, filters: &[&str]) -> Result<u16, RequestError> {
    let options = SubscriptionOptions {
        qos: QoS::AtLeastOnce,
        retain_handling: RetainHandling::Never,
        ..SubscriptionOptions::default()
    };
    let list: Vec<_> = filters.iter().map(|filter| Subscription { filter, options }).collect();
    peer.session.subscribe(peer.now, &list, Properties::EMPTY)
}

#[test]
fn a_subscription_is_answered_filter_by_filter() {
    for version in VERSIONS {
        let mut peer = Peer::connected(version);
        assert_eq!(subscribe(&mut peer, &["a/#", "b"]), Ok(1));
        let options = if version == V5 { "0x21" } else { "0x01" };
        assert_eq!(peer.sent(), format!("SUBSCRIBE 1 a/#={options} b={options}"));
        peer.suback(1, &[1, 0x80]);
        let reasons = vec![ReasonCode::GRANTED_QOS1, ReasonCode::UNSPECIFIED_ERROR];
        assert_eq!(peer.event(), Event::Subscribed { packet_id: 1, reasons });
    }
}

#[test]
fn an_unsubscription_is_answered() {
    for version in VERSIONS {
        let mut peer = Peer::connected(version);
        let packet_id = peer.session.unsubscribe(peer.now, &["a/#", "b"], Properties::EMPTY).unwrap();
        assert_eq!(peer.sent(), "UNSUBSCRIBE 1 a/# b");
        let codes: &[u8] = if version == V5 { &[0, 0x11] } else { &[] };
        peer.unsuback(packet_id, codes);
        let reasons = codes.iter().copied().map(ReasonCode).collect();
        assert_eq!(peer.event(), Event::Unsubscribed { packet_id, reasons });
    }
}

#[test]
fn filters_are_checked() {
    let mut peer = Peer::connected(V5);
    assert_eq!(subscribe(&mut peer, &[]), Err(RequestError::NoFilter));
    assert_eq!(subscribe(&mut peer, &["a", "b#"]), Err(RequestError::Filter(FilterError::Wildcard)));
    assert_eq!(subscribe(&mut peer, &[""]), Err(RequestError::Filter(FilterError::Empty)));
    assert_eq!(subscribe(&mut peer, &["$share/g"]), Err(RequestError::Filter(FilterError::Share)));
    assert_eq!(subscribe(&mut peer, &["a\u{1}"]), Err(RequestError::NotText));
    let refusal = peer.session.unsubscribe(peer.now, &["++"], Properties::EMPTY);
    assert_eq!(refusal, Err(RequestError::Filter(FilterError::Wildcard)));
    assert!(peer.is_quiet());
}

#[test]
fn what_the_server_does_not_have_is_not_asked_for() {
    // [MQTT-3.2.2-15]
    let mut peer = Peer::new(V5);
    let limits = [
        Property::WildcardSubscriptionAvailable(0),
        Property::SharedSubscriptionAvailable(0),
        Property::MaximumPacketSize(30),
    ];
    peer.connect(false, &limits);
    assert_eq!(subscribe(&mut peer, &["a/+"]), Err(RequestError::WildcardsNotSupported));
    assert_eq!(subscribe(&mut peer, &["$share/g/a"]), Err(RequestError::SharedNotSupported));
    assert_eq!(subscribe(&mut peer, &["a".repeat(30).as_str()]), Err(RequestError::TooLarge { limit: 30 }));
    assert_eq!(subscribe(&mut peer, &["a"]), Ok(2));
}

#[test]
fn requests_need_a_connection_and_are_bounded() {
    let mut peer = Peer::new(V311);
    assert_eq!(subscribe(&mut peer, &["a"]), Err(RequestError::NotConnected));
    peer.connect(false, &[]);
    for _ in 0..1000 {
        assert!(subscribe(&mut peer, &["a"]).is_ok());
    }
    assert_eq!(subscribe(&mut peer, &["a"]), Err(RequestError::Full));
    peer.suback(1, &[0]);
    assert!(subscribe(&mut peer, &["a"]).is_ok());
}

#[test]
fn requests_end_with_the_connection() {
    let mut peer = Peer::connected(V31);
    subscribe(&mut peer, &["a"]).unwrap();
    peer.session.closed(peer.now);
    peer.end();
    peer.connect(false, &[]);
    peer.suback(1, &[0]);
    assert_eq!(peer.blamed_for(), ReasonCode::PROTOCOL_ERROR);
}

#[test]
fn answers_that_do_not_fit_their_request_are_a_protocol_error() {
    // [MQTT-2.2.1-6], as a server breaks it
    let wrong = |version: ProtocolVersion, answer: fn(&mut Peer)| {
        let mut peer = Peer::connected(version);
        subscribe(&mut peer, &["a", "b"]).unwrap();
        peer.session.unsubscribe(peer.now, &["a", "b"], Properties::EMPTY).unwrap();
        answer(&mut peer);
        assert_eq!(peer.blamed_for(), ReasonCode::PROTOCOL_ERROR);
    };
    for version in VERSIONS {
        wrong(version, |peer| peer.suback(1, &[0])); // [MQTT-3.9.3-1]
        wrong(version, |peer| peer.suback(2, &[0, 0]));
        wrong(version, |peer| peer.suback(3, &[0, 0]));
        wrong(version, |peer| peer.unsuback(1, &[0, 0]));
    }
    wrong(V5, |peer| peer.unsuback(2, &[0]));
}

/// It is malformed, but Mosquitto's clients take it.
#[test]
fn a_suback_of_mqtt_5_without_any_code_is_an_answer() {
    let mut peer = Peer::connected(V5);
    let id = subscribe(&mut peer, &["a", "b"]).unwrap();
    let [high, low] = id.to_be_bytes();
    peer.session.received(peer.now, &[0x90, 3, high, low, 0]);
    assert_eq!(peer.event(), Event::Subscribed { packet_id: id, reasons: Vec::new() });
    // Not where there was no question.
    peer.session.received(peer.now, &[0x90, 3, high, low, 0]);
    assert!(matches!(peer.event(), Event::Disconnected(_)));
}
