//! Files as lines: what is read, what is skipped, and where an error stands.

use crate::bridge::{self, Bridge, BridgeTopic};
use crate::config::{Config, Listener, Origin, Security};
use crate::error::{ConfigError, ConfigErrors, Location, Notice, reason_text};
use crate::log::LogType;
use crate::reference::{Reference, Referent};
use crate::tls;
use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The largest file that is read. What is larger is no configuration.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// How much is remembered to be said about the files. Nobody reads more, and a file may repeat an option a million times.
const NOTICES_MAX: usize = 10_000;

/// A configuration in the making, on which files are read on top of each other.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// What the files have said so far.
    pub(crate) config: Config,
    /// What they have said that the configuration does not tell.
    pub(crate) given: Given,
    /// What is wrong with them.
    pub(crate) errors: ConfigErrors,
    /// Those of a kind of which there is one for the whole broker: the latest.
    single_references: Vec<Reference>,
    /// Names of bridges so far. A file may have a million of them, so that nothing is searched through.
    bridge_names: HashSet<String>,
    /// Topic lines so far, with the place of their bridge.
    bridge_topics: HashSet<(usize, BridgeTopic)>,
}

/// Which options have been given, where what they did cannot be told from the configuration.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "a set of options, not the state of a machine")]
pub(crate) struct Given {
    pub(crate) port: bool,
    /// A security option of the broker as a whole.
    pub(crate) security: bool,
    pub(crate) log_dest: bool,
    pub(crate) log_file: bool,
    pub(crate) log_type: bool,
}

/// A file that is being read. Every file starts without a current listener and bridge, also one that is included.
#[derive(Debug)]
pub(crate) struct OpenFile {
    /// The line that is being read.
    pub(crate) at: Location,
    /// The line that includes the file, if one does.
    included_at: Option<Location>,
    /// Whether `include_dir` may stand in it.
    pub(crate) may_include: bool,
    /// The listener to which listeners' options belong, as its place in [`Config::listeners`].
    pub(crate) listener: Option<usize>,
    /// The bridge to which bridges' options belong, as its place in [`Config::bridges`].
    bridge: Option<usize>,
}

impl OpenFile {
    fn new(path: &Path, included_at: Option<Location>, may_include: bool) -> Self {
        let at = Location { file: path.to_owned(), line: 0, included: included_at.is_some() };
        Self { at, included_at, may_include, listener: None, bridge: None }
    }
}

impl Reader {
    /// Reads a file that the command line names.
    pub(crate) fn read(&mut self, path: &Path) {
        match contents(path, false) {
            Ok(contents) => self.read_lines(&contents, OpenFile::new(path, None, true)),
            Err(error) => self.errors.push(error),
        }
    }

    /// Reads text that stands in no file, under a name for errors. There are no files that it could include.
    pub(crate) fn read_text(&mut self, name: &Path, contents: &[u8]) {
        self.read_lines(contents, OpenFile::new(name, None, false));
    }

    /// Reads a file that `include_dir`, standing at `included_at`, found.
    pub(crate) fn read_included(&mut self, path: &Path, included_at: &Location) {
        self.notice(LogType::Information, format!("Loading config file '{}'", path.display()));
        match contents(path, true) {
            Ok(contents) => self.read_lines(&contents, OpenFile::new(path, Some(included_at.clone()), false)),
            Err(error) => self.errors.push(error.found_at(included_at.clone())),
        }
    }

    /// What the files come to, if nothing is wrong with them.
    pub(crate) fn finish(mut self) -> Result<Config, ConfigErrors> {
        self.config.references.append(&mut self.single_references);
        for error in self.config.listeners.iter().filter_map(tls::check) {
            self.errors.push(error);
        }
        for error in bridge::check(&self.config.bridges) {
            self.errors.push(error);
        }
        for warning in self.config.bridges.iter().flat_map(bridge::warnings).collect::<Vec<_>>() {
            self.notice(LogType::Warning, warning);
        }
        self.errors.or(self.config)
    }

    /// Whether nothing is wrong so far.
    pub(crate) fn is_in_order(&self) -> bool {
        self.errors.errors().is_empty()
    }

