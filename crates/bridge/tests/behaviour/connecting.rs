//! What a bridge says when it connects.

use crate::harness::Peer;
use mosquitto_bridge::{Limits, State};
use mosquitto_client::mqtt::QoS;

const STATE: &str = "$SYS/broker/connection/host.b/state";

/// The CONNECT of a bridge with these lines.
fn connect(lines: &str) -> String {
    let mut peer = Peer::new(lines);
    assert_eq!(peer.effects(), "open one:1883");
    peer.remote.opened(peer.now);
    peer.sent()
}

#[test]
fn connect_says_who_it_is_and_that_it_is_a_bridge() {
    let will = format!("will={STATE}=0 q1 retain");
    assert_eq!(connect("topic t"), format!("CONNECT V311 bridge host.b clean=false keep_alive=60 {will}"));
    assert_eq!(
        connect("topic t\nbridge_protocol_version mqttv31\ncleansession true\nclientid x\nkeepalive_interval 7"),
        "CONNECT V31 bridge x clean=true keep_alive=7 will=$SYS/broker/connection/x/state=0 q1 retain"
    );
    assert_eq!(
        connect("topic t\ntry_private false\nnotifications false"),
        "CONNECT V311 host.b clean=false keep_alive=60"
    );
    assert!(!connect("topic t\nnotifications_local_only true").contains("will"));
    assert!(connect("topic t\nnotification_topic a/b").contains("will=a/b=0"));
}

#[test]
fn mqtt_5_says_its_limits() {
    let text = connect(
        "topic t\nbridge_protocol_version mqttv50\nbridge_session_expiry_interval 9\nbridge_receive_maximum 8\n\
         bridge_max_topic_alias 7\nnotifications false",
    );
    assert_eq!(
        text,
        "CONNECT V5 host.b clean=false keep_alive=60 SessionExpiryInterval(9) TopicAliasMaximum(7) ReceiveMaximum(8)"
    );
}

#[test]
fn after_connack_it_notifies_subscribes_and_unsubscribes() {
    let mut peer = Peer::new("topic i in 1 l/ r/\ntopic b both 2\ntopic o out\ntopic i out 0 \"\" r/");
    peer.connect(false, &[]);
    let notification = format!("PUBLISH {STATE} 1 q1 retain 1");
    assert_eq!(peer.sent(), format!("{notification}, SUBSCRIBE 2 r/i=0x01, SUBSCRIBE 3 b=0x02, UNSUBSCRIBE 4 o"));
    peer.ack(mosquitto_client::mqtt::PacketType::PubAck, 1);
    peer.suback(2, 1);
    peer.suback(3, 2);
    peer.unsuback(4);
    assert_eq!((peer.events(), peer.effects()), (String::new(), String::new()), "nobody else has to know of these");
    assert_eq!(peer.remote.under_way(), 0);
    assert_eq!(peer.remote.report().state, State::Connected);
}

#[test]
fn mqtt_5_asks_for_no_echo_and_for_the_retain_flag() {
    let mut peer = Peer::new("topic i in 1\ntopic $share/g/x in\nbridge_protocol_version mqttv50\nnotifications false");
    peer.connect(false, &[]);
    // Bits 2 and 3; a shared subscription must not have bit 2 [MQTT-3.8.3-4].
    assert_eq!(peer.sent(), "SUBSCRIBE 1 i=0x0d, SUBSCRIBE 2 $share/g/x=0x08");
}

#[test]
fn options_leave_out_notifications_and_unsubscribing() {
    let mut peer = Peer::new("topic o out\nbridge_attempt_unsubscribe false\nnotifications_local_only true");
    peer.connect(false, &[]);
    assert_eq!(peer.sent(), "");
}

#[test]
fn more_topic_lines_than_requests_under_way_are_said_bit_by_bit() {
    let lines: Vec<_> = (0..1500).map(|n| format!("topic t{n} in\n")).collect();
    let mut peer = Peer::new(&format!("{}notifications false", lines.concat()));
    peer.connect(false, &[]);
    let first = peer.sent();
    assert_eq!(first.matches("SUBSCRIBE").count(), 1000);
    for packet_id in 1..=1000 {
        peer.suback(packet_id, 0);
    }
    let second = peer.sent();
    assert_eq!(second.matches("SUBSCRIBE").count(), 500);
    assert!(second.ends_with("t1499=0x00"));
}

#[test]
fn a_subscription_that_is_refused_is_told_and_the_rest_goes_on() {
    let mut peer = Peer::connected("topic a in\ntopic b in\nnotifications false");
    peer.suback(1, 0x80);
    peer.suback(2, 0);
    peer.effects();
    assert!(peer.log.iter().any(|line| line.contains("refuses the subscription to 'a'")), "{:?}", peer.log);
    assert!(peer.remote.is_connected());
}

#[test]
fn the_log_says_what_mosquitto_says() {
    let mut peer = Peer::new("topic t");
    peer.connect(false, &[]);
    peer.breaks();
    peer.effects();
    let backoff = peer.log.pop().unwrap();
    assert!(backoff.starts_with("Bridge b next backoff will be ") && backoff.ends_with(" ms"), "{backoff}");
    assert_eq!(
        peer.log,
        [
            "Connecting bridge (step 1) b (one:1883)",
            "Bridge host.b sending CONNECT",
            "Received CONNACK on connection local.host.b.",
            "Bridge local.host.b sending UNSUBSCRIBE (Mid: 2, Topic: t)",
            "Bridge b connection was stable enough, resetting backoff",
        ]
    );
}

#[test]
fn a_connection_that_is_silent_is_given_up() {
    let mut peer = Peer::connected("topic t\nnotifications false\nbridge_attempt_unsubscribe false");
    peer.wait();
    assert_eq!(peer.sent(), "PINGREQ");
    peer.wait();
    assert_eq!((peer.effects(), peer.events()), ("close".to_owned(), "disconnected".to_owned()));
    assert_eq!(peer.remote.report().last_error.as_deref(), Some("the remote broker has not answered in time"));
}

#[test]
fn stopping_says_goodbye_on_both_sides_and_is_for_good() {
    let mut peer = Peer::connected("topic t");
    peer.remote.stop(peer.now);
    assert_eq!(peer.sent(), format!("PUBLISH {STATE} 0 q0 retain 0, DISCONNECT Success"));
    assert_eq!((peer.effects(), peer.events()), ("close".to_owned(), "disconnected".to_owned()));
    assert_eq!((peer.remote.report().state, peer.remote.next_deadline()), (State::Ended, None));
    let mut peer = Peer::new("topic t");
    peer.effects();
    peer.remote.stop(peer.now);
    assert_eq!(peer.effects(), "close");
    peer.remote.opened(peer.now);
    assert_eq!((peer.sent(), peer.effects()), (String::new(), String::new()));
}

#[test]
fn a_window_of_0_is_as_large_as_can_be() {
    let limits = Limits { max_inflight_messages: 0, max_packet_size: 0 };
    let mut peer = Peer::with("topic t\nnotifications false\nbridge_attempt_unsubscribe false", limits);
    peer.connect(false, &[]);
    for _ in 0..1000 {
        peer.publish("t", QoS::AtLeastOnce);
    }
    assert_eq!(peer.sent().matches("PUBLISH").count(), 1000);
}
