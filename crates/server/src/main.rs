//! The `mosquitto` broker.

use std::process::ExitCode;

fn main() -> ExitCode {
    mosquitto_server::run(std::env::args_os().skip(1))
}
