//! All options, each declared once: names, argument, programs, help and effect. The parser, the error messages and the
//! usage text come from here.

mod connection;
mod message;
mod not_supported_yet;
pub(crate) mod property;
mod proxy;
mod request;
mod session;
mod subscription;
mod tls;
mod url;

use crate::Tool;
use crate::arguments::{ArgumentError, Command};
use crate::settings::Settings;
use mosquitto_client::mqtt::{QoS, SharedFilter, TopicName, valid_text};
use std::ffi::OsStr;
use std::ops::ControlFlow;

/// One option.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CommandOption {
    pub(crate) short: Option<&'static str>,
    pub(crate) long: Option<&'static str>,
    pub(crate) tools: &'static [Tool],
    /// What it does, for the usage text, in lines.
    pub(crate) help: &'static [&'static str],
    pub(crate) act: Act,
}

/// What an option does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act {
    /// It stands alone.
    Flag(fn(&mut Settings) -> Result<ControlFlow<Command>, ArgumentError>),
    /// A value follows.
    Value {
        /// As the usage text calls the value.
        name: &'static str,
        /// As the error says that it is missing: `no host`.
        missing: &'static str,
        act: ReadValue,
    },
    /// `-D`: two words and a value, or two.
    Property,
    /// It is an option of the original programs that has no effect here yet, so it is refused.
    NotSupportedYet {
        /// As for [`Act::Value`]; none if it stands alone.
        missing: Option<&'static str>,
    },
}

/// Takes in the value of an option.
pub(crate) type ReadValue = fn(&mut Settings, &[u8]) -> Result<(), ArgumentError>;

pub(crate) const ALL: &[Tool] = &[Tool::Pub, Tool::Sub, Tool::Rr];
pub(crate) const PUB: &[Tool] = &[Tool::Pub];
pub(crate) const SUB: &[Tool] = &[Tool::Sub];
pub(crate) const RR: &[Tool] = &[Tool::Rr];
/// Those that publish a message.
pub(crate) const PUB_RR: &[Tool] = &[Tool::Pub, Tool::Rr];
/// Those that print messages.
pub(crate) const SUB_RR: &[Tool] = &[Tool::Sub, Tool::Rr];

const GROUPS: &[&[CommandOption]] = &[
    connection::OPTIONS,
    tls::OPTIONS,
    session::OPTIONS,
    message::OPTIONS,
    request::OPTIONS,
    subscription::OPTIONS,
    not_supported_yet::OPTIONS,
];

/// The options of a program, in the order of the usage text.
pub(crate) fn all(tool: Tool) -> impl Iterator<Item = &'static CommandOption> {
    GROUPS.iter().copied().flatten().filter(move |option| option.tools.contains(&tool))
}

/// The option of a program that is called `name`.
pub(crate) fn find(tool: Tool, name: &OsStr) -> Option<&'static CommandOption> {
    all(tool).find(|option| option.names().any(|known| name == known))
}

impl CommandOption {
    /// The forms in which it may be given.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.short.into_iter().chain(self.long)
    }

    /// The name in error messages.
    pub(crate) fn shown(&self) -> &'static str {
        // The original has it so.
        if self.short == Some("-V") { "--protocol-version" } else { self.names().next().unwrap_or_default() }
    }

    const fn value(short: &'static str, name: &'static str, missing: &'static str, act: ReadValue) -> Self {
        Self { short: Some(short), long: None, tools: ALL, help: &[], act: Act::Value { name, missing, act } }
    }

    const fn flag(short: &'static str, act: fn(&mut Settings) -> Result<ControlFlow<Command>, ArgumentError>) -> Self {
        Self { short: Some(short), long: None, tools: ALL, help: &[], act: Act::Flag(act) }
    }

    /// One that is refused, as if it stood alone.
    const fn refused(name: &'static str) -> Self {
        Self { short: Some(name), long: None, tools: ALL, help: &[], act: Act::NotSupportedYet { missing: None } }
    }

    /// A value follows one that is refused.
    const fn with_value(mut self, missing: &'static str) -> Self {
        self.act = Act::NotSupportedYet { missing: Some(missing) };
        self
    }

    const fn long(mut self, long: &'static str) -> Self {
        self.long = Some(long);
        self
    }

    /// It has no short form.
    const fn only_long(mut self) -> Self {
        self.long = self.short;
        self.short = None;
        self
    }

    const fn of(mut self, tools: &'static [Tool]) -> Self {
        self.tools = tools;
        self
    }

    const fn help(mut self, help: &'static [&'static str]) -> Self {
        self.help = help;
        self
    }
}

/// What a flag returns that goes on with the next argument.
const GO_ON: Result<ControlFlow<Command>, ArgumentError> = Ok(ControlFlow::Continue(()));

fn text(value: &[u8], option: &str) -> Result<String, ArgumentError> {
    match valid_text(value) {
        Some(text) => Ok(text.to_owned()),
        None => Err(ArgumentError::spaced(format!("Error: Malformed UTF-8 in {option} argument."))),
    }
}

fn topic_name(value: &[u8], option: &str, kind: &str) -> Result<String, ArgumentError> {
    let topic = text(value, option)?;
    if TopicName::new(&topic).is_err() {
        let text = format!("Error: Invalid {kind} topic '{topic}', does it contain '+' or '#'?");
        return Err(ArgumentError::plain(text));
    }
    Ok(topic)
}

fn topic_filter(value: &[u8], option: &str, kind: &str) -> Result<String, ArgumentError> {
    let filter = text(value, option)?;
    if SharedFilter::new(&filter).is_err() {
        let text = format!("Error: Invalid {kind} topic '{filter}', are all '+' and '#' wildcards correct?");
        return Err(ArgumentError::plain(text));
    }
    Ok(filter)
}

/// A topic to publish to, or one more filter to subscribe to.
fn add_topic(settings: &mut Settings, value: &[u8], option: &str) -> Result<(), ArgumentError> {
    match settings.tool {
        Tool::Pub | Tool::Rr => settings.publish.topic = Some(topic_name(value, option, "publish")?),
        Tool::Sub => settings.subscribe.filters.push(topic_filter(value, option, "subscription")?),
    }
    Ok(())
}

fn qos(number: i64) -> Option<QoS> {
    u8::try_from(number).ok().and_then(QoS::from_bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_declared_twice_for_a_program() {
        for &tool in ALL {
            let mut names: Vec<_> = all(tool).flat_map(CommandOption::names).collect();
            names.sort_unstable();
            let count = names.len();
            names.dedup();
            assert_eq!(names.len(), count, "{tool:?}");
        }
    }

    #[test]
    fn every_option_that_has_an_effect_has_a_help_text() {
        for option in ALL.iter().flat_map(|&tool| all(tool)) {
            assert_eq!(option.help.is_empty(), matches!(option.act, Act::NotSupportedYet { .. }), "{}", option.shown());
        }
    }
}
