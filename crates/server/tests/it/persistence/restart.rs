//! What outlives the broker, however it ends.

use super::{directory, files, kept_in};
use crate::harness::{Broker, Client, Got, Message, client, mosquitto};
use mosquitto_mqtt::{PacketType, Property};

/// How a broker ends.
type End = fn(Broker) -> Vec<String>;

const ENDS: [(&str, End); 2] = [("stopped", Broker::stop), ("killed", Broker::kill)];

/// Messages that come, unanswered.
fn unanswered(user: &mut Client, count: usize) -> Vec<Message> {
    (0..count)
        .map(|_| match user.next() {
            Got::Message(message) => message,
            other => panic!("{other:?} instead of a message"),
        })
        .collect()
}

fn texts(messages: &[Message]) -> Vec<(&str, u8)> {
    messages.iter().map(|message| (message.text(), message.qos)).collect()
}

#[test]
pub(crate) fn sessions_with_subscriptions_and_queues_are_there_again() {
    for (how, end) in ENDS {
        for sync in ["always", "interval 50", "none"] {
            let directory = directory();
            let setup = kept_in(&directory, &format!("worker_threads 2\npersistence_sync {sync}"));
            let broker = setup.start();
            for connecting in [client("new").persistent(), client("old").v311().persistent()] {
                let mut user = connecting.to(&broker);
                user.subscribe("a/+", 2);
                user.subscribe("b", 1);
                user.disconnect();
            }
            client("passing").to(&broker).subscribe("a/+", 2);
            let mut publisher = client("publisher").to(&broker);
            for (topic, text, qos) in [("a/1", "one", 1), ("b", "two", 2), ("a/2", "three", 2), ("a/3", "none", 0)] {
                publisher.publish(topic, text, qos);
            }
            publisher.finish();
            end(broker);
            let broker = setup.start();
            for connecting in [client("new").persistent(), client("old").v311().persistent()] {
                let (mut user, present) = connecting.resume(&broker);
                assert!(present, "{how}, {sync}");
                let messages = user.messages(3);
                assert_eq!(texts(&messages), [("one", 1), ("two", 1), ("three", 2)], "{how}, {sync}");
                // The subscription is as good as before.
                client("late").to(&broker).publish("a/x", "four", 0);
                assert_eq!(user.message().text(), "four");
                assert_eq!(user.all_messages(), []);
                user.disconnect();
            }
            assert!(!client("passing").persistent().resume(&broker).1);
        }
    }
}

/// What was in flight is sent again under its identifier, and goes on where it was.
/// `[MQTT-4.4.0-1]`
#[test]
fn what_is_in_flight_to_a_client_goes_on_where_it_was() {
    for (how, end) in ENDS {
        let directory = directory();
        let setup = kept_in(&directory, "worker_threads 1");
        let broker = setup.start();
        let mut user = client("user").persistent().to(&broker);
        user.subscribe("a", 2);
        let mut publisher = client("publisher").to(&broker);
        for (text, qos) in [("one", 1), ("two", 2), ("three", 2), ("four", 1)] {
            publisher.publish("a", text, qos);
            publisher.finish();
        }
        let sent = unanswered(&mut user, 4);
        assert_eq!(texts(&sent), [("one", 1), ("two", 2), ("three", 2), ("four", 1)]);
        // One is done with, another half so.
        user.ack(PacketType::PubAck, sent[0].packet_id);
        user.ack(PacketType::PubRec, sent[1].packet_id);
        assert_eq!(user.next(), Got::Ack(PacketType::PubRel, sent[1].packet_id, 0));
        user.ping();
        end(broker);
        let broker = setup.start();
        let (mut user, present) = client("user").persistent().resume(&broker);
        assert!(present, "{how}");
        let mut came = vec![user.next(), user.next(), user.next()];
        let released = came.iter().position(|got| *got == Got::Ack(PacketType::PubRel, sent[1].packet_id, 0));
        came.remove(released.unwrap_or_else(|| panic!("{how}: no PUBREL in {came:?}")));
        for (got, before) in came.into_iter().zip(&sent[2..]) {
            assert_eq!(got, Got::Message(Message { dup: true, ..before.clone() }), "{how}");
        }
        user.ping();
    }
}

