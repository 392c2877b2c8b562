//! A simulated client: what it remembers, and what it answers.

use crate::link::Sent;
use crate::message::Message;
use mosquitto_mqtt::packet::{Ack, Publish};
use mosquitto_mqtt::{PacketType, ProtocolVersion, QoS, ReasonCode};
use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;

/// How far a publication has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Published,
    /// QoS 2: PUBREC has come.
    Released,
}

/// A message of QoS 1 or 2 that is not finished.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub(crate) packet_id: u16,
    pub(crate) message: Rc<Message>,
    pub(crate) stage: Stage,
}

/// An answer to be sent.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::enum_variant_names, reason = "the names are MQTT's")]
pub(crate) enum Answer {
    PubAck(u16),
    PubRec { packet_id: u16, refused: bool },
    PubRel(u16),
    PubComp(u16),
}

#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) version: ProtocolVersion,
    pub(crate) link: Option<usize>,
    /// Whether its CONNACK has come.
    pub(crate) connected: bool,
    pub(crate) stalled: bool,
    pub(crate) outgoing: Vec<Outgoing>,
    pub(crate) held: BTreeSet<u16>,
    pub(crate) answers: VecDeque<Answer>,
    pub(crate) last_id: u16,
    /// Topics that it has given the broker aliases for, from 1.
    pub(crate) aliases: Vec<Rc<str>>,
    pub(crate) filters: Vec<Rc<str>>,
}

impl Client {
    pub(crate) fn new(id: String) -> Self {
        Self {
            id,
            version: ProtocolVersion::V311,
            link: None,
            connected: false,
            stalled: false,
            outgoing: Vec::new(),
            held: BTreeSet::new(),
            answers: VecDeque::new(),
            last_id: 0,
            aliases: Vec::new(),
            filters: Vec::new(),
        }
    }

    /// The connection is gone; the session may go on.
    pub(crate) fn lost(&mut self) {
        self.link = None;
        self.connected = false;
        self.stalled = false;
        self.answers.clear();
        self.aliases.clear();
    }

    /// The session is gone.
    pub(crate) fn forget(&mut self) {
        self.outgoing.clear();
        self.held.clear();
        self.filters.clear();
    }

    /// A packet identifier that is not in use.
    pub(crate) fn next_id(&mut self) -> u16 {
        loop {
            self.last_id = if self.last_id >= 2000 { 1 } else { self.last_id + 1 };
            if self.outgoing.iter().all(|out| out.packet_id != self.last_id) {
                return self.last_id;
            }
        }
    }

    /// A PUBLISH came: how it is answered.
    pub(crate) fn received(&mut self, publish: &Publish<'_>, refuse: bool) {
        let packet_id = publish.packet_id;
        match publish.qos {
            QoS::AtMostOnce => {}
            QoS::AtLeastOnce => self.answers.push_back(Answer::PubAck(packet_id)),
            QoS::ExactlyOnce => {
                let refused = refuse && !self.held.contains(&packet_id);
                if !refused {
                    self.held.insert(packet_id);
                }
                self.answers.push_back(Answer::PubRec { packet_id, refused });
            }
        }
    }

    /// PUBACK, PUBREC or PUBCOMP for what it publishes.
    pub(crate) fn acknowledged(&mut self, kind: PacketType, ack: &Ack<'_>) {
        let Some(at) = self.outgoing.iter().position(|out| out.packet_id == ack.packet_id) else { return };
        match kind {
            PacketType::PubRec if !ack.reason.is_error() => {
                self.outgoing[at].stage = Stage::Released;
                self.answers.push_back(Answer::PubRel(ack.packet_id));
            }
            PacketType::PubAck if self.outgoing[at].message.qos != QoS::AtLeastOnce => {}
            _ => _ = self.outgoing.remove(at),
        }
    }

    /// The bytes of an answer.
    pub(crate) fn encode(&self, answer: Answer) -> (Vec<u8>, Sent) {
        let mut out = Vec::new();
        let mut put = |kind, packet_id, reason| Ack::new(packet_id, reason).encode(kind, self.version, &mut out);
        let sent = match answer {
            Answer::PubAck(id) => {
                put(PacketType::PubAck, id, ReasonCode::SUCCESS);
                Sent::PubAck(id)
            }
            Answer::PubRec { packet_id, refused } => {
                let reason = if refused { ReasonCode::QUOTA_EXCEEDED } else { ReasonCode::SUCCESS };
                put(PacketType::PubRec, packet_id, reason);
                Sent::PubRec { packet_id, refused }
            }
            Answer::PubRel(id) => {
                put(PacketType::PubRel, id, ReasonCode::SUCCESS);
                Sent::PubRel(id)
            }
            Answer::PubComp(id) => {
                put(PacketType::PubComp, id, ReasonCode::SUCCESS);
                Sent::PubComp(id)
            }
        };
        (out, sent)
    }
}
