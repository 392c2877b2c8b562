//! The sample `mosquitto.conf`: every supported option with its default, as a comment.

use crate::described;
use crate::markup::{Block, blocks, plain};
use mosquitto_config::options::{Declaration, Scope, Status, THEMES, options};
use std::fmt::Write;

/// Where comments are broken, in bytes.
const WIDTH: usize = 80;

const HEAD: &str = "\
A sample mosquitto.conf. All of it is comments, so as it stands it changes nothing. To use an option, take away the # at the beginning of its line and change its value; the line shows the default, or an \
example where there is no default. Options of a listener belong to the `listener` line above them: copy them there for \
each of your listeners. All options are explained in mosquitto.conf(5), also those that are not supported yet and \
therefore are not listed here.";

/// A part of the file, with the options that belong there by their scope.
struct Part {
    /// The heading; `None`: those of the themes.
    title: Option<&'static str>,
    /// What is said below the heading.
    text: &'static str,
    holds: fn(Scope) -> bool,
}

const PARTS: &[Part] = &[
    Part { title: None, text: "", holds: |scope| matches!(scope, Scope::Global | Scope::Security) },
    Part {
        title: Some("The default listener"),
        text: "A listener that older files have. Files that are written today have `listener` lines instead.",
        holds: |scope| scope == Scope::DefaultListener,
    },
    Part {
        title: Some("Options of a listener"),
        text: "They belong to the `listener` above them, so they stand below it.",
        holds: |scope| matches!(scope, Scope::Listener | Scope::ExplicitListener),
    },
    Part {
        title: Some("Options of a bridge"),
        text: "They belong to the `connection` above them, so they stand below it.",
        holds: |scope| scope == Scope::Bridge,
    },
    Part {
        title: Some("Options of a plugin"),
        text: "They belong to the plugin above them, so they stand below it.",
        holds: |scope| scope == Scope::Plugin,
    },
];

/// The file.
pub(crate) fn mosquitto_conf() -> String {
    let mut file = String::new();
    comment(&mut file, HEAD);
    let _ = writeln!(file, "#\n# Made by `{}` from the table of options.", crate::COMMAND);
    for part in PARTS {
        match part.title {
            None => {
                for theme in THEMES {
                    let holds = |option: &&Declaration| (part.holds)(option.scope) && !is_listener(option);
                    section(&mut file, theme.title, "", theme.options.iter().filter(holds));
                }
            }
            Some(title) => {
                let holds = |option: &&Declaration| (part.holds)(option.scope);
                let first = options().filter(|option| is_listener(option) && (part.holds)(Scope::Listener));
                section(&mut file, title, part.text, first.chain(options().filter(holds)));
            }
        }
    }
    file
}

/// The option that begins a listener stands above those that belong to one.
fn is_listener(option: &Declaration) -> bool {
    option.name == "listener"
}

fn section<'t>(file: &mut String, title: &str, text: &str, options: impl Iterator<Item = &'t Declaration>) {
    let mut options = options.filter(|option| option.status() == Status::Supported).peekable();
    if options.peek().is_none() {
        return;
    }
    let rule = "=".repeat(WIDTH - 2);
    let _ = writeln!(file, "\n# {rule}\n# {title}\n# {rule}");
    if !text.is_empty() {
        comment(file, text);
    }
    for option in options {
        entry(file, option);
    }
}

fn entry(file: &mut String, option: &Declaration) {
    file.push('\n');
    comment(file, option.help);
    for remark in described::remarks(option) {
        comment(file, &remark);
    }
    for block in blocks(option.manual) {
        match block {
            Block::Paragraph(text) => comment(file, &text),
            Block::Item(text) => comment(file, &format!("- {text}")),
            Block::Example(lines) => {
                file.extend(lines.iter().flat_map(|line| ["#     ", line, "\n"]));
            }
            Block::Section(_) | Block::Subsection(_) | Block::Table(_) => {}
        }
    }
    for value in values(option) {
        let _ = writeln!(file, "#{} {value}", option.name);
    }
}

/// What stands behind the name: the default, or examples where that cannot be written.
fn values(option: &Declaration) -> Vec<&'static str> {
    match option.examples {
        [] => option.default.into_iter().collect(),
        examples => examples.to_vec(),
    }
}

fn comment(file: &mut String, text: &str) {
    for line in plain(text, WIDTH - 2) {
        let _ = writeln!(file, "# {line}");
    }
}
