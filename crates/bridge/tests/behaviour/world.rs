//! Two real brokers of one shard each with a bridge between them, and clients at both.

use crate::harness::configured;
use mosquitto_bridge::{Action, Bridge, Kept, Limits};
use mosquitto_broker::{ConnectionId, LeftBehind, ListenerSettings, Settings, Shard, ShardId, Shared, Versions};
use mosquitto_client::mqtt::packet::{Subscription, SubscriptionOptions};
use mosquitto_client::mqtt::{Properties, ProtocolVersion, QoS};
use mosquitto_client::{Event, Message, Moment, Options, Publication, Session};
use std::io::IoSlice;
use std::sync::Arc;

/// A broker of one shard.
pub(crate) struct Broker {
    pub(crate) shard: Shard,
    pub(crate) log: Vec<String>,
    /// Connections that it wants to be closed.
    closing: Vec<ConnectionId>,
}

/// A connection to a broker: what is on its way to it, and from it.
#[derive(Default)]
struct Pipe {
    id: Option<ConnectionId>,
    inbox: Vec<u8>,
    outbox: Vec<u8>,
}

/// A client of a broker.
pub(crate) struct Client {
    pub(crate) session: Session,
    pipe: Pipe,
    pub(crate) messages: Vec<Message>,
}

pub(crate) struct World {
    /// The broker that has the bridge, and the other one.
    pub(crate) brokers: [Broker; 2],
    pub(crate) bridge: Bridge,
    pub(crate) now: Moment,
    /// A client at each broker.
    pub(crate) clients: [Client; 2],
    link: Pipe,
    remote: Pipe,
    /// Whether the other broker can be reached.
    pub(crate) reachable: bool,
    pub(crate) log: Vec<String>,
    config: Arc<mosquitto_config::Bridge>,
}

pub(crate) const HOME: usize = 0;
pub(crate) const AWAY: usize = 1;

impl Broker {
    fn new(settings: Settings, seed: u8) -> Self {
        let shard = Shard::new(ShardId(0), Shared::new(1), Arc::new(settings), [seed; 32]);
        Self { shard, log: Vec::new(), closing: Vec::new() }
    }

    /// Gives the bytes of a pipe to the broker, and takes what it has to send. Whether anything happened.
    fn serve(&mut self, pipe: &mut Pipe, now: Moment) -> bool {
        let Some(id) = pipe.id else { return false };
        self.shard.begin(mosquitto_broker::Moment(now.0));
        let received = self.shard.received(id, &pipe.inbox);
        self.shard.end();
        pipe.inbox.drain(..received.consumed);
        let mut happened = received.consumed > 0;
        let mut touched = Vec::new();
        self.shard.touched(&mut touched);
        loop {
            let mut slices = [IoSlice::new(&[]); 16];
            let filled = self.shard.output(id, &mut slices);
            let bytes: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.iter().copied()).collect();
            if bytes.is_empty() {
                break;
            }
            self.shard.sent(id, bytes.len());
            pipe.outbox.extend_from_slice(&bytes);
            happened = true;
        }
        self.look_what_to_close();
        if self.closing.contains(&id) {
            self.release(id);
            pipe.id = None;
            happened = true;
        }
        let mut lines = Vec::new();
        self.shard.log_lines(&mut lines);
        self.log.extend(lines.into_iter().map(|line| line.text));
        happened
    }

    fn open(&mut self, pipe: &mut Pipe, name: &str, listener: u16, now: Moment) {
        self.shard.begin(mosquitto_broker::Moment(now.0));
        *pipe = Pipe { id: Some(self.shard.open(name, listener)), ..Pipe::default() };
        self.shard.end();
    }

    fn look_what_to_close(&mut self) {
        let mut closing = Vec::new();
        self.shard.closing(&mut closing);
        self.closing.extend(closing);
    }

    fn release(&mut self, id: ConnectionId) {
        self.closing.retain(|other| *other != id);
        self.shard.release(id);
    }

    fn close(&mut self, pipe: &mut Pipe, now: Moment) {
        if let Some(id) = pipe.id.take() {
            self.shard.begin(mosquitto_broker::Moment(now.0));
            self.shard.closed(id, None);
            self.shard.end();
            self.look_what_to_close();
            self.release(id);
        }
    }
}

impl Client {
    fn new(name: &str) -> Self {
        let options = Options { clean_start: true, keep_alive_s: 0, ..Options::new(ProtocolVersion::V5, name) };
        Self { session: Session::new(options), pipe: Pipe::default(), messages: Vec::new() }
    }

    /// The payloads of the messages so far, with their topics.
    pub(crate) fn texts(&mut self) -> Vec<String> {
        let text = |message: Message| {
            let retain = if message.retain { " retain" } else { "" };
            format!("{} {} q{}{retain}", message.topic, String::from_utf8_lossy(&message.payload), message.qos.bits())
        };
        std::mem::take(&mut self.messages).into_iter().map(text).collect()
    }

