//! The documents of the command line clients: a manual page and a page of the documentation for each, from the same text
//! and the same table of options.

use crate::document::{Entry, Form, Part};
use crate::markup::{Block, blocks, capitalized};
use mosquitto_tools::format::FIELDS;
use mosquitto_tools::{Tool, option_table};

/// The first line of a page, for those who look into the file.
const MADE: &str = "Made by `cargo run -p mosquitto-manual` from the table of options: change that.";

/// `mosquitto_pub(1)` and the like.
pub(crate) fn manual(tool: Tool) -> String {
    let title = tool.name().to_uppercase();
    let version = mosquitto_server::VERSION;
    format!(".\\\" {MADE}\n.TH {title} 1 \"\" \"mosquitto {version}\" \"\"\n{}", page(tool, Form::Roff))
}

/// `docs/mosquitto_pub.md` and the like.
pub(crate) fn markdown(tool: Tool) -> String {
    format!("<!-- {MADE} -->\n\n# {}\n{}", tool.name(), page(tool, Form::Markdown))
}

fn page(tool: Tool, form: Form) -> String {
    let own = match tool {
        Tool::Pub => include_str!("../pages/mosquitto_pub.1.txt"),
        Tool::Sub => include_str!("../pages/mosquitto_sub.1.txt"),
        Tool::Rr => include_str!("../pages/mosquitto_rr.1.txt"),
    };
    let mut parts = Vec::new();
    add(tool, own, &mut parts);
    form.text(&parts)
}

/// # Panics
/// If a page names a part that there is not.
#[allow(clippy::panic, reason = "the pages are part of this program; a test makes them all")]
fn add<'t>(tool: Tool, text: &'t str, parts: &mut Vec<Part<'t>>) {
    for block in blocks(text) {
        match block {
            Block::Table("synopsis") => parts.push(Part::Synopsis(tool.name(), synopsis(tool))),
            Block::Table("options") => parts.push(Part::Entries(options(tool))),
            Block::Table("not-supported-yet") => parts.extend(not_supported_yet(tool)),
            Block::Table("properties") => parts.push(Part::Entries(properties())),
            Block::Table("fields") => parts.push(Part::Entries(fields())),
            Block::Table("output") => add(tool, include_str!("../pages/parts/output.txt"), parts),
            Block::Table("common") => add(tool, include_str!("../pages/parts/common.txt"), parts),
            Block::Table(name) => panic!("no part is called {name}"),
            block => parts.push(Part::Block(block)),
        }
    }
}

fn synopsis(tool: Tool) -> Vec<String> {
    let entries = option_table::entries(tool).into_iter().filter(|entry| !entry.is_needed);
    let rest = entries.map(|entry| {
        let name = entry.names.first().copied().unwrap_or_default();
        entry.values.iter().fold(format!("[{name}"), |word, value| word + " " + value) + "]"
    });
    std::iter::once(option_table::needed(tool).to_owned()).chain(rest).collect()
}

fn options(tool: Tool) -> Vec<Entry> {
    let entries = option_table::entries(tool).into_iter();
    entries
        .map(|entry| Entry {
            typed: entry.names.into_iter().map(str::to_owned).collect(),
            values: entry.values,
            text: capitalized(&entry.help),
        })
        .collect()
}

fn not_supported_yet(tool: Tool) -> Option<Part<'static>> {
    let names = option_table::not_supported_yet(tool);
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    let text =
        format!("These options of the original are refused, since what they need is missing: {}.", names.join(", "));
    (!names.is_empty()).then_some(Part::Block(Block::Paragraph(text)))
}

fn properties() -> Vec<Entry> {
    let rows = option_table::properties().into_iter();
    rows.map(|(packet, names)| Entry {
        typed: vec![packet.to_owned()],
        values: Vec::new(),
        text: names.join(", ") + ".",
    })
    .collect()
}

fn fields() -> Vec<Entry> {
    FIELDS
        .iter()
        .map(|&(letter, text)| Entry {
            typed: vec![format!("%{}", char::from(letter))],
            values: Vec::new(),
            text: text.to_owned(),
        })
        .collect()
}
