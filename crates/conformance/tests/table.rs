//! The table of conformance is whole and up to date.

use mosquitto_conformance::Table;
use std::path::{Path, PathBuf};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn every_statement_has_a_test_or_a_reason_and_every_citation_a_statement() {
    let problems = Table::read(&workspace()).unwrap().problems();
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn fewer_than_forty_statements_are_not_testable() {
    let count = Table::read(&workspace()).unwrap().not_testable_count();
    assert!(count < 40, "{count}");
}

#[test]
fn the_document_is_up_to_date() {
    let document = std::fs::read_to_string(workspace().join("docs/conformance.md")).unwrap();
    let table = Table::read(&workspace()).unwrap();
    assert!(document == table.document(), "run `cargo run -p mosquitto-conformance`");
}
