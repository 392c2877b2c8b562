//! What a shard has counted since it began.

use std::iter::Sum;
use std::ops::AddAssign;

/// Why a message did not get on. Each drop is counted under one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum DropReason {
    /// As many messages as may wait in the queue of the session (`max_queued_messages`).
    QueueFull,
    /// As many bytes as may wait for the session (`max_queued_bytes`, `max_inflight_bytes`, or bytes without end).
    QueueBytes,
    /// Too many packets wait to be sent to the client (`max_queued_messages`), and the message has QoS 0.
    OutputFull,
    /// The packet would exceed the client's Maximum Packet Size.
    TooLarge,
    /// The message's expiry interval passed while it waited.
    Expired,
    /// The session ended while the message waited for it.
    SessionEnded,
    /// The payload is longer than `message_size_limit`; counted for the publisher.
    MessageSize,
    /// The publisher had more messages under way than it may; counted for the publisher.
    ReceiveMaximum,
    /// The heap has reached `memory_limit`; counted for the publisher.
    MemoryLimit,
    /// There is no room on the disk to keep it; counted for the publisher.
    StorageFull,
}

impl DropReason {
    /// How many there are.
    pub const COUNT: usize = 10;

    /// All of them, in the order of their numbers.
    pub const ALL: [DropReason; Self::COUNT] = [
        DropReason::QueueFull,
        DropReason::QueueBytes,
        DropReason::OutputFull,
        DropReason::TooLarge,
        DropReason::Expired,
        DropReason::SessionEnded,
        DropReason::MessageSize,
        DropReason::ReceiveMaximum,
        DropReason::MemoryLimit,
        DropReason::StorageFull,
    ];

    /// The last level of its topic under `$SYS/broker/publish/messages/dropped/`.
    pub fn name(self) -> &'static str {
        match self {
            DropReason::QueueFull => "queue_full",
            DropReason::QueueBytes => "queue_bytes",
            DropReason::OutputFull => "output_full",
            DropReason::TooLarge => "too_large",
            DropReason::Expired => "expired",
            DropReason::SessionEnded => "session_ended",
            DropReason::MessageSize => "message_size",
            DropReason::ReceiveMaximum => "receive_maximum",
            DropReason::MemoryLimit => "memory_limit",
            DropReason::StorageFull => "storage_full",
        }
    }

    /// Whether Mosquitto counts it in `$SYS/broker/publish/messages/dropped`: only what queues and windows had no room for.
    pub fn is_mosquittos(self) -> bool {
        matches!(self, DropReason::QueueFull | DropReason::QueueBytes | DropReason::OutputFull)
    }
}

/// How many messages were dropped, by [`DropReason`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DropCounts([u64; DropReason::COUNT]);

impl DropCounts {
    pub(crate) fn add(&mut self, reason: DropReason, messages: usize) {
        if let Some(count) = self.0.get_mut(reason as usize) {
            *count += messages as u64;
        }
    }

    /// Messages dropped for this reason.
    pub fn of(&self, reason: DropReason) -> u64 {
        self.0.get(reason as usize).copied().unwrap_or_default()
    }

    /// The reasons that there were, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (DropReason, u64)> {
        DropReason::ALL.into_iter().zip(self.0).filter(|(_, count)| *count > 0)
    }

    /// Whether nothing was dropped.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

impl AddAssign for DropCounts {
    fn add_assign(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, count)| *sum += count);
    }
}

/// What one shard has counted, and what it has now. The sum over all shards is the broker's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Bytes of the packets received, those that ended their connections included.
    pub bytes_received: u64,
    /// Bytes that sockets have taken.
    pub bytes_sent: u64,
    /// Packets of any type received, those that ended their connections included.
    pub packets_received: u64,
    /// Packets of any type handed to connections.
    pub packets_sent: u64,
    /// PUBLISH packets received.
    pub publish_received: u64,
    /// PUBLISH packets handed to connections.
    pub publish_sent: u64,
    /// Bytes of the payloads of PUBLISH packets received.
    pub publish_bytes_received: u64,
    /// Bytes of the payloads of PUBLISH packets handed to connections.
    pub publish_bytes_sent: u64,
    /// Connections accepted.
    pub sockets_opened: u64,
    /// CONNECT packets received, those that were refused included.
    pub connects: u64,
    /// Sessions that ended since nobody came back for them in time.
    pub sessions_expired: u64,
    /// Messages that did not get on.
    pub dropped: DropCounts,
    /// Sessions there are, with a connection or without.
    pub sessions: u64,
    /// Connections there are that are not at their end.
    pub connections: u64,
    /// Packets that wait to be sent.
    pub packets_waiting: u64,
    /// Bytes that wait to be sent.
    pub bytes_waiting: u64,
}

impl Statistics {
    #[inline]
    pub(crate) fn count_received(&mut self, packet_len: usize) {
        self.packets_received += 1;
        self.bytes_received += packet_len as u64;
    }

    /// Messages not delivered for this reason.
    pub fn dropped_for(&self, reason: DropReason) -> u64 {
        self.dropped.of(reason)
    }
}

impl AddAssign for Statistics {
    fn add_assign(&mut self, other: Self) {
        self.bytes_received += other.bytes_received;
        self.bytes_sent += other.bytes_sent;
        self.packets_received += other.packets_received;
        self.packets_sent += other.packets_sent;
        self.publish_received += other.publish_received;
        self.publish_sent += other.publish_sent;
        self.publish_bytes_received += other.publish_bytes_received;
        self.publish_bytes_sent += other.publish_bytes_sent;
        self.sockets_opened += other.sockets_opened;
        self.connects += other.connects;
        self.sessions_expired += other.sessions_expired;
        self.dropped += other.dropped;
        self.sessions += other.sessions;
        self.connections += other.connections;
        self.packets_waiting += other.packets_waiting;
        self.bytes_waiting += other.bytes_waiting;
    }
}

impl Sum for Statistics {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |mut sum, one| {
            sum += one;
            sum
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_own_count_and_name() {
        let mut counts = DropCounts::default();
        assert!(counts.is_empty());
        for (number, reason) in DropReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, number);
            counts.add(reason, number);
        }
        let mut sum = counts;
        sum += counts;
        assert!(DropReason::ALL.into_iter().all(|reason| sum.of(reason) == 2 * reason as u64));
        assert_eq!(sum.iter().count(), DropReason::COUNT - 1, "none was dropped for the first");
        let names: std::collections::BTreeSet<_> = DropReason::ALL.into_iter().map(DropReason::name).collect();
        assert_eq!(names.len(), DropReason::COUNT);
    }
}
