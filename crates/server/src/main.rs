//! The `mosquitto` broker.

use std::process::ExitCode;

#[global_allocator]
static HEAP: mosquitto_allocator::Counted = mosquitto_allocator::Counted;

fn main() -> ExitCode {
    mosquitto_server::run(std::env::args_os().skip(1))
}
