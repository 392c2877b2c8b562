//! What a shard has counted since it began.

/// Why a message did not reach a client. Each drop is counted under one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum DropReason {
    /// The queue of the session is full (`max_queued_messages`, or bytes without end).
    QueueFull,
    /// Too many packets wait to be sent to the client (`max_queued_messages`), and the message has QoS 0.
    OutputFull,
    /// The packet would exceed the client's Maximum Packet Size.
    TooLarge,
    /// The message's expiry interval passed while it waited.
    Expired,
    /// The session ended while the message waited for it.
    SessionEnded,
}

impl DropReason {
    /// How many there are.
    pub const COUNT: usize = 5;
}

/// Counters of one shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Packets of any type received.
    pub packets_received: u64,
    /// Packets of any type handed to connections.
    pub packets_sent: u64,
    /// PUBLISH packets received.
    pub publish_received: u64,
    /// PUBLISH packets handed to connections.
    pub publish_sent: u64,
    /// Messages not delivered, by [`DropReason`].
    pub dropped: [u64; DropReason::COUNT],
}

impl Statistics {
    pub(crate) fn drop_one(&mut self, reason: DropReason) {
        self.drop_many(reason, 1);
    }

    pub(crate) fn drop_many(&mut self, reason: DropReason, messages: usize) {
        if let Some(count) = self.dropped.get_mut(reason as usize) {
            *count += messages as u64;
        }
    }

    /// Messages not delivered for this reason.
    pub fn dropped_for(&self, reason: DropReason) -> u64 {
        self.dropped.get(reason as usize).copied().unwrap_or_default()
    }
}
