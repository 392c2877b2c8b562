//! The arguments of `mosquitto_passwd`.

use crate::program_table::{self, Program, Rest, Switch, Value};
use mosquitto_auth::password::{DEFAULT_ITERATIONS, ITERATIONS_MAX, Scheme, TEXT_BYTES_MAX};
use std::ffi::{OsStr, OsString};
use std::num::NonZeroU32;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::vec::IntoIter;

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Task {
    /// Adds a user, or gives one another password. Without a password, it is asked for.
    Set { place: Place, user: String, password: Option<Vec<u8>>, scheme: Scheme },
    /// Takes a user out.
    Delete { file: PathBuf, user: String },
    /// Hashes the passwords that are not hashed yet.
    HashAll { file: PathBuf, scheme: Scheme },
}

/// Where a user goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A file that is there.
    File(PathBuf),
    /// A file that is not there yet.
    NewFile(PathBuf),
    StandardOutput,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Pbkdf2,
    Argon2id,
    Sha512,
}

/// The kinds of hashes that `-H` knows.
const KINDS: [(&str, Kind); 3] =
    [("sha512-pbkdf2", Kind::Pbkdf2), ("argon2id", Kind::Argon2id), ("sha512", Kind::Sha512)];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Batch,
    Create,
    Delete,
    Hash,
    Iterations,
    Update,
    Help,
}

const OPTIONS: &[Switch<Effect>] = &[
    Switch {
        names: &["-b"],
        value: None,
        help: "the password is an argument, which others on this machine can see",
        effect: Effect::Batch,
    },
    Switch {
        names: &["-c"],
        value: None,
        help: "make a new password file, which must not be there yet; - is standard output",
        effect: Effect::Create,
    },
    Switch { names: &["-D"], value: None, help: "delete the user", effect: Effect::Delete },
    Switch {
        names: &["-H"],
        value: Some(Value { name: "hash", choices: &[KINDS[0].0, KINDS[1].0, KINDS[2].0] }),
        help: "the kind of hash: sha512-pbkdf2 (the default), argon2id or sha512",
        effect: Effect::Hash,
    },
    Switch {
        names: &["-I"],
        value: Some(Value { name: "iterations", choices: &[] }),
        help: "iterations of sha512-pbkdf2, 1 to 10000000; 1000 if not given",
        effect: Effect::Iterations,
    },
    Switch {
        names: &["-U"],
        value: None,
        help: "hash the passwords in a file that has them as plain text; what is hashed already stays",
        effect: Effect::Update,
    },
    Switch { names: &["--help"], value: None, help: "show this text", effect: Effect::Help },
];

/// The ways to call it.
const FORMS: [&str; 4] = [
    "[-H hash] [-I iterations] [-c] passwordfile username",
    "[-H hash] [-I iterations] [-c] -b passwordfile username password",
    "-D passwordfile username",
    "[-H hash] [-I iterations] -U passwordfile",
];

/// As its user sees it.
pub(crate) fn program() -> Program {
    Program {
        name: "mosquitto_passwd",
        forms: FORMS.map(str::to_owned).to_vec(),
        options: program_table::entries(OPTIONS),
        rest: Rest::File,
    }
}

/// The options, and what stands behind them.
#[allow(clippy::struct_excessive_bools, reason = "each is an option")]
struct Given {
    batch: bool,
    create: bool,
    delete: bool,
    update: bool,
    kind: Kind,
    iterations: NonZeroU32,
    rest: IntoIter<OsString>,
}

impl Given {
    fn scheme(&self) -> Scheme {
        match self.kind {
            Kind::Pbkdf2 => Scheme::Pbkdf2 { iterations: self.iterations },
            Kind::Argon2id => Scheme::ARGON2ID,
            Kind::Sha512 => Scheme::Sha512,
        }
    }
}

/// What the arguments ask for; an error is what to say about them.
pub(super) fn parse(arguments: Vec<OsString>) -> Result<Task, String> {
    let mut given = options(arguments)?;
    let Given { batch, create, delete, update, .. } = given;
    for (both, first, second) in [
        (create && delete, "-c", "-D"),
        (create && update, "-c", "-U"),
        (delete && update, "-D", "-U"),
        (batch && delete, "-b", "-D"),
        (batch && update, "-b", "-U"),
    ] {
        if both {
            return Err(format!("Error: {first} and {second} cannot be used together."));
        }
    }
    let scheme = given.scheme();
    let task = match (update, delete, given.rest.next(), given.rest.next()) {
        (true, _, Some(file), None) => Task::HashAll { file: file.into(), scheme },
        (true, _, None, _) => return Err("Error: -U argument given but password file missing.".to_owned()),
        (true, _, Some(_), Some(surplus)) => return Err(unknown(&surplus)),
        (_, true, Some(file), Some(user)) => Task::Delete { file: file.into(), user: username(user)? },
        (_, false, Some(file), Some(user)) => {
            let password = if batch { given.rest.next().map(password).transpose()? } else { None };
            Task::Set { place: place(file, create), user: username(user)?, password, scheme }
        }
        _ => return Err(missing(batch, create, delete)),
    };
    if batch && matches!(task, Task::Set { password: None, .. }) {
        return Err(missing(batch, create, delete));
    }
    match given.rest.next() {
        Some(surplus) => Err(unknown(&surplus)),
        None => Ok(task),
    }
}

