//! What there is to say about a configuration: errors with file, line and what was expected, and notices.

use crate::config::Config;
use crate::log::LogType;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// The exit status of the broker when its configuration or its command line cannot be used.
pub(crate) const EXIT_CODE: u8 = 3;

/// How many errors are told one by one. Nobody reads more, and a file may hold a million.
const ERRORS_MAX: usize = 100;

/// Why a configuration was refused: all that is wrong in its files, in the order in which they were read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigErrors {
    errors: Vec<ConfigError>,
    left_out: usize,
    notices: Vec<Notice>,
}

/// One thing that is wrong in a configuration.
///
/// The lines, in the words of Mosquitto 2.1 except for the second: what is wrong (`Error: …`), what was expected if the
/// first does not say so (`Expected: …`), and where it stands (`Error found at FILE:LINE.`), for an included file first
/// there and then where it was included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    message: String,
    expected: Option<String>,
    found_at: Vec<Location>,
}

/// A line of a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The file, as it was named on the command line or found by `include_dir`.
    pub file: PathBuf,
    /// The line; the first is 1.
    pub line: usize,
    /// Whether the file was found by `include_dir`.
    pub included: bool,
}

/// Something that the log should say, without being an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The level to log it with.
    pub level: LogType,
    /// The text, without a time.
    pub text: String,
}

impl ConfigErrors {
    /// The errors, at least one and at most 100.
    pub fn errors(&self) -> &[ConfigError] {
        &self.errors
    }

    /// How many errors there are beyond those.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// What was noticed besides.
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    /// The lines to show or log, in order, without line ends: those of each error, and one about errors that are left
    /// out.
    pub fn lines(&self) -> Vec<String> {
        let left_out = (self.left_out > 0).then(|| format!("Error: {} further errors are left out.", self.left_out));
        self.errors.iter().flat_map(ConfigError::lines).chain(left_out).collect()
    }

    /// The exit status of a broker that cannot start for this reason.
    pub fn exit_code(&self) -> u8 {
        EXIT_CODE
    }

    pub(crate) fn push(&mut self, error: ConfigError) {
        if self.are_many() {
            self.left_out += 1;
        } else {
            self.errors.push(error);
        }
    }

    /// Whether no further error is told.
    pub(crate) fn are_many(&self) -> bool {
        self.errors.len() >= ERRORS_MAX
    }

    /// All that was read, or all that is wrong with it.
    pub(crate) fn or(mut self, config: Config) -> Result<Config, Self> {
        if self.errors.is_empty() {
            return Ok(config);
        }
        self.notices = config.notices;
        Err(self)
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines().join("\n"))
    }
}

impl std::error::Error for ConfigErrors {}

impl ConfigError {
    /// The lines to show or log, in order, without line ends.
    pub fn lines(&self) -> Vec<String> {
        let expected = self.expected.iter().map(|what| {
            let stop = if what.ends_with('?') { "" } else { "." };
            format!("Expected: {what}{stop}")
        });
        std::iter::once(self.message.clone())
            .chain(expected)
            .chain(self.found_at.iter().map(Location::to_string))
            .collect()
    }

    /// Where the error stands: for an included file first there, then where it was included. Empty if a file given on
    /// the command line could not be read.
    pub fn locations(&self) -> &[Location] {
        &self.found_at
    }

    /// An error with the given text after `Error: `.
    pub(crate) fn new(text: impl fmt::Display) -> Self {
        Self { message: format!("Error: {text}"), expected: None, found_at: Vec::new() }
    }

    /// The error about something that Mosquitto has and this broker will have.
    pub(crate) fn not_supported_yet(what: impl fmt::Display) -> Self {
        Self::new(format_args!("The '{what}' option is not supported yet."))
    }

    /// Tells what was expected, as the end of a sentence without its full stop; a question may follow it.
    pub(crate) fn expected(mut self, what: impl Into<String>) -> Self {
        self.expected = Some(what.into());
        self
    }

    /// Tells where it was found; called from the inside to the outside.
    pub(crate) fn found_at(mut self, location: Location) -> Self {
        self.found_at.push(location);
        self
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines().join("\n"))
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = if self.included { "'" } else { "" };
        write!(f, "Error found at {quote}{}:{}{quote}.", self.file.display(), self.line)
    }
}

impl Notice {
    pub(crate) fn new(level: LogType, text: impl Into<String>) -> Self {
        Self { level, text: text.into() }
    }
}

/// Why the system refused something, in its own words, without the number that Rust puts behind them.
pub(crate) fn reason_text(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error ").next().unwrap_or(&text).to_owned()
}

/// A part of a file as it appears in a message. Cut, because a line has no longest length and a log line has one; and
/// without control characters, which a terminal would obey. A tab is harmless, and what is wrong may be just that.
pub(crate) fn shown(bytes: &[u8]) -> String {
    cut(bytes, 900)
}

/// The same, shorter: beside other text.
pub(crate) fn shown_briefly(bytes: &[u8]) -> String {
    cut(bytes, 100)
}

fn cut(bytes: &[u8], bytes_max: usize) -> String {
    let text = String::from_utf8_lossy(bytes.get(..bytes_max).unwrap_or(bytes));
    let mut shown: String =
        text.chars().map(|c| if c.is_control() && c != '\t' { char::REPLACEMENT_CHARACTER } else { c }).collect();
    shown.truncate(shown.floor_char_boundary(bytes_max));
    shown
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn what_is_shown_of_a_file_is_short_and_harmless() {
        assert_eq!(shown(b"a\tb"), "a\tb");
        assert_eq!(shown(b"\x1b[2J\r"), "\u{FFFD}[2J\u{FFFD}");
        assert_eq!(shown("é".as_bytes()), "é");
        assert_eq!(shown(&[b'x'; 5000]).len(), 900);
        assert!(shown(&[0xFF; 5000]).len() <= 900);
        assert!(shown(&[0x01; 5000]).len() <= 900);
    }
}
