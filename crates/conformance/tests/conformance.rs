//! The citations of the whole workspace.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use mosquitto_conformance::{DOCUMENT, Problem, Statements, Version, gather, problems, render, workspace};
use std::fs;

/// The problems of a kind, as the lines that one wants to read.
fn found(kind: fn(&Problem) -> bool) -> Vec<String> {
    let evidence = gather(&workspace()).unwrap();
    let problems = problems(&Statements::load().unwrap(), &evidence);
    problems.iter().filter(|problem| kind(problem)).map(ToString::to_string).collect()
}

#[test]
fn the_lists_are_complete() {
    let statements = Statements::load().unwrap();
    assert_eq!(Version::ALL.map(|version| statements.of(version).len()), [141, 251]);
}

#[test]
fn every_statement_of_mqtt_3_1_1_has_a_test() {
    assert_eq!(found(|p| matches!(p, Problem::Missing(Version::V311, _))), Vec::<String>::new());
}

#[test]
fn every_statement_of_mqtt_5_has_a_test() {
    assert_eq!(found(|p| matches!(p, Problem::Missing(Version::V50, _))), Vec::<String>::new());
}

#[test]
fn every_citation_is_of_a_statement_that_exists_and_belongs_to_a_test() {
    assert_eq!(found(|p| !matches!(p, Problem::Missing(..))), Vec::<String>::new());
}

#[test]
fn hardly_any_statement_is_left_out() {
    assert!(Statements::load().unwrap().not_testable.len() < 40);
}

#[test]
fn the_document_is_up_to_date() {
    let evidence = gather(&workspace()).unwrap();
    let expected = render(&Statements::load().unwrap(), &evidence);
    let document = fs::read_to_string(workspace().join(DOCUMENT)).unwrap_or_default();
    assert!(document == expected, "{DOCUMENT} is out of date: run `cargo run -p mosquitto-conformance`");
}
