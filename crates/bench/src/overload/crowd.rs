//! Those who make the load: what has come to each of their links is counted, and acknowledged.

use crate::clock::{self, Nanos, SECOND};
use crate::net::{Hears, Net};
use mosquitto_mqtt::packet::{Ack, Publish};
use mosquitto_mqtt::{Packet, Properties, QoS, ReasonCode};

/// Bytes that wait in a publisher's output at most.
const OUTPUT: usize = 256 * 1024;

/// What has come to one link.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Heard {
    pub(super) greeted: bool,
    pub(super) messages: u64,
    pub(super) payload_bytes: u64,
    /// SUBACKs and UNSUBACKs.
    pub(super) answers: u64,
    /// PUBACKs and PUBCOMPs.
    pub(super) acknowledged: u64,
    /// PINGRESPs.
    pub(super) pongs: u64,
    pub(super) gone: bool,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    links: Vec<Heard>,
    pub(super) refused: u64,
    pub(super) cut_off: u64,
    pub(super) why: Option<String>,
    /// Bytes of the heap in use, as the broker has last said to who subscribes to [`HEAP`].
    pub(super) heap: Option<u64>,
}

/// Where the broker says how much of its heap is in use.
pub(super) const HEAP: &str = "$SYS/broker/heap/current";

impl Crowd {
    pub(super) fn of(&self, link: usize) -> Heard {
        self.links.get(link).copied().unwrap_or_default()
    }

    /// A link of this number is begun anew.
    pub(super) fn forget(&mut self, link: usize) {
        *self.of_mut(link) = Heard::default();
    }

    fn of_mut(&mut self, link: usize) -> &mut Heard {
        if self.links.len() <= link {
            self.links.resize(link + 1, Heard::default());
        }
        // It was just made as long as that.
        #[allow(clippy::indexing_slicing, reason = "see above")]
        &mut self.links[link]
    }
}

impl Hears for Crowd {
    fn packet(&mut self, net: &mut Net, link: usize, packet: &Packet<'_>, _: Nanos) {
        let heard = self.of_mut(link);
        let answer = |ack: &Ack<'_>| Ack::new(ack.packet_id, ReasonCode::SUCCESS);
        match packet {
            Packet::ConnAck(ack) if ack.reason == ReasonCode::SUCCESS => heard.greeted = true,
            Packet::Publish(publish) if publish.topic == HEAP => {
                self.heap = std::str::from_utf8(publish.payload).ok().and_then(|bytes| bytes.parse().ok());
            }
            Packet::Publish(publish) => {
                heard.messages += 1;
                heard.payload_bytes += publish.payload.len() as u64;
                let ack = Ack::new(publish.packet_id, ReasonCode::SUCCESS);
                match publish.qos {
                    QoS::AtMostOnce => {}
                    QoS::AtLeastOnce => net.send(link, &Packet::PubAck(ack)),
                    QoS::ExactlyOnce => net.send(link, &Packet::PubRec(ack)),
                }
            }
            Packet::PubRel(ack) => net.send(link, &Packet::PubComp(answer(ack))),
            Packet::PubRec(ack) if !ack.reason.is_error() => net.send(link, &Packet::PubRel(answer(ack))),
            Packet::PubAck(ack) | Packet::PubComp(ack) | Packet::PubRec(ack) => {
                heard.acknowledged += 1;
                self.refused += u64::from(ack.reason.is_error());
            }
            Packet::SubAck(ack) => {
                heard.answers += 1;
                self.refused += ack.reasons.iter().filter(|&&code| ReasonCode(code).is_error()).count() as u64;
            }
            Packet::UnsubAck(_) => heard.answers += 1,
            Packet::PingResp => heard.pongs += 1,
            _ => self.refused += 1,
        }
    }

    fn gone(&mut self, _: &mut Net, link: usize, why: &str) {
        self.cut_off += 1;
        self.why.get_or_insert_with(|| why.to_owned());
        self.of_mut(link).gone = true;
    }
}

/// One that publishes as fast as it may.
#[derive(Debug, Clone, Copy)]
pub(super) struct Publisher {
    pub(super) link: usize,
    /// Messages that are not acknowledged, at most.
    pub(super) window: u64,
    pub(super) sent: u64,
}

/// How a message goes out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    pub(super) qos: QoS,
    pub(super) retain: bool,
}

impl Publisher {
    pub(super) fn new(link: usize, window: u64) -> Self {
        Self { link, window, sent: 0 }
    }

    /// Whether it may send one more.
    pub(super) fn may_send(&self, net: &Net, crowd: &Crowd, qos: QoS) -> bool {
        let open = net.is_open(self.link) && net.waiting(self.link) < OUTPUT;
        open && (qos == QoS::AtMostOnce || self.sent - crowd.of(self.link).acknowledged < self.window)
    }

    pub(super) fn send(&mut self, net: &mut Net, topic: &str, payload: &[u8], manner: Manner) {
        let packet_id = if manner.qos == QoS::AtMostOnce { 0 } else { (self.sent % 65535) as u16 + 1 };
        let (Manner { qos, retain }, properties) = (manner, Properties::EMPTY);
        net.send(
            self.link,
            &Packet::Publish(Publish { dup: false, qos, retain, topic, packet_id, properties, payload }),
        );
        self.sent += 1;
    }
}

/// Pairs between whom messages flow, beside the load: each publishes in its turn, at a rate for all together.
#[derive(Debug)]
pub(super) struct Flow {
    publishers: Vec<(Publisher, String)>,
    pace: Nanos,
    next: Nanos,
    turn: usize,
    payload: Vec<u8>,
}

impl Flow {
    pub(super) fn new(publishers: Vec<(Publisher, String)>, rate: Nanos, payload: Vec<u8>) -> Self {
        Self { publishers, pace: SECOND / rate, next: clock::now(), turn: 0, payload }
    }

    /// Sends what is due. Returns when the next message is.
    pub(super) fn go_on(&mut self, net: &mut Net, now: Nanos) -> Nanos {
        let count = self.publishers.len();
        while self.next <= now {
            self.next += self.pace;
            self.turn += 1;
            if let Some((publisher, topic)) = self.publishers.get_mut(self.turn % count.max(1))
                && net.is_open(publisher.link)
            {
                publisher.send(net, topic, &self.payload, Manner { qos: QoS::AtMostOnce, retain: false });
            }
        }
        self.next
    }
}
