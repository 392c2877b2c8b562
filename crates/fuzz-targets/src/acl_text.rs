//! `acl_text`: an `acl_file`, and clients that want something. Behind the first byte 0xFF of the input, which no text has,
//! each line is a question: client id, topic and, for a client that has one, username, with a tab between them.

use mosquitto_auth::acl::{AccessList, AclError, Fault, RecentRights, Rights, Subject};
use mosquitto_mqtt::{TopicFilter, TopicName, valid_text};

/// Questions of an input that are asked.
const QUESTIONS_MAX: usize = 40;

/// Bytes of what an error or a warning shows, and of the words around it.
const LINE_BYTES_MAX: usize = 1_000;

pub(crate) fn run(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |&byte| byte == 0xff);
    let (text, questions) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let rules = slowly(text);
    match (AccessList::parse(text), rules) {
        (Ok(list), Ok(rules)) => {
            is_readable(list.warnings().iter().map(String::as_str));
            let unnamed = rules.iter().filter(|rule| rule.who == Who::Everybody && !rule.filter.contains(['%']));
            assert!(list.warnings().len() >= unnamed.count());
            ask(text, &list, &rules, questions);
        }
        (Err(error), Err((line, fault))) => {
            assert_eq!((error.line, name(&error)), (line, fault), "{error:?}");
            let shown = error.in_file("F");
            is_readable(std::iter::once(shown.as_str()));
        }
        (list, rules) => panic!("{list:?} and {rules:?}"),
    }
}

fn is_readable<'t>(lines: impl Iterator<Item = &'t str>) {
    for line in lines {
        assert!(line.len() <= LINE_BYTES_MAX && !line.contains(char::is_control), "{line:?}");
    }
}

fn name(error: &AclError) -> &'static str {
    match error.fault {
        Fault::EmptyTopic => "no topic",
        Fault::InvalidAccess(_) => "access",
        Fault::InvalidTopic(_) => "topic",
        Fault::MissingUsername => "user",
        Fault::InvalidLine(_) => "line",
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who<'t> {
    Anonymous,
    User(&'t str),
    Everybody,
}

#[derive(Debug, Clone, Copy)]
struct Rule<'t> {
    who: Who<'t>,
    /// `read`, `write`, `readwrite` or `deny`.
    access: &'t str,
    filter: &'t str,
}

impl Rule<'_> {
    fn allows(&self, write: bool) -> bool {
        self.access == "readwrite" || self.access == if write { "write" } else { "read" }
    }
}

/// The rules as they stand there, or the first line that is none, and why.
fn slowly(text: &[u8]) -> Result<Vec<Rule<'_>>, (usize, &'static str)> {
    let (mut rules, mut who) = (Vec::new(), Who::Anonymous);
    for (number, line) in (1..).zip(text.split(|&byte| byte == b'\n')) {
        let fails = |why| (number, why);
        let end = line.iter().rposition(|byte| !b" \t\x0b\x0c\r".contains(byte)).map_or(0, |at| at + 1);
        let line = &line[..end];
        if line.is_empty() || line[0] == b'#' {
            continue;
        }
        let line = std::str::from_utf8(line).ok().filter(|line| !line.contains('\0')).ok_or(fails("line"))?;
        let mut words = line.split(' ').filter(|word| !word.is_empty());
        let keyword = words.next().unwrap_or_default();
        let rest = line.trim_start_matches(' ')[keyword.len()..].trim_start_matches(' ');
        match keyword {
            "user" => {
                let name = rest.trim_matches([' ', '\t', '\x0b', '\x0c', '\r']);
                who = if name.is_empty() { return Err(fails("user")) } else { Who::User(name) };
            }
            "topic" | "pattern" => {
                let first = words.next().ok_or(fails("no topic"))?;
                let (access, filter) = if words.next().is_none() {
                    ("readwrite", first)
                } else {
                    (first, rest[first.len()..].trim_start_matches(' '))
                };
                if !["read", "write", "readwrite", "deny"].contains(&access) {
                    return Err(fails("access"));
                }
                TopicFilter::new(filter).map_err(|_| fails("topic"))?;
                let who = if keyword == "pattern" { Who::Everybody } else { who };
                rules.push(Rule { who, access, filter });
            }
            _ => return Err(fails("line")),
        }
    }
    Ok(rules)
}

