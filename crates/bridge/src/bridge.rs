//! A bridge: the remote half, the local half, and what passes between them.

mod local;
mod passing;

use crate::ledger::Ledger;
use crate::remote::{Backlog, Effect, Limits, Remote, RemoteEvent};
use crate::report::Report;
use mosquitto_client::mqtt::{ProtocolVersion, QoS};
use mosquitto_client::{Event, Message, Moment, Options, Session, WillMessage};
use mosquitto_config::{Bridge as Config, BridgeAddress, LogType};
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

/// A bridge: a session at a remote broker beside one at this broker.
///
/// # Contract
///
/// The bridge has two connections, which its owner keeps: one to the remote broker, see [`Remote`], and the *link*, a connection
/// to this broker that is made of memory. Both work alike: the owner
///
/// 1. makes the bridge and calls [`start`](Self::start) once;
/// 2. feeds it: what is named `remote_` as at [`Remote`], what is named `link_` likewise for the link; [`tick`](Self::tick) not
///    later than [`next_deadline`](Self::next_deadline); [`set_backlog`](Self::set_backlog) and [`stop`](Self::stop);
/// 3. after each of these drains it: [`poll_action`](Self::poll_action) until there is none; then
///    [`remote_output`](Self::remote_output), confirmed by [`remote_sent`](Self::remote_sent); then
///    [`link_output`](Self::link_output), confirmed by [`link_sent`](Self::link_sent).
///
/// [`remote_received`](Self::remote_received) and [`link_received`](Self::link_received) handle one packet at most, and take
/// none with a message as long as the other side cannot take that: present the bytes again after any other call. That is the
/// back pressure: who does not read on one side is not read from on the other. Acknowledgements are always taken, so that the
/// two directions do not wait for each other.
///
/// # What is promised
///
/// A message of QoS 1 or 2 is acknowledged to the side that it comes from only once the other has acknowledged it. So it is not
/// lost whatever breaks, and one of QoS 2 arrives once over any number of breaks of either connection, and of ends of this
/// process or of a bridge, as long as both brokers keep their sessions. Messages of one side and QoS arrive in their order at the
/// other.
///
/// # Packet identifiers
///
/// A message has the packet identifier at one broker that it has at the other, and both steps of QoS 2 are taken through the
/// bridge: the giver is told of the first one when the taker has taken it, and the giver's answer to that is what lets the taker
/// take the second. So what this broker keeps of its exchanges with the bridge says how far those with the remote broker are,
/// and a bridge that knows nothing goes on with both. [`remember`](Self::remember) tells it which identifiers are taken; of those
/// that it needs itself it tells with [`Action::PassOver`].
///
/// What the bridge keeps is bounded by the window in each direction; what waits beyond it waits at the brokers, within their
/// bounds. A broken or hostile remote broker costs the connection to it. Topics that no line of the configuration lets in cost
/// the message.
#[derive(Debug)]
pub struct Bridge {
    config: Arc<Config>,
    remote: Remote,
    /// The session at this broker.
    local: Session,
    link: Link,
    /// When the link is to be opened again after it was closed from the other end.
    link_at: Option<Moment>,
    /// Whether this broker knows of all that the session wants.
    is_introduced: bool,
    /// What this broker has not answered: of the beginning of the link, by packet identifier.
    unanswered: HashSet<u16>,
    /// Notifications that this broker has not acknowledged.
    own: HashSet<u16>,
    /// Filters that are still to be subscribed to, in order, or to be given up: without a QoS.
    unasked: VecDeque<(String, Option<QoS>)>,
    /// Filters that the session at this broker may have from other topic lines.
    gone: Vec<String>,
    /// The state that is still to be published here: messages under way have left no room for it.
    unsaid: Option<&'static [u8]>,
    /// Messages of this broker on their way to the remote one.
    outward: Ledger,
    /// Messages of the remote broker on their way to this one.
    inward: Ledger,
    /// What is to go into a session that had no room for it, or its identifier in use, when it came. The window is the bound.
    held_outward: Held,
    held_inward: Held,
    /// [`Kept::unreleased`], until it is known whether the remote broker has kept its session.
    unreleased: Vec<u16>,
    /// The last packet identifier of which [`Action::PassOver`] has told.
    passed_over: u16,
    window: usize,
    now: Moment,
    actions: VecDeque<Action>,
}

/// What this broker has kept of the session of a bridge: from before it was started, or from a bridge of the same name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// Packet identifiers of messages for the bridge that are in flight: the remote broker may know them.
    pub in_flight: Vec<u16>,
    /// Those of messages of QoS 2 from the bridge that are not released.
    pub unreleased: Vec<u16>,
    /// What it subscribes to. What no topic line has any more is given up.
    pub filters: Vec<String>,
}

/// What waits on its way from one side to the other.
#[derive(Debug, Default)]
struct Held {
    messages: VecDeque<Message>,
    /// Packet identifiers of messages of QoS 2 that the giver has released.
    releases: VecDeque<u16>,
}

