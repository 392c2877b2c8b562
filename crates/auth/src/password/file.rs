//! A password file as a whole.

use super::{PasswordHash, Scheme, Verdict};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Bytes of the largest password file that is read: about 300,000 users.
pub const FILE_BYTES_MAX: usize = 64 << 20;

/// Bytes of the longest username, and of the longest hash or password: what fits into a CONNECT.
pub const TEXT_BYTES_MAX: usize = 65_535;

/// The users of a password file. Equal to another one of the same users.
#[derive(Debug, Clone)]
pub struct PasswordFile {
    users: HashMap<Box<str>, User>,
    /// What the password of somebody who is no user is held against.
    decoy: PasswordHash,
}

/// What a password file says about a user. Equal to what another one says where neither name, password nor salt differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User(Arc<(Box<str>, PasswordHash)>);

/// What is wrong with a password file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordFileError {
    /// What is wrong.
    pub defect: Defect,
    /// The number of the line, from 1; none where it is the file as a whole.
    pub line: Option<usize>,
}

/// What is wrong with a password file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Defect {
    /// The file has more than [`FILE_BYTES_MAX`] bytes.
    TooLarge,
    /// A username has more than [`TEXT_BYTES_MAX`] bytes.
    UsernameTooLong,
    /// There is white space, or nothing at all, for a username.
    EmptyUsername,
    /// The line begins with its colon. What stands behind it, which Mosquitto repeats, may be a password.
    MissingUsername,
    /// The user of this name stands above already.
    DuplicateUser(Box<str>),
    /// The hash has more than [`TEXT_BYTES_MAX`] bytes.
    PasswordTooLong,
    /// What stands where the hash should be is none that is known: it may be a password that was never hashed. Or it is
    /// missing, or the name before it is no text.
    Undecodable,
}

impl PasswordFile {
    /// Reads the contents of a password file. White space around names and hashes does not count, nor do lines without a
    /// colon and those that begin with `#`. Anything else that is wrong is an error, as in Mosquitto 2.1: a line that
    /// cannot be understood is never passed over.
    pub fn parse(bytes: &[u8]) -> Result<Self, PasswordFileError> {
        if bytes.len() > FILE_BYTES_MAX {
            return Err(PasswordFileError { defect: Defect::TooLarge, line: None });
        }
        let mut users = HashMap::new();
        for (at, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let user = parse_line(line).and_then(|user| match user {
                Some(user) if users.contains_key(user.name()) => Err(Defect::DuplicateUser(user.name().into())),
                user => Ok(user),
            });
            match user {
                Ok(None) => {}
                Ok(Some(user)) => drop(users.insert(user.name().into(), user)),
                Err(defect) => return Err(PasswordFileError { defect, line: Some(at + 1) }),
            }
        }
        Ok(Self { decoy: PasswordHash::decoy(usual(&users)), users })
    }

    /// The user of this name.
    pub fn user(&self, name: &str) -> Option<&User> {
        self.users.get(name)
    }

    /// Users.
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether there are no users.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// Whether a password is that of the user of this name. Takes milliseconds, or whatever the file asks for, also where
    /// there is no such user: then a password is hashed as most in the file are.
    pub fn check(&self, name: &str, password: &[u8]) -> Verdict {
        match self.users.get(name).map(|user| user.hash().matches(password)) {
            Some(Ok(true)) => Verdict::Right,
            Some(Ok(false)) => Verdict::Wrong,
            Some(Err(_)) => Verdict::Busy,
            None => match self.decoy.matches(password) {
                Ok(_) => Verdict::Wrong,
                Err(_) => Verdict::Busy,
            },
        }
    }
}

/// Which of the users the decoy is like differs from one reading of the same file to the next.
impl PartialEq for PasswordFile {
    fn eq(&self, other: &Self) -> bool {
        self.users == other.users
    }
}

impl Eq for PasswordFile {}

impl Default for PasswordFile {
    /// No users.
    fn default() -> Self {
        Self { users: HashMap::new(), decoy: PasswordHash::decoy(None) }
    }
}

