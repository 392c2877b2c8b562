//! The ways in which a password becomes a hash.

use super::NotEnoughMemory;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use pbkdf2::pbkdf2_hmac;
use sha2::{Digest, Sha512};
use std::num::NonZeroU32;

/// Iterations of PBKDF2 where nobody asks for another number, as Mosquitto 2.1 has it.
pub const DEFAULT_ITERATIONS: NonZeroU32 = NonZeroU32::new(1000).unwrap();

/// The most iterations of PBKDF2: several seconds for a single password.
pub const ITERATIONS_MAX: u32 = 10_000_000;

/// Bytes of the salt of a new hash.
pub const SALT_BYTES: usize = 64;

/// Bytes of the salt of a hash that Mosquitto 2.0 can read.
pub const SHORT_SALT_BYTES: usize = 12;

/// Bytes of a SHA-512 sum.
pub(super) const SHA512_BYTES: usize = 64;

/// KiB that Argon2 may take for a single password, at most.
const ARGON2_MEMORY_MAX_KIB: u32 = 256 * 1024;

/// Passes of Argon2 over its memory, at most.
const ARGON2_PASSES_MAX: u32 = 64;

/// Lanes of Argon2, at most.
const ARGON2_LANES_MAX: u32 = 16;

/// A way in which a password becomes a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    /// `$6$`: SHA-512 over password and salt. Fast to guess; Mosquitto 1.6 and older write it.
    Sha512,
    /// `$7$`: PBKDF2 with HMAC-SHA-512.
    Pbkdf2 {
        /// From 1 to [`ITERATIONS_MAX`].
        iterations: NonZeroU32,
    },
    /// `$argon2id$v=19$`: Argon2id, version 1.3.
    Argon2id {
        /// KiB of memory.
        memory_kib: u32,
        /// Passes over the memory.
        passes: u32,
        /// Lanes.
        lanes: u32,
    },
}

impl Scheme {
    /// What is written where nobody asks for another one.
    pub const DEFAULT: Self = Self::Pbkdf2 { iterations: DEFAULT_ITERATIONS };

    /// Argon2id as Mosquitto 2.1 writes it.
    pub const ARGON2ID: Self = Self::Argon2id { memory_kib: 47_104, passes: 1, lanes: 1 };

    /// Whether its numbers are within the limits.
    pub(super) fn is_valid(self) -> bool {
        match self {
            Self::Sha512 => true,
            Self::Pbkdf2 { iterations } => iterations.get() <= ITERATIONS_MAX,
            Self::Argon2id { memory_kib, passes, lanes } => {
                (1..=ARGON2_LANES_MAX).contains(&lanes)
                    && (1..=ARGON2_PASSES_MAX).contains(&passes)
                    && (8 * lanes..=ARGON2_MEMORY_MAX_KIB).contains(&memory_kib)
            }
        }
    }

    /// The hash, as many bytes as `out` has room for; 64 unless it is Argon2.
    pub(super) fn derive(self, password: &[u8], salt: &[u8], out: &mut [u8]) -> Result<(), NotEnoughMemory> {
        match self {
            Self::Sha512 => {
                let sum = Sha512::new().chain_update(password).chain_update(salt).finalize();
                for (byte, sum) in out.iter_mut().zip(sum) {
                    *byte = sum;
                }
                Ok(())
            }
            Self::Pbkdf2 { iterations } => {
                pbkdf2_hmac::<Sha512>(password, salt, iterations.get(), out);
                Ok(())
            }
            Self::Argon2id { memory_kib, passes, lanes } => {
                let params = Params::new(memory_kib, passes, lanes, Some(out.len())).map_err(|_| NotEnoughMemory)?;
                let mut memory = Vec::new();
                memory.try_reserve_exact(params.block_count()).map_err(|_| NotEnoughMemory)?;
                memory.resize(params.block_count(), Block::default());
                let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
                // Salt and hash were looked at when the line was read, so nothing else is left to go wrong.
                argon2.hash_password_into_with_memory(password, salt, out, &mut memory).map_err(|_| NotEnoughMemory)
            }
        }
    }
}
