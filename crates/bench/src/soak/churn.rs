//! Clients that come and go, some with a word and some without, and what flows among them meanwhile.
//!
//! One client, the station, stays: it publishes to each of the others by a topic of its own, so that these can tell whether they
//! miss anything, changes retained messages, and receives wills. The others publish to a topic a message, and to those
//! who share a subscription.

#![allow(clippy::indexing_slicing, reason = "members are numbered here; the number of a link is looked up with get")]

use super::member::{EXPIRY_S, Fault, Kind, Member, State};
use super::stage::{Part, Tally, Wrong};
use crate::arrivals::{self, Caller};
use crate::bench::{Bench, Failure};
use crate::clock::{self, MILLISECOND, Nanos, SECOND};
use crate::net::{Hears, Net};
use crate::stamp::{self, Stamp};
use mosquitto_mqtt::packet::{Ack, Connect, Disconnect, Publish, Subscribe, Subscription, SubscriptionOptions, Will};
use mosquitto_mqtt::{Packet, Properties, PropertiesBuf, Property, QoS, ReasonCode};

/// Clients that come and go.
const MEMBERS: usize = 60;
/// Topics with a retained message, some of the time.
const RETAINED: usize = 50;
/// Between two messages.
const PACE: Nanos = SECOND / 100;
/// A member stays as long as this, and up to as long again.
const STAY: Nanos = 2 * SECOND;
const KEPT_S: u32 = 86_400;
/// Groups of members who share a subscription.
const GROUPS: usize = 3;
/// Of a member's subscriptions these many are its own, and one is shared.
const OWN_SUBSCRIPTIONS: u64 = 3;
/// How long the broker may take to answer all that was asked of it.
const PATIENCE: Nanos = 20 * SECOND;
const PAYLOAD: usize = 100;

/// All of them.
#[derive(Debug)]
pub(super) struct Churn {
    run: u32,
    base: String,
    members: Vec<Member>,
    /// By link.
    of_link: Vec<Option<usize>>,
    station: usize,
    station_unacknowledged: u32,
    station_packet_id: u16,
    /// Of the next message to each member.
    numbers: Vec<u32>,
    retained: [bool; RETAINED],
    serial: u64,
    random: u64,
    next_message: Nanos,
    payload: Vec<u8>,
    published: u64,
    arrivals: u64,
    wills_due: u64,
    wills: u64,
    wrong: Wrong,
}

impl Part for Churn {
    fn begin(bench: &mut Bench) -> Result<Self, Failure> {
        let base = bench.topic();
        let station =
            Caller { id: bench.client_id('t', 0), filters: vec![format!("{base}/will/+")], ..Caller::default() };
        let come = arrivals::arrive(bench, &[station], QoS::AtLeastOnce)?;
        let station = come.first().ok_or_else(|| Failure("No client came.".to_owned()))?.link;
        let (now, v5) = (clock::now(), bench.version().is_v5());
        let due = |number: usize| now + 20 * MILLISECOND * number as Nanos;
        Ok(Self {
            run: bench.run,
            base,
            members: (0..MEMBERS).map(|number| Member::new(number, v5, due(number))).collect(),
            of_link: Vec::new(),
            station,
            station_unacknowledged: 0,
            station_packet_id: 0,
            numbers: vec![0; MEMBERS],
            retained: [false; RETAINED],
            serial: 0,
            random: u64::from(bench.run) | 1 << 40,
            next_message: now,
            payload: stamp::filled(PAYLOAD),
            published: 0,
            arrivals: 0,
            wills_due: 0,
            wills: 0,
            wrong: Wrong::default(),
        })
    }

    fn flow(&mut self, bench: &mut Bench) -> Result<(), Failure> {
        let now = clock::now();
        // What was not sent in time is not made up for: this is no test of speed.
        if now >= self.next_message {
            self.next_message = now + PACE;
            self.publish(&mut bench.net);
        }
        for number in 0..self.members.len() {
            let member = &self.members[number];
            match member.state {
                State::Away if member.due <= now => self.come(bench, number)?,
                State::Here if member.due <= now => self.leave(&mut bench.net, number),
                _ => {}
            }
        }
        bench.keep_alive();
        bench.turn(self, self.next_message)
    }