fn options(arguments: Vec<OsString>) -> Result<Given, String> {
    let mut given = Given {
        batch: false,
        create: false,
        delete: false,
        update: false,
        kind: Kind::Pbkdf2,
        iterations: DEFAULT_ITERATIONS,
        rest: arguments.into_iter(),
    };
    // What does not look like an option is the file, and nothing behind it is an option.
    while let Some(option) = given.rest.as_slice().first().filter(|word| is_option(word)).cloned() {
        given.rest.next();
        let mut value = |option: &str| {
            let value = given.rest.next();
            value.ok_or_else(|| format!("Error: {option} argument given but not enough other arguments."))
        };
        match program_table::find(OPTIONS, &option).map(|switch| switch.effect) {
            Some(Effect::Batch) => given.batch = true,
            Some(Effect::Create) => given.create = true,
            Some(Effect::Delete) => given.delete = true,
            Some(Effect::Update) => given.update = true,
            Some(Effect::Hash) => given.kind = kind(&value("-H")?)?,
            Some(Effect::Iterations) => given.iterations = iterations(&value("-I")?)?,
            // It is looked for beforehand, wherever it stands.
            Some(Effect::Help) | None => return Err(unknown(&option)),
        }
    }
    Ok(given)
}

fn is_option(word: &OsStr) -> bool {
    word.as_bytes().starts_with(b"-") && word != "-"
}

fn unknown(word: &OsStr) -> String {
    format!("Error: Unknown option '{}'.", word.to_string_lossy())
}

fn missing(batch: bool, create: bool, delete: bool) -> String {
    let option = match (create, delete, batch) {
        (true, ..) => "-c argument given but ",
        (_, true, _) => "-D argument given but ",
        (_, _, true) => "-b argument given but ",
        _ => "",
    };
    let what = if batch { "password file, username, or password" } else { "password file or username" };
    match option {
        "" => format!("Error: P{} missing.", what.get(1..).unwrap_or_default()),
        option => format!("Error: {option}{what} missing."),
    }
}

fn kind(name: &OsStr) -> Result<Kind, String> {
    let known = KINDS.iter().find(|(known, _)| name == *known);
    known.map(|(_, kind)| *kind).ok_or_else(|| format!("Error: Unknown hash type '{}'", name.to_string_lossy()))
}

fn iterations(text: &OsStr) -> Result<NonZeroU32, String> {
    let number = text.to_str().and_then(|text| text.parse::<i64>().ok()).unwrap_or_default();
    if number > i64::from(ITERATIONS_MAX) {
        return Err(format!("Error: Number of iterations must be <= {ITERATIONS_MAX}."));
    }
    let number = u32::try_from(number).ok().and_then(NonZeroU32::new);
    number.ok_or_else(|| "Error: Number of iterations must be > 0.".to_owned())
}

fn place(file: OsString, create: bool) -> Place {
    match (create, file == "-") {
        (true, true) => Place::StandardOutput,
        (true, false) => Place::NewFile(file.into()),
        (false, _) => Place::File(file.into()),
    }
}

/// A name that a broker can find in a password file again; an error is what to say about it.
pub fn username(name: OsString) -> Result<String, String> {
    if name.len() > TEXT_BYTES_MAX {
        return Err("Error: Username must be less than 65536 characters long.".to_owned());
    }
    let name = name.into_string().map_err(|_| "Error: Username must be valid UTF-8.".to_owned())?;
    if name.contains(':') {
        Err("Error: Username must not contain the ':' character.".to_owned())
    } else if name.contains(char::is_control) {
        Err("Error: Username must not contain control characters.".to_owned())
    } else if name.is_empty() || name.starts_with('#') || name.trim_ascii() != name {
        Err("Error: Username must not be empty, begin with '#', or have white space around it.".to_owned())
    } else {
        Ok(name)
    }
}

fn password(password: OsString) -> Result<Vec<u8>, String> {
    let password = password.into_vec();
    if password.len() > TEXT_BYTES_MAX {
        return Err("Error: Password must be less than 65536 characters long.".to_owned());
    }
    Ok(password)
}

/// Whether help is asked for, wherever that stands.
pub(super) fn asks_for_help(arguments: &[OsString]) -> bool {
    let effect = |argument| program_table::find(OPTIONS, argument).map(|switch| switch.effect);
    arguments.iter().any(|argument| effect(argument) == Some(Effect::Help))
}

pub(super) fn usage() -> String {
    let forms = FORMS.map(|form| format!("mosquitto_passwd {form}\n")).join("       ");
    let options: Vec<_> = OPTIONS.iter().map(Switch::usage).collect();
    format!(
        "mosquitto_passwd manages password files for mosquitto.\nmosquitto_passwd version {}.\n\n\
         Usage: {forms}\n{}\n\
         Without -b the password is asked for twice; where standard input is no terminal, two lines are read from there.\n\
         Mosquitto 2.0 and older cannot read the hashes that this program writes; 2.1 can.\n",
        env!("CARGO_PKG_VERSION"),
        program_table::usage(&options),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_names_the_limits_that_hold() {
        let help = OPTIONS.iter().find(|switch| switch.effect == Effect::Iterations).map(|switch| switch.help);
        let expected = format!("iterations of sha512-pbkdf2, 1 to {ITERATIONS_MAX}; {DEFAULT_ITERATIONS} if not given");
        assert_eq!(help, Some(expected.as_str()));
    }
}
