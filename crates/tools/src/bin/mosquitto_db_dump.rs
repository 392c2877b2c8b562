//! Shows what stands in a broker's database.

use mosquitto_tools::db_dump;
use std::process::ExitCode;

fn main() -> ExitCode {
    db_dump::run(std::env::args_os().skip(1))
}
