//! `mosquitto.db` to a broker, and a broker to `mosquitto.db`.

use mosquitto_broker::{
    Change, KeptDelivery, KeptFilter, KeptMessage, KeptSession, Moment, Persistence, Restore, Restored, STAND_IN,
    SessionPart, Settings, Shard, ShardId, Shared, Stage,
};
use mosquitto_mqtt::QoS;
use mosquitto_storage::snapshot::{SnapshotWriter, load};
use mosquitto_storage::{Chunk, Reader};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The wall clock at the moment 0, in milliseconds: in 2026, like that of the files.
const EPOCH_MS: u64 = 1_790_000_000_000;

const NOW: Moment = Moment(5_000);

/// Written by Debian's Mosquitto 2.0.11, and by Mosquitto 2.1.2, after the same conversation: `away` subscribes to `q/#` at
/// QoS 2 with Retain As Published and the identifier 7, to `n/+` at QoS 1 with No Local, and leaves; `busy`, of MQTT 3.1.1,
/// subscribes to `q/#` and is there, but takes three messages at once, and has taken the second one for good; `sender` has
/// sent a QoS 2 message and not released it.
const FILES: [(&str, &[u8]); 2] = [
    ("2.0.11", include_bytes!("../data/mosquitto-2.0.11.db")),
    ("2.1.2", include_bytes!("../data/mosquitto-2.1.2.db")),
];

/// A broker that does not run.
struct Broker {
    shared: Arc<Shared>,
    shards: Vec<Shard>,
    restored: Restored,
}

impl Broker {
    fn settings() -> Arc<Settings> {
        // Lower than what is queued, which must not cut it.
        let (check_retain_source, max_queued_messages) = (true, 1);
        let persistence = Persistence::Synced;
        Arc::new(Settings { check_retain_source, max_queued_messages, persistence, ..Settings::default() })
    }

    fn of(restore: Restore, shards: u16) -> Self {
        let shared = Shared::new(shards);
        let shard = |at| Shard::new(ShardId(at), Arc::clone(&shared), Self::settings(), [1; 32]);
        let mut shards: Vec<Shard> = (0..shards).map(shard).collect();
        let restored = restore.install(&shared, &mut shards);
        Self { shared, shards, restored }
    }

    fn load(file: &[u8], shards: u16) -> Self {
        let mut restore = Restore::new(Self::settings(), EPOCH_MS, NOW);
        load(&mut Reader::new(file).unwrap(), &mut restore).unwrap();
        Self::of(restore, shards)
    }

    fn save(&mut self) -> Vec<u8> {
        let last = self.restored.next_number + 1000;
        let mut writer = SnapshotWriter::new(Vec::new(), EPOCH_MS, last, true).unwrap();
        let (mut retained, mut filters) = (Vec::new(), Vec::new());
        let (mut place, mut node) = (Some(0), Some(0));
        while let Some(from) = place {
            place = self.shared.retained_slice(from, 2, &mut retained);
        }
        for part in &retained {
            writer.retained(part).unwrap();
        }
        for shard in &mut self.shards {
            shard.hand_over_all(|parts| parts.iter().for_each(|part| writer.session(part).unwrap()));
        }
        while let Some(from) = node {
            node = self.shared.subscription_slice(from, 2, &mut filters);
        }
        for filter in &filters {
            writer.filter(filter).unwrap();
        }
        writer.finish().0
    }

    /// All that there is, as text.
    fn state(&mut self) -> Vec<String> {
        let (mut lines, mut names) = (Vec::new(), BTreeMap::new());
        for shard in &mut self.shards {
            shard.hand_over_all(|parts| {
                for SessionPart { key, client_id, head, messages } in parts {
                    if let Some(head) = head {
                        let username = head.username.as_deref().unwrap_or("-");
                        let end = head.ends_at.map(|at| (EPOCH_MS + at.0) / 1000);
                        lines.push(format!(
                            "{client_id}: user {username}, port {}, {} s, ends {end:?}, last id {}",
                            head.listener_port, head.expiry_s, head.last_packet_id
                        ));
                    }
                    for (at, held) in messages.iter().enumerate() {
                        let (stage, retain) = (held.stage, if held.retain { " retain" } else { "" });
                        let text = held.message().map_or("-".to_owned(), |message| text(&message));
                        let (id, qos) = (held.packet_id, held.qos.bits());
                        let identifier = held.identifier;
                        lines.push(format!("{client_id} {at}: {stage:?} {id} q{qos}{retain} #{identifier} {text}"));
                    }
                    names.insert(key, client_id);
                }
            });
        }
        let (mut retained, mut filters) = (Vec::new(), Vec::new());
        self.shared.retained_slice(0, usize::MAX, &mut retained);
        for part in &retained {
            let by = part.publisher().map_or("-".to_owned(), |p| format!("{} {:?}", p.client_id, p.username));
            lines.push(format!("retained {} by {by}", text(&part.message())));
        }
        self.shared.subscription_slice(0, u32::MAX, &mut filters);
        for KeptFilter { filter, subscribers } in filters {
            for subscriber in subscribers {
                let (name, identifier) = (&names[&subscriber.session], subscriber.identifier);
                lines.push(format!("{name} subscribes {filter} {:#04x} #{identifier}", subscriber.options));
            }
        }
        lines.sort();
        lines
    }
}

