//! What there is to say about the options, for documents and completions.

use crate::Tool;
use crate::options::{self, Act};
use mosquitto_client::mqtt::PropertyId;

/// An option of a program, as its user sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// In which forms it may be given: the short one first.
    pub names: Vec<&'static str>,
    /// What follows it, in words; none if it stands alone.
    pub values: Vec<&'static str>,
    /// What the value can be; empty where that is more than a list can say, or is known by the name of the value.
    pub choices: &'static [&'static str],
    /// What it does.
    pub help: String,
    /// Whether the usage line begins with it: without it, or another one like it, there is nothing to do.
    pub is_needed: bool,
}

/// The options of a program that have an effect, in the order of its usage text.
pub fn entries(tool: Tool) -> Vec<Entry> {
    let supported = options::all(tool).filter_map(|option| {
        let values = match option.act {
            Act::Flag(_) => Vec::new(),
            Act::Value { name, .. } => vec![name],
            Act::Property => vec!["packet", "name", "value"],
            Act::NotSupportedYet { .. } => return None,
        };
        let is_needed = crate::usage::is_needed(option);
        let (names, help) = (option.names().collect(), option.help.join(" "));
        Some(Entry { names, values, choices: &[], help, is_needed })
    });
    supported.collect()
}

/// The options of the original program that are refused, each by the name that one would look for first.
pub fn not_supported_yet(tool: Tool) -> Vec<&'static str> {
    let missing = options::all(tool).filter(|option| matches!(option.act, Act::NotSupportedYet { .. }));
    missing.filter_map(|option| option.names().next()).collect()
}

/// What the usage line begins with.
pub fn needed(tool: Tool) -> &'static str {
    crate::usage::needed(tool)
}

/// The packets that `-D` can put properties into, each with the words for these.
pub fn properties() -> Vec<(&'static str, Vec<&'static str>)> {
    let ids = || (0..=u8::MAX).filter_map(PropertyId::from_byte);
    let packets = options::property::packets();
    packets.map(|(packet, takes)| (packet, ids().filter(|&id| takes(id)).map(PropertyId::name).collect())).collect()
}
