//! The manual pages, as roff.

use crate::described;
use crate::markup::{Block, blocks, bold, capitalized, inline, italic, roff, sentences};
use mosquitto_config::options::{Declaration, Status, THEMES, Theme, options};
use mosquitto_config::{CommandLineError, FLAGS, Flag, parse_command_line};
use mosquitto_server::VERSION;
use mosquitto_server::outside::{ENVIRONMENT, EXIT_STATUSES, SIGNALS};
use std::fmt::Write;

/// The first line of both pages, for those who look into the file.
const MADE: &str =
    ".\\\" Made by `cargo run -p mosquitto-manual` from the tables of options and flags: change those.\n";

/// `mosquitto.conf(5)`.
pub(crate) fn mosquitto_conf() -> String {
    page("MOSQUITTO.CONF", "5", include_str!("../pages/mosquitto.conf.5.txt"))
}

/// `mosquitto(8)`.
pub(crate) fn mosquitto() -> String {
    page("MOSQUITTO", "8", include_str!("../pages/mosquitto.8.txt"))
}

fn page(title: &str, section: &str, text: &str) -> String {
    let mut page = MADE.to_owned();
    let _ = writeln!(page, ".TH {title} {section} \"\" \"mosquitto {VERSION}\" \"\"");
    let mut below_title = false;
    for block in blocks(text) {
        let lines = match &block {
            Block::Table(name) => table(name),
            block => roff(block),
        };
        // Titles bring their own distance.
        page.push_str(if below_title { lines.strip_prefix(".PP\n").unwrap_or(&lines) } else { &lines });
        below_title = matches!(block, Block::Section(_) | Block::Subsection(_));
    }
    page
}

/// # Panics
/// If a page names a table that there is not.
#[allow(clippy::panic, reason = "the pages are part of this program; a test makes them all")]
fn table(name: &str) -> String {
    match name {
        "options" => by_theme(Status::Supported, "", entry),
        "not-supported-yet" => not_supported_yet(),
        "removed" => removed(),
        "refused" => refused(),
        "synopsis" => synopsis(),
        "flags" => FLAGS.iter().map(flag).collect(),
        "signals" => SIGNALS.iter().map(|signal| tagged(&bold(signal.name), signal.help)).collect(),
        "environment" => ENVIRONMENT.iter().map(|(name, help)| tagged(&bold(name), help)).collect(),
        "exit-statuses" => EXIT_STATUSES.iter().map(|(code, help)| tagged(&bold(&code.to_string()), help)).collect(),
        _ => panic!("no table is called {name}"),
    }
}

fn tagged(tag: &str, text: &str) -> String {
    format!(".TP\n{tag}\n{}", sentences(text))
}

/// All that there is to say about an option.
fn entry(option: &Declaration) -> String {
    let remarks = described::remarks(option).into_iter().map(Block::Paragraph);
    let text: String = remarks.chain(blocks(option.manual)).map(|block| roff(&block)).collect();
    let facts = described::facts(option).into_iter();
    let facts: Vec<_> =
        facts.map(|(label, fact)| format!("{} {}.", italic(&format!("{label}:")), inline(&fact))).collect();
    format!("{}.RS\n{text}.PP\n{}\n.RE\n", tagged(&head(option), option.help), facts.join("\n.br\n"))
}

fn head(option: &Declaration) -> String {
    format!("{} {}", names(option), italic(&described::argument(option)))
}

fn names(option: &Declaration) -> String {
    let name = |name: &str| match name.strip_suffix("KEY") {
        Some(fixed) => bold(fixed) + &italic("KEY"),
        None => bold(name),
    };
    option.names().map(name).collect::<Vec<_>>().join(", ")
}

fn not_supported_yet() -> String {
    by_theme(Status::NotYet, "Not yet: ", |option| tagged(&head(option), option.help))
}

/// The options of a status, below the titles of their themes.
fn by_theme(status: Status, before_title: &str, shown: fn(&Declaration) -> String) -> String {
    let theme = |theme: &Theme| {
        let options: String = theme.options.iter().filter(|option| option.status() == status).map(shown).collect();
        if options.is_empty() { options } else { format!(".SS {before_title}{}\n{options}", theme.title) }
    };
    THEMES.iter().map(theme).collect()
}

fn removed() -> String {
    options()
        .filter(|option| matches!(option.status(), Status::Removed(_)))
        .map(|option| tagged(&names(option), option.help))
        .collect()
}

fn refused() -> String {
    let names: Vec<_> = options()
        .filter(|option| matches!(option.status(), Status::Refused(_)))
        .map(|option| format!("`{}`", option.name))
        .collect();
    sentences(&format!("{}.", names.join(", ")))
}

fn synopsis() -> String {
    let flags: Vec<_> = FLAGS
        .iter()
        .map(|flag| {
            let value = flag.value.map(|value| format!(" {}", italic(value))).unwrap_or_default();
            format!("[{}{value}]", bold(flag.short.unwrap_or(flag.long)))
        })
        .collect();
    format!(".PP\n{}\n{}\n", bold("mosquitto"), flags.join("\n"))
}

fn flag(flag: &Flag) -> String {
    let names: Vec<_> = flag.names().map(bold).collect();
    let value = flag.value.map(|value| format!(" {}", italic(value))).unwrap_or_default();
    let help: Vec<_> = flag.help.iter().map(|line| capitalized(line)).collect();
    let missing = if is_missing(flag) { " Not supported yet." } else { "" };
    tagged(&(names.join(", ") + &value), &(help.join(" ") + missing))
}

/// Whether the broker only says that it does not have this flag yet.
fn is_missing(flag: &Flag) -> bool {
    let arguments = [flag.long, "/nonexistent/file"].into_iter().take(1 + usize::from(flag.value.is_some()));
    match parse_command_line(arguments.map(Into::into)) {
        Err(CommandLineError::Argument(text)) => text.contains("not supported yet"),
        _ => false,
    }
}
