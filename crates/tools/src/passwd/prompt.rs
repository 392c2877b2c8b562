//! Asking for a password.

use super::{Failure, MISMATCH, error_text};
use mosquitto_auth::password::TEXT_BYTES_MAX;
use mosquitto_terminal::Answer;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::emulate_default_handler;
use std::io;

/// Asks for a password until it was typed twice.
pub(super) fn ask_twice() -> Result<Vec<u8>, Failure> {
    let first = ask("Password: ")?;
    let second = ask("Reenter password: ")?;
    if first == second {
        Ok(first)
    } else {
        Err(Failure { text: "Error: Passwords do not match.".to_owned(), code: MISMATCH })
    }
}

fn ask(prompt: &str) -> Result<Vec<u8>, Failure> {
    let answer = mosquitto_terminal::ask(io::stdin(), &mut io::stdout(), prompt, TEXT_BYTES_MAX)
        .map_err(|error| format!("Error: Unable to read the password: {}.", error_text(&error)))?;
    match answer {
        Answer::Line(line) => Ok(line.to_vec()),
        Answer::Nothing => Ok(Vec::new()),
        Answer::TooLong => Err("Error: Password must be less than 65536 characters long.".into()),
        // As Mosquitto's program.
        Answer::Signal(SIGINT | SIGTERM) => std::process::exit(0),
        Answer::Signal(signal) => {
            // It ends the process.
            let _ = emulate_default_handler(signal);
            Err("Error: Unable to read the password: a signal has come.".into())
        }
    }
}
