//! Writes the manual pages and the sample `mosquitto.conf`.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    match mosquitto_manual::write(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
