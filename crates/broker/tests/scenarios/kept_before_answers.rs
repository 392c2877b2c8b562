//! What is acknowledged is on the disk, and so is what must not be forgotten once it was sent.

use crate::harness::{Net, Peer, connect};
use mosquitto_broker::{DropReason, Persistence, Settings};
use mosquitto_mqtt::packet::SubscriptionOptions;
use mosquitto_mqtt::{PacketType, Property, QoS};

fn synced() -> Settings {
    Settings { persistence: Persistence::Synced, ..Settings::default() }
}

/// A broker of one shard with a session that outlives it, of a client that is away and subscribes to all at QoS 2.
fn net_with_one_away() -> Net {
    let mut net = Net::with(1, synced());
    let away = connect("away").keep_session(1000).on(&mut net);
    net.subscribe(away, "kept/#", 2);
    net.cut(away);
    net
}

fn hold(net: &mut Net) {
    net.disk.hold = true;
}

/// What came once the next frame of the only shard is safe, having waited for it.
fn after_next_frame(net: &mut Net, peer: Peer) -> Vec<String> {
    assert_eq!(net.got(peer), [""; 0]);
    let frames = net.frames_of(0);
    net.make_safe(0, frames - 1);
    assert_eq!(net.got(peer), [""; 0], "the frame before is not enough");
    net.make_safe(0, frames);
    net.got(peer)
}

#[test]
fn a_message_for_a_session_that_outlives_the_broker_is_acknowledged_when_it_is_safe() {
    // [MQTT-4.3.2-4]
    let mut net = net_with_one_away();
    let publisher = connect("p").on(&mut net);
    hold(&mut net);
    net.publish(publisher, "kept/a", "x", 1, 1);
    assert_eq!(after_next_frame(&mut net, publisher), ["PUBACK 1"]);
}

