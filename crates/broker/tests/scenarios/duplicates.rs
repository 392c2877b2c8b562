//! `allow_duplicate_messages`: how often a message comes to a client of which several subscriptions match.

use crate::harness::{Net, Options, Peer, connect};
use mosquitto_broker::Settings;
use mosquitto_mqtt::QoS;
use mosquitto_mqtt::packet::SubscriptionOptions;

fn net(allow_duplicate_messages: bool) -> Net {
    Net::with(3, Settings { allow_duplicate_messages, ..Settings::default() })
}

/// The publisher's home is shard 0; subscribers live on this one.
const SHARDS: [usize; 2] = [0, 1];

fn publisher(net: &mut Net) -> Peer {
    let id = net.id_at_home_on("pub", 0);
    connect(&id).on(net)
}

/// Subscribes to three filters that match `t/u`, the middle one at the highest QoS.
fn subscribe(net: &mut Net, peer: Peer) {
    for (filter, qos) in [("t/u", 0), ("t/+", 2), ("#", 1)] {
        net.subscribe(peer, filter, qos);
    }
}

#[test]
fn without_duplicates_one_copy_comes_at_the_highest_qos() {
    // [3.1.1 MQTT-3.3.5-1]
    for shard in SHARDS {
        for version in [Options::v31, Options::v311] {
            let mut net = net(false);
            let id = net.id_at_home_on("sub", shard);
            let (publisher, peer) = (publisher(&mut net), version(connect(&id)).on(&mut net));
            subscribe(&mut net, peer);
            net.publish(publisher, "t/u", "x", 2, 1);
            net.pubrel(publisher, 1);
            assert_eq!(net.got(peer), [r#"PUBLISH q2 id=1 t/u "x""#]);
            net.publish(publisher, "t/u", "y", 1, 1);
            net.publish(publisher, "t", "z", 1, 1);
            assert_eq!(net.got(peer), [r#"PUBLISH q1 id=2 t/u "y""#, r#"PUBLISH q1 id=3 t "z""#]);
        }
    }
}

#[test]
fn with_duplicates_each_subscription_gets_its_own_copy() {
    for shard in SHARDS {
        let mut net = net(true);
        let id = net.id_at_home_on("sub", shard);
        let (publisher, peer) = (publisher(&mut net), connect(&id).v311().on(&mut net));
        subscribe(&mut net, peer);
        net.publish(publisher, "t/u", "x", 2, 1);
        net.pubrel(publisher, 1);
        let mut got = net.got(peer);
        got.sort();
        assert_eq!(got, [r#"PUBLISH q0 t/u "x""#, r#"PUBLISH q1 id=2 t/u "x""#, r#"PUBLISH q2 id=1 t/u "x""#]);
    }
}

#[test]
fn mqtt_5_always_gets_a_copy_for_each() {
    for shard in SHARDS {
        let mut net = net(false);
        let id = net.id_at_home_on("sub", shard);
        let (publisher, peer) = (publisher(&mut net), connect(&id).on(&mut net));
        subscribe(&mut net, peer);
        net.publish(publisher, "t/u", "x", 1, 1);
        assert_eq!(net.got(peer).len(), 3);
    }
}

#[test]
fn the_version_that_the_client_speaks_now_decides() {
    let mut net = net(false);
    let (publisher, peer) = (publisher(&mut net), connect("sub").keep_session(100).on(&mut net));
    subscribe(&mut net, peer);
    let peer = connect("sub").v311().resume().on(&mut net);
    net.publish(publisher, "t/u", "x", 0, 0);
    assert_eq!(net.got(peer).len(), 1);
    net.cut(peer);
    net.publish(publisher, "t/u", "y", 1, 1);
    let peer = connect("sub").keep_session(100).on(&mut net);
    net.publish(publisher, "t/u", "z", 0, 0);
    let payloads: Vec<String> =
        net.got(peer).iter().filter_map(|line| line.split('"').nth(1).map(str::to_owned)).collect();
    assert_eq!(payloads, ["y", "z", "z", "z"], "and where the client is away, the last one it spoke");
}

#[test]
fn retained_messages_come_once_for_each_subscription_all_the_same() {
    let mut net = net(false);
    let (publisher, peer) = (publisher(&mut net), connect("sub").v311().on(&mut net));
    net.publish_retained(publisher, "t/u", "x", 1, 1);
    for filter in ["t/u", "t/+", "#"] {
        net.subscribe(peer, filter, 0);
        assert_eq!(net.got(peer), [r#"PUBLISH q0 retain t/u "x""#], "{filter}");
    }
}

#[test]
fn a_share_of_a_group_is_no_duplicate() {
    let mut net = net(false);
    let (publisher, peer) = (publisher(&mut net), connect("sub").v311().on(&mut net));
    for filter in ["t", "$share/g/t", "$share/h/t"] {
        net.subscribe(peer, filter, 0);
    }
    net.publish(publisher, "t", "x", 0, 0);
    assert_eq!(net.got(peer).len(), 3);
}

#[test]
fn a_bridge_whose_own_messages_do_not_come_back_gets_one_copy_of_others() {
    let mut net = net(false);
    let (publisher, bridge) = (publisher(&mut net), connect("bridge").v311().bridge().on(&mut net));
    subscribe(&mut net, bridge);
    net.publish(bridge, "t/u", "x", 0, 0);
    assert!(net.got(bridge).is_empty());
    net.publish(publisher, "t/u", "x", 0, 0);
    assert_eq!(net.got(bridge).len(), 1);
}

#[test]
fn a_subscription_to_what_others_publish_brings_no_copy_beside_one_that_is_as_good() {
    // [3.1.1 MQTT-3.3.5-1]
    for filters in [["t/u", "t/+", "#"], ["t/+", "#", "t/u"], ["#", "t/u", "t/+"]] {
        let mut net = net(false);
        let (publisher, peer) = (publisher(&mut net), connect("sub").keep_session(100).on(&mut net));
        for (filter, (qos, no_local)) in filters.into_iter().zip([(1, true), (0, false), (1, false)]) {
            let qos = QoS::from_bits(qos).unwrap();
            net.subscribe_options(peer, filter, SubscriptionOptions { qos, no_local, ..Default::default() }, 0);
        }
        let peer = connect("sub").v311().resume().on(&mut net);
        net.publish(publisher, "t/u", "x", 1, 1);
        net.publish(peer, "t/u", "y", 1, 1);
        let got = net.got(peer);
        let got: Vec<_> = got.iter().filter(|line| line.starts_with("PUBLISH")).collect();
        assert_eq!(got, [r#"PUBLISH q1 id=1 t/u "x""#, r#"PUBLISH q1 id=2 t/u "y""#], "{filters:?}");
    }
}

#[test]
fn whatever_subscription_is_taken_back_while_the_message_is_under_way_one_copy_comes_by_another() {
    // [MQTT-3.10.4-2], and nothing is lost
    for (gone, qos) in [("t/u", 2), ("t/+", 1), ("#", 2)] {
        let mut net = net(false);
        let id = net.id_at_home_on("sub", 1);
        let (publisher, peer) = (publisher(&mut net), connect(&id).v311().on(&mut net));
        subscribe(&mut net, peer);
        net.hold_mail = true;
        net.publish(publisher, "t/u", "x", 2, 1);
        net.pubrel(publisher, 1);
        net.unsubscribe(peer, 9, &[gone]);
        net.deliver_mail();
        assert_eq!(net.got(peer), ["UNSUBACK 9 []".to_owned(), format!(r#"PUBLISH q{qos} id=1 t/u "x""#)], "{gone}");
    }
}
