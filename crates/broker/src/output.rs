//! What is on its way to one client: bytes in order, small packets copied, large payloads shared.

use crate::Moment;
use crate::gate::Gates;
use crate::message::Message;
use crate::slots::shrink;
use std::collections::VecDeque;
use std::io::IoSlice;

/// A buffer is not filled beyond this many bytes: the next packet starts another one, so that nothing has to be moved
/// when the client takes a part, and sent buffers go back to the pool soon.
const CHUNK_BYTES: usize = 64 * 1024;

/// The most bytes of empty buffers that a shard keeps for the next connection that has something to say.
const POOL_BYTES: usize = 8 * 1024 * 1024;

/// The first size of a fresh buffer.
const FRESH_BYTES: usize = 512;

/// Bytes of empty buffers that are kept however long nobody has needed them.
const KEPT_BYTES: usize = 256 * 1024;

/// How often it is looked at which buffers nobody needs.
const LOOK_MS: u64 = 1000;

/// Empty buffers of a shard. Idle connections own none.
///
/// A burst leaves as many as it needed, and as large. Of those that nobody has taken for a second half go, and so on: who comes
/// back within seconds finds most of them, and a quiet broker soon has next to none.
#[derive(Debug, Default)]
pub(crate) struct BufferPool {
    /// The last one put here is the first one taken.
    buffers: Vec<Vec<u8>>,
    bytes: usize,
    /// The fewest buffers that there were since the last look: these nobody has needed.
    fewest: usize,
    looked_at: Moment,
}

impl BufferPool {
    fn take(&mut self) -> Vec<u8> {
        match self.buffers.pop() {
            Some(buffer) => {
                self.bytes -= buffer.capacity();
                self.fewest = self.fewest.min(self.buffers.len());
                buffer
            }
            None => Vec::with_capacity(FRESH_BYTES),
        }
    }

    fn put(&mut self, mut buffer: Vec<u8>) {
        if buffer.capacity() == 0 || buffer.capacity() + self.bytes > POOL_BYTES {
            return;
        }
        buffer.clear();
        self.bytes += buffer.capacity();
        self.buffers.push(buffer);
    }

    /// When to look next, if there is anything to be given back.
    pub(crate) fn next_look(&self) -> Option<Moment> {
        (self.bytes > KEPT_BYTES).then(|| self.looked_at + LOOK_MS)
    }

    /// Gives back half of what nobody has needed since the last look, if it is time for one.
    #[inline]
    pub(crate) fn look(&mut self, now: Moment) {
        if now >= self.looked_at + LOOK_MS {
            self.give_back();
            self.looked_at = now;
        }
    }

    #[cold]
    fn give_back(&mut self) {
        if self.bytes > KEPT_BYTES {
            let given: usize = self.buffers.drain(..self.fewest.div_ceil(2)).map(|buffer| buffer.capacity()).sum();
            self.bytes -= given;
            shrink(&mut self.buffers);
        }
        self.fewest = self.buffers.len();
    }
}

#[derive(Debug)]
enum Segment {
    Bytes(Vec<u8>),
    /// The last `payload_len` bytes of a stored message.
    Shared {
        message: Message,
        payload_len: usize,
    },
}

impl Segment {
    fn as_slice(&self) -> &[u8] {
        match self {
            Segment::Bytes(bytes) => bytes,
            Segment::Shared { message, payload_len } => {
                let bytes = message.bytes();
                bytes.get(bytes.len() - payload_len..).unwrap_or_default()
            }
        }
    }
}

/// The unsent bytes of one connection.
#[derive(Debug, Default)]
pub(crate) struct Output {
    /// The oldest bytes; all of them, nearly always.
    front: Vec<u8>,
    /// Bytes of `front` that are sent.
    sent: usize,
    /// What follows `front`.
    #[allow(clippy::box_collection, reason = "nearly every connection has none, and pays for a pointer only")]
    rest: Option<Box<VecDeque<(Segment, u32)>>>,
    /// Packets in `front`.
    front_packets: u32,
    /// All packets in buffers that are not sent whole.
    packets: u32,
    /// All bytes that are not sent.
    bytes: usize,
    /// What bytes wait at, if any do.
    gates: Option<Box<Gates>>,
}

impl Output {
    #[cfg(test)]
    fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Unsent bytes, also those that may not be sent yet.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Unsent bytes that may be sent.
    #[inline]
    pub(crate) fn open_bytes(&self) -> usize {
        self.gates.as_ref().map_or(self.bytes, |gates| gates.open_bytes())
    }

