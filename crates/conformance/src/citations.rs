//! Finding the citations in the workspace's tests.

use crate::{Statement, Version};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// A test that shows a statement.
#[derive(Debug)]
pub(crate) struct Citation {
    pub(crate) statement: Statement,
    /// `ROOM: FILE: TEST`.
    pub(crate) test: String,
    pub(crate) room: String,
    pub(crate) name: String,
}

/// All citations.
pub(crate) fn all(workspace: &Path) -> io::Result<Vec<Citation>> {
    let mut citations = Vec::new();
    let mut files = Vec::new();
    collect(&workspace.join("crates"), &mut files)?;
    files.sort();
    for file in files {
        let relative = file.strip_prefix(workspace).unwrap_or(&file);
        let mut parts = relative.components().skip(1).map(|part| part.as_os_str().to_string_lossy().into_owned());
        let room = parts.next().unwrap_or_default();
        let in_tests = parts.next().is_some_and(|folder| folder == "tests");
        // What explains the form of citations cites nothing.
        if room != "conformance" {
            let source = Source { room, file: relative.to_string_lossy().into_owned(), in_tests };
            source.read(&fs::read_to_string(&file)?, &mut citations);
        }
    }
    citations.extend(wire_cases());
    Ok(citations)
}

/// The wire cases are data; what runs them are tests of the codec, the broker, the client and the server.
fn wire_cases() -> impl Iterator<Item = Citation> {
    mosquitto_wire_cases::all().iter().flat_map(|case| {
        cited(case.clauses).into_iter().map(|statement| Citation {
            statement,
            test: format!("wire case {}", case.name),
            room: "wire case".to_owned(),
            name: case.name.to_owned(),
        })
    })
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

struct Source {
    room: String,
    file: String,
    in_tests: bool,
}

impl Source {
    /// Goes through a file line by line. Comments above a test are remembered until it is known whose they are; what
    /// helpers and modules say of themselves shows nothing.
    fn read(&self, text: &str, citations: &mut Vec<Citation>) {
        let mut in_tests = self.in_tests;
        let mut pending: Vec<Statement> = Vec::new();
        let mut is_test = false;
        let mut current: Option<(String, usize)> = None;
        for line in text.lines() {
            in_tests |= line.starts_with("mod tests {");
            if !in_tests {
                continue;
            }
            let trimmed = line.trim_start();
            let indent = line.len() - trimmed.len();
            if current.as_ref().is_some_and(|(_, depth)| trimmed.starts_with('}') && indent == *depth) {
                current = None;
            }
            let found = cited(line);
            if let Some((name, _)) = &current {
                citations.extend(found.into_iter().map(|statement| self.citation(statement, name)));
                continue;
            }
            pending.extend(found);
            if trimmed.starts_with("#[test]") {
                is_test = true;
            } else if let Some(name) = function(trimmed) {
                if is_test {
                    citations.extend(pending.drain(..).map(|statement| self.citation(statement, name)));
                    current = Some((name.to_owned(), indent));
                }
                pending.clear();
                is_test = false;
            } else if !trimmed.starts_with("//") && !trimmed.starts_with("#[") {
                pending.clear();
            }
        }
    }

    fn citation(&self, statement: Statement, name: &str) -> Citation {
        let test = format!("{}: {name}", self.file);
        Citation { statement, test, room: self.room.clone(), name: name.to_owned() }
    }
}

/// The name of the function that begins in this line.
fn function(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("pub(crate) ").unwrap_or(line).strip_prefix("fn ")?;
    rest.split(['(', '<']).next()
}

/// The statements cited in a line: `[MQTT-1.2.3-4]`, or `[3.1.1 MQTT-1.2.3-4]`.
fn cited(line: &str) -> Vec<Statement> {
    let mut found = Vec::new();
    for part in line.split('[').skip(1) {
        let Some((inside, _)) = part.split_once(']') else { continue };
        let (version, id) = match inside.strip_prefix("3.1.1 ") {
            Some(id) => (Version::V311, id),
            None => (Version::V5, inside),
        };
        let is_id = id.starts_with("MQTT-") && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'));
        if is_id {
            found.push(Statement { version, id: id.to_owned() });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Vec<String> {
        let source = Source { room: "room".to_owned(), file: "file.rs".to_owned(), in_tests: true };
        let mut citations = Vec::new();
        source.read(&lines.join("\n"), &mut citations);
        citations.iter().map(|c| format!("{} {} {}", c.statement.version.name(), c.statement.id, c.name)).collect()
    }

    #[test]
    fn citations_above_and_inside_of_a_test_are_its_own() {
        let found = read(&[
            "/// [MQTT-1.1.1-1]",
            "#[test]",
            "fn one() {",
            "    // [3.1.1 MQTT-2.2.2-2] and [MQTT-3.3.3-3]",
            "}",
            "#[test]",
            "fn two() {",
            "    if x {",
            "    } // [MQTT-4.4.4-4]",
            "}",
        ]);
        let expected =
            ["5.0 MQTT-1.1.1-1 one", "3.1.1 MQTT-2.2.2-2 one", "5.0 MQTT-3.3.3-3 one", "5.0 MQTT-4.4.4-4 two"];
        assert_eq!(found, expected);
    }

    #[test]
    fn citations_of_helpers_show_nothing() {
        let helper = ["// [MQTT-1.1.1-1]", "fn helper() {", "    // [MQTT-1.1.1-2]", "}"];
        assert!(read(&[&helper[..], &["#[test]", "fn one() {", "}", "// [MQTT-1.1.1-3]"]].concat()).is_empty());
    }
}
