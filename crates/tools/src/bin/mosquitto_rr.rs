//! Publishes a request and prints the answer.

use mosquitto_tools::{Tool, program, request};
use std::process::ExitCode;

fn main() -> ExitCode {
    program::run(Tool::Rr, std::env::args_os().skip(1), request::run)
}
