//! Options of the broker as a whole that are no mere number, flag or text.

use crate::error::{ConfigError, shown, shown_briefly};
use crate::log::LogType;
use crate::persistence::PersistenceSync;
use crate::reader::{OpenFile, Reader};
use crate::words::{Statement, leading_number};
use std::num::NonZeroU32;

/// `allow_anonymous`, which has a better successor where it belongs to a listener.
pub(crate) fn allow_anonymous(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    if reader.config.global.per_listener_settings {
        let text = "You are using the 'allow_anonymous' option with 'per_listener_settings true'. Please replace this \
                    with 'listener_allow_anonymous'.";
        reader.notice(LogType::Notice, text);
    }
    let security = reader.security(file, &statement.name)?;
    security.allow_anonymous = Some(statement.bool()?);
    Ok(())
}

/// `per_listener_settings`: decides where the security options below it belong, so none may stand above it.
pub(crate) fn per_listener_settings(
    reader: &mut Reader,
    _: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    let on = statement.bool()?;
    let already = reader.config.global.per_listener_settings;
    if on && reader.given.security && !already {
        return Err(ConfigError::new("per_listener_settings must be set before any other security settings.")
            .expected(
                "this line above all of acl_file, allow_anonymous, allow_zero_length_clientid, auto_id_prefix, \
                 password_file and psk_file",
            ));
    }
    if already && !on {
        let text = "Warning: 'per_listener_settings true' cannot be taken back; it stays in force.";
        reader.notice(LogType::Warning, text);
    }
    reader.config.global.per_listener_settings = on || already;
    Ok(())
}

/// `memory_limit`: the only number of 64 bits. As in Mosquitto it may be followed by anything, but not in silence.
pub(crate) fn memory_limit(
    reader: &mut Reader,
    _: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    let word = statement.word()?;
    let (number, rest) = leading_number(word);
    let bytes = u64::try_from(number).map_err(|_| statement.invalid(number.to_string().as_bytes()))?;
    warn_of(reader, statement, word, rest, bytes);
    reader.config.global.memory_limit = bytes;
    Ok(())
}

/// `persistent_client_expiration`: a number above 0 and the letter of a unit, the last of the word.
pub(crate) fn persistent_client_expiration(
    reader: &mut Reader,
    _: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    const HOUR: u64 = 60 * 60;
    const DAY: u64 = 24 * HOUR;
    let word = statement.word()?;
    let invalid = || {
        ConfigError::new(format_args!("Invalid {} duration in configuration.", statement.declaration.name))
            .expected(format!("{}, not {}", statement.declaration.argument.expected(), shown_briefly(word)))
    };
    let (unit, digits) = word.split_last().ok_or_else(invalid)?;
    let seconds = match unit {
        b's' => 1,
        b'h' => HOUR,
        b'd' => DAY,
        b'w' => 7 * DAY,
        b'm' => 30 * DAY,
        b'y' => 365 * DAY,
        _ => return Err(invalid()),
    };
    let (number, rest) = leading_number(digits);
    let number = u64::try_from(number).ok().filter(|number| *number > 0).ok_or_else(invalid)?;
    let seconds = number.saturating_mul(seconds);
    warn_of(reader, statement, word, rest, format_args!("{seconds} s"));
    reader.config.global.persistent_client_expiration = u32::try_from(seconds).unwrap_or(u32::MAX);
    Ok(())
}

/// `persistence_sync`: a word, and behind `interval` a number.
pub(crate) fn persistence_sync(
    reader: &mut Reader,
    _: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    let sync = match statement.word()? {
        b"always" => PersistenceSync::Always,
        b"none" => PersistenceSync::None,
        b"interval" => {
            let number = statement.number()?;
            let ms = u32::try_from(number).ok().filter(|_| number <= PersistenceSync::INTERVAL_MS_MAX);
            let refused = || statement.invalid(format!("interval {number}").as_bytes());
            PersistenceSync::Interval(ms.and_then(NonZeroU32::new).ok_or_else(refused)?)
        }
        other => return Err(statement.invalid(other)),
    };
    let rest = statement.words.rest();
    if !rest.is_empty() {
        return Err(statement.invalid(rest));
    }
    reader.config.global.persistence.sync = sync;
    Ok(())
}

/// Says how a number was read that something else followed.
fn warn_of(reader: &mut Reader, statement: &Statement<'_>, word: &[u8], rest: &[u8], read_as: impl std::fmt::Display) {
    if !rest.is_empty() {
        let name = &statement.name;
        let text = format!("Warning: The '{name}' value '{}' is read as {read_as}.", shown(word));
        reader.notice(LogType::Warning, text);
    }
}

/// `retain_expiry_interval`: moved to the upper limit not without a word.
pub(crate) fn retain_expiry_interval(
    reader: &mut Reader,
    _: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    let given = statement.number()?;
    let minutes = statement.limited(given)?;
    if given > minutes {
        let text = format!("Warning: The '{}' value is too large, {minutes} minutes are used.", statement.name);
        reader.notice(LogType::Warning, text);
    }
    reader.config.global.retain_expiry_interval = NonZeroU32::new(minutes.unsigned_abs());
    Ok(())
}
