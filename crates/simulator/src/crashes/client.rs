//! A client and its book: what it has sent, what it has got, and what it is owed.

use super::broker::Mark;
use mosquitto_mqtt::packet::Ack;
use mosquitto_mqtt::{PacketType, ProtocolVersion, QoS, ReasonCode, SharedFilter, TopicName};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// The filters that clients subscribe to. Topics of `s/` are only in groups, and those of `r/N/` are client N's.
pub(crate) const FILTERS: [&str; 8] =
    ["t/#", "t/0", "t/+", "r/#", "r/0/+", "$share/g/s/#", "$share/h/s/0", "$share/g/s/1"];

pub(crate) fn is_group(filter: usize) -> bool {
    FILTERS[filter].starts_with('$')
}

pub(crate) fn matches(filter: usize, topic: &str) -> bool {
    let Ok(SharedFilter { filter, .. }) = SharedFilter::new(FILTERS[filter]) else { return false };
    TopicName::new(topic).is_ok_and(|topic| filter.matches(topic))
}

/// At which QoS a client subscribes to a filter: always the same.
pub(crate) fn qos_of(client: usize, filter: usize) -> QoS {
    let bits = if is_group(filter) { 1 + filter % 2 } else { (client + filter) % 3 };
    QoS::from_bits(bits as u8).unwrap_or_default()
}

/// How long a client's sessions last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// For ever.
    Durable,
    /// So many seconds.
    Mortal(u32),
    /// As long as the connection.
    Brief,
}

/// Whether the broker has a session of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Session {
    No,
    Maybe,
    Yes,
}

/// The last first copies that came, of those that come once.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Lane {
    /// What led to it is on disk.
    pub(crate) sure: u32,
    /// Since the broker has started.
    pub(crate) here: u32,
}

/// A message of its own that is not acknowledged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outgoing {
    pub(crate) packet_id: u16,
    pub(crate) number: u32,
    pub(crate) released: bool,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer {
    pub(crate) kind: PacketType,
    pub(crate) packet_id: u16,
    /// With PUBACK and PUBREC.
    pub(crate) mark: Option<Mark>,
}

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Subscribed {
    /// It may be there.
    pub(crate) possible: bool,
    /// It is: that was acknowledged.
    pub(crate) definite: bool,
    /// It was asked for once, in this session or an earlier one.
    pub(crate) ever: bool,
}

/// A request for a subscription, or to take one back, that is not answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request {
    pub(crate) packet_id: u16,
    pub(crate) filter: usize,
    pub(crate) is_subscribe: bool,
    pub(crate) was_possible: bool,
}

/// What a client knows of one message. Bits are filters.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Book {
    pub(crate) possible: u16,
    pub(crate) owed: u16,
    pub(crate) seen: [u32; 3],
    /// Copies at QoS 1 that are finished, and that is on disk.
    pub(crate) settled: u32,
    /// It may be of a session that was lost, or the same may come again.
    pub(crate) is_lenient: bool,
}

#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) version: ProtocolVersion,
    pub(crate) kind: Kind,
    pub(crate) link: Option<usize>,
    pub(crate) connected: bool,
    pub(crate) session: Session,
    /// It begins anew until that is acknowledged.
    pub(crate) wants_clean: bool,
    pub(crate) sent_clean: bool,
    pub(crate) outgoing: Vec<Outgoing>,
    /// QoS 2 messages that are not released.
    pub(crate) held: BTreeMap<u16, u32>,
    pub(crate) answers: VecDeque<Answer>,
    pub(crate) last_id: u16,
    pub(crate) filters: [Subscribed; FILTERS.len()],
    pub(crate) requests: Vec<Request>,
    pub(crate) books: BTreeMap<u32, Book>,
    /// By publisher, its QoS, and that of the delivery.
    pub(crate) lanes: HashMap<(usize, u8, u8), Lane>,
    /// When its connection ended, in milliseconds on the wall clock.
    pub(crate) left_at_ms: u64,
}

impl Client {
    pub(crate) fn new(id: String, version: ProtocolVersion, kind: Kind) -> Self {
        Self {
            id,
            version,
            kind,
            link: None,
            connected: false,
            session: Session::No,
            wants_clean: false,
            sent_clean: false,
            outgoing: Vec::new(),
            held: BTreeMap::new(),
            answers: VecDeque::new(),
            last_id: 0,
            filters: [Subscribed::default(); FILTERS.len()],
            requests: Vec::new(),
            books: BTreeMap::new(),
            lanes: HashMap::new(),
            left_at_ms: 0,
        }
    }

    /// Whether the session of its connection ends with it: in MQTT 3 also where it began anew.
    pub(crate) fn is_brief(&self) -> bool {
        self.kind == Kind::Brief || (self.sent_clean && !self.version.is_v5())
    }

    pub(crate) fn next_id(&mut self) -> u16 {
        loop {
            self.last_id = self.last_id % 300 + 1;
            let id = self.last_id;
            if self.outgoing.iter().all(|out| out.packet_id != id) && self.requests.iter().all(|r| r.packet_id != id) {
                return id;
            }
        }
    }

    pub(crate) fn encode(&self, answer: Answer) -> Vec<u8> {
        let mut out = Vec::new();
        Ack::new(answer.packet_id, ReasonCode::SUCCESS).encode(answer.kind, self.version, &mut out);
        out
    }
}

/// A message as its publisher knows it.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Message {
    pub(crate) publisher: usize,
    pub(crate) topic: String,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    /// Its payload is empty.
    pub(crate) is_empty: bool,
    pub(crate) expires: bool,
    /// It may still be sent, or released.
    pub(crate) is_open: bool,
    pub(crate) is_acknowledged: bool,
    pub(crate) sent_at: u64,
    pub(crate) done_at: u64,
    /// How often a shard has read its PUBLISH.
    pub(crate) attempts: u32,
    /// Of the groups: those that may have got it, and those that have to.
    pub(crate) groups: u16,
    pub(crate) owed_groups: u16,
    pub(crate) group_seen: [u32; 3],
    pub(crate) group_settled: u32,
    /// There was no room on the disk while it was released: then it is not retained.
    pub(crate) was_full: bool,
    /// Something was lost meanwhile that may be lost.
    pub(crate) is_lenient: bool,
}

impl Message {
    /// How often it may have been published.
    pub(crate) fn times(&self) -> u32 {
        if self.qos == QoS::ExactlyOnce { 1 } else { self.attempts }
    }

    /// Whether it has one place in the order. What has expired is there again where the clock is set back.
    pub(crate) fn has_place(&self) -> bool {
        (self.qos == QoS::ExactlyOnce || self.attempts == 1) && !self.expires
    }
}
