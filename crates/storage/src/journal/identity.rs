//! Which snapshot a journal continues.

use crc_fast::{CrcAlgorithm, Digest};

/// What tells a `mosquitto.db` from all others: its length, and a checksum of 64 bits over its bytes.
///
/// A checksum against mistakes, not against malice: whoever may write the database may write the journal too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Identity {
    /// Its length in bytes.
    pub size: u64,
    /// CRC-64/NVME of its bytes.
    pub checksum: u64,
}

impl Identity {
    /// That there is no snapshot: also what an empty file has.
    pub const NONE: Self = Self { size: 0, checksum: 0 };

    /// That of a file whose bytes are at hand.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = IdentityHasher::new();
        hasher.update(bytes);
        hasher.finish()
    }
}

/// Makes the [`Identity`] of a file whose bytes pass by.
#[derive(Debug, Clone)]
pub struct IdentityHasher {
    size: u64,
    digest: Digest,
}

impl IdentityHasher {
    /// Nothing has passed by yet.
    pub fn new() -> Self {
        Self { size: 0, digest: Digest::new(CrcAlgorithm::Crc64Nvme) }
    }

    /// More bytes, in the order of the file.
    pub fn update(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        self.digest.update(bytes);
    }

    /// The identity of a file that ends here.
    pub fn finish(&self) -> Identity {
        if self.size == 0 {
            return Identity::NONE;
        }
        Identity { size: self.size, checksum: self.digest.finalize() }
    }
}

impl Default for IdentityHasher {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_does_not_depend_on_the_pieces() {
        let bytes: Vec<u8> = (0..10_000u32).map(|n| (n % 251) as u8).collect();
        let mut hasher = IdentityHasher::new();
        for piece in bytes.chunks(77) {
            hasher.update(piece);
        }
        assert_eq!(hasher.finish(), Identity::of(&bytes));
        assert_ne!(Identity::of(&bytes), Identity::of(&bytes[1..]));
        assert_eq!(Identity::of(b""), Identity::NONE);
        // The check value of the catalogue of CRCs: it must stay the same for files that are there.
        assert_eq!(Identity::of(b"123456789"), Identity { size: 9, checksum: 0xAE8B_1486_0A79_9888 });
    }
}
