//! What is counted.

use crate::harness::{Net, connect};
use mosquitto_broker::Statistics;

fn total(net: &Net) -> Statistics {
    net.shards.iter().map(mosquitto_broker::Shard::statistics).fold(Statistics::default(), |sum, one| Statistics {
        packets_received: sum.packets_received + one.packets_received,
        packets_sent: sum.packets_sent + one.packets_sent,
        publish_received: sum.publish_received + one.publish_received,
        publish_sent: sum.publish_sent + one.publish_sent,
        ..sum
    })
}

#[test]
fn each_packet_counts_once_whatever_shards_it_passes() {
    let mut net = Net::new();
    let peer = connect("a").on(&mut net);
    net.subscribe(peer, "t", 1);
    net.publish(peer, "t", "x", 1, 1);
    net.puback(peer, 1);
    let Statistics { packets_received, packets_sent, publish_received, publish_sent, .. } = total(&net);
    // CONNECT, SUBSCRIBE, PUBLISH, PUBACK; CONNACK, SUBACK, PUBLISH, PUBACK
    assert_eq!((packets_received, packets_sent, publish_received, publish_sent), (4, 4, 1, 1));
}

#[test]
fn a_publish_that_is_held_back_counts_when_it_is_taken() {
    let mut net = Net::new();
    let publisher = connect(&net.id_at_home_on("pub", 0)).on(&mut net);
    let subscriber = connect(&net.id_at_home_on("sub", 1)).on(&mut net);
    net.subscribe(subscriber, "t", 0);
    net.hold_mail = true;
    let payload = "x".repeat(500_000);
    (0..16).for_each(|_| net.publish(publisher, "t", &payload, 0, 0));
    (0..10).for_each(|_| net.run());
    assert!(total(&net).publish_received < 16);
    net.deliver_mail();
    let Statistics { publish_received, publish_sent, .. } = total(&net);
    assert_eq!((publish_received, publish_sent), (16, 16));
}
