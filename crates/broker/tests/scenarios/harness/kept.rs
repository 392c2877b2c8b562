//! A broker that is put together from what another one has kept, beside that one.

use super::Net;
use mosquitto_broker::{
    Change, HeldMessage, KeptDelivery, KeptFilter, KeptMessage, KeptSession, Moment, Persistence, Restore, Restored,
    RetainedPart, SessionPart, Settings, Shard, ShardId, Shared, Slice, Stage,
};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// The wall clock at the moment 0.
const EPOCH_MS: u64 = 1_700_000_000_000;

thread_local! {
    /// Brokers of this test so far.
    static BROKERS: Cell<u64> = const { Cell::new(0) };
}

/// A snapshot that is taken while a scenario runs.
#[derive(Default)]
pub(super) struct Snapshot {
    /// Ticks until it begins.
    ticks_left: u64,
    /// How many steps each tick is good for.
    steps: usize,
    /// The frames that there were when it began.
    first_frame: Option<usize>,
    up_to: Vec<u8>,
    /// Which shards have begun, and have ended.
    begun: Vec<bool>,
    done: Vec<bool>,
    sessions: Vec<SessionPart>,
    next_retained: Option<usize>,
    retained: Vec<RetainedPart>,
    filters: Vec<KeptFilter>,
    next_filter: Option<u32>,
    /// The frames that there were when it ended.
    last_frame: Option<usize>,
}

impl Snapshot {
    /// One that begins at some time; it is another one for each broker of each test.
    pub(super) fn new() -> Self {
        let mut hasher = DefaultHasher::new();
        (std::thread::current().name(), BROKERS.replace(BROKERS.get() + 1)).hash(&mut hasher);
        let seed = hasher.finish();
        Self { ticks_left: seed % 40, steps: 1 + (seed >> 8) as usize % 4, ..Self::default() }
    }
}

/// What outlives a broker, as text: sessions by client, subscriptions, retained messages by topic.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct State {
    sessions: BTreeMap<String, Vec<String>>,
    subscriptions: Vec<String>,
    retained: BTreeMap<String, String>,
}

impl Net {
    /// The snapshot is to begin then, and not earlier.
    pub(crate) fn begin_snapshot_in(&mut self, ticks: u64) {
        assert!(self.disk.snapshot.first_frame.is_none(), "it has begun");
        self.disk.snapshot.ticks_left = ticks;
    }

    /// What an event of a tick does for the snapshot.
    pub(super) fn go_on_with_snapshot(&mut self, at: usize) {
        let (count, snapshot) = (self.shards.len(), &mut self.disk.snapshot);
        if !self.disk.is_on || snapshot.last_frame.is_some() {
            return;
        }
        if snapshot.ticks_left > 0 {
            snapshot.ticks_left -= 1;
            return;
        }
        if snapshot.first_frame.is_none() {
            snapshot.first_frame = Some(self.disk.frames.len());
            self.shared.retained_so_far().encode(&mut snapshot.up_to);
            (snapshot.begun, snapshot.done) = (vec![false; count], vec![false; count]);
            (snapshot.next_retained, snapshot.next_filter) = (Some(0), Some(0));
        }
        if !std::mem::replace(&mut snapshot.begun[at], true) {
            self.shards[at].begin_hand_over();
        }
        if let Some(from) = snapshot.next_retained {
            snapshot.next_retained = self.shared.retained_slice(from, snapshot.steps, &mut snapshot.retained);
        }
        if !snapshot.done[at] {
            let slice = self.shards[at].hand_over(snapshot.steps, &mut snapshot.sessions);
            snapshot.done[at] = slice == Slice::Done;
        } else if snapshot.next_retained.is_none() && snapshot.done.iter().all(|done| *done) {
            let Some(from) = snapshot.next_filter else { return };
            snapshot.next_filter = self.shared.subscription_slice(from, snapshot.steps as u32, &mut snapshot.filters);
            if snapshot.next_filter.is_none() {
                // The tick's own changes are not written yet.
                snapshot.last_frame = Some(self.disk.frames.len() + 1);
            }
        }
    }

