//! How many messages are stored: those that are retained, queued, in flight, or not released yet.
//!
//! A message that stands in many queues is stored, and counted, once; each shard stores its own copy of a small one. It is
//! counted by the thread that stores it and by the thread that frees it, which may be another, so only the sum over all
//! threads says anything. A counter that threads share would be one more thing for them to fight over.

use std::cell::Cell;

thread_local! {
    static STORED: Cell<Stored> = const { Cell::new(Stored { messages: 0, bytes: 0 }) };
}

/// Messages stored less messages freed, by one thread or by several together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stored {
    /// Messages.
    pub messages: i64,
    /// Bytes of their payloads.
    pub bytes: i64,
}

impl Stored {
    /// What this thread has stored and freed so far, or since it was taken last.
    pub fn on_this_thread() -> Self {
        STORED.get()
    }

    /// The same, and begins again with nothing: for a thread that does the turns of several shards.
    pub fn take() -> Self {
        STORED.take()
    }
}

impl std::ops::AddAssign for Stored {
    fn add_assign(&mut self, other: Self) {
        self.messages += other.messages;
        self.bytes += other.bytes;
    }
}

#[inline]
pub(crate) fn change(messages: i64, bytes: i64) {
    // At the end of a thread nobody asks any more.
    let _ = STORED.try_with(|stored| {
        let Stored { messages: all, bytes: all_bytes } = stored.get();
        stored.set(Stored { messages: all + messages, bytes: all_bytes + bytes });
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Moment;
    use crate::message::{Message, MessageRef};
    use mosquitto_mqtt::QoS;

    #[test]
    fn a_message_counts_once_until_its_last_copy_is_gone_on_whatever_thread() {
        let before = Stored::on_this_thread();
        let change = || {
            let now = Stored::on_this_thread();
            (now.messages - before.messages, now.bytes - before.bytes)
        };
        let (topic, properties, payload) = (&b"t"[..], &b""[..], &b"payload"[..]);
        let (qos, retain, expires_at) = (QoS::AtLeastOnce, false, Moment::NEVER);
        let message = MessageRef { number: 0, topic, properties, payload, qos, retain, expires_at };
        let first = Message::store(message);
        let second = first.clone();
        let will = Message::store_will(message);
        assert_eq!(change(), (1, 7));
        drop((first, will));
        assert_eq!(change(), (1, 7));
        let there = std::thread::scope(|scope| {
            let freed = scope.spawn(move || {
                drop(second);
                Stored::on_this_thread()
            });
            freed.join().unwrap()
        });
        assert_eq!((there.messages + change().0, there.bytes + change().1), (0, 0));
    }
}
