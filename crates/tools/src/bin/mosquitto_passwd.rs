//! `mosquitto_passwd`: see [`mosquitto_tools::passwd`].

use std::process::ExitCode;

fn main() -> ExitCode {
    mosquitto_tools::passwd::run(std::env::args_os().skip(1))
}
