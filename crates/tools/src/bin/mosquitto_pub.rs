//! Publishes messages.

use mosquitto_tools::{Tool, program, publish};
use std::process::ExitCode;

fn main() -> ExitCode {
    program::run(Tool::Pub, std::env::args_os().skip(1), publish::run)
}
