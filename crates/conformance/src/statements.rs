//! The lists: which statements there are, and which of them cannot be tested.

use crate::citation::Version;

/// A statement that no test can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotTestable<'a> {
    /// Whose statement.
    pub version: Version,
    /// The statement.
    pub id: &'a str,
    /// Why.
    pub reason: &'a str,
}

/// What there is to be shown.
#[derive(Debug)]
pub struct Statements<'a> {
    v311: Vec<&'a str>,
    v50: Vec<&'a str>,
    /// The exceptions.
    pub not_testable: Vec<NotTestable<'a>>,
}

impl Statements<'static> {
    /// The lists of this crate.
    pub fn load() -> Result<Self, String> {
        Statements::parse(
            include_str!("../data/mqtt-3.1.1-statements.txt"),
            include_str!("../data/mqtt-5.0-statements.txt"),
            include_str!("../data/not-testable.txt"),
        )
    }
}

impl<'a> Statements<'a> {
    /// Two lists with one id a line, and the exceptions: version, id and reason, one a line. Empty lines and those that
    /// begin with `#` say nothing.
    pub fn parse(v311: &'a str, v50: &'a str, not_testable: &'a str) -> Result<Self, String> {
        let not_testable = lines(not_testable).map(exception).collect::<Result<_, _>>()?;
        Ok(Self { v311: lines(v311).collect(), v50: lines(v50).collect(), not_testable })
    }

    /// All statements of a version, in the order of the specification.
    pub fn of(&self, version: Version) -> &[&'a str] {
        match version {
            Version::V311 => &self.v311,
            Version::V50 => &self.v50,
        }
    }

    /// Why a statement cannot be tested, if it cannot.
    pub fn reason(&self, version: Version, id: &str) -> Option<&'a str> {
        self.not_testable.iter().find(|e| e.version == version && e.id == id).map(|e| e.reason)
    }
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn exception(line: &str) -> Result<NotTestable<'_>, String> {
    let mut parts = line.splitn(3, ' ');
    match (parts.next().and_then(Version::parse), parts.next(), parts.next()) {
        (Some(version), Some(id), Some(reason)) => Ok(NotTestable { version, id, reason: reason.trim() }),
        _ => Err(format!("not-testable.txt: expected version, id and reason instead of `{line}`")),
    }
}
