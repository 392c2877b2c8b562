//! Messages under way from shard to shard.

use crate::harness::{Net, Peer, connect};
use mosquitto_broker::{DropReason, Settings};
use mosquitto_mqtt::QoS;
use mosquitto_mqtt::packet::SubscriptionOptions;

/// A publisher on shard 0 and a client `sub` on shard 1 that keeps its session.
fn pair(net: &mut Net) -> (Peer, Peer, String) {
    let (publisher, id) = (net.id_at_home_on("pub", 0), net.id_at_home_on("sub", 1));
    (connect(&publisher).on(net), connect(&id).keep_session(100).on(net), id)
}

fn payloads(net: &mut Net, peer: Peer) -> Vec<String> {
    net.got(peer).iter().filter_map(|line| line.split('"').nth(1).map(str::to_owned)).collect()
}

#[test]
fn a_publishers_order_is_kept_from_shard_to_shard() {
    // [MQTT-4.6.0-6]
    let mut net = Net::new();
    let (publisher, subscriber, _) = pair(&mut net);
    net.subscribe(subscriber, "t/#", 0);
    net.subscribe(subscriber, "$share/g/s/+", 0);
    let topics = ["t/a", "t/b", "s/a", "t/a"];
    net.hold_mail = true;
    for n in 0..100 {
        net.publish(publisher, topics[n % 4], &n.to_string(), 0, 0);
        if n == 50 {
            net.deliver_mail();
            net.hold_mail = true;
        }
    }
    net.deliver_mail();
    assert_eq!(payloads(&mut net, subscriber), (0..100).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[test]
fn a_message_under_way_does_not_reach_a_subscription_that_was_taken_back() {
    // [MQTT-3.10.4-2]
    let mut net = Net::new();
    let (publisher, subscriber, _) = pair(&mut net);
    for filter in ["t", "$share/g/t"] {
        net.subscribe(subscriber, filter, 0);
        net.hold_mail = true;
        net.publish(publisher, "t", "x", 0, 0);
        net.unsubscribe(subscriber, 1, &[filter]);
        net.deliver_mail();
        assert_eq!(net.got(subscriber), ["UNSUBACK 1 [0]"]);
    }
}

#[test]
fn so_it_is_also_where_later_messages_travel_with_it() {
    let mut net = Net::new();
    let (publisher, subscriber, _) = pair(&mut net);
    net.subscribe(subscriber, "t", 0);
    net.subscribe(subscriber, "other", 0);
    net.hold_mail = true;
    // Four batches fill the mailbox; the rest is one batch.
    (0..4).for_each(|_| net.publish(publisher, "other", "filler", 0, 0));
    net.publish(publisher, "t", "x", 0, 0);
    net.unsubscribe(subscriber, 1, &["t"]);
    net.publish(publisher, "other", "last", 0, 0);
    net.deliver_mail();
    assert_eq!(payloads(&mut net, subscriber), ["filler", "filler", "filler", "filler", "last"]);
}

#[test]
fn the_clients_other_subscriptions_get_it_all_the_same() {
    let mut net = Net::new();
    let (publisher, subscriber, _) = pair(&mut net);
    for (filter, identifier) in [("t/x", 1), ("t/+", 2), ("t/#", 0), ("+/x", 0)] {
        net.subscribe_options(subscriber, filter, SubscriptionOptions::default(), identifier);
    }
    net.hold_mail = true;
    net.publish(publisher, "t/x", "x", 0, 0);
    net.unsubscribe(subscriber, 1, &["t/+", "t/#", "other"]);
    net.deliver_mail();
    let expected =
        ["UNSUBACK 1 [0, 0, 17]", r#"PUBLISH q0 t/x "x" {subscription-identifier=1}"#, r#"PUBLISH q0 t/x "x""#];
    assert_eq!(net.got(subscriber), expected);
}

#[test]
fn a_subscription_that_was_renewed_meanwhile_gets_it() {
    let mut net = Net::new();
    let (publisher, subscriber, _) = pair(&mut net);
    net.subscribe(subscriber, "t", 1);
    net.subscribe(subscriber, "other", 1);
    net.hold_mail = true;
    net.publish(publisher, "t", "x", 1, 1);
    net.subscribe_options(subscriber, "t", SubscriptionOptions::qos(QoS::ExactlyOnce), 5);
    net.unsubscribe(subscriber, 2, &["other"]);
    net.deliver_mail();
    assert_eq!(net.got(subscriber), ["UNSUBACK 2 [0]", r#"PUBLISH q1 id=1 t "x""#]);
}

#[test]
fn a_message_under_way_to_a_session_that_ended_is_dropped() {
    let mut net = Net::new();
    let (publisher, subscriber, id) = pair(&mut net);
    net.subscribe(subscriber, "t", 1);
    net.hold_mail = true;
    net.publish(publisher, "t", "x", 1, 1);
    let successor = connect(&id).on(&mut net);
    net.subscribe(successor, "t", 1);
    net.deliver_mail();
    assert!(net.got(successor).is_empty(), "the session is another one, though in the same place");
    assert_eq!(net.dropped(DropReason::SessionEnded), 1);
}

#[test]
fn a_message_under_way_waits_for_a_client_that_left_meanwhile() {
    let mut net = Net::new();
    let (publisher, subscriber, id) = pair(&mut net);
    net.subscribe(subscriber, "t", 1);
    net.hold_mail = true;
    net.publish(publisher, "t", "x", 1, 1);
    assert_eq!(net.got(publisher), ["PUBACK 1"]);
    net.cut(subscriber);
    net.deliver_mail();
    let subscriber = connect(&id).keep_session(100).on(&mut net);
    assert_eq!(net.got(subscriber), [r#"PUBLISH q1 id=1 t "x""#]);
}

#[test]
fn an_expiring_message_expires_also_under_way() {
    let mut net = Net::new();
    let (publisher, subscriber, _) = pair(&mut net);
    net.subscribe(subscriber, "t", 1);
    net.hold_mail = true;
    net.publish_with(publisher, "t", b"x", 1, 1, &[mosquitto_mqtt::Property::MessageExpiryInterval(5)]);
    net.advance(5);
    net.deliver_mail();
    assert!(net.got(subscriber).is_empty());
}

#[test]
fn a_full_mailbox_holds_back_the_publishers_that_fill_it() {
    let mut net = Net::with(3, Settings { max_queued_messages: 0, ..Settings::default() });
    let (publisher, subscriber, _) = pair(&mut net);
    net.subscribe(subscriber, "t", 0);
    let other = connect(&net.id_at_home_on("other", 2)).on(&mut net);
    net.subscribe(other, "elsewhere", 0);
    net.hold_mail = true;
    let payload = "x".repeat(500_000);
    for _ in 0..16 {
        net.publish(publisher, "t", &payload, 0, 0);
    }
    let waiting = net.unread_by_broker(publisher);
    assert!((1_000_000..4_000_000).contains(&waiting), "{waiting}");
    let bystander = connect(&net.id_at_home_on("by", 0)).on(&mut net);
    net.publish(bystander, "elsewhere", "x", 1, 1);
    net.publish(bystander, "nowhere", "x", 1, 2);
    assert_eq!(net.got(bystander), ["PUBACK 1", "PUBACK 2 rc=0x10"], "others are not held back");
    net.deliver_mail();
    assert_eq!(net.unread_by_broker(publisher), 0);
    assert_eq!(payloads(&mut net, subscriber).len(), 16);
}

#[test]
fn a_full_mailbox_holds_back_groups_and_releases_too() {
    let mut net = Net::with(3, Settings { max_queued_messages: 0, ..Settings::default() });
    let (publisher, subscriber, _) = pair(&mut net);
    net.subscribe(subscriber, "$share/g/t", 0);
    let releasing = connect(&net.id_at_home_on("rel", 0)).on(&mut net);
    net.publish(releasing, "t", "released", 2, 1);
    net.hold_mail = true;
    let payload = "x".repeat(500_000);
    for _ in 0..16 {
        net.publish(publisher, "t", &payload, 0, 0);
    }
    net.pubrel(releasing, 1);
    assert_eq!(net.got(releasing), ["PUBREC 1"]);
    net.deliver_mail();
    assert_eq!(net.got(releasing), ["PUBCOMP 1"]);
    let got = payloads(&mut net, subscriber);
    assert_eq!((got.len(), got.iter().filter(|text| *text == "released").count()), (17, 1));
}

#[test]
fn many_targets_fill_a_mailbox_as_well_as_many_bytes() {
    // Each of many topics names the same thousand subscribers anew.
    let mut net = Net::with(2, Settings { max_queued_messages: 0, ..Settings::default() });
    let publisher = connect(&net.id_at_home_on("pub", 0)).v311().on(&mut net);
    let (mut subscribers, mut n) = (Vec::new(), 0);
    while subscribers.len() < 1000 {
        let id = format!("s{n}");
        n += 1;
        if net.home_of(&id) == 1 {
            let bytes = [connect(&id).v311().bytes(), b"\x82\x06\0\x01\0\x01#\0".to_vec()].concat();
            subscribers.push(bytes);
        }
    }
    for bytes in subscribers {
        net.shards[1].begin(mosquitto_broker::Moment(1_000_000));
        let id = net.shards[1].open("peer", 0);
        net.shards[1].received(id, &bytes);
        net.shards[1].end();
    }
    net.hold_mail = true;
    let publishes: Vec<u8> =
        (0..2000).flat_map(|n| [b"\x30\x06\0\x04", format!("{n:04}").as_bytes()].concat()).collect();
    net.send_bytes(publisher, &publishes);
    assert!(net.unread_by_broker(publisher) > 0);
}

#[test]
fn a_subscription_that_is_changed_while_mail_is_under_way_loses_nothing() {
    // [MQTT-3.8.4-3] Found by the simulator: another filter is taken back at the same time.
    let mut net = Net::new();
    let (near, far) = (net.id_at_home_on("p", 0), net.id_at_home_on("s", 1));
    let (publisher, peer) = (connect(&near).on(&mut net), connect(&far).on(&mut net));
    net.subscribe(peer, "b", 1);
    net.subscribe(peer, "+/#", 2);
    net.subscribe(peer, "c", 0);
    net.hold_mail = true;
    net.publish(publisher, "b", "x", 1, 1);
    net.subscribe(peer, "b", 2);
    net.unsubscribe(peer, 9, &["c"]);
    net.got(peer);
    net.deliver_mail();
    assert_eq!(net.got(peer), [r#"PUBLISH q1 id=1 b "x""#, r#"PUBLISH q1 id=2 b "x""#]);
}

#[test]
fn a_member_that_left_its_group_does_not_get_its_share_through_a_subscription_of_its_own() {
    // [MQTT-3.10.4-2]
    let mut net = Net::new();
    let (publisher, subscriber, _) = pair(&mut net);
    net.subscribe(subscriber, "t", 0);
    net.subscribe(subscriber, "$share/g/t", 0);
    net.hold_mail = true;
    net.publish(publisher, "t", "x", 0, 0);
    net.unsubscribe(subscriber, 1, &["$share/g/t"]);
    net.deliver_mail();
    assert_eq!(payloads(&mut net, subscriber), ["x"]);
}

#[test]
fn a_member_gets_its_share_though_its_own_subscription_was_taken_back() {
    // [MQTT-3.10.4-2]: of that one no more.
    let mut net = Net::new();
    let (publisher, subscriber, _) = pair(&mut net);
    net.subscribe(subscriber, "t", 0);
    net.subscribe(subscriber, "$share/g/t", 1);
    net.hold_mail = true;
    net.publish(publisher, "t", "x", 1, 1);
    net.unsubscribe(subscriber, 1, &["t"]);
    net.deliver_mail();
    assert_eq!(net.got(subscriber), ["UNSUBACK 1 [0]", r#"PUBLISH q1 id=1 t "x""#]);
}
