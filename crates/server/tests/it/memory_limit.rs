//! `memory_limit`, with a heap that is really used.

use crate::harness::{Broker, Client, Got, PATIENCE, client};
use mosquitto_mqtt::packet::Publish;
use mosquitto_mqtt::{Packet, PacketType, Properties, QoS};
use std::time::Instant;

const LIMIT: usize = 20_000_000;
const PAYLOAD: usize = 100_000;

/// Publishes with QoS 1 and returns the reason code of the PUBACK.
fn publish(publisher: &mut Client, packet_id: u16) -> u8 {
    let (qos, topic, properties, payload) = (QoS::AtLeastOnce, "news", Properties::EMPTY, vec![b'x'; PAYLOAD]);
    let publish = Publish { dup: false, qos, retain: false, topic, packet_id, properties, payload: &payload };
    publisher.send(&Packet::Publish(publish));
    match publisher.next() {
        Got::Ack(PacketType::PubAck, id, reason) => {
            assert_eq!(id, packet_id);
            reason
        }
        other => panic!("{other:?} instead of a PUBACK"),
    }
}

#[test]
fn a_heap_at_its_limit_takes_nothing_new_until_it_falls() {
    let broker = Broker::open(&format!("worker_threads 2\nmemory_limit {LIMIT}\nmax_queued_messages 0"));
    let connecting = client("away").persistent();
    let mut away = connecting.to(&broker);
    away.subscribe("news", 1);
    away.disconnect();
    let mut publisher = client("publisher").to(&broker);
    let mut published = 0;
    while publish(&mut publisher, published + 1) == 0 {
        published += 1;
        assert!(usize::from(published) < 2 * LIMIT / PAYLOAD, "the limit is never reached");
    }
    assert!(usize::from(published) > LIMIT / PAYLOAD / 2, "only {published} messages");
    broker.log.wait_for("The heap has reached memory_limit");
    assert_eq!(publish(&mut publisher, 1), 0x97);
    let mut late = client("late").over(broker.dial());
    assert_eq!(late.next(), Got::ConnAck { present: false, reason: 0x97 });
    let mut late = client("late").v311().over(broker.dial());
    assert_eq!((late.next(), late.next()), (Got::ConnAck { present: false, reason: 3 }, Got::End));
    // Whoever comes for what waits is let in, and makes room.
    let mut away = connecting.resume(&broker).0;
    assert_eq!(away.messages(usize::from(published)).len(), usize::from(published));
    away.ping();
    let until = Instant::now() + PATIENCE;
    while publish(&mut publisher, 1) != 0 {
        assert!(Instant::now() < until, "no room in spite of all");
    }
    broker.log.wait_for("The heap is below memory_limit again");
    client("late").to(&broker);
}
