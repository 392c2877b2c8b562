//! A known number of messages: one client publishes them, another one receives them, at different times.

use crate::arrivals::Client;
use crate::bench::{Bench, Failure};
use crate::clock::{self, Nanos};
use crate::net::{Hears, Net};
use crate::report::Report;
use crate::sequence::{Arrival, Sequence};
use crate::stamp::{self, Stamp};
use mosquitto_mqtt::packet::{Ack, Publish};
use mosquitto_mqtt::{Packet, Properties, QoS, ReasonCode};

/// Bytes that wait in the publisher's output at most.
const OUTPUT: usize = 256 * 1024;

/// The topic of a message, by its number.
pub(super) type Topic = fn(&str, u32) -> String;

/// The messages of a run, numbered from 0.
#[derive(Debug)]
pub(super) struct Bulk {
    run: u32,
    base: String,
    topic: Topic,
    qos: QoS,
    payload: Vec<u8>,
    publisher: Client,
    free: Vec<u16>,
    under_way: u32,
    answered_ping: bool,
    /// What has come to the receiver.
    arrivals: Sequence,
    pub(super) received: u32,
    sent: u32,
    retained: bool,
    acknowledged: u64,
    duplicated: u64,
    out_of_order: u64,
    damaged: u64,
    refused: u64,
    cut_off: u64,
    protocol_errors: u64,
}

impl Bulk {
    /// `retained`: whether they come as retained messages, in any order.
    pub(super) fn new(bench: &Bench, publisher: Client, topic: Topic, retained: bool) -> Self {
        let window = bench.settings.window().min(publisher.receive_maximum);
        Self {
            run: bench.run,
            base: bench.topic(),
            topic,
            qos: bench.settings.qos(),
            payload: stamp::filled(bench.settings.payload),
            publisher,
            free: (1..=window).rev().collect(),
            under_way: 0,
            answered_ping: false,
            arrivals: Sequence::default(),
            received: 0,
            sent: 0,
            retained,
            acknowledged: 0,
            duplicated: 0,
            out_of_order: 0,
            damaged: 0,
            refused: 0,
            cut_off: 0,
            protocol_errors: 0,
        }
    }

    /// Publishes `count` messages, or clears as many retained ones, and waits until the broker has them. Returns how long it
    /// took.
    pub(super) fn publish(&mut self, bench: &mut Bench, count: u32, clear: bool) -> Result<Nanos, Failure> {
        let (start, mut number) = (clock::now(), 0);
        let link = self.publisher.link;
        self.answered_ping = false;
        while number < count {
            while number < count && self.may_send(&bench.net) {
                self.put(bench, number, clear);
                number += 1;
            }
            self.go_on(bench, self.acknowledged, "messages published", u64::from(number))?;
        }
        // The broker takes packets in their order: what answers this has taken them all.
        bench.net.send(link, &Packet::PingReq);
        while !self.answered_ping || self.under_way > 0 {
            self.go_on(bench, self.acknowledged, "messages published", u64::from(number))?;
        }
        bench.progress.end();
        if !clear {
            self.sent = count;
        }
        Ok(clock::now() - start)
    }

    fn may_send(&self, net: &Net) -> bool {
        net.waiting(self.publisher.link) < OUTPUT && (self.qos == QoS::AtMostOnce || !self.free.is_empty())
    }

    fn put(&mut self, bench: &mut Bench, number: u32, clear: bool) {
        Stamp { run: self.run, publisher: 0, number, due: clock::now() }.put(&mut self.payload);
        let packet_id = if self.qos == QoS::AtMostOnce { 0 } else { self.free.pop().unwrap_or(0) };
        self.under_way += u32::from(packet_id > 0);
        let topic = (self.topic)(&self.base, number);
        let publish = Publish {
            dup: false,
            qos: self.qos,
            retain: self.retained,
            topic: &topic,
            packet_id,
            properties: Properties::EMPTY,
            payload: if clear { &[] } else { &self.payload },
        };
        bench.net.send(self.publisher.link, &Packet::Publish(publish));
    }

