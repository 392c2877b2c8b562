//! `docs/conformance.md`.

use crate::citations::Citation;
use crate::{Statement, Version};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

const HEAD: &str = "# Conformance

Every normative statement of MQTT 3.1.1 and 5.0, by the specification's id, and the tests that show it. What binds only the other side is shown by how the broker, or the client of the tools, reacts to a breach of it.

This page is made from the tests' own citations by `cargo run -p mosquitto-conformance`; a test fails when an id is
missing, unknown or out of date. Files are those below `crates`; a wire case is a line of `crates/wire-cases/cases`.
";

pub(crate) fn text(
    statements: &[Statement],
    not_testable: &BTreeMap<Statement, String>,
    citations: &[Citation],
) -> String {
    let mut out = HEAD.to_owned();
    for version in [Version::V5, Version::V311] {
        let of_version: Vec<&Statement> = statements.iter().filter(|s| s.version == version).collect();
        let listed = of_version.iter().filter(|statement| not_testable.contains_key(**statement)).count();
        let shown = of_version.iter().filter(|s| citations.iter().any(|c| c.statement == ***s)).count();
        // Writing into a String cannot fail.
        let _ = write!(
            out,
            "\n## MQTT {}\n\n{} statements: {shown} shown by tests, {listed} not testable, {} without a test so far.\n",
            version.name(),
            of_version.len(),
            of_version.len() - listed - shown
        );
        let mut last = "";
        for statement in of_version {
            let section = section(&statement.id);
            if section != last {
                let _ = write!(out, "\n### {section}\n\n| statement | shown by |\n|---|---|\n");
                last = section;
            }
            let shown = match not_testable.get(statement) {
                Some(reason) => format!("*not testable:* {reason}"),
                None => tests(statement, citations),
            };
            let _ = writeln!(out, "| {} | {shown} |", statement.id);
        }
    }
    out
}

/// `3.1.2` of `MQTT-3.1.2-24`.
fn section(id: &str) -> &str {
    id.trim_start_matches("MQTT-").split('-').next().unwrap_or(id)
}

/// The tests, file by file.
fn tests(statement: &Statement, citations: &[Citation]) -> String {
    let mut places: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for citation in citations.iter().filter(|citation| citation.statement == *statement) {
        places.entry(&citation.place).or_default().insert(format!("`{}`", citation.name));
    }
    let places = places.into_iter().map(|(place, names)| {
        let names: Vec<String> = names.into_iter().collect();
        format!("{place}: {}", names.join(", "))
    });
    let places: Vec<String> = places.collect();
    if places.is_empty() { "**no test yet**".to_owned() } else { places.join("<br>") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_has_its_tests_or_its_reason() {
        let statement = |id: &str| Statement { version: Version::V311, id: id.to_owned() };
        let statements = ["MQTT-1.1.0-1", "MQTT-1.1.0-2", "MQTT-2.0.0-1"].map(statement);
        let not_testable = BTreeMap::from([(statement("MQTT-1.1.0-2"), "why".to_owned())]);
        let citations = [("b/g.rs", "y"), ("a/f.rs", "x"), ("a/f.rs", "w"), ("a/f.rs", "x")].map(|(place, name)| {
            Citation { statement: statement("MQTT-1.1.0-1"), place: place.to_owned(), name: name.to_owned() }
        });
        let document = text(&statements, &not_testable, &citations);
        let expected = "3 statements: 1 shown by tests, 1 not testable, 1 without a test so far.\n\n\
            ### 1.1.0\n\n| statement | shown by |\n|---|---|\n\
            | MQTT-1.1.0-1 | a/f.rs: `w`, `x`<br>b/g.rs: `y` |\n| MQTT-1.1.0-2 | *not testable:* why |\n\n\
            ### 2.0.0\n\n| statement | shown by |\n|---|---|\n| MQTT-2.0.0-1 | **no test yet** |\n";
        assert!(document.ends_with(expected), "{document}");
    }
}
