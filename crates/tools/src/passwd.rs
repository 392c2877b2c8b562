//! `mosquitto_passwd`: users and their passwords, for a broker's `password_file`.

mod arguments;
mod edit;
mod file;
mod prompt;

pub(crate) use arguments::program;
pub use arguments::username;
pub use edit::{Edited, Lines};

use arguments::{Place, Task, parse};
use mosquitto_auth::password::{PasswordHash, SALT_BYTES, Salt, Scheme};
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

/// The exit status of whatever fails.
const FAILURE: u8 = 1;

/// The exit status where the second password is not the first.
const MISMATCH: u8 = 2;

/// Why it did not work: what standard error says, and the exit status.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Failure {
    text: String,
    code: u8,
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self { text, code: FAILURE }
    }
}

impl From<&str> for Failure {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

/// Carries out these arguments (without the program's name). The exit status is that of Mosquitto's program: 0, 2 where the
/// two passwords differ, and 1 for everything else that is wrong, also where a user to be deleted is not there.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<_> = arguments.into_iter().collect();
    if arguments.is_empty() || arguments::asks_for_help(&arguments) {
        // A reader that has gone away does not want the rest.
        let _ = io::stdout().write_all(arguments::usage().as_bytes());
        return ExitCode::from(FAILURE);
    }
    match parse(arguments).map_err(Failure::from).and_then(carry_out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { text, code }) => {
            let _ = writeln!(io::stderr(), "{text}");
            ExitCode::from(code)
        }
    }
}

fn carry_out(task: Task) -> Result<(), Failure> {
    match task {
        Task::Set { place, user, password, scheme } => {
            let password = password.map_or_else(prompt::ask_twice, Ok)?;
            if password.is_empty() {
                return Err("Error: Empty password.".into());
            }
            set(&place, &user, &hashed(scheme, &password)?)
        }
        Task::Delete { file, user } => {
            let (target, mut lines) = read(&file)?;
            if lines.delete(&user)? == Edited::Nothing {
                return Err(format!("Warning: User {user} not found in password file.").into());
            }
            file::replace(&target, &lines.bytes())
        }
        Task::HashAll { file, scheme } => {
            let (target, mut lines) = read(&file)?;
            lines.hash_all(|password| hashed(scheme, password))?;
            file::replace(&target, &lines.bytes())
        }
    }
}

fn set(place: &Place, user: &str, hash: &PasswordHash) -> Result<(), Failure> {
    let line = format!("{user}:{hash}\n");
    match place {
        Place::StandardOutput => {
            let written = io::stdout().write_all(line.as_bytes()).and_then(|()| io::stdout().flush());
            written.map_err(|error| format!("Error: Unable to write: {}.", error_text(&error)).into())
        }
        Place::NewFile(path) => {
            file::create(path, line.as_bytes())?;
            say(&format!("Adding password for user {user}"));
            Ok(())
        }
        Place::File(path) => {
            let (target, mut lines) = read(path)?;
            let edited = lines.set(user, hash)?;
            file::replace(&target, &lines.bytes())?;
            say(&format!("{} password for user {user}", if edited == Edited::Nothing { "Adding" } else { "Updating" }));
            Ok(())
        }
    }
}

fn read(path: &Path) -> Result<(file::Target, Lines), Failure> {
    let (target, bytes) = file::read(path)?;
    Ok((target, Lines::of(&bytes)))
}

fn hashed(scheme: Scheme, password: &[u8]) -> Result<PasswordHash, Failure> {
    let mut salt = [0; SALT_BYTES];
    getrandom::fill(&mut salt).map_err(|error| format!("Error: No random numbers from the system: {error}."))?;
    PasswordHash::new(scheme, password, Salt::Usual(salt)).map_err(|_| "Error: Out of memory.".into())
}

/// On standard output, where nobody may be listening.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

fn error_text(error: &io::Error) -> String {
    mosquitto_transport::error_text(error)
}
