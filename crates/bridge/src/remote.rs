//! The remote half of a bridge: a session at another broker, and when there is a connection for it.

mod life;
mod publish;
mod setup;

pub use publish::{Passed, Passing};

use crate::addresses::Addresses;
use crate::pause::Pauses;
use crate::report::{Report, State};
use crate::topics::Topics;
use mosquitto_client::mqtt::{ProtocolVersion, QoS};
use mosquitto_client::{Message, Moment, Options, Session, WillMessage};
use mosquitto_config::{Bridge, BridgeAddress, BridgeProtocol, LogType};
use std::collections::{HashMap, HashSet, VecDeque};
use std::num::NonZero;
use std::sync::Arc;

/// Messages of the bridge's own that may wait beside those of the window.
const OWN_MESSAGES: usize = 4;

/// How long the owner may take to open a connection, in milliseconds: names are looked up meanwhile.
const OPEN_MS_MAX: u64 = 60_000;

/// While it is connected to another address than the first, how often that one is tried, in milliseconds.
const PROBE_MS: u64 = 5000;

/// The remote half of a bridge.
///
/// # Contract
///
/// It does nothing by itself, opens nothing, and never asks what time it is: time is an argument that only goes forward. Its
/// owner
///
/// 1. makes it, and calls [`start`](Self::start) once;
/// 2. feeds it: [`opened`](Self::opened) or [`open_failed`](Self::open_failed) after [`Effect::Open`];
///    [`probed`](Self::probed) after [`Effect::Probe`]; [`received`](Self::received) with bytes that came in, which handles one
///    packet at most; [`closed`](Self::closed) when the connection was closed by the peer or the network; [`tick`](Self::tick)
///    not later than [`next_deadline`](Self::next_deadline); [`set_backlog`](Self::set_backlog) when that has changed;
///    [`publish`](Self::publish) and [`acknowledge`](Self::acknowledge); [`stop`](Self::stop) at the end;
/// 3. after each of these drains it: [`poll_event`](Self::poll_event) until there is none, [`poll_effect`](Self::poll_effect)
///    until there is none, then [`output`](Self::output), confirmed by [`sent`](Self::sent).
///
/// [`Effect::Open`] asks for one connection. It is answered once, unless [`Effect::Close`] comes first; then it is forgotten.
/// After [`Effect::Close`] the owner sends what is left of the output as far as it goes at once, and closes; what is still to
/// come from there is of no use, and that it is closed need not be told. There is one connection at a time at most.
///
/// Nothing here blocks or panics for what came from outside, and what it keeps is bounded: messages under way by the window,
/// unsent output by the session's bounds, requests by the session's bounds, effects and events by being drained. A broken or
/// hostile remote broker costs the connection, and the next one comes after a pause.
#[derive(Debug)]
pub struct Remote {
    config: Arc<Bridge>,
    client_id: String,
    local_clientid: String,
    notification_topic: String,
    topics: Topics,
    session: Session,
    /// What is spoken: as configured, or what was left after the remote broker had refused that.
    version: BridgeProtocol,
    limits: Limits,
    /// What the remote broker has shown to take when it refused a connection.
    qos_max: QoS,
    retain: bool,
    now: Moment,
    phase: Phase,
    since: Moment,
    addresses: Addresses,
    pauses: Pauses,
    /// When something was passed on last, in either direction.
    busy_at: Moment,
    /// When the first address is to be tried while it is connected to another.
    probe_at: Option<Moment>,
    /// Messages that wait at this broker.
    backlog: Backlog,
    /// Why the connection is being ended from here.
    leaving: Option<Leaving>,
    /// What is still to be said to a remote broker that has accepted the connection.
    setup: VecDeque<setup::Step>,
    /// Subscriptions that are not answered, by packet identifier.
    asked: HashMap<u16, String>,
    /// Notifications that are not through.
    own: HashSet<u16>,
    /// The packet identifier of the last of its own requests and notifications.
    last_own_id: u16,
    /// Whether the log has a message of this connection that was dropped.
    has_told_of_unmapped: bool,
    effects: VecDeque<Effect>,
    events: VecDeque<RemoteEvent>,
    counters: crate::report::Counters,
    last_error: Option<String>,
}

/// What a bridge has to know of the options of the whole broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// `max_inflight_messages`: messages of QoS 1 and 2 under way at once in each direction. 0: as many as there can be.
    pub max_inflight_messages: u16,
    /// `max_packet_size`: the largest whole packet that is taken from the remote broker, in bytes. 0: any.
    pub max_packet_size: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_inflight_messages: 20, max_packet_size: 2_000_000 }
    }
}

