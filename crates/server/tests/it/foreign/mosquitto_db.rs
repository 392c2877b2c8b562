//! Debian's broker goes on with a `mosquitto.db` that was written here.

use crate::foreign::are_there;
use crate::harness::{Broker, Got, Program, Scratch, client, free_port};
use mosquitto_broker::{
    KeptDelivery, KeptMessage, KeptSession, Moment, Persistence, Restore, Settings, Shard, ShardId, Shared, Stage,
};
use mosquitto_mqtt::{PacketType, ProtocolVersion, QoS};
use mosquitto_storage::snapshot::SnapshotWriter;
use std::sync::Arc;

const DEBIANS_BROKER: &str = "/usr/sbin/mosquitto";

fn restore() -> Restore {
    let settings = Settings { persistence: Persistence::Synced, ..Settings::default() };
    Restore::new(Arc::new(settings), 0, Moment(0))
}

/// A broker that has this, as a file.
fn file(restore: Restore) -> Vec<u8> {
    let shared = Shared::new(2);
    let settings = Arc::new(Settings { persistence: Persistence::Synced, ..Settings::default() });
    let shard = |at| Shard::new(ShardId(at), Arc::clone(&shared), Arc::clone(&settings), [1; 32]);
    let mut shards = [shard(0), shard(1)];
    restore.install(&shared, &mut shards);
    let mut writer = SnapshotWriter::new(Vec::new(), 0, 1000, true).unwrap();
    let (mut retained, mut filters) = (Vec::new(), Vec::new());
    shared.retained_slice(0, usize::MAX, &mut retained);
    for part in &retained {
        writer.retained(part).unwrap();
    }
    for shard in &mut shards {
        shard.hand_over_all(|parts| parts.iter().for_each(|part| writer.session(part).unwrap()));
    }
    shared.subscription_slice(0, u32::MAX, &mut filters);
    for filter in &filters {
        writer.filter(filter).unwrap();
    }
    writer.finish().0
}

/// One session with a message in each state, a subscription, a membership of a group, and something retained.
fn everything() -> Restore {
    let mut restore = restore();
    let topics = ["", "n/1", "n/2", "n/3", "n/4", "n/5", "n/in", "r/1"];
    for (number, topic) in (0..).zip(topics).skip(1) {
        let (qos, retain, expires_at) = (QoS::ExactlyOnce, number == 7, Moment::NEVER);
        let (properties, payload) = (&b""[..], topic.as_bytes());
        restore.message(KeptMessage { number, topic, properties, payload, qos, retain, expires_at }, None);
    }
    restore.retained(7);
    restore.session(KeptSession {
        client_id: "s",
        username: Some("somebody"),
        listener_port: 1883,
        expiry_s: u32::MAX,
        ends_at_ms: None,
        last_packet_id: 3,
    });
    let (one, two) = (QoS::AtLeastOnce, QoS::ExactlyOnce);
    for (number, packet_id, qos, stage) in [
        (1, 1, one, Stage::PubAck),
        (2, 2, two, Stage::PubRec),
        (3, 3, two, Stage::PubComp),
        (4, 0, one, Stage::Queued),
        (5, 0, one, Stage::Queued),
        (6, 9, two, Stage::Incoming),
    ] {
        restore.delivery("s", KeptDelivery { number, packet_id, qos, retain: false, identifier: 0, stage });
    }
    restore.subscription("s", "n/#", 1, 0);
    restore.subscription("s", "$share/g/shared", 1, 0);
    restore
}

#[test]
fn debians_broker_goes_on_with_a_file_that_was_written_here() {
    if !are_there(&["mosquitto"]) {
        return;
    }
    let (scratch, port) = (Scratch::new(), free_port());
    std::fs::write(scratch.path().join("mosquitto.db"), file(everything())).unwrap();
    let config =
        "listener PORT 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location DIR/\nuser root\n";
    let config = scratch.file("mosquitto.conf", &scratch.filled(config, port, 0));
    let debians = Program::start(DEBIANS_BROKER.as_ref(), ["-c".as_ref(), config.as_os_str()]);
    debians.stderr.wait_for(" running");
    let dial = || Broker::dial_address(([127, 0, 0, 1], port).into());
    let mut session = client("s").v311().persistent().over(dial());
    assert_eq!(session.next(), Got::ConnAck { present: true, reason: 0 });
    // [MQTT-4.4.0-1]
    let mut came: Vec<_> = (0..5).map(|_| said(&session.next())).collect();
    came.sort();
    assert_eq!(came, ["PubRel 3", "n/1 1 q1", "n/2 2 q2", "n/4 4 q1", "n/5 5 q1"]);
    for (kind, id) in [(PacketType::PubAck, 1), (PacketType::PubRec, 2), (PacketType::PubComp, 3)] {
        session.ack(kind, id);
    }
    session.ack(PacketType::PubAck, 4);
    session.ack(PacketType::PubAck, 5);
    assert_eq!(said(&session.next()), "PubRel 2");
    session.ack(PacketType::PubComp, 2);
    // What the client had sent is released, and comes back by its own subscription.
    session.ack(PacketType::PubRel, 9);
    let mut came = [said(&session.next()), said(&session.next())];
    came.sort();
    assert_eq!(came, ["PubComp 9", "n/in 6 q1"]);
    session.ack(PacketType::PubAck, 6);
    let mut other = client("other").over(dial());
    assert_eq!(other.next(), Got::ConnAck { present: false, reason: 0 });
    other.publish("shared", "x", 1);
    assert_eq!(said(&session.next()), "shared 7 q1");
    let mut third = client("third").version(ProtocolVersion::V311).over(dial());
    assert_eq!(third.next(), Got::ConnAck { present: false, reason: 0 });
    third.subscribe("r/#", 0);
    let message = third.message();
    assert_eq!((message.topic.as_str(), message.text(), message.retain), ("r/1", "r/1", true));
}

fn said(got: &Got) -> String {
    match got {
        Got::Message(message) => format!("{} {} q{}", message.topic, message.packet_id, message.qos),
        Got::Ack(kind, id, _) => format!("{kind:?} {id}"),
        other => format!("{other:?}"),
    }
}
