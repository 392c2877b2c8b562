//! Asking for a password.

use super::{Failure, MISMATCH, error_text};
use mosquitto_auth::password::TEXT_BYTES_MAX;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io::{self, BufRead, Read, StdinLock, Write};

/// Asks for a password until it was typed twice.
pub(super) fn ask_twice() -> Result<Vec<u8>, Failure> {
    let _hidden =
        Hidden::hide().map_err(|error| format!("Error: Unable to hide the password: {}.", error_text(&error)))?;
    let mut input = io::stdin().lock();
    let first = ask("Password: ", &mut input)?;
    let second = ask("Reenter password: ", &mut input)?;
    if first == second {
        Ok(first)
    } else {
        Err(Failure { text: "Error: Passwords do not match.".to_owned(), code: MISMATCH })
    }
}

fn ask(prompt: &str, input: &mut StdinLock<'_>) -> Result<Vec<u8>, Failure> {
    let mut output = io::stdout();
    // Nobody may be there to see it.
    let _ = write!(output, "{prompt}").and_then(|()| output.flush());
    let mut line = Vec::new();
    // With room for CR and LF.
    let read = input.take(TEXT_BYTES_MAX as u64 + 2).read_until(b'\n', &mut line);
    let _ = writeln!(output);
    read.map_err(|error| format!("Error: Unable to read the password: {}.", error_text(&error)))?;
    let line = line.strip_suffix(b"\n").unwrap_or(&line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.len() > TEXT_BYTES_MAX {
        return Err("Error: Password must be less than 65536 characters long.".into());
    }
    Ok(line.to_vec())
}

/// While it lives, a terminal does not show what is typed.
struct Hidden(Option<Termios>);

impl Hidden {
    fn hide() -> io::Result<Self> {
        // Anything else but a terminal shows nothing.
        let Ok(before) = tcgetattr(io::stdin()) else { return Ok(Self(None)) };
        let shown = before.clone();
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            if signals.forever().next().is_some() {
                show_again(&shown);
                // As Mosquitto's program.
                std::process::exit(0);
            }
        })?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self(Some(before)))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            show_again(before);
        }
    }
}

fn show_again(before: &Termios) {
    // A terminal that is gone shows nothing anyway.
    let _ = tcsetattr(io::stdin(), OptionalActions::Flush, before);
}