fn ask(text: &[u8], list: &AccessList, rules: &[Rule<'_>], questions: &[u8]) {
    let without_patterns = without_names(text);
    let mut recent = RecentRights::default();
    let mut latest = None;
    for question in questions.split(|&byte| byte == b'\n').take(QUESTIONS_MAX) {
        let mut fields = question.split(|&byte| byte == b'\t').map(valid_text);
        let (Some(Some(client_id)), Some(Some(topic))) = (fields.next(), fields.next()) else { continue };
        let Some(username) = fields.next().map_or(Some(None), |name| name.map(Some)) else { continue };
        if TopicName::new(topic).is_err() {
            continue;
        }
        let subject = Subject { client_id, username };
        let rights = list.rights(subject, topic.as_bytes());
        let expected = Rights { read: may(rules, subject, topic, false), write: may(rules, subject, topic, true) };
        assert_eq!(rights, expected, "{subject:?} {topic:?} {rules:?}");
        // What is remembered is about one client.
        if latest != Some(subject) {
            recent = RecentRights::default();
        }
        latest = Some(subject);
        for _ in 0..2 {
            assert_eq!(recent.ask(list, subject, topic.as_bytes()), rights);
        }
        names_allow_nothing_more(&without_patterns, subject, topic, rights);
    }
}

/// The same list without the patterns in which a name is.
fn without_names(text: &[u8]) -> AccessList {
    let has_name = |line: &[u8]| {
        let line = line.trim_ascii_start();
        line.starts_with(b"pattern ") && line.windows(2).any(|part| part == b"%c" || part == b"%u")
    };
    let lines: Vec<&[u8]> = text.split(|&byte| byte == b'\n').filter(|line| !has_name(line)).collect();
    AccessList::parse(&lines.join(&b"\n"[..])).expect("a list of which lines were left out")
}

/// A name that is more than one level, or stands for many, opens no pattern in which it is put.
fn names_allow_nothing_more(without: &AccessList, subject: Subject<'_>, topic: &str, rights: Rights) {
    let strange = |name: &str| name.contains(['+', '#', '/']);
    if !strange(subject.client_id) || !subject.username.is_none_or(strange) {
        return;
    }
    // What holds for everybody, whatever the name, is not given by the name.
    if topic.contains('%') {
        return;
    }
    let other = without.rights(subject, topic.as_bytes());
    assert!((!rights.read || other.read) && (!rights.write || other.write), "{subject:?} {topic:?}");
}

/// One rule after the other: denials first, those for the user before the patterns; what no rule allows is denied.
fn may(rules: &[Rule<'_>], subject: Subject<'_>, topic: &str, write: bool) -> bool {
    let own = match subject.username {
        None => Who::Anonymous,
        Some(name) => Who::User(name),
    };
    let matching = |who: Who<'_>| {
        let rules: Vec<&Rule<'_>> = rules.iter().filter(|rule| rule.who == who).collect();
        rules.into_iter().filter(|rule| matches(rule, subject, topic))
    };
    if matching(own).any(|rule| rule.access == "deny") {
        return false;
    }
    if matching(own).any(|rule| rule.allows(write)) {
        return true;
    }
    let names = [Some(subject.client_id), subject.username];
    if names.into_iter().flatten().any(|name| name.contains(['+', '#'])) {
        return false;
    }
    if matching(Who::Everybody).any(|rule| rule.access == "deny") {
        return false;
    }
    // A name of several levels is none that a pattern can have meant to allow.
    let has_long_name = |rule: &Rule<'_>| {
        rule.filter.split('/').any(|level| match level {
            "%c" => subject.client_id.contains('/'),
            "%u" => subject.username.is_some_and(|name| name.contains('/')),
            _ => false,
        })
    };
    matching(Who::Everybody).any(|rule| rule.allows(write) && !has_long_name(rule))
}

enum Level<'t> {
    Any,
    AllBelow,
    Name(&'t str),
}

fn matches(rule: &Rule<'_>, subject: Subject<'_>, topic: &str) -> bool {
    let is_pattern = rule.who == Who::Everybody;
    if is_pattern && rule.filter.contains("%u") && subject.username.is_none() {
        return false;
    }
    if topic.starts_with('$') && !rule.filter.starts_with('$') {
        return false;
    }
    let mut levels = Vec::new();
    for level in rule.filter.split('/') {
        match level {
            "+" => levels.push(Level::Any),
            "#" => levels.push(Level::AllBelow),
            "%c" if is_pattern => levels.extend(subject.client_id.split('/').map(Level::Name)),
            "%u" if is_pattern => levels.extend(subject.username.unwrap_or_default().split('/').map(Level::Name)),
            name => levels.push(Level::Name(name)),
        }
    }
    let names: Vec<&str> = topic.split('/').collect();
    level_by_level(&levels, &names)
}

fn level_by_level(levels: &[Level<'_>], names: &[&str]) -> bool {
    match (levels.split_first(), names.split_first()) {
        (Some((Level::AllBelow, _)), _) | (None, None) => true,
        (Some((Level::Any, levels)), Some((_, names))) => level_by_level(levels, names),
        (Some((Level::Name(level), levels)), Some((name, names))) => level == name && level_by_level(levels, names),
        _ => false,
    }
}
