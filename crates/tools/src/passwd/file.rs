//! Password files on disk. A file is replaced as a whole: whoever reads it meanwhile sees the old one or the new one, and
//! when something fails in between the old one is still there.

use super::{Failure, error_text};
use mosquitto_auth::password::FILE_BYTES_MAX;
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

/// A file that was read, to be replaced.
#[derive(Debug)]
pub(super) struct Target {
    /// Without symbolic links.
    path: PathBuf,
    metadata: Metadata,
}

/// Reads a password file.
pub(super) fn read(path: &Path) -> Result<(Target, Vec<u8>), Failure> {
    let unable =
        |error: &io::Error| format!("Error: Unable to open password file {}. {}.", path.display(), error_text(error));
    let path = fs::canonicalize(path).map_err(|error| unable(&error))?;
    if !fs::metadata(&path).map_err(|error| unable(&error))?.is_file() {
        return Err(format!("Error: {} is not a file.", path.display()).into());
    }
    let file = File::open(&path).map_err(|error| unable(&error))?;
    let metadata = file.metadata().map_err(|error| unable(&error))?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(|error| unable(&error))?;
    if bytes.len() > FILE_BYTES_MAX {
        return Err(format!("Error: {} is larger than {FILE_BYTES_MAX} bytes.", path.display()).into());
    }
    Ok((Target { path, metadata }, bytes))
}

/// Makes a password file that is not there yet, with mode 0600.
pub(super) fn create(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let unable = |error: &io::Error| {
        format!("Error: Unable to open file {} for writing. {}.", path.display(), error_text(error))
    };
    let mut file = new_file(path).map_err(|error| unable(&error))?;
    if let Err(error) = file.write_all(bytes).and_then(|()| file.sync_all()) {
        let _ = fs::remove_file(path);
        return Err(unable(&error).into());
    }
    Ok(())
}

/// Puts other contents in the place of a file, whose owner and mode stay.
pub(super) fn replace(target: &Target, bytes: &[u8]) -> Result<(), Failure> {
    let Target { path, metadata } = target;
    let mut name = path.clone().into_os_string();
    name.push(format!(".{}.new", std::process::id()));
    let new = PathBuf::from(name);
    let replaced = new_file(&new).and_then(|mut file| {
        let written = fill(&mut file, bytes, metadata).and_then(|()| fs::rename(&new, path));
        if written.is_err() {
            let _ = fs::remove_file(&new);
        }
        written
    });
    replaced.map_err(|error| format!("Error: Unable to replace {}. {}.", path.display(), error_text(&error)).into())
}

fn fill(file: &mut File, bytes: &[u8], like: &Metadata) -> io::Result<()> {
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (like.uid(), like.gid()) {
        fchown(&*file, Some(like.uid()), Some(like.gid()))?;
    }
    file.set_permissions(Permissions::from_mode(like.mode() & 0o7777))?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn new_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}
