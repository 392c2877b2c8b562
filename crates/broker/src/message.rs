//! An application message: seen in a read buffer, or stored once for all who wait for it.

use crate::Moment;
use crate::stored;
use mosquitto_mqtt::QoS;
use std::cell::RefCell;
use triomphe::{Arc, ThinArc};

/// From this many bytes on, a payload is copied as it is, and what stands before it is kept apart. To gather both in one
/// buffer first is cheap for what fits the processor's caches; of many megabytes each copy is felt by all whom this thread
/// serves, since the system has to clear every page of it.
const APART_FROM: usize = 1 << 20;

/// From this many bytes on, a payload stays in the buffer that its packet was gathered in.
pub(crate) const GATHERED_FROM: usize = 32 * 1024;

/// A long packet in a buffer of its own. The payload behind which nothing stands there is not copied when its message is kept: it
/// stays where it is, for as long as the message does. To copy many megabytes takes a few milliseconds, and where the memory is
/// new to the system, or to what that runs on, a hundred and more.
#[derive(Debug, Clone)]
pub(crate) struct Gathered(Arc<Vec<u8>>);

impl Gathered {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self(Arc::new(bytes))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The buffer, where no message has kept it.
    pub(crate) fn take(self) -> Result<Vec<u8>, Self> {
        Arc::try_unwrap(self.0).map_err(Self)
    }

    /// Whether this payload, borrowed from here, may stay here: no message holds much more memory than it has bytes.
    pub(crate) fn can_keep(&self, payload: &[u8]) -> bool {
        payload.len() >= GATHERED_FROM
            && payload.len() >= self.0.capacity() / 2
            && std::ptr::eq(self.last(payload.len()), payload)
    }

    fn last(&self, len: usize) -> &[u8] {
        self.0.len().checked_sub(len).and_then(|start| self.0.get(start..)).unwrap_or_default()
    }
}

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
    /// What does not stand behind this header; hardly any message has such.
    apart: Option<Box<Apart>>,
}

/// Of a message with a long payload.
#[derive(Debug)]
struct Apart {
    /// Topic and properties.
    front: Vec<u8>,
    /// Where the payload is; nothing if it is what stands behind the header.
    packet: Option<Gathered>,
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
        Self::store_from(None, message)
    }

    /// Likewise; its payload is left in the buffer that the packet was gathered in, if it was and it can be.
    pub(crate) fn store_from(packet: Option<&Gathered>, message: MessageRef<'_>) -> Self {
        stored::change(1, i64::from(message.payload.len() as u32));
        Self::copy(packet, message, true)
    }

    /// Likewise for a will: it becomes a message when it is published.
    pub(crate) fn store_will(message: MessageRef<'_>) -> Self {
        Self::copy(None, message, false)
    }

    fn copy(packet: Option<&Gathered>, message: MessageRef<'_>, counted: bool) -> Self {
        let mut header = Header {
            number: message.number,
            expires_at: message.expires_at,
            properties_len: message.properties.len() as u32,
            payload_len: message.payload.len() as u32,
            topic_len: message.topic.len() as u16,
            qos: message.qos,
            retain: message.retain,
            counted,
            apart: None,
        };
        let MessageRef { topic, properties, payload, .. } = message;
        let packet = packet.filter(|packet| packet.can_keep(payload)).cloned();
        if packet.is_some() || payload.len() >= APART_FROM {
            let behind = if packet.is_some() { &[] } else { payload };
            header.apart = Some(Box::new(Apart { front: [topic, properties].concat(), packet }));
            return Self(ThinArc::from_header_and_slice(header, behind));
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
        let front = header.apart.as_ref().map_or(&self.0.slice, |apart| apart.front.as_slice());
        let (topic, rest) = front.split_at_checked(usize::from(header.topic_len)).unwrap_or_default();
        let (properties, rest) = rest.split_at_checked(header.properties_len as usize).unwrap_or_default();
        let payload = if header.apart.is_some() { self.bytes() } else { rest };
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
        match self.packet() {
            Some(packet) => packet.last(self.0.header.header.payload_len as usize),
            None => &self.0.slice,
        }
    }

    /// The buffer that its payload is in, if that is one of its own.
    #[inline]
    fn packet(&self) -> Option<&Gathered> {
        self.0.header.header.apart.as_ref()?.packet.as_ref()
    }
}

