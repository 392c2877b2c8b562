//! How a client hides what it sends (RFC 6455, 5.3): with other random bytes for each frame.

use std::io;

/// Bytes of randomness that are fetched at once: enough for some masks, with none left over.
const POOL_BYTES: usize = 256;

/// The masks of one connection.
#[derive(Debug)]
pub(super) struct Masks {
    pool: [u8; POOL_BYTES],
    /// Bytes of it that are used up.
    used: usize,
    /// That of the frame that is under way.
    key: [u8; 4],
    /// Bytes of its payload that are sent.
    sent: usize,
}

impl Masks {
    pub(super) fn new() -> Self {
        Self { pool: [0; POOL_BYTES], used: POOL_BYTES, key: [0; 4], sent: 0 }
    }

    /// A mask that has never been used.
    pub(super) fn next_key(&mut self) -> io::Result<[u8; 4]> {
        if self.used >= POOL_BYTES {
            getrandom::fill(&mut self.pool).map_err(io::Error::other)?;
            self.used = 0;
        }
        let key: [u8; 4] = self.pool.get(self.used..).and_then(<[u8]>::first_chunk).copied().unwrap_or_default();
        self.used += key.len();
        Ok(key)
    }

    /// A frame of data begins, with this mask.
    pub(super) fn begin(&mut self) -> io::Result<[u8; 4]> {
        (self.key, self.sent) = (self.next_key()?, 0);
        Ok(self.key)
    }

    /// So many bytes of its payload are sent.
    pub(super) fn note_sent(&mut self, len: usize) {
        self.sent += len;
    }

    /// Hides the next bytes of its payload.
    pub(super) fn hide(&self, payload: &mut [u8]) {
        hide(payload, self.key, self.sent);
    }
}

/// Hides a payload, whose first byte goes with this byte of the mask, counted round.
pub(super) fn hide(payload: &mut [u8], key: [u8; 4], turn: usize) {
    for (byte, key) in payload.iter_mut().zip(key.iter().cycle().skip(turn % 4)) {
        *byte ^= key;
    }
}
