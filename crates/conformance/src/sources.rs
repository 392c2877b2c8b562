//! Where citations come from.

use crate::citation::{Citation, Stray};
use crate::rust_tests;
use std::io;
use std::path::{Path, PathBuf};

/// What gives citations. Another kind of test than a Rust function, such as a table of named cases, is added here: it
/// returns a [`Citation`] for each case and clause, with the case's name for the test's, and no strays.
const SOURCES: &[Source] = &[rust_tests::citations];

/// Reads one kind of tests of the workspace whose root is given.
type Source = fn(&Path) -> io::Result<(Vec<Citation>, Vec<Stray>)>;

/// All citations of the workspace.
#[derive(Debug, Default)]
pub struct Evidence {
    /// Those of tests, sorted by statement, then by test.
    pub citations: Vec<Citation>,
    /// The others.
    pub strays: Vec<Stray>,
}

/// The workspace that this crate was built in.
pub fn workspace() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(2).unwrap_or(own).to_owned()
}

/// Collects what all sources have.
pub fn gather(workspace: &Path) -> io::Result<Evidence> {
    let mut evidence = Evidence::default();
    for source in SOURCES {
        let (mut citations, mut strays) = source(workspace)?;
        evidence.citations.append(&mut citations);
        evidence.strays.append(&mut strays);
    }
    evidence.citations.sort();
    Ok(evidence)
}
