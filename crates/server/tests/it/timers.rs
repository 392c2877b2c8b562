//! What happens because nothing happens. Each of these takes the second or two that it is about.

use crate::harness::{Broker, Client, Got, client};
use mosquitto_mqtt::{Property, ProtocolVersion};
use std::io::Write;

/// `[MQTT-3.1.2-22]`, `[3.1.1 MQTT-3.1.2-24]`
#[test]
fn a_client_that_is_silent_for_too_long_is_closed_and_its_will_published() {
    let broker = Broker::open("worker_threads 4");
    let mut heir = client("heir").to(&broker);
    heir.subscribe("will/+", 1);
    let mut silent: Vec<_> = [ProtocolVersion::V31, ProtocolVersion::V311, ProtocolVersion::V5]
        .into_iter()
        .map(|version| {
            let id = format!("silent-{}", version.level());
            client(&id).version(version).keep_alive(1).will(&format!("will/{id}"), "", 1).to(&broker)
        })
        .collect();
    for silent in &mut silent {
        // No reason is given.
        assert_eq!(silent.rest(), []);
    }
    let mut topics: Vec<_> = heir.messages(3).into_iter().map(|will| will.topic).collect();
    topics.sort();
    assert_eq!(topics, ["will/silent-3", "will/silent-4", "will/silent-5"]);
    broker.log.wait_for_several("disconnected: exceeded timeout.", 3);
}

/// `[MQTT-3.1.2-23]`, `[MQTT-4.1.0-2]`
#[test]
fn a_session_ends_when_its_time_is_over() {
    let broker = Broker::open("worker_threads 4");
    let connecting = client("brief").will("will", "over", 0).with(Property::SessionExpiryInterval(1));
    let mut heir = client("heir").to(&broker);
    heir.subscribe("will", 0);
    // Longer than the session lives: its end is earlier. [MQTT-3.1.3-9]
    drop(connecting.will_delay(600).to(&broker));
    assert_eq!(heir.message().text(), "over");
    broker.log.wait_for("Expiring client brief due to timeout.");
    let (_, present) = client("brief").persistent().resume(&broker);
    assert!(!present);
}

#[test]
fn a_delayed_will_is_published_when_its_time_has_come() {
    let broker = Broker::open("worker_threads 4");
    let mut heir = client("heir").to(&broker);
    heir.subscribe("will", 1);
    drop(client("owner").persistent().will("will", "late", 1).will_delay(1).to(&broker));
    assert_eq!(heir.message().text(), "late");
}

/// Whatever state connections are in, a worker sleeps until something happens. What it may use of a processor is no
/// matter of how fast the machine is.
#[cfg(target_os = "linux")]
#[test]
fn a_broker_that_has_nothing_to_do_does_nothing() {
    let broker = Broker::open("worker_threads 2\nmax_queued_messages 0\nmax_packet_size 300000");
    // One that waits for its CONNECT, one with a part of a packet, one that does not take what is sent to it, one that
    // is held back for it, one that was thrown out and goes on sending, one that is gone.
    let opening = broker.dial();
    let mut half = client("half").to(&broker);
    half.send_bytes(&[0x30, 0xff, 0x7f, 0, 1]);
    let mut deaf = client("deaf").to(&broker);
    deaf.subscribe("load", 0);
    let mut publisher = client("publisher").to(&broker);
    (0..200).for_each(|_| publisher.publish("load", vec![b'x'; 100_000], 0));
    publisher.ping();
    let mut asking = client("asking").to(&broker);
    asking.stream.set_nonblocking(true).unwrap();
    while asking.stream.write(&[0xc0, 0].repeat(10_000)).is_ok() {}
    let mut out = client("out").to(&broker);
    out.send_bytes(&[0, 0]);
    assert_eq!(out.next(), Got::Disconnect(0x82));
    drop(client("gone").persistent().to(&broker));
    // Until some time has passed for certain.
    let wait = |id: &str| assert_eq!(client(id).keep_alive(1).to(&broker).rest(), []);
    wait("first");
    let before = broker.cpu_ms();
    wait("second");
    let used_ms = broker.cpu_ms() - before;
    assert!(used_ms < 500, "{used_ms} ms of a processor in one and a half seconds of rest");
    drop((opening, half, deaf, publisher, asking, out));
    Client::ping(&mut client("last").to(&broker));
}
