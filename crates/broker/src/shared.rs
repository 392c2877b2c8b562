//! What all shards share: the two trees, who is whose home, and how many sessions there are.

use crate::ShardId;
use crate::lock::{Lock, Tree};
use crate::retained_tree::RetainedTree;
use crate::subscription_tree::SubscriptionTree;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// The state that all shards of a broker share.
#[derive(Debug)]
pub struct Shared {
    shards: u16,
    hasher: foldhash::quality::RandomState,
    pub(crate) subscriptions: Lock<SubscriptionTree>,
    /// Counts the changes of the subscription tree. Raised while the tree is locked for writing, so that who finds a
    /// number unchanged knows that what was found under it still stands.
    generation: AtomicU64,
    pub(crate) retained: Lock<RetainedTree>,
    /// Sessions, those of clients that are away included.
    sessions: AtomicUsize,
    /// Whether the heap was full at the last look, and the log says so.
    pub(crate) memory_full: AtomicBool,
    storage_full: AtomicBool,
}

impl Shared {
    /// For a broker of this many shards, at least one.
    pub fn new(shards: u16) -> Arc<Self> {
        Arc::new(Self {
            shards: shards.max(1),
            hasher: foldhash::quality::RandomState::default(),
            subscriptions: Lock::new(Tree::Subscriptions, SubscriptionTree::default()),
            generation: AtomicU64::new(1),
            retained: Lock::new(Tree::Retained, RetainedTree::default()),
            sessions: AtomicUsize::new(0),
            memory_full: AtomicBool::new(false),
            storage_full: AtomicBool::new(false),
        })
    }

    /// How many shards there are.
    pub fn shards(&self) -> u16 {
        self.shards
    }

    /// The shard on which the session of this client lives.
    pub fn home_of(&self, client_id: &str) -> ShardId {
        ShardId((self.hasher.hash_one(client_id) % u64::from(self.shards)) as u16)
    }

    /// Subscriptions of all sessions, shared ones included. Not to be asked for in the middle of a tick.
    pub fn subscription_count(&self) -> usize {
        self.subscriptions.read().len()
    }

    /// Subscriptions in groups.
    pub fn shared_subscription_count(&self) -> usize {
        self.subscriptions.read().shared_len()
    }

    /// Retained messages.
    pub fn retained_count(&self) -> usize {
        self.retained.read().len()
    }

    /// Whether there is no room on the disk for what is to outlive the broker. While there is none, what would have to be
    /// kept is refused: messages of QoS 1 and 2, new sessions that outlive their connections, and their new subscriptions; what is
    /// published at QoS 0 is not retained. Shards learn of it with their next tick.
    pub fn set_storage_full(&self, is_full: bool) {
        self.storage_full.store(is_full, Ordering::Relaxed);
    }

    /// What was [said](Self::set_storage_full) last.
    pub fn is_storage_full(&self) -> bool {
        self.storage_full.load(Ordering::Relaxed)
    }

    /// Counts one more session, unless there are `limit` of them already (0: any number).
    pub(crate) fn admit_session(&self, limit: usize) -> bool {
        let more = |count: usize| (limit == 0 || count < limit).then_some(count + 1);
        self.sessions.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    /// A session has ended.
    pub(crate) fn dismiss_session(&self) {
        self.sessions.fetch_sub(1, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// To be called while the subscription tree is still locked for the writing that changed it.
    pub(crate) fn next_generation(&self) -> u64 {
        self.generation.fetch_add(1, Ordering::AcqRel) + 1
    }
}
