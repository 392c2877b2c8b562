//! A file as destination of the log.

use super::outlet::{Batch, Place};
use crate::sensitive;
use mosquitto_broker::{LogLevel, LogLine};
use mosquitto_transport::error_text;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file that is appended to. As long as it cannot be opened errors go to standard error, and the rest nowhere.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    file: Option<File>,
    /// Whether standard error is a destination of its own.
    stderr_is_served: bool,
    /// Whether the last line in the file is not whole.
    torn: bool,
    /// What standard error has not been told yet.
    complaint: Option<String>,
}

/// Whether a file can be opened as a log, in the words that the log has for it, and what is wrong with the rights to it.
pub(super) fn check(path: &Path) -> io::Result<Vec<LogLine>> {
    let opened = sensitive::append(path).and_then(|file| Ok(sensitive::warnings(path, &file.metadata()?)));
    opened.map_err(|error| io::Error::new(error.kind(), unable(path, &error)))
}

fn unable(path: &Path, error: &io::Error) -> String {
    format!("Unable to open log file {} for writing. {}.", path.display(), error_text(error))
}

impl LogFile {
    pub(super) fn open(path: &Path, stderr_is_served: bool) -> Self {
        let mut file = Self { path: path.to_owned(), file: None, stderr_is_served, torn: false, complaint: None };
        file.reopen();
        file
    }

    fn complain(&mut self) {
        if let Some(complaint) = self.complaint.take() {
            // Nobody may be listening there any more.
            let _ = writeln!(io::stderr(), "{complaint}");
        }
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        if self.torn {
            file.write_all(b"\n")?;
            self.torn = false;
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            match file.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(len) => rest = rest.get(len..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let written = bytes.len() - rest.len();
                    self.torn =
                        bytes.get(..written).is_some_and(|written| !written.ends_with(b"\n") && !written.is_empty());
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}

impl Place for LogFile {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn write(&mut self, batch: &Batch) -> io::Result<()> {
        self.complain();
        if self.file.is_some() {
            return self.append(batch.bytes());
        }
        if self.stderr_is_served {
            return Ok(());
        }
        let errors = batch.lines().filter(|(level, _)| *level == LogLevel::Error);
        errors.into_iter().try_for_each(|(_, line)| io::stderr().lock().write_all(line))
    }

    /// What there is to say about it is said with the next lines, so that whoever opens the log never waits for standard
    /// error.
    fn reopen(&mut self) {
        self.torn = false;
        self.file = None;
        match sensitive::append(&self.path) {
            Ok(file) => self.file = Some(file),
            Err(error) => self.complaint = Some(format!("Error: {}", unable(&self.path, &error))),
        }
    }
}
