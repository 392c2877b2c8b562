//! Those who should not notice: pairs with a steady, low rate, and clients who ask whether the broker is there. And the broker's
//! memory.

#![allow(clippy::indexing_slicing, reason = "pairs are numbered here; the number in a payload is looked up with get")]

use crate::arrivals::{self, Caller, Client};
use crate::bench::{Bench, Failure};
use crate::clock::{self, MILLISECOND, Nanos};
use crate::net::{Hears, Net};
use crate::options::Settings;
use crate::process::Process;
use crate::report::Latency;
use crate::sequence::{Arrival, Sequence};
use crate::stamp::{self, Stamp};
use mosquitto_mqtt::packet::{Ack, Publish};
use mosquitto_mqtt::{Packet, Properties, ProtocolVersion, QoS, ReasonCode};
use std::sync::atomic::{AtomicU8, Ordering};

/// So many that each of a broker's threads has some.
const PAIRS: usize = 8;
/// Between two messages of all pairs together.
const PACE: Nanos = 2 * MILLISECOND;
const PINGERS: usize = 4;
/// From one answer to the next question of a pinger.
const BETWEEN_PINGS: Nanos = 20 * MILLISECOND;
/// Between two looks at the broker's memory.
const LOOK: Nanos = 10 * MILLISECOND;
const PAYLOAD: usize = 64;

/// What is going on: nothing, the load, or the end.
#[derive(Debug, Default)]
pub(super) struct Phase(AtomicU8);

/// Before it, 0, nothing is going on.
const LOADED: u8 = 1;
const OVER: u8 = 2;

impl Phase {
    fn now(&self) -> u8 {
        self.0.load(Ordering::Acquire)
    }

    pub(super) fn load(&self) {
        self.0.fetch_max(LOADED, Ordering::AcqRel);
    }

    pub(super) fn end(&self) {
        self.0.fetch_max(OVER, Ordering::AcqRel);
    }

    /// False once who watches has given up.
    pub(super) fn is_watched(&self) -> bool {
        self.now() != OVER
    }
}

/// What they have seen.
#[derive(Debug)]
pub(super) struct Seen {
    /// From when a message was sent: before the load, and under it. A thread that was itself late says nothing about the broker,
    /// and sends without regard to what has come, so that no message waits for another one's answer.
    pub(super) latency: [Latency; 2],
    /// How late a message was sent.
    pub(super) lag: Latency,
    pub(super) sent: u64,
    pub(super) lost: u64,
    pub(super) wrong: u64,
    pub(super) cut_off: u64,
    pub(super) pings: u64,
    pub(super) unanswered: u64,
    pub(super) longest_ping: Nanos,
    pub(super) resident_first_kib: u64,
    pub(super) resident_most_kib: u64,
}

#[derive(Debug, Clone, Copy)]
enum Role {
    Publisher,
    Subscriber(usize),
    Pinger(usize),
}

/// All of them.
#[derive(Debug)]
pub(super) struct Watch {
    bench: Bench,
    process: Option<Process>,
    eyes: Eyes,
}

#[derive(Debug)]
struct Eyes {
    run: u32,
    base: String,
    /// By link.
    roles: Vec<Option<Role>>,
    publishers: Vec<usize>,
    numbers: Vec<u32>,
    arrivals: Vec<Sequence>,
    received: u64,
    /// Of each pinger: its link, when it has asked, and when it asks again.
    pingers: Vec<(usize, Option<Nanos>, Nanos)>,
    payload: Vec<u8>,
    /// From when on it is the load's.
    loaded_from: Nanos,
    seen: Seen,
}

