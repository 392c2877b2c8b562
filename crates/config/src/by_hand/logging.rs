//! Options of the log whose lines add up.

use crate::error::{ConfigError, shown};
use crate::log::{Destinations, LogType, LogTypes};
use crate::reader::{OpenFile, Reader};
use crate::reference::Referent;
use crate::words::{Statement, checked_text};
use std::path::PathBuf;

/// `log_dest`: the first one replaces the default, the others add to it.
pub(crate) fn log_dest(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    let word = statement.word()?;
    let destinations = &mut reader.config.log.destinations;
    if !std::mem::replace(&mut reader.given.log_dest, true) {
        *destinations = Destinations::NONE;
    }
    match word {
        b"none" => {
            *destinations = Destinations::NONE;
            reader.forget(Referent::LogFile);
        }
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
            let path = checked_text(path)?;
            destinations.file = Some(PathBuf::from(&path));
            reader.refer(file, Referent::LogFile, "log_dest file", &path);
        }
        b"syslog" => destinations.syslog = true,
        b"topic" => destinations.topic = true,
        b"dlt" | b"android" => {
            return Err(ConfigError::new(format_args!("Invalid '{}' value ({}).", statement.name, shown(word)))
                .expected(format!("{}; this broker has no such log", statement.declaration.argument.expected())));
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
