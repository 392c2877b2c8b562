//! The options that need more than their row in the table can say.

use crate::config::{Listener, Origin, ProtocolVersions};
use crate::error::{ConfigError, shown};
use crate::log::{Destinations, LogType, LogTypes};
use crate::reader::{OpenFile, Reader};
use crate::words::{Statement, checked_text};
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

/// `listener PORT [HOST | PATH]`, perhaps with a comment after it.
pub(crate) fn listener(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    let number = statement.number()?;
    let host = statement.words.next_word().filter(|word| !word.starts_with(b"#"));
    let port = match (u16::try_from(number), host) {
        (Ok(0), None) => {
            return Err(ConfigError::new("A listener with port 0 must provide a Unix socket path."));
        }
        (Ok(0), Some(path)) => {
            return Err(ConfigError::not_supported_yet(format_args!("listener 0 {}", shown(path))));
        }
        (Ok(port), _) => port,
        (Err(_), _) => {
            return Err(
                ConfigError::new(format_args!("Invalid 'port' value ({number}).")).expected("a port from 1 to 65535")
            );
        }
    };
    let host = host.map(checked_text).transpose()?;
    file.listener = Some(reader.config.listeners.len());
    reader.config.listeners.push(Listener::new(port, host, Origin::Listener));
    Ok(())
}

/// `port`: that of the default listener.
pub(crate) fn port(reader: &mut Reader, file: &mut OpenFile, statement: &mut Statement<'_>) -> Result<(), ConfigError> {
    if std::mem::replace(&mut reader.given.port, true) {
        let text = "Warning: Default listener port specified multiple times. Only the latest will be used.";
        reader.notice(LogType::Warning, text);
    }
    let port = statement.small_int()?;
    let listener = reader.listener(file, &statement.name)?;
    listener.port = port;
    listener.origin = Origin::PortOrBindAddress;
    Ok(())
}

/// `bind_address`: that of the default listener.
pub(crate) fn bind_address(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    let listener = reader.listener(file, &statement.name)?;
    listener.host = Some(statement.text(listener.host.as_deref())?);
    listener.origin = Origin::PortOrBindAddress;
    Ok(())
}

/// `accept_protocol_versions`: whatever stands between commas and white space; what is no version is no error.
pub(crate) fn accept_protocol_versions(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    let listener = reader.listener(file, &statement.name)?;
    let list = statement.words.rest();
    statement.word()?;
    let names = |version: &[u8]| list.split(|byte| b", \t".contains(byte)).any(|word| word == version);
    listener.protocol_versions = ProtocolVersions { v31: names(b"3"), v311: names(b"4"), v5: names(b"5") };
    Ok(())
}

/// `log_dest`: the first one replaces the default, the others add to it.
pub(crate) fn log_dest(
    reader: &mut Reader,
    _: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    let word = statement.word()?;
    let destinations = &mut reader.config.log.destinations;
    if !std::mem::replace(&mut reader.given.log_dest, true) {
        *destinations = Destinations::NONE;
    }
    match word {
        b"none" => *destinations = Destinations::NONE,
        b"stdout" => destinations.stdout = true,
        b"stderr" => destinations.stderr = true,
        b"file" => {
            let path = statement.words.rest();
            if path.is_empty() {
                return Err(ConfigError::new("Empty \"log_dest file\" value in configuration.")
                    .expected("the path of the file after log_dest file"));
            }
            // Also after `log_dest none`, as in Mosquitto.
            if std::mem::replace(&mut reader.given.log_file, true) {
                return Err(ConfigError::new("Duplicate \"log_dest file\" value.").expected("at most one log file"));
            }
            destinations.file = Some(PathBuf::from(checked_text(path)?));
        }
        b"syslog" | b"topic" | b"dlt" | b"android" => {
            return Err(ConfigError::not_supported_yet(format_args!("{} {}", statement.name, shown(word))));
        }
        other => return Err(statement.invalid(other)),
    }
    Ok(())
}

/// `log_type`: the first one replaces the default, the others add to it.
pub(crate) fn log_type(
    reader: &mut Reader,
    _: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    let name = statement.choice()?;
    let types = &mut reader.config.log.types;
    if !std::mem::replace(&mut reader.given.log_type, true) {
        *types = LogTypes::NONE;
    }
    *types = match LogType::ALL.into_iter().find(|kind| kind.name() == name) {
        Some(kind) => types.with(kind),
        None if name == "all" => LogTypes::ALL,
        None => LogTypes::NONE,
    };
    Ok(())
}

/// `include_dir`: all of its files, here and now.
pub(crate) fn include_dir(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    if !file.may_include {
        return Err(ConfigError::new("The include_dir option is only valid in the main configuration file."));
    }
    let directory = PathBuf::from(statement.text(None)?);
    let names = configuration_files(&directory).map_err(|reason| {
        ConfigError::new(format_args!("Unable to open include_dir '{}'.", directory.display()))
            .expected(format!("a directory that can be read ({reason})"))
    })?;
    names.into_iter().try_for_each(|name| reader.read_included(&directory.join(name)))
}

/// The names in a directory that end in `.conf`, in the order in which they are read: compared letter by letter, first
/// without regard to case, upper before lower where that does not decide.
fn configuration_files(directory: &Path) -> io::Result<Vec<OsString>> {
    let mut names = std::fs::read_dir(directory)?
        .map(|entry| entry.map(|entry| entry.file_name()))
        .filter(|name| name.as_deref().map_or(true, is_configuration))
        .collect::<io::Result<Vec<_>>>()?;
    names.sort_by(|a, b| reading_order(a).cmp(reading_order(b)));
    Ok(names)
}

fn is_configuration(name: &OsStr) -> bool {
    const SUFFIX: &[u8] = b".conf";
    let name = name.as_encoded_bytes();
    name.len() > SUFFIX.len() && name.ends_with(SUFFIX)
}

fn reading_order(name: &OsStr) -> impl Iterator<Item = (u8, u8)> {
    name.as_encoded_bytes().iter().map(|byte| (byte.to_ascii_uppercase(), *byte))
}

#[cfg(test)]
mod tests {
    use super::{is_configuration, reading_order};
    use std::ffi::OsStr;

    /// The order in which Mosquitto 2.1 reads files of these names.
    const IN_ORDER: &[&str] = &[
        "00.conf",
        "01.conf",
        "A.conf",
        "AB.conf",
        "Ab.conf",
        "a b.conf",
        "a-.conf",
        "a.b.conf",
        "a.conf",
        "aa.conf",
        "aB.conf",
        "ab.conf",
        "a_.conf",
        "B.conf",
        "b.conf",
        "Z1.conf",
        "z.conf",
        "zz.conf.conf",
        "[.conf",
        "é.conf",
    ];

    #[test]
    fn files_are_read_in_order_of_letters_upper_before_lower() {
        let mut names = IN_ORDER.to_vec();
        names.reverse();
        names.sort_by(|a, b| reading_order(OsStr::new(a)).cmp(reading_order(OsStr::new(b))));
        assert_eq!(names, IN_ORDER);
    }

    #[test]
    fn only_names_that_end_in_conf_are_read() {
        for name in ["a.conf", ".a.conf", "a b.conf", "conf.conf"] {
            assert!(is_configuration(OsStr::new(name)), "{name}");
        }
        for name in [".conf", "a.CONF", "a.conf~", "a.conf.bak", "aconf", ""] {
            assert!(!is_configuration(OsStr::new(name)), "{name}");
        }
    }
}