impl Held {
    /// It is still messages, but nobody waits for them.
    fn forget_giver(&mut self) {
        self.messages.iter_mut().for_each(|message| message.packet_id = 0);
        self.releases.clear();
    }
}

/// How far the link has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    Closed,
    /// The owner opens it, or CONNECT is not answered.
    Opening,
    /// Open for a moment, so that the broker knows the session, while there is no remote broker.
    Introducing,
    /// Open as long as there is a remote broker.
    Serving,
}

/// What the owner of a bridge has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// As [`Effect::Open`].
    OpenRemote(BridgeAddress),
    /// As [`Effect::Probe`].
    ProbeRemote(BridgeAddress),
    /// As [`Effect::Close`].
    CloseRemote,
    /// Open the link: then call [`Bridge::link_opened`].
    OpenLink,
    /// Send what is left of the link's output, and close it.
    CloseLink,
    /// Have this broker give messages for the bridge the packet identifiers after this one: it is in use with the remote broker.
    /// If that comes too late, the message waits.
    PassOver(u16),
    /// A line for the log.
    Log(LogType, String),
}

impl Bridge {
    /// A bridge that is not started; the arguments are those of [`Remote::new`].
    pub fn new(config: Arc<Config>, hostname: &str, limits: Limits, seed: u64) -> Self {
        let remote = Remote::new(Arc::clone(&config), hostname, limits, seed);
        let mut options = local_options(&config, hostname, remote.notification_topic(), limits.window());
        options.complete_later = remote.goes_in_two_steps();
        Self {
            remote,
            local: Session::new(options),
            link: Link::Closed,
            link_at: None,
            is_introduced: false,
            unanswered: HashSet::new(),
            own: HashSet::new(),
            unasked: VecDeque::new(),
            gone: Vec::new(),
            unsaid: None,
            outward: Ledger::default(),
            inward: Ledger::default(),
            held_outward: Held::default(),
            held_inward: Held::default(),
            unreleased: Vec::new(),
            passed_over: 0,
            window: usize::from(limits.window()),
            now: Moment::default(),
            actions: VecDeque::new(),
            config,
        }
    }

    /// Before the start, what this broker has kept of the session.
    pub fn remember(&mut self, kept: Kept) {
        kept.in_flight.iter().for_each(|packet_id| self.remote.reserve(*packet_id));
        kept.unreleased.iter().for_each(|packet_id| self.local.reserve(*packet_id));
        self.unreleased = kept.unreleased;
        let wanted: HashSet<_> = self.remote.topics().local_subscriptions().map(|(filter, _)| filter).collect();
        self.gone = kept.filters.into_iter().filter(|filter| !wanted.contains(filter.as_str())).collect();
    }

    /// Begins: the link is opened for a moment, so that this broker keeps what is for the bridge, and the remote broker is
    /// connected to.
    pub fn start(&mut self, now: Moment) {
        self.advance(now);
        self.open_link();
        self.remote.start(self.now);
        self.go_on();
    }

    /// Ends for good, with a goodbye on both sides.
    pub fn stop(&mut self, now: Moment) {
        self.advance(now);
        self.remote.stop(self.now);
        self.go_on();
        self.leave_link();
        self.give_link_up();
        self.go_on();
    }

    /// See [`Remote::opened`].
    pub fn remote_opened(&mut self, now: Moment) {
        self.advance(now);
        self.remote.opened(self.now);
        self.go_on();
    }

    /// See [`Remote::open_failed`].
    pub fn remote_open_failed(&mut self, now: Moment, why: &str) {
        self.advance(now);
        self.remote.open_failed(self.now, why);
        self.go_on();
    }

    /// See [`Remote::probed`].
    pub fn remote_probed(&mut self, now: Moment, reached: bool) {
        self.advance(now);
        self.remote.probed(self.now, reached);
        self.go_on();
    }

    /// See [`Remote::received`]. Takes nothing as long as this broker cannot take a message.
    pub fn remote_received(&mut self, now: Moment, bytes: &[u8]) -> usize {
        self.advance(now);
        self.go_on();
        let waits = |first: &u8| self.remote.is_connected() && !self.takes_inward(*first);
        if bytes.first().is_some_and(waits) {
            return 0;
        }
        let taken = self.remote.received(self.now, bytes);
        self.go_on();
        taken
    }

    /// See [`Remote::closed`].
    pub fn remote_closed(&mut self, now: Moment, why: &str) {
        self.advance(now);
        self.remote.closed(self.now, why);
        self.go_on();
    }

    /// The bytes to send to the remote broker.
    pub fn remote_output(&self) -> &[u8] {
        self.remote.output()
    }

    /// The first `len` bytes of that output are sent.
    pub fn remote_sent(&mut self, len: usize) {
        self.remote.sent(len);
    }

    /// See [`Remote::set_backlog`].
    pub fn set_backlog(&mut self, now: Moment, backlog: Backlog) {
        self.advance(now);
        self.remote.set_backlog(self.now, backlog);
        self.go_on();
    }

