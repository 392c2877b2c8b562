//! The programs that are no clients, as their users see them: for the parsers, the usage texts, documents and completions.
//! Each has a table of its options, a `Switch` each.

use crate::option_table::Entry;
use std::ffi::OsStr;
use std::fmt::Write;

/// An option, declared once, with the effect that its program knows it by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Switch<E: 'static> {
    /// In which forms it may be given.
    pub(crate) names: &'static [&'static str],
    /// What follows it, if anything.
    pub(crate) value: Option<Value>,
    /// What it does, without a capital letter and a full stop.
    pub(crate) help: &'static str,
    pub(crate) effect: E,
}

/// A value of an option.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value {
    /// As the usage text calls it.
    pub(crate) name: &'static str,
    /// What it can be; empty where that is more than a list can say.
    pub(crate) choices: &'static [&'static str],
}

/// What stands behind the options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rest {
    /// The name of a file, to begin with.
    File,
    /// One of these words, each with what it means.
    Word(Vec<(&'static str, &'static str)>),
}

/// A program that is no client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its name.
    pub name: &'static str,
    /// The ways to call it: what stands behind its name.
    pub forms: Vec<String>,
    /// Its options, in the order of its usage text.
    pub options: Vec<Entry>,
    /// What stands behind them.
    pub rest: Rest,
}

/// All of them.
pub fn programs() -> [Program; 3] {
    [crate::passwd::program(), crate::signal::program(), crate::db_dump::program()]
}

/// The option of this name.
pub(crate) fn find<E>(table: &'static [Switch<E>], name: &OsStr) -> Option<&'static Switch<E>> {
    table.iter().find(|switch| switch.names.iter().any(|known| name == *known))
}

/// The options for documents and completions.
pub(crate) fn entries<E>(table: &'static [Switch<E>]) -> Vec<Entry> {
    let entry = |switch: &Switch<E>| Entry {
        names: switch.names.to_vec(),
        values: switch.value.iter().map(|value| value.name).collect(),
        choices: switch.value.map(|value| value.choices).unwrap_or_default(),
        help: format!("{}.", switch.help),
        is_needed: false,
    };
    table.iter().map(entry).collect()
}

/// The lines of a usage text: what may be given, and what it does.
pub(crate) fn usage(table: &[(String, &str)]) -> String {
    let width = table.iter().map(|(given, _)| given.len()).max().unwrap_or_default();
    let mut text = String::new();
    for (given, help) in table {
        let _ = writeln!(text, " {given:width$}  {help}.");
    }
    text
}

impl<E> Switch<E> {
    /// What may be given, and what it does.
    pub(crate) fn usage(&self) -> (String, &'static str) {
        let mut given = self.names.join(", ");
        if let Some(value) = self.value {
            given.extend([" ", value.name]);
        }
        (given, self.help)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_declared_twice_and_each_option_is_in_the_usage_line_of_its_program() {
        for program in programs() {
            let mut names: Vec<_> = program.options.iter().flat_map(|entry| entry.names.iter().copied()).collect();
            names.sort_unstable();
            let count = names.len();
            names.dedup();
            assert_eq!(names.len(), count, "{}", program.name);
            for entry in program.options.iter().filter(|entry| !entry.names.contains(&"--help")) {
                let is_word =
                    |form: &String| form.split([' ', '[', ']', '{', '}']).any(|word| entry.names.contains(&word));
                assert!(program.forms.iter().any(is_word), "{}: {:?}", program.name, entry.names);
            }
        }
    }

    #[test]
    fn usage_lines_stand_below_each_other() {
        let lines = [("-a".to_owned(), "one"), ("-b file".to_owned(), "two")];
        assert_eq!(usage(&lines), " -a       one.\n -b file  two.\n");
    }
}
