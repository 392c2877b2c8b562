//! The normative statements, by their ids.

use std::collections::BTreeMap;
use std::fmt;

const V311: &str = include_str!("../data/mqtt-3.1.1-statements.txt");
const V5: &str = include_str!("../data/mqtt-5.0-statements.txt");
const NOT_TESTABLE: &str = include_str!("../data/not-testable.txt");

/// A version of the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// MQTT 3.1.1.
    V311,
    /// MQTT 5.0.
    V5,
}

impl Version {
    /// As written: `3.1.1` or `5.0`.
    pub fn name(self) -> &'static str {
        match self {
            Version::V311 => "3.1.1",
            Version::V5 => "5.0",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Version::V311, Version::V5].into_iter().find(|version| version.name() == name)
    }
}

/// A normative statement of one version. Ids are the specification's: the same id may mean something else in the other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Statement {
    /// The version whose statement it is.
    pub version: Version,
    /// Such as `MQTT-3.3.1-5`.
    pub id: String,
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.id, self.version.name())
    }
}

/// All statements, in the specification's order.
pub(crate) fn all() -> Vec<Statement> {
    let of = |version, list: &'static str| {
        list.lines().map(str::trim).filter(|id| !id.is_empty()).map(move |id| Statement { version, id: id.to_owned() })
    };
    of(Version::V311, V311).chain(of(Version::V5, V5)).collect()
}

fn statement(text: &str) -> Option<Statement> {
    let (version, id) = text.split_once(' ')?;
    Some(Statement { version: Version::named(version)?, id: id.to_owned() })
}

/// What cannot be shown by a test, with the reason: lines `VERSION ID: REASON`.
pub(crate) fn not_testable() -> Result<BTreeMap<Statement, String>, String> {
    let lines = NOT_TESTABLE.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let parsed =
                line.split_once(": ").and_then(|(of, reason)| Some((statement(of)?, reason.trim().to_owned())));
            parsed.ok_or(format!("data/not-testable.txt: \"{line}\" is not VERSION ID: REASON"))
        })
        .collect()
}