#[test]
fn what_need_not_be_kept_never_waits() {
    let mut net = net_with_one_away();
    let (publisher, subscriber) = (connect("p").on(&mut net), connect("s").on(&mut net));
    hold(&mut net);
    net.subscribe(subscriber, "#", 2);
    net.publish(publisher, "other", "x", 1, 1);
    net.publish(publisher, "other", "y", 2, 2);
    net.pubrel(publisher, 2);
    net.ping(publisher);
    assert_eq!(net.got(publisher), ["PUBACK 1", "PUBREC 2", "PUBCOMP 2", "PINGRESP"]);
    assert_eq!(net.got(subscriber), [r#"PUBLISH q1 id=1 other "x""#, r#"PUBLISH q2 id=2 other "y""#]);
    net.pubrec(subscriber, 2);
    net.unsubscribe(subscriber, 1, &["#"]);
    assert_eq!(net.got(subscriber), ["PUBREL 2", "UNSUBACK 1 [0]"]);
    // Nor does what goes to both, where the one who gets it does not outlive the broker.
    net.subscribe(subscriber, "kept/#", 2);
    net.publish(publisher, "kept/a", "z", 2, 3);
    assert_eq!(net.got(publisher), ["PUBREC 3"]);
    net.pubrel(publisher, 3);
    assert_eq!(net.got(subscriber), [r#"PUBLISH q2 id=3 kept/a "z""#]);
    assert_eq!(after_next_frame(&mut net, publisher), ["PUBCOMP 3"]);
    let late = connect("late").on(&mut net);
    net.disconnect(late);
}

#[test]
fn what_stands_behind_an_answer_that_waits_waits_with_it_and_what_stands_before_does_not() {
    // [MQTT-4.6.0-2]
    let mut net = net_with_one_away();
    let publisher = connect("p").on(&mut net);
    net.set_reading(publisher, false);
    net.ping(publisher);
    hold(&mut net);
    net.publish(publisher, "kept/a", "x", 1, 1);
    net.ping(publisher);
    net.publish(publisher, "kept/b", "x", 1, 2);
    net.publish(publisher, "other", "x", 1, 3);
    assert_eq!(net.frames_of(0), 3 + 2);
    net.set_reading(publisher, true);
    assert_eq!(net.got(publisher), ["PINGRESP"]);
    assert_eq!((net.output_len(publisher), net.shards[0].statistics().bytes_waiting), (0, 4 + 2 + 4 + 5));
    net.make_safe(0, 3);
    assert_eq!(net.got(publisher), [""; 0]);
    net.make_safe(0, 4);
    assert_eq!(net.got(publisher), ["PUBACK 1", "PINGRESP"]);
    net.make_safe(0, 5);
    assert_eq!(net.got(publisher), ["PUBACK 2", "PUBACK 3 rc=0x10"]);
    assert_eq!(net.shards[0].statistics().bytes_waiting, 0);
}

#[test]
fn a_session_that_outlives_the_broker_begins_and_changes_only_when_that_is_safe() {
    let mut net = Net::with(1, synced());
    hold(&mut net);
    let (peer, got) = connect("c").keep_session(1000).attempt(&mut net);
    assert_eq!(got, [""; 0]);
    assert!(after_next_frame(&mut net, peer)[0].starts_with("CONNACK present=0 rc=0"));
    net.subscribe_with(peer, 1, "a", Default::default(), &[Property::SubscriptionIdentifier(7)]);
    assert_eq!(after_next_frame(&mut net, peer), ["SUBACK 1 [0]"]);
    net.unsubscribe(peer, 2, &["a"]);
    assert_eq!(after_next_frame(&mut net, peer), ["UNSUBACK 2 [0]"]);
    net.unsubscribe(peer, 3, &["a"]);
    assert_eq!(net.got(peer), ["UNSUBACK 3 [17]"], "nothing has changed");
    // A session that takes the place of one that outlived the broker cannot be there before that one is gone.
    let (peer, got) = connect("c").attempt(&mut net);
    assert_eq!(got, [""; 0]);
    assert!(after_next_frame(&mut net, peer)[0].starts_with("CONNACK present=0 rc=0"));
}

#[test]
fn a_qos_2_message_is_kept_before_pubrec_and_passed_on_before_pubcomp() {
    // [MQTT-4.3.3-8]
    let mut net = net_with_one_away();
    let publisher = connect("p").keep_session(1000).on(&mut net);
    hold(&mut net);
    net.publish(publisher, "other", "x", 2, 1);
    assert_eq!(after_next_frame(&mut net, publisher), ["PUBREC 1"]);
    net.pubrel(publisher, 1);
    assert_eq!(after_next_frame(&mut net, publisher), ["PUBCOMP 1"]);
    net.pubrel(publisher, 1);
    assert_eq!(net.got(publisher), ["PUBCOMP 1"]);
}

#[test]
fn an_acknowledgement_that_is_repeated_waits_like_the_first() {
    let mut net = net_with_one_away();
    let publisher = connect("p").keep_session(1000).on(&mut net);
    hold(&mut net);
    net.publish(publisher, "kept/a", "x", 2, 1);
    net.publish_again(publisher, "kept/a", "x", 2, 1);
    assert_eq!(net.got(publisher), [""; 0]);
    net.cut(publisher);
    let (publisher, got) = connect("p").keep_session(1000).attempt(&mut net);
    net.publish_again(publisher, "kept/a", "x", 2, 1);
    assert_eq!(got, [""; 0]);
    let got = after_next_frame(&mut net, publisher);
    assert!(got[0].starts_with("CONNACK present=1 rc=0"), "{got:?}");
    assert_eq!(got[1..], ["PUBREC 1"]);
}

#[test]
fn a_qos_2_message_goes_out_when_its_identifier_is_safe_and_pubrel_when_the_client_is_known_to_have_it() {
    // [MQTT-4.4.0-1]: else it could come once more under another identifier.
    let mut net = Net::with(1, synced());
    let (publisher, peer) = (connect("p").on(&mut net), connect("c").keep_session(1000).on(&mut net));
    net.subscribe(peer, "#", 2);
    hold(&mut net);
    net.publish(publisher, "t", "first", 1, 1);
    assert_eq!(net.got(peer), [r#"PUBLISH q1 id=1 t "first""#], "this may come twice");
    net.puback(peer, 1);
    net.publish(publisher, "t", "x", 2, 2);
    net.pubrel(publisher, 2);
    assert_eq!(after_next_frame(&mut net, peer), [r#"PUBLISH q2 id=2 t "x""#]);
    net.pubrec(peer, 2);
    assert_eq!(after_next_frame(&mut net, peer), ["PUBREL 2"]);
    net.pubrec(peer, 2);
    assert_eq!(net.got(peer), ["PUBREL 2"], "nothing has changed");
    net.ack(peer, PacketType::PubComp, 2, 0);
}

#[test]
fn what_is_retained_or_cleared_is_acknowledged_when_that_is_safe() {
    let mut net = Net::with(1, synced());
    let publisher = connect("p").on(&mut net);
    hold(&mut net);
    net.publish_retained(publisher, "t", "x", 1, 1);
    assert_eq!(after_next_frame(&mut net, publisher), ["PUBACK 1 rc=0x10"]);
    net.publish_retained(publisher, "t", "", 1, 2);
    assert_eq!(after_next_frame(&mut net, publisher), ["PUBACK 2 rc=0x10"]);
}

#[test]
fn nothing_waits_for_a_message_that_is_not_sent_after_all() {
    let mut net = Net::with(1, synced());
    let peer = connect("c").keep_session(1000).with(Property::MaximumPacketSize(100_000)).on(&mut net);
    net.publish_retained(peer, "first", &"x".repeat(90_000), 0, 0);
    net.publish_retained(peer, "second", &"x".repeat(150_000), 2, 1);
    net.pubrel(peer, 1);
    net.got(peer);
    // The second one has no room before the first is sent, and then nothing else happens.
    net.set_reading(peer, false);
    net.subscribe_with(peer, 1, "#", SubscriptionOptions::qos(QoS::ExactlyOnce), &[]);
    net.set_reading(peer, true);
    assert_eq!((net.got(peer).len(), net.dropped(DropReason::TooLarge)), (2, 1));
    net.ping(peer);
    assert_eq!(net.got(peer), ["PINGRESP"]);
}

#[test]
fn a_client_is_not_slow_for_what_waits_for_the_disk() {
    let mut net = Net::with(1, Settings { max_queued_messages: 2, ..synced() });
    let (publisher, peer) = (connect("p").on(&mut net), connect("c").keep_session(1000).on(&mut net));
    net.subscribe(peer, "#", 2);
    hold(&mut net);
    net.unsubscribe(peer, 1, &["x"]);
    net.publish(publisher, "t", "2", 2, 1);
    net.pubrel(publisher, 1);
    assert_eq!(net.got(peer), ["UNSUBACK 1 [17]"]);
    (0..10).for_each(|n| net.publish(publisher, "t", &n.to_string(), 0, 0));
    assert_eq!(after_next_frame(&mut net, peer).len(), 1 + 10);
}

#[test]
fn reading_stops_while_answers_pile_up_that_wait_for_the_disk() {
    let mut net = net_with_one_away();
    let publisher = connect("p").on(&mut net);
    hold(&mut net);
    net.publish(publisher, "kept/a", "x", 1, 1);
    let pings = [0xc0, 0].repeat(600_000);
    net.leave_bytes(publisher, &pings);
    net.run();
    let left = net.unread_by_broker(publisher);
    assert!((1_200_000 - (1 << 20)..1_200_000).contains(&left), "{left}");
    net.release_disk();
    assert_eq!((net.unread_by_broker(publisher), net.got(publisher).len()), (0, 600_001));
}

#[test]
fn a_gate_of_a_connection_that_is_gone_stands_before_no_other() {
    let mut net = net_with_one_away();
    let publisher = connect("p").on(&mut net);
    hold(&mut net);
    net.publish(publisher, "kept/a", "x", 1, 1);
    net.cut(publisher);
    let other = connect("other").on(&mut net);
    net.publish(other, "other", "x", 1, 1);
    assert_eq!(net.got(other), ["PUBACK 1 rc=0x10"]);
    net.publish(other, "kept/a", "x", 1, 2);
    let frames = net.frames_of(0);
    net.make_safe(0, frames - 1);
    assert_eq!(net.got(other), [""; 0]);
    net.make_safe(0, frames);
    assert_eq!(net.got(other), ["PUBACK 2"]);
}

#[test]
fn without_waiting_for_the_disk_nothing_waits_though_all_is_written() {
    let mut net = Net::with(1, Settings { persistence: Persistence::Unsynced, ..Settings::default() });
    hold(&mut net);
    let peer = connect("c").keep_session(1000).on(&mut net);
    net.subscribe(peer, "#", 2);
    net.publish(peer, "t", "x", 2, 1);
    net.pubrel(peer, 1);
    assert_eq!(net.got(peer), ["PUBREC 1", r#"PUBLISH q2 id=1 t "x""#, "PUBCOMP 1"]);
    assert_eq!(net.disk.news().len(), 6);
}

#[test]
fn with_persistence_off_nothing_is_written() {
    let mut net = Net::with(1, Settings::default());
    let peer = connect("c").keep_session(1000).on(&mut net);
    net.subscribe(peer, "#", 2);
    net.publish_retained(peer, "t", "x", 1, 1);
    assert_eq!((net.frames_of(0), net.got(peer).len()), (0, 2));
    assert!(!net.shards[0].session_reports(0, 10).0[0].is_durable);
}

#[test]
fn a_client_that_begins_anew_a_second_time_waits_until_the_end_of_its_session_is_safe() {
    // The first connection was told nothing, and the second one changes nothing: after a crash the session would be there.
    let mut net = net_with_one_away();
    hold(&mut net);
    let (first, told) = connect("away").attempt(&mut net);
    assert_eq!(told, [""; 0]);
    let end = net.frames_of(0);
    net.cut(first);
    let (second, told) = connect("away").attempt(&mut net);
    assert_eq!(told, [""; 0]);
    net.make_safe(0, end - 1);
    assert_eq!(net.got(second), [""; 0]);
    net.make_safe(0, end);
    assert!(net.got(second)[0].starts_with("CONNACK present=0 rc=0"));
}
