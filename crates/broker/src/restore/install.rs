//! A state that was put together becomes the broker's.

use super::session::{Messages, Presence, Session};
use super::{Restore, RetainedMessages, RetainedState, Skipped};
use crate::access::CameThrough;
use crate::id::SessionId;
use crate::incoming::IncomingMessages;
use crate::retained_tree::Retained;
use crate::session::NEVER_EXPIRES;
use crate::subscriber::{Grant, Subscriber};
use crate::subscription_tree::SubscriptionTree;
use crate::time::Due;
use crate::timers::Timer;
use crate::window::{Awaiting, KeptInFlight, Window};
use crate::{Change, Moment, SessionKey, Settings, Shard, Shared};
use mosquitto_mqtt::packet::{RetainHandling, SubscriptionOptions};
use mosquitto_mqtt::{QoS, SharedFilter};

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Restored {
    /// The records of the frame that this broker begins with: which sessions its keys mean. For
    /// [`Restore::boot`].
    pub boot: Vec<u8>,
    /// The number of the first message that comes: no message had it, or a greater one.
    pub next_number: u64,
    /// Messages that somebody has, or that are retained.
    pub base_messages: u64,
    /// Retained messages.
    pub retained: u64,
    /// Sessions.
    pub clients: u64,
    /// Subscriptions.
    pub subscriptions: u64,
    /// Messages of sessions: queued, in flight, or not released yet.
    pub client_messages: u64,
    /// Sessions that had ended meanwhile.
    pub expired_sessions: u64,
    /// Messages that had expired meanwhile, each as often as somebody had it.
    pub expired_messages: u64,
    /// What could not be used.
    pub skipped: Skipped,
}

impl Restore {
    /// Gives all of it to a broker of any number of shards, all of which are to be here, none of which has begun. The time
    /// of sessions whose clients were there when the broker ended runs from now on.
    pub fn install(mut self, shared: &Shared, shards: &mut [Shard]) -> Restored {
        let messages = std::mem::take(&mut self.messages);
        let mut restored = Restored { next_number: self.next_number, ..Restored::default() };
        let (sessions, retained) = (std::mem::take(&mut self.sessions), std::mem::take(&mut self.retained));
        let pieces = messages.len() + 4 * sessions.len();
        self.install_retained(shared, retained, &mut restored);
        for shard in shards.iter_mut() {
            shard.number_messages_above(self.next_number - 1);
        }
        let each = sessions.len() / shards.len().max(1);
        for shard in shards.iter_mut() {
            shard.home.sessions.reserve(each);
        }
        let mut tree = shared.subscriptions.write();
        for session in sessions.into_iter().flatten() {
            let home = shared.home_of(&session.client_id);
            let Some(shard) = shards.iter_mut().find(|shard| shard.id == home) else { continue };
            match self.end_of(&session) {
                Some(end) if end <= self.now => restored.expired_sessions += 1,
                end => self.install_session(shared, shard, &mut tree, session, end, &mut restored),
            }
        }
        shared.next_generation();
        drop(tree);
        restored.base_messages = messages.into_values().filter(|kept| kept.message.is_shared()).count() as u64;
        restored.skipped = self.skipped;
        drop(self);
        tidy(pieces);
        restored
    }

    /// When a session ends; none where it does not by itself.
    fn end_of(&self, session: &Session) -> Option<Moment> {
        let expiry_s = self.settings.session_expiry_s(session.expiry_s);
        let after = |start: Moment| (expiry_s != NEVER_EXPIRES).then(|| start.plus_s(expiry_s));
        match session.presence {
            Presence::Here => after(self.now),
            // As long as the session has, reckoned on the wall clock: it may be over since before the moment 0.
            Presence::LeftAt(wall_ms) if expiry_s != NEVER_EXPIRES => {
                Some(self.moment(wall_ms.saturating_add(u64::from(expiry_s) * 1000)))
            }
            Presence::LeftAt(_) => None,
            Presence::Until(wall_ms) => {
                let end = self.moment(wall_ms);
                Some(after(self.now).map_or(end, |last| end.min(last)))
            }
        }
    }

    fn install_retained(&self, shared: &Shared, retained: RetainedMessages, restored: &mut Restored) {
        let mut tree = shared.retained.write();
        drop(retained.places);
        tree.reserve(retained.topics.len());
        for topic in retained.topics {
            let RetainedState::Set(message, source) = topic.state else { continue };
            if message.view().expires_at <= self.now {
                restored.expired_messages += 1;
                continue;
            }
            tree.set(Retained { message, source });
            restored.retained += 1;
        }
        tree.changes = tree.changes.max(retained.greatest);
        Change::RetainedUpTo { serial: retained.greatest }.encode(&mut restored.boot);
    }

