//! Whether what comes to a subscriber is what should come.

#![allow(
    clippy::indexing_slicing,
    reason = "publishers and subscribers are numbered here; the number in a payload is looked up with get"
)]

use super::Traffic;
use crate::clock::Nanos;
use crate::net::Net;
use crate::report::Report;
use crate::sequence::Arrival;
use crate::stamp::Stamp;
use mosquitto_mqtt::packet::{Ack, Publish};
use mosquitto_mqtt::{Packet, QoS, ReasonCode};

/// What was sent, what came, and what was wrong with it.
#[derive(Debug, Default, Clone)]
pub(crate) struct Counts {
    pub(crate) sent: u64,
    /// Deliveries that are due for them.
    pub(crate) due: u64,
    /// Those of them that came, each counted once.
    pub(crate) delivered: u64,
    pub(crate) acknowledged: u64,
    pub(crate) duplicated: u64,
    pub(crate) out_of_order: u64,
    /// Of another length, filling or QoS, or that nobody has sent.
    pub(crate) damaged: u64,
    /// To one who has not subscribed to them.
    pub(crate) misrouted: u64,
    /// Acknowledged with an error.
    pub(crate) refused: u64,
    /// Packets that should not have come.
    pub(crate) protocol_errors: u64,
    /// Connections that the broker has ended.
    pub(crate) cut_off: u64,
    first: Option<String>,
}

impl Counts {
    /// Deliveries that have not come.
    pub(crate) fn missing(&self) -> u64 {
        self.due.saturating_sub(self.delivered)
    }

    /// What was wrong first.
    pub(crate) fn first(&self) -> Option<&str> {
        self.first.as_deref()
    }

    /// Keeps the first of what is wrong.
    pub(crate) fn note(&mut self, what: &str) {
        if self.first.is_none() {
            self.first = Some(what.to_owned());
        }
    }

    pub(crate) fn confused(&mut self, what: &str) {
        self.protocol_errors += 1;
        self.note(what);
    }

    /// For the line that tells how far it is.
    pub(crate) fn remark(&self) -> String {
        let wrong = self.duplicated + self.out_of_order + self.damaged + self.misrouted + self.refused;
        if wrong + self.cut_off == 0 { String::new() } else { format!(", {wrong} wrong, {} cut off", self.cut_off) }
    }

    pub(crate) fn tell(&self, report: &mut Report) {
        report.count("sent", "sent, warm-up included", self.sent);
        report.count("expected", "deliveries due", self.due);
        report.count("received", "deliveries", self.delivered);
        report.fault("lost", "lost", self.missing());
        report.fault("duplicated", "duplicated", self.duplicated);
        report.fault("out_of_order", "out of order", self.out_of_order);
        report.fault("corrupt", "damaged", self.damaged);
        report.fault("misrouted", "to the wrong subscriber", self.misrouted);
        report.fault("refused", "refused", self.refused);
        report.fault("protocol_errors", "protocol errors", self.protocol_errors);
        report.fault("connections_lost", "connections cut off", self.cut_off);
        if let Some(first) = &self.first {
            report.word("first_fault", "what went wrong first", first);
        }
    }
}

impl Traffic {
    /// A message has come to a subscriber.
    pub(super) fn published(&mut self, net: &mut Net, j: usize, publish: &Publish<'_>, now: Nanos) {
        let ack = Ack::new(publish.packet_id, ReasonCode::SUCCESS);
        match publish.qos {
            QoS::AtMostOnce => {}
            QoS::AtLeastOnce => net.send(self.subscribers[j].link, &Packet::PubAck(ack)),
            QoS::ExactlyOnce => net.send(self.subscribers[j].link, &Packet::PubRec(ack)),
        }
        self.message(j, publish, now);
    }

    /// Another packet has come to a subscriber.
    pub(super) fn arrived(&mut self, net: &mut Net, j: usize, packet: &Packet<'_>) {
        match packet {
            Packet::PubRel(ack) => {
                let complete = Ack::new(ack.packet_id, ReasonCode::SUCCESS);
                net.send(self.subscribers[j].link, &Packet::PubComp(complete));
            }
            Packet::PingResp => {}
            Packet::Disconnect(disconnect) => self.counts.note(&format!("DISCONNECT: {}", disconnect.reason.text())),
            _ => self.counts.confused("a packet came to a subscriber that it did not wait for"),
        }
    }

    fn message(&mut self, j: usize, publish: &Publish<'_>, now: Nanos) {
        let stamp = Stamp::split(publish.payload).filter(|(stamp, filling)| {
            let sent = self.publishers.get(stamp.publisher as usize).map_or(0, |publisher| publisher.number);
            stamp.run == self.run
                && stamp.number < sent
                && Some(*filling) == self.payload.get(Stamp::LEN..)
                && publish.qos == self.qos
        });
        let Some((stamp, _)) = stamp else {
            self.counts.damaged += 1;
            let (qos, len) = (publish.qos.bits(), publish.payload.len());
            return self
                .counts
                .note(&format!("a message came that was not sent so: QoS {qos}, {len} bytes of payload"));
        };
        let i = stamp.publisher as usize;
        if self.publishers[i].group != self.subscribers[j].group {
            self.counts.misrouted += 1;
            return self.counts.note(&format!("a message with the topic {} came to subscriber {j}", publish.topic));
        }
        let Some(first) = self.in_order(j, stamp) else {
            self.counts.duplicated += 1;
            return self
                .counts
                .note(&format!("message {} of publisher {i} came to subscriber {j} again", stamp.number));
        };
        let subscriber = &mut self.subscribers[j];
        subscriber.received += 1;
        if subscriber.counted {
            self.counts.delivered += 1;
            self.last_arrival = now;
            self.latency.note(now.saturating_sub(stamp.due));
            self.publishers[i].arrived(first, stamp.number, now);
            self.consider(i);
        }
    }

    /// Whether it comes in its turn, or at least for the first time: then the first message that need not be waited for any
    /// more. None: it has come before.
    fn in_order(&mut self, j: usize, stamp: Stamp) -> Option<u32> {
        let (i, number) = (stamp.publisher as usize, stamp.number);
        let subscriber = &mut self.subscribers[j];
        let place = self.publishers[i].place;
        let (arrival, is_late) = if self.shared {
            // Once to all together, and to each of them in order.
            let next = &mut subscriber.next[place];
            let is_late = number < *next;
            *next = (*next).max(number + 1);
            (self.publishers[i].taken_by_anyone.take(number), is_late)
        } else {
            let arrival = subscriber.sequences[place].take(number);
            (arrival, arrival == Arrival::Late)
        };
        if arrival == Arrival::Again {
            return None;
        }
        if is_late {
            self.counts.out_of_order += 1;
            self.counts.note(&format!("message {number} of publisher {i} came to subscriber {j} behind later ones"));
        }
        Some(match arrival {
            Arrival::Ahead { first_missing } if !self.shared => first_missing,
            // It was not waited for any more when later ones came.
            Arrival::Late if !self.shared => number + 1,
            _ => number,
        })
    }
}
