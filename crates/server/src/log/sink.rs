//! Where log lines are written.

use super::timestamp::Timestamp;
use mosquitto_broker::LogLine;
use mosquitto_config::Log as Options;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::time::SystemTime;

/// Bytes of a whole line, as in Mosquitto; what is longer is cut.
const LINE_BYTES: usize = 999;

/// Bytes gathered before they are written.
const GATHERED_BYTES: usize = 64 * 1024;

/// All of `log_dest`.
#[derive(Debug)]
pub(super) struct Sinks {
    timestamp: Timestamp,
    stdout: bool,
    stderr: bool,
    file: Option<File>,
    gathered: Vec<u8>,
}

impl Sinks {
    pub(super) fn open(options: &Options) -> io::Result<Self> {
        let file = match &options.destinations.file {
            Some(path) => {
                // Not readable by others, and never through a link that somebody else may have laid.
                let open = OpenOptions::new()
                    .append(true)
                    .create(true)
                    .mode(0o600)
                    .custom_flags(libc::O_NOFOLLOW)
                    .open(path)
                    .map_err(|error| {
                        let text = format!(
                            "Unable to open log file {} for writing. {}.",
                            path.display(),
                            mosquitto_transport::error_text(&error)
                        );
                        io::Error::new(error.kind(), text)
                    })?;
                Some(open)
            }
            None => None,
        };
        Ok(Self {
            timestamp: Timestamp::new(options),
            stdout: options.destinations.stdout,
            stderr: options.destinations.stderr,
            file,
            gathered: Vec::new(),
        })
    }

    /// Takes a line. It is written by [`flush`](Self::flush) at the latest.
    pub(super) fn write(&mut self, time: SystemTime, line: &LogLine) {
        let start = self.gathered.len();
        self.gathered.extend_from_slice(self.timestamp.at(time).as_bytes());
        self.gathered.extend_from_slice(line.text.as_bytes());
        if self.gathered.len() - start > LINE_BYTES {
            self.gathered.truncate(start + LINE_BYTES);
        }
        self.gathered.push(b'\n');
        if self.gathered.len() >= GATHERED_BYTES {
            self.flush();
        }
    }

    /// Writes what was gathered. Where that fails there is nobody to be told.
    pub(super) fn flush(&mut self) {
        if self.stdout {
            let mut stdout = io::stdout().lock();
            let _ = stdout.write_all(&self.gathered).and_then(|()| stdout.flush());
        }
        if self.stderr {
            let _ = io::stderr().lock().write_all(&self.gathered);
        }
        if let Some(file) = &mut self.file {
            let _ = file.write_all(&self.gathered);
        }
        self.gathered.clear();
    }
}
