//! The core type: one shard of the broker.

use crate::authenticate::PasswordCheck;
use crate::changes::Changes;
use crate::connection::{Connection, Phase};
use crate::hand_over::HandOver;
use crate::home::Home;
use crate::id::SessionId;
use crate::lock::HeldOn;
use crate::log::log_connection;
use crate::mail::Mail;
use crate::message::Gathered;
use crate::post::Post;
use crate::reconfigure::Review;
use crate::retained_expiry::Sweep;
use crate::retained_tree::Retained;
use crate::session::Place;
use crate::subscriber::Subscriber;
use crate::subscription_tree::SubscriptionTree;
use crate::topic_cache::TopicCache;
use crate::{ConnectionId, LogLine, Moment, Settings, ShardId, Shared, Statistics};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;
use std::io::IoSlice;
use std::sync::Arc;

/// Seconds that a connection has to send its CONNECT.
const OPENING_S: u32 = 30;

/// Packets and deliveries that one connection may cause in one call of [`Shard::received`] before it has to wait for
/// the next tick.
const WORK_MAX: u32 = 20_000;

/// One shard: the connections and sessions that live on one core, and all that happens to them.
///
/// # Contract
///
/// The shard does nothing by itself. Its owner runs it in *ticks*:
///
/// 1. [`begin`](Self::begin) with the time. Time only goes forward: a moment before the last one counts as the last
///    one. Deadlines that have passed fire here. Silence ends a connection only where it was too long already in the
///    tick before: after a pause, what came in meanwhile is read first.
/// 2. Any number of events, in the order in which they happened: [`open`](Self::open) and
///    [`open_handed_over`](Self::open_handed_over) for new connections, [`received`](Self::received) for bytes that
///    came in, [`heard`](Self::heard) for bytes that are gathered elsewhere until the packet is whole (a sign of life
///    for the keep alive), [`closed`](Self::closed) for connections that the peer or the network ended, [`mail`](Self::mail) for
///    what other shards sent, [`password_checked`](Self::password_checked) for passwords that were looked at,
///    [`durable`](Self::durable) for changes that are safe. Mail from one shard has to come in the order in which it was
///    taken there.
/// 3. [`end`](Self::end). Locks that the tick took are free after it, so nothing that may wait (reading and writing
///    sockets apart) belongs between `begin` and `end`.
/// 4. The effects are drained. With persistence, [`take_changes`](Self::take_changes) comes first of all: no other shard
///    may write down what follows from a change before that is written down itself. Then
///    [`exchange_mail`](Self::exchange_mail) for each shard of [`mail_waiting`](Self::mail_waiting), then, for each
///    connection of [`touched`](Self::touched), the bytes of [`output`](Self::output), confirmed by [`sent`](Self::sent),
///    also where the socket took none of them (`sent` with 0: that is how the shard knows a slow client); then the
///    connections of [`closing`](Self::closing), each ended
///    with [`release`](Self::release) when its bytes are sent or cannot be; then
///    [`password_checks`](Self::password_checks), each of which has to be answered, and [`log_lines`](Self::log_lines).
///    Mail goes first: an acknowledgement must not overtake the message it stands for. A connection that is to be closed
///    may have output that waits for the disk: [`withheld_len`](Self::withheld_len).
/// 5. Until the next event, or until [`next_deadline`](Self::next_deadline), nothing has to be done.
///
/// A connection id is the shard's from `open` to `release`; events for ids that it does not know are ignored. The
/// shard never blocks, never panics for what came from outside, and takes no more memory than its settings allow:
/// [`received`](Self::received) says when to stop reading.
#[derive(Debug)]
pub struct Shard {
    pub(crate) id: ShardId,
    pub(crate) shared: Arc<Shared>,
    pub(crate) home: Home,
    pub(crate) cache: TopicCache,
    pub(crate) post: Post,
    /// The subscription tree locked for reading: from the first look in a tick to its end, or to the next change.
    pub(crate) tree: Option<HeldOn<SubscriptionTree>>,
    /// Changes of retained messages that are not in the shared tree yet.
    pub(crate) retained_changes: Vec<RetainedChange>,
    /// Bytes of topics and messages in them.
    pub(crate) retained_changes_bytes: usize,
    /// Subscriptions of sessions that are gone, to be removed a slice at a time.
    pub(crate) orphans: Vec<(SessionId, Vec<Place>)>,
    /// What is left to be looked at since the settings changed.
    pub(crate) review: Option<Review>,
    pub(crate) random: ChaCha12Rng,
    /// Passwords to be looked at.
    pub(crate) checks: Vec<PasswordCheck>,
    /// What tells the next check from all others of this shard.
    pub(crate) next_ticket: u64,
    /// Packets and deliveries since the last call of `received`.
    pub(crate) work: u32,
    pub(crate) work_max: u32,
    /// What is being handled, if it came in a buffer of its own.
    pub(crate) gathered: Option<Gathered>,
    /// Properties of a message without those that are not forwarded.
    pub(crate) scratch: Vec<u8>,
    /// The members of groups that get a message.
    pub(crate) picked: Vec<Subscriber>,
    /// The topic of a message with its mount point.
    pub(crate) mounted: String,
    pub(crate) sweep: Sweep,
    /// How far its sessions were handed over.
    pub(crate) hand_over: HandOver,
}