    fn rest(&mut self, bench: &mut Bench) -> Result<Tally, Failure> {
        let end = clock::now() + PATIENCE;
        bench.net.send(self.station, &Packet::PingReq);
        while !self.is_at_rest(clock::now()) {
            if clock::now() > end {
                return Err(Failure("The broker does not answer all that it was sent.".to_owned()));
            }
            bench.turn(self, Bench::soon())?;
        }
        self.wrong.wills_missing = self.wills_due.saturating_sub(self.wills);
        let here = self.members.iter().filter(|member| member.state == State::Here).count() as u64;
        let sessions = self.members.iter().filter(|member| member.has_session).count() as u64;
        Ok(Tally {
            connected: here + 1,
            sessions: sessions + 1,
            subscriptions: OWN_SUBSCRIPTIONS * sessions + 1,
            shared_subscriptions: sessions,
            retained: self.retained.iter().filter(|retained| **retained).count() as u64,
            published: self.published,
            arrivals: self.arrivals,
            wills: self.wills_due,
            wrong: self.wrong.clone(),
            ..Tally::default()
        })
    }

    fn wait(&mut self, bench: &mut Bench) -> Result<(), Failure> {
        bench.keep_alive();
        bench.turn(self, Bench::soon())
    }

    fn end(&mut self, bench: &mut Bench) -> Result<(), Failure> {
        for place in (0..RETAINED).filter(|&place| self.retained[place]).collect::<Vec<_>>() {
            self.change_retained(&mut bench.net, place);
        }
        let end = clock::now() + PATIENCE;
        while self.station_unacknowledged > 0 && clock::now() < end {
            bench.turn(self, Bench::soon())?;
        }
        for link in bench.net.open_numbers() {
            bench.net.send(link, &Packet::Disconnect(Disconnect::new(ReasonCode::SUCCESS)));
            bench.net.close(link);
        }
        let kept = self.members.iter().filter(|member| member.kind == Kind::Kept);
        let callers: Vec<_> = kept
            .map(|member| Caller { id: bench.client_id('m', member.number), persistent: true, ..Caller::default() })
            .collect();
        arrivals::forget(bench, &callers)
    }
}

impl Churn {
    /// xorshift64: good enough to mix things up.
    fn random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    fn any(&mut self, count: usize) -> usize {
        (self.random() % count as u64) as usize
    }

    /// Whether nothing is under way any more.
    fn is_at_rest(&self, now: Nanos) -> bool {
        self.station_unacknowledged == 0
            && self.wills >= self.wills_due
            && self.members.iter().all(|member| match member.state {
                // An expired session has to be gone.
                State::Away => member.kind != Kind::Expiring || now >= member.due,
                State::Here => member.unacknowledged == 0,
                _ => false,
            })
    }

    fn come(&mut self, bench: &mut Bench, number: usize) -> Result<(), Failure> {
        let link = bench.open(None)?;
        if self.of_link.len() <= link {
            self.of_link.resize(link + 1, None);
        }
        self.of_link[link] = Some(number);
        self.arrivals += 1;
        let member = &mut self.members[number];
        (member.link, member.state) = (link, State::Coming);
        let (id, topic) = (bench.client_id('m', number), format!("{}/will/{number}", self.base));
        let version = bench.version();
        let mut properties = PropertiesBuf::new();
        match member.kind {
            Kind::Kept if version.is_v5() => properties.push(Property::SessionExpiryInterval(KEPT_S)),
            Kind::Expiring => properties.push(Property::SessionExpiryInterval(EXPIRY_S)),
            _ => {}
        }
        let will = Will {
            topic: &topic,
            payload: b"gone",
            qos: QoS::AtLeastOnce,
            retain: false,
            properties: Properties::EMPTY,
        };
        let connect = Connect {
            version,
            bridge: false,
            clean_start: member.kind == Kind::Clean,
            keep_alive_s: bench.settings.keep_alive_s,
            properties: properties.as_properties(),
            client_id: &id,
            will: member.has_will.then_some(will),
            username: bench.settings.username.as_deref(),
            password: bench.settings.password.as_deref().map(str::as_bytes),
        };
        connect.encode(bench.net.output(link));
        Ok(())
    }

