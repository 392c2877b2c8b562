//! Subscriptions that change while a message is on its way to them.

use crate::harness::{Net, Peer, connect};
use mosquitto_mqtt::packet::{Publish, Subscribe, Subscription, SubscriptionOptions};
use mosquitto_mqtt::{Properties, ProtocolVersion, QoS};

const V5: ProtocolVersion = ProtocolVersion::V5;

fn publish(payload: &str, out: &mut Vec<u8>) {
    let properties = Properties::EMPTY;
    let payload = payload.as_bytes();
    Publish { dup: false, qos: QoS::AtMostOnce, retain: false, topic: "t", packet_id: 0, properties, payload }
        .encode(V5, out);
}

fn subscribe(filter: &str, out: &mut Vec<u8>) {
    let list = [Subscription { filter, options: SubscriptionOptions::qos(QoS::AtMostOnce) }];
    Subscribe::write(1, Properties::EMPTY, list.into_iter(), V5, out);
}

/// The payloads of what a peer got.
fn payloads(net: &mut Net, peer: Peer) -> String {
    net.got(peer).iter().filter_map(|line| line.split('"').nth(1).map(str::to_owned)).collect()
}

#[test]
fn a_client_that_subscribes_and_publishes_in_one_piece_gets_exactly_what_comes_behind() {
    let mut net = Net::with(1, Default::default());
    let peer = connect("a").on(&mut net);
    let mut bytes = Vec::new();
    publish("1", &mut bytes);
    subscribe("t", &mut bytes);
    publish("2", &mut bytes);
    subscribe("+", &mut bytes);
    publish("3", &mut bytes);
    bytes.extend_from_slice(b"\xa2\x06\0\x01\0\0\x01t");
    publish("4", &mut bytes);
    bytes.extend_from_slice(b"\xa2\x06\0\x01\0\0\x01+");
    publish("5", &mut bytes);
    net.send_bytes(peer, &bytes);
    assert_eq!(payloads(&mut net, peer), "2334");
}

#[test]
fn a_message_reaches_the_others_where_some_of_its_receivers_leave_in_the_same_tick() {
    let mut net = Net::with(1, Default::default());
    let publisher = connect("pub").on(&mut net);
    let peers: Vec<Peer> = (0..20).map(|n| connect(&format!("s{n}")).on(&mut net)).collect();
    peers.iter().for_each(|&peer| net.subscribe(peer, "t", 1));
    for (at, &peer) in peers.iter().enumerate().step_by(2) {
        // What it left is found in the same tick as the message: a fault, a goodbye, or an end of the subscription.
        let last: &[u8] = [&b"\x36\0"[..], b"\xe0\0", b"\xa2\x06\0\x01\0\0\x01t"][at / 2 % 3];
        net.leave_bytes(peer, last);
    }
    net.publish(publisher, "t", "x", 1, 1);
    for &peer in peers.iter().skip(1).step_by(2) {
        assert_eq!(net.got(peer), [r#"PUBLISH q1 id=1 t "x""#]);
    }
    net.publish(publisher, "t", "y", 1, 2);
    for (at, &peer) in peers.iter().enumerate() {
        assert_eq!(payloads(&mut net, peer).contains('y'), at % 2 == 1, "{at}");
    }
}

#[test]
fn a_member_that_leaves_its_group_while_its_message_is_under_way_loses_nobody_elses() {
    let mut net = Net::new();
    let ids: Vec<String> = (0..3).map(|shard| net.id_at_home_on("m", shard)).collect();
    let members: Vec<Peer> = ids.iter().map(|id| connect(id).on(&mut net)).collect();
    let publisher = connect("pub").on(&mut net);
    for leaving in 0..3 {
        members.iter().for_each(|&member| net.subscribe(member, "$share/g/t", 0));
        net.hold_mail = true;
        net.publish(publisher, "t", "1", 0, 0);
        net.unsubscribe(members[leaving], 1, &["$share/g/t"]);
        net.publish(publisher, "t", "2", 0, 0);
        net.publish(publisher, "t", "3", 0, 0);
        net.deliver_mail();
        let left = payloads(&mut net, members[leaving]);
        let others: Vec<String> =
            (0..3).filter(|&at| at != leaving).map(|at| payloads(&mut net, members[at])).collect();
        let mut all: Vec<char> = others.concat().chars().chain(left.chars()).collect();
        all.sort_unstable();
        // The first one may have been meant for the one who left; nobody gets any of them twice.
        assert!(all == ['1', '2', '3'] || all == ['2', '3'], "{left} {others:?}");
        assert!(!left.contains(['2', '3']), "{left}");
    }
}

#[test]
fn a_subscription_that_another_client_makes_meanwhile_does_not_disturb_the_walk() {
    // Many filters of many shapes come and go between messages that all of them match.
    let mut net = Net::new();
    let (publisher, steady) = (connect("pub").on(&mut net), connect("steady").on(&mut net));
    net.subscribe(steady, "t/#", 0);
    let filters: [&str; 6] = ["t/#", "+/x", "t/+", "#", "t/x", "$share/g/t/x"];
    let restless = connect("restless").on(&mut net);
    net.hold_mail = true;
    for round in 0..60 {
        let filter = filters[round % 6];
        if round / 6 % 2 == 0 {
            net.subscribe_with(restless, 1, filter, SubscriptionOptions::default(), &[]);
        } else {
            net.unsubscribe(restless, 1, &[filter]);
        }
        net.publish(publisher, "t/x", &format!("{};", round), 0, 0);
        if round % 7 == 0 {
            net.deliver_mail();
            net.hold_mail = true;
        }
    }
    net.deliver_mail();
    let expected: String = (0..60).map(|n| format!("{n};")).collect();
    assert_eq!(payloads(&mut net, steady), expected);
}
