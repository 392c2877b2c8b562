//! What is written down about messages on their way to sessions that outlive the broker.

use crate::harness::{Net, Peer, connect};
use mosquitto_broker::{ListenerSettings, Persistence, Settings};
use mosquitto_mqtt::packet::SubscriptionOptions;
use mosquitto_mqtt::{Property, QoS};

fn synced() -> Settings {
    Settings { persistence: Persistence::Synced, ..Settings::default() }
}

/// A publisher, and a client `c` that subscribes to `t` at this QoS, whose session outlives the broker.
fn pair(net: &mut Net, qos: u8) -> (Peer, Peer) {
    let (publisher, peer) = (connect("p").on(net), connect("c").keep_session(1000).on(net));
    net.subscribe(peer, "t", qos);
    net.disk.news();
    (publisher, peer)
}

#[test]
fn a_delivery_is_followed_to_its_end() {
    let mut net = Net::with(1, synced());
    let (publisher, peer) = pair(&mut net, 2);
    net.publish(publisher, "t", "x", 1, 1);
    assert_eq!(net.disk.news(), [r#"Published 1 q1 t "x" [c q1]"#, "Launched 1 id=1 c q1"]);
    net.puback(peer, 1);
    net.puback(peer, 1);
    assert_eq!(net.disk.news(), ["Finished 1 id=1 c"]);
    net.publish(publisher, "t", "x", 2, 1);
    assert_eq!(net.disk.news(), [""; 0], "it is not released yet, and its publisher's session is not kept");
    net.pubrel(publisher, 1);
    assert_eq!(net.disk.news(), [r#"Published 2 q2 t "x" [c q2]"#, "Launched 2 id=2 c q2"]);
    net.pubrec(peer, 2);
    net.pubrec(peer, 2);
    assert_eq!(net.disk.news(), ["HandedOver 2 id=2 c"]);
    net.pubcomp(peer, 2);
    assert_eq!(net.disk.news(), ["Finished 2 id=2 c"]);
    net.publish(publisher, "t", "x", 0, 0);
    net.publish(publisher, "other", "x", 2, 1);
    net.pubrel(publisher, 1);
    assert_eq!(net.disk.news(), [""; 0]);
}

#[test]
fn a_refused_qos_2_message_is_at_its_end() {
    let mut net = Net::with(1, synced());
    let (publisher, peer) = pair(&mut net, 2);
    net.publish(publisher, "t", "x", 2, 1);
    net.pubrel(publisher, 1);
    net.disk.news();
    net.ack(peer, mosquitto_mqtt::PacketType::PubRec, 1, 0x83);
    assert_eq!(net.disk.news(), ["Finished 1 id=1 c"]);
}

#[test]
fn what_waits_is_in_the_queue_until_it_is_in_flight() {
    let mut net = Net::with(1, Settings { max_queued_messages: 1, ..synced() });
    let (publisher, peer) = pair(&mut net, 1);
    net.cut(peer);
    net.disk.news();
    net.publish(publisher, "t", "x", 1, 1);
    net.publish(publisher, "t", "y", 1, 2);
    let expected = [r#"Published 1 q1 t "x" [c q1]"#, r#"Published 2 q1 t "y" [c q1]"#, "Dropped 2 c q1"];
    assert_eq!(net.disk.news(), expected);
    let peer = connect("c").keep_session(1000).on(&mut net);
    assert_eq!(net.disk.news(), ["Connected c 1000", "Launched 1 id=1 c q1"]);
    net.cut(peer);
    connect("c").keep_session(1000).on(&mut net);
    assert_eq!(net.disk.news(), ["Left c 1000", "Connected c 1000"], "it is in flight already");
}

#[test]
fn targets_are_those_who_get_it_with_all_that_their_subscriptions_say() {
    let mut net = Net::with(1, synced());
    let publisher = connect("p").keep_session(1000).on(&mut net);
    let [a, b] = ["a", "b"].map(|id| connect(id).keep_session(1000).on(&mut net));
    let passing = connect("passing").on(&mut net);
    net.subscribe(passing, "#", 2);
    let no_local = SubscriptionOptions { qos: QoS::ExactlyOnce, no_local: true, ..Default::default() };
    [publisher, b].into_iter().for_each(|peer| net.subscribe_options(peer, "t", no_local, 0));
    let retain = SubscriptionOptions { qos: QoS::AtLeastOnce, retain_as_published: true, ..Default::default() };
    net.subscribe_options(a, "t", retain, 7);
    net.subscribe_options(a, "+", SubscriptionOptions::qos(QoS::AtMostOnce), 0);
    net.subscribe_options(a, "#", SubscriptionOptions::qos(QoS::ExactlyOnce), 8);
    net.disk.news();
    net.publish_retained(publisher, "t", "x", 1, 1);
    let news = net.disk.news();
    assert_eq!(news[0], r#"Published 1 q1 retain t "x" [b q1, a q1 retain 7, a q1 8]"#);
    assert_eq!(news[1..4], ["Launched 1 id=1 b q1", "Launched 1 id=1 a q1 retain 7", "Launched 1 id=2 a q1 8"]);
    assert_eq!(news[4..], ["Retained 1 #1"]);
}

#[test]
fn the_member_of_a_group_whose_turn_it_is_is_the_target() {
    let mut net = Net::with(1, synced());
    let publisher = connect("p").on(&mut net);
    for id in ["a", "b"] {
        let peer = connect(id).keep_session(1000).on(&mut net);
        net.subscribe(peer, "$share/g/t", 1);
    }
    let passing = connect("c").on(&mut net);
    net.subscribe(passing, "$share/g/t", 1);
    net.disk.news();
    (1..=4).for_each(|id| net.publish(publisher, "t", "x", 1, id));
    let published: Vec<_> = net.disk.news().into_iter().filter(|line| line.starts_with("Published")).collect();
    let of = |number: u64, id: &str| format!(r#"Published {number} q1 t "x" [{id} q1]"#);
    // The third has nobody to be kept for, but had a number looked for in vain.
    assert_eq!(published.len(), 3);
    assert_eq!(published[..2], [of(1, "a"), of(2, "b")]);
    assert!(published[2].ends_with("[a q1]"), "{published:?}");
}

#[test]
fn a_message_is_upgraded_where_it_is_delivered_so() {
    let mut net = Net::with(1, Settings { upgrade_outgoing_qos: true, ..synced() });
    let (publisher, _) = pair(&mut net, 2);
    net.publish(publisher, "t", "x", 0, 0);
    assert_eq!(net.disk.news(), [r#"Published 1 q0 t "x" [c q2]"#, "Launched 1 id=1 c q2"]);
}

#[test]
fn the_home_says_what_it_made_of_a_target() {
    // A session whose client has come back through a listener that allows less.
    let listeners = [QoS::ExactlyOnce, QoS::AtLeastOnce, QoS::AtMostOnce]
        .map(|max_qos| ListenerSettings { max_qos, ..ListenerSettings::default() });
    let mut net = Net::with(1, Settings { listeners: listeners.into(), ..synced() });
    let (publisher, _) = pair(&mut net, 2);
    connect("c").keep_session(1000).through(1).on(&mut net);
    net.disk.news();
    net.publish(publisher, "t", "x", 2, 1);
    net.pubrel(publisher, 1);
    assert_eq!(net.disk.news(), [r#"Published 1 q2 t "x" [c q2]"#, "Launched 1 id=1 c q1"]);
    let peer = connect("c").keep_session(1000).through(2).on(&mut net);
    net.disk.news();
    net.publish(publisher, "t", "y", 1, 1);
    assert_eq!(net.disk.news(), [r#"Published 2 q1 t "y" [c q1]"#, "Dropped 2 c q1"]);
    assert!(net.got(peer).contains(&r#"PUBLISH q0 t "y""#.to_owned()));
}

#[test]
fn what_is_not_worth_sending_or_too_large_is_dropped() {
    let mut net = Net::with(1, synced());
    let publisher = connect("p").on(&mut net);
    let peer = connect("c").keep_session(1000).with(Property::MaximumPacketSize(100)).on(&mut net);
    net.subscribe(peer, "t", 1);
    net.disk.news();
    net.publish(publisher, "t", &"x".repeat(200), 1, 1);
    assert_eq!(net.disk.news()[1..], ["Dropped 1 c q1"]);
    net.cut(peer);
    net.publish_with(publisher, "t", b"x", 1, 1, &[Property::MessageExpiryInterval(5)]);
    net.leap(6);
    net.disk.news();
    connect("c").keep_session(1000).on(&mut net);
    assert_eq!(net.disk.news(), ["Connected c 1000", "Dropped 2 c q1"]);
    // In flight, and not to be sent again.
    net.publish_with(publisher, "t", b"x", 1, 1, &[Property::MessageExpiryInterval(5)]);
    net.leap(6);
    net.disk.news();
    connect("c").keep_session(1000).on(&mut net);
    assert_eq!(net.disk.news()[2..], ["Finished 3 id=2 c"]);
}

#[test]
fn one_copy_of_several_is_enough_for_a_client_that_gets_no_duplicates() {
    let mut net = Net::with(2, Settings { allow_duplicate_messages: false, ..synced() });
    let publisher = connect(&net.id_at_home_on("p", 0)).on(&mut net);
    let id = net.id_at_home_on("c", 1);
    let peer = connect(&id).v311().resume().on(&mut net);
    net.subscribe(peer, "t", 1);
    net.subscribe(peer, "#", 2);
    net.disk.news();
    net.publish(publisher, "t", "x", 2, 1);
    net.pubrel(publisher, 1);
    let expected = [
        format!(r#"Published 1 q2 t "x" [{id} q1, {id} q2]"#),
        format!("Dropped 1 {id} q1"),
        format!("Launched 1 id=1 {id} q2"),
    ];
    assert_eq!(net.disk.news(), expected);
}

#[test]
fn frames_stand_before_what_follows_from_them_on_other_shards() {
    let mut net = Net::with(3, synced());
    let publisher = connect(&net.id_at_home_on("p", 0)).on(&mut net);
    let ids = [1, 2].map(|shard| net.id_at_home_on("c", shard));
    let peers = ids.clone().map(|id| connect(&id).keep_session(1000).on(&mut net));
    peers.iter().for_each(|peer| net.subscribe(*peer, "t", 1));
    net.disk.news();
    net.hold_mail = true;
    net.publish(publisher, "t", "x", 1, 1);
    let [a, b] = &ids;
    assert_eq!(net.disk.news(), [format!(r#"Published 1 q1 t "x" [{a} q1, {b} q1]"#)]);
    assert_eq!(net.got(publisher), ["PUBACK 1"], "its place in the queues is safe");
    // One ends its subscription and the other its session while the message is under way.
    net.unsubscribe(peers[0], 2, &["t"]);
    net.disconnect_with(peers[1], 0, &[Property::SessionExpiryInterval(0)]);
    net.disk.news();
    net.deliver_mail();
    assert_eq!(net.disk.news(), [format!("Dropped 1 {a} q1")]);
}

#[test]
fn numbers_are_never_given_twice_and_may_begin_anywhere() {
    let mut net = Net::with(3, synced());
    let ids = [0, 1, 2].map(|shard| net.id_at_home_on("p", shard));
    let peers = ids.map(|id| connect(&id).on(&mut net));
    let away = connect("away").keep_session(1000).on(&mut net);
    net.subscribe(away, "#", 1);
    let mut numbers = Vec::new();
    for base in [None, Some(1000)] {
        base.into_iter().for_each(|base| net.shards.iter_mut().for_each(|shard| shard.number_messages_above(base)));
        net.disk.news();
        for peer in peers.iter().cycle().take(9) {
            net.publish(*peer, "t", "x", 1, 1);
        }
        let news = net.disk.news();
        let published = news.iter().filter_map(|line| line.strip_prefix("Published ")?.split(' ').next());
        numbers.extend(published.map(|number| number.parse::<u64>().unwrap()));
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=9).chain(1001..=1009).collect::<Vec<_>>());
}

#[test]
fn queued_messages_of_qos_0_are_not_written() {
    let mut net = Net::with(1, Settings { queue_qos0_messages: true, ..synced() });
    let (publisher, peer) = pair(&mut net, 2);
    net.cut(peer);
    net.disk.news();
    net.publish(publisher, "t", "x", 0, 0);
    assert_eq!(net.disk.news(), [""; 0]);
    let peer = connect("c").keep_session(1000).on(&mut net);
    assert_eq!(net.got(peer), [r#"PUBLISH q0 t "x""#]);
}

#[test]
fn a_will_is_kept_for_those_who_get_it_before_its_session_ends() {
    let mut net = Net::with(1, synced());
    let (_, _) = pair(&mut net, 1);
    let dying = connect("dying").will("t", "gone", 1, false).on(&mut net);
    net.cut(dying);
    assert_eq!(net.disk.news(), [r#"Published 1 q1 t "gone" [c q1]"#, "Launched 1 id=1 c q1"]);
}
