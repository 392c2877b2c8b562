//! `instructions CASE ROUNDS`: has the broker's core, without sockets and threads, do one thing so many times. `.ci/instructions`
//! runs it under callgrind with two numbers of rounds; the difference is what a round costs, without what is done before.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "it is run by a script, with arguments of its own"
)]

use mosquitto_broker::{ConnectionId, ListenerSettings, Moment, Settings, Shard, ShardId, Shared, Then};
use mosquitto_mqtt::packet::{Ack, Connect, Disconnect, Publish, Subscribe, Subscription, SubscriptionOptions};
use mosquitto_mqtt::{FixedHeader, Packet, PacketType, Properties, ProtocolVersion, QoS, ReasonCode};
use std::collections::BTreeMap;
use std::io::IoSlice;
use std::sync::Arc;

const V311: ProtocolVersion = ProtocolVersion::V311;
const PAYLOAD: &[u8] = &[b'x'; 64];
/// Filters of the tree in which is looked for a match.
const FILTERS: usize = 1_000_000;
/// Topics that are looked for, one after the other: more than the broker remembers.
const TOPICS: usize = 20_000;
/// Messages in a queue, and retained ones, that one round is about.
const MESSAGES: usize = 100;

/// A case, and a round of it.
type Case = (&'static str, fn(usize));

const CASES: [Case; 12] = [
    ("publish-qos0-to-1", |rounds| publish(rounds, QoS::AtMostOnce, 1)),
    ("publish-qos0-to-10", |rounds| publish(rounds, QoS::AtMostOnce, 10)),
    ("publish-qos0-to-1000", |rounds| publish(rounds, QoS::AtMostOnce, 1000)),
    ("publish-qos1-to-1", |rounds| publish(rounds, QoS::AtLeastOnce, 1)),
    ("publish-qos1-to-10", |rounds| publish(rounds, QoS::AtLeastOnce, 10)),
    ("publish-qos1-to-1000", |rounds| publish(rounds, QoS::AtLeastOnce, 1000)),
    ("publish-qos2-to-1", |rounds| publish(rounds, QoS::ExactlyOnce, 1)),
    ("publish-qos2-to-10", |rounds| publish(rounds, QoS::ExactlyOnce, 10)),
    ("match-among-1000000", match_among),
    ("connect", connect),
    ("queue-and-drain-100", queue_and_drain),
    ("retained-fetch-100", retained_fetch),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, rounds] = &arguments[..] else {
        for (name, _) in CASES {
            println!("{name}");
        }
        return;
    };
    let (_, run) = CASES.iter().find(|(known, _)| known == name).expect("one of the cases");
    run(rounds.parse().expect("a number of rounds"));
}

fn publish(rounds: usize, qos: QoS, subscribers: usize) {
    let mut broker = Broker::new();
    for number in 0..subscribers {
        let subscriber = broker.client(&format!("s{number}"), true);
        broker.subscribe(subscriber, qos, ["a/topic".to_owned()].into_iter());
    }
    let publisher = broker.client("p", true);
    for _ in 0..rounds {
        broker.publish(publisher, qos, false, "a/topic");
    }
    assert_eq!(broker.delivered, rounds * subscribers);
}

fn match_among(rounds: usize) {
    let mut broker = Broker::new();
    let filter = |number: usize| {
        let last = if number.is_multiple_of(4) { "+" } else { "value" };
        format!("site/{}/{number}/{last}", number % 100)
    };
    let crowd = broker.client("crowd", true);
    for part in 0..FILTERS / 500 {
        broker.subscribe(crowd, QoS::AtMostOnce, (part * 500..(part + 1) * 500).map(filter));
    }
    let publisher = broker.client("p", true);
    for number in (0..TOPICS).cycle().take(rounds) {
        broker.publish(publisher, QoS::AtMostOnce, false, &format!("site/{}/{number}/value", number % 100));
    }
    assert_eq!(broker.delivered, rounds);
}

fn connect(rounds: usize) {
    let mut broker = Broker::new();
    for _ in 0..rounds {
        let client = broker.client("client", true);
        broker.disconnect(client);
    }
}

fn queue_and_drain(rounds: usize) {
    let mut broker = Broker::new();
    let publisher = broker.client("p", true);
    let mut subscriber = broker.client("s", false);
    broker.subscribe(subscriber, QoS::AtLeastOnce, ["a/topic".to_owned()].into_iter());
    for _ in 0..rounds {
        broker.disconnect(subscriber);
        for _ in 0..MESSAGES {
            broker.publish(publisher, QoS::AtLeastOnce, false, "a/topic");
        }
        subscriber = broker.client("s", false);
    }
    assert_eq!(broker.delivered, rounds * MESSAGES);
}

fn retained_fetch(rounds: usize) {
    let mut broker = Broker::new();
    let client = broker.client("c", true);
    for number in 0..MESSAGES {
        broker.publish(client, QoS::AtMostOnce, true, &format!("kept/{number}"));
    }
    for _ in 0..rounds {
        // Each SUBSCRIBE has them come again.
        broker.subscribe(client, QoS::AtMostOnce, ["kept/#".to_owned()].into_iter());
    }
    assert_eq!(broker.delivered, rounds * MESSAGES);
}