    /// Receives the messages. Returns how long it took until the last of them; what has not come then is lost.
    pub(super) fn receive(&mut self, bench: &mut Bench, start: Nanos) -> Result<Nanos, Failure> {
        let patience = clock::from_seconds(bench.settings.drain_s);
        let (mut last, mut moved) = (self.received, clock::now());
        while self.received < self.sent && clock::now() < moved + patience {
            bench.keep_alive();
            bench.turn(self, Bench::soon())?;
            if self.received != last {
                (last, moved) = (self.received, clock::now());
            }
            bench.progress.tell("messages received", u64::from(self.received), "");
        }
        bench.progress.end();
        Ok(moved - start)
    }

    /// One turn, which fails if the publisher is not answered for too long.
    fn go_on(&mut self, bench: &mut Bench, before: u64, what: &str, done: u64) -> Result<(), Failure> {
        let end = clock::now() + clock::from_seconds(bench.settings.drain_s) + clock::SECOND;
        loop {
            bench.turn(self, Bench::soon())?;
            bench.progress.tell(what, done, "");
            if !bench.net.is_open(self.publisher.link) {
                return Err(Failure("The broker has cut off the publisher.".to_owned()));
            }
            if self.acknowledged > before || self.answered_ping || self.may_send(&bench.net) {
                return Ok(());
            }
            if clock::now() > end {
                return Err(Failure("The broker does not acknowledge messages any more.".to_owned()));
            }
        }
    }

    pub(super) fn tell(&self, report: &mut Report) {
        report.count("sent", "sent", self.sent.into());
        report.count("received", "received", self.received.into());
        report.fault("lost", "lost", self.sent.saturating_sub(self.received).into());
        report.fault("duplicated", "duplicated", self.duplicated);
        report.fault("out_of_order", "out of order", self.out_of_order);
        report.fault("corrupt", "damaged", self.damaged);
        report.fault("refused", "refused", self.refused);
        report.fault("protocol_errors", "protocol errors", self.protocol_errors);
        report.fault("connections_lost", "connections cut off", self.cut_off);
    }

    fn acknowledged(&mut self, ack: &Ack<'_>) {
        self.refused += u64::from(ack.reason.is_error());
        if self.under_way == 0 || self.free.contains(&ack.packet_id) {
            self.protocol_errors += 1;
        } else {
            self.under_way -= 1;
            self.free.push(ack.packet_id);
            self.acknowledged += 1;
        }
    }

    fn message(&mut self, publish: &Publish<'_>) {
        let expected = Stamp::split(publish.payload).filter(|(stamp, filling)| {
            stamp.run == self.run
                && stamp.number < self.sent
                && Some(*filling) == self.payload.get(Stamp::LEN..)
                && (publish.qos, publish.retain) == (self.qos, self.retained)
                && publish.topic == (self.topic)(&self.base, stamp.number)
        });
        let Some((stamp, _)) = expected else {
            self.damaged += 1;
            return;
        };
        match self.arrivals.take(stamp.number) {
            Arrival::Again => self.duplicated += 1,
            arrival => {
                self.received += 1;
                // Retained messages come in the order of the broker's choice.
                self.out_of_order += u64::from(arrival == Arrival::Late && !self.retained);
            }
        }
    }
}

impl Hears for Bulk {
    fn packet(&mut self, net: &mut Net, link: usize, packet: &Packet<'_>, _: Nanos) {
        let answer = |ack: &Ack<'_>| Ack::new(ack.packet_id, ReasonCode::SUCCESS);
        match packet {
            Packet::PubRec(ack) if !ack.reason.is_error() => net.send(link, &Packet::PubRel(answer(ack))),
            Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubComp(ack) => self.acknowledged(ack),
            Packet::PubRel(ack) => net.send(link, &Packet::PubComp(answer(ack))),
            Packet::Publish(publish) => {
                let ack = Ack::new(publish.packet_id, ReasonCode::SUCCESS);
                match publish.qos {
                    QoS::AtMostOnce => {}
                    QoS::AtLeastOnce => net.send(link, &Packet::PubAck(ack)),
                    QoS::ExactlyOnce => net.send(link, &Packet::PubRec(ack)),
                }
                self.message(publish);
            }
            Packet::PingResp => self.answered_ping = true,
            Packet::ConnAck(_) | Packet::SubAck(_) => {}
            _ => self.protocol_errors += 1,
        }
    }

    fn gone(&mut self, _: &mut Net, _: usize, _: &str) {
        self.cut_off += 1;
    }
}
