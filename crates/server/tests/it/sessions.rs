//! Sessions outlive their connections, whichever worker accepts the next one.

use crate::harness::{Broker, Client, Got, Sentinels, client};
use mosquitto_mqtt::PacketType;
use std::thread;

/// `[MQTT-3.1.4-3]`
#[test]
fn a_client_that_connects_again_takes_over_wherever_it_is_accepted() {
    let broker = Broker::open("worker_threads 4");
    let mut current = client("same").persistent().to(&broker);
    current.subscribe("a", 1);
    for n in 0..30 {
        let (mut next, present) = client("same").persistent().resume(&broker);
        assert!(present);
        assert_eq!(current.rest(), [Got::Disconnect(0x8e)]);
        next.publish("a", n.to_string(), 1);
        assert_eq!(next.message().text(), n.to_string());
        next.finish();
        // The acknowledgement has arrived: the message does not come again.
        next.ping();
        current = next;
    }
}

#[test]
fn of_many_that_connect_with_one_id_at_once_one_remains() {
    const ROUNDS: usize = 10;
    let broker = Broker::open("worker_threads 4");
    for _ in 0..ROUNDS {
        let users: Vec<Client> = thread::scope(|scope| {
            let connecting: Vec<_> = (0..8).map(|_| scope.spawn(|| client("same").to(&broker))).collect();
            connecting.into_iter().map(|user| user.join().unwrap()).collect()
        });
        let mut left = 0;
        for mut user in users {
            user.send_bytes(&[0xc0, 0]);
            match user.next() {
                Got::PingResp => left += 1,
                other => assert_eq!(other, Got::Disconnect(0x8e)),
            }
        }
        assert_eq!(left, 1);
    }
}

/// `[MQTT-3.1.2-5]`, `[MQTT-4.6.0-1]`
#[test]
fn what_comes_while_a_client_is_away_waits_for_it_in_order() {
    const MESSAGES: usize = 100;
    let broker = Broker::open("worker_threads 4");
    let mut sentinels = Sentinels::of(&broker);
    let mut publishers: Vec<_> = (0..4).map(|n| client(&format!("publisher-{n}")).to(&broker)).collect();
    for (n, publisher) in publishers.iter_mut().enumerate() {
        let id = format!("away-{n}");
        let connecting = if n % 2 == 0 { client(&id).v311() } else { client(&id) }.persistent();
        let qos = 1 + n as u8 / 2;
        let mut away = connecting.to(&broker);
        away.subscribe(&id, 2);
        away.disconnect();
        for k in 0..MESSAGES {
            // QoS 0 is not kept.
            publisher.publish(&id, k.to_string(), if k % 2 == 0 { 0 } else { qos });
        }
        sentinels.wait_for(publisher);
        let (mut back, present) = connecting.resume(&broker);
        assert!(present);
        let got = back.messages(MESSAGES / 2);
        assert!(got.iter().zip((1..).step_by(2)).all(|(message, k)| message.text() == k.to_string()), "{got:?}");
        back.ping();
        back.disconnect();
    }
}

/// `[MQTT-4.4.0-1]`: sent again with DUP and the same identifier.
#[test]
fn what_was_not_acknowledged_is_sent_again() {
    let broker = Broker::open("worker_threads 4");
    let connecting = client("forgetful").persistent();
    let mut user = connecting.to(&broker);
    user.subscribe("a", 2);
    user.publish("a", "one", 1);
    user.publish("a", "two", 2);
    let mut first = Vec::new();
    while first.len() < 2 {
        match user.next() {
            Got::Message(message) => first.push(message),
            Got::Ack(PacketType::PubRec, id, 0) => user.ack(PacketType::PubRel, id),
            _ => {}
        }
    }
    drop(user);
    let (mut user, present) = connecting.resume(&broker);
    assert!(present);
    let again: Vec<_> = (0..2).map(|_| user.next()).collect();
    for message in &mut first {
        message.dup = true;
    }
    assert_eq!(again, first.into_iter().map(Got::Message).collect::<Vec<_>>());
}

/// `[MQTT-3.1.2-8]`: also to subscribers of other workers.
#[test]
fn the_will_of_a_client_that_is_lost_goes_to_all() {
    let broker = Broker::open("worker_threads 4");
    let mut subscribers: Vec<_> = (0..8).map(|n| client(&format!("subscriber-{n}")).to(&broker)).collect();
    for subscriber in &mut subscribers {
        subscriber.subscribe("will", 2);
    }
    for n in 0..4u8 {
        let id = format!("owner-{n}");
        drop(client(&id).will("will", &id, n % 3).to(&broker));
        for subscriber in &mut subscribers {
            let will = subscriber.message();
            assert_eq!((will.text(), will.qos), (id.as_str(), n % 3));
        }
    }
    // [MQTT-3.14.4-3]: none where the client says goodbye.
    client("polite").will("will", "never", 0).to(&broker).disconnect();
    drop(client("last").will("will", "last", 0).to(&broker));
    for subscriber in &mut subscribers {
        assert_eq!(subscriber.message().text(), "last");
    }
}

/// A script that publishes one message a run, always under one id, and never waits for the broker to hang up.
#[test]
fn what_a_client_sent_before_it_said_goodbye_is_not_lost_when_it_comes_back_at_once() {
    const RUNS: usize = 300;
    let broker = Broker::open("worker_threads 4");
    let mut watcher = client("watcher").to(&broker);
    watcher.subscribe("#", 0);
    for n in 0..RUNS {
        let mut script = client("script").v311().will("will", "lost", 0).to(&broker);
        script.publish("run", n.to_string(), 0);
        script.send_bytes(&[0xe0, 0]);
    }
    for (n, message) in watcher.messages(RUNS).into_iter().enumerate() {
        assert_eq!((message.topic.as_str(), message.text()), ("run", n.to_string().as_str()));
    }
}