fn text(message: &KeptMessage<'_>) -> String {
    let KeptMessage { topic, properties, payload, qos, retain, expires_at, .. } = message;
    let expiry = if *expires_at == Moment::NEVER { String::new() } else { format!(" until {}", expires_at.0 / 1000) };
    let retain = if *retain { " retain" } else { "" };
    format!("{topic} {:?} q{}{retain} {properties:?}{expiry}", String::from_utf8_lossy(payload), qos.bits())
}

/// What both files come to. 2.0.11 writes memory of its own as the user name of `sender`.
const STATE: [&str; 20] = [
    r#"away 0: Queued 1 q1 #7 q/1 "one" q1 []"#,
    r#"away 1: Queued 2 q2 #7 q/2 "two" q2 []"#,
    r#"away 2: Queued 3 q2 #7 q/3 "three" q2 [1, 1]"#,
    r#"away 3: Queued 4 q1 #7 q/4 "four" q1 [38, 0, 1, 107, 0, 1, 118]"#,
    r#"away 4: Queued 5 q1 retain #7 q/5 "five" q1 retain []"#,
    "away subscribes n/+ 0x05 #0",
    "away subscribes q/# 0x0a #7",
    // The file has a later time than its clock allows here.
    "away: user u, port 18998, 2000000000 s, ends Some(3790000005), last id 5",
    r#"busy 0: PubAck 1 q1 #0 q/1 "one" q1 []"#,
    "busy 1: PubComp 2 q2 #0 -",
    r#"busy 2: PubRec 3 q2 #0 q/3 "three" q2 [1, 1]"#,
    r#"busy 3: Queued 4 q1 #0 q/4 "four" q1 [38, 0, 1, 107, 0, 1, 118]"#,
    r#"busy 4: Queued 5 q1 #0 q/5 "five" q1 retain []"#,
    "busy subscribes q/# 0x02 #0",
    "busy: user -, port 18998, 4294967295 s, ends None, last id 5",
    r#"retained q/5 "five" q1 retain [] by publisher Some("someone")"#,
    r#"retained r/1 "retained" q0 retain [] by publisher Some("someone")"#,
    r#"retained r/2 "retained two" q1 retain [] until 2153391319 by publisher Some("someone")"#,
    r#"sender 0: Incoming 9 q2 #0 in/1 "unreleased" q2 []"#,
    "sender: user -, port 18998, 4294967295 s, ends None, last id 0",
];

#[test]
fn files_of_mosquitto_are_restored_as_they_were_written() {
    for (version, file) in FILES {
        for shards in [1, 4] {
            let mut broker = Broker::load(file, shards);
            let state: Vec<String> =
                broker.state().iter().map(|line| line.replace("sender: user u", "sender: user -")).collect();
            let until = |line: &str| line.split(" until ").next().unwrap().to_owned();
            assert_eq!(
                state.iter().map(|line| until(line)).collect::<Vec<_>>(),
                STATE.map(until),
                "{version} on {shards} shards"
            );
            let restored = &broker.restored;
            let counts = (restored.clients, restored.subscriptions, restored.retained, restored.client_messages);
            assert_eq!((counts, restored.base_messages), ((3, 3, 3, 11), 8), "{version}");
            assert_eq!(restored.skipped, mosquitto_broker::Skipped::default(), "{version}");
        }
    }
}

#[test]
fn what_is_written_is_restored_as_it_was() {
    for (version, file) in FILES {
        let mut broker = Broker::load(file, 3);
        let saved = broker.save();
        let mut again = Broker::load(&saved, 2);
        // Who published something is known of what is retained, and asked for of that only.
        assert_eq!(again.state(), broker.state(), "{version}");
        assert!(again.restored.next_number > broker.restored.next_number);
        assert_eq!(again.restored.base_messages, broker.restored.base_messages);
    }
}

