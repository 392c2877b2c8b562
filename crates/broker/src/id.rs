//! Who is meant: shards, connections and sessions.

/// The number of a shard, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ShardId(pub u16);

impl ShardId {
    /// For indexing.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A connection of one shard. The number is used again after [`Shard::release`](crate::Shard::release).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u32);

impl ConnectionId {
    /// For indexing.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A session within its home shard: where it lives, and which of all that lived there it is. Mail that outlives its
/// addressee finds another epoch and is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SessionId {
    pub(crate) slot: u32,
    pub(crate) epoch: u32,
}
