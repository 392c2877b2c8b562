//! What is wrong with the citations.

use crate::citation::{Place, Version};
use crate::sources::Evidence;
use crate::statements::Statements;
use std::fmt;

/// One thing that has to be put right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// A statement that no test cites and that is not listed as not testable.
    Missing(Version, String),
    /// A citation of a statement that does not exist in its version.
    Unknown(Version, String, Place),
    /// An exception for a statement that does not exist, or a second one.
    BadException(Version, String),
    /// A statement that is said not to be testable, and is cited by a test.
    TestableAfterAll(Version, String, Place),
    /// A citation among tests that belongs to none of them.
    NoTest(Version, String, Place),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(version, id) => write!(f, "{version} {id}: no test cites it"),
            Self::Unknown(version, id, at) => {
                write!(f, "{}:{}: MQTT {version} has no statement {id}", at.file, at.line)
            }
            Self::BadException(version, id) => write!(f, "not-testable.txt: {version} {id} is unknown or listed twice"),
            Self::TestableAfterAll(version, id, at) => {
                write!(f, "{}:{}: {version} {id} is listed as not testable", at.file, at.line)
            }
            Self::NoTest(version, id, at) => {
                write!(f, "{}:{}: {version} {id} is cited outside of any test", at.file, at.line)
            }
        }
    }
}

/// Holds the citations against the lists.
pub fn problems(statements: &Statements<'_>, evidence: &Evidence) -> Vec<Problem> {
    let mut problems = Vec::new();
    let exists = |version, id: &str| statements.of(version).contains(&id);
    for (at, exception) in statements.not_testable.iter().enumerate() {
        let same = |e: &&crate::NotTestable<'_>| (e.version, e.id) == (exception.version, exception.id);
        if !exists(exception.version, exception.id) || statements.not_testable.iter().position(|e| same(&e)) != Some(at)
        {
            problems.push(Problem::BadException(exception.version, exception.id.to_owned()));
        }
    }
    for c in &evidence.citations {
        if !exists(c.version, &c.id) {
            problems.push(Problem::Unknown(c.version, c.id.clone(), c.place.clone()));
        } else if statements.reason(c.version, &c.id).is_some() {
            problems.push(Problem::TestableAfterAll(c.version, c.id.clone(), c.place.clone()));
        }
    }
    for s in &evidence.strays {
        if !exists(s.version, &s.id) {
            problems.push(Problem::Unknown(s.version, s.id.clone(), s.place.clone()));
        } else if s.among_tests {
            problems.push(Problem::NoTest(s.version, s.id.clone(), s.place.clone()));
        }
    }
    for version in Version::ALL {
        problems.extend(missing(statements, evidence, version).map(|id| Problem::Missing(version, id.to_owned())));
    }
    problems
}

fn missing<'s>(
    statements: &'s Statements<'_>,
    evidence: &'s Evidence,
    version: Version,
) -> impl Iterator<Item = &'s str> {
    let cited = move |id: &str| evidence.citations.iter().any(|c| c.version == version && c.id == id);
    let ids = statements.of(version).iter().copied();
    ids.filter(move |id| !cited(id) && statements.reason(version, id).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::citation::{Citation, Stray};

    fn place(line: usize) -> Place {
        Place { file: "f.rs".to_owned(), line }
    }

    fn cited(version: Version, id: &str, line: usize) -> Citation {
        Citation { version, id: id.to_owned(), test: "t".to_owned(), place: place(line) }
    }

    fn stray(id: &str, line: usize, among_tests: bool) -> Stray {
        Stray { version: Version::V50, id: id.to_owned(), place: place(line), among_tests }
    }

    #[test]
    fn each_kind_of_problem_is_found() {
        let exceptions = "# why\n3.1.1 B no way\n3.1.1 B again\n5.0 Z no such\n\n5.0 Y never";
        let statements = Statements::parse("A\nB\nC\n", "X\nY\nW", exceptions).unwrap();
        let citations = vec![
            cited(Version::V311, "A", 1),
            cited(Version::V311, "X", 2),
            cited(Version::V311, "B", 3),
            cited(Version::V50, "X", 4),
        ];
        let strays = vec![stray("W", 5, true), stray("W", 6, false), stray("A", 7, false)];
        let evidence = Evidence { citations, strays };
        let expected = [
            Problem::BadException(Version::V311, "B".to_owned()),
            Problem::BadException(Version::V50, "Z".to_owned()),
            Problem::Unknown(Version::V311, "X".to_owned(), place(2)),
            Problem::TestableAfterAll(Version::V311, "B".to_owned(), place(3)),
            Problem::NoTest(Version::V50, "W".to_owned(), place(5)),
            Problem::Unknown(Version::V50, "A".to_owned(), place(7)),
            Problem::Missing(Version::V311, "C".to_owned()),
            Problem::Missing(Version::V50, "W".to_owned()),
        ];
        assert_eq!(problems(&statements, &evidence), expected);
    }

    #[test]
    fn an_exception_needs_a_reason() {
        assert!(Statements::parse("A", "", "3.1.1 A").is_err());
        assert!(Statements::parse("A", "", "3.2 A because").is_err());
    }
}