/// A QoS 2 message whose PUBREL comes only after the start goes on once.
#[test]
fn what_a_client_has_not_released_yet_goes_on_when_it_does() {
    for (how, end) in ENDS {
        let directory = directory();
        let setup = kept_in(&directory, "worker_threads 2");
        let broker = setup.start();
        let mut subscriber = client("subscriber").persistent().to(&broker);
        subscriber.subscribe("a", 2);
        subscriber.disconnect();
        let mut publisher = client("publisher").persistent().to(&broker);
        publisher.publish("a", "once", 2);
        let Got::Ack(PacketType::PubRec, id, 0) = publisher.next() else { panic!("no PUBREC") };
        end(broker);
        let broker = setup.start();
        let (mut publisher, present) = client("publisher").persistent().resume(&broker);
        assert!(present, "{how}");
        publisher.ack(PacketType::PubRel, id);
        assert_eq!(publisher.next(), Got::Ack(PacketType::PubComp, id, 0), "{how}");
        let (mut subscriber, _) = client("subscriber").persistent().resume(&broker);
        assert_eq!(texts(&subscriber.messages(1)), [("once", 2)], "{how}");
        assert_eq!(subscriber.all_messages(), [], "{how}");
    }
}

/// What a connection is told at its end waits behind the acknowledgement, and both come.
#[test]
fn a_connection_that_is_ended_is_told_what_was_acknowledged_and_why_it_ends() {
    let broker = kept_in(&directory(), "worker_threads 2").start();
    let mut away = client("away").persistent().to(&broker);
    away.subscribe("a", 1);
    away.disconnect();
    for _ in 0..20 {
        let mut user = client("user").to(&broker);
        // A message of QoS 1 on `a`, and a packet that is none.
        user.send_bytes(b"\x32\x07\x00\x01a\x00\x01\x00x\xff\x00");
        assert_eq!(user.rest(), [Got::Ack(PacketType::PubAck, 1, 0), Got::Disconnect(0x82)]);
    }
}

#[test]
fn retained_messages_are_there_again_and_those_that_were_cleared_are_not() {
    for (how, end) in ENDS {
        let directory = directory();
        let setup = kept_in(&directory, "worker_threads 2");
        let broker = setup.start();
        let mut publisher = client("publisher").to(&broker);
        for (topic, text, qos) in [
            ("r/0", "zero", 0),
            ("r/1", "old", 1),
            ("r/2", "two", 2),
            ("r/3", "gone", 1),
            ("r/1", "one", 1),
            ("r/3", "", 1),
        ] {
            publisher.publish_retained(topic, text, qos);
        }
        publisher.finish();
        publisher.ping();
        // Nothing tells that a message of QoS 0 is kept but that a later one is, of the same client.
        end(broker);
        let broker = setup.start();
        let mut user = client("user").to(&broker);
        user.subscribe("r/#", 2);
        let mut came: Vec<_> = user
            .all_messages()
            .iter()
            .map(|message| (message.topic.clone(), message.text().to_owned(), message.qos))
            .collect();
        came.sort();
        let expected = [("r/0", "zero", 0), ("r/1", "one", 1), ("r/2", "two", 2)];
        assert_eq!(came, expected.map(|(topic, text, qos)| (topic.to_owned(), text.to_owned(), qos)), "{how}");
    }
}

#[test]
fn sessions_that_were_ended_and_subscriptions_that_were_taken_back_stay_so() {
    for (how, end) in ENDS {
        let directory = directory();
        let setup = kept_in(&directory, "worker_threads 2");
        let broker = setup.start();
        client("gone").persistent().to(&broker).disconnect();
        client("gone").to(&broker).disconnect();
        client("other").persistent().to(&broker).disconnect();
        end(broker);
        let broker = setup.start();
        assert!(!client("gone").persistent().resume(&broker).1, "{how}");
        assert!(client("other").persistent().resume(&broker).1, "{how}");
    }
}

/// By the clock on the wall, from when the client left; of those that are still here then, from when the broker ended.
/// `[MQTT-4.1.0-2]`
#[test]
fn a_session_ends_when_it_would_have_if_the_broker_had_not() {
    for (how, end) in ENDS {
        let directory = directory();
        let setup = kept_in(&directory, "");
        let broker = setup.start();
        client("brief").with(Property::SessionExpiryInterval(2)).to(&broker).disconnect();
        client("long").with(Property::SessionExpiryInterval(1000)).to(&broker).disconnect();
        end(broker);
        let broker = setup.start();
        // It may have been over at the start already.
        if broker.log.count("Restored 2 clients") > 0 {
            broker.log.wait_for("Expiring client brief due to timeout.");
        } else {
            broker.log.wait_for("Left out 1 sessions that have expired");
        }
        let (_, present) = client("brief").persistent().resume(&broker);
        assert!(!present, "{how}");
        assert!(client("long").persistent().resume(&broker).1, "{how}");
    }
}

