//! Remote brokers that are killed, replaced, or not found by their names, and are there again: messages cross as before.

use super::sides::{Foreign, Kind, Side, guest_at};
use super::{Remote, bridged, connected, expect, lines_of_bridge_to};
use crate::harness::{Broker, Client, PATIENCE, Scratch, Setup, Signal, client, free_port, is_root};
use mosquitto_mqtt::packet::Publish;
use mosquitto_mqtt::{PacketType, Properties, ProtocolVersion, QoS};
use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::Duration;

/// A broker at this port.
fn ours_at(port: u16) -> Broker {
    let lines = "allow_anonymous true\nlog_type all\nlog_timestamp false\nworker_threads 1\n";
    Setup::config(&format!("listener PORT 127.0.0.1\nlistener {port} 127.0.0.1\n{lines}")).start()
}

fn publish(broker: &Broker, texts: std::ops::Range<usize>, qos: u8) {
    let mut publisher = client("publisher").to(broker);
    for n in texts {
        publisher.publish("t", n.to_string(), qos);
    }
    publisher.finish();
}

fn listening_at(port: u16) -> Client {
    let mut away = guest_at(port, "away");
    away.subscribe("t", 2);
    away
}

/// The texts of so many messages, each counted when it comes for the first time.
fn fresh(away: &mut Client, count: usize) -> Vec<usize> {
    let mut texts = Vec::new();
    while texts.len() < count {
        let message = away.message();
        if message.topic == "t" && !texts.contains(&message.text().parse().unwrap()) {
            texts.push(message.text().parse().unwrap());
        }
    }
    texts
}

#[test]
fn what_is_published_around_a_remote_broker_that_is_killed_is_there_when_it_is_back() {
    for qos in [1, 2] {
        let (port, scratch) = (free_port(), Arc::new(Scratch::new()));
        let lines =
            "persistence true\npersistence_location DIR/\nallow_anonymous true\nlog_type all\nlog_timestamp false\n";
        let config = format!("listener PORT 127.0.0.1\nlistener {port} 127.0.0.1\n{lines}");
        let there = Setup::config(&config).directory(&scratch).start();
        let here = bridged(port, &format!("topic t out {qos}\n"));
        connected(&here);
        let subscriber = client("subscriber").persistent();
        let mut away = subscriber.to(&there);
        away.subscribe("t", 2);
        away.disconnect();
        // Some of these are there, some are on their way, and some wait.
        publish(&here, 0..100, qos);
        there.kill();
        publish(&here, 100..200, qos);
        here.log.wait_for("next backoff");
        let there = Setup::config(&config).directory(&scratch).start();
        let (mut away, present) = subscriber.resume(&there);
        assert!(present);
        assert_eq!(fresh(&mut away, 200), (0..200).collect::<Vec<_>>(), "QoS {qos}");
    }
}

#[test]
fn another_broker_at_the_same_place_gets_what_is_published_from_then_on() {
    let port = free_port();
    let first = ours_at(port);
    let here = bridged(port, "topic t out 2\n");
    connected(&here);
    let mut away = listening_at(port);
    publish(&here, 0..3, 2);
    assert_eq!(fresh(&mut away, 3), [0, 1, 2]);
    first.kill();
    here.log.wait_for("next backoff");
    // It knows nothing of any session.
    let Some(second) = Foreign::start_at(port, "listener PORT 127.0.0.1\n") else { return };
    let mut away = second.listening("t", 2);
    publish(&here, 3..6, 2);
    assert_eq!(fresh(&mut away, 3), [3, 4, 5]);
    here.log.wait_for_several("Received CONNACK on connection local.", 2);
    drop((second, away));
    let _third = ours_at(port);
    let mut away = listening_at(port);
    publish(&here, 6..9, 2);
    let texts = fresh(&mut away, 3);
    assert_eq!(texts, [6, 7, 8]);
}

#[test]
fn a_broker_that_takes_the_place_of_garbage_is_found() {
    let remote = Remote::new();
    let port = remote.port();
    let here = bridged(port, "topic t both 2\n");
    for garbage in [&b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"[..], &[0x20, 0x7f], &[0xff; 5000]] {
        let (mut stream, _) = remote.accept_stream();
        stream.write_all(garbage).unwrap();
        // It is hung up, in whatever way the system tells that.
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    }
    publish(&here, 0..3, 2);
    drop(remote);
    let there = ours_at(port);
    let mut away = listening_at(port);
    assert_eq!(fresh(&mut away, 3), [0, 1, 2]);
    there.log.wait_for("Sending SUBACK to there");
    let mut home = super::listening(&here, "t", 2);
    away.publish("t", "back", 2);
    away.finish();
    expect(&mut home, "t", "back");
}

/// Without that, the next broker would send it again.
#[test]
fn a_broker_that_ends_waits_a_moment_for_what_its_bridge_has_under_way() {
    let (remote, scratch) = (Remote::new(), Arc::new(Scratch::new()));
    let lines = "persistence true\npersistence_location DIR/\nlog_type all\nlog_timestamp false\nconnection b\n\
                 clientid there\nrestart_timeout 1\nnotifications false\nbridge_attempt_unsubscribe false\ntopic t both 1\n";
    let setup = Setup::open(&format!("{lines}address 127.0.0.1:{}\n", remote.port())).directory(&scratch);
    let mut broker = setup.start();
    let mut bridge = remote.accepted();
    bridge.says_so(&["Subscribe"]);
    broker.log.wait_for("Sending SUBACK to local.there");
    let mut publisher = client("publisher").to(&broker);
    publisher.publish("t", "first", 1);
    publisher.finish();
    let message = bridge.says_so(&["Publish", "102, 105, 114, 115, 116"]);
    let (_, rest) = message.split_once("packet_id: ").unwrap();
    let packet_id = rest.split_once(',').unwrap().0.parse().unwrap();
    broker.signal(Signal::TERM);
    // It says no goodbye.
    bridge.client.stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let error = bridge.client.stream.peek(&mut [0]).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
    bridge.client.stream.set_read_timeout(Some(PATIENCE)).unwrap();
    bridge.client.ack(PacketType::PubAck, packet_id);
    assert!(bridge.says().starts_with("Disconnect"));
    assert_eq!(broker.ends().0, Some(0));
    let broker = setup.start();
    let mut bridge = remote.accepted();
    bridge.says_so(&["Subscribe"]);
    publish(&broker, 7..8, 1);
    assert!(bridge.says_so(&["Publish"]).contains("payload: [55]"));
}