/// The user of a line; none where the line does not count.
fn parse_line(line: &[u8]) -> Result<Option<User>, Defect> {
    if line.first() == Some(&b'#') || !line.contains(&b':') {
        return Ok(None);
    }
    // What stands behind a second colon does not count.
    let mut fields = line.split(|byte| *byte == b':').map(trimmed);
    let (name, hash) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
    if name.len() > TEXT_BYTES_MAX {
        return Err(Defect::UsernameTooLong);
    }
    if name.is_empty() {
        let is_missing = line.first() == Some(&b':') && line.iter().any(|byte| *byte != b':');
        return Err(if is_missing { Defect::MissingUsername } else { Defect::EmptyUsername });
    }
    let name = str::from_utf8(name).map_err(|_| Defect::Undecodable)?;
    if hash.len() > TEXT_BYTES_MAX {
        return Err(Defect::PasswordTooLong);
    }
    let hash = str::from_utf8(hash).ok().and_then(|hash| hash.parse().ok()).ok_or(Defect::Undecodable)?;
    Ok(Some(User(Arc::new((name.into(), hash)))))
}

/// Without white space as C has it around it: within that, names and hashes stand in a line.
pub fn trimmed(mut bytes: &[u8]) -> &[u8] {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    while let [first, rest @ ..] = bytes
        && is_space(first)
    {
        bytes = rest;
    }
    while let [rest @ .., last] = bytes
        && is_space(last)
    {
        bytes = rest;
    }
    bytes
}

/// The hash of one of those users whose passwords are hashed in the way that most are.
fn usual(users: &HashMap<Box<str>, User>) -> Option<&PasswordHash> {
    let mut kinds: BTreeMap<Scheme, (usize, &PasswordHash)> = BTreeMap::new();
    for user in users.values() {
        kinds.entry(user.hash().scheme()).or_insert((0, user.hash())).0 += 1;
    }
    kinds.into_values().max_by_key(|(count, _)| *count).map(|(_, hash)| hash)
}

impl User {
    /// The username.
    pub fn name(&self) -> &str {
        &self.0.0
    }

    /// The hash of the password.
    pub fn hash(&self) -> &PasswordHash {
        &self.0.1
    }
}

impl PasswordFileError {
    /// What the log says about it, in Mosquitto's words where it has some.
    pub fn text(&self, file: &Path) -> String {
        format!("password-file: Error: {}", Shown(&self.defect, file))
    }
}

/// As a log or a terminal can show it.
fn harmless(name: &str) -> String {
    name.replace(char::is_control, "?")
}

struct Shown<'a>(&'a Defect, &'a Path);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.1.display();
        match self.0 {
            Defect::TooLarge => write!(f, "Password file '{file}' is larger than {FILE_BYTES_MAX} bytes."),
            Defect::UsernameTooLong => write!(f, "Invalid line in password file '{file}', username too long."),
            Defect::MissingUsername => write!(f, "Invalid line in password file '{file}': there is no username."),
            Defect::EmptyUsername => write!(f, "Empty username in password file '{file}'."),
            Defect::DuplicateUser(name) => write!(f, "Duplicate user '{}' in password file '{file}'.", harmless(name)),
            Defect::PasswordTooLong => write!(f, "Invalid line in password file '{file}', password too long."),
            Defect::Undecodable => write!(f, "Unable to decode line in password file '{file}'."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password::{SALT_BYTES, Salt, Scheme};

    /// Otherwise an attacker could learn who the users are from how long a refusal takes.
    #[test]
    fn who_is_no_user_is_hashed_for_as_most_users_are() {
        let hash = |scheme| PasswordHash::new(scheme, b"a", Salt::Usual([3; SALT_BYTES])).unwrap();
        let (dear, cheap) = (hash(Scheme::ARGON2ID), hash(Scheme::Sha512));
        let users = PasswordFile::parse(format!("a:{dear}\nb:{dear}\nc:{cheap}\n").as_bytes()).unwrap();
        assert_eq!(users.decoy.scheme(), Scheme::ARGON2ID);
        assert_eq!(users.check("nobody", b"a"), Verdict::Wrong);
        assert_eq!(PasswordFile::default().decoy.scheme(), Scheme::DEFAULT);
    }

    #[test]
    fn a_file_is_the_same_however_often_it_is_read() {
        let line = |n: u8| {
            format!("u{n}:{}\n", PasswordHash::new(Scheme::Sha512, b"a", Salt::Usual([n; SALT_BYTES])).unwrap())
        };
        let text: String = (0..9).map(line).collect();
        let read = || PasswordFile::parse(text.as_bytes()).unwrap();
        assert!((0..20).all(|_| read() == read()));
        assert_ne!(read(), PasswordFile::parse(line(0).as_bytes()).unwrap());
    }
}
