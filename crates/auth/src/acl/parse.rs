//! The text of an access list.

use super::AccessList;
use super::tree::Verdict;
use mosquitto_mqtt::TopicFilter;
use std::fmt;

/// Why a file is no access list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AclError {
    /// The number of the line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a line, in its own words, made fit to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// A `topic` or `pattern` without a filter.
    EmptyTopic,
    /// Neither `read`, `write`, `readwrite` nor `deny`.
    InvalidAccess(String),
    /// No topic filter.
    InvalidTopic(String),
    /// A `user` without a name.
    MissingUsername,
    /// Another beginning than `topic`, `pattern` and `user`, or no text.
    InvalidLine(String),
}

impl AclError {
    /// The line for the log, which is Mosquitto's.
    pub fn in_file(&self, file: impl fmt::Display) -> String {
        match &self.fault {
            Fault::EmptyTopic => format!("Error: Empty topic in acl_file \"{file}\"."),
            Fault::InvalidAccess(word) => {
                format!("Error: Invalid topic access type \"{word}\" in acl_file \"{file}\".")
            }
            Fault::InvalidTopic(topic) => format!("Error: Invalid ACL topic \"{topic}\" in acl_file \"{file}\"."),
            Fault::MissingUsername => format!("Error: Missing username in acl_file \"{file}\"."),
            Fault::InvalidLine(text) => format!("Error: Invalid line in acl_file \"{file}\": {text}."),
        }
    }
}

/// What of a text an error shows, in characters.
const SHOWN_CHARACTERS: usize = 200;

/// Reads a whole file into a list that is empty.
pub(super) fn read(text: &[u8], list: &mut AccessList) -> Result<(), AclError> {
    let mut user: Option<Box<str>> = None;
    for (number, line) in (1..).zip(text.split(|&byte| byte == b'\n')) {
        read_line(line, &mut user, list).map_err(|fault| AclError { line: number, fault })?;
    }
    Ok(())
}

/// White space as C has it.
fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

fn read_line(line: &[u8], user: &mut Option<Box<str>>, list: &mut AccessList) -> Result<(), Fault> {
    let end = line.iter().rposition(|&byte| !is_space(byte)).map_or(0, |last| last + 1);
    let line = line.get(..end).unwrap_or_default();
    if line.is_empty() || line.starts_with(b"#") {
        return Ok(());
    }
    // What is no text matches no topic and names no user, and so would be a rule without effect.
    let Ok(line) = std::str::from_utf8(line) else { return Err(invalid_line(&String::from_utf8_lossy(line))) };
    if line.contains('\0') {
        return Err(invalid_line(line));
    }
    let (word, rest) = split_word(line.trim_start_matches(' '));
    match word {
        "topic" | "pattern" => {
            let (verdict, filter) = read_rule(rest)?;
            if word == "pattern" {
                add_pattern(list, filter, verdict);
            } else {
                let rules = match user {
                    None => &mut list.anonymous,
                    Some(user) => list.users.entry(user.clone()).or_default(),
                };
                rules.insert(filter, verdict);
            }
        }
        "user" => {
            let name = rest.trim_matches(|c: char| c.is_ascii() && is_space(c as u8));
            if name.is_empty() {
                return Err(Fault::MissingUsername);
            }
            *user = Some(name.into());
        }
        _ => return Err(invalid_line(line)),
    }
    Ok(())
}

/// The first word, and what stands behind the spaces after it.
fn split_word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    (word, rest.trim_start_matches(' '))
}

/// `[read|write|readwrite|deny] FILTER`: a word that nothing follows is the filter.
fn read_rule(text: &str) -> Result<(Verdict, &str), Fault> {
    if text.is_empty() {
        return Err(Fault::EmptyTopic);
    }
    let (verdict, filter) = match split_word(text) {
        (filter, "") | ("readwrite", filter) => (Verdict::READ_WRITE, filter),
        ("read", filter) => (Verdict::READ, filter),
        ("write", filter) => (Verdict::WRITE, filter),
        ("deny", filter) => (Verdict::DENY, filter),
        (word, _) => return Err(Fault::InvalidAccess(shown(word))),
    };
    if TopicFilter::new(filter).is_err() {
        return Err(Fault::InvalidTopic(shown(filter)));
    }
    Ok((verdict, filter))
}

fn add_pattern(list: &mut AccessList, filter: &str, verdict: Verdict) {
    if !filter.contains("%c") && !filter.contains("%u") {
        list.warnings.push(format!("Warning: ACL pattern '{}' does not contain '%c' or '%u'.", shown(filter)));
    }
    list.patterns.insert_pattern(filter, verdict);
}

/// Up to the end of its first word, as Mosquitto shows it.
fn invalid_line(line: &str) -> Fault {
    let first = line.len() - line.trim_start_matches(' ').len();
    let end = line.get(first..).and_then(|rest| rest.find(' ')).map_or(line.len(), |at| first + at);
    Fault::InvalidLine(shown(line.get(..end).unwrap_or_default()))
}

/// For the log: no control characters, and not too long.
fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARACTERS).map(|c| if c.is_control() { '?' } else { c }).collect()
}
