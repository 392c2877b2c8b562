//! `pid_file`.

use crate::failure::Failure;
use mosquitto_transport::error_text;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Bytes that are read of the file: more than a number has.
const NUMBER_BYTES: u64 = 32;

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
    let mut file = open(path, OpenOptions::new().write(true).create(true).mode(0o644))?;
    file.set_len(0)?;
    file.write_all(text.as_bytes())
}

/// What there is; more than a number can have is not one.
fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    open(path, OpenOptions::new().read(true))?.take(NUMBER_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// Opens it, if it is a file. Anything else is neither followed nor waited for.
fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let file = options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a file")) }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Another broker may have been given the same file since.
        if read(&self.0).is_ok_and(|text| text == own_number()) {
            // Whose directory this is may have changed; the number tells nothing any more, either way.
            let _ = fs::remove_file(&self.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use nix::sys::stat::Mode;
    use std::time::Duration;

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

    /// Whoever may write to the directory could otherwise keep the broker from ending.
    #[test]
    fn a_pipe_in_the_place_of_the_file_is_not_waited_for() {
        let scratch = Scratch::new();
        let path = scratch.path().join("pid");
        let file = PidFile::write(&path).unwrap();
        fs::remove_file(&path).unwrap();
        nix::unistd::mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        // Dropped in another thread, so that the test fails rather than hangs.
        let (ended, end) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            drop(file);
            ended.send(()).unwrap();
        });
        end.recv_timeout(Duration::from_secs(20)).unwrap();
        assert!(path.exists(), "it is not the broker's");
    }
}
