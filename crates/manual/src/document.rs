//! A document's parts, as a manual page or as a page of Markdown.

use crate::markup::{Block, bold, inline, italic, plain, roff, sentences};

/// Columns of Markdown.
const MARKDOWN_WIDTH: usize = 118;

/// Where a document is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `man`
    Roff,
    /// A browser, or an editor.
    Markdown,
}

/// A part of a document.
#[derive(Debug)]
pub(crate) enum Part<'t> {
    /// Prose.
    Block(Block<'t>),
    /// A program and the words that may follow it.
    Synopsis(&'static str, Vec<String>),
    /// A table: of options, say.
    Entries(Vec<Entry>),
}

/// A row of a table.
#[derive(Debug)]
pub(crate) struct Entry {
    /// What is to be typed: one of these.
    pub(crate) typed: Vec<String>,
    /// What stands for the values that follow.
    pub(crate) values: Vec<&'static str>,
    /// What it means.
    pub(crate) text: String,
}

impl Form {
    /// The parts, one after the other.
    pub(crate) fn text(self, parts: &[Part<'_>]) -> String {
        let mut text = String::new();
        let mut below_title = false;
        for part in parts {
            let shown = match self {
                Form::Roff => roff_part(part),
                Form::Markdown => markdown_part(part),
            };
            // Titles of manual pages bring their own distance.
            text.push_str(if below_title { shown.strip_prefix(".PP\n").unwrap_or(&shown) } else { &shown });
            below_title = matches!(part, Part::Block(Block::Section(_) | Block::Subsection(_)));
        }
        text
    }
}

fn roff_part(part: &Part<'_>) -> String {
    match part {
        Part::Block(block) => roff(block),
        Part::Synopsis(program, words) => format!(
            ".PP\n{}\n{}\n",
            bold(program),
            words.iter().map(|word| inline(word)).collect::<Vec<_>>().join("\n")
        ),
        Part::Entries(entries) => entries.iter().map(roff_entry).collect(),
    }
}

fn roff_entry(entry: &Entry) -> String {
    let typed: Vec<_> = entry.typed.iter().map(|typed| bold(typed)).collect();
    let head = entry.values.iter().fold(typed.join(", "), |head, value| head + " " + &italic(value));
    format!(".TP\n{head}\n{}", sentences(&entry.text))
}

fn markdown_part(part: &Part<'_>) -> String {
    match part {
        Part::Block(Block::Section(title)) => format!("\n## {}\n", title_case(title)),
        Part::Block(Block::Subsection(title)) => format!("\n### {title}\n"),
        Part::Block(Block::Paragraph(text)) => format!("\n{}\n", filled(text, "", "")),
        Part::Block(Block::Item(text)) => format!("\n{}\n", filled(text, "- ", "  ")),
        Part::Block(Block::Example(lines)) => {
            format!("\n{}\n", lines.iter().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n"))
        }
        Part::Block(Block::Table(_)) => String::new(),
        Part::Synopsis(program, words) => {
            let text = format!("{program} {}", words.join(" "));
            let lines = plain(&text, MARKDOWN_WIDTH - 8);
            format!("\n{}\n", lines.iter().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n"))
        }
        Part::Entries(entries) => {
            let rows: String = entries.iter().map(markdown_row).collect();
            format!("\n| | |\n|---|---|\n{rows}")
        }
    }
}

fn markdown_row(entry: &Entry) -> String {
    let typed: Vec<_> = entry.typed.iter().map(|typed| format!("`{typed}`")).collect();
    let head = entry.values.iter().fold(typed.join(", "), |head, value| head + " *" + value + "*");
    format!("| {head} | {} |\n", entry.text.replace('|', "\\|"))
}

/// `EXIT STATUS` is for manual pages.
fn title_case(title: &str) -> String {
    if title == "URLS" {
        return "URLs".to_owned();
    }
    let mut letters = title.chars();
    letters.next().map(|first| first.to_string() + &letters.as_str().to_lowercase()).unwrap_or_default()
}

fn filled(text: &str, first: &str, others: &str) -> String {
    let mut lines = vec![first.to_owned()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line == first || line == others => line.push_str(word),
            Some(line) if line.len() + 1 + word.len() <= MARKDOWN_WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("{others}{word}")),
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::markup::blocks;

    #[test]
    fn a_text_becomes_markdown() {
        let text = "# SEE ALSO\n\n`a` and\nb.\n\n- one\n- two\n\n    x\n";
        let parts: Vec<_> = blocks(text).into_iter().map(Part::Block).collect();
        let expected = "\n## See also\n\n`a` and b.\n\n- one\n\n- two\n\n    x\n";
        assert_eq!(Form::Markdown.text(&parts), expected);
    }

    #[test]
    fn a_row_of_a_table_breaks_no_table() {
        let entry = Entry { typed: vec!["-a".to_owned()], values: vec!["x"], text: "a|b".to_owned() };
        assert_eq!(markdown_row(&entry), "| `-a` *x* | a\\|b |\n");
        assert_eq!(roff_entry(&entry), ".TP\n\\fB\\-a\\fR \\fIx\\fR\na|b\n");
    }
}
