//! Password files: who the users are, and whether a password is theirs.
//!
//! The format is that of Mosquitto's `password_file`, as `mosquitto_passwd` writes it: a user a line, the name and a hash
//! of the password with a colon between them.

mod file;
mod hash;
mod scheme;

pub use file::{Defect, FILE_BYTES_MAX, PasswordFile, PasswordFileError, TEXT_BYTES_MAX, User, trimmed};
pub use hash::{NotAHash, NotEnoughMemory, PasswordHash, Salt};
pub use scheme::{DEFAULT_ITERATIONS, ITERATIONS_MAX, SALT_BYTES, SHORT_SALT_BYTES, Scheme};

/// What became of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is that of the user.
    Right,
    /// It is not, or there is no such user.
    Wrong,
    /// It could not be looked at: there was no room or no memory for it.
    Busy,
}
