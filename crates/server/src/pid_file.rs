//! `pid_file`.

use crate::failure::Failure;
use mosquitto_transport::error_text;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The file with the number of this process. It is gone when this is dropped, if it still has that number.
#[derive(Debug)]
pub(crate) struct PidFile(PathBuf);

impl PidFile {
    /// Writes it: decimal digits without line feed, as Mosquitto does, in place of what an earlier process has left there.
    /// A link is not followed (Mosquitto does): in a directory that others may write to, they could have laid it.
    pub(crate) fn write(path: &Path) -> Result<Self, Failure> {
        overwrite(path, &own_number()).map_err(|error| {
            Failure::system(format!("Error: Unable to write pid file {}: {}.", path.display(), error_text(&error)))
        })?;
        Ok(Self(path.to_owned()))
    }
}

fn own_number() -> String {
    std::process::id().to_string()
}

fn overwrite(path: &Path, text: &str) -> io::Result<()> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let mut file = OpenOptions::new().write(true).create(true).mode(0o644).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    file.set_len(0)?;
    file.write_all(text.as_bytes())
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Another broker may have been given the same file since.
        if fs::read_to_string(&self.0).is_ok_and(|text| text == own_number()) {
            // Whose directory this is may have changed; the number tells nothing any more, either way.
            let _ = fs::remove_file(&self.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn what_an_earlier_process_left_is_overwritten_and_a_link_is_not_followed() {
        let scratch = Scratch::new();
        let path = scratch.path().join("pid");
        fs::write(&path, "123456789012345678901234567890\n").unwrap();
        let file = PidFile::write(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), own_number());
        let link = scratch.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert_eq!(PidFile::write(&link).unwrap_err().code, Failure::SYSTEM);
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn a_file_that_has_become_another_brokers_stays() {
        let scratch = Scratch::new();
        let path = scratch.path().join("pid");
        let file = PidFile::write(&path).unwrap();
        fs::write(&path, "1").unwrap();
        drop(file);
        assert_eq!(fs::read_to_string(&path).unwrap(), "1");
    }
}
