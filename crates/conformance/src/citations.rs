//! Finding the citations in the workspace's tests.

use crate::scan::scan;
use crate::{Statement, Version};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// A test that shows a statement.
#[derive(Debug)]
pub(crate) struct Citation {
    pub(crate) statement: Statement,
    /// The file below `crates`, or what kind of test it is.
    pub(crate) place: String,
    pub(crate) name: String,
}

/// A citation that is no test's.
#[derive(Debug)]
pub(crate) struct Stray {
    pub(crate) statement: Statement,
    /// `FILE:LINE`.
    pub(crate) place: String,
    /// Whether it stands among tests, where it promises something. Elsewhere it explains the code.
    pub(crate) among_tests: bool,
}

/// All citations, those of tests and the others.
pub(crate) fn all(workspace: &Path) -> io::Result<(Vec<Citation>, Vec<Stray>)> {
    let (mut citations, mut strays) = (Vec::new(), Vec::new());
    let mut files = Vec::new();
    collect(&workspace.join("crates"), &mut files)?;
    files.sort();
    for file in files {
        let relative = file.strip_prefix(workspace).unwrap_or(&file);
        let mut parts = relative.components().skip(1).map(|part| part.as_os_str().to_string_lossy().into_owned());
        let room = parts.next().unwrap_or_default();
        let in_tests = parts.next().is_some_and(|folder| folder == "tests");
        // What explains the form of citations cites nothing.
        if room == "conformance" {
            continue;
        }
        let path = relative.to_string_lossy();
        let (found, others) = scan(&path, &fs::read_to_string(&file)?, in_tests);
        let place = path.strip_prefix("crates/").unwrap_or(&path);
        citations.extend(found.into_iter().map(|(statement, name)| Citation {
            statement,
            place: place.to_owned(),
            name,
        }));
        strays.extend(others);
    }
    citations.extend(wire_cases());
    Ok((citations, strays))
}

/// The wire cases are data; what runs them are tests of the codec, the broker, the client and the server.
fn wire_cases() -> impl Iterator<Item = Citation> {
    mosquitto_wire_cases::all().iter().flat_map(|case| {
        cited(case.clauses).into_iter().map(|statement| Citation {
            statement,
            place: "wire cases".to_owned(),
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

/// The statements cited in a text: `[MQTT-1.2.3-4]`, or `[3.1.1 MQTT-1.2.3-4]`. Anything else in brackets that has an
/// id in it counts as a citation of a statement that does not exist.
pub(crate) fn cited(text: &str) -> Vec<Statement> {
    let mut found = Vec::new();
    for part in text.split('[').skip(1) {
        let Some((inside, _)) = part.split_once(']') else { continue };
        let (version, id) = match inside.strip_prefix("3.1.1 ") {
            Some(id) => (Version::V311, id),
            None => (Version::V5, inside),
        };
        if id.contains("MQTT-") && id.len() < 40 && id.is_ascii() && !id.contains('\n') {
            found.push(Statement { version, id: id.to_owned() });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_stands_in_front_of_the_id() {
        let text = "[MQTT-1.2.3-4], not[0], [3.1.1 MQTT-1.5.3-1] and [5.0 MQTT-1.1.1-1] but [MQTT-";
        let found: Vec<String> = cited(text).iter().map(|s| format!("{} {}", s.version.name(), s.id)).collect();
        assert_eq!(found, ["5.0 MQTT-1.2.3-4", "3.1.1 MQTT-1.5.3-1", "5.0 5.0 MQTT-1.1.1-1"]);
    }
}
