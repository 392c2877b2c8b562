//! What shells complete command lines of the programs with, from the tables of options.

use crate::tools::Subject;
use mosquitto_tools::option_table::{self, Entry};
use mosquitto_tools::program_table::Rest;
use std::fmt::Write;

const MADE: &str = "# Made by `cargo run -p mosquitto-manual` from the table of options: change that.\n";

/// What can stand for a value.
enum Kind {
    File,
    Directory,
    Host,
    Words(Vec<&'static str>),
    Free,
}

/// From what the usage text calls a value.
fn kind(value: &str, entry: &Entry) -> Kind {
    match value {
        _ if !entry.choices.is_empty() => Kind::Words(entry.choices.to_vec()),
        "file" | "path" => Kind::File,
        "dir" | "directory" => Kind::Directory,
        "host" => Kind::Host,
        "qos" => Kind::Words(vec!["0", "1", "2"]),
        "auto|never" => Kind::Words(vec!["auto", "never"]),
        "when" => Kind::Words(vec!["always", "new", "never"]),
        "version" if entry.names.contains(&"-V") => Kind::Words(vec!["mqttv5", "mqttv311", "mqttv31"]),
        "version" => Kind::Words(vec!["tlsv1.2", "tlsv1.3"]),
        "packet" => Kind::Words(option_table::properties().into_iter().map(|(packet, _)| packet).collect()),
        "name" => {
            let mut names: Vec<_> = option_table::properties().into_iter().flat_map(|(_, names)| names).collect();
            names.sort_unstable();
            names.dedup();
            Kind::Words(names)
        }
        _ => Kind::Free,
    }
}

/// For bash: to be sourced, or put into its directory of completions under the program's name.
pub(crate) fn bash(subject: &Subject) -> String {
    let name = subject.name();
    let entries = subject.entries();
    let mut cases = String::new();
    for entry in &entries {
        let Some(value) = entry.values.first() else { continue };
        let reply = match kind(value, entry) {
            Kind::File => "compgen -f -- \"$word\"".to_owned(),
            Kind::Directory => "compgen -d -- \"$word\"".to_owned(),
            Kind::Host => "compgen -A hostname -- \"$word\"".to_owned(),
            Kind::Words(words) => format!("compgen -W '{}' -- \"$word\"", words.join(" ")),
            Kind::Free => "true".to_owned(),
        };
        let _ = writeln!(cases, "        {}) mapfile -t COMPREPLY < <({reply}) ;;", entry.names.join("|"));
    }
    let mut all: Vec<_> = entries.iter().flat_map(|entry| entry.names.iter().copied()).collect();
    let files = match subject.rest() {
        Some(Rest::File) => "-f ",
        Some(Rest::Word(words)) => {
            all.extend(words.iter().map(|(word, _)| *word));
            ""
        }
        None => "",
    };
    format!(
        "{MADE}_{name}() {{\n    local word=${{COMP_WORDS[COMP_CWORD]}}\n    case ${{COMP_WORDS[COMP_CWORD-1]}} in\n{cases}        \
         *) mapfile -t COMPREPLY < <(compgen {files}-W '{}' -- \"$word\") ;;\n    esac\n}}\ncomplete -o filenames -F _{name} {name}\n",
        all.join(" ")
    )
}

/// For zsh: to be put into a directory of its `fpath`.
pub(crate) fn zsh(subject: &Subject) -> String {
    let name = subject.name();
    let mut text = format!("#compdef {name}\n{MADE}_arguments -S \\\n");
    for entry in subject.entries() {
        let mut values = String::new();
        for value in &entry.values {
            let action = match kind(value, &entry) {
                Kind::File => "_files".to_owned(),
                Kind::Directory => "_files -/".to_owned(),
                Kind::Host => "_hosts".to_owned(),
                Kind::Words(words) => format!("({})", words.join(" ")),
                Kind::Free => " ".to_owned(),
            };
            let _ = write!(values, ":{value}:{action}");
        }
        let help = entry.help.replace('\'', "'\\''").replace('[', "\\[").replace(']', "\\]").replace(':', "\\:");
        for name in &entry.names {
            let _ = writeln!(text, "    '*{name}[{help}]{values}' \\");
        }
    }
    match subject.rest() {
        Some(Rest::File) => text.push_str("    '*:file:_files' \\\n"),
        Some(Rest::Word(words)) => {
            let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            let _ = writeln!(text, "    '*:word:({})' \\", words.join(" "));
        }
        None => {}
    }
    text.push_str("    && return 0\n");
    text
}

/// For fish: to be put into its directory of completions.
pub(crate) fn fish(subject: &Subject) -> String {
    let program = subject.name();
    let mut text = match subject.rest() {
        Some(Rest::File) => MADE.to_owned(),
        _ => format!("{MADE}complete -c {program} -f\n"),
    };
    if let Some(Rest::Word(words)) = subject.rest() {
        for (word, meaning) in words {
            let _ = writeln!(text, "complete -c {program} -a {word} -d '{}'", quoted(meaning));
        }
    }
    for entry in subject.entries() {
        let mut line = format!("complete -c {program}");
        for name in &entry.names {
            match name.strip_prefix("--") {
                Some(long) => line.extend([" -l ", long]),
                None => line.extend([" -s ", name.trim_start_matches('-')]),
            }
        }
        if let Some(value) = entry.values.first() {
            line.push_str(" -r");
            match kind(value, &entry) {
                Kind::File => line.push_str(" -F"),
                Kind::Directory => line.push_str(" -a '(__fish_complete_directories)'"),
                Kind::Host => line.push_str(" -a '(__fish_print_hostnames)'"),
                Kind::Words(words) => line.extend([" -a '", &words.join(" "), "'"]),
                Kind::Free => {}
            }
        }
        let _ = writeln!(text, "{line} -d '{}'", quoted(&entry.help));
    }
    text
}

/// To stand between the single quotes of fish.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "\\'")
}
