//! Steady traffic: publishers send, subscribers check what comes.

#![allow(
    clippy::indexing_slicing,
    reason = "publishers and subscribers are numbered here; the number in a payload is looked up with get"
)]

mod checks;
mod people;

use crate::arrivals::{self, Caller, Client};
use crate::bench::{Bench, Failure};
use crate::clock::{self, MILLISECOND, Nanos, SECOND};
use crate::net::{Hears, Net};
use crate::plan::Plan;
use crate::process::Usage;
use crate::report::Latency;
use crate::stamp;
pub(crate) use checks::Counts;
use mosquitto_mqtt::packet::{Ack, Publish};
use mosquitto_mqtt::{Packet, QoS, ReasonCode};
use people::{Publisher, Role, Subscriber};

/// A publisher none of whose messages has arrived for so long does not wait for those under way any more.
const STALL: Nanos = 2 * SECOND;
/// So much is put into a link's output at most, in bytes, where nothing else bounds it.
const OUTPUT: usize = 256 * 1024;
/// How long it is listened for what should not come, after all has come.
const LINGER: Nanos = 30 * MILLISECOND;
/// The receive buffer of who is to be slow, in bytes: so that the broker feels it soon.
const SLOW_BUFFER: usize = 32 * 1024;

/// The clients of a [`Plan`], and what flows between them.
#[derive(Debug)]
pub(crate) struct Traffic {
    run: u32,
    qos: QoS,
    /// A stamp, and the filling.
    payload: Vec<u8>,
    /// 0: no bound.
    ahead: u32,
    batch: u32,
    rate: Option<f64>,
    publishers: Vec<Publisher>,
    subscribers: Vec<Subscriber>,
    /// By link.
    roles: Vec<Role>,
    /// Those that may send.
    ready: Vec<usize>,
    /// Those that would, but for what waits in their output.
    blocked: Vec<usize>,
    shared: bool,
    /// Messages that may still be begun.
    budget: u64,
    unacknowledged: u64,
    counts: Counts,
    latency: Latency,
    /// How late this program itself was, in open loop.
    lag: Latency,
    last_arrival: Nanos,
    /// For [`arrivals::forget`].
    callers: Vec<Caller>,
}

/// What one stretch of time came to.
#[derive(Debug)]
pub(crate) struct Stretch {
    pub(crate) wall_s: f64,
    pub(crate) sent: u64,
    pub(crate) delivered: u64,
    pub(crate) own_cpu_s: f64,
    pub(crate) usage: Option<(Usage, Usage)>,
}

impl Traffic {
    /// Has all clients of the plan come: first the subscribers.
    pub(crate) fn begin(bench: &mut Bench, plan: &Plan) -> Result<Self, Failure> {
        let settings = bench.settings.clone();
        if !plan.idle.is_empty() {
            let idle = Caller {
                id: bench.client_id('i', 0),
                filters: plan.idle.clone(),
                subscribes: true,
                ..Caller::default()
            };
            arrivals::arrive(bench, &[idle], QoS::AtMostOnce)?;
        }
        let subscriber = |(j, filter): (usize, &String)| Caller {
            id: bench.client_id('s', j),
            persistent: settings.persistent_subscribers,
            filters: vec![filter.clone()],
            subscribes: true,
            receive_buffer: (plan.slow == Some(j)).then_some(SLOW_BUFFER),
        };
        let publisher =
            |i| Caller { id: bench.client_id('p', i), persistent: settings.persistent_publishers, ..Caller::default() };
        let subscribers: Vec<_> = plan.filters.iter().enumerate().map(subscriber).collect();
        let publishers: Vec<_> = (0..plan.topics.len()).map(publisher).collect();
        let subscribed = arrivals::arrive(bench, &subscribers, settings.qos())?;
        let come = arrivals::arrive(bench, &publishers, settings.qos())?;
        Ok(Self::of(bench, plan, &subscribed, &come, [subscribers, publishers].concat()))
    }

    fn of(bench: &Bench, plan: &Plan, subscribed: &[Client], come: &[Client], callers: Vec<Caller>) -> Self {
        let settings = &bench.settings;
        let groups = plan.groups;
        let links = subscribed.iter().chain(come).map(|client| client.link + 1).max().unwrap_or(0);
        let mut roles = vec![Role::Other; links];
        let mut receivers = vec![0; groups];
        let mut subscribers = Vec::new();
        for (j, client) in subscribed.iter().enumerate() {
            let counted = plan.slow != Some(j);
            receivers[j % groups] = if plan.shared { 1 } else { receivers[j % groups] + u32::from(counted) };
            roles[client.link] = Role::Subscriber(j);
            subscribers.push(Subscriber::new(*client, j % groups, counted, plan.topics.len().div_ceil(groups)));
        }
        let mut publishers = Vec::new();
        for (i, (client, topic)) in come.iter().zip(&plan.topics).enumerate() {
            roles[client.link] = Role::Publisher(i);
            let window = settings.window().min(client.receive_maximum);
            let place = [i % groups, i / groups];
            publishers.push(Publisher::new(*client, topic.clone(), window, place, receivers[i % groups]));
        }
        let window = come.iter().map(|client| client.receive_maximum.min(settings.window())).min().unwrap_or(1);
        let bound = if settings.ahead() == 0 { window.into() } else { settings.ahead().min(window.into()) };
        Self {
            run: bench.run,
            qos: settings.qos(),
            payload: stamp::filled(settings.payload),
            ahead: settings.ahead(),
            batch: (bound / 4).max(1),
            rate: settings.rate,
            publishers,
            subscribers,
            roles,
            ready: Vec::new(),
            blocked: Vec::new(),
            shared: plan.shared,
            budget: 0,
            unacknowledged: 0,
            counts: Counts::default(),
            latency: Latency::new(),
            lag: Latency::new(),
            last_arrival: 0,
            callers,
        }
    }

