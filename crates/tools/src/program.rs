//! What all programs do first: read their arguments.

use crate::arguments::{ArgumentError, Command, parse};
use crate::settings::Settings;
use crate::{Tool, options_file, report, usage};
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

/// Reads the arguments (without the program's name) and has `work` carry out what they ask for. `work` returns the exit
/// status. Help, version and errors are shown here, with the exit status 1 of the original programs.
pub fn run(tool: Tool, arguments: impl IntoIterator<Item = OsString>, work: fn(Settings) -> u8) -> ExitCode {
    let arguments: Vec<_> = arguments.into_iter().collect();
    match options_file::read(tool, &arguments).and_then(|file| parse(tool, file, arguments)) {
        Ok(Command::Run(settings)) => return ExitCode::from(work(*settings)),
        Ok(Command::Help) => print(&usage::help(tool)),
        Ok(Command::Version) => print(&usage::version(tool)),
        Err(error) => show(tool, &error),
    }
    ExitCode::from(report::FAILURE)
}

fn show(tool: Tool, error: &ArgumentError) {
    let blank = if error.blank_line { "\n" } else { "" };
    let hint = if error.hint { format!("\nUse '{} --help' to see usage.\n", tool.name()) } else { String::new() };
    eprint!("{}\n{blank}{hint}", error.text);
}

fn print(text: &str) {
    // A reader that has gone away does not want the rest.
    let _ = std::io::stdout().write_all(text.as_bytes());
}