impl Watch {
    /// With connections of its own.
    pub(super) fn begin(settings: &Settings, process: Option<Process>) -> Result<Self, Failure> {
        let settings = settings.of_pairs(ProtocolVersion::V311, QoS::AtLeastOnce, PAIRS, 1.0);
        let mut bench = Bench::new(settings)?;
        let base = bench.topic();
        let (publisher, subscriber, pinger) = (
            |i| Caller { id: bench.client_id('p', i), ..Caller::default() },
            |i| Caller { id: bench.client_id('s', i), filters: vec![format!("{base}/by/{i}")], ..Caller::default() },
            |i| Caller { id: bench.client_id('g', i), ..Caller::default() },
        );
        let callers: Vec<Caller> =
            (0..PAIRS).map(subscriber).chain((0..PAIRS).map(publisher)).chain((0..PINGERS).map(pinger)).collect();
        let clients = arrivals::arrive(&mut bench, &callers, QoS::AtLeastOnce)?;
        let resident_first_kib = process.and_then(Process::resident_kib).unwrap_or(0);
        let eyes = Eyes::new(&bench, base, &clients, resident_first_kib);
        Ok(Self { bench, process, eyes })
    }

    /// Until the phase is over.
    pub(super) fn run(mut self, phase: &Phase) -> Result<Seen, Failure> {
        let outcome = self.watch(phase);
        phase.end();
        outcome.map(|()| self.eyes.seen)
    }

    fn watch(&mut self, phase: &Phase) -> Result<(), Failure> {
        let Self { bench, process, eyes } = self;
        let (mut due, mut looked_at, mut count) = (clock::now(), 0, 0_usize);
        while phase.is_watched() {
            let now = clock::now();
            if eyes.loaded_from == Nanos::MAX && phase.now() == LOADED {
                eyes.loaded_from = now;
            }
            while due <= now {
                eyes.publish(&mut bench.net, count % PAIRS, now);
                eyes.seen.lag.note(now - due);
                (due, count) = (due + PACE, count + 1);
            }
            eyes.ask(&mut bench.net, now);
            if now >= looked_at + LOOK {
                looked_at = now;
                let resident = process.map(|process| {
                    process.resident_kib().ok_or_else(|| Failure("The broker's process has ended.".to_owned()))
                });
                eyes.seen.resident_most_kib = eyes.seen.resident_most_kib.max(resident.transpose()?.unwrap_or(0));
            }
            bench.turn(eyes, due)?;
        }
        let end = clock::now() + clock::from_seconds(bench.settings.drain_s);
        while (eyes.received < eyes.seen.sent || eyes.is_asking()) && clock::now() < end {
            bench.turn(eyes, Bench::soon())?;
        }
        eyes.finish(clock::now());
        Ok(())
    }
}

impl Eyes {
    fn new(bench: &Bench, base: String, clients: &[Client], resident_first_kib: u64) -> Self {
        let links = clients.iter().map(|client| client.link + 1).max().unwrap_or(0);
        let mut roles = vec![None; links];
        let (mut publishers, mut pingers) = (Vec::new(), Vec::new());
        for (place, client) in clients.iter().enumerate() {
            roles[client.link] = Some(match place {
                _ if place < PAIRS => Role::Subscriber(place),
                _ if place < 2 * PAIRS => {
                    publishers.push(client.link);
                    Role::Publisher
                }
                _ => {
                    pingers.push((client.link, None, 0));
                    Role::Pinger(place - 2 * PAIRS)
                }
            });
        }
        let seen = Seen {
            latency: [Latency::new(), Latency::new()],
            lag: Latency::new(),
            sent: 0,
            lost: 0,
            wrong: 0,
            cut_off: 0,
            pings: 0,
            unanswered: 0,
            longest_ping: 0,
            resident_first_kib,
            resident_most_kib: resident_first_kib,
        };
        Self {
            run: bench.run,
            base,
            roles,
            publishers,
            numbers: vec![0; PAIRS],
            arrivals: vec![Sequence::default(); PAIRS],
            received: 0,
            pingers,
            payload: stamp::filled(PAYLOAD),
            loaded_from: Nanos::MAX,
            seen,
        }
    }