    fn greeted(&mut self, net: &mut Net, number: usize, session_present: bool) {
        let (base, stay) = (self.base.clone(), STAY + self.random() % STAY);
        let member = &mut self.members[number];
        member.due = clock::now() + stay;
        if session_present != member.has_session {
            if session_present {
                self.wrong.sessions_kept_too_long += 1;
                self.wrong.note(&format!("a session of the kind {:?} was still there", member.kind));
            } else {
                self.wrong.sessions_lost += 1;
                self.wrong.note(&format!("a session of the kind {:?} was lost", member.kind));
            }
        }
        if session_present {
            member.state = State::Here;
            return;
        }
        (member.state, member.next) = (State::Subscribing, None);
        let filters = [
            format!("{base}/to/{number}"),
            format!("{base}/misc/{}/+", number % 10),
            format!("{base}/retained/{}", number % RETAINED),
            format!("$share/group{}/{base}/shared/#", number % GROUPS),
        ];
        let options =
            SubscriptionOptions::qos(if number.is_multiple_of(2) { QoS::AtLeastOnce } else { QoS::ExactlyOnce });
        let subscriptions = filters.iter().map(|filter| Subscription { filter, options });
        let (packet_id, version) = (member.packet_id(), net.version());
        Subscribe::write(packet_id, Properties::EMPTY, subscriptions, version, net.output(member.link));
    }

    /// It goes once an answer says that the broker has taken all that it sent.
    fn leave(&mut self, net: &mut Net, number: usize) {
        let member = &mut self.members[number];
        member.state = State::Leaving;
        net.send(member.link, &Packet::PingReq);
    }

    fn answered(&mut self, net: &mut Net, number: usize) {
        let random = self.random();
        let member = &mut self.members[number];
        if member.state != State::Leaving {
            return;
        }
        if member.unacknowledged > 0 {
            return net.send(member.link, &Packet::PingReq);
        }
        if member.has_will && random.is_multiple_of(2) {
            self.wills_due += 1;
        } else if member.has_will || !random.is_multiple_of(3) {
            net.send(member.link, &Packet::Disconnect(Disconnect::new(ReasonCode::SUCCESS)));
        }
        net.close(member.link);
        self.of_link[member.link] = None;
        member.left(clock::now(), random >> 8);
    }

    fn publish(&mut self, net: &mut Net) {
        let qos = QoS::from_bits((self.random() % 3) as u8).unwrap_or_default();
        let what = self.random() % 10;
        if what < 5 {
            let to = self.any(MEMBERS);
            let topic = format!("{}/to/{to}", self.base);
            Stamp { run: self.run, publisher: to as u32, number: self.numbers[to], due: clock::now() }
                .put(&mut self.payload);
            self.numbers[to] += 1;
            return self.station_sends(net, &topic, QoS::AtLeastOnce, false, PAYLOAD);
        }
        if what == 5 {
            let place = self.any(RETAINED);
            return self.change_retained(net, place);
        }
        let number = self.any(MEMBERS);
        if self.members[number].state != State::Here {
            return;
        }
        self.serial += 1;
        let topic = match what {
            6 | 7 => format!("{}/shared/{}", self.base, self.serial),
            _ => format!("{}/misc/{}/{}", self.base, self.serial % 10, self.serial),
        };
        let member = &mut self.members[number];
        let packet_id = if qos == QoS::AtMostOnce { 0 } else { member.packet_id() };
        member.unacknowledged += u32::from(packet_id > 0);
        let (properties, payload) = (Properties::EMPTY, &self.payload[..]);
        let publish = Publish { dup: false, qos, retain: false, topic: &topic, packet_id, properties, payload };
        net.send(member.link, &Packet::Publish(publish));
        self.published += 1;
    }

    fn change_retained(&mut self, net: &mut Net, place: usize) {
        let topic = format!("{}/retained/{place}", self.base);
        self.retained[place] = !self.retained[place];
        let len = if self.retained[place] { PAYLOAD } else { 0 };
        self.station_sends(net, &topic, QoS::AtLeastOnce, true, len);
    }