    fn exchange(&mut self, broker: &mut Broker, now: Moment) -> bool {
        let output = self.session.output().to_vec();
        self.session.sent(output.len());
        self.pipe.inbox.extend_from_slice(&output);
        let mut happened = broker.serve(&mut self.pipe, now);
        loop {
            let taken = self.session.received(now, &self.pipe.outbox);
            if taken == 0 || self.pipe.outbox.is_empty() {
                break;
            }
            self.pipe.outbox.drain(..taken);
            happened = true;
        }
        while let Some(event) = self.session.poll_event() {
            if let Event::Message(message) = event {
                self.messages.push(message);
            }
        }
        happened || !output.is_empty()
    }
}

impl World {
    /// A bridge with these lines, started, and everybody connected.
    pub(crate) fn new(lines: &str) -> Self {
        Self::with(lines, Settings::default(), Limits::default())
    }

    pub(crate) fn with(lines: &str, settings: Settings, limits: Limits) -> Self {
        let config = configured(lines);
        let mut world = Self {
            brokers: [Broker::new(settings.clone(), 1), Broker::new(settings, 2)],
            bridge: Bridge::new(Arc::clone(&config), "host", limits, 1),
            now: Moment(1_000_000),
            clients: [Client::new("home client"), Client::new("away client")],
            link: Pipe::default(),
            remote: Pipe::default(),
            reachable: true,
            log: Vec::new(),
            config,
        };
        for (client, broker) in world.clients.iter_mut().zip(&mut world.brokers) {
            broker.open(&mut client.pipe, "client", 0, world.now);
            client.session.connect(world.now);
        }
        world.bridge.start(world.now);
        world.run();
        world
    }

    /// The bridge is made anew, as after another start of this broker that has kept its sessions.
    pub(crate) fn make_bridge_anew(&mut self, limits: Limits) {
        self.brokers[HOME].close(&mut self.link, self.now);
        self.brokers[AWAY].close(&mut self.remote, self.now);
        self.bridge = Bridge::new(Arc::clone(&self.config), "host", limits, 2);
        let shard = &mut self.brokers[HOME].shard;
        shard.begin(mosquitto_broker::Moment(self.now.0));
        if let Some(LeftBehind { in_flight, unreleased, filters }) = shard.left_behind(self.bridge.local_clientid()) {
            self.bridge.remember(Kept { in_flight, unreleased, filters });
        }
        shard.end();
        self.bridge.start(self.now);
        self.run();
    }

    /// The other broker is replaced by one that knows nothing, and does not speak MQTT 5 to the bridge.
    pub(crate) fn replace_by_mqtt_3(&mut self) {
        let versions = Versions { v5: false, ..Versions::ALL };
        let listeners = vec![ListenerSettings { versions, ..ListenerSettings::default() }, ListenerSettings::default()];
        self.brokers[AWAY] = Broker::new(Settings { listeners, ..Settings::default() }, 3);
        self.remote = Pipe::default();
        self.clients[AWAY] = Client::new("away client");
        self.brokers[AWAY].open(&mut self.clients[AWAY].pipe, "client", 1, self.now);
        self.clients[AWAY].session.connect(self.now);
        self.run();
    }

    /// The bridge gets another configuration.
    pub(crate) fn configure(&mut self, lines: &str) {
        self.config = configured(lines);
        self.make_bridge_anew(Limits::default());
    }

    pub(crate) fn subscribe(&mut self, at: usize, filter: &str) {
        let options = SubscriptionOptions { retain_as_published: true, ..SubscriptionOptions::qos(QoS::ExactlyOnce) };
        let subscription = Subscription { filter, options };
        self.clients[at].session.subscribe(self.now, &[subscription], Properties::EMPTY).unwrap();
        self.run();
    }

    pub(crate) fn publish(&mut self, at: usize, topic: &str, payload: &str, qos: QoS) {
        self.publish_only(at, topic, payload, qos);
        self.run();
    }

    pub(crate) fn publish_only(&mut self, at: usize, topic: &str, payload: &str, qos: QoS) {
        let message = Publication::new(topic, payload.as_bytes(), qos);
        self.clients[at].session.publish(self.now, message).unwrap();
    }

    pub(crate) fn retain(&mut self, at: usize, topic: &str, payload: &str) {
        let message = Publication { retain: true, ..Publication::new(topic, payload.as_bytes(), QoS::AtLeastOnce) };
        self.clients[at].session.publish(self.now, message).unwrap();
        self.run();
    }

    /// Everything goes on until it is quiet.
    pub(crate) fn run(&mut self) {
        for _ in 0..100_000 {
            if !self.step(usize::MAX) {
                return;
            }
        }
        panic!("it never gets quiet");
    }

