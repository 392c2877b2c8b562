//! The arguments of `mosquitto_passwd`.

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
        match option.to_str() {
            Some("-b") => given.batch = true,
            Some("-c") => given.create = true,
            Some("-D") => given.delete = true,
            Some("-U") => given.update = true,
            Some("-H") => given.kind = kind(&value("-H")?)?,
            Some("-I") => given.iterations = iterations(&value("-I")?)?,
            _ => return Err(unknown(&option)),
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
    match name.to_str() {
        Some("sha512-pbkdf2") => Ok(Kind::Pbkdf2),
        Some("argon2id") => Ok(Kind::Argon2id),
        Some("sha512") => Ok(Kind::Sha512),
        _ => Err(format!("Error: Unknown hash type '{}'", name.to_string_lossy())),
    }
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

pub(super) fn usage() -> String {
    format!(
        "mosquitto_passwd manages password files for mosquitto.\nmosquitto_passwd version {}.\n\n\
         Usage: mosquitto_passwd [-H hash] [-I iterations] [-c] passwordfile username\n\
         \x20      mosquitto_passwd [-H hash] [-I iterations] [-c] -b passwordfile username password\n\
         \x20      mosquitto_passwd -D passwordfile username\n\
         \x20      mosquitto_passwd [-H hash] [-I iterations] -U passwordfile\n\n\
         \x20-b  the password is an argument, which others on this machine can see.\n\
         \x20-c  make a new password file, which must not be there yet; - is standard output.\n\
         \x20-D  delete the user.\n\
         \x20-H  the kind of hash: sha512-pbkdf2 (the default), argon2id or sha512.\n\
         \x20-I  iterations of sha512-pbkdf2, 1 to {ITERATIONS_MAX}. Default: {DEFAULT_ITERATIONS}.\n\
         \x20-U  hash the passwords in a file that has them as plain text. What is hashed already stays.\n\
         \x20--help  show this text.\n\n\
         Without -b the password is asked for twice; where standard input is no terminal, it is read from there.\n\
         Mosquitto 2.0 and older cannot read the hashes that this program writes; 2.1 can.\n",
        env!("CARGO_PKG_VERSION")
    )
}
