//! A session as the specification sees it.

use crate::link::WillInfo;
use crate::message::Message;
use crate::retained::Look;
use crate::taken::Taken;
use mosquitto_broker::Moment;
use mosquitto_mqtt::packet::SubscriptionOptions;
use mosquitto_mqtt::{QoS, TopicFilter};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

/// A subscription: its filter without `$share/GROUP/`, its group, and what was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Subscription {
    pub(crate) filter: Rc<str>,
    pub(crate) group: Option<Rc<str>>,
    pub(crate) options: SubscriptionOptions,
    pub(crate) identifier: Option<u32>,
}

impl Subscription {
    pub(crate) fn matches(&self, topic: &str) -> bool {
        let Ok(filter) = TopicFilter::new(&self.filter) else { return false };
        mosquitto_mqtt::TopicName::new(topic).is_ok_and(|topic| filter.matches(topic))
    }
}

/// QoS, retain flag and identifier of a copy.
pub(crate) type DueLook = (QoS, bool, Option<u32>);

/// One copy of a message that a session has to get.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Due {
    pub(crate) message: Rc<Message>,
    /// The session that published it.
    pub(crate) origin: usize,
    /// Its place among all that was ever routed.
    pub(crate) seq: u64,
    pub(crate) qos: QoS,
    /// As it was granted.
    pub(crate) granted: QoS,
    /// Whether its subscription brings only what others publish.
    pub(crate) no_local: bool,
    pub(crate) retain: bool,
    pub(crate) identifier: Option<u32>,
    pub(crate) expires_at: Moment,
    /// The filter as subscribed, `$share/GROUP/` included, that it comes for.
    pub(crate) subscription: Rc<str>,
    /// The shard that it comes from by mail, until it has arrived.
    pub(crate) under_way: Option<usize>,
    /// It need not come (any more), but may.
    pub(crate) optional: bool,
    /// A copy of the same message came to a client of MQTT 3, which cannot tell for which subscription.
    pub(crate) any_identifier: bool,
    /// Where the subscriptions of its session changed while it was under way: what it and its fellows may look like. Its
    /// own look is among them.
    pub(crate) looks: Option<Rc<RefCell<Vec<DueLook>>>>,
    /// Its publisher has sent it more than once, as it may at QoS 1: which copy is which cannot be told.
    pub(crate) ambiguous: bool,
    /// The connection of the session at its arrival: a DUP may only come on a later one.
    pub(crate) connection: u64,
}

impl Due {
    /// Whether it may still come when the connection is gone. What has QoS 0 was lost with it, unless it had to wait behind
    /// others that were `queued`; what may have it may have been. Of several that may look alike it is not known which of them has come, so what is left may look like
    /// any of the looks that are left, whatever it was itself.
    pub(crate) fn outlives_the_connection(&mut self, queued: bool) -> bool {
        let Some(looks) = &self.looks else {
            self.optional |= self.qos == QoS::AtMostOnce;
            return queued || self.qos != QoS::AtMostOnce;
        };
        self.optional |= looks.borrow().iter().any(|(qos, ..)| *qos == QoS::AtMostOnce);
        true
    }
}

/// What a delivery of QoS 1 or 2 waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::enum_variant_names, reason = "the names are MQTT's")]
pub(crate) enum Awaiting {
    PubAck,
    PubRec,
    PubComp,
}

/// A delivery that the client has seen and the broker does not know to be finished.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) number: u32,
    pub(crate) topic: Rc<str>,
    pub(crate) awaiting: Awaiting,
    /// The connection on which it was last seen.
    pub(crate) connection: u64,
    pub(crate) expires_at: Moment,
    /// Bytes of topic and payload.
    pub(crate) size: usize,
}

impl Exchange {
    /// Whether the broker may have given it up without a word: its message expired, or became too large for a new
    /// connection.
    pub(crate) fn may_be_given_up(&self, now: Moment, smallest_packet: usize) -> bool {
        let expired = self.awaiting == Awaiting::PubAck && self.expires_at <= now;
        expired || (self.awaiting != Awaiting::PubComp && self.size + 60 > smallest_packet)
    }
}

/// Retained messages that a subscription may or must still bring.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) filter: Rc<str>,
    /// QoS and identifier; more than one where the subscription was changed meanwhile.
    pub(crate) grants: Vec<(QoS, Option<u32>)>,
    /// Whether later retained messages may come with it.
    pub(crate) running: bool,
    pub(crate) topics: BTreeMap<Rc<str>, Candidate>,
}

/// A message that is or was retained.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    pub(crate) message: Rc<Message>,
    /// Its place among all that was ever routed.
    pub(crate) seq: u64,
    pub(crate) expires_at: Moment,
}

/// What was retained for a topic since a subscription was made.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) versions: Vec<Version>,
    /// One of them must come.
    pub(crate) must: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Session {
    pub(crate) link: Option<usize>,
    /// Whether its client last spoke MQTT 5.
    pub(crate) v5: bool,
    /// Counts its connections.
    pub(crate) connection: u64,
    pub(crate) expiry_s: u32,
    pub(crate) expires_at: Option<Moment>,
    pub(crate) will: Option<WillInfo>,
    pub(crate) will_at: Option<Moment>,
    /// By the filter as subscribed.
    pub(crate) subscriptions: BTreeMap<Rc<str>, Subscription>,
    /// The last place at which it took a subscription back.
    pub(crate) unsubscribed_at: u64,
    pub(crate) due: Vec<Due>,
    pub(crate) exchanges: HashMap<u16, Exchange>,
    /// QoS 2 from the client: identifiers between PUBLISH and PUBREL, each with when its message expires.
    pub(crate) incoming: HashMap<u16, (Rc<Message>, Moment)>,
    pub(crate) streams: Vec<Stream>,
    /// The retained messages that came since the last check as a whole, by topic.
    pub(crate) seen_retained: HashMap<Rc<str>, Vec<Look>>,
    /// Messages that came live or retained, which cannot be told.
    pub(crate) unclear: HashSet<u32>,
    /// Copies that came live, as far as can be told, or else were retained messages that look so.
    pub(crate) either: Vec<(Due, Look)>,
    /// Choices among copies that look alike.
    pub(crate) taken: Vec<Taken>,
    /// The highest place seen from each publisher, for QoS 0 and for the others.
    pub(crate) last_seen: HashMap<(usize, bool), u64>,
    /// The highest place seen live of each topic, on which connection.
    pub(crate) seen_live: HashMap<Rc<str>, (u64, u64)>,
    /// The least Maximum Packet Size of all its connections.
    pub(crate) smallest_packet: usize,
    /// What it has seen at QoS 1 and 2 on this connection, and the PUBRELs: these may be repeated there where the broker does
    /// that. A repetition may cross the acknowledgement.
    pub(crate) seen_here: HashMap<u16, (u32, Rc<str>)>,
    pub(crate) released_here: HashSet<u16>,
    /// PUBRELs that may be repeated on this connection.
    pub(crate) resumed: bool,
}

impl Session {
    /// Whether the subscription that a message comes for is still as it was.
    pub(crate) fn still_has(&self, due: &Due) -> bool {
        self.subscriptions.get(&due.subscription).is_some_and(|now| {
            due.message.qos.min(now.options.qos) == due.qos
                && (due.message.retain && now.options.retain_as_published) == due.retain
                && now.identifier == due.identifier
                && now.options.qos == due.granted
        })
    }
}