    fn station_sends(&mut self, net: &mut Net, topic: &str, qos: QoS, retain: bool, len: usize) {
        self.station_packet_id = self.station_packet_id.checked_add(1).unwrap_or(1);
        self.station_unacknowledged += 1;
        let (packet_id, properties, payload) =
            (self.station_packet_id, Properties::EMPTY, self.payload.get(..len).unwrap_or_default());
        net.send(
            self.station,
            &Packet::Publish(Publish { dup: false, qos, retain, topic, packet_id, properties, payload }),
        );
        self.published += 1;
    }

    /// A message has come, and is acknowledged.
    fn message(&mut self, net: &mut Net, link: usize, publish: &Publish<'_>) {
        let ack = Ack::new(publish.packet_id, ReasonCode::SUCCESS);
        match publish.qos {
            QoS::AtMostOnce => {}
            QoS::AtLeastOnce => net.send(link, &Packet::PubAck(ack)),
            QoS::ExactlyOnce => net.send(link, &Packet::PubRec(ack)),
        }
        let rest = publish.topic.strip_prefix(&self.base).unwrap_or_default();
        let Some(number) = self.of_link.get(link).copied().flatten() else {
            self.wills += u64::from(rest.starts_with("/will/"));
            return;
        };
        if rest.is_empty() {
            self.wrong.other += 1;
            return self.wrong.note(&format!("a message came with the topic {}", publish.topic));
        }
        if !rest.starts_with("/to/") {
            return;
        }
        let stamp = Stamp::split(publish.payload).map(|(stamp, _)| stamp);
        let Some(stamp) = stamp.filter(|stamp| stamp.run == self.run && stamp.publisher as usize == number) else {
            self.wrong.other += 1;
            return self.wrong.note("a message was damaged, or came to the wrong client");
        };
        match self.members[number].take(stamp.number, publish.dup) {
            Ok(()) => {}
            Err(Fault::Lost(count)) => {
                self.wrong.lost += u64::from(count);
                self.wrong
                    .note(&format!("{count} messages before number {} for member {number} were lost", stamp.number));
            }
            Err(Fault::Repeated) => {
                self.wrong.repeated += 1;
                self.wrong.note(&format!("message {} came to member {number} again", stamp.number));
            }
        }
    }

    fn acknowledged(&mut self, link: usize, ack: &Ack<'_>) {
        if ack.reason.is_error() {
            self.wrong.other += 1;
            self.wrong.note(&format!("a message was refused: {}", ack.reason.text()));
        }
        let place = match self.of_link.get(link).copied().flatten() {
            Some(number) => &mut self.members[number].unacknowledged,
            None => &mut self.station_unacknowledged,
        };
        match place.checked_sub(1) {
            Some(left) => *place = left,
            None => self.wrong.other += 1,
        }
    }
}

impl Hears for Churn {
    fn packet(&mut self, net: &mut Net, link: usize, packet: &Packet<'_>, _: Nanos) {
        let number = self.of_link.get(link).copied().flatten();
        match (packet, number) {
            (Packet::Publish(publish), _) => self.message(net, link, publish),
            (Packet::PubRec(ack), _) if !ack.reason.is_error() => {
                net.send(link, &Packet::PubRel(Ack::new(ack.packet_id, ReasonCode::SUCCESS)));
            }
            (Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubComp(ack), _) => self.acknowledged(link, ack),
            (Packet::PubRel(ack), _) => net.send(link, &Packet::PubComp(Ack::new(ack.packet_id, ReasonCode::SUCCESS))),
            (Packet::ConnAck(answer), Some(number)) if answer.reason == ReasonCode::SUCCESS => {
                self.greeted(net, number, answer.session_present);
            }
            (Packet::SubAck(_), Some(number)) => {
                let member = &mut self.members[number];
                (member.state, member.has_session) = (State::Here, true);
            }
            (Packet::PingResp, Some(number)) => self.answered(net, number),
            (Packet::PingResp | Packet::SubAck(_), None) => {}
            _ => {
                self.wrong.other += 1;
                self.wrong.note("a packet came that nobody waited for");
            }
        }
    }

    fn gone(&mut self, _: &mut Net, link: usize, why: &str) {
        self.wrong.cut_off += 1;
        self.wrong.note(&format!("a client was cut off: {}", why.trim_end_matches('.')));
        let random = self.random();
        match self.of_link.get_mut(link).and_then(Option::take) {
            Some(number) => self.members[number].left(clock::now(), random),
            None => self.station_unacknowledged = 0,
        }
    }
}
