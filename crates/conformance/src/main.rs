//! Writes `docs/conformance.md`; with `--missing`, lists the statements that no test shows instead.

use mosquitto_conformance::Table;
use std::path::Path;
use std::process::ExitCode;
use std::{fs, io};

fn main() -> ExitCode {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    match run(&workspace, std::env::args().any(|argument| argument == "--missing")) {
        Ok(problems) if problems.is_empty() => ExitCode::SUCCESS,
        Ok(problems) => {
            for problem in problems {
                eprintln!("{problem}");
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(workspace: &Path, missing_only: bool) -> io::Result<Vec<String>> {
    let table = Table::read(workspace)?;
    if missing_only {
        table.missing().for_each(|statement| println!("{} {}", statement.version.name(), statement.id));
        return Ok(Vec::new());
    }
    fs::write(workspace.join("docs/conformance.md"), table.document())?;
    Ok(table.problems())
}
