//! What waits for CONNACK, and what it may say.

use crate::harness::{Peer, SUCCESS, V5};
use mosquitto_client::mqtt::packet::{Subscription, SubscriptionOptions};
use mosquitto_client::mqtt::{Properties, Property, QoS, ReasonCode};
use mosquitto_client::{Options, Publication, RequestError};

#[test]
fn nothing_is_sent_between_connect_and_connack() {
    // [MQTT-3.1.2-30] [MQTT-3.1.0-1]: with an authentication method, and as well without.
    for method in [None, Some(Property::AuthenticationMethod("method"))] {
        let mut options = Options::new(V5, "me");
        options.properties = method.into_iter().collect();
        let mut peer = Peer::with(options);
        // Before there is a connection, nothing at all.
        peer.publish(QoS::AtLeastOnce);
        assert_eq!(peer.sent(), "");
        peer.session.connect(peer.now);
        assert_eq!(peer.sent().contains("AuthenticationMethod(\"method\")"), method.is_some());
        peer.publish(QoS::ExactlyOnce);
        let message = Publication::new("t", b"", QoS::AtMostOnce);
        assert_eq!(peer.session.publish(peer.now, message), Err(RequestError::NotConnected));
        let list = [Subscription { filter: "a", options: SubscriptionOptions::default() }];
        let refusal = peer.session.subscribe(peer.now, &list, Properties::EMPTY);
        assert_eq!(refusal, Err(RequestError::NotConnected));
        peer.wait_ms(59_999);
        assert_eq!(peer.sent(), "");
        peer.connack(false, SUCCESS, &[]);
        assert_eq!(peer.sent(), "PUBLISH t 1 q1, PUBLISH t 2 q2");
    }
}

#[test]
fn a_session_that_the_client_does_not_have_ends_the_connection() {
    // [MQTT-3.2.2-4]: it asked for a clean start, so it has none.
    let mut peer = Peer::new(V5);
    peer.session.connect(peer.now);
    peer.sent();
    peer.connack(true, SUCCESS, &[]);
    assert_eq!(peer.blamed_for(), ReasonCode::PROTOCOL_ERROR);
    assert!(!peer.session.is_connected() && peer.is_quiet());
}
