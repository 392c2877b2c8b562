//! Bridges, and what about them is no mere number, flag or text.

mod address;
mod tls;
mod topic;

pub(crate) use address::*;
pub(crate) use tls::*;
pub(crate) use topic::*;

use crate::bridge::{BridgeProtocol, ReloadType, RestartTimeout, StartType, TcpKeepalive};
use crate::error::{ConfigError, shown_briefly};
use crate::log::LogType;
use crate::options::Argument;
use crate::reader::{OpenFile, Reader};
use crate::reference::Referent;
use crate::words::{Statement, leading_number};
use std::num::NonZeroU16;

/// `connection`: begins a bridge.
pub(crate) fn connection(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    let name = statement.text(false);
    // Also one that is wrong takes the options below it: of these, only what is wrong with themselves is to be told.
    let is_new = reader.add_bridge(file, name.as_deref().unwrap_or_default());
    let name = name?;
    if !is_new {
        return Err(ConfigError::new(format_args!("Duplicate bridge name '{}'.", shown_briefly(name.as_bytes()))));
    }
    reader.refer(file, Referent::Bridge, &statement.name, &name);
    Ok(())
}

/// `bridge_protocol_version`: what is spoken.
pub(crate) fn bridge_protocol_version(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    let bridge = reader.bridge(file, &statement.name)?;
    bridge.protocol_version = match only_word(statement)? {
        "mqttv31" => BridgeProtocol::V31,
        "mqttv311" => BridgeProtocol::V311,
        _ => BridgeProtocol::V5,
    };
    Ok(())
}

/// `bridge_reload_type`: when other settings take effect.
pub(crate) fn bridge_reload_type(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    let bridge = reader.bridge(file, &statement.name)?;
    let immediate = only_word(statement)? == "immediate";
    bridge.reload_type = if immediate { ReloadType::Immediate } else { ReloadType::Lazy };
    Ok(())
}

/// `start_type`: when the bridge connects.
pub(crate) fn start_type(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    let bridge = reader.bridge(file, &statement.name)?;
    if statement.words.rest() == b"manual" {
        let error = ConfigError::new("Manual start_type not supported.");
        return Err(error.expected(statement.declaration.argument.expected()));
    }
    bridge.start_type = match only_word(statement)? {
        "automatic" => StartType::Automatic,
        "lazy" => StartType::Lazy,
        _ => StartType::Once,
    };
    Ok(())
}

