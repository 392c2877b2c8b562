//! Which test shows which normative statement of MQTT 3.1.1 and 5.0.
//!
//! Tests cite the statements that they show: `[MQTT-3.3.1-5]` is one of MQTT 5.0, `[3.1.1 MQTT-3.3.1-5]` one of 3.1.1,
//! in a comment above the test or inside it. [`Table::read`] collects the citations of the workspace's tests,
//! [`Table::problems`] says what is wrong with them, and [`Table::document`] is `docs/conformance.md`.

mod citations;
mod document;
mod lexer;
mod scan;
mod statements;

pub use statements::{Statement, Version};

use citations::{Citation, Stray};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// All statements, and what shows them.
#[derive(Debug)]
pub struct Table {
    statements: Vec<Statement>,
    /// Why a statement cannot be shown.
    not_testable: BTreeMap<Statement, String>,
    citations: Vec<Citation>,
    strays: Vec<Stray>,
}

impl Table {
    /// Reads the tests of the workspace in this folder.
    pub fn read(workspace: &Path) -> io::Result<Self> {
        let (citations, strays) = citations::all(workspace)?;
        let not_testable = statements::not_testable().map_err(io::Error::other)?;
        Ok(Self { statements: statements::all(), not_testable, citations, strays })
    }

    /// The statements that no test cites and that are not listed as impossible to show.
    pub fn missing(&self) -> impl Iterator<Item = &Statement> {
        self.statements.iter().filter(|statement| {
            !self.not_testable.contains_key(statement) && self.citations.iter().all(|c| c.statement != **statement)
        })
    }

    /// How many statements are listed as impossible to show.
    pub fn not_testable_count(&self) -> usize {
        self.not_testable.len()
    }

    /// What is wrong: statements that nothing shows, citations of what there is not, statements both shown and listed as
    /// impossible to show, citations among tests that are no test's.
    pub fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> = self.missing().map(|s| format!("no test cites {s}")).collect();
        for Citation { statement, place, name } in &self.citations {
            if !self.statements.contains(statement) {
                problems.push(format!("{place}: {name} cites {statement}, and there is no such statement"));
            }
            if self.not_testable.contains_key(statement) {
                problems.push(format!("{place}: {name} cites {statement}, which is listed as not testable"));
            }
        }
        for Stray { statement, place, among_tests } in &self.strays {
            if !self.statements.contains(statement) {
                problems.push(format!("{place} cites {statement}, and there is no such statement"));
            } else if *among_tests {
                problems.push(format!("{place} cites {statement}, and belongs to no test"));
            }
        }
        let unknown = self.not_testable.keys().filter(|statement| !self.statements.contains(statement));
        problems.extend(unknown.map(|s| format!("{s} is listed as not testable, and there is no such statement")));
        problems
    }

    /// The text of `docs/conformance.md`.
    pub fn document(&self) -> String {
        document::text(&self.statements, &self.not_testable, &self.citations)
    }
}