    /// Everything goes on a little: no more than so many bytes go each way between bridge and remote broker. Whether anything
    /// happened.
    pub(crate) fn step(&mut self, bytes_max: usize) -> bool {
        let mut happened = self.act();
        for (client, broker) in self.clients.iter_mut().zip(&mut self.brokers) {
            happened |= client.exchange(broker, self.now);
        }
        happened |= self.exchange_link();
        happened |= self.exchange_remote(bytes_max);
        happened | self.act()
    }

    fn act(&mut self) -> bool {
        let mut happened = false;
        while let Some(action) = self.bridge.poll_action() {
            happened = true;
            match action {
                Action::OpenRemote(_) if self.reachable => {
                    self.brokers[AWAY].open(&mut self.remote, "bridge", 0, self.now);
                    self.bridge.remote_opened(self.now);
                }
                Action::OpenRemote(_) => self.bridge.remote_open_failed(self.now, "no route"),
                Action::ProbeRemote(_) => self.bridge.remote_probed(self.now, self.reachable),
                Action::CloseRemote => {
                    let last = self.bridge.remote_output().to_vec();
                    self.bridge.remote_sent(last.len());
                    self.remote.inbox.extend_from_slice(&last);
                    self.brokers[AWAY].serve(&mut self.remote, self.now);
                    self.brokers[AWAY].close(&mut self.remote, self.now);
                }
                Action::OpenLink => {
                    self.brokers[HOME].open(&mut self.link, "link", 0, self.now);
                    self.bridge.link_opened(self.now);
                }
                Action::CloseLink => {
                    let last = self.bridge.link_output().to_vec();
                    self.bridge.link_sent(last.len());
                    self.link.inbox.extend_from_slice(&last);
                    self.brokers[HOME].serve(&mut self.link, self.now);
                    self.brokers[HOME].close(&mut self.link, self.now);
                }
                Action::PassOver(packet_id) => {
                    self.brokers[HOME].shard.pass_over_packet_id(self.bridge.local_clientid(), packet_id);
                }
                Action::Log(_, text) => self.log.push(text),
            }
        }
        happened
    }

    fn exchange_link(&mut self) -> bool {
        let had = self.link.id.is_some();
        let output = self.bridge.link_output().to_vec();
        self.bridge.link_sent(output.len());
        self.link.inbox.extend_from_slice(&output);
        let mut happened = self.brokers[HOME].serve(&mut self.link, self.now) || !output.is_empty();
        while !self.link.outbox.is_empty() {
            let taken = self.bridge.link_received(self.now, &self.link.outbox);
            if taken == 0 {
                break;
            }
            self.link.outbox.drain(..taken);
            happened = true;
        }
        if had && self.link.id.is_none() {
            self.bridge.link_closed(self.now);
        }
        happened
    }

    fn exchange_remote(&mut self, bytes_max: usize) -> bool {
        let had = self.remote.id.is_some();
        let output = self.bridge.remote_output();
        let output = output[..output.len().min(bytes_max)].to_vec();
        self.bridge.remote_sent(output.len());
        self.remote.inbox.extend_from_slice(&output);
        let mut happened = self.brokers[AWAY].serve(&mut self.remote, self.now) || !output.is_empty();
        let mut left = bytes_max;
        while !self.remote.outbox.is_empty() && left > 0 {
            let taken = self.bridge.remote_received(self.now, &self.remote.outbox);
            if taken == 0 {
                break;
            }
            self.remote.outbox.drain(..taken);
            left = left.saturating_sub(taken);
            happened = true;
        }
        if had && self.remote.id.is_none() {
            self.bridge.remote_closed(self.now, "closed by the remote broker");
        }
        happened
    }

    /// The connection to the remote broker breaks; what is under way is lost.
    pub(crate) fn cut(&mut self) {
        if self.remote.id.is_some() {
            self.brokers[AWAY].close(&mut self.remote, self.now);
            self.bridge.remote_closed(self.now, "cut");
            self.act();
        }
    }

    /// The link is closed from this broker's end.
    pub(crate) fn cut_link(&mut self) {
        if self.link.id.is_some() {
            self.brokers[HOME].close(&mut self.link, self.now);
            self.bridge.link_closed(self.now);
            self.act();
        }
    }

    /// Whether there is a link.
    pub(crate) fn has_link(&self) -> bool {
        self.link.id.is_some()
    }

    /// Time passes.
    pub(crate) fn wait_ms(&mut self, ms: u64) {
        self.now = self.now + ms;
        self.bridge.tick(self.now);
        self.act();
    }

    /// The connection to the remote broker is there again.
    pub(crate) fn heal(&mut self) {
        self.reachable = true;
        for _ in 0..20 {
            self.run();
            self.wait_ms(10_000);
        }
        self.run();
    }

    /// What waits at home for the bridge: messages in flight and behind them.
    pub(crate) fn backlog(&self) -> usize {
        let (reports, _) = self.brokers[HOME].shard.session_reports(0, 1000);
        let of_bridge = reports.iter().find(|report| &*report.client_id == self.bridge.local_clientid());
        of_bridge.map_or(0, |report| report.in_flight + report.queued)
    }
}