impl Limits {
    pub(crate) fn window(self) -> u16 {
        if self.max_inflight_messages == 0 { u16::MAX } else { self.max_inflight_messages }
    }
}

/// Messages that wait at this broker for the bridge, those that it has taken included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// How many.
    pub messages: u64,
    /// Their payloads.
    pub bytes: u64,
}

/// How far the connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Not started, or a lazy bridge that waits for messages.
    Resting,
    /// The next attempt is due then.
    Pausing(Moment),
    /// The owner opens a connection, until then at the latest.
    Opening(Moment),
    /// CONNECT is sent.
    Connecting,
    /// The remote broker has accepted it.
    Connected,
    /// There is none, and there will be none.
    Ended,
}

/// Why a connection is ended from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaving {
    /// A lazy bridge had nothing to do.
    Idle,
    /// The first address can be reached again.
    ForPrimary,
    /// The bridge ends.
    Stopping,
}

/// What the owner has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Open a connection to this address.
    Open(BridgeAddress),
    /// Try whether this address can be reached, without sending anything: then call [`Remote::probed`].
    Probe(BridgeAddress),
    /// Send what is left of the output and close the connection, or give up opening it.
    Close,
    /// A line for the log.
    Log(LogType, String),
}

/// What the other half has to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemoteEvent {
    /// The remote broker has accepted a connection.
    Connected {
        /// Whether it kept the session.
        session_present: bool,
    },
    /// A message under the name that it has there. At QoS 1 and 2 it waits for [`Remote::acknowledge`].
    Message(Message),
    /// The remote broker has a message of QoS 2, which waits for [`Remote::release`].
    Received {
        /// As [`Passed::UnderWay`] named it.
        packet_id: u16,
    },
    /// The remote broker has released a message of QoS 2: it waits for [`Remote::complete`].
    Released {
        /// Of the message.
        packet_id: u16,
    },
    /// The remote broker has the message of QoS 1 or 2 for good, or will not take it.
    Through {
        /// As [`Passed::UnderWay`] named it.
        packet_id: u16,
        /// Whether it has it.
        taken: bool,
    },
    /// A connection that had been accepted is over. What is under way is sent again with the next one.
    Disconnected,
    /// The session has begun anew, so that messages under way are forgotten: they have to be published again.
    Forgotten,
}

impl Remote {
    /// A bridge that is not started. `hostname` is that of this machine, of which names are made; `seed` makes pauses random,
    /// so it should differ from bridge to bridge.
    pub fn new(config: Arc<Bridge>, hostname: &str, limits: Limits, seed: u64) -> Self {
        let client_id = config.remote_clientid(hostname);
        let local_clientid = config.local_clientid(hostname);
        let notification_topic = config.notification_topic(hostname);
        let version = config.protocol_version;
        let options = options(&config, version, &client_id, &notification_topic, limits);
        Self {
            topics: Topics::new(&config.topics),
            session: Session::new(options),
            version,
            limits,
            qos_max: QoS::ExactlyOnce,
            retain: true,
            now: Moment::default(),
            phase: Phase::Resting,
            since: Moment::default(),
            addresses: Addresses::new(config.addresses.clone(), config.round_robin),
            pauses: Pauses::new(config.restart_timeout, seed),
            busy_at: Moment::default(),
            probe_at: None,
            backlog: Backlog::default(),
            leaving: None,
            setup: VecDeque::new(),
            asked: HashMap::new(),
            own: HashSet::new(),
            last_own_id: 0,
            has_told_of_unmapped: false,
            effects: VecDeque::new(),
            events: VecDeque::new(),
            counters: crate::report::Counters::default(),
            last_error: None,
            client_id,
            local_clientid,
            notification_topic,
            config,
        }
    }

    /// Handles the first packet of `bytes`, which follow the bytes that were handled before. Returns how many bytes it took: 0
    /// while the packet is not whole, or while so much output is unsent that it has to wait.
    pub fn received(&mut self, now: Moment, bytes: &[u8]) -> usize {
        self.advance(now);
        let taken = self.session.received(self.now, bytes);
        self.follow_session();
        taken
    }

    /// Acknowledges a message, see [`Session::acknowledge`].
    pub fn acknowledge(&mut self, now: Moment, packet_id: u16) -> bool {
        self.advance(now);
        self.session.acknowledge(self.now, packet_id)
    }

    /// Answers a release, see [`Session::complete`].
    pub fn complete(&mut self, now: Moment, packet_id: u16) -> bool {
        self.advance(now);
        self.session.complete(self.now, packet_id)
    }

