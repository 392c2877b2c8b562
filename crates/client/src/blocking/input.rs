//! Bytes that were read and not yet handled.

use mosquitto_mqtt::FixedHeader;

/// Room for one read.
const READ_BYTES: usize = 64 * 1024;

/// A buffer that grows with the packet that arrives, not with the length that it announces.
#[derive(Debug, Default)]
pub(super) struct Input {
    bytes: Vec<u8>,
    /// What is handled.
    start: usize,
    /// What is read.
    end: usize,
}

impl Input {
    pub(super) fn unhandled(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Whether a whole packet is there.
    pub(super) fn has_packet(&self) -> bool {
        let bytes = self.unhandled();
        match FixedHeader::parse(bytes) {
            Ok(Some(header)) => header.packet_len() <= bytes.len(),
            Ok(None) => false,
            // The session will find out what is wrong.
            Err(_) => true,
        }
    }

    pub(super) fn handled(&mut self, len: usize) {
        self.start = self.end.min(self.start + len);
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    pub(super) fn clear(&mut self) {
        (self.start, self.end) = (0, 0);
    }

    /// Where to read to: never empty. What was read is confirmed by [`filled`](Self::filled).
    pub(super) fn room(&mut self) -> &mut [u8] {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == 0 && self.bytes.len() > READ_BYTES {
            self.bytes.truncate(READ_BYTES);
            self.bytes.shrink_to_fit();
        }
        if self.bytes.len() < self.end + READ_BYTES {
            // A large packet comes in many reads: grow in proportion, so that it is not copied at each.
            self.bytes.resize((self.end + self.end / 2).max(self.end + READ_BYTES), 0);
        }
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    pub(super) fn filled(&mut self, len: usize) {
        self.end = self.bytes.len().min(self.end + len);
    }
}
