//! Packets as bytes, good ones and bad ones, with what a codec, a broker and a client make of them.
//!
//! The cases are text, one file a packet in `cases/`, and this crate depends on nothing, so that every other crate's
//! tests can use it. A line is a case:
//!
//! `name | versions | situation | bytes | decoder | reaction | clauses`
//!
//! * versions: `31`, `311`, `5`, `3` (the first two), `all`; the case exists once for each.
//! * situation: see [`Situation`].
//! * bytes: hex digits; `"text"` with its two-byte length, `'text'` without; `@` for the remaining length of all that
//!   follows; `[ ... ]` a property list with its length, which MQTT 3 leaves out; `user` a user property. `*N` behind
//!   a word repeats it.
//! * decoder: see [`Verdict`]: `ok`, `other`, `malformed`, `protocol`, `client-id`, `version`.
//! * reaction: `open` or `close`, with the bytes that the broker sends before (`??` is any byte); `malformed` and
//!   `protocol` stand for a DISCONNECT with that reason in MQTT 5 and an end without a word in MQTT 3. A client takes
//!   what has `open` and ends the connection over what has `close`.
//! * clauses: those that the case shows, in brackets.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "data for tests: a mistake in a table has to fail all that rely on it"
)]

mod bytes;
mod situation;

pub use situation::Situation;

use std::fmt;
use std::sync::LazyLock;

/// A version of MQTT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum Version {
    V31,
    V311,
    V5,
}

/// What a decoder says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Accepted, and an encoder writes the same bytes.
    Same,
    /// Accepted; an encoder says it in other bytes.
    Other,
    /// Refused as a malformed packet.
    Malformed,
    /// Refused as a protocol error.
    Protocol,
    /// Refused for its client identifier.
    ClientIdentifier,
    /// Refused for its protocol level.
    Version,
}

/// What the receiver does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction {
    /// Whether the connection stays.
    pub open: bool,
    /// What a broker sends, before it closes if it does; `None` where any byte will do.
    pub reply: Vec<Option<u8>>,
}

impl Reaction {
    /// Whether a broker that sent `bytes` did as expected.
    pub fn is_reply(&self, bytes: &[u8]) -> bool {
        self.reply.len() == bytes.len()
            && self.reply.iter().zip(bytes).all(|(want, got)| want.is_none_or(|w| w == *got))
    }

    /// The reply for a reader.
    pub fn reply_hex(&self) -> String {
        self.reply
            .iter()
            .map(|byte| byte.map_or("??".to_owned(), |byte| format!("{byte:02x}")))
            .collect::<Vec<_>>()
            .concat()
    }
}

/// A packet in one version of MQTT.
#[derive(Debug, Clone)]
pub struct Case {
    /// Unique together with the version.
    pub name: &'static str,
    /// What the connection speaks.
    pub version: Version,
    /// Who receives it, and when.
    pub situation: Situation,
    /// What a decoder says.
    pub verdict: Verdict,
    /// What the receiver does.
    pub reaction: Reaction,
    /// Clauses that the case shows, as they are cited elsewhere.
    pub clauses: &'static str,
    bytes: Vec<u8>,
}

impl Case {
    /// The packet.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {:?}: {}", self.name, self.version, hex(&self.bytes))
    }
}

/// Bytes for a reader; the middle of long ones is left out.
pub fn hex(bytes: &[u8]) -> String {
    let digits = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    match (bytes.get(..60), bytes.len()) {
        (Some(start), len @ 121..) => format!("{}... ({len} bytes)", digits(start)),
        _ => digits(bytes),
    }
}

/// All cases, in the order of the tables.
pub fn all() -> &'static [Case] {
    static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| TABLES.iter().flat_map(|table| read(table)).collect());
    &CASES
}

const TABLES: [&str; 8] = [
    include_str!("../cases/connect.txt"),
    include_str!("../cases/publish.txt"),
    include_str!("../cases/acknowledgements.txt"),
    include_str!("../cases/subscribe.txt"),
    include_str!("../cases/unsubscribe.txt"),
    include_str!("../cases/disconnect_auth.txt"),
    include_str!("../cases/fixed_header.txt"),
    include_str!("../cases/server_to_client.txt"),
];

fn read(table: &'static str) -> Vec<Case> {
    let rows = table.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    rows.flat_map(read_row).collect()
}

fn read_row(row: &'static str) -> Vec<Case> {
    let mut columns = row.split(" | ").map(str::trim);
    let mut next = || columns.next().unwrap_or_else(|| panic!("a column is missing: {row}"));
    let (name, versions, situation, bytes, verdict, reaction) = (next(), next(), next(), next(), next(), next());
    let clauses = columns.next().unwrap_or_default();
    let case = |&version: &Version| Case {
        name,
        version,
        situation: Situation::named(situation),
        verdict: read_verdict(verdict),
        reaction: read_reaction(reaction, version),
        clauses,
        bytes: bytes::build(bytes, version),
    };
    read_versions(versions).iter().map(case).collect()
}

fn read_versions(word: &str) -> &'static [Version] {
    match word {
        "31" => &[Version::V31],
        "311" => &[Version::V311],
        "5" => &[Version::V5],
        "3" => &[Version::V31, Version::V311],
        "all" => &[Version::V31, Version::V311, Version::V5],
        _ => panic!("no version: {word}"),
    }
}

fn read_verdict(word: &str) -> Verdict {
    match word {
        "ok" => Verdict::Same,
        "other" => Verdict::Other,
        "malformed" => Verdict::Malformed,
        "protocol" => Verdict::Protocol,
        "client-id" => Verdict::ClientIdentifier,
        "version" => Verdict::Version,
        _ => panic!("no verdict: {word}"),
    }
}

fn read_reaction(text: &str, version: Version) -> Reaction {
    let farewell = |reason: u8| match version {
        Version::V5 => [0xe0, 1, reason].map(Some).to_vec(),
        _ => Vec::new(),
    };
    let (word, reply) = text.split_once(' ').unwrap_or((text, ""));
    match word {
        "open" | "close" => Reaction { open: word == "open", reply: bytes::build_pattern(reply, version) },
        "malformed" => Reaction { open: false, reply: farewell(0x81) },
        "protocol" => Reaction { open: false, reply: farewell(0x82) },
        _ => panic!("no reaction: {text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique() {
        let mut seen = HashSet::new();
        for case in all() {
            assert!(seen.insert((case.name, case.version as u8)), "{case} is there twice");
        }
    }
}