/// The rest of the line, which must be one of the declared words.
fn only_word(statement: &mut Statement<'_>) -> Result<&'static str, ConfigError> {
    let value = statement.words.rest();
    if value.contains(&b' ') { Err(statement.invalid(value)) } else { statement.choice() }
}

/// `bridge_receive_maximum`: each limit has its own words.
pub(crate) fn bridge_receive_maximum(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    let bridge = reader.bridge(file, &statement.name)?;
    let number = statement.number()?;
    if number > i32::from(u16::MAX) {
        let name = &statement.name;
        return Err(ConfigError::new(format_args!("{name} must be lower than 65535."))
            .expected(format!("{}, not {number}", statement.declaration.argument.expected())));
    }
    let number = u16::try_from(number).ok().and_then(NonZeroU16::new);
    bridge.receive_maximum = Some(number.ok_or_else(|| statement.invalid(statement.words.rest()))?);
    Ok(())
}

/// `keepalive_interval`, which is moved to its limit not without a word.
pub(crate) fn keepalive_interval(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    reader.bridge(file, &statement.name)?;
    let given = statement.number()?;
    let seconds = statement.limited(given)?;
    if given < seconds {
        reader.notice(LogType::Notice, format!("keepalive interval too low, using {seconds} seconds."));
    }
    reader.bridge(file, &statement.name)?.keepalive_interval = u16::try_from(seconds).unwrap_or(u16::MAX);
    Ok(())
}

/// `idle_timeout`, which is moved to its limit not without a word.
pub(crate) fn idle_timeout(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    let seconds = at_least_1(reader, file, statement, "idle_timeout interval too low, using 1 second.")?;
    reader.bridge(file, &statement.name)?.idle_timeout = seconds;
    Ok(())
}

/// `threshold`, which is moved to its limit not without a word.
pub(crate) fn threshold(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    let messages = at_least_1(reader, file, statement, "threshold too low, using 1 message.")?;
    reader.bridge(file, &statement.name)?.threshold = messages;
    Ok(())
}

fn at_least_1(
    reader: &mut Reader,
    file: &OpenFile,
    statement: &mut Statement<'_>,
    too_low: &str,
) -> Result<u32, ConfigError> {
    reader.bridge(file, &statement.name)?;
    let given = statement.number()?;
    if given < 1 {
        reader.notice(LogType::Notice, too_low);
    }
    Ok(given.max(1).unsigned_abs())
}

/// `bridge_tcp_keepalive IDLE INTERVAL COUNT`; what follows does not matter.
pub(crate) fn bridge_tcp_keepalive(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    let bridge = reader.bridge(file, &statement.name)?;
    let idle_s = positive(statement, "idle")?;
    let interval_s = positive(statement, "interval")?;
    let probes = positive(statement, "counter")?;
    bridge.tcp_keepalive = Some(TcpKeepalive { idle_s, interval_s, probes });
    Ok(())
}

/// A part of `bridge_tcp_keepalive`, which has a name of its own in errors.
fn positive(statement: &mut Statement<'_>, part: &str) -> Result<u32, ConfigError> {
    let name = format!("{}_{part}", statement.name);
    let number = statement.named_number(&name)?;
    u32::try_from(number).ok().filter(|number| *number > 0).ok_or_else(|| {
        ConfigError::new(format_args!("invalid TCP keepalive {part} value."))
            .expected(format!("{}, not {number}", statement.declaration.argument.expected()))
    })
}

/// `restart_timeout BASE [CAP [STABLE]]`.
pub(crate) fn restart_timeout(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    const BASE_MAX_S: i64 = 3600;
    const CAP_MAX_S: i64 = 7200;
    reader.bridge(file, &statement.name)?;
    let base = leading_number(statement.word()?).0;
    if base < 1 {
        reader.notice(LogType::Notice, "restart_timeout interval too low, using 1 second.");
    } else if base > BASE_MAX_S {
        let text = format!("restart_timeout interval too high, using {BASE_MAX_S} seconds.");
        reader.notice(LogType::Notice, text);
    }
    let base = base.clamp(1, BASE_MAX_S);
    let seconds = |value: i64| u16::try_from(value).unwrap_or(u16::MAX);
    let timeout = match statement.words.next_word() {
        None => RestartTimeout::Constant { seconds: seconds(base) },
        Some(word) => {
            let cap = leading_number(word).0;
            if cap < base {
                return Err(restart_error("backoff cap is lower than the base in restart_timeout.", statement, word));
            }
            if cap > CAP_MAX_S {
                reader.notice(LogType::Warning, format!("Error: backoff cap too high, using {CAP_MAX_S} seconds."));
            }
            let stable_s = match statement.words.next_word() {
                None => 0,
                Some(word) => u32::try_from(leading_number(word).0)
                    .map_err(|_| restart_error("stable connection period cannot be negative.", statement, word))?,
            };
            RestartTimeout::Jitter { base_s: seconds(base), cap_s: seconds(cap.min(CAP_MAX_S)), stable_s }
        }
    };
    reader.bridge(file, &statement.name)?.restart_timeout = timeout;
    Ok(())
}

fn restart_error(text: &str, statement: &Statement<'_>, found: &[u8]) -> ConfigError {
    let Argument::Words(syntax) = statement.declaration.argument else { return ConfigError::new(text) };
    ConfigError::new(text).expected(format!("{syntax}, not {}", shown_briefly(found)))
}

/// `notification_topic`: a topic name.
pub(crate) fn notification_topic(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    let bridge = reader.bridge(file, &statement.name)?;
    let topic = statement.text(bridge.notification_topic.is_some())?;
    if topic.contains(['+', '#']) {
        return Err(statement.invalid(topic.as_bytes()).expected("a topic name, without + and #"));
    }
    bridge.notification_topic = Some(topic);
    Ok(())
}