    fn install_session(
        &mut self,
        shared: &Shared,
        shard: &mut Shard,
        tree: &mut SubscriptionTree,
        session: Session,
        end: Option<Moment>,
        restored: &mut Restored,
    ) {
        let Session { client_id, username, listener_port, expiry_s, subscriptions, messages, .. } = session;
        shared.admit_session(0);
        let slot = shard.home.sessions.create(&client_id);
        let settings = &self.settings;
        let window =
            messages.map(|messages| Self::window_of(*messages, settings, self.now, &mut self.skipped, restored));
        let Some(session) = shard.home.sessions.get_mut(slot) else { return };
        let id = SessionId { slot, epoch: session.epoch };
        let came_through = CameThrough::of_port(settings, listener_port);
        session.arrive(username.as_deref(), came_through);
        let listener = settings.listeners.get(usize::from(came_through.number()));
        session.max_qos = listener.map_or(QoS::ExactlyOnce, |listener| listener.max_qos);
        // As in Mosquitto, which does not know either until the client comes.
        session.v5 = false;
        session.is_durable = true;
        session.expiry_s = expiry_s;
        if let Some((window, incoming)) = window {
            (session.window, session.incoming) = (window, incoming);
        }
        session.window.limit_payload(settings.max_inflight_bytes, settings.max_queued_bytes);
        let mut subscriptions: Vec<_> = subscriptions.into_iter().collect();
        subscriptions.sort_unstable();
        for (text, (options, identifier)) in subscriptions {
            let (Ok(SharedFilter { group, filter }), Some(options)) = (SharedFilter::new(&text), options_of(options))
            else {
                self.skipped.subscriptions += 1;
                continue;
            };
            let mut subscriber = Subscriber::new(shard.id, id, Grant::new(options, identifier));
            subscriber.is_durable = true;
            let (node, _) = tree.insert(filter.as_str(), group, subscriber);
            session.add_subscription(node, group);
            restored.subscriptions += 1;
        }
        if let Some(end) = end.filter(|end| *end != Moment::NEVER) {
            session.expires_at = Due::at(end);
            shard.home.timers.set(end, Timer::SessionExpiry(slot));
        }
        restored.clients += 1;
        let session = SessionKey { shard: shard.id, slot, epoch: id.epoch };
        Change::Known { session, client_id: &client_id }.encode(&mut restored.boot);
    }

    /// What a session has. No limit cuts it: it was acknowledged.
    fn window_of(
        messages: Messages,
        settings: &Settings,
        now: Moment,
        skipped: &mut Skipped,
        restored: &mut Restored,
    ) -> (Window, IncomingMessages) {
        let Messages { last_id, in_flight, queue, incoming, .. } = messages;
        let flights =
            in_flight.into_iter().flat_map(|(number, all)| all.into_iter().map(move |flight| (number, flight)));
        // What is in flight is kept though it has expired: its client may have it. But there is nothing to be sent again of
        // what the broker has ended too early to tell what it is.
        let in_flight: Vec<_> = flights
            .filter(|(_, flight)| flight.awaiting == Awaiting::PubComp || flight.message.is_some())
            .map(|(number, flight)| KeptInFlight {
                number,
                packet_id: flight.packet_id,
                awaiting: flight.awaiting,
                retain: flight.delivery.retain,
                identifier: flight.delivery.identifier,
                message: flight.message.filter(|_| flight.awaiting != Awaiting::PubComp),
            })
            .collect();
        let (queue, expired) = queue.into_queued(|message| message.view().expires_at <= now);
        restored.expired_messages += expired as u64;
        let mut window = Window::default();
        window.limit_payload(settings.max_inflight_bytes, settings.max_queued_bytes);
        skipped.unknown += window.give_back(in_flight, queue, last_id) as u64;
        let mut unreleased = IncomingMessages::default();
        for (packet_id, message) in incoming {
            unreleased.insert(packet_id, message);
        }
        restored.client_messages += (window.len() + unreleased.len()) as u64;
        (window, unreleased)
    }
}

/// What was put together leaves very many small pieces of memory behind. glibc joins and sorts them when it is next asked
/// for a large one: a third of a second after a million sessions, which is better spent here than in a tick.
fn tidy(pieces: usize) {
    for _ in 0..=pieces / SORTED_AT_ONCE {
        drop(std::hint::black_box(Vec::<u8>::with_capacity(TIDY_BYTES)));
    }
}

/// More than what glibc calls small, and less than what it gets from the kernel by itself.
const TIDY_BYTES: usize = 100_000;

/// So many pieces it sorts at most when it is asked once.
const SORTED_AT_ONCE: usize = 10_000;

/// The Subscription Options of MQTT 5 in a byte, those that mean nothing left out.
fn options_of(byte: u8) -> Option<SubscriptionOptions> {
    Some(SubscriptionOptions {
        qos: QoS::from_bits(byte & 3)?,
        no_local: byte & 4 != 0,
        retain_as_published: byte & 8 != 0,
        retain_handling: RetainHandling::Always,
    })
}
