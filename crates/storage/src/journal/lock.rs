//! Only one broker at a time uses a database.
#![allow(clippy::disallowed_types, reason = "the lock is a file")]

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// What is read of a lock's file at most, in bytes: a number.
const OWNER_BYTES_MAX: u64 = 32;

/// The right to use a database and its journal, until it is dropped or the process ends.
///
/// The lock is one of the system's on the file `mosquitto.db.lock`, which holds the process id of its owner. Children of the
/// owner have it too, as long as they keep its files open.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

/// Why there is no lock.
#[derive(Debug)]
pub enum LockError {
    /// Another broker has it; its process id, if that is known.
    Taken {
        /// The database that was asked for.
        database: PathBuf,
        /// Who has it.
        process: Option<u32>,
    },
    /// The file cannot be used.
    Io {
        /// The lock's file.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
}

impl Lock {
    /// Locks the database of this path. Its directory has to be there, the database need not.
    pub fn acquire(database: &Path) -> Result<Self, LockError> {
        let mut path = database.as_os_str().to_owned();
        path.push(".lock");
        let path = PathBuf::from(path);
        loop {
            match Self::attempt(&path) {
                Ok(Some(file)) => return Ok(Self { file, path }),
                // Its owner has just removed it: there may be another one now.
                Ok(None) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(LockError::Taken { database: database.to_owned(), process: owner(&path) });
                }
                Err(TryLockError::Error(error)) => return Err(LockError::Io { path, error }),
            }
        }
    }

    /// `None` if the file that was locked is not the one that is there.
    fn attempt(path: &Path) -> Result<Option<File>, TryLockError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(path).map_err(TryLockError::Error)?;
        file.try_lock()?;
        let ours = file.metadata().map_err(TryLockError::Error)?;
        match fs::metadata(path) {
            Ok(there) if (there.dev(), there.ino()) == (ours.dev(), ours.ino()) => {}
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(TryLockError::Error(error)),
        }
        write_owner(&mut file).map_err(TryLockError::Error)?;
        Ok(Some(file))
    }

    /// Writes the process id again: to be called by who has gone on in the background.
    pub fn update_owner(&mut self) -> io::Result<()> {
        write_owner(&mut self.file)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Removed while it is locked. Where that fails, a file without a lock is left, which bars nobody.
        drop(fs::remove_file(&self.path));
    }
}

fn write_owner(file: &mut File) -> io::Result<()> {
    let result = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
    match result {
        // The number is for people; the lock holds without.
        Err(error) if super::disk::is_no_room(&error) => Ok(()),
        other => other,
    }
}

fn owner(path: &Path) -> Option<u32> {
    let mut text = String::new();
    File::open(path).ok()?.take(OWNER_BYTES_MAX).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

impl std::fmt::Display for LockError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Taken { database, process: Some(process) } => {
                write!(f, "{} is in use by another broker, process {process}", database.display())
            }
            Self::Taken { database, process: None } => {
                write!(f, "{} is in use by another broker", database.display())
            }
            Self::Io { path, error } => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for LockError {}
