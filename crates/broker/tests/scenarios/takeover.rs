//! A client id that connects again while it is connected.

use crate::harness::{Net, connect};
use mosquitto_mqtt::Property;

#[test]
fn the_old_connection_is_told_and_the_new_one_is_not_disturbed() {
    // [MQTT-3.1.4-3]
    let mut net = Net::new();
    let old = connect("a").on(&mut net);
    let new = connect("a").on(&mut net);
    assert_eq!(net.got(old), ["DISCONNECT rc=0x8e"]);
    assert!(!net.is_open(old) && net.is_open(new));
    net.ping(new);
    assert_eq!(net.got(new), ["PINGRESP"]);
    assert_eq!(net.session_count(), 1);
    assert_eq!(net.log_with("disconnected: session taken over.").len(), 1);
}

#[test]
fn an_old_connection_of_mqtt_3_is_just_closed() {
    let mut net = Net::new();
    let old = connect("a").v311().on(&mut net);
    connect("a").on(&mut net);
    assert!(!net.is_open(old) && net.got(old).is_empty());
}

#[test]
fn a_session_that_is_kept_goes_over() {
    // [MQTT-3.1.4-4] [MQTT-3.2.2-3]
    // [MQTT-3.1.2-5]
    let mut net = Net::new();
    let (old, publisher) = (connect("a").keep_session(60).on(&mut net), connect("b").on(&mut net));
    net.subscribe(old, "t", 1);
    let (new, got) = connect("a").keep_session(60).attempt(&mut net);
    assert!(got[0].starts_with("CONNACK present=1"));
    net.publish(publisher, "t", "x", 1, 1);
    assert_eq!(net.got(new), [r#"PUBLISH q1 id=1 t "x""#]);
    assert_eq!(net.got(old), ["DISCONNECT rc=0x8e"]);
}

#[test]
fn what_the_old_connection_did_not_acknowledge_goes_to_the_new_one() {
    // [MQTT-4.4.0-1]
    let mut net = Net::new();
    let (old, publisher) = (connect("a").keep_session(60).on(&mut net), connect("b").on(&mut net));
    net.subscribe(old, "t", 1);
    net.publish(publisher, "t", "x", 1, 1);
    let new = connect("a").keep_session(60).on(&mut net);
    assert_eq!(net.got(new), [r#"PUBLISH q1 id=1 dup t "x""#]);
}

#[test]
fn a_clean_start_ends_the_old_session() {
    // [MQTT-3.1.4-4] [MQTT-3.2.2-2]
    // [MQTT-3.1.2-4]
    let mut net = Net::new();
    let (old, publisher) = (connect("a").keep_session(60).on(&mut net), connect("b").on(&mut net));
    net.subscribe(old, "t", 1);
    let (new, got) = connect("a").attempt(&mut net);
    assert!(got[0].starts_with("CONNACK present=0"));
    net.publish(publisher, "t", "x", 1, 1);
    assert!(net.got(new).is_empty());
    assert_eq!(net.got(publisher), ["PUBACK 1 rc=0x10"]);
    assert_eq!(net.shared.subscription_count(), 0);
}

#[test]
fn the_old_will_is_sent_where_its_session_ends() {
    let mut net = Net::new();
    let watcher = connect("watcher").on(&mut net);
    net.subscribe(watcher, "will/#", 0);
    // expiry 0; MQTT 3 with a clean session; a clean start of the new connection
    connect("a").will("will/a", "x", 0, false).on(&mut net);
    connect("a").resume().on(&mut net);
    connect("b").v311().will("will/b", "x", 0, false).on(&mut net);
    connect("b").v311().resume().on(&mut net);
    connect("c").keep_session(60).will("will/c", "x", 0, false).will_with(Property::WillDelayInterval(9)).on(&mut net);
    connect("c").on(&mut net);
    assert_eq!(net.got(watcher), [r#"PUBLISH q0 will/a "x""#, r#"PUBLISH q0 will/b "x""#, r#"PUBLISH q0 will/c "x""#]);
    net.advance(60);
    assert!(net.got(watcher).is_empty());
}

#[test]
fn the_old_will_is_not_sent_where_the_session_goes_on() {
    // MQTT 5, 3.1.3.2.2
    let mut net = Net::new();
    let watcher = connect("watcher").on(&mut net);
    net.subscribe(watcher, "will/#", 0);
    connect("a").keep_session(60).will("will/a", "x", 0, false).on(&mut net);
    let new = connect("a").keep_session(60).on(&mut net);
    connect("b").v311().resume().will("will/b", "x", 0, false).on(&mut net);
    connect("b").v311().resume().on(&mut net);
    net.cut(new);
    net.advance(100);
    assert!(net.got(watcher).is_empty());
}

#[test]
fn a_client_that_takes_itself_over_again_and_again_leaves_one_session() {
    let mut net = Net::new();
    let mut last = connect("a").keep_session(60).keep_alive(10).on(&mut net);
    for _ in 0..50 {
        last = connect("a").keep_session(60).keep_alive(10).on(&mut net);
    }
    assert_eq!((net.session_count(), net.connections_and_deadlines()), (1, (1, 1)));
    net.disconnect_with(last, 0, &[Property::SessionExpiryInterval(0)]);
    assert_eq!((net.session_count(), net.connections_and_deadlines()), (0, (0, 0)));
}