    /// Publishes for so many seconds, or messages, and waits for what is under way then.
    pub(crate) fn flow(&mut self, bench: &mut Bench, seconds: f64, messages: Option<u64>) -> Result<Stretch, Failure> {
        let (before, own, sent, delivered) =
            (bench.usage()?, clock::own_cpu(), self.counts.sent, self.counts.delivered);
        self.latency.clear();
        self.lag.clear();
        let start = clock::now();
        let stopped = self.publish(bench, start, start + clock::from_seconds(seconds), messages)?;
        self.wait(bench)?;
        let wall_s = clock::seconds(self.last_arrival.max(stopped) - start);
        let own_cpu_s = clock::seconds(clock::own_cpu() - own);
        let usage = before.zip(bench.usage()?);
        let end = clock::now() + LINGER;
        while clock::now() < end {
            bench.turn(self, end)?;
        }
        let (sent, delivered) = (self.counts.sent - sent, self.counts.delivered - delivered);
        Ok(Stretch { wall_s, sent, delivered, own_cpu_s, usage })
    }

    /// Until `end`, or until there are so many. Returns when it was over.
    fn publish(
        &mut self,
        bench: &mut Bench,
        start: Nanos,
        end: Nanos,
        messages: Option<u64>,
    ) -> Result<Nanos, Failure> {
        self.budget = messages.unwrap_or(u64::MAX);
        (0..self.publishers.len()).for_each(|i| self.consider(i));
        let (mut scheduled, mut looked_at) = (0, start);
        loop {
            let now = clock::now();
            let mut until = end.min(now + 100 * MILLISECOND);
            if let Some(rate) = self.rate {
                until = until.min(self.schedule(start, now.min(end), rate, &mut scheduled));
            }
            if now >= end || self.budget == 0 {
                self.budget = 0;
                return Ok(now);
            }
            self.fill(&mut bench.net, now);
            if now > looked_at + 100 * MILLISECOND {
                looked_at = now;
                self.forget_stalled(now);
                bench.progress.tell("messages", self.counts.delivered, &self.counts.remark());
            }
            bench.keep_alive();
            bench.turn(self, until)?;
        }
    }

    /// Waits for what is under way, as long as anything comes.
    fn wait(&mut self, bench: &mut Bench) -> Result<(), Failure> {
        let patience = clock::from_seconds(bench.settings.drain_s);
        let (mut last, mut moved) = (0, clock::now());
        loop {
            self.fill(&mut bench.net, clock::now());
            let done = self.counts.missing() == 0 && self.unacknowledged == 0 && self.unsent() == 0;
            let steps = self.counts.delivered + self.counts.sent + self.counts.acknowledged;
            let now = clock::now();
            if steps != last {
                (last, moved) = (steps, now);
            }
            if done || now >= moved + patience {
                return Ok(());
            }
            bench.keep_alive();
            bench.turn(self, (moved + patience).min(now + 100 * MILLISECOND))?;
        }
    }

    /// Notes the messages that are due by now; says when the next one is.
    #[allow(clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "a rate times a day is far below 2^53")]
    fn schedule(&mut self, start: Nanos, now: Nanos, rate: f64, scheduled: &mut u64) -> Nanos {
        loop {
            let due = start + (*scheduled as f64 * SECOND as f64 / rate) as Nanos;
            if due >= now || self.budget == 0 {
                return due;
            }
            self.lag.note(now - due);
            let i = (*scheduled % self.publishers.len() as u64) as usize;
            self.publishers[i].due.push_back(due);
            *scheduled += 1;
            self.budget -= 1;
            self.consider(i);
        }
    }

    /// Has a publisher send in this turn, if there is enough that it may send.
    fn consider(&mut self, i: usize) {
        let publisher = &mut self.publishers[i];
        let credit = publisher.credit(self.qos, self.ahead);
        let enough = if self.rate.is_some() { credit > 0 && !publisher.due.is_empty() } else { credit >= self.batch };
        if enough && !publisher.is_ready {
            publisher.is_ready = true;
            self.ready.push(i);
        }
    }

