//! `topic`: what a bridge passes on.

use crate::bridge::{BridgeTopic, Direction, has_wildcards_in_place};
use crate::error::{ConfigError, shown, shown_briefly};
use crate::log::LogType;
use crate::reader::{OpenFile, Reader};
use crate::words::{Statement, Words, checked_text, leading_number};

/// What stands for nothing.
const EMPTY: &[u8] = b"\"\"";

/// `topic PATTERN [DIRECTION [QOS [LOCAL-PREFIX [REMOTE-PREFIX]]]]`, perhaps with a comment after the direction.
pub(crate) fn topic(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    reader.bridge(file, &statement.name)?;
    let (topic, remark) = parse(statement)?;
    if let Some(remark) = remark {
        reader.notice(LogType::Warning, remark);
    }
    if !reader.add_bridge_topic(file, &statement.name, &topic)? {
        let pattern = topic.pattern.unwrap_or_default();
        reader.notice(LogType::Information, format!("Duplicate bridge topic '{pattern}', skipping"));
    }
    Ok(())
}

/// The line, and what there is to say about it.
fn parse(statement: &mut Statement<'_>) -> Result<(BridgeTopic, Option<String>), ConfigError> {
    let pattern = pattern(statement)?;
    let pattern = (pattern != EMPTY && !pattern.is_empty()).then(|| checked_text(pattern)).transpose()?;
    let direction = statement.words.next_word().map_or(Ok(Direction::Out), direction)?;
    let mut words = statement.words;
    let mut further = std::iter::from_fn(|| words.next_word().filter(|word| !word.starts_with(b"#"))).fuse();
    let (qos, remark) = further.next().map_or(Ok((0, None)), qos)?;
    let local_prefix = prefix("local", further.next())?;
    let remote_prefix = prefix("remote", further.next())?;
    if pattern.is_none() && (local_prefix.is_empty() || remote_prefix.is_empty()) {
        return Err(ConfigError::new("Invalid bridge remapping.").expected("both prefixes where the pattern is \"\""));
    }
    let topic = BridgeTopic { pattern, direction, qos, local_prefix, remote_prefix };
    for filter in [topic.local_filter(), topic.remote_filter()] {
        if !has_wildcards_in_place(&filter) {
            return Err(ConfigError::new(format_args!("Invalid bridge topic '{}'.", shown(filter.as_bytes())))
                .expected("a topic filter: + and # alone in their levels, and # at the end"));
        }
    }
    Ok((topic, remark))
}

/// The pattern, which may stand in quotes so that it can contain spaces.
fn pattern<'l>(statement: &mut Statement<'l>) -> Result<&'l [u8], ConfigError> {
    let whole = statement.words.rest();
    let word = statement.word()?;
    let Some(quoted) = whole.strip_prefix(b"\"").filter(|_| word != EMPTY) else { return Ok(word) };
    let Some(end) = quoted.iter().position(|byte| *byte == b'"') else {
        // What Mosquitto shows is the rest behind the first word.
        let value = statement.words.rest();
        return Err(ConfigError::new(format_args!("Missing closing quote in topic value ({}).", shown(value)))
            .expected("a second quote where the pattern ends"));
    };
    let (pattern, rest) = quoted.split_at_checked(end).unwrap_or((quoted, b"\""));
    statement.words = Words::new(rest.get(1..).unwrap_or_default());
    Ok(pattern)
}

fn direction(word: &[u8]) -> Result<Direction, ConfigError> {
    let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
    match () {
        () if is("out") => Ok(Direction::Out),
        () if is("in") => Ok(Direction::In),
        () if is("both") => Ok(Direction::Both),
        () => Err(ConfigError::new(format_args!("Invalid bridge topic direction '{}'.", shown(word)))
            .expected("out, in or both")),
    }
}

/// As in Mosquitto a number may be followed by anything, but not in silence.
fn qos(word: &[u8]) -> Result<(u8, Option<String>), ConfigError> {
    let (number, rest) = leading_number(word);
    let qos = u8::try_from(number).ok().filter(|qos| *qos <= 2).ok_or_else(|| {
        ConfigError::new(format_args!("Invalid bridge QoS level '{}'.", shown_briefly(word))).expected("0, 1 or 2")
    })?;
    let remark = format!("Warning: The QoS '{}' of a bridge topic is read as {qos}.", shown_briefly(word));
    Ok((qos, (!rest.is_empty()).then_some(remark)))
}

fn prefix(which: &str, word: Option<&[u8]>) -> Result<String, ConfigError> {
    let Some(word) = word.filter(|word| *word != EMPTY) else { return Ok(String::new()) };
    if word.contains(&b'+') || word.contains(&b'#') {
        return Err(ConfigError::new(format_args!("Invalid bridge topic {which} prefix '{}'.", shown(word)))
            .expected("the beginning of a topic, without + and #"));
    }
    checked_text(word)
}
