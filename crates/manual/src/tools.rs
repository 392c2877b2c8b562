//! The documents of the command line programs: a manual page and a page of the documentation for each, from the same text
//! and the same table of options.

use crate::document::{Entry, Form, Part};
use crate::markup::{Block, blocks, capitalized};
use mosquitto_tools::format::FIELDS;
use mosquitto_tools::program_table::{Program, Rest, programs};
use mosquitto_tools::{Tool, option_table};

/// The first line of a page, for those who look into the file.
const MADE: &str = "Made by `cargo run -p mosquitto-manual` from the table of options: change that.";

/// The program that a document is about.
#[derive(Debug)]
pub(crate) enum Subject {
    Client(Tool),
    Other(Program),
}

impl Subject {
    /// All programs but the broker.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let clients = [Tool::Pub, Tool::Sub, Tool::Rr].into_iter().map(Self::Client);
        clients.chain(programs().into_iter().map(Self::Other))
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Client(tool) => tool.name(),
            Self::Other(program) => program.name,
        }
    }

    pub(crate) fn entries(&self) -> Vec<option_table::Entry> {
        match self {
            Self::Client(tool) => option_table::entries(*tool),
            Self::Other(program) => program.options.clone(),
        }
    }

    /// What stands behind the options; nothing for clients.
    pub(crate) fn rest(&self) -> Option<&Rest> {
        match self {
            Self::Client(_) => None,
            Self::Other(program) => Some(&program.rest),
        }
    }

    /// `mosquitto_pub(1)` and the like.
    pub(crate) fn manual(&self) -> String {
        let title = self.name().to_uppercase();
        let version = mosquitto_server::VERSION;
        format!(".\\\" {MADE}\n.TH {title} 1 \"\" \"mosquitto {version}\" \"\"\n{}", self.page(Form::Roff))
    }

    /// `docs/mosquitto_pub.md` and the like.
    pub(crate) fn markdown(&self) -> String {
        format!("<!-- {MADE} -->\n\n# {}\n{}", self.name(), self.page(Form::Markdown))
    }

    fn page(&self, form: Form) -> String {
        let mut parts = Vec::new();
        self.add(self.own(), &mut parts);
        form.text(&parts)
    }

    /// The text that belongs to no table.
    ///
    /// # Panics
    /// If there is none.
    #[allow(clippy::panic, reason = "the pages are part of this program; a test makes them all")]
    fn own(&self) -> &'static str {
        match self.name() {
            "mosquitto_pub" => include_str!("../pages/mosquitto_pub.1.txt"),
            "mosquitto_sub" => include_str!("../pages/mosquitto_sub.1.txt"),
            "mosquitto_rr" => include_str!("../pages/mosquitto_rr.1.txt"),
            "mosquitto_passwd" => include_str!("../pages/mosquitto_passwd.1.txt"),
            "mosquitto_signal" => include_str!("../pages/mosquitto_signal.1.txt"),
            "mosquitto_db_dump" => include_str!("../pages/mosquitto_db_dump.1.txt"),
            name => panic!("{name} has no page"),
        }
    }

    /// # Panics
    /// If a page names a part that there is not.
    #[allow(clippy::panic, reason = "the pages are part of this program; a test makes them all")]
    fn add<'t>(&self, text: &'t str, parts: &mut Vec<Part<'t>>) {
        for block in blocks(text) {
            match (block, self) {
                (Block::Table("synopsis"), _) => parts.extend(self.synopsis()),
                (Block::Table("options"), _) => parts.push(Part::Entries(options(self.entries()))),
                (Block::Table("not-supported-yet"), Self::Client(tool)) => parts.extend(not_supported_yet(*tool)),
                (Block::Table("words"), Self::Other(Program { rest: Rest::Word(words), .. })) => {
                    parts.push(Part::Entries(meanings(words)));
                }
                (Block::Table("properties"), _) => parts.push(Part::Entries(properties())),
                (Block::Table("fields"), _) => parts.push(Part::Entries(fields())),
                (Block::Table("output"), _) => self.add(include_str!("../pages/parts/output.txt"), parts),
                (Block::Table("common"), _) => self.add(include_str!("../pages/parts/common.txt"), parts),
                (Block::Table(name), _) => panic!("{} has no part that is called {name}", self.name()),
                (block, _) => parts.push(Part::Block(block)),
            }
        }
    }

    fn synopsis<'t>(&self) -> Vec<Part<'t>> {
        let forms = match self {
            Self::Client(tool) => vec![synopsis(*tool)],
            Self::Other(program) => {
                program.forms.iter().map(|form| form.split(' ').map(str::to_owned).collect()).collect()
            }
        };
        forms.into_iter().map(|words| Part::Synopsis(self.name(), words)).collect()
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

fn options(entries: Vec<option_table::Entry>) -> Vec<Entry> {
    entries
        .into_iter()
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

fn meanings(words: &[(&str, &str)]) -> Vec<Entry> {
    let entry = |(word, meaning): &(&str, &str)| Entry {
        typed: vec![(*word).to_owned()],
        values: Vec::new(),
        text: format!("{}.", capitalized(meaning)),
    };
    words.iter().map(entry).collect()
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
