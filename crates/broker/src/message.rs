//! An application message: seen in a read buffer, or stored once for all who wait for it.

use crate::Moment;
use crate::stored;
use mosquitto_mqtt::QoS;
use std::cell::RefCell;
use triomphe::ThinArc;

/// From this many bytes on, a payload is copied as it is, and what stands before it is kept apart. To gather both in one
/// buffer first is cheap for what fits the processor's caches; of many megabytes each copy is felt by all whom this thread
/// serves, since the system has to clear every page of it.
const APART_FROM: usize = 1 << 20;

/// A message wherever its bytes are. Copying it copies references.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct MessageRef<'a> {
    /// What records call it; 0: none speaks of it.
    pub(crate) number: u64,
    /// A valid topic name.
    pub(crate) topic: &'a [u8],
    /// Properties to forward as they came: neither topic alias nor message expiry interval among them.
    pub(crate) properties: &'a [u8],
    pub(crate) payload: &'a [u8],
    pub(crate) qos: QoS,
    /// As the publisher set it.
    pub(crate) retain: bool,
    /// When it is not worth delivering any more.
    pub(crate) expires_at: Moment,
}

/// Bytes of memory that a thread keeps to put messages together in.
const SCRATCH_MAX: usize = 64 * 1024;

thread_local! {
    /// A message's bytes have to stand side by side before they are stored, which is no reason to allocate twice.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

#[derive(Debug)]
#[allow(clippy::box_collection, reason = "hardly any message has one, and all others pay for a pointer only")]
struct Header {
    number: u64,
    expires_at: Moment,
    properties_len: u32,
    payload_len: u32,
    topic_len: u16,
    qos: QoS,
    retain: bool,
    /// Whether it counts as stored.
    counted: bool,
    /// Topic and properties, where only the payload stands behind this header.
    front: Option<Box<Vec<u8>>>,
}

impl Drop for Header {
    fn drop(&mut self) {
        if self.counted {
            stored::change(-1, -i64::from(self.payload_len));
        }
    }
}

/// A stored message: one allocation, shared by all queues it stands in.
#[derive(Debug, Clone)]
pub(crate) struct Message(ThinArc<Header, u8>);

impl Message {
    /// Copies a message out of the buffer it is in. It counts as stored until the last copy of it is gone.
    pub(crate) fn store(message: MessageRef<'_>) -> Self {
        stored::change(1, i64::from(message.payload.len() as u32));
        Self::copy(message, true)
    }

    /// Likewise for a will: it becomes a message when it is published.
    pub(crate) fn store_will(message: MessageRef<'_>) -> Self {
        Self::copy(message, false)
    }

    fn copy(message: MessageRef<'_>, counted: bool) -> Self {
        let mut header = Header {
            number: message.number,
            expires_at: message.expires_at,
            properties_len: message.properties.len() as u32,
            payload_len: message.payload.len() as u32,
            topic_len: message.topic.len() as u16,
            qos: message.qos,
            retain: message.retain,
            counted,
            front: None,
        };
        let MessageRef { topic, properties, payload, .. } = message;
        if payload.len() >= APART_FROM {
            header.front = Some(Box::new([topic, properties].concat()));
            return Self(ThinArc::from_header_and_slice(header, payload));
        }
        SCRATCH.with_borrow_mut(|bytes| {
            bytes.clear();
            bytes.reserve(topic.len() + properties.len() + payload.len());
            for part in [topic, properties, payload] {
                bytes.extend_from_slice(part);
            }
            let message = Self(ThinArc::from_header_and_slice(header, bytes));
            if bytes.capacity() > SCRATCH_MAX {
                *bytes = Vec::new();
            }
            message
        })
    }

    /// The message, borrowed.
    #[inline]
    pub(crate) fn view(&self) -> MessageRef<'_> {
        let header = &self.0.header.header;
        let front = header.front.as_ref().map_or(&self.0.slice, |front| front.as_slice());
        let (topic, rest) = front.split_at_checked(usize::from(header.topic_len)).unwrap_or_default();
        let (properties, rest) = rest.split_at_checked(header.properties_len as usize).unwrap_or_default();
        let payload = if header.front.is_some() { &self.0.slice } else { rest };
        let &Header { number, qos, retain, expires_at, .. } = header;
        MessageRef { number, topic, properties, payload, qos, retain, expires_at }
    }

    /// What records call it; 0: none speaks of it.
    #[inline]
    pub(crate) fn number(&self) -> u64 {
        self.0.header.header.number
    }

    /// Whether there is another handle of it.
    pub(crate) fn is_shared(&self) -> bool {
        ThinArc::strong_count(&self.0) > 1
    }

    /// All of its bytes; the payload is the end of them. Beside a very long payload, topic and properties are not among them.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0.slice
    }
}

/// A message being delivered to many: stored when the first one has to keep it, and only once.
pub(crate) struct Outgoing<'a> {
    pub(crate) view: MessageRef<'a>,
    stored: Option<Message>,
}

impl<'a> Outgoing<'a> {
    pub(crate) fn new(view: MessageRef<'a>) -> Self {
        Self { view, stored: None }
    }

    /// Of a message that is stored already.
    pub(crate) fn of(message: &'a Message) -> Self {
        Self { view: message.view(), stored: Some(message.clone()) }
    }

    /// From now on records may speak of it.
    pub(crate) fn number(&mut self, number: u64) {
        self.view.number = number;
        // What is stored is without a number, and stays so.
        self.stored = None;
    }

    pub(crate) fn stored(&mut self) -> Message {
        self.stored.get_or_insert_with(|| Message::store(self.view)).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_seen_as_it_was_however_long_it_is() {
        for len in [0, 1, APART_FROM - 1, APART_FROM, APART_FROM + 1] {
            for properties in [&b""[..], b"some"] {
                let payload = vec![7; len];
                let (topic, qos, retain, expires_at) = (&b"a/topic"[..], QoS::ExactlyOnce, true, Moment(5));
                let message = MessageRef { number: 3, topic, properties, payload: &payload, qos, retain, expires_at };
                let stored = Message::store(message);
                assert!(stored.view() == message, "{len} bytes");
                assert!(stored.bytes().ends_with(&payload));
            }
        }
    }
}
