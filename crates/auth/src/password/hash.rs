//! The hash of one password, as it stands in a password file.

use super::scheme::{SALT_BYTES, SHA512_BYTES, SHORT_SALT_BYTES, Scheme};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use subtle::ConstantTimeEq;

/// Bytes that the salt of a SHA-512 or PBKDF2 hash may have: of Mosquitto up to 2.0, and of 2.1.
const SALTS_BYTES: [usize; 2] = [SHORT_SALT_BYTES, SALT_BYTES];

/// Bytes that the salt of an Argon2 hash may have.
const ARGON2_SALT_BYTES: std::ops::RangeInclusive<usize> = 8..=64;

/// Bytes that an Argon2 hash may have.
const ARGON2_HASH_BYTES: std::ops::RangeInclusive<usize> = 16..=64;

/// What stands before an Argon2 hash, version 1.3.
const ARGON2ID: &str = "$argon2id$v=19$";

/// The system has no memory for a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotEnoughMemory;

/// What makes the hashes of equal passwords differ. It has to come from a good random source.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Salt {
    /// As Mosquitto 2.1 makes it. Mosquitto 2.0 and older cannot read it.
    Usual([u8; SALT_BYTES]),
    /// As Mosquitto 2.0 makes it, which all can read.
    Short([u8; SHORT_SALT_BYTES]),
}

/// A password's hash, with the salt, and the way that leads to it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    scheme: Scheme,
    salt: Box<[u8]>,
    hash: Box<[u8]>,
}

/// Text that is no hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAHash;

impl PasswordHash {
    /// Hashes a password.
    pub fn new(scheme: Scheme, password: &[u8], salt: Salt) -> Result<Self, NotEnoughMemory> {
        let salt: Box<[u8]> = match salt {
            Salt::Usual(bytes) => bytes.into(),
            Salt::Short(bytes) => bytes.into(),
        };
        let mut hash = vec![0; SHA512_BYTES].into_boxed_slice();
        scheme.derive(password, &salt, &mut hash)?;
        Ok(Self { scheme, salt, hash })
    }

    /// A hash that no password has, as dear to look at as others of its kind.
    pub(super) fn decoy(like: Option<&Self>) -> Self {
        like.map_or_else(
            || Self { scheme: Scheme::DEFAULT, salt: Box::new([0; SALT_BYTES]), hash: Box::new([0; SHA512_BYTES]) },
            |like| Self { scheme: like.scheme, salt: like.salt.clone(), hash: vec![0; like.hash.len()].into() },
        )
    }

    /// How it was made.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Whether a password has this hash. How long that takes says nothing about the hash.
    pub fn matches(&self, password: &[u8]) -> Result<bool, NotEnoughMemory> {
        let mut derived = vec![0; self.hash.len()];
        self.scheme.derive(password, &self.salt, &mut derived)?;
        Ok(derived.ct_eq(&self.hash).into())
    }
}

impl FromStr for PasswordHash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        parse(text).filter(|hash| hash.scheme.is_valid()).ok_or(NotAHash)
    }
}

fn parse(text: &str) -> Option<PasswordHash> {
    if let Some(rest) = text.strip_prefix("$6$") {
        let (salt, hash) = rest.split_once('$')?;
        return sha512_based(Scheme::Sha512, salt, hash);
    }
    if let Some(rest) = text.strip_prefix("$7$") {
        let (iterations, rest) = rest.split_once('$')?;
        let (salt, hash) = rest.split_once('$')?;
        return sha512_based(Scheme::Pbkdf2 { iterations: number(iterations)? }, salt, hash);
    }
    let (parameters, rest) = text.strip_prefix(ARGON2ID)?.split_once('$')?;
    let (salt, hash) = rest.split_once('$')?;
    let mut parameters = parameters.split(',');
    let mut parameter = |name: &str| number(parameters.next()?.strip_prefix(name)?).map(NonZeroU32::get);
    let scheme = Scheme::Argon2id { memory_kib: parameter("m=")?, passes: parameter("t=")?, lanes: parameter("p=")? };
    let (salt, hash) = (BASE64_STANDARD_NO_PAD.decode(salt).ok()?, BASE64_STANDARD_NO_PAD.decode(hash).ok()?);
    let is_whole = parameters.next().is_none()
        && ARGON2_SALT_BYTES.contains(&salt.len())
        && ARGON2_HASH_BYTES.contains(&hash.len());
    is_whole.then(|| PasswordHash { scheme, salt: salt.into(), hash: hash.into() })
}

fn sha512_based(scheme: Scheme, salt: &str, hash: &str) -> Option<PasswordHash> {
    let (salt, hash) = (BASE64_STANDARD.decode(salt).ok()?, BASE64_STANDARD.decode(hash).ok()?);
    let is_whole = SALTS_BYTES.contains(&salt.len()) && hash.len() == SHA512_BYTES;
    is_whole.then(|| PasswordHash { scheme, salt: salt.into(), hash: hash.into() })
}

/// Digits and nothing else.
fn number(text: &str) -> Option<NonZeroU32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// As it stands in a password file.
impl fmt::Display for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let coded = |bytes| BASE64_STANDARD.encode(bytes);
        let unpadded = |bytes| BASE64_STANDARD_NO_PAD.encode(bytes);
        let (salt, hash) = (&self.salt, &self.hash);
        match self.scheme {
            Scheme::Sha512 => write!(f, "$6${}${}", coded(salt), coded(hash)),
            Scheme::Pbkdf2 { iterations } => write!(f, "$7${iterations}${}${}", coded(salt), coded(hash)),
            Scheme::Argon2id { memory_kib, passes, lanes } => {
                let (salt, hash) = (unpadded(salt), unpadded(hash));
                write!(f, "{ARGON2ID}m={memory_kib},t={passes},p={lanes}${salt}${hash}")
            }
        }
    }
}

/// Without what could be guessed at.
impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHash").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}
