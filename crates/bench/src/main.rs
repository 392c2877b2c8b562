//! The program `mosquitto_bench`.

use std::process::ExitCode;

fn main() -> ExitCode {
    mosquitto_bench::run(std::env::args_os().skip(1))
}
