//! What is written down about sessions and their subscriptions.

use crate::harness::{Net, connect};
use mosquitto_broker::{Persistence, Settings};
use mosquitto_mqtt::packet::SubscriptionOptions;
use mosquitto_mqtt::{Property, QoS};

fn net(settings: Settings) -> Net {
    Net::with(2, Settings { persistence: Persistence::Synced, ..settings })
}

#[test]
fn sessions_that_end_with_their_connections_leave_no_trace() {
    let mut net = net(Settings::default());
    let peers = [connect("a").on(&mut net), connect("b").v311().on(&mut net), connect("c").v31().on(&mut net)];
    for peer in peers {
        net.subscribe(peer, "#", 2);
        net.publish(peer, "t", "x", 2, 1);
        net.pubrel(peer, 1);
        net.disconnect(peer);
    }
    assert_eq!(net.disk.news(), [""; 0]);
}

#[test]
fn sessions_are_kept_from_their_beginning_to_their_end() {
    let mut net = net(Settings::default());
    let peer = connect("c").username("u").keep_session(60).on(&mut net);
    net.cut(peer);
    assert_eq!(net.disk.news(), ["Connected c 60 u=u", "Left c 60"]);
    // They go on, for another time.
    let peer = connect("c").keep_session(100).on(&mut net);
    net.disconnect_with(peer, 0, &[Property::SessionExpiryInterval(70)]);
    assert_eq!(net.disk.news(), ["Connected c 100", "Left c 70"]);
    net.advance(70);
    assert_eq!(net.disk.news(), ["Ended c"]);
    // Another client takes over, which goes on and ends with its connection.
    connect("c").v311().resume().on(&mut net);
    let peer = connect("c").resume().on(&mut net);
    assert_eq!(net.disk.news(), ["Connected c 4294967295", "Left c 4294967295", "Connected c 0"]);
    net.cut(peer);
    assert_eq!(net.disk.news(), ["Ended c"]);
    // One that begins anew.
    connect("c").keep_session(60).on(&mut net);
    let peer = connect("c").with(Property::SessionExpiryInterval(5)).on(&mut net);
    assert_eq!(net.disk.news(), ["Connected c 60", "Left c 60", "Ended c", "Connected c 5"]);
    net.disconnect_with(peer, 0, &[Property::SessionExpiryInterval(0)]);
    assert_eq!(net.disk.news(), ["Ended c"]);
}

#[test]
fn what_the_client_says_of_its_expiry_is_kept_whatever_the_broker_makes_of_it() {
    let mut net = net(Settings { persistent_client_expiration_s: 10, ..Settings::default() });
    let peer = connect("c").keep_session(60).on(&mut net);
    net.cut(peer);
    net.advance(10);
    assert_eq!(net.disk.news(), ["Connected c 60", "Left c 60", "Ended c"]);
}

#[test]
fn subscriptions_are_kept_as_they_were_granted() {
    let mut net = net(Settings::default());
    let peer = connect("c").keep_session(60).on(&mut net);
    let options = SubscriptionOptions { qos: QoS::ExactlyOnce, no_local: true, ..Default::default() };
    net.subscribe_options(peer, "a/+", options, 9);
    net.subscribe(peer, "$share/g/a", 1);
    net.subscribe(peer, "a/+", 1);
    net.unsubscribe(peer, 2, &["b", "$share/g/a", "a/+"]);
    let expected = [
        "Connected c 60",
        "Subscribed c a/+ 0x06 9",
        "Subscribed c $share/g/a 0x01 0",
        "Subscribed c a/+ 0x01 0",
        "Unsubscribed c $share/g/a",
        "Unsubscribed c a/+",
    ];
    assert_eq!(net.disk.news(), expected);
}

#[test]
fn subscriptions_are_kept_with_their_mount_point_and_the_qos_of_their_listener() {
    let listener = mosquitto_broker::ListenerSettings {
        mount_point: Some("m/".into()),
        max_qos: QoS::AtLeastOnce,
        ..Default::default()
    };
    let mut net = net(crate::harness::of_listener(listener));
    let peer = connect("c").keep_session(60).on(&mut net);
    net.subscribe_with(peer, 1, "a", SubscriptionOptions::qos(QoS::ExactlyOnce), &[]);
    net.subscribe(peer, "$share/g/b", 1);
    net.publish(peer, "a", "x", 1, 1);
    let expected = [
        "Connected c 60",
        "Subscribed c m/a 0x01 0",
        "Subscribed c $share/g/m/b 0x01 0",
        r#"Published 1 q1 m/a "x" [c q1]"#,
        "Launched 1 id=1 c q1",
    ];
    let number = |line: &String| line.replace("Published 2", "Published 1").replace("Launched 2", "Launched 1");
    assert_eq!(net.disk.news().iter().map(number).collect::<Vec<_>>(), expected);
}

#[test]
fn a_qos_2_message_is_kept_from_publish_to_pubrel() {
    let mut net = Net::with(1, Settings { persistence: Persistence::Synced, ..Settings::default() });
    let peer = connect("c").keep_session(60).on(&mut net);
    net.publish(peer, "a", "x", 2, 7);
    net.publish_again(peer, "a", "x", 2, 7);
    net.publish(peer, "a", "other", 2, 7);
    net.pubrel(peer, 7);
    net.pubrel(peer, 7);
    let expected = ["Connected c 60", r#"Came id=7 c 1 q2 a "x""#, r#"Came id=7 c 3 q2 a "other""#, "Released id=7 c"];
    assert_eq!(net.disk.news(), expected);
}