/// One that does not acknowledge is not waited for any longer.
#[test]
fn a_broker_ends_though_what_its_bridge_has_under_way_is_not_acknowledged() {
    let remote = Remote::new();
    let mut broker = bridged(remote.port(), "topic t out 1\nnotifications false\nbridge_attempt_unsubscribe false\n");
    let mut bridge = remote.accepted();
    broker.log.wait_for("Sending SUBACK to local.there");
    publish(&broker, 0..3, 1);
    bridge.says_so(&["Publish", "payload: [50]"]);
    broker.signal(Signal::TERM);
    bridge.says_so(&["Disconnect"]);
    assert_eq!(broker.ends().0, Some(0));
}

/// In a place of its own, where the file of names is one of this test.
#[test]
fn a_name_that_is_not_found_is_connected_to_once_it_is() {
    if !is_root("a file of names in the place of /etc/hosts") {
        return;
    }
    let names = Scratch::new();
    let hosts = names.file("hosts", "127.0.0.1 localhost\n");
    let there = Side::start(Kind::Ours, "").unwrap();
    let mount = format!("mount --bind {} /etc/hosts && exec \"$@\"", hosts.display());
    let lines = lines_of_bridge_to(&format!("centre.bridge.invalid:{}", there.port()), "topic t out 1\n");
    let setup = Setup::open(&lines).wrapped(&["unshare", "-m", "/bin/sh", "-c", &mount, "sh"]);
    let here = setup.start();
    here.log.wait_for("Error creating bridge: centre.bridge.invalid: ");
    publish(&here, 0..2, 1);
    // The same file, since that is what is mounted.
    std::fs::write(&hosts, "127.0.0.1 localhost centre.bridge.invalid\n").unwrap();
    let mut away = there.listening("away", "t");
    assert_eq!(fresh(&mut away, 2), [0, 1]);
    // The name fails again while there is a connection: nobody asks for it then.
    std::fs::write(&hosts, "127.0.0.1 localhost\n").unwrap();
    publish(&here, 2..4, 1);
    assert_eq!(fresh(&mut away, 2), [2, 3]);
}

/// Messages that are offered while the remote broker is away. Without optimisation a fifth of them takes as long.
const OFFERED: usize = if cfg!(debug_assertions) { 200_000 } else { 1_000_000 };

const PAYLOAD: usize = 1000;

/// Publishes this often with QoS 1, and reads all that is answered.
fn offer(broker: &Broker, count: usize) {
    let mut publisher = client("offers").v311().to(broker);
    let mut answers = publisher.stream.try_clone().unwrap();
    let reader = std::thread::spawn(move || {
        // A PUBACK has four bytes.
        let mut left = 4 * count;
        let mut buffer = [0; 16 * 1024];
        while left > 0 {
            let room = buffer.len().min(left);
            let len = answers.read(&mut buffer[..room]).unwrap();
            assert!(len > 0, "{left} bytes of acknowledgements are missing");
            left -= len;
        }
    });
    let mut bytes = Vec::new();
    for n in 0..count {
        let (packet_id, payload) = ((n % 1000) as u16 + 1, [b'x'; PAYLOAD]);
        let (dup, qos, retain, topic, properties) = (false, QoS::AtLeastOnce, false, "t", Properties::EMPTY);
        Publish { dup, qos, retain, topic, packet_id, properties, payload: &payload }
            .encode(ProtocolVersion::V311, &mut bytes);
        if bytes.len() > 256 * 1024 {
            publisher.send_bytes(&bytes);
            bytes.clear();
        }
    }
    publisher.send_bytes(&bytes);
    reader.join().unwrap();
}

#[test]
fn memory_stays_what_the_limits_of_the_queue_say_however_much_is_offered() {
    for limit in ["max_queued_messages 1000", "max_queued_messages 0\nmax_queued_bytes 1000000"] {
        // All log lines of so many messages would be most of the work.
        let lines =
            format!("log_type information\nsys_interval 1\n{limit}\nconnection b\naddress 127.0.0.1:{}\n", free_port());
        let here = Setup::open(&format!("{lines}restart_timeout 1\ntopic t out 1\n")).start();
        // The queue is full by then, and all buffers are as large as they get.
        offer(&here, 20_000);
        let before = here.resident_kib();
        offer(&here, OFFERED / 2);
        let grown = here.resident_kib().saturating_sub(before);
        // On a busy machine buffers go on growing for a while; kept messages would be six times as much.
        assert!(grown <= 16 * 1024, "{limit}: {grown} KiB, of {} offered", OFFERED / 2 * PAYLOAD / 1024);
        let mut listener = super::listening(&here, "$SYS/broker/bridge/b/backlog/messages", 0);
        // It is looked at once a second.
        let mut waits = || listener.message().text().parse::<usize>().unwrap();
        let last = std::iter::repeat_with(&mut waits).find(|waits| *waits > 0).unwrap();
        assert!((900..=1020).contains(&last), "{last}");
    }
}