/// A retained message that was set or cleared.
#[derive(Debug)]
pub(crate) enum RetainedChange {
    Set(Retained),
    Clear(Box<[u8]>),
    /// Found to have expired.
    Expired(Box<[u8]>),
}

impl Shard {
    /// The shard `id` of a broker. All shards of a broker get the same `shared` and `settings`; `seed` has to come from
    /// a good random source, and differ: assigned client ids are made from it.
    pub fn new(id: ShardId, shared: Arc<Shared>, settings: Arc<Settings>, seed: [u8; 32]) -> Self {
        let changes = Changes::new(settings.persistence, id, shared.shards());
        Self {
            id,
            post: Post::new(shared.shards()),
            home: Home::new(settings, changes),
            shared,
            cache: TopicCache::default(),
            tree: None,
            retained_changes: Vec::new(),
            retained_changes_bytes: 0,
            orphans: Vec::new(),
            review: None,
            random: ChaCha12Rng::from_seed(seed),
            checks: Vec::new(),
            next_ticket: 0,
            work: 0,
            work_max: WORK_MAX,
            gathered: None,
            scratch: Vec::new(),
            picked: Vec::new(),
            mounted: String::new(),
            sweep: Sweep::default(),
            hand_over: HandOver::default(),
        }
    }

    /// Begins a tick.
    pub fn begin(&mut self, now: Moment) {
        self.home.previous_now = self.home.now;
        self.home.now = self.home.now.max(now);
        self.home.pool.look(self.home.now);
        self.learn_of_heap();
        self.learn_of_storage();
        self.fire_timers();
        self.go_on_reviewing();
        self.sweep_retained();
    }

    /// Ends a tick: what was put off to be done once is done now.
    pub fn end(&mut self) {
        self.stream_retained();
        self.apply_retained_changes();
        self.remove_orphans();
        self.tree = None;
    }

    /// A new connection, accepted by the listener of this number. `peer` is what the log calls it, `ADDRESS:PORT`.
    pub fn open(&mut self, peer: &str, listener: u16) -> ConnectionId {
        let id = self.open_unintroduced(peer, listener);
        self.introduce(id, None);
        id
    }

    /// A new connection that somebody else passes on, who has still to say for whom: then call
    /// [`introduce`](Self::introduce). Until then it is called `peer`.
    pub fn open_unintroduced(&mut self, peer: &str, listener: u16) -> ConnectionId {
        self.home.statistics.sockets_opened += 1;
        self.open_handed_over(peer, listener)
    }

    /// Who is at the other end of a new connection: somebody called `peer`, or whom it was opened with.
    pub fn introduce(&mut self, id: ConnectionId, peer: Option<&str>) {
        let Some(connection) = self.home.connections.get_mut(id) else { return };
        if let Some(peer) = peer {
            connection.peer = peer.into();
        }
        let (peer, listener) = (&connection.peer, connection.listener);
        let port = self.home.settings.listener(listener).map_or(0, |listener| listener.port);
        log_connection!(self.home.log, Notice, "New connection from {peer} on port {port}.");
    }

    /// A connection that another shard accepted and handed over.
    pub fn open_handed_over(&mut self, peer: &str, listener: u16) -> ConnectionId {
        let mut connection = Connection::new(peer, listener, self.home.now);
        connection.silence_ms = OPENING_S * 1000;
        let id = self.home.connections.insert(connection);
        self.home.statistics.connections += 1;
        self.arm_silence(id);
        id
    }

    /// Forgets a connection whose socket is gone, or with another shard.
    pub fn release(&mut self, id: ConnectionId) {
        if let Some(mut connection) = self.home.connections.remove(id) {
            if let Some(at) = connection.silence_at.get() {
                self.home.timers.cancel(at, crate::timers::Timer::Silence(id));
            }
            connection.output.clear(&mut self.home.pool);
            connection.count_waiting(&mut self.home.statistics);
            if connection.phase != Phase::Ending {
                self.home.statistics.connections -= 1;
            }
        }
    }

    /// The mail for another shard, which may be none, for one that was read, whose memory is used again.
    pub fn exchange_mail(&mut self, to: ShardId, used: Mail) -> Mail {
        self.post.exchange(to, used)
    }

    /// The shards for which there is mail.
    pub fn mail_waiting(&self) -> impl Iterator<Item = ShardId> {
        self.post.waiting()
    }

    /// Connections that have something new to send, each once, into `list`, whose memory is used again.
    pub fn touched(&mut self, list: &mut Vec<ConnectionId>) {
        list.clear();
        std::mem::swap(list, &mut self.home.touched);
        for &id in list.iter() {
            if let Some(connection) = self.home.connections.get_mut(id) {
                connection.touched = false;
                connection.count_waiting(&mut self.home.statistics);
            }
        }
    }

