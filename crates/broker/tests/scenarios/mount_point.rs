//! `mount_point`: what stands before all topics of a listener's clients.

use crate::harness::{Net, Options, Peer, connect};
use mosquitto_broker::{DropReason, ListenerSettings, Settings};
use mosquitto_mqtt::Property::{TopicAlias, TopicAliasMaximum};
use mosquitto_mqtt::QoS;
use mosquitto_mqtt::packet::SubscriptionOptions;

/// Listener 0 is open, 1 is mounted at `m/`, 2 at `n` (without a slash).
fn net() -> Net {
    let mounted = |at: &str| ListenerSettings { mount_point: Some(at.into()), ..ListenerSettings::default() };
    let listeners = vec![ListenerSettings::default(), mounted("m/"), mounted("n")];
    Net::with(3, Settings { listeners, ..Settings::default() })
}

/// A client without a mount point that sees everything.
fn observer(net: &mut Net) -> Peer {
    let peer = connect("observer").on(net);
    net.subscribe(peer, "#", 2);
    peer
}

fn mounted(client_id: &str) -> Options {
    connect(client_id).through(1)
}

#[test]
fn what_is_published_is_mounted_and_what_is_sent_is_not() {
    let mut net = net();
    let (whole, peer) = (observer(&mut net), mounted("a").on(&mut net));
    net.subscribe(peer, "#", 1);
    net.publish(peer, "t", "1", 0, 0);
    net.publish(peer, "t", "2", 1, 1);
    net.publish(peer, "t", "3", 2, 2);
    net.pubrel(peer, 2);
    assert_eq!(net.got(whole), [r#"PUBLISH q0 m/t "1""#, r#"PUBLISH q1 id=1 m/t "2""#, r#"PUBLISH q2 id=2 m/t "3""#]);
    let got: Vec<String> = net.got(peer).into_iter().filter(|line| line.starts_with("PUBLISH")).collect();
    assert_eq!(got, [r#"PUBLISH q0 t "1""#, r#"PUBLISH q1 id=1 t "2""#, r#"PUBLISH q1 id=2 t "3""#]);
    net.publish(whole, "m/m/u", "4", 0, 0);
    net.publish(whole, "t", "5", 0, 0);
    assert_eq!(net.got(peer), [r#"PUBLISH q0 m/u "4""#]);
    assert_eq!(net.log_with("Received PUBLISH from a (d0, q0, r0, m0, 'm/t'").len(), 1);
    assert_eq!(net.log_with("Sending PUBLISH to a (d0, q0, r0, m0, 't'").len(), 1);
}

#[test]
fn subscriptions_are_mounted_and_can_be_taken_back() {
    let mut net = net();
    let (whole, peer) = (connect("b").on(&mut net), mounted("a").on(&mut net));
    for filter in ["t", "$share/g/t"] {
        net.subscribe(peer, filter, 0);
        net.publish(whole, "m/t", "x", 0, 0);
        net.publish(whole, "t", "x", 0, 0);
        assert_eq!(net.got(peer), [r#"PUBLISH q0 t "x""#], "{filter}");
        net.unsubscribe(peer, 7, &[filter, filter]);
        assert_eq!(net.got(peer), ["UNSUBACK 7 [0, 17]"]);
        net.publish(whole, "m/t", "x", 0, 0);
        assert!(net.got(peer).is_empty());
    }
    assert_eq!(net.shared.subscription_count(), 0);
    assert_eq!((net.log_with("a 0 m/t").len(), net.log_with("a 0 $share/g/m/t").len()), (1, 1));
    assert_eq!((net.log_with("a m/t").len(), net.log_with("a $share/g/m/t").len()), (2, 2));
}

#[test]
fn a_group_has_members_in_front_of_the_mount_point_and_behind_it() {
    let mut net = net();
    let (whole, peer, publisher) = (connect("b").on(&mut net), mounted("a").on(&mut net), connect("c").on(&mut net));
    net.subscribe(whole, "$share/g/m/t", 0);
    net.subscribe(peer, "$share/g/t", 0);
    (0..2).for_each(|_| net.publish(publisher, "m/t", "x", 0, 0));
    assert_eq!(
        (net.got(whole), net.got(peer)),
        (vec![r#"PUBLISH q0 m/t "x""#.into()], vec![r#"PUBLISH q0 t "x""#.into()])
    );
}

#[test]
fn retained_messages_and_wills_are_mounted() {
    let mut net = net();
    let (whole, peer) = (observer(&mut net), mounted("a").will("w", "gone", 0, true).on(&mut net));
    net.publish_retained(peer, "t", "kept", 0, 0);
    net.cut(peer);
    assert_eq!(net.got(whole), [r#"PUBLISH q0 m/t "kept""#, r#"PUBLISH q0 m/w "gone""#]);
    assert_eq!(net.log_with("\tm/w").len(), 1);
    let peer = mounted("a").on(&mut net);
    net.subscribe(peer, "+", 0);
    assert_eq!(net.got(peer), [r#"PUBLISH q0 retain t "kept""#, r#"PUBLISH q0 retain w "gone""#]);
    net.publish_retained(peer, "t", "", 0, 0);
    assert_eq!(net.shared.retained_count(), 1);
}

#[test]
fn topic_aliases_stand_for_the_clients_own_topics() {
    let mut net = net();
    let (whole, peer) = (observer(&mut net), mounted("a").with(TopicAliasMaximum(5)).on(&mut net));
    net.subscribe(peer, "#", 0);
    net.publish_with(peer, "t", b"x", 0, 0, &[TopicAlias(1)]);
    net.publish_with(peer, "", b"x", 0, 0, &[TopicAlias(1)]);
    assert_eq!(net.got(whole), [r#"PUBLISH q0 m/t "x""#, r#"PUBLISH q0 m/t "x""#]);
    assert_eq!(net.got(peer), [r#"PUBLISH q0 t "x" {topic-alias=1}"#, r#"PUBLISH q0  "x" {topic-alias=1}"#]);
}

#[test]
fn the_mount_point_itself_has_no_name_behind_it() {
    // [MQTT-4.7.3-1]: no topic name is empty. The filter `m/#` matches both.
    let mut net = net();
    let (whole, peer) = (connect("b").on(&mut net), mounted("a").on(&mut net));
    net.subscribe(peer, "#", 2);
    for topic in ["m", "m/"] {
        (0..3).for_each(|qos| net.publish(whole, topic, "x", qos, 1));
    }
    net.publish(whole, "m/t", "x", 2, 2);
    net.pubrel(whole, 2);
    net.pubrel(whole, 1);
    assert_eq!(net.got(peer), [r#"PUBLISH q2 id=1 t "x""#], "and none has used up an identifier");
    assert_eq!(net.dropped(DropReason::TooLarge), 0);
}

#[test]
fn dollar_topics_are_ordinary_ones_behind_a_mount_point() {
    let mut net = net();
    let (whole, peer) = (observer(&mut net), mounted("a").on(&mut net));
    for topic in ["$SYS/x", "$CONTROL/x/y"] {
        net.publish(peer, topic, "x", 1, 1);
        assert_eq!(net.got(peer), ["PUBACK 1"]);
        assert_eq!(net.got_first(whole).replace(char::is_numeric, "N"), format!(r#"PUBLISH qN id=N m/{topic} "x""#));
    }
}

#[test]
fn a_session_that_changes_its_listener_keeps_its_subscriptions_and_messages() {
    let mut net = net();
    let (publisher, peer) = (connect("b").on(&mut net), mounted("a").keep_session(100).on(&mut net));
    net.subscribe(peer, "t", 1);
    net.cut(peer);
    net.publish(publisher, "m/t", "x", 1, 1);
    // In flight, and so sent again each time.
    let peer = connect("a").keep_session(100).on(&mut net);
    assert_eq!(net.got(peer), [r#"PUBLISH q1 id=1 m/t "x""#]);
    net.subscribe(peer, "u", 1);
    net.cut(peer);
    net.publish(publisher, "u", "y", 1, 1);
    let peer = mounted("a").keep_session(100).on(&mut net);
    let got = [r#"PUBLISH q1 id=1 dup t "x""#, r#"PUBLISH q1 id=2 u "y""#];
    assert_eq!(net.got(peer), got, "what lies elsewhere keeps its name");
    net.unsubscribe(peer, 1, &["t", "u"]);
    assert_eq!(net.got(peer), ["UNSUBACK 1 [0, 17]"]);
}

#[test]
fn what_gets_too_long_or_too_deep_is_refused() {
    // [MQTT-4.7.3-3]
    let mut net = net();
    let (peer, old) = (mounted("a").on(&mut net), connect("old").v311().through(1).on(&mut net));
    let (fits, long) = ("x".repeat(65_533), "x".repeat(65_534));
    let (shallow, deep) = ("/".repeat(199), "/".repeat(200));
    for (good, bad) in [(&fits, &long), (&shallow, &deep)] {
        net.publish(peer, good, "x", 1, 1);
        net.publish(peer, bad, "x", 1, 2);
        net.publish(peer, bad, "x", 2, 3);
        net.publish(peer, bad, "x", 0, 0);
        net.publish_retained(peer, bad, "x", 0, 0);
        net.pubrel(peer, 3);
        let acks = ["PUBACK 1 rc=0x10", "PUBACK 2 rc=0x90", "PUBREC 3 rc=0x90", "PUBCOMP 3"];
        assert_eq!(net.got(peer), acks);
        net.publish(old, bad, "x", 1, 2);
        assert_eq!(net.got(old), ["PUBACK 2"]);
        for (peer, refused) in [(peer, 0x8f), (old, 0x80)] {
            for (filter, code) in [(good, 1), (bad, refused)] {
                net.subscribe_with(peer, 5, filter, SubscriptionOptions::qos(QoS::AtLeastOnce), &[]);
                assert_eq!(net.got(peer), [format!("SUBACK 5 [{code}]")]);
            }
        }
        net.unsubscribe(peer, 6, &[bad]);
        net.unsubscribe(peer, 7, &[good]);
        assert_eq!(net.got(peer), ["UNSUBACK 6 [17]", "UNSUBACK 7 [0]"]);
        mounted("will").will(good, "x", 0, false).on(&mut net);
        assert_eq!(mounted("will").will(bad, "x", 0, false).refused(&mut net), ["CONNACK present=0 rc=144"]);
        assert_eq!(mounted("will").v311().will(bad, "x", 0, false).refused(&mut net), ["CONNACK present=0 rc=5"]);
    }
    assert_eq!(net.shared.retained_count(), 0);
}

#[test]
fn a_wildcard_cannot_follow_a_mount_point_that_ends_within_a_level() {
    let mut net = net();
    let whole = observer(&mut net);
    let peer = connect("a").through(2).on(&mut net);
    net.subscribe_with(peer, 1, "#", SubscriptionOptions::default(), &[]);
    net.subscribe_with(peer, 2, "t/#", SubscriptionOptions::default(), &[]);
    assert_eq!(net.got(peer), ["SUBACK 1 [143]", "SUBACK 2 [0]"]);
    let old = connect("b").v31().through(2).on(&mut net);
    net.subscribe_with(old, 1, "#", SubscriptionOptions::qos(QoS::AtLeastOnce), &[]);
    assert_eq!(net.got(old), ["SUBACK 1 [1]"], "MQTT 3.1 has no word for it");
    net.publish(peer, "t/u", "x", 0, 0);
    assert_eq!(
        (net.got(peer), net.got(whole)),
        (vec![r#"PUBLISH q0 t/u "x""#.into()], vec![r#"PUBLISH q0 nt/u "x""#.into()])
    );
    assert!(net.got(old).is_empty());
}
