//! Sends signals to brokers.

use mosquitto_tools::signal;
use std::process::ExitCode;

fn main() -> ExitCode {
    signal::run(std::env::args_os().skip(1))
}
