//! `docs/conformance.md`.

use crate::citations::Citation;
use crate::{Statement, Version};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

const HEAD: &str = "# Conformance

Every normative statement of MQTT 3.1.1 and 5.0, by the specification's id, and the tests that would fail if it were
broken. What binds only the other side is shown by how the broker, or the client of the tools, reacts to a breach of it.

This page is made from the tests' own citations by `cargo run -p mosquitto-conformance`; a test fails when an id is
missing, unknown or out of date. The rooms are those of ARCHITECTURE.md.
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
            "\n## MQTT {}\n\n{} statements: {shown} shown by tests, {listed} not testable, {} without a test so far.\n\n\
             | statement | shown by |\n|---|---|\n",
            version.name(),
            of_version.len(),
            of_version.len() - listed - shown
        );
        for statement in of_version {
            let shown = match not_testable.get(statement) {
                Some(reason) => format!("*not testable:* {reason}"),
                None => tests(statement, citations),
            };
            let _ = writeln!(out, "| {} | {shown} |", statement.id);
        }
    }
    out
}

fn tests(statement: &Statement, citations: &[Citation]) -> String {
    let tests: BTreeSet<(&str, &str)> = citations
        .iter()
        .filter(|citation| citation.statement == *statement)
        .map(|citation| (citation.room.as_str(), citation.name.as_str()))
        .collect();
    let tests: Vec<String> = tests.iter().map(|(room, name)| format!("{room}: `{name}`")).collect();
    if tests.is_empty() { "**no test yet**".to_owned() } else { tests.join(", ") }
}
