//! Files that are nobody else's business: never opened through a link, never readable by others when they are made.

use mosquitto_broker::{LogLevel, LogLine};
use nix::unistd::{Group, User, getegid, geteuid};
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// If this is in the environment, whatever its value, links are followed.
pub(crate) const ALLOW_LINKS: &str = "MOSQUITTO_UNSAFE_ALLOW_SYMLINKS";

/// Whether files are opened through symbolic links.
pub(crate) fn links_are_allowed() -> bool {
    std::env::var_os(ALLOW_LINKS).is_some()
}

/// The bytes of a file, and of one that has more than `limit` as many as show that. What is wrong with the rights to the
/// file is added to `lines`, in Mosquitto's words.
pub(crate) fn read(path: &Path, limit: usize, lines: &mut Vec<LogLine>) -> io::Result<Vec<u8>> {
    let file = OpenOptions::new().read(true).custom_flags(flags()).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other(format!("{} is not a file", path.display())));
    }
    lines.extend(warnings(path, &metadata));
    let mut bytes = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Who can see or own the file though it is nobody else's business. Mosquitto calls them warnings and logs them as
/// information.
pub(crate) fn warnings(path: &Path, metadata: &Metadata) -> Vec<LogLine> {
    let path = path.display();
    let mut lines = Vec::new();
    let mut warn = |what: String, cure: String| {
        let text = format!("Warning: File {path} {what}. Future versions will refuse to load this file.");
        lines.extend([text, format!("To fix this, use `{cure} {path}`.")]);
    };
    if metadata.mode() & 0o007 != 0 {
        warn("has world readable permissions".to_owned(), "chmod 0700".to_owned());
    }
    let (uid, gid) = (geteuid(), getegid());
    if metadata.uid() != uid.as_raw() {
        let name = User::from_uid(uid).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name);
        warn(format!("owner is not {name}"), format!("chown {name}"));
    }
    if metadata.gid() != gid.as_raw() {
        let name = Group::from_gid(gid).ok().flatten().map_or_else(|| gid.to_string(), |group| group.name);
        warn(format!("group is not {name}"), format!("chgrp {name}"));
    }
    lines.into_iter().map(|text| LogLine { level: LogLevel::Information, text }).collect()
}

/// A pipe that nobody writes or reads is not waited for, and a terminal does not become ours; to a file neither makes a
/// difference.
fn flags() -> i32 {
    let links = if links_are_allowed() { 0 } else { libc::O_NOFOLLOW };
    links | libc::O_NONBLOCK | libc::O_NOCTTY
}

/// A file to be appended to, made with mode 0600 if there is none.
pub(crate) fn append(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(flags()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other(format!("{} is not a file", path.display())));
    }
    Ok(file)
}
