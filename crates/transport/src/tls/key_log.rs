//! The keys of connections, written down so that what was recorded of them can be read.

use rustls::KeyLog;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::sync::Mutex;

/// A file in the format of NSS (`SSLKEYLOGFILE`), a line for each secret.
#[derive(Debug)]
pub struct KeyLogFile(Mutex<File>);

impl KeyLogFile {
    /// Lines are appended to the file.
    pub fn new(file: File) -> Self {
        Self(Mutex::new(file))
    }

    /// A line, with its end.
    pub(crate) fn append(&self, line: &str) {
        if let Ok(mut file) = self.0.lock() {
            // Nobody's connection depends on it.
            let _ = file.write_all(line.as_bytes());
        }
    }
}

impl KeyLog for KeyLogFile {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let mut line = format!("{label} ");
        for (bytes, end) in [(client_random, ' '), (secret, '\n')] {
            for byte in bytes {
                // Writing into a String cannot fail.
                let _ = write!(line, "{byte:02x}");
            }
            line.push(end);
        }
        self.append(&line);
    }
}
