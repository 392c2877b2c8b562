//! The texts of `--help` and `--version`.

use crate::Tool;
use crate::options::{Act, CommandOption, all};
use std::fmt::Write;

/// Columns of the usage lines.
const WIDTH: usize = 100;

/// What follows `-D`.
const PROPERTY_WORDS: &str = "packet name value";

/// The text of `--version`.
pub(crate) fn version(tool: Tool) -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!("{} version {version} running on mosquitto-client {version}.\n", tool.name())
}

/// The text of `--help`.
pub(crate) fn help(tool: Tool) -> String {
    let summary = match tool {
        Tool::Pub => "mosquitto_pub publishes messages on one topic of an MQTT server, and ends.",
        Tool::Sub => "mosquitto_sub subscribes to topics of an MQTT server and prints the messages that arrive.",
        Tool::Rr => "mosquitto_rr publishes a request to an MQTT server, and prints the message that answers it.",
    };
    let mut text = format!("{summary}\n{}\n{}\n", version(tool), synopsis(tool));
    let supported = || all(tool).filter(|option| !matches!(option.act, Act::NotSupportedYet { .. }));
    for option in supported() {
        let names: Vec<_> = option.names().collect();
        let _ = write!(text, " {}", names.join(", "));
        match option.act {
            Act::Value { name, .. } => text.extend([" ", name]),
            Act::Property => text.extend([" ", PROPERTY_WORDS]),
            _ => {}
        }
        text.push('\n');
        for line in option.help {
            let _ = writeln!(text, "      {line}");
        }
    }
    text
}

/// The usage lines: what is needed, and then every option.
fn synopsis(tool: Tool) -> String {
    let start = format!("Usage: {} ", tool.name());
    let mut text = String::new();
    let mut line = format!("{start}{}", needed(tool));
    for option in all(tool).filter(|option| !is_needed(option)) {
        let shown = option.names().next().unwrap_or_default();
        let word = match option.act {
            Act::Flag(_) => format!("[{shown}]"),
            Act::Value { name, .. } => format!("[{shown} {name}]"),
            Act::Property => format!("[{shown} {PROPERTY_WORDS}]"),
            Act::NotSupportedYet { .. } => continue,
        };
        if line.len() + 1 + word.len() > WIDTH {
            let _ = writeln!(text, "{line}");
            line = " ".repeat(start.len() - 1);
        }
        let _ = write!(line, " {word}");
    }
    let _ = writeln!(text, "{line}");
    text
}

/// The beginning of the usage line.
pub(crate) fn needed(tool: Tool) -> &'static str {
    match tool {
        Tool::Pub => "-t topic {-m message | -f file | -l | -s | -n}",
        Tool::Sub => "{-t filter | -U filter}",
        Tool::Rr => "-t topic -e response-topic {-m message | -f file | -s | -n}",
    }
}

/// Whether the usage line begins with this option, among others.
pub(crate) fn is_needed(option: &CommandOption) -> bool {
    matches!(option.short, Some("-t" | "-e" | "-U" | "-m" | "-f" | "-l" | "-s" | "-n"))
}