    /// What is appended from now on waits for this frame. False where it did so already.
    pub(crate) fn close_gate(&mut self, frame: u64) -> bool {
        if let Some(gates) = &mut self.gates {
            return gates.add(frame, self.bytes);
        }
        self.gates = Some(Box::new(Gates::new(frame, self.bytes)));
        true
    }

    /// What waited for this frame, or an earlier one, may be sent.
    pub(crate) fn open_gates(&mut self, durable: u64) {
        self.gates.take_if(|gates| gates.open(durable));
    }

    /// Unsent packets. Of a buffer that is sent in part, as many are taken for unsent as its bytes are.
    #[inline]
    pub(crate) fn packets(&self) -> u32 {
        if self.sent == 0 || self.front.is_empty() {
            return self.packets;
        }
        let (len, unsent) = (self.front.len() as u64, (self.front.len() - self.sent) as u64);
        let of_front = (u64::from(self.front_packets) * unsent).div_ceil(len) as u32;
        self.packets - self.front_packets + of_front
    }

    /// Appends one packet: `write` gets the buffer to append it to.
    #[inline]
    pub(crate) fn packet(&mut self, pool: &mut BufferPool, write: impl FnOnce(&mut Vec<u8>)) {
        self.packets += 1;
        if self.rest.is_none() && self.front.len() < CHUNK_BYTES {
            if self.front.capacity() == 0 {
                self.front = pool.take();
            }
            let before = self.front.len();
            write(&mut self.front);
            self.front_packets += 1;
            self.bytes += self.front.len() - before;
            return;
        }
        self.packet_behind(pool, write);
    }

    fn packet_behind(&mut self, pool: &mut BufferPool, write: impl FnOnce(&mut Vec<u8>)) {
        let rest = self.rest.get_or_insert_default();
        if !matches!(rest.back(), Some((Segment::Bytes(bytes), _)) if bytes.len() < CHUNK_BYTES) {
            rest.push_back((Segment::Bytes(pool.take()), 0));
        }
        if let Some((Segment::Bytes(bytes), packets)) = rest.back_mut() {
            let before = bytes.len();
            write(bytes);
            *packets += 1;
            self.bytes += bytes.len() - before;
        }
    }

    /// Appends the payload of `message` without copying it. The packet's head was appended just before.
    pub(crate) fn share_payload(&mut self, message: Message, payload_len: usize) {
        if payload_len > 0 {
            self.bytes += payload_len;
            self.rest.get_or_insert_default().push_back((Segment::Shared { message, payload_len }, 0));
        }
    }

    /// The unsent bytes that may be sent, in order, `most` of them and as many slices as `slices` has room for. Returns how many
    /// were filled.
    pub(crate) fn fill<'a>(&'a self, slices: &mut [IoSlice<'a>], most: usize) -> usize {
        let first = self.front.get(self.sent..).unwrap_or_default();
        let rest = self.rest.iter().flat_map(|rest| rest.iter()).map(|(segment, _)| segment.as_slice());
        // Where `front` is empty, the first of the rest is the one that `sent` counts in.
        let mut skip = if self.front.is_empty() { self.sent } else { 0 };
        let (mut filled, mut left) = (0, self.open_bytes().min(most));
        for bytes in std::iter::once(first).chain(rest) {
            let bytes = if bytes.is_empty() {
                continue;
            } else {
                bytes.get(std::mem::take(&mut skip)..).unwrap_or_default()
            };
            if left == 0 {
                break;
            }
            let Some(slot) = slices.get_mut(filled) else { break };
            let bytes = bytes.get(..left).unwrap_or(bytes);
            left -= bytes.len();
            *slot = IoSlice::new(bytes);
            filled += 1;
        }
        filled
    }

    /// Forgets the first `len` unsent bytes, which the client's socket has taken.
    pub(crate) fn advance(&mut self, mut len: usize, pool: &mut BufferPool) {
        self.bytes = self.bytes.saturating_sub(len);
        if let Some(gates) = &mut self.gates {
            gates.advance(len);
        }
        while len > 0 {
            let head = if self.front.is_empty() { self.next_len() } else { self.front.len() };
            let left = head.saturating_sub(self.sent);
            if len < left {
                self.sent += len;
                return;
            }
            if head == 0 {
                break;
            }
            len -= left;
            self.sent = 0;
            self.drop_head(pool);
        }
        if self.bytes == 0 && self.gates.is_none() {
            self.clear(pool);
        }
    }

    fn next_len(&self) -> usize {
        self.rest.as_ref().and_then(|rest| rest.front()).map_or(0, |(segment, _)| segment.as_slice().len())
    }

