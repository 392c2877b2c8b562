//! What an absent client's session may still do once it has expired.

use crate::harness::{Net, connect};
use mosquitto_broker::DropReason;
use mosquitto_mqtt::Property;

#[test]
fn a_session_that_expired_gives_nothing_to_the_one_that_follows_it() {
    // [MQTT-3.1.2-4] [MQTT-3.2.2-3] [MQTT-4.1.0-2]
    let mut net = Net::new();
    let publisher = connect("pub").on(&mut net);
    let away = connect("away").keep_session(10).on(&mut net);
    net.subscribe(away, "t", 2);
    net.publish(publisher, "t", "in flight", 1, 1);
    net.publish(away, "t", "unreleased", 2, 7);
    net.cut(away);
    net.publish(publisher, "t", "queued", 1, 2);
    net.advance(11);
    let (back, got) = connect("away").keep_session(10).attempt(&mut net);
    assert_eq!((got.len(), got[0].starts_with("CONNACK present=0")), (1, true), "{got:?}");
    net.publish(publisher, "t", "later", 1, 3);
    net.pubrel(back, 7);
    assert_eq!(net.got(back), ["PUBCOMP 7"], "neither a subscription nor a message is left");
    assert_eq!(net.dropped(DropReason::SessionEnded), 2);
    net.subscribe(back, "t", 1);
    net.publish(publisher, "t", "x", 1, 4);
    assert_eq!(net.got(back), [r#"PUBLISH q1 id=1 t "x""#], "identifiers begin anew");
}

#[test]
fn a_message_that_expired_in_the_queue_of_an_absent_client_is_not_kept_for_it() {
    // [MQTT-3.3.2-5]
    let mut net = Net::new();
    let publisher = connect("pub").on(&mut net);
    let away = connect("away").keep_session(100).on(&mut net);
    net.subscribe(away, "t", 1);
    net.cut(away);
    net.publish_with(publisher, "t", b"short", 1, 1, &[Property::MessageExpiryInterval(5)]);
    net.publish_with(publisher, "t", b"long", 1, 2, &[Property::MessageExpiryInterval(50)]);
    net.advance(10);
    let (_, got) = connect("away").keep_session(100).attempt(&mut net);
    assert_eq!(got.len(), 2, "{got:?}");
    assert!(got[1].contains("\"long\"") && got[1].contains("message-expiry-interval=40"), "{got:?}");
}

#[test]
fn an_expired_member_of_a_group_takes_no_more_messages_with_it() {
    let mut net = Net::new();
    let publisher = connect("pub").on(&mut net);
    let [away, here] = ["away", "here"].map(|id| connect(id).keep_session(10).on(&mut net));
    [away, here].into_iter().for_each(|member| net.subscribe(member, "$share/g/t", 1));
    net.cut(away);
    net.advance(10);
    (1..=4).for_each(|id| net.publish(publisher, "t", "x", 1, id));
    assert_eq!(net.got(here).len(), 4);
}

#[test]
fn a_session_whose_interval_was_taken_back_in_disconnect_ends_at_once_with_all_it_had() {
    // MQTT 5, 3.14.2.2.2
    let mut net = Net::new();
    let (publisher, away) = (connect("pub").on(&mut net), connect("away").keep_session(u32::MAX).on(&mut net));
    net.subscribe(away, "t", 1);
    net.subscribe(away, "$share/g/t", 1);
    net.disconnect_with(away, 0, &[Property::SessionExpiryInterval(0)]);
    assert_eq!((net.session_count(), net.shared.subscription_count()), (1, 0));
    net.publish(publisher, "t", "x", 1, 1);
    assert_eq!(net.got(publisher), ["PUBACK 1 rc=0x10"]);
}

#[test]
fn retained_messages_under_way_end_with_the_session() {
    // Fewer are taken than there are, so that the rest waits for room when the client is lost.
    let mut net = Net::with(1, Default::default());
    let publisher = connect("pub").on(&mut net);
    (0..30).for_each(|n| net.publish_retained(publisher, &format!("r/{n}"), "x", 1, 1));
    let away = connect("away").keep_session(5).with(Property::ReceiveMaximum(2)).on(&mut net);
    net.subscribe(away, "r/#", 1);
    assert_eq!(net.got(away).len(), 2);
    net.cut(away);
    net.advance(5);
    assert_eq!((net.session_count(), net.connections_and_deadlines()), (1, (1, 0)));
    let (_, got) = connect("away").attempt(&mut net);
    assert_eq!(got.len(), 1);
}
