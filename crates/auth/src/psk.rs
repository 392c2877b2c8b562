//! PSK files: identities and their keys, for TLS with pre-shared keys.
//!
//! Where a client gives an identity, the key itself is never compared here: both ends prove to each other that they have it.
//! Identities are no secrets, they come in the clear.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::path::Path;

/// Bytes of the largest PSK file that is read.
pub const FILE_BYTES_MAX: usize = 64 << 20;

/// Bytes of the longest identity and of the longest key that OpenSSL takes (`PSK_MAX_IDENTITY_LEN`, `PSK_MAX_PSK_LEN`).
pub const IDENTITY_BYTES_MAX: usize = 256;
/// Bytes of the longest key.
pub const KEY_BYTES_MAX: usize = 512;

/// Lines without effect that are told.
const NOTES_MAX: usize = 100;

/// The identities of a PSK file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PskFile {
    keys: HashMap<Box<str>, Key>,
    notes: Vec<Note>,
}

#[derive(Clone, PartialEq, Eq)]
struct Key(Box<[u8]>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

/// A line of a PSK file that has no effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Why.
    pub why: Ineffective,
    /// The number of the line, from 1.
    pub line: usize,
}

/// Why a line has no effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ineffective {
    /// It has no colon.
    NoColon,
    /// There is nothing before the first colon.
    NoIdentity,
    /// There is no key behind the colon.
    NoKey,
    /// The identity is not UTF-8, or has control characters in it: it could be no username.
    NoText,
    /// The identity has more than [`IDENTITY_BYTES_MAX`] bytes.
    IdentityTooLong,
    /// The key has more than [`KEY_BYTES_MAX`] bytes.
    KeyTooLong,
    /// The identity stands above already.
    Duplicate(Box<str>),
}

/// What is wrong with a PSK file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PskFileError {
    /// The file has more than [`FILE_BYTES_MAX`] bytes.
    TooLarge,
    /// The key of an identity is not made of hex digits.
    NotHex {
        /// The identity, as far as it is text.
        identity: Box<str>,
        /// The number of the line, from 1.
        line: usize,
    },
}

impl PskFile {
    /// Reads the contents of a PSK file: an identity and its key a line, with a colon between them. White space around them
    /// does not count, nor do empty lines, those that begin with `#`, and what stands behind a second colon. A key that is
    /// not made of hex digits is an error, as in Mosquitto; other lines that cannot be used have no effect, and are
    /// [noted](Self::notes).
    pub fn parse(bytes: &[u8]) -> Result<Self, PskFileError> {
        if bytes.len() > FILE_BYTES_MAX {
            return Err(PskFileError::TooLarge);
        }
        let mut file = Self::default();
        for (line, text) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
            if let Err(why) = file.take(text, line)?
                && file.notes.len() < NOTES_MAX
            {
                file.notes.push(Note { why, line });
            }
        }
        Ok(file)
    }

    fn take(&mut self, text: &[u8], line: usize) -> Result<Result<(), Ineffective>, PskFileError> {
        if text.first() == Some(&b'#') || text.trim_ascii().is_empty() {
            return Ok(Ok(()));
        }
        if !text.contains(&b':') {
            return Ok(Err(Ineffective::NoColon));
        }
        let mut fields = text.split(|byte| *byte == b':').map(<[u8]>::trim_ascii);
        let (identity, key) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        let Some(key) = key_of_hex(key) else {
            let identity = harmless(&String::from_utf8_lossy(identity)).into();
            return Err(PskFileError::NotHex { identity, line });
        };
        Ok(self.add(identity, key))
    }

    fn add(&mut self, identity: &[u8], key: Vec<u8>) -> Result<(), Ineffective> {
        if identity.is_empty() {
            return Err(Ineffective::NoIdentity);
        }
        if key.is_empty() {
            return Err(Ineffective::NoKey);
        }
        let text = str::from_utf8(identity).ok().filter(|text| !text.contains(char::is_control));
        let identity = text.ok_or(Ineffective::NoText)?;
        if identity.len() > IDENTITY_BYTES_MAX {
            return Err(Ineffective::IdentityTooLong);
        }
        if key.len() > KEY_BYTES_MAX {
            return Err(Ineffective::KeyTooLong);
        }
        match self.keys.entry(identity.into()) {
            Entry::Occupied(first) => Err(Ineffective::Duplicate(first.key().clone())),
            Entry::Vacant(place) => {
                place.insert(Key(key.into()));
                Ok(())
            }
        }
    }

    /// The key of an identity, of 1 to [`KEY_BYTES_MAX`] bytes; none where nobody is called so.
    pub fn key(&self, identity: &[u8]) -> Option<&[u8]> {
        let key = self.keys.get(str::from_utf8(identity).ok()?)?;
        Some(&key.0)
    }

    /// Lines without effect, in their order; a hundred at most.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Identities.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no identity.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

/// The bytes that hex digits spell, in Mosquitto's way; none if there is anything else among them. Zero bytes at the beginning count, and of an odd number of digits the
/// first one stands alone.
pub fn key_of_hex(digits: &[u8]) -> Option<Vec<u8>> {
    let values: Option<Vec<u8>> = digits.iter().map(|digit| (*digit as char).to_digit(16).map(|v| v as u8)).collect();
    let mut rest = values?;
    let zeros = rest.chunks(2).take_while(|pair| *pair == [0, 0]).count();
    rest.drain(..2 * zeros);
    let first = rest.iter().position(|value| *value != 0).unwrap_or(rest.len());
    rest.drain(..first);
    if rest.len() % 2 == 1 {
        rest.insert(0, 0);
    }
    let number = rest.chunks(2).map(|pair| pair.iter().fold(0, |byte, value| byte << 4 | value));
    Some(std::iter::repeat_n(0, zeros).chain(number).collect())
}

impl Note {
    /// What the log says about it. A line is not repeated: it may have a key in it.
    pub fn text(&self, file: &Path) -> String {
        let (file, line) = (file.display(), self.line);
        let why = match &self.why {
            Ineffective::NoColon => "has no colon",
            Ineffective::NoIdentity => "has no identity",
            Ineffective::NoKey => "has no key",
            Ineffective::NoText => "has an identity that is not text",
            Ineffective::IdentityTooLong => "has an identity that is too long",
            Ineffective::KeyTooLong => "has a key that is too long",
            Ineffective::Duplicate(identity) => {
                return format!("Error: Duplicate user '{identity}' in psk file '{file}', ignoring line {line}.");
            }
        };
        format!("Warning: Invalid line in psk file '{file}': line {line} {why}.")
    }
}

impl PskFileError {
    /// What the log says about it, in Mosquitto's words, and where it is.
    pub fn text(&self, file: &Path) -> String {
        let file = file.display();
        match self {
            Self::TooLarge => format!("Error: psk file \"{file}\" is larger than {FILE_BYTES_MAX} bytes."),
            Self::NotHex { identity, line } => format!(
                "Error: psk for identity \"{identity}\" contains non-hexadecimal characters.\n\
                 Error found at {file}:{line}."
            ),
        }
    }
}

/// As a log or a terminal can show it.
fn harmless(name: &str) -> String {
    name.chars().take(IDENTITY_BYTES_MAX).collect::<String>().replace(char::is_control, "?")
}