    /// What is restored from the records, and from a snapshot with the records since then, must be what the broker has.
    pub(super) fn compare_restored(&mut self) {
        let frames = self.disk.frames.len();
        for _ in 0..100_000 {
            (0..self.shards.len()).for_each(|at| self.go_on_with_snapshot(at));
            if self.disk.snapshot.last_frame.is_some() {
                break;
            }
            // Mail says that others have begun.
            if self.shards.iter().any(|shard| shard.mail_waiting().next().is_some()) {
                self.hold_mail = false;
                for at in 0..self.shards.len() {
                    self.exchange_announcements(at);
                }
            }
        }
        let last = self.disk.snapshot.last_frame.expect("the snapshot does not come to its end").min(frames);
        let live = state_of(&mut self.shards, &self.shared, self.now, self.disk.numbering());
        let (_, from_records) = self.restore(false, frames, 2);
        assert_eq!(from_records, live, "restored from the records");
        let (restored, from_snapshot) = self.restore(true, frames, 4);
        assert_eq!(from_snapshot, live, "restored from the snapshot of {:?} to {last}", self.disk.snapshot.first_frame);
        assert_eq!(restored.skipped, Default::default());
        // Wherever the broker ends, both ways lead to the same.
        for end in (last..frames).step_by(1 + (frames - last) / 8) {
            assert_eq!(self.restore(true, end, 1).1, self.restore(false, end, 3).1, "at frame {end}");
        }
    }

    fn exchange_announcements(&mut self, at: usize) {
        let waiting: Vec<_> = self.shards[at].mail_waiting().collect();
        for to in waiting {
            let mail = self.shards[at].exchange_mail(to, Default::default());
            self.shards[to.index()].mail(&mail);
        }
    }

    /// A broker of so many shards from the first so many frames, and the snapshot if that is wanted.
    fn restore(&self, by_snapshot: bool, frames: usize, shards: u16) -> (Restored, State) {
        let settings = Settings { persistence: Persistence::Synced, ..Settings::clone(self.shards[0].settings()) };
        let settings = Arc::new(settings);
        let mut restore = Restore::new(Arc::clone(&settings), EPOCH_MS, self.now);
        let snapshot = &self.disk.snapshot;
        let mut first = 0;
        if by_snapshot {
            give(&mut restore, snapshot);
            first = snapshot.first_frame.unwrap();
        }
        for (_, frame) in &self.disk.frames[first.min(frames)..frames] {
            restore.frame(EPOCH_MS, frame);
        }
        let shared = Shared::new(shards);
        let shard = |at: u16| Shard::new(ShardId(at), Arc::clone(&shared), Arc::clone(&settings), [at as u8 + 1; 32]);
        let mut shards: Vec<Shard> = (0..shards).map(shard).collect();
        let restored = restore.install(&shared, &mut shards);
        let state = state_of(&mut shards, &shared, self.now, self.disk.numbering());
        assert_eq!(shared.retained_count() as u64, restored.retained);
        assert_eq!(shards.iter().map(Shard::session_count).sum::<usize>() as u64, restored.clients);
        assert_eq!(shared.subscription_count() as u64, restored.subscriptions);
        (restored, state)
    }
}

