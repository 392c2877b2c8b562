//! How a statement is cited: `[MQTT-…]` for MQTT 5.0, the same with the version in front of the id for MQTT 3.1.1.

use std::fmt;

/// A version of the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// MQTT 3.1.1
    V311,
    /// MQTT 5.0
    V50,
}

impl Version {
    /// Both, the older one first.
    pub const ALL: [Self; 2] = [Self::V311, Self::V50];

    /// The version of this number, as it is written in the lists.
    pub fn parse(number: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.number() == number)
    }

    fn number(self) -> &'static str {
        match self {
            Self::V311 => "3.1.1",
            Self::V50 => "5.0",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.number())
    }
}

/// Where something stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The path below the workspace's root.
    pub file: String,
    /// The line, or 0 if the place is no text.
    pub line: usize,
}

/// A test that says it shows a statement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Citation {
    /// Whose statement.
    pub version: Version,
    /// The statement, `MQTT-a.b.c-n`.
    pub id: String,
    /// The test's name.
    pub test: String,
    /// Where it is cited.
    pub place: Place,
}

/// A citation that belongs to no test.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stray {
    /// Whose statement.
    pub version: Version,
    /// The statement.
    pub id: String,
    /// Where it is cited.
    pub place: Place,
    /// Whether it stands among tests, where it promises something. Elsewhere it explains the code.
    pub among_tests: bool,
}

/// All citations in a text, in their order. A citation of an unknown kind counts as one of MQTT 5.0 with an id that
/// does not exist.
pub fn citations_in(text: &str) -> impl Iterator<Item = (Version, &str)> {
    text.split('[').skip(1).filter_map(|rest| {
        let (inside, _) = rest.split_once(']')?;
        match inside.strip_prefix("3.1.1 ") {
            Some(id) if id.starts_with("MQTT-") => Some((Version::V311, id)),
            _ if inside.contains("MQTT-") && inside.len() < 30 && inside.is_ascii() => Some((Version::V50, inside)),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_stands_in_front_of_the_id() {
        // Written with other brackets, so that this file cites nothing.
        let text = "<MQTT-1.2.3-4>, not<0>, <3.1.1 MQTT-1.5.3-1> and <5.0 MQTT-1> but <MQTT-";
        let text = text.replace('<', "[").replace('>', "]");
        let expected = [(Version::V50, "MQTT-1.2.3-4"), (Version::V311, "MQTT-1.5.3-1"), (Version::V50, "5.0 MQTT-1")];
        assert_eq!(citations_in(&text).collect::<Vec<_>>(), expected);
    }
}
