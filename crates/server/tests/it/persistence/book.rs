//! Clients that keep their own books: of what the broker has acknowledged to them, and of what it has given to them.

use super::line::{Came, Line};
use mosquitto_mqtt::PacketType;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// Messages under way at once.
const WINDOW: usize = 10;

/// Every so many messages one is retained.
const RETAINED_EVERY: u64 = 7;

/// A publisher. Its messages are `NAME NUMBER` on the topic `t/NAME`, and on `r/NAME`, which is retained, in between.
#[derive(Debug)]
pub(super) struct Publisher {
    pub(super) name: String,
    qos: u8,
    /// The last message that was sent.
    pub(super) sent: u64,
    /// Those that the broker is responsible for: it has sent PUBACK or PUBREC.
    pub(super) taken: BTreeSet<u64>,
    /// The last of the retained ones whose exchange is over.
    pub(super) retained: u64,
    /// Under way: packet identifier, message, and whether it is the PUBREL's turn. In the order in which they were sent.
    under_way: Vec<(u16, u64, bool)>,
    next_id: u16,
    has_session: bool,
}

impl Publisher {
    pub(super) fn new(name: &str, qos: u8) -> Self {
        let (taken, under_way) = (BTreeSet::new(), Vec::new());
        Self { name: name.to_owned(), qos, sent: 0, taken, retained: 0, under_way, next_id: 0, has_session: false }
    }

    pub(super) fn is_retained(number: u64) -> bool {
        number.is_multiple_of(RETAINED_EVERY)
    }

    fn message(&self, number: u64) -> (String, String) {
        let kind = if Self::is_retained(number) { 'r' } else { 't' };
        (format!("{kind}/{}", self.name), format!("{} {number}", self.name))
    }

    /// Publishes until the connection breaks, or so many messages were sent in all and acknowledged.
    pub(super) fn run(&mut self, address: SocketAddr, until: u64) -> Option<()> {
        let mut line = Line::connect(address, &self.name)?;
        assert!(line.present || !self.has_session, "the session of {} is lost", self.name);
        self.has_session = true;
        // What was under way is sent again, in order.
        for &(packet_id, number, released) in &self.under_way {
            if released {
                line.ack(PacketType::PubRel, packet_id)?;
            } else {
                let (topic, payload) = self.message(number);
                line.publish((&topic, &payload), self.qos, packet_id, true)?;
            }
        }
        loop {
            while self.under_way.len() < WINDOW && self.sent < until {
                self.sent += 1;
                self.next_id = self.next_id.checked_add(1).unwrap_or(1);
                self.under_way.push((self.next_id, self.sent, false));
                let (topic, payload) = self.message(self.sent);
                line.publish((&topic, &payload), self.qos, self.next_id, false)?;
            }
            if self.under_way.is_empty() {
                line.disconnect();
                return Some(());
            }
            let came = line.next()?;
            self.acknowledged(&came, &mut line)?;
        }
    }

    fn acknowledged(&mut self, came: &Came, line: &mut Line) -> Option<()> {
        let &Came::Ack(kind, packet_id) = came else { panic!("{came:?}") };
        let at = self.under_way.iter().position(|(id, ..)| *id == packet_id);
        let at = at.unwrap_or_else(|| panic!("{kind:?} {packet_id} for nothing"));
        self.taken.insert(self.under_way[at].1);
        match kind {
            PacketType::PubAck | PacketType::PubComp => {
                let (_, number, _) = self.under_way.remove(at);
                if Self::is_retained(number) {
                    self.retained = number;
                }
            }
            PacketType::PubRec => {
                self.under_way[at].2 = true;
                line.ack(PacketType::PubRel, packet_id)?;
            }
            other => panic!("{other:?}"),
        }
        Some(())
    }
}

/// A subscriber to everything that is not retained, at QoS 2.
#[derive(Debug)]
pub(super) struct Subscriber {
    name: &'static str,
    has_session: bool,
    /// By publisher, what has come.
    pub(super) came: BTreeMap<String, BTreeSet<u64>>,
    /// Packet identifiers of QoS 2 that the broker has not released.
    unreleased: BTreeSet<u16>,
}

impl Subscriber {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, has_session: false, came: BTreeMap::new(), unreleased: BTreeSet::new() }
    }

    pub(super) fn connect(&mut self, address: SocketAddr) -> Option<Line> {
        let mut line = Line::connect(address, self.name)?;
        assert!(line.present || !self.has_session, "the session of {} is lost", self.name);
        if !self.has_session {
            line.subscribe("t/#", 2)?;
            assert!(matches!(line.next()?, Came::SubAck));
            self.has_session = true;
        }
        Some(line)
    }

    /// Takes what comes until the connection breaks or, if `to_the_end`, there is no more.
    pub(super) fn run(&mut self, mut line: Line, to_the_end: bool) -> Option<()> {
        let (mut quiet, mut before) = (0, 0);
        if to_the_end {
            line.ping()?;
        }
        loop {
            match line.next()? {
                Came::Message { payload, qos, packet_id, dup, .. } => {
                    self.message(&payload, qos, packet_id, dup);
                    if qos > 0 {
                        let kind = if qos == 2 { PacketType::PubRec } else { PacketType::PubAck };
                        line.ack(kind, packet_id)?;
                    }
                }
                Came::Ack(PacketType::PubRel, packet_id) => {
                    self.unreleased.remove(&packet_id);
                    line.ack(PacketType::PubComp, packet_id)?;
                }
                Came::Pong => {
                    // Each step of an exchange of QoS 2 may be on its way still.
                    let now = self.came.values().map(BTreeSet::len).sum();
                    quiet = if now == before && self.unreleased.is_empty() { quiet + 1 } else { 0 };
                    before = now;
                    if quiet == 3 {
                        line.disconnect();
                        return Some(());
                    }
                    line.ping()?;
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn message(&mut self, payload: &str, qos: u8, packet_id: u16, dup: bool) {
        if qos == 2 && !self.unreleased.insert(packet_id) {
            assert!(dup, "{packet_id} is used for another message before it was released");
            return;
        }
        let (publisher, number) = payload.split_once(' ').unwrap();
        let number: u64 = number.parse().unwrap();
        let came = self.came.entry(publisher.to_owned()).or_default();
        if qos == 2 {
            assert!(!came.contains(&number), "{}: {payload} came twice", self.name);
        }
        if !came.contains(&number) {
            assert!(came.last().is_none_or(|last| *last < number), "{}: {payload} after {:?}", self.name, came.last());
            came.insert(number);
        }
    }

    /// Whether nothing of what the broker was responsible for is missing.
    pub(super) fn settle_with(&self, publisher: &Publisher) {
        let nothing = BTreeSet::new();
        let came = self.came.get(&publisher.name).unwrap_or(&nothing);
        let missing: Vec<_> = publisher
            .taken
            .iter()
            .filter(|number| !Publisher::is_retained(**number) && !came.contains(*number))
            .collect();
        assert!(missing.is_empty(), "{} does not get {missing:?} of {}", self.name, publisher.name);
        assert!(came.iter().all(|number| *number <= publisher.sent));
    }
}
