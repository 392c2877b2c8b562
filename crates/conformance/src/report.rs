//! The document that says which test shows what.

use crate::citation::{Citation, Version};
use crate::sources::Evidence;
use crate::statements::Statements;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Where the document is, below the workspace's root.
pub const DOCUMENT: &str = "docs/conformance.md";

const HEAD: &str = "# Conformance

Every numbered statement of MQTT 3.1.1 and MQTT 5.0, and the tests that would fail if it were broken. A test cites a
statement by its id; `cargo run -p mosquitto-conformance` writes this page from those citations, and a test of that crate
fails where the page is out of date, a statement is without a test, or a citation names a statement that does not exist.
`CONTRIBUTING.md` says how to cite.

Statements that bind a client are shown with this project's client, or by what the broker does with a client that breaks
them. The few that no test can show are listed with the reason.
";

/// Writes the document.
pub fn render(statements: &Statements<'_>, evidence: &Evidence) -> String {
    let mut text = HEAD.to_owned();
    for version in Version::ALL {
        let ids = statements.of(version);
        let exceptions = statements.not_testable.iter().filter(|e| e.version == version).count();
        _ = write!(text, "\n## MQTT {version}\n\n{} statements, {exceptions} of them not testable.\n", ids.len());
        let mut last = "";
        for id in ids {
            let section = section(id);
            if section != last {
                _ = write!(text, "\n### {section}\n\n| Statement | Shown by |\n|---|---|\n");
                last = section;
            }
            _ = writeln!(text, "| {id} | {} |", row(statements, evidence, version, id));
        }
    }
    text
}

/// `3.1.2` of `MQTT-3.1.2-24`.
fn section(id: &str) -> &str {
    id.strip_prefix("MQTT-").and_then(|rest| rest.split('-').next()).unwrap_or(id)
}

fn row(statements: &Statements<'_>, evidence: &Evidence, version: Version, id: &str) -> String {
    if let Some(reason) = statements.reason(version, id) {
        return format!("*not testable:* {reason}");
    }
    let cited = evidence.citations.iter().filter(|c| c.version == version && c.id == id);
    let tests = by_file(cited);
    if tests.is_empty() {
        return "**no test**".to_owned();
    }
    let lines = tests.iter().map(|(file, names)| {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        format!("{file}: {}", names.join(", "))
    });
    lines.collect::<Vec<_>>().join("<br>")
}

/// The tests of each file, every one once, in the order of their names.
fn by_file<'a>(citations: impl Iterator<Item = &'a Citation>) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut tests: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for citation in citations {
        let file = citation.place.file.strip_prefix("crates/").unwrap_or(&citation.place.file);
        let names = tests.entry(file).or_default();
        if !names.contains(&citation.test.as_str()) {
            names.push(&citation.test);
        }
    }
    tests
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::citation::Place;

    #[test]
    fn a_statement_has_its_tests_or_its_reason() {
        let statements = Statements::parse("MQTT-1.1.0-1\nMQTT-1.1.0-2\nMQTT-2.0.0-1", "", "3.1.1 MQTT-1.1.0-2 why");
        let citation = |file: &str, test: &str| Citation {
            version: Version::V311,
            id: "MQTT-1.1.0-1".to_owned(),
            test: test.to_owned(),
            place: Place { file: file.to_owned(), line: 1 },
        };
        let citations =
            vec![citation("crates/a/f.rs", "x"), citation("crates/a/f.rs", "x"), citation("crates/b/g.rs", "y")];
        let text = render(&statements.unwrap(), &Evidence { citations, strays: Vec::new() });
        let expected = "\n### 1.1.0\n\n| Statement | Shown by |\n|---|---|\n\
            | MQTT-1.1.0-1 | a/f.rs: `x`<br>b/g.rs: `y` |\n| MQTT-1.1.0-2 | *not testable:* why |\n\n\
            ### 2.0.0\n\n| Statement | Shown by |\n|---|---|\n| MQTT-2.0.0-1 | **no test** |\n";
        assert!(text.contains(expected), "{text}");
    }
}