    /// The unsent bytes of a connection that may be sent, oldest first, as many slices as there is room for. Returns how
    /// many were filled.
    pub fn output<'a>(&'a self, id: ConnectionId, slices: &mut [IoSlice<'a>]) -> usize {
        self.output_within(id, slices, usize::MAX)
    }

    /// Likewise, but no more than so many bytes: what a caller wants to send at once.
    pub fn output_within<'a>(&'a self, id: ConnectionId, slices: &mut [IoSlice<'a>], most: usize) -> usize {
        let Some(connection) = self.home.connections.get(id) else { return 0 };
        let filled = connection.output.fill(slices, most);
        connection.offered.set(slices.iter().take(filled).map(|slice| slice.len()).sum());
        filled
    }

    /// Unsent bytes of a connection that may be sent.
    pub fn output_len(&self, id: ConnectionId) -> usize {
        self.home.connections.get(id).map_or(0, |connection| connection.output.open_bytes())
    }

    /// Unsent bytes of a connection that wait until changes are [safe](Self::durable).
    pub fn withheld_len(&self, id: ConnectionId) -> usize {
        let output = self.home.connections.get(id).map(|connection| &connection.output);
        output.map_or(0, |output| output.bytes() - output.open_bytes())
    }

    /// The first `len` bytes of a connection's output were sent; 0 where its socket took nothing. Fewer than
    /// [`output`](Self::output) gave mean that the client takes no more for now: until all that waits is sent, QoS 0
    /// messages to it are subject to [`Settings::max_queued_messages`].
    pub fn sent(&mut self, id: ConnectionId, len: usize) {
        let Some(connection) = self.home.connections.get_mut(id) else { return };
        connection.output.advance(len, &mut self.home.pool);
        let refused = len == 0 || len < connection.offered.take();
        // What waits at a gate was not refused.
        connection.refusing = (connection.refusing || refused) && connection.output.open_bytes() > 0;
        connection.forget_replies(len);
        self.home.statistics.bytes_sent += len as u64;
        connection.count_waiting(&mut self.home.statistics);
        if let Phase::Open(slot) = connection.phase
            && len > 0
            && connection.output.bytes() < crate::retained::STREAM_LOW_WATER
        {
            self.home.resume_streaming(slot);
        }
    }

    /// Connections to close once their output is sent, into `list`, whose memory is used again.
    pub fn closing(&mut self, list: &mut Vec<ConnectionId>) {
        list.clear();
        std::mem::swap(list, &mut self.home.closing);
    }

    /// The lines to log, into `list`, whose memory is used again.
    pub fn log_lines(&mut self, list: &mut Vec<LogLine>) {
        list.clear();
        self.home.log.drain(list);
    }

    /// When the next tick has to be, whatever happens. A moment that has passed means at once.
    pub fn next_deadline(&self) -> Option<Moment> {
        let unfinished = !self.home.streaming.is_empty() || !self.orphans.is_empty() || self.review.is_some();
        if unfinished || !self.home.log.lines.is_empty() {
            return Some(self.home.now);
        }
        [self.home.timers.next(), self.next_sweep(), self.home.pool.next_look()].into_iter().flatten().min()
    }

    /// What was counted so far. What waits to be sent is that of the last time when [`touched`](Self::touched) was asked.
    pub fn statistics(&self) -> Statistics {
        Statistics { sessions: self.home.sessions.len() as u64, ..self.home.statistics }
    }

    /// Whether a connection has not come as far as its CONNECT, or the answer to it.
    pub fn is_opening(&self, id: ConnectionId) -> bool {
        self.home.connections.get(id).is_some_and(|connection| connection.phase == Phase::Opening)
    }

    /// Connections, also those that are closing.
    pub fn connection_count(&self) -> usize {
        self.home.connections.len()
    }

    /// Sessions, with a connection or without.
    pub fn session_count(&self) -> usize {
        self.home.sessions.len()
    }

    /// The settings that the shard runs with.
    pub fn settings(&self) -> &Arc<Settings> {
        &self.home.settings
    }

    /// The subscription tree, locked for reading until the end of the tick or its next change.
    pub(crate) fn tree(&mut self) -> &SubscriptionTree {
        self.tree.get_or_insert_with(|| self.shared.subscriptions.read_on())
    }

    /// Changes the subscription tree. No lock for reading is held meanwhile, so what was routed by the tree as it was and
    /// is to be retained is retained first. Returns the tree's generation after it, a new one only where something
    /// changed: all that the shards know of the ways of topics ends with the old one.
    pub(crate) fn change_tree<T>(&mut self, change: impl FnOnce(&mut SubscriptionTree) -> T) -> (T, u64) {
        self.apply_retained_changes();
        self.tree = None;
        let mut tree = self.shared.subscriptions.write();
        let before = tree.changes();
        let result = change(&mut tree);
        let changed = tree.changes() != before;
        (result, if changed { self.shared.next_generation() } else { self.shared.generation() })
    }
}