/// A message being delivered to many: stored when the first one has to keep it, and only once.
pub(crate) struct Outgoing<'a> {
    pub(crate) view: MessageRef<'a>,
    /// The buffer that the payload can stay in.
    packet: Option<&'a Gathered>,
    stored: Option<Message>,
}

impl<'a> Outgoing<'a> {
    pub(crate) fn new(view: MessageRef<'a>) -> Self {
        Self::from_packet(None, view)
    }

    /// Of a message that came in a packet, which may have been gathered.
    pub(crate) fn from_packet(packet: Option<&'a Gathered>, view: MessageRef<'a>) -> Self {
        Self { view, packet, stored: None }
    }

    /// Of a message that is stored already.
    pub(crate) fn of(message: &'a Message) -> Self {
        Self { view: message.view(), packet: message.packet(), stored: Some(message.clone()) }
    }

    /// From now on records may speak of it.
    pub(crate) fn number(&mut self, number: u64) {
        self.view.number = number;
        // What is stored is without a number, and stays so.
        self.stored = None;
    }

    pub(crate) fn stored(&mut self) -> Message {
        self.stored.get_or_insert_with(|| Message::store_from(self.packet, self.view)).clone()
    }

    /// Stored once more, as one that no record speaks of.
    pub(crate) fn unnumbered(&self) -> Message {
        Message::store_from(self.packet, MessageRef { number: 0, ..self.view })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_payload(payload: &[u8]) -> MessageRef<'_> {
        let (topic, properties, qos) = (&b"a/topic"[..], &b"some"[..], QoS::AtLeastOnce);
        MessageRef { number: 3, topic, properties, payload, qos, retain: false, expires_at: Moment::NEVER }
    }

    #[test]
    fn a_long_payload_stays_where_its_packet_was_gathered_until_no_message_has_it() {
        let packet = Gathered::new(vec![7; GATHERED_FROM + 20]);
        let payload = &packet.bytes()[20..];
        let mut outgoing = Outgoing::from_packet(Some(&packet), with_payload(payload));
        let (stored, unnumbered) = (outgoing.stored(), outgoing.unnumbered());
        let again = Outgoing::of(&stored).unnumbered();
        assert!(stored.view() == with_payload(payload) && stored.bytes() == payload);
        for message in [&stored, &unnumbered, &again] {
            assert!(std::ptr::eq(message.view().payload, payload), "it was copied");
        }
        drop(outgoing);
        let packet = packet.take().unwrap_err();
        drop((stored, unnumbered, again));
        assert_eq!(packet.take().map(|bytes| bytes.len()).ok(), Some(GATHERED_FROM + 20));
    }

    #[test]
    fn a_payload_is_copied_where_it_is_short_or_something_stands_behind_it_or_its_buffer_is_mostly_empty() {
        let mut roomy = vec![7; GATHERED_FROM];
        roomy.reserve_exact(2 * GATHERED_FROM);
        for (packet, payload) in [
            (vec![7; GATHERED_FROM + 20], 21..GATHERED_FROM + 20),
            (vec![7; GATHERED_FROM + 20], 19..GATHERED_FROM + 19),
            (roomy, 0..GATHERED_FROM),
        ] {
            let packet = Gathered::new(packet);
            let payload = &packet.bytes()[payload];
            let stored = Message::store_from(Some(&packet), with_payload(payload));
            assert!(stored.view() == with_payload(payload) && !std::ptr::eq(stored.view().payload, payload));
            assert!(packet.take().is_ok(), "nothing keeps the packet");
        }
    }

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
