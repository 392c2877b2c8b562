//! What the row of an option says, in words.

use mosquitto_config::Effect;
use mosquitto_config::options::{Argument, Bound, Declaration, Remark, Repeat, Scope};

/// The longest text that any option takes; not worth mentioning.
const LONGEST_TEXT_BYTES: usize = 65535;

/// The argument as a synopsis shows it, e.g. `true | false`.
pub(crate) fn argument(option: &Declaration) -> String {
    if let Some(value) = option.value {
        return value.to_owned();
    }
    match option.argument {
        Argument::Bool => "true | false".to_owned(),
        Argument::Int { .. } => "number".to_owned(),
        Argument::Text { .. } => "text".to_owned(),
        Argument::Choice { words, .. } => words.join(" | "),
        Argument::Duration => "number and unit".to_owned(),
        Argument::KeyValue => "value".to_owned(),
        Argument::Words(expected) => expected.to_owned(),
        Argument::Ignored => "anything".to_owned(),
    }
}

/// What a reader of the reference wants to know at a glance: pairs of a label and a text without a full stop.
pub(crate) fn facts(option: &Declaration) -> Vec<(&'static str, String)> {
    let mut facts = vec![("Default", option.default.unwrap_or("unset").to_owned())];
    facts.extend(values(option).map(|text| ("Values", text)));
    facts.push(("Scope", scope(option.scope).to_owned()));
    facts.extend(reload(option).map(|text| ("Reload", text.to_owned())));
    facts.push(("Since", since(option.since)));
    facts
}

/// What is to be known before an option is used at all: that it will go. What to use instead, its row says.
pub(crate) fn remarks(option: &Declaration) -> Vec<String> {
    let deprecated = matches!(option.remark, Some(Remark::Deprecated(_))).then(|| {
        "Deprecated: the option has its effect, but a notice is logged, and later releases of Mosquitto will not know it \
         any more."
            .to_owned()
    });
    deprecated.into_iter().collect()
}

fn values(option: &Declaration) -> Option<String> {
    match option.argument {
        Argument::Int { min, max, unit, .. } => {
            let unit = if unit.is_empty() { String::new() } else { format!(" ({unit})") };
            let below = match min {
                Bound::Clamps(limit) => format!("; a smaller one counts as {limit}"),
                _ => String::new(),
            };
            let above = match max {
                Bound::Clamps(limit) => format!("; a larger one counts as {limit}"),
                _ => String::new(),
            };
            let range = match (limit(min), limit(max)) {
                (Some(min), Some(max)) => format!("whole numbers from {min} to {max}"),
                (Some(min), None) => format!("whole numbers from {min}"),
                (None, Some(max)) => format!("whole numbers up to {max}"),
                (None, None) => "whole numbers".to_owned(),
            };
            Some(format!("{range}{unit}{below}{above}"))
        }
        Argument::Text { max_bytes, repeat, .. } => {
            let length = (max_bytes < LONGEST_TEXT_BYTES).then(|| format!("at most {max_bytes} bytes"));
            let repeat = match repeat {
                Repeat::Replaces => "if given again, the last one counts",
                Repeat::Refused => "may not be given again",
                Repeat::Adds => "may be given several times",
            };
            Some(length.into_iter().chain([repeat.to_owned()]).collect::<Vec<_>>().join("; "))
        }
        Argument::Duration => Some("a number and, without a space, one of `s h d w m y`".to_owned()),
        // Where the synopsis does not list them.
        Argument::Choice { .. } if option.value.is_some() => Some(option.argument.expected()),
        Argument::Bool | Argument::Choice { .. } | Argument::KeyValue | Argument::Words(_) | Argument::Ignored => None,
    }
}

fn limit(bound: Bound) -> Option<i32> {
    match bound {
        Bound::None => None,
        Bound::Clamps(limit) | Bound::Refuses(limit) => Some(limit),
    }
}

fn scope(scope: Scope) -> &'static str {
    match scope {
        Scope::Global => "the whole broker",
        Scope::Security => "the whole broker, or each listener if `per_listener_settings` is `true`",
        Scope::Listener => "the `listener` above it; the default listener if there is none",
        Scope::ExplicitListener => "the `listener` above it, which must be there",
        Scope::DefaultListener => "the default listener",
        Scope::Bridge => "the `connection` above it",
        Scope::Plugin => "the plugin above it",
    }
}

/// When this broker goes by a value that is another one after SIGHUP; `None` if there is no other.
fn reload(option: &Declaration) -> Option<&'static str> {
    option.effect().map(|effect| match effect {
        _ if option.makes_a_listener() => "the listener is closed, and another one opened",
        Effect::AtOnce => "in force at once",
        Effect::LaterConnections => "in force for clients that connect afterwards",
        Effect::Restart => "nothing changes until the broker is started again",
    })
}

fn since(release: &str) -> String {
    match release {
        "1.4" => "Mosquitto 1.4 or earlier".to_owned(),
        _ if release.starts_with("none") => "an option of this broker's own, unknown to Mosquitto".to_owned(),
        _ => format!("Mosquitto {release}"),
    }
}
