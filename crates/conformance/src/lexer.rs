//! As much of Rust's lexical structure as it takes to tell comments, texts and braces apart.

/// A piece of a source file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// A comment with its slashes.
    Comment(&'a str),
    /// What a string literal holds.
    Text(&'a str),
    /// A name, keyword or number.
    Word(&'a str),
    /// Any other character.
    Mark(char),
}

/// The tokens of a source file, each with its line. White space and character literals are left out.
pub(crate) struct Lexer<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(source: &'a str) -> Self {
        Self { rest: source, line: 1 }
    }

    /// Takes so many bytes, and keeps count of lines.
    fn take(&mut self, len: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(len).unwrap_or((self.rest, ""));
        self.line += taken.matches('\n').count();
        self.rest = rest;
        taken
    }

    fn block_comment_len(&self) -> usize {
        let (mut depth, mut at) = (0_usize, 0);
        while let Some(rest) = self.rest.get(at..) {
            if rest.starts_with("/*") {
                (depth, at) = (depth + 1, at + 2);
            } else if rest.starts_with("*/") {
                (depth, at) = (depth - 1, at + 2);
                if depth == 0 {
                    return at;
                }
            } else {
                let Some(next) = rest.chars().next() else { break };
                at += next.len_utf8();
            }
        }
        self.rest.len()
    }

    /// The length of a literal from its opening quote to its closing one.
    fn quoted_len(&self, quote: char) -> usize {
        let mut escaped = false;
        for (at, c) in self.rest.char_indices().skip(1) {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                _ if c == quote => return at + 1,
                _ => {}
            }
        }
        self.rest.len()
    }

    /// The text behind `r` if a raw string begins here.
    fn raw_text(&mut self) -> Option<&'a str> {
        let hashes = self.rest.len() - self.rest.trim_start_matches('#').len();
        let inside = self.rest.get(hashes..)?.strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        let len = inside.find(&end)?;
        self.take(hashes + 1);
        let text = self.take(len);
        self.take(end.len());
        Some(text)
    }

    /// A character literal is left out, of a lifetime the quote.
    fn quote(&mut self) {
        let mut chars = self.rest.chars().skip(1);
        let literal = match (chars.next(), chars.next()) {
            (Some('\\'), _) => true,
            (_, second) => second == Some('\''),
        };
        let len = if literal { self.quoted_len('\'') } else { 1 };
        self.take(len);
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = (usize, Token<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let blank = self.rest.len() - self.rest.trim_start().len();
            self.take(blank);
            let line = self.line;
            let first = self.rest.chars().next()?;
            if self.rest.starts_with("//") {
                let len = self.rest.find('\n').unwrap_or(self.rest.len());
                return Some((line, Token::Comment(self.take(len))));
            }
            if self.rest.starts_with("/*") {
                let len = self.block_comment_len();
                return Some((line, Token::Comment(self.take(len))));
            }
            match first {
                '"' => {
                    let len = self.quoted_len('"');
                    return Some((line, Token::Text(self.take(len).trim_matches('"'))));
                }
                '\'' => self.quote(),
                _ if first.is_alphanumeric() || first == '_' => {
                    let end = |c: char| !c.is_alphanumeric() && c != '_';
                    let word = self.take(self.rest.find(end).unwrap_or(self.rest.len()));
                    if matches!(word, "r" | "br" | "cr")
                        && let Some(text) = self.raw_text()
                    {
                        return Some((line, Token::Text(text)));
                    }
                    return Some((line, Token::Word(word)));
                }
                _ => {
                    self.take(first.len_utf8());
                    return Some((line, Token::Mark(first)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(source: &str) -> Vec<(usize, Token<'_>)> {
        Lexer::new(source).collect()
    }

    #[test]
    fn braces_in_literals_and_comments_are_none() {
        let source = "a // {\n\"{\\\"}\" b'{' '\\'' 'x: /* { /* } */ */ r#\"\"}\"# r#fn {";
        let expected = [
            (1, Token::Word("a")),
            (1, Token::Comment("// {")),
            (2, Token::Text("{\\\"}")),
            (2, Token::Word("b")),
            (2, Token::Word("x")),
            (2, Token::Mark(':')),
            (2, Token::Comment("/* { /* } */ */")),
            (2, Token::Text("\"}")),
            (2, Token::Word("r")),
            (2, Token::Mark('#')),
            (2, Token::Word("fn")),
            (2, Token::Mark('{')),
        ];
        assert_eq!(tokens(source), expected);
    }

    #[test]
    fn what_does_not_end_ends_with_the_file() {
        assert_eq!(tokens("\n\"ab"), [(2, Token::Text("ab"))]);
        assert_eq!(tokens("/* a"), [(1, Token::Comment("/* a"))]);
        assert_eq!(tokens("'\\"), []);
    }
}
