//! A small markup, into roff with the macros of `man(7)`, and into comments.
//!
//! `# TITLE` and `## TITLE` are headings; an empty line ends a paragraph; lines that begin with `- ` are items of a list,
//! continued by lines that begin with two spaces; lines that begin with four spaces are an example, shown as it stands. In a text, what
//! stands in backquotes is to be typed as it is.

/// Where lines of roff are broken, in bytes. The reader's terminal breaks them anew.
const ROFF_WIDTH: usize = 78;

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Block<'t> {
    /// A title of a section.
    Section(&'t str),
    /// A title below it.
    Subsection(&'t str),
    /// Sentences; line ends in it are spaces.
    Paragraph(String),
    /// The same, behind a bullet.
    Item(String),
    /// Lines to be shown as they are.
    Example(Vec<&'t str>),
    /// The place of a table.
    Table(&'t str),
}

/// Takes a text apart.
pub(crate) fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut fresh = true;
    for line in text.lines() {
        let new = std::mem::replace(&mut fresh, line.is_empty());
        if line.is_empty() {
            continue;
        }
        if let Some(title) = line.strip_prefix("## ") {
            blocks.push(Block::Subsection(title));
        } else if let Some(title) = line.strip_prefix("# ") {
            blocks.push(Block::Section(title));
        } else if let Some(table) = line.strip_prefix('@') {
            blocks.push(Block::Table(table));
        } else if let Some(shown) = line.strip_prefix("    ") {
            match blocks.last_mut() {
                Some(Block::Example(lines)) => lines.push(shown),
                _ => blocks.push(Block::Example(vec![shown])),
            }
        } else if let Some(item) = line.strip_prefix("- ") {
            blocks.push(Block::Item(item.to_owned()));
        } else {
            match blocks.last_mut() {
                Some(Block::Paragraph(text) | Block::Item(text)) if !new => {
                    text.push(' ');
                    text.push_str(line.trim_start());
                }
                _ => blocks.push(Block::Paragraph(line.to_owned())),
            }
        }
    }
    blocks
}

/// A block as roff. Tables are not its business.
pub(crate) fn roff(block: &Block<'_>) -> String {
    match block {
        Block::Section(title) => format!(".SH {}\n", escaped(title)),
        Block::Subsection(title) => format!(".SS {}\n", escaped(title)),
        Block::Paragraph(text) => format!(".PP\n{}", sentences(text)),
        Block::Item(text) => format!(".IP \\(bu 2\n{}", sentences(text)),
        Block::Example(lines) => {
            let lines: String = lines.iter().map(|line| guarded(&literal(line)) + "\n").collect();
            format!(".PP\n.RS 4\n.nf\n{lines}.fi\n.RE\n")
        }
        Block::Table(_) => String::new(),
    }
}

/// Text with backquotes as lines of roff: a new line after each sentence and wherever one grows too long.
pub(crate) fn sentences(text: &str) -> String {
    let styled = inline(text);
    let mut lines = String::new();
    let mut line = String::new();
    for word in styled.split(' ').filter(|word| !word.is_empty()) {
        if !line.is_empty() && line.len() + 1 + word.len() > ROFF_WIDTH {
            lines.push_str(&(guarded(&std::mem::take(&mut line)) + "\n"));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if word.ends_with('.') || word.ends_with('?') {
            lines.push_str(&(guarded(&std::mem::take(&mut line)) + "\n"));
        }
    }
    if !line.is_empty() {
        lines.push_str(&(guarded(&line) + "\n"));
    }
    lines
}

/// Text with backquotes as roff, without line ends.
pub(crate) fn inline(text: &str) -> String {
    let style = |(at, part): (usize, &str)| match at % 2 {
        0 => escaped(part),
        _ => bold(part),
    };
    text.split('`').enumerate().map(style).collect()
}

/// Something to be typed as it is.
pub(crate) fn bold(text: &str) -> String {
    format!("\\fB{}\\fR", literal(text))
}

/// Something that stands for a value.
pub(crate) fn italic(text: &str) -> String {
    format!("\\fI{}\\fR", escaped(text))
}

/// Text without its backquotes, in lines of at most `width` bytes (or of one longer word).
pub(crate) fn plain(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.replace('`', "").split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.len() + 1 + word.len() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The lines of the usage text begin small.
pub(crate) fn capitalized(line: &str) -> String {
    let mut letters = line.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\e")
}

/// As it stands, with a minus sign where prose has a hyphen, so that it can be copied, and accents and carets as typed.
fn literal(text: &str) -> String {
    escaped(text).replace('-', "\\-").replace('\'', "\\(aq").replace('~', "\\(ti").replace('^', "\\(ha")
}

/// A line that roff does not take for a request.
fn guarded(line: &str) -> String {
    if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::{Block, blocks, inline, plain, roff, sentences};

    #[test]
    fn a_text_is_taken_apart() {
        let text = "# T\n\none\ntwo\n\n- a\n  b\n- c\n\n    x  y\n      z\n\n@options\n";
        let expected = [
            Block::Section("T"),
            Block::Paragraph("one two".to_owned()),
            Block::Item("a b".to_owned()),
            Block::Item("c".to_owned()),
            Block::Example(vec!["x  y", "  z"]),
            Block::Table("options"),
        ];
        assert_eq!(blocks(text), expected);
    }

    #[test]
    fn what_roff_would_take_for_its_own_is_escaped() {
        assert_eq!(inline("a\\b `-c 'x'` d-e"), "a\\eb \\fB\\-c \\(aqx\\(aq\\fR d-e");
        assert_eq!(sentences(".conf is it."), "\\&.conf is it.\n");
        assert_eq!(roff(&Block::Example(vec![".x"])), ".PP\n.RS 4\n.nf\n\\&.x\n.fi\n.RE\n");
    }

    #[test]
    fn every_sentence_begins_a_line_and_no_line_is_long() {
        assert_eq!(sentences("One. Two three."), "One.\nTwo three.\n");
        let long = "word ".repeat(100);
        assert!(sentences(&long).lines().all(|line| line.len() <= 78));
        assert!(plain(&long, 60).iter().all(|line| line.len() <= 60));
    }
}