/// A message with a number for a topic.
fn message(number: u64, topic: &str) -> KeptMessage<'_> {
    let (properties, payload, qos, retain, expires_at) = (&[][..], &b"x"[..], QoS::AtLeastOnce, false, Moment::NEVER);
    KeptMessage { number, topic, properties, payload, qos, retain, expires_at }
}

fn delivery(number: u64, packet_id: u16, stage: Stage) -> KeptDelivery {
    let qos = if stage == Stage::PubComp { QoS::ExactlyOnce } else { QoS::AtLeastOnce };
    KeptDelivery { number, packet_id, qos, retain: false, identifier: 0, stage }
}

fn session(client_id: &str) -> KeptSession<'_> {
    let (username, listener_port, expiry_s, ends_at_ms, last_packet_id) = (None, 1883, u32::MAX, None, 0);
    KeptSession { client_id, username, listener_port, expiry_s, ends_at_ms, last_packet_id }
}

#[test]
fn a_message_stands_in_a_file_once_and_before_what_refers_to_it() {
    let mut restore = Restore::new(Broker::settings(), EPOCH_MS, NOW);
    restore.message(message(5, "a"), None);
    restore.message(message(6, "b"), None);
    for client in ["c", "d", "e"] {
        restore.session(session(client));
        restore.delivery(client, delivery(5, 1, Stage::PubAck));
        restore.delivery(client, delivery(6, 2, Stage::PubComp));
        restore.delivery(client, delivery(5, 0, Stage::Queued));
        restore.subscription(client, "$share/g/x/+", 1, 0);
    }
    restore.delivery("d", delivery(6, 0, Stage::Queued));
    restore.retained(6);
    let saved = Broker::of(restore, 2).save();
    let (mut reader, mut there, mut references) = (Reader::new(&saved[..]).unwrap(), HashMap::new(), 0);
    while let Some(entry) = reader.next_entry().unwrap() {
        let referred = match entry.chunk {
            Chunk::BaseMessage(message) => {
                assert_eq!(there.insert(message.store_id, message.topic.to_owned()), None, "{message:?}");
                continue;
            }
            Chunk::ClientMessage(message) => message.store_id,
            Chunk::Retained(retained) => retained.store_id,
            _ => continue,
        };
        references += 1;
        assert!(there.contains_key(&referred), "{referred}");
    }
    assert_eq!(references, 3 * 3 + 2);
    let mut all: Vec<_> = there.into_iter().collect();
    all.sort();
    let all: Vec<_> = all.iter().map(|(id, topic)| (*id, topic.as_str())).collect();
    assert_eq!(all, [(5, "a"), (6, "b"), (6 | STAND_IN, "-")]);
    // And comes back so.
    let mut again = Broker::load(&saved, 1);
    let state = again.state();
    assert!(state.contains(&"d 1: PubComp 2 q2 #0 -".to_owned()), "{state:#?}");
    assert!(state.contains(&"e subscribes $share/g/x/+ 0x01 #0".to_owned()), "{state:#?}");
    assert_eq!(again.restored.next_number, 7 + 1000 + 1);
}

/// A session is handed over bit by bit, and may go on meanwhile.
#[test]
fn what_went_out_after_it_was_handed_over_as_queued_is_not_in_the_queue() {
    for stage in [Stage::PubAck, Stage::PubComp] {
        let mut restore = Restore::new(Broker::settings(), EPOCH_MS, NOW);
        restore.message(message(5, "a"), None);
        restore.message(message(6, "b"), None);
        restore.session(session("c"));
        for number in [5, 5, 6] {
            restore.delivery("c", delivery(number, 0, Stage::Queued));
        }
        restore.delivery("c", delivery(5, 1, stage));
        let mut broker = Broker::of(restore, 1);
        assert_eq!(broker.restored.client_messages, 3, "one in flight, two queued");
        let queued = broker.state().iter().filter(|line| line.contains("Queued")).count();
        assert_eq!(queued, 2, "{stage:?}");
    }
}

