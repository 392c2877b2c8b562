//! `mosquitto-conformance` rewrites `docs/conformance.md` and prints what is wrong with the citations;
//! `mosquitto-conformance --missing VERSION` prints the statements of `3.1.1` or `5.0` that no test cites.

use mosquitto_conformance::{DOCUMENT, Problem, Statements, Version, gather, problems, render, workspace};
use std::fs;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        [] => write_document(),
        ["--missing", number] => match Version::parse(number) {
            Some(version) => print_missing(version),
            None => Err(format!("there are the versions 3.1.1 and 5.0, not {number}")),
        },
        _ => Err("usage: mosquitto-conformance [--missing 3.1.1|5.0]".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write_document() -> Result<(), String> {
    let (root, statements) = (workspace(), Statements::load()?);
    let evidence = gather(&root).map_err(|error| error.to_string())?;
    let path = root.join(DOCUMENT);
    fs::write(&path, render(&statements, &evidence)).map_err(|error| format!("{}: {error}", path.display()))?;
    let problems = problems(&statements, &evidence);
    for problem in &problems {
        println!("{problem}");
    }
    if problems.is_empty() { Ok(()) } else { Err(format!("{} problems", problems.len())) }
}

fn print_missing(version: Version) -> Result<(), String> {
    let statements = Statements::load()?;
    let evidence = gather(&workspace()).map_err(|error| error.to_string())?;
    for problem in problems(&statements, &evidence) {
        if let Problem::Missing(of, id) = problem
            && of == version
        {
            println!("{id}");
        }
    }
    Ok(())
}
