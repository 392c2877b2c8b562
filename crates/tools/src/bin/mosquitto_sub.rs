//! Subscribes to topics and prints the messages.

use mosquitto_tools::{Tool, program, subscribe};
use std::process::ExitCode;

fn main() -> ExitCode {
    program::run(Tool::Sub, std::env::args_os().skip(1), subscribe::run)
}