/// What a file would say about the snapshot.
fn give(restore: &mut Restore, snapshot: &Snapshot) {
    let mut table = snapshot.up_to.clone();
    let mut given = std::collections::HashSet::new();
    let mut message = |restore: &mut Restore, message: KeptMessage<'_>, publisher| {
        if message.number != 0 && given.insert(message.number) {
            restore.message(message, publisher);
        }
    };
    for part in &snapshot.retained {
        message(restore, part.message(), part.publisher());
        restore.retained(part.message().number);
    }
    let mut names = BTreeMap::new();
    for SessionPart { key, client_id, head, messages } in &snapshot.sessions {
        if let Some(head) = head {
            restore.session(KeptSession {
                client_id,
                username: head.username.as_deref(),
                listener_port: head.listener_port,
                expiry_s: head.expiry_s,
                ends_at_ms: head.ends_at.map(|at| EPOCH_MS + at.0),
                last_packet_id: head.last_packet_id,
            });
            Change::Known { session: *key, client_id }.encode(&mut table);
            names.insert(*key, client_id);
        }
        for held in messages {
            if let Some(kept) = held.message() {
                message(restore, kept, None);
            }
            let &HeldMessage { number, packet_id, qos, retain, identifier, stage, .. } = held;
            if number != 0 {
                restore.delivery(client_id, KeptDelivery { number, packet_id, qos, retain, identifier, stage });
            }
        }
    }
    for KeptFilter { filter, subscribers } in &snapshot.filters {
        for subscriber in subscribers {
            if let Some(client_id) = names.get(&subscriber.session) {
                restore.subscription(client_id, filter, subscriber.options, subscriber.identifier);
            }
        }
    }
    restore.known(&table);
}

/// What outlives these shards, as text. Of the order in a queue that counts which one shard has given; `numbering` is the
/// number of shards that have given the messages their numbers.
pub(crate) fn state_of(shards: &mut [Shard], shared: &Shared, now: Moment, numbering: u64) -> State {
    let (mut sessions, mut names) = (BTreeMap::<String, Vec<String>>::new(), BTreeMap::new());
    for shard in shards {
        shard.hand_over_all(|parts| {
            for SessionPart { key, client_id, head, messages } in parts {
                let lines = sessions.entry(client_id.to_string()).or_default();
                if let Some(head) = head {
                    // One that ends with its connection is over by then.
                    if head.expiry_s == 0 || head.ends_at.is_some_and(|at| at <= now) {
                        continue;
                    }
                    lines.push(format!("{:?} {} {}", head.username, head.listener_port, head.expiry_s));
                    names.insert(key, client_id.to_string());
                }
                lines.extend(messages.iter().filter_map(|held| line(held, now, numbering)));
            }
        });
    }
    sessions.retain(|_, lines| !lines.is_empty());
    // What is in flight in the order of its identifiers; what is queued in the order of each shard, to which its number
    // belongs.
    sessions.values_mut().for_each(|lines| lines.sort_by_key(|line| line.split('|').next().map(str::to_owned)));
    let (mut filters, mut next) = (Vec::new(), Some(0));
    while let Some(from) = next {
        next = shared.subscription_slice(from, 10, &mut filters);
    }
    let mut subscriptions: Vec<String> = Vec::new();
    for KeptFilter { filter, subscribers } in filters {
        for subscriber in subscribers {
            if let Some(name) = names.get(&subscriber.session) {
                subscriptions.push(format!("{name} {filter} {} {}", subscriber.options, subscriber.identifier));
            }
        }
    }
    subscriptions.sort();
    let mut retained = Vec::new();
    let mut next = Some(0);
    while let Some(from) = next {
        next = shared.retained_slice(from, 10, &mut retained);
    }
    let kept = retained.iter().filter(|part| part.message().expires_at > now);
    let retained =
        kept.map(|part| (part.message().topic.to_owned(), format!("{:?}", (part.message(), part.publisher()))));
    State { sessions, subscriptions, retained: retained.collect() }
}

fn line(held: &HeldMessage, now: Moment, numbering: u64) -> Option<String> {
    let HeldMessage { number, packet_id, qos, retain, identifier, stage, .. } = held;
    // Nothing speaks of what has no number.
    if *number == 0 {
        return None;
    }
    if *stage != Stage::Queued {
        return Some(format!("{stage:?} {packet_id:5}|{number} {qos:?} {retain} {identifier} {:?}", held.message()));
    }
    let message = held.message().filter(|message| message.expires_at > now)?;
    Some(format!("{stage:?} {}|{qos:?} {retain} {identifier} {message:?}", number % numbering))
}
