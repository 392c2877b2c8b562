//! What the broker itself publishes, and settings that change while it runs.

use crate::harness::{Net, connect};
use mosquitto_broker::{Publication, Settings};
use mosquitto_mqtt::QoS;
use std::sync::Arc;

fn publication(retain: bool) -> Publication {
    Publication {
        topic: "$SYS/broker/version".into(),
        payload: b"x"[..].into(),
        qos: QoS::ExactlyOnce,
        retain,
        expiry_s: None,
    }
}

fn publish(net: &mut Net, publication: &Publication) -> bool {
    let now = net.now;
    let shard = &mut net.shards[0];
    shard.begin(now);
    let taken = shard.publish_own(publication);
    shard.end();
    net.run();
    taken
}

#[test]
fn a_message_of_the_broker_reaches_subscribers_everywhere_and_those_to_come() {
    let mut net = Net::new();
    let subscribers = [0, 1, 2].map(|shard| connect(&net.id_at_home_on("sub", shard)).on(&mut net));
    for subscriber in subscribers {
        net.subscribe(subscriber, "$SYS/#", 0);
        net.got(subscriber);
    }
    assert!(publish(&mut net, &publication(true)));
    net.disk.retained_below_sys = 1;
    for subscriber in subscribers {
        assert_eq!(net.got(subscriber), [r#"PUBLISH q0 $SYS/broker/version "x""#]);
    }
    let late = connect("late").on(&mut net);
    net.subscribe(late, "$SYS/broker/version", 0);
    assert!(net.got(late).contains(&r#"PUBLISH q0 retain $SYS/broker/version "x""#.to_owned()));
}

#[test]
fn where_nothing_may_be_retained_a_message_of_the_broker_is_not() {
    let mut net = Net::with(1, Settings { retain_available: false, ..Settings::default() });
    assert!(publish(&mut net, &publication(true)));
    assert_eq!(net.shared.retained_count(), 0);
}

#[test]
fn a_limit_that_is_changed_holds_at_once_for_clients_that_are_there() {
    let mut net = Net::with(1, Settings::default());
    let peer = connect("a").on(&mut net);
    let settings = Settings { max_packet_size: 30, ..Settings::default() };
    net.shards[0].reconfigure(Arc::new(settings));
    net.publish(peer, "t", &"x".repeat(100), 0, 0);
    assert!(!net.is_open(peer));
}
