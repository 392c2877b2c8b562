//! Files that are nobody else's business: never opened through a link, never readable by others when they are made.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// If this is in the environment, whatever its value, links are followed.
pub(crate) const ALLOW_LINKS: &str = "MOSQUITTO_UNSAFE_ALLOW_SYMLINKS";

/// Whether files are opened through symbolic links.
pub(crate) fn links_are_allowed() -> bool {
    std::env::var_os(ALLOW_LINKS).is_some()
}

/// A file to be appended to, made with mode 0600 if there is none.
pub(crate) fn append(path: &Path) -> io::Result<File> {
    let links = if links_are_allowed() { 0 } else { libc::O_NOFOLLOW };
    // A pipe that nobody reads is refused rather than waited for, and a terminal does not become ours; to a file neither
    // makes a difference.
    let flags = links | libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other(format!("{} is not a file", path.display())));
    }
    Ok(file)
}