    pub(crate) fn notice(&mut self, level: LogType, text: impl Into<String>) {
        let notices = &mut self.config.notices;
        match notices.len() {
            ..NOTICES_MAX => notices.push(Notice::new(level, text)),
            NOTICES_MAX => notices.push(Notice::new(LogType::Warning, "Warning: Further notices are left out.")),
            _ => {}
        }
    }

    /// Remembers that `option` names something outside of the configuration.
    pub(crate) fn refer(&mut self, file: &OpenFile, referent: Referent, option: &str, name: &str) {
        let (name, option, location) = (name.to_owned(), option.to_owned(), file.at.clone());
        let reference = Reference { referent, name, option, location };
        if referent.is_single() {
            self.forget(referent);
            self.single_references.push(reference);
        } else {
            self.config.references.push(reference);
        }
    }

    /// Forgets what was named, of a kind of which there is one.
    pub(crate) fn forget(&mut self, referent: Referent) {
        self.single_references.retain(|reference| reference.referent != referent);
    }

    /// Makes the default listener the current one, and makes it if there is none. `option` is what asks for it.
    pub(crate) fn select_default_listener(&mut self, file: &mut OpenFile, option: &str) {
        let known = self.config.listeners.iter().position(|listener| listener.origin != Origin::Listener);
        if known.is_none() {
            self.notice(LogType::Information, format!("Creating default listener due to '{option}' option."));
            self.notice(
                LogType::Information,
                format!(
                    "It is best practice to define a 'listener' first. Using the '{option}' option without a listener \
                     will be disabled in the future."
                ),
            );
            self.config.listeners.push(Listener::default_listener());
        }
        file.listener = Some(known.unwrap_or(self.config.listeners.len() - 1));
    }

    /// Begins a listener, to which the options below it belong.
    pub(crate) fn add_listener(&mut self, file: &mut OpenFile, listener: Listener) {
        file.listener = Some(self.config.listeners.len());
        self.config.listeners.push(Listener { origin: Origin::Listener, ..listener });
    }

    /// The listener to which `option` belongs.
    pub(crate) fn listener(&mut self, file: &OpenFile, option: &str) -> Result<&mut Listener, ConfigError> {
        file.listener.and_then(|index| self.config.listeners.get_mut(index)).ok_or_else(|| {
            ConfigError::new(format_args!("The '{option}' option requires a listener to be defined first."))
        })
    }

    /// Begins a bridge, to which the options below it belong. Returns whether there was none of this name.
    pub(crate) fn add_bridge(&mut self, file: &mut OpenFile, name: &str) -> bool {
        file.bridge = Some(self.config.bridges.len());
        self.config.bridges.push(Bridge::new(name.to_owned()));
        self.bridge_names.insert(name.to_owned())
    }

    /// Adds a topic line to the bridge that `option` belongs to. Returns whether it was not there.
    pub(crate) fn add_bridge_topic(
        &mut self,
        file: &OpenFile,
        option: &str,
        topic: &BridgeTopic,
    ) -> Result<bool, ConfigError> {
        let is_new = self.bridge_topics.insert((file.bridge.unwrap_or_default(), topic.clone()));
        let bridge = self.bridge(file, option)?;
        if is_new {
            bridge.topics.push(topic.clone());
        }
        Ok(is_new)
    }

    /// The bridge to which `option` belongs.
    pub(crate) fn bridge(&mut self, file: &OpenFile, option: &str) -> Result<&mut Bridge, ConfigError> {
        file.bridge.and_then(|index| self.config.bridges.get_mut(index)).ok_or_else(|| {
            ConfigError::new(format_args!("The '{option}' option requires a bridge to be defined first."))
        })
    }

    /// The listener that options of listeners would belong to.
    pub(crate) fn current_listener(&self, file: &OpenFile) -> Option<&Listener> {
        self.config.listeners.get(file.listener?)
    }

    /// The security options that `option` is one of: of the broker as a whole, or those of a listener.
    pub(crate) fn security(&mut self, file: &OpenFile, option: &str) -> Result<&mut Security, ConfigError> {
        if self.config.global.per_listener_settings {
            self.listener(file, option).map(|listener| &mut listener.security)
        } else {
            self.given.security = true;
            Ok(&mut self.config.global.security)
        }
    }