    fn fill(&mut self, net: &mut Net, now: Nanos) {
        self.ready.append(&mut self.blocked);
        for i in std::mem::take(&mut self.ready) {
            let publisher = &mut self.publishers[i];
            if !net.is_open(publisher.link) {
                continue;
            }
            let wanted = if self.rate.is_some() { publisher.due.len() as u64 } else { self.budget };
            let credit = u64::from(publisher.credit(self.qos, self.ahead)).min(wanted);
            let room = OUTPUT.saturating_sub(net.waiting(publisher.link)).div_ceil(self.payload.len()) as u64;
            let count = credit.min(room);
            let version = net.version();
            let output = net.output(publisher.link);
            for _ in 0..count {
                publisher.put(self.run, i, self.qos, version, &mut self.payload, now, output);
            }
            self.counts.sent += count;
            self.counts.due += count * u64::from(publisher.receivers);
            if self.rate.is_none() {
                self.budget -= count;
            }
            if self.qos != QoS::AtMostOnce {
                self.unacknowledged += count;
            }
            publisher.is_ready = count < credit;
            if publisher.is_ready {
                self.blocked.push(i);
            }
        }
    }

    /// Who waits for messages that do not come goes on without them.
    fn forget_stalled(&mut self, now: Nanos) {
        for i in 0..self.publishers.len() {
            let publisher = &mut self.publishers[i];
            if publisher.under_way() > 0 && now > publisher.moved + STALL {
                publisher.give_up(now);
                self.consider(i);
            }
        }
    }

    fn acknowledged(&mut self, net: &mut Net, i: usize, packet: &Packet<'_>) {
        let publisher = &mut self.publishers[i];
        let (ack, received) = match packet {
            Packet::PubAck(ack) if self.qos == QoS::AtLeastOnce => (ack, false),
            Packet::PubRec(ack) if self.qos == QoS::ExactlyOnce => (ack, !ack.reason.is_error()),
            Packet::PubComp(ack) if self.qos == QoS::ExactlyOnce => (ack, false),
            Packet::Disconnect(disconnect) => {
                return self.counts.note(&format!("DISCONNECT: {}", disconnect.reason.text()));
            }
            Packet::PingResp => return,
            _ => return self.counts.confused("a packet came to a publisher that it did not wait for"),
        };
        if !publisher.has_taken(ack.packet_id) {
            return self.counts.confused("an acknowledgement came for a packet identifier that is not in use");
        }
        if received {
            let release = Ack::new(ack.packet_id, ReasonCode::SUCCESS);
            return net.send(publisher.link, &Packet::PubRel(release));
        }
        if ack.reason.is_error() {
            self.counts.refused += 1;
            self.counts.note(&format!("a message was refused: {}", ack.reason.text()));
        }
        publisher.release(ack.packet_id);
        self.unacknowledged -= 1;
        self.counts.acknowledged += 1;
        self.consider(i);
    }

    /// Has all clients go, and forgets their sessions.
    pub(crate) fn end(&mut self, bench: &mut Bench) -> Result<(), Failure> {
        let links = self.publishers.iter().map(|p| p.link).chain(self.subscribers.iter().map(|s| s.link));
        let clients: Vec<_> = links.map(|link| Client { link, receive_maximum: 0 }).collect();
        arrivals::leave(bench, &clients)?;
        arrivals::forget(bench, &self.callers)
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    pub(crate) fn latency(&self) -> &Latency {
        &self.latency
    }

    pub(crate) fn lag(&self) -> &Latency {
        &self.lag
    }

    /// Messages that were due and could not be sent.
    pub(crate) fn unsent(&self) -> u64 {
        self.publishers.iter().map(|publisher| publisher.due.len() as u64).sum()
    }

    /// The link of a subscriber, and how many messages it has received.
    pub(crate) fn subscriber(&self, j: usize) -> (usize, u64) {
        (self.subscribers[j].link, self.subscribers[j].received)
    }

    /// The fewest and the most that a subscriber has received.
    pub(crate) fn spread(&self) -> (u64, u64) {
        let received = || self.subscribers.iter().map(|subscriber| subscriber.received);
        (received().min().unwrap_or(0), received().max().unwrap_or(0))
    }
}

impl Hears for Traffic {
    fn packet(&mut self, net: &mut Net, link: usize, packet: &Packet<'_>, _: Nanos) {
        match self.roles.get(link).copied().unwrap_or(Role::Other) {
            Role::Publisher(i) => self.acknowledged(net, i, packet),
            Role::Subscriber(j) => self.arrived(net, j, packet),
            Role::Other => {}
        }
    }

    fn publish(&mut self, net: &mut Net, link: usize, publish: &Publish<'_>, now: Nanos) {
        match self.roles.get(link).copied().unwrap_or(Role::Other) {
            Role::Subscriber(j) => self.published(net, j, publish, now),
            Role::Publisher(_) => self.counts.confused("a message came to a publisher"),
            Role::Other => {}
        }
    }

    fn gone(&mut self, _: &mut Net, link: usize, why: &str) {
        self.counts.cut_off += 1;
        self.counts.note(&format!("a client was cut off: {}", why.trim_end_matches('.')));
        if let Some(Role::Publisher(i)) = self.roles.get(link) {
            // Nothing of what it has to send will ever go out.
            self.unacknowledged -= self.publishers[*i].abandon();
        }
    }
}