    fn publish(&mut self, net: &mut Net, pair: usize, now: Nanos) {
        let (link, number) = (self.publishers[pair], self.numbers[pair]);
        if !net.is_open(link) {
            return;
        }
        self.numbers[pair] += 1;
        self.seen.sent += 1;
        Stamp { run: self.run, publisher: pair as u32, number, due: now }.put(&mut self.payload);
        let topic = format!("{}/by/{pair}", self.base);
        let publish = Publish {
            dup: false,
            qos: QoS::AtLeastOnce,
            retain: false,
            topic: &topic,
            // Acknowledged long before it is used again.
            packet_id: (number % 65535) as u16 + 1,
            properties: Properties::EMPTY,
            payload: &self.payload,
        };
        net.send(link, &Packet::Publish(publish));
    }

    fn ask(&mut self, net: &mut Net, now: Nanos) {
        for (link, asked, next) in &mut self.pingers {
            match asked {
                // How long it has been so far counts as well.
                Some(asked) => self.seen.longest_ping = self.seen.longest_ping.max(now.saturating_sub(*asked)),
                None if now >= *next && net.is_open(*link) => {
                    net.send(*link, &Packet::PingReq);
                    *asked = Some(now);
                    self.seen.pings += 1;
                }
                None => {}
            }
        }
    }

    fn is_asking(&self) -> bool {
        self.pingers.iter().any(|(_, asked, _)| asked.is_some())
    }

    fn answered(&mut self, pinger: usize, now: Nanos) {
        let (_, asked, next) = &mut self.pingers[pinger];
        match asked.take() {
            Some(asked) => self.seen.longest_ping = self.seen.longest_ping.max(now.saturating_sub(asked)),
            None => self.seen.wrong += 1,
        }
        *next = now + BETWEEN_PINGS;
    }

    fn message(&mut self, pair: usize, publish: &Publish<'_>, now: Nanos) {
        let stamp = Stamp::split(publish.payload).filter(|(stamp, filling)| {
            stamp.run == self.run
                && stamp.publisher as usize == pair
                && stamp.number < self.numbers[pair]
                && Some(*filling) == self.payload.get(Stamp::LEN..)
        });
        let Some((stamp, _)) = stamp else {
            self.seen.wrong += 1;
            return;
        };
        match self.arrivals[pair].take(stamp.number) {
            Arrival::Again => {
                self.seen.wrong += 1;
                return;
            }
            Arrival::Late => self.seen.wrong += 1,
            Arrival::Ahead { .. } => {}
        }
        self.received += 1;
        self.seen.latency[usize::from(stamp.due >= self.loaded_from)].note(now.saturating_sub(stamp.due));
    }

    fn finish(&mut self, now: Nanos) {
        self.seen.lost = self.seen.sent.saturating_sub(self.received);
        for (_, asked, _) in &self.pingers {
            if let Some(asked) = asked {
                self.seen.unanswered += 1;
                self.seen.longest_ping = self.seen.longest_ping.max(now.saturating_sub(*asked));
            }
        }
    }
}

impl Hears for Eyes {
    fn packet(&mut self, net: &mut Net, link: usize, packet: &Packet<'_>, now: Nanos) {
        match (packet, self.roles.get(link).copied().flatten()) {
            (Packet::Publish(publish), Some(Role::Subscriber(pair))) => {
                net.send(link, &Packet::PubAck(Ack::new(publish.packet_id, ReasonCode::SUCCESS)));
                self.message(pair, publish, now);
            }
            (Packet::PubAck(ack), Some(Role::Publisher)) => self.seen.wrong += u64::from(ack.reason.is_error()),
            (Packet::PingResp, Some(Role::Pinger(pinger))) => self.answered(pinger, now),
            _ => self.seen.wrong += 1,
        }
    }

    fn gone(&mut self, _: &mut Net, _: usize, _: &str) {
        self.seen.cut_off += 1;
    }
}