#[test]
fn what_makes_no_sense_is_left_out_and_counted() {
    let mut restore = Restore::new(Broker::settings(), EPOCH_MS, NOW);
    restore.message(message(1, "a"), None);
    for bad in [message(1, "b"), message(0, "b"), message(2, ""), message(3, "a/#"), message(4, "a\0")] {
        restore.message(bad, None);
    }
    // A flipped bit is enough for that; no client would read a PUBLISH with it.
    restore.message(message(10, "r/\u{11}/0"), None);
    restore.session(session(""));
    restore.session(session("c"));
    for bad in [delivery(9, 1, Stage::PubAck), delivery(1, 0, Stage::PubRec), delivery(1, 0, Stage::Incoming)] {
        restore.delivery("c", bad);
    }
    restore.delivery("", delivery(1, 1, Stage::PubAck));
    (0..3).for_each(|_| restore.delivery("c", delivery(1, 7, Stage::PubAck)));
    restore.delivery("unknown", delivery(1, 0, Stage::Queued));
    restore.retained(8);
    for (filter, options) in [("", 0), ("a/#/b", 0), ("$share//a", 0), ("a", 3)] {
        restore.subscription("c", filter, options, 0);
    }
    restore.known(&[255; 9]);
    restore.frame(0, &[17; 40]);
    restore.boot(0, &[1, 2]);
    let skipped = restore.skipped();
    assert_eq!((skipped.messages, skipped.subscriptions, skipped.sessions, skipped.frames), (6, 4, 1, 3));
    assert_eq!(skipped.unknown, 5);
}

