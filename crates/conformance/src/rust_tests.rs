//! The first source of citations: the tests of the workspace.

use crate::citation::{Citation, Stray};
use crate::scan::scan;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Reads all sources in `crates/*/src` and `crates/*/tests`.
pub(crate) fn citations(workspace: &Path) -> io::Result<(Vec<Citation>, Vec<Stray>)> {
    let (mut citations, mut strays) = (Vec::new(), Vec::new());
    for krate in sorted_entries(&workspace.join("crates"))? {
        for (folder, among_tests) in [("src", false), ("tests", true)] {
            let mut files = Vec::new();
            rust_files(&krate.join(folder), &mut files)?;
            for file in files {
                let name = file.strip_prefix(workspace).unwrap_or(&file).display().to_string();
                let (mut cited, mut stray) = scan(&name, &fs::read_to_string(&file)?, among_tests);
                citations.append(&mut cited);
                strays.append(&mut stray);
            }
        }
    }
    Ok((citations, strays))
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if folder.is_dir() {
        for entry in sorted_entries(folder)? {
            if entry.is_dir() {
                rust_files(&entry, files)?;
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                files.push(entry);
            }
        }
    }
    Ok(())
}

/// In an order that does not depend on the file system, so that the document does not either.
fn sorted_entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries = fs::read_dir(folder)?.map(|entry| entry.map(|e| e.path())).collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    Ok(entries)
}
