//! What is written down about retained messages.

use crate::harness::{Net, connect};
use mosquitto_auth::acl::AccessList;
use mosquitto_broker::{AccessLists, Persistence, Publication, Settings};
use mosquitto_mqtt::{Property, QoS};
use std::sync::Arc;

fn net(settings: Settings) -> Net {
    Net::with(1, Settings { persistence: Persistence::Synced, ..settings })
}

#[test]
fn they_are_kept_whatever_their_qos_and_cleared() {
    let mut net = net(Settings::default());
    let peer = connect("p").on(&mut net);
    net.publish_retained(peer, "a", "x", 0, 0);
    net.publish_retained(peer, "a", "y", 1, 1);
    net.publish_retained(peer, "a", "", 0, 0);
    net.publish_retained(peer, "b", "z", 2, 2);
    net.pubrel(peer, 2);
    let expected = [
        r#"Published 1 q0 retain a "x" []"#,
        "Retained 1 #1",
        r#"Published 2 q1 retain a "y" []"#,
        "Retained 2 #2",
        "Cleared a #3",
        r#"Published 3 q2 retain b "z" []"#,
        "Retained 3 #4",
    ];
    assert_eq!(net.disk.news(), expected);
}

#[test]
fn their_publisher_is_kept_where_that_is_asked_for() {
    let list = AccessLists::One(Arc::new(AccessList::default()));
    let settings = Settings { access_lists: list, check_retain_source: true, ..Settings::default() };
    let mut net = net(Settings { access_lists: AccessLists::Nowhere, ..settings });
    let peer = connect("p").on(&mut net);
    net.publish_retained(peer, "a", "x", 0, 0);
    assert_eq!(net.disk.news()[1..], ["Retained 1 #1 by p"]);
}

#[test]
fn one_that_goes_to_a_new_subscription_is_followed_like_others() {
    let mut net = net(Settings::default());
    let peer = connect("c").keep_session(1000).on(&mut net);
    net.publish_retained(peer, "a", "x", 1, 1);
    net.got(peer);
    net.disk.news();
    net.subscribe(peer, "a", 1);
    net.puback(peer, 1);
    assert_eq!(net.disk.news(), ["Subscribed c a 0x01 0", "Launched 1 id=1 c q1 retain on top", "Finished 1 id=1 c"]);
}

#[test]
fn what_expires_is_not_written() {
    let mut net = net(Settings { retain_expiry_interval_min: 1, ..Settings::default() });
    let peer = connect("c").on(&mut net);
    net.send_publish(peer, "a", b"x", 0, 0, (true, false), &[Property::MessageExpiryInterval(5)]);
    net.disk.news();
    net.leap(61);
    assert_eq!((net.shared.retained_count(), net.disk.news().len()), (0, 0));
}

#[test]
fn of_the_brokers_own_topics_only_what_a_session_is_to_get_is_kept() {
    let mut net = net(Settings::default());
    let publish = |net: &mut Net| {
        let (topic, payload) = ("$SYS/broker/version".into(), b"x"[..].into());
        let publication = Publication { topic, payload, qos: QoS::ExactlyOnce, retain: true, expiry_s: None };
        let now = net.now;
        net.shards[0].begin(now);
        assert!(net.shards[0].publish_own(&publication));
        net.shards[0].end();
        net.run();
    };
    publish(&mut net);
    assert_eq!(net.disk.news(), [""; 0]);
    net.disk.retained_below_sys = 1;
    // What is retained there is not known, so nothing is written of its way to a new subscription.
    let peer = connect("c").keep_session(1000).on(&mut net);
    net.subscribe(peer, "$SYS/#", 2);
    net.pubrec(peer, 1);
    net.pubcomp(peer, 1);
    assert_eq!(net.disk.news(), ["Connected c 1000", "Subscribed c $SYS/# 0x02 0"]);
    publish(&mut net);
    let expected = [r#"Published 1 q2 retain $SYS/broker/version "x" [c q2]"#, "Launched 1 id=2 c q2"];
    assert_eq!(net.disk.news(), expected);
    let other = connect("d").keep_session(1000).on(&mut net);
    net.subscribe(other, "$SYS/#", 2);
    net.pubrec(other, 1);
    net.pubcomp(other, 1);
    assert_eq!(net.disk.news(), ["Connected d 1000", "Subscribed d $SYS/# 0x02 0"]);
}