    /// Lets the deadlines fire that have passed.
    pub fn tick(&mut self, now: Moment) {
        self.advance(now);
        self.remote.tick(self.now);
        self.local.tick(self.now);
        if self.link_at.take_if(|at| *at <= self.now).is_some() {
            self.open_link();
        }
        self.go_on();
    }

    /// When [`tick`](Self::tick) has something to do, whatever happens.
    pub fn next_deadline(&self) -> Option<Moment> {
        [self.remote.next_deadline(), self.local.next_deadline(), self.link_at].into_iter().flatten().min()
    }

    /// What the owner has to do next.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// How the bridge does.
    pub fn report(&self) -> Report {
        self.remote.report()
    }

    /// Messages of QoS 1 and 2 that the remote broker and this one have not acknowledged, as long as they can.
    pub fn unacknowledged(&self) -> [usize; 2] {
        let inward = if self.link == Link::Serving { self.inward.under_way() } else { 0 };
        if self.remote.is_connected() { [self.remote.under_way(), inward] } else { [0, inward] }
    }

    /// The client id at this broker, by which its home shard is found.
    pub fn local_clientid(&self) -> &str {
        &self.local.options().client_id
    }

    fn advance(&mut self, now: Moment) {
        self.now = self.now.max(now);
    }

    /// Does what follows from what has happened on either side, until nothing does.
    fn go_on(&mut self) {
        loop {
            if let Some(event) = self.remote.poll_event() {
                self.follow_remote(event);
            } else if let Some(event) = self.local.poll_event() {
                self.follow_local(event);
            } else {
                // Not earlier: an event may be of a message that has had the identifier before.
                self.go_on_holding();
                if !self.remote.has_events() && !self.local.has_events() {
                    break;
                }
            }
        }
        if self.passed_over != self.remote.last_own_id() {
            self.pass_over();
        }
        while let Some(effect) = self.remote.poll_effect() {
            self.actions.push_back(match effect {
                Effect::Open(address) => Action::OpenRemote(address),
                Effect::Probe(address) => Action::ProbeRemote(address),
                Effect::Close => Action::CloseRemote,
                Effect::Log(level, text) => Action::Log(level, text),
            });
        }
    }

    fn pass_over(&mut self) {
        self.passed_over = self.remote.last_own_id();
        self.actions.push_back(Action::PassOver(self.passed_over));
    }

    fn follow_remote(&mut self, event: RemoteEvent) {
        match event {
            RemoteEvent::Connected { session_present } => {
                self.resume_inward(session_present);
                self.remote_is_there();
            }
            RemoteEvent::Message(message) => self.pass_inward(message),
            RemoteEvent::Received { packet_id } => self.received_outward(packet_id),
            RemoteEvent::Released { packet_id } => self.release_inward(packet_id),
            RemoteEvent::Through { packet_id, .. } => self.passed_outward(packet_id),
            RemoteEvent::Disconnected => self.leave_link(),
            RemoteEvent::Forgotten => self.forget(),
        }
    }

    fn follow_local(&mut self, event: Event) {
        match event {
            Event::Connected { session_present, .. } => self.link_accepted(session_present),
            Event::Message(message) => self.pass_outward(message),
            Event::Published { packet_id, .. } if self.own.remove(&packet_id) => {
                self.unanswered.remove(&packet_id);
                self.go_on_introducing();
            }
            Event::Published { packet_id, reason, .. } => self.passed_inward(packet_id, reason),
            Event::Received { packet_id } => self.received_inward(packet_id),
            Event::Released { packet_id } => self.release_outward(packet_id),
            Event::Subscribed { packet_id, .. } | Event::Unsubscribed { packet_id, .. } => {
                self.unanswered.remove(&packet_id);
                self.go_on_introducing();
            }
            Event::Disconnected(end) => self.link_over(&end),
            Event::Log(_) => {}
        }
    }
}

/// The session at this broker. It speaks MQTT 5, so that nothing is lost of what the versions have.
fn local_options(config: &Config, hostname: &str, topic: &str, window: u16) -> Options {
    let will = WillMessage {
        topic: topic.to_owned(),
        payload: b"0".to_vec(),
        qos: QoS::AtLeastOnce,
        retain: true,
        ..WillMessage::default()
    };
    Options {
        clean_start: config.local_clean_session(),
        keep_alive_s: 0,
        username: config.local_username.clone(),
        password: config.local_password.clone().map(String::into_bytes),
        will: config.notifications.then_some(will),
        // Never, as in Mosquitto.
        session_expiry_s: Some(if config.local_clean_session() { 0 } else { u32::MAX }),
        receive_maximum: Some(window),
        // Those count that this broker has not acknowledged: the bridge takes no more of them. How many are not released is up to
        // the remote broker.
        inflight_max: u16::MAX,
        queue_messages_max: usize::from(window),
        // The window is the bound, of messages that the remote broker could send.
        queue_bytes_max: usize::MAX,
        acknowledge_later: true,
        // As at the remote broker: where the session ends with the link, what is not released would be lost.
        release_later: !config.local_clean_session(),
        ..Options::new(ProtocolVersion::V5, config.local_clientid(hostname))
    }
}