    /// Reads all lines, also those below one that is wrong: who corrects a file wants to know everything at once.
    fn read_lines(&mut self, contents: &[u8], mut file: OpenFile) {
        for raw in contents.split_inclusive(|byte| *byte == b'\n') {
            file.at.line += 1;
            if raw.contains(&0) {
                let Location { file, line, .. } = &file.at;
                let text = "Warning: NUL byte in the configuration, the rest of the file is ignored:";
                self.notice(LogType::Warning, format!("{text} {}:{line}.", file.display()));
            }
            match readable(raw) {
                Readable::Statement(line) => {
                    if let Err(error) = self.apply(&mut file, line) {
                        let error = error.found_at(file.at.clone());
                        self.errors.push(file.included_at.iter().cloned().fold(error, ConfigError::found_at));
                    }
                }
                Readable::Nothing => {}
                Readable::End => break,
            }
        }
    }
}

/// What a line is to the reader.
#[derive(Debug, PartialEq, Eq)]
enum Readable<'l> {
    /// Something to act on, without its line end.
    Statement(&'l [u8]),
    /// A comment, or empty.
    Nothing,
    /// The end of what can be read.
    End,
}

/// Judges a line. A NUL byte hides its whole line and the rest of the file, as in Mosquitto; only in a last line without
/// a line end, where a program may have written the NUL that ended its own text, what stands before it is read.
fn readable(raw: &[u8]) -> Readable<'_> {
    let line = match raw.iter().position(|byte| *byte == 0) {
        Some(_) if raw.ends_with(b"\n") => return Readable::End,
        Some(at) => raw.get(..at).unwrap_or(raw),
        None => raw,
    };
    match line.first() {
        None | Some(b'#' | b'\n' | b'\r') => Readable::Nothing,
        Some(_) => {
            let end = line.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r')).map_or(0, |last| last + 1);
            Readable::Statement(line.get(..end).unwrap_or(line))
        }
    }
}

/// The bytes of a file. Somebody who names a pipe or a device means it (`-c /dev/stdin`); one that merely stands in a
/// directory is refused before it is opened, since reading it may never begin or end.
fn contents(path: &Path, included: bool) -> Result<Vec<u8>, ConfigError> {
    let shown = path.display();
    let unable =
        |expected: String| ConfigError::new(format_args!("Unable to open config file '{shown}'.")).expected(expected);
    let unreadable = |reason: std::io::Error| unable(format!("a file that can be read ({})", reason_text(&reason)));
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(ConfigError::new(format_args!("Config file '{shown}' is a directory.")));
    }
    if included && !metadata.is_file() {
        return Err(unable("a regular file".to_owned()));
    }
    let mut contents = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut contents).map_err(unreadable)?;
    if contents.len() as u64 > FILE_BYTES_MAX {
        return Err(unable(format!("a file of at most {FILE_BYTES_MAX} bytes")));
    }
    Ok(contents)
}

#[cfg(test)]
mod tests {
    use super::Readable::{End, Nothing, Statement};
    use super::readable;

    #[test]
    fn lines_lose_their_ends_and_nothing_else() {
        let cases: &[(&[u8], super::Readable<'_>)] = &[
            (b"port 1\n", Statement(b"port 1")),
            (b"port 1", Statement(b"port 1")),
            (b"port 1\r\n", Statement(b"port 1")),
            (b"port 1\r\r\n", Statement(b"port 1")),
            (b" port 1 \n", Statement(b" port 1 ")),
            (b"a\rb\n", Statement(b"a\rb")),
            (b"   \n", Statement(b"   ")),
        ];
        for (raw, expected) in cases {
            assert_eq!(readable(raw), *expected, "{raw:?}");
        }
    }

    #[test]
    fn comments_and_empty_lines_are_nothing() {
        for raw in [&b"\n"[..], b"\r\n", b"# x\n", b"#", b"", b"\rport 1\n"] {
            assert_eq!(readable(raw), Nothing, "{raw:?}");
        }
    }

    #[test]
    fn a_nul_byte_hides_what_follows() {
        assert_eq!(readable(b"\0port 1\n"), End);
        assert_eq!(readable(b"\0port 1"), Nothing);
        assert_eq!(readable(b"port 1\0 2"), Statement(b"port 1"));
        assert_eq!(readable(b"port 1\0\n"), End);
        assert_eq!(readable(b"# x\0\n"), End);
    }
}
