//! One broker at a time on the same files.

use crate::failure::Failure;
use mosquitto_transport::error_text;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Kept as long as the broker uses the files; the system lets go of it whatever way the process ends. The file itself stays:
/// who removes one that another has open would let a third one in.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// `path` is that of the database; the file that is locked stands beside it.
    pub(super) fn take(path: &Path) -> Result<Self, Failure> {
        let mut name = path.as_os_str().to_owned();
        name.push(".lock");
        let open = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY)
            .open(&name);
        let shown = Path::new(&name).display();
        let file = open.map_err(|error| {
            let text = format!("Error: Unable to open {shown} for persistence: {}.", error_text(&error));
            Failure::system(text)
        })?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => {
                let text = format!("Error: Another broker keeps its sessions and messages in {}.", path.display());
                Err(Failure::from(text))
            }
            Err(TryLockError::Error(error)) => {
                Err(Failure::system(format!("Error: Unable to lock {shown}: {}.", error_text(&error))))
            }
        }
    }
}
