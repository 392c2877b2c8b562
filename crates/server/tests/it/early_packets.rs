//! Clients that do not wait: not for the CONNACK, not for the end.

use crate::harness::{Broker, Client, Got, client};
use mosquitto_mqtt::packet::{Disconnect, Publish, Subscribe, Subscription, SubscriptionOptions};
use mosquitto_mqtt::{Packet, Properties, ProtocolVersion, QoS, ReasonCode};
use std::thread;

const V5: ProtocolVersion = ProtocolVersion::V5;

fn publish(topic: &str, payload: &[u8], qos: QoS, packet_id: u16, out: &mut Vec<u8>) {
    let properties = Properties::EMPTY;
    Publish { dup: false, qos, retain: false, topic, packet_id, properties, payload }.encode(V5, out);
}

/// `[MQTT-3.1.4-5]`: a client need not wait for the CONNACK. Its connection changes to another worker meanwhile.
#[test]
fn packets_behind_the_connect_are_handled_in_order() {
    let broker = Broker::open("worker_threads 4\nmax_queued_messages 0");
    let large = vec![b'x'; 200_000];
    for n in 0..16 {
        let id = format!("hasty-{n}");
        let connecting = client(&id);
        let mut bytes = connecting.bytes();
        let options = SubscriptionOptions::qos(QoS::AtLeastOnce);
        let list = [Subscription { filter: &id, options }];
        Subscribe::write(1, Properties::EMPTY, list.into_iter(), V5, &mut bytes);
        for k in 0..100 {
            publish(&id, k.to_string().as_bytes(), QoS::AtMostOnce, 0, &mut bytes);
        }
        publish(&id, &large, QoS::AtMostOnce, 0, &mut bytes);
        let mut hasty = Client::new(broker.dial(), V5);
        // All at once, or in two parts that end anywhere.
        let (first, second) = bytes.split_at((n * 997) % bytes.len());
        hasty.send_bytes(first);
        hasty.send_bytes(second);
        assert_eq!(hasty.next(), Got::ConnAck { present: false, reason: 0 });
        assert_eq!(hasty.next(), Got::SubAck(vec![1]));
        for k in 0..100 {
            assert_eq!(hasty.message().text(), k.to_string());
        }
        assert!(hasty.message().payload == large);
    }
}

/// With a DISCONNECT or without one, what was sent before the end counts.
#[test]
fn what_a_client_sent_before_it_left_is_delivered() {
    const MESSAGES: usize = 2000;
    let broker = Broker::open("worker_threads 4\nmax_queued_messages 0");
    let mut subscriber = client("subscriber").to(&broker);
    subscriber.subscribe("parting/+", 0);
    for n in 0..10 {
        let topic = format!("parting/{n}");
        let mut bytes = Vec::new();
        for k in 0..MESSAGES {
            publish(&topic, format!("{k:0500}").as_bytes(), QoS::AtMostOnce, 0, &mut bytes);
        }
        if n % 2 == 0 {
            Packet::Disconnect(Disconnect::new(ReasonCode::SUCCESS)).encode(V5, &mut bytes);
        }
        let broker = &broker;
        thread::scope(|scope| {
            scope.spawn(move || client(&format!("leaving-{n}")).to(broker).send_bytes(&bytes));
            for k in 0..MESSAGES {
                let message = subscriber.message();
                assert_eq!((message.topic.as_str(), message.text().parse()), (topic.as_str(), Ok(k)));
            }
        });
    }
}

/// A client may end its half of the connection and read on: it has left, as in Mosquitto.
#[test]
fn the_end_of_what_a_client_sends_is_the_end_of_its_connection() {
    let broker = Broker::open("worker_threads 4");
    for n in 0..8 {
        let mut user = client(&format!("user-{n}")).to(&broker);
        user.subscribe("a", 0);
        user.publish("a", "own", 0);
        user.stream.shutdown(std::net::Shutdown::Write).unwrap();
        let rest = user.rest();
        assert!(rest.iter().all(|got| matches!(got, Got::Message(_))), "{rest:?}");
    }
    broker.log.wait_for_several("disconnected: connection closed by client.", 8);
}