    /// The packet identifier of the last of its own requests and notifications; 0: there was none.
    pub fn last_own_id(&self) -> u16 {
        self.last_own_id
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<RemoteEvent> {
        self.events.pop_front()
    }

    pub(crate) fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// What the owner has to do next.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// The bytes to send.
    pub fn output(&self) -> &[u8] {
        self.session.output()
    }

    /// The first `len` bytes of the output are sent.
    pub fn sent(&mut self, len: usize) {
        self.session.sent(len);
    }

    /// Whether the remote broker has accepted a connection that is not over.
    pub fn is_connected(&self) -> bool {
        self.phase == Phase::Connected
    }

    /// Messages of QoS 1 and 2 that the remote broker has not taken for good, notifications included.
    pub fn under_way(&self) -> usize {
        self.session.unfinished_count()
    }

    /// The bridge's client id at the remote broker.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Where the state of the bridge is published.
    pub fn notification_topic(&self) -> &str {
        &self.notification_topic
    }

    /// The topic lines.
    pub fn topics(&self) -> &Topics {
        &self.topics
    }

    /// How the bridge does.
    pub fn report(&self) -> Report {
        Report {
            state: match self.phase {
                Phase::Resting => State::Resting,
                Phase::Pausing(until) => State::BackingOff { until },
                Phase::Opening(_) | Phase::Connecting => State::Connecting,
                Phase::Connected => State::Connected,
                Phase::Ended => State::Ended,
            },
            since: self.since,
            address: self.addresses.current().cloned(),
            last_error: self.last_error.clone(),
            backlog: self.backlog,
            under_way: self.under_way(),
            counters: self.counters,
        }
    }

    pub(crate) fn counters(&mut self) -> &mut crate::report::Counters {
        &mut self.counters
    }

    /// No topic line lets a message in: that is said once a connection.
    pub(crate) fn drop_unmapped(&mut self, topic: &str) {
        self.counters.dropped_in_unmapped += 1;
        if !std::mem::replace(&mut self.has_told_of_unmapped, true) {
            let name = &self.config.name;
            let text =
                format!("Warning: Bridge {name}: a message under '{topic}' is dropped, as no topic line lets it in.");
            self.log(LogType::Warning, text);
        }
    }

    pub(crate) fn log(&mut self, level: LogType, text: String) {
        self.effects.push_back(Effect::Log(level, text));
    }

    fn advance(&mut self, now: Moment) {
        self.now = self.now.max(now);
    }

    fn enter(&mut self, phase: Phase) {
        (self.phase, self.since) = (phase, self.now);
    }
}

/// Whether the remote broker's session outlives its connections.
fn lasts(config: &Bridge, version: ProtocolVersion) -> bool {
    !config.clean_session && (!version.is_v5() || config.session_expiry_interval > 0)
}

/// What the session says in its CONNECT, and its bounds.
fn options(config: &Bridge, version: BridgeProtocol, client_id: &str, topic: &str, limits: Limits) -> Options {
    let version = match version {
        BridgeProtocol::V31 => ProtocolVersion::V31,
        BridgeProtocol::V311 => ProtocolVersion::V311,
        BridgeProtocol::V5 => ProtocolVersion::V5,
    };
    let will = WillMessage {
        topic: topic.to_owned(),
        payload: b"0".to_vec(),
        qos: QoS::AtLeastOnce,
        retain: true,
        ..WillMessage::default()
    };
    Options {
        bridge: config.try_private,
        clean_start: config.clean_session,
        keep_alive_s: config.keepalive_interval,
        username: config.remote_username.clone(),
        password: config.remote_password.clone().map(String::into_bytes),
        will: (config.notifications && !config.notifications_local_only).then_some(will),
        session_expiry_s: Some(config.session_expiry_interval).filter(|seconds| *seconds > 0),
        receive_maximum: config.receive_maximum.map_or(limits.max_inflight_messages, NonZero::get).into(),
        maximum_packet_size: Some(limits.max_packet_size).filter(|bytes| *bytes > 0),
        topic_alias_maximum: config.max_topic_alias,
        topic_aliases_out: config.max_topic_alias,
        aliased_packet_max: match config.max_packet_size {
            0 => usize::MAX,
            bytes => bytes as usize,
        },
        inflight_max: limits.window(),
        queue_messages_max: usize::from(limits.window()) + OWN_MESSAGES,
        // The window is the bound. A message is as large as one that this broker has taken.
        queue_bytes_max: usize::MAX,
        acknowledge_later: true,
        complete_later: !config.local_clean_session(),
        release_later: lasts(config, version),
        as_bridge: true,
        resend_later: true,
        // Mosquitto's own default goes without saying.
        announces_packet_size: limits.max_packet_size != Limits::default().max_packet_size,
        ..Options::new(version, client_id)
    }
}