/// A broker of one shard, and its clients, who acknowledge what they get at once.
struct Broker {
    shard: Shard,
    now: Moment,
    /// What is on the way to the broker, by connection.
    inbox: BTreeMap<ConnectionId, Vec<u8>>,
    /// Messages that came to clients.
    delivered: usize,
    touched: Vec<ConnectionId>,
    closing: Vec<ConnectionId>,
    /// What a client gets.
    outbox: Vec<u8>,
}

impl Broker {
    fn new() -> Self {
        let settings = Settings {
            max_queued_messages: 0,
            listeners: vec![ListenerSettings { allow_anonymous: true, ..ListenerSettings::default() }],
            ..Settings::default()
        };
        let shard = Shard::new(ShardId(0), Shared::new(1), Arc::new(settings), [1; 32]);
        let (inbox, touched, closing) = (BTreeMap::new(), Vec::new(), Vec::new());
        Self { shard, now: Moment(1_000_000), inbox, delivered: 0, touched, closing, outbox: Vec::new() }
    }

    fn client(&mut self, client_id: &str, clean_start: bool) -> ConnectionId {
        self.shard.begin(self.now);
        let id = self.shard.open("127.0.0.1:50000", 0);
        self.shard.end();
        let connect = Connect {
            version: V311,
            bridge: false,
            clean_start,
            keep_alive_s: 0,
            properties: Properties::EMPTY,
            client_id,
            will: None,
            username: None,
            password: None,
        };
        self.send(id, &Packet::Connect(connect));
        id
    }

    fn disconnect(&mut self, id: ConnectionId) {
        self.send(id, &Packet::Disconnect(Disconnect::new(ReasonCode::SUCCESS)));
    }

    fn subscribe(&mut self, id: ConnectionId, qos: QoS, filters: impl Iterator<Item = String>) {
        let filters: Vec<_> = filters.collect();
        let options = SubscriptionOptions::qos(qos);
        let subscriptions = filters.iter().map(|filter| Subscription { filter, options });
        Subscribe::write(1, Properties::EMPTY, subscriptions, V311, self.inbox.entry(id).or_default());
        self.run();
    }

    fn publish(&mut self, id: ConnectionId, qos: QoS, retain: bool, topic: &str) {
        let packet_id = u16::from(qos != QoS::AtMostOnce);
        let properties = Properties::EMPTY;
        let publish = Publish { dup: false, qos, retain, topic, packet_id, properties, payload: PAYLOAD };
        self.send(id, &Packet::Publish(publish));
    }

    fn send(&mut self, id: ConnectionId, packet: &Packet<'_>) {
        packet.encode(V311, self.inbox.entry(id).or_default());
        self.run();
    }

    /// Ticks until nothing moves any more.
    fn run(&mut self) {
        loop {
            self.now = Moment(self.now.0 + 1);
            self.shard.begin(self.now);
            for (id, mut bytes) in std::mem::take(&mut self.inbox) {
                let received = self.shard.received(id, &bytes);
                bytes.drain(..received.consumed);
                if !bytes.is_empty() {
                    assert!(matches!(received.then, Then::Busy | Then::Full), "{:?}", received.then);
                    self.inbox.insert(id, bytes);
                }
            }
            self.shard.end();
            if !self.drain() && self.inbox.is_empty() {
                return;
            }
        }
    }

    /// Whether anything came out.
    fn drain(&mut self) -> bool {
        self.shard.touched(&mut self.touched);
        let mut moved = false;
        for id in std::mem::take(&mut self.touched) {
            let mut slices = [IoSlice::new(&[]); 16];
            let filled = self.shard.output(id, &mut slices);
            let mut bytes = std::mem::take(&mut self.outbox);
            slices[..filled].iter().for_each(|slice| bytes.extend_from_slice(slice));
            moved |= !bytes.is_empty();
            self.shard.sent(id, bytes.len());
            self.hear(id, &bytes);
            bytes.clear();
            self.outbox = bytes;
        }
        self.shard.closing(&mut self.closing);
        for id in std::mem::take(&mut self.closing) {
            self.inbox.remove(&id);
            self.shard.release(id);
        }
        self.shard.log_lines(&mut Vec::new());
        moved
    }

    fn hear(&mut self, id: ConnectionId, mut bytes: &[u8]) {
        while let Some(header) = FixedHeader::parse(bytes).unwrap() {
            let (packet, rest) = bytes.split_at(header.packet_len());
            bytes = rest;
            // Little is done here, since it is counted as well: what needs no answer is not looked into.
            if header.first_byte == PacketType::Publish.first_byte() {
                self.delivered += 1;
                continue;
            }
            let packet = Packet::decode(header, &packet[usize::from(header.header_len)..], V311).unwrap();
            let (kind, packet_id) = match packet {
                Packet::Publish(publish) => {
                    self.delivered += 1;
                    let kind = match publish.qos {
                        QoS::AtMostOnce => continue,
                        QoS::AtLeastOnce => PacketType::PubAck,
                        QoS::ExactlyOnce => PacketType::PubRec,
                    };
                    (kind, publish.packet_id)
                }
                Packet::PubRec(ack) => (PacketType::PubRel, ack.packet_id),
                Packet::PubRel(ack) => (PacketType::PubComp, ack.packet_id),
                _ => continue,
            };
            let answer = Ack::new(packet_id, ReasonCode::SUCCESS);
            answer.encode(kind, V311, self.inbox.entry(id).or_default());
        }
    }
}