#[test]
fn a_broker_that_has_stopped_leaves_one_file_for_its_user_alone_and_no_journal() {
    use std::os::unix::fs::PermissionsExt;
    let directory = directory();
    let setup = kept_in(&directory, "");
    let broker = setup.start();
    client("user").persistent().to(&broker).disconnect();
    let names = files(directory.path());
    assert!(names.iter().any(|name| name.contains(".journal.")), "while it runs there is a journal");
    let is_private = |name: &str| {
        let mode = std::fs::metadata(directory.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    };
    for name in &names {
        is_private(name);
    }
    let log = broker.stop();
    let path = directory.path().join("mosquitto.db");
    let said = format!("Saving in-memory database to {}.", path.display());
    assert!(log.iter().any(|line| line.ends_with(&said)), "{log:#?}");
    assert_eq!(files(directory.path()), ["mosquitto.db"]);
    is_private("mosquitto.db");
}

#[test]
fn what_was_read_is_counted_in_the_log_in_the_words_of_mosquitto() {
    let directory = directory();
    let setup = kept_in(&directory, "log_timestamp false");
    let broker = setup.start();
    let mut user = client("user").persistent().to(&broker);
    user.subscribe("a", 1);
    user.subscribe("b", 1);
    user.disconnect();
    let mut publisher = client("publisher").to(&broker);
    publisher.publish("a", "x", 1);
    publisher.publish_retained("r", "y", 1);
    publisher.finish();
    broker.stop();
    let log = setup.start().stop();
    for line in [
        "Restored 2 base messages",
        "Restored 1 retained messages",
        "Restored 1 clients",
        "Restored 2 subscriptions",
        "Restored 1 client messages",
    ] {
        assert!(log.iter().any(|said| said == line), "{line}: {log:#?}");
    }
}

#[test]
fn a_second_broker_on_the_same_files_is_refused() {
    let directory = directory();
    let broker = kept_in(&directory, "").start();
    client("user").persistent().to(&broker).disconnect();
    let text = format!(
        "listener {} 127.0.0.1\npersistence true\npersistence_location {}\n",
        crate::harness::free_port(),
        directory.path().display()
    );
    let second = mosquitto(["-c".as_ref(), directory.file("second.conf", &text).as_os_str()]);
    assert_eq!(second.code, Some(1), "{second:?}");
    let (path, pid) = (directory.path().join("mosquitto.db"), broker.pid().as_raw_nonzero());
    let expected = format!("Error: {} is in use by another broker, process {pid}.", path.display());
    assert!(second.stderr.iter().any(|line| line.ends_with(&expected)), "{second:?}");
    assert!(client("user").persistent().resume(&broker).1, "the first one goes on");
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let directory = directory();
    let text = format!(
        "listener 1883 127.0.0.1\npersistence true\npersistence_location {}/none\n",
        directory.path().display()
    );
    let file = directory.file("mosquitto.conf", &text);
    let refused = mosquitto(["-c".as_ref(), file.as_os_str()]);
    assert_eq!(refused.code, Some(14), "{refused:?}");
    assert!(refused.stderr.iter().any(|line| line.contains("/none/mosquitto.db.lock")), "{refused:?}");
}

#[test]
fn a_test_of_the_configuration_writes_nothing_and_finds_a_directory_that_is_not_there() {
    let directory = directory();
    let setup = kept_in(&directory, "");
    client("user").persistent().to(&setup.start()).disconnect();
    let database = directory.path().join("mosquitto.db");
    let before = std::fs::read(&database).unwrap();
    let text = format!("persistence true\npersistence_location {}\n", directory.path().display());
    let tested = mosquitto(["--test-config".as_ref(), "-c".as_ref(), directory.file("other.conf", &text).as_os_str()]);
    assert_eq!(tested.code, Some(0), "{tested:?}");
    assert_eq!(std::fs::read(&database).unwrap(), before);
    assert_eq!(files(directory.path()), ["mosquitto.db"]);
    let text = text.replace(&format!("{}\n", directory.path().display()), "/nowhere/at/all\n");
    let tested = mosquitto(["--test-config".as_ref(), "-c".as_ref(), directory.file("other.conf", &text).as_os_str()]);
    assert_eq!(tested.code, Some(3), "{tested:?}");
    assert!(tested.stderr.iter().any(|line| line.contains("/nowhere/at/all")), "{tested:?}");
}