#[test]
fn a_message_of_an_unknown_client_makes_its_session_and_an_identifier_in_use_stays_the_first_ones() {
    let mut restore = Restore::new(Broker::settings(), EPOCH_MS, NOW);
    restore.message(message(1, "a"), None);
    restore.message(message(2, "b"), None);
    (0..3).for_each(|_| restore.delivery("c", delivery(1, 7, Stage::PubAck)));
    let mut broker = Broker::of(restore, 1);
    assert_eq!((broker.restored.clients, broker.restored.client_messages, broker.restored.skipped.unknown), (1, 1, 2));
    assert_eq!(
        broker.state(),
        [r#"c 0: PubAck 7 q1 #0 a "x" q1 []"#, "c: user -, port 0, 4294967295 s, ends None, last id 0"]
    );
}

#[test]
fn time_goes_on_while_the_broker_does_not() {
    // [MQTT-3.1.2-23]
    let wall_ms = EPOCH_MS + NOW.0;
    let mut restore = Restore::new(Broker::settings(), EPOCH_MS, NOW);
    for (name, ends_at_ms, expiry_s) in [
        ("over", Some(wall_ms - 1), 100),
        ("left", Some(wall_ms + 30_000), 100),
        ("there", None, 100),
        ("without", None, 0),
        ("ever", None, u32::MAX),
    ] {
        restore.session(KeptSession { ends_at_ms, expiry_s, ..session(name) });
    }
    let short_lived = restore.moment(wall_ms + 1);
    let over = restore.moment(wall_ms);
    restore.message(KeptMessage { expires_at: short_lived, ..message(1, "a") }, None);
    restore.message(KeptMessage { expires_at: over, ..message(2, "b") }, None);
    for number in [1, 2] {
        restore.delivery("ever", delivery(number, 0, Stage::Queued));
        restore.retained(number);
    }
    let mut broker = Broker::of(restore, 1);
    let ends = |seconds: u64| format!("ends Some({})", (wall_ms + seconds * 1000) / 1000);
    let state = broker.state();
    for (name, end) in [("left", ends(30)), ("there", ends(100)), ("ever", "ends None".to_owned())] {
        assert!(state.iter().any(|line| line.starts_with(&format!("{name}:")) && line.contains(&end)), "{state:#?}");
    }
    let restored = &broker.restored;
    assert_eq!((restored.clients, restored.expired_sessions, restored.expired_messages), (3, 2, 2));
    assert_eq!((restored.client_messages, restored.retained), (1, 1));
    // Its deadline is set: the session of `left` ends by itself.
    let shard = &mut broker.shards[0];
    assert_eq!(shard.next_deadline(), Some(NOW + 30_000));
    shard.begin(NOW + 30_000);
    shard.end();
    assert_eq!(shard.session_count(), 2);
}

#[test]
fn another_broker_that_began_in_between_has_other_keys() {
    let first = Broker::load(FILES[1].1, 2);
    let mut restore = Restore::new(Broker::settings(), EPOCH_MS, NOW);
    load(&mut Reader::new(FILES[1].1).unwrap(), &mut restore).unwrap();
    restore.boot(EPOCH_MS, &first.restored.boot);
    let mut records = &first.restored.boot[..];
    let mut frame = Vec::new();
    while let Some(change) = Change::decode(&mut records) {
        if let Change::Known { session, client_id: "sender" } = change {
            Change::Released { session, packet_id: 9 }.encode(&mut frame);
            Change::Subscribed { session, filter: "new", options: 1, identifier: 3 }.encode(&mut frame);
        }
    }
    restore.frame(EPOCH_MS, &frame);
    let state = Broker::of(restore, 3).state();
    assert!(state.contains(&"sender subscribes new 0x01 #3".to_owned()), "{state:#?}");
    assert!(!state.iter().any(|line| line.starts_with("sender 0:")), "{state:#?}");
    assert_eq!(state.len(), STATE.len());
}

/// Says how long a million messages of 256 bytes take; to be run with `--release --ignored --nocapture`.
#[test]
#[ignore = "measures"]
#[allow(clippy::too_many_lines, reason = "one thing after the other")]
fn a_million_messages_are_restored_in_a_moment() {
    const MESSAGES: u64 = 1_000_000;
    let payload = [7; 256];
    // Processor time in microseconds, since the machine may have other things to do.
    let clock = || {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        now.tv_sec * 1_000_000 + now.tv_nsec / 1000
    };
    let time = |what: &str, since: i64| {
        let took = clock() - since;
        let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("{what}: {took} us\n"));
    };
    for (what, sessions, retained) in [
        ("one session", 1, false),
        ("1000 sessions", 1000, false),
        ("each its own", MESSAGES, false),
        ("retained", 0, true),
    ] {
        let mut restore = Restore::new(Broker::settings(), EPOCH_MS, NOW);
        for number in 1..=MESSAGES {
            let topic = if retained { format!("a/{}/{}", number % 1000, number) } else { "t/u".to_owned() };
            restore.message(KeptMessage { payload: &payload, ..message(number, &topic) }, None);
            if retained {
                restore.retained(number);
            } else {
                restore.delivery(&format!("client-{}", number % sessions), delivery(number, 0, Stage::Queued));
            }
        }
        let mut broker = Broker::of(restore, 2);
        let begin = clock();
        let file = broker.save();
        time(&format!("{what}, saved, {} MB", file.len() / 1_000_000), begin);
        drop(broker);
        let begin = clock();
        let broker = Broker::load(&file, 2);
        time(&format!("{what}, loaded"), begin);
        assert_eq!(broker.restored.client_messages + broker.restored.retained, MESSAGES);
        drop(broker);
        // The same from records.
        let key =
            |client: u64| mosquitto_broker::SessionKey { shard: ShardId(0), slot: client as u32, epoch: client as u32 };
        let mut frame = Vec::new();
        for client in 0..sessions {
            let (client_id, session) = (&*format!("client-{client}"), key(client));
            Change::Connected { session, client_id, username: None, listener_port: 0, expiry_s: u32::MAX }
                .encode(&mut frame);
        }
        for number in 1..=MESSAGES {
            let topic = if retained { format!("a/{}/{}", number % 1000, number) } else { "t/u".to_owned() };
            let message = KeptMessage { payload: &payload, ..message(number, &topic) };
            let (qos, identifier) = (QoS::AtLeastOnce, 0);
            let target = |client| mosquitto_broker::Target { session: key(client), qos, retain: false, identifier };
            let targets = if retained { Vec::new() } else { vec![target(number % sessions)] };
            Change::Published { message, targets }.encode(&mut frame);
            if retained {
                Change::Retained { serial: number, message: number, publisher: None }.encode(&mut frame);
            }
        }
        let begin = clock();
        let mut restore = Restore::new(Broker::settings(), EPOCH_MS, NOW);
        restore.frame(EPOCH_MS, &frame);
        let mut broker = Broker::of(restore, 2);
        time(&format!("{what}, replayed"), begin);
        assert_eq!(broker.restored.client_messages + broker.restored.retained, MESSAGES);
        // And handed over, a tick's part at a time.
        broker.shards.iter_mut().for_each(Shard::begin_hand_over);
        let (first, second) = broker.shards.split_at_mut(1);
        let mail = first[0].exchange_mail(ShardId(1), mosquitto_broker::Mail::default());
        second[0].mail(&mail);
        let (mut longest, mut all) = (0, 0);
        let mail = second[0].exchange_mail(ShardId(0), mosquitto_broker::Mail::default());
        first[0].mail(&mail);
        for shard in &mut broker.shards {
            loop {
                let (begin, mut parts) = (clock(), Vec::new());
                let slice = shard.hand_over(Shard::HAND_OVER_STEPS, &mut parts);
                longest = longest.max(clock() - begin);
                all += clock() - begin;
                if slice == mosquitto_broker::Slice::Done {
                    break;
                }
            }
        }
        let _ = std::io::Write::write_fmt(
            &mut std::io::stderr(),
            format_args!("{what}, handed over: {all} us, at most {longest} us at once\n"),
        );
    }
}