    fn drop_head(&mut self, pool: &mut BufferPool) {
        if !self.front.is_empty() {
            pool.put(std::mem::take(&mut self.front));
            self.packets -= std::mem::take(&mut self.front_packets);
        } else if let Some((segment, packets)) = self.rest.as_mut().and_then(|rest| rest.pop_front()) {
            self.packets -= packets;
            if let Segment::Bytes(bytes) = segment {
                pool.put(bytes);
            }
        }
    }

    /// Gives everything back to the pool.
    pub(crate) fn clear(&mut self, pool: &mut BufferPool) {
        pool.put(std::mem::take(&mut self.front));
        if let Some(rest) = self.rest.take() {
            for (segment, _) in *rest {
                if let Segment::Bytes(bytes) = segment {
                    pool.put(bytes);
                }
            }
        }
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::MessageRef;
    use mosquitto_mqtt::QoS;

    fn drain(output: &mut Output, pool: &mut BufferPool, step: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while !output.is_empty() {
            let mut slices = [IoSlice::new(&[]); 4];
            let filled = output.fill(&mut slices, usize::MAX);
            let bytes: Vec<u8> = slices[..filled].iter().flat_map(|s| s.iter().copied()).take(step).collect();
            assert!(!bytes.is_empty());
            all.extend_from_slice(&bytes);
            output.advance(bytes.len(), pool);
        }
        all
    }

    #[test]
    fn bytes_leave_in_order_whatever_the_client_takes() {
        let message = Message::store(MessageRef {
            number: 0,
            topic: b"t",
            properties: b"",
            payload: &[7; 100],
            qos: QoS::AtMostOnce,
            retain: false,
            expires_at: Moment::NEVER,
        });
        for step in [1, 3, 1000, 1 << 20] {
            let (mut output, mut pool, mut expected) = (Output::default(), BufferPool::default(), Vec::new());
            for i in 0..40u8 {
                let small = vec![i; 5000];
                output.packet(&mut pool, |out| out.extend_from_slice(&small));
                expected.extend_from_slice(&small);
                if i % 10 == 3 {
                    output.packet(&mut pool, |out| out.push(i));
                    output.share_payload(message.clone(), 100);
                    expected.push(i);
                    expected.extend_from_slice(&[7; 100]);
                }
            }
            assert_eq!((output.packets(), output.bytes()), (44, expected.len()));
            assert_eq!(drain(&mut output, &mut pool, step), expected, "step {step}");
            assert_eq!((output.packets(), output.bytes()), (0, 0));
        }
    }

    #[test]
    fn a_buffer_that_is_sent_in_part_counts_in_part() {
        let (mut output, mut pool) = (Output::default(), BufferPool::default());
        for _ in 0..100 {
            output.packet(&mut pool, |out| out.extend_from_slice(b"0123456789"));
        }
        for (sent, left) in [(1, 100), (9, 99), (5, 99), (485, 50), (499, 1), (1, 0)] {
            output.advance(sent, &mut pool);
            assert_eq!(output.packets(), left);
        }
    }

    #[test]
    fn an_output_that_is_drained_owns_no_buffer() {
        let (mut output, mut pool) = (Output::default(), BufferPool::default());
        output.packet(&mut pool, |out| out.extend_from_slice(b"abc"));
        output.advance(3, &mut pool);
        assert_eq!(output.front.capacity(), 0);
        assert_eq!(pool.buffers.len(), 1);
    }

    #[test]
    fn buffers_that_nobody_needs_any_more_are_given_back() {
        let (mut pool, mut now) = (BufferPool::default(), Moment(5000));
        let burst = |pool: &mut BufferPool, count: usize| {
            let taken: Vec<_> = (0..count).map(|_| pool.take()).collect();
            for mut buffer in taken {
                buffer.reserve(CHUNK_BYTES);
                pool.put(buffer);
            }
        };
        burst(&mut pool, 100);
        let all = pool.bytes;
        assert!(all >= 100 * CHUNK_BYTES);
        // Half of them are needed all the time, and stay; the others do not go at once.
        for second in 0..20 {
            pool.look(now);
            assert!(second > 1 || pool.bytes > all * 7 / 10, "{second}: {}", pool.bytes);
            burst(&mut pool, 50);
            now = now + LOOK_MS;
        }
        assert_eq!((pool.buffers.len(), pool.next_look()), (50, Some(now)));
        // Then nobody needs any.
        let mut looks = 0;
        while let Some(at) = pool.next_look() {
            pool.look(at);
            looks += 1;
            assert!(looks < 10);
        }
        assert!((1..=KEPT_BYTES).contains(&pool.bytes), "{}", pool.bytes);
        assert_eq!(pool.bytes, pool.buffers.iter().map(Vec::capacity).sum::<usize>());
    }
}
