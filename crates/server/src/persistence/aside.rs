//! Files that cannot be used, or not wholly, are kept under a name with the date.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The name for a file with what is wrong with it, as `mosquitto.db.damaged-20261128T224500Z`.
fn name_for(path: &Path, why: &str) -> PathBuf {
    let date = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{why}-{date}"));
    name.into()
}

/// Gives a file a second name, under which it stays when its own is given to another.
pub(super) fn keep(path: &Path, why: &str) -> io::Result<PathBuf> {
    let name = name_for(path, why);
    match fs::hard_link(path, &name) {
        Ok(()) => Ok(name),
        // It was kept within this second, of which there is nothing new.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(name),
        // Not every file system has second names.
        Err(_) => fs::copy(path, &name).map(|_| name),
    }
}

/// Gives a file that cannot be read another name.
pub(super) fn move_away(path: &Path, why: &str) -> io::Result<PathBuf> {
    let name = name_for(path, why);
    fs::rename(path, &name)?;
    Ok(name)
}
