//! One source file: which test cites what.
//!
//! A citation belongs to the test function that it stands in, or whose comments and attributes it stands among. In
//! `proptest!` and the like the functions inside count as they would outside.

use crate::Statement;
use crate::citations::{Stray, cited};
use crate::lexer::{Lexer, Token};

/// Finds the citations of a source file, each with the name of its test, and those that are no test's. `among_tests` says that the whole file is for tests; in any other one only
/// modules under `#[cfg(test)]` are.
pub(crate) fn scan(file: &str, source: &str, among_tests: bool) -> (Vec<(Statement, String)>, Vec<Stray>) {
    let mut scanner = Scanner {
        file,
        among_tests,
        scopes: Vec::new(),
        item: Item::default(),
        nesting: 0,
        citations: Vec::new(),
        strays: Vec::new(),
    };
    let mut tokens = Lexer::new(source);
    while let Some((line, token)) = tokens.next() {
        scanner.token(line, token, &mut tokens);
    }
    scanner.end_item();
    (scanner.citations, scanner.strays)
}

/// What a pair of braces encloses.
enum Scope {
    Test(String),
    TestModule,
    Other,
}

/// What has been seen of the item that comes next.
#[derive(Default)]
struct Item {
    cited: Vec<(Statement, usize)>,
    is_test: bool,
    for_tests: bool,
    function: Option<String>,
    module: bool,
}

struct Scanner<'a> {
    file: &'a str,
    among_tests: bool,
    scopes: Vec<(Scope, usize)>,
    item: Item,
    /// Round and square brackets that are open within the innermost braces.
    nesting: usize,
    citations: Vec<(Statement, String)>,
    strays: Vec<Stray>,
}

impl<'a> Scanner<'a> {
    fn token(&mut self, line: usize, token: Token<'a>, tokens: &mut Lexer<'a>) {
        match token {
            Token::Comment(text) | Token::Text(text) => self.text(line, text),
            Token::Word("fn") => self.function(tokens),
            Token::Word("mod") => self.item.module = true,
            Token::Mark('#') => self.attribute(line, tokens),
            Token::Mark('(' | '[') => self.nesting += 1,
            Token::Mark(')' | ']') => self.nesting = self.nesting.saturating_sub(1),
            Token::Mark('{') => self.open(),
            Token::Mark('}') => {
                self.end_item();
                self.nesting = self.scopes.pop().map_or(0, |(_, nesting)| nesting);
            }
            Token::Mark(';') if self.nesting == 0 => self.end_item(),
            Token::Word(_) | Token::Mark(_) => {}
        }
    }

    fn text(&mut self, line: usize, text: &str) {
        self.item.cited.extend(cited(text).into_iter().map(|statement| (statement, line)));
        // A comment about the file or module is not one about its first test.
        if text.starts_with("//!") && self.test().is_none() {
            self.stray();
        } else {
            self.cite();
        }
    }

    fn function(&mut self, tokens: &mut Lexer<'a>) {
        match tokens.next() {
            Some((_, Token::Word(name))) => self.item.function = Some(name.to_owned()),
            // The type of a function, not a function.
            Some((line, other)) => self.token(line, other, tokens),
            None => {}
        }
    }

    /// Reads an attribute to its end; what it says in texts is no citation.
    fn attribute(&mut self, line: usize, tokens: &mut Lexer<'a>) {
        let mut next = tokens.next();
        let inner = matches!(next, Some((_, Token::Mark('!'))));
        if inner {
            next = tokens.next();
        }
        match next {
            Some((_, Token::Mark('['))) => {}
            Some((_, other)) => return self.token(line, other, tokens),
            None => return,
        }
        let (mut depth, mut words) = (1, Vec::new());
        while depth > 0 {
            match tokens.next() {
                Some((_, Token::Mark('['))) => depth += 1,
                Some((_, Token::Mark(']'))) => depth -= 1,
                Some((_, Token::Word(word))) => words.push(word),
                Some(_) => {}
                None => return,
            }
        }
        match words.as_slice() {
            ["cfg", "test"] if !inner => self.item.for_tests = true,
            ["test"] => self.item.is_test = true,
            _ => {}
        }
    }

    fn open(&mut self) {
        let scope = match (self.item.is_test, self.item.function.take()) {
            (true, Some(name)) if self.test().is_none() => Scope::Test(name),
            _ if self.item.module && self.item.for_tests => Scope::TestModule,
            _ => Scope::Other,
        };
        self.scopes.push((scope, self.nesting));
        self.nesting = 0;
        self.cite();
        self.end_item();
    }

    /// The test that is being read.
    fn test(&self) -> Option<&str> {
        self.scopes.iter().find_map(|(scope, _)| match scope {
            Scope::Test(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// Gives what was cited to the test around it, if there is one.
    fn cite(&mut self) {
        let Some(test) = self.test().map(str::to_owned) else { return };
        let cited = std::mem::take(&mut self.item.cited);
        self.citations.extend(cited.into_iter().map(|(statement, _)| (statement, test.clone())));
    }

    fn stray(&mut self) {
        let among_tests = self.among_tests || self.scopes.iter().any(|(scope, _)| matches!(scope, Scope::TestModule));
        for (statement, line) in std::mem::take(&mut self.item.cited) {
            self.strays.push(Stray { statement, place: format!("{}:{line}", self.file), among_tests });
        }
    }

    fn end_item(&mut self) {
        self.stray();
        self.item = Item::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sources under test hold no citations that this file could be taken to make.
    fn cite(source: &str) -> String {
        source.replace('<', "[").replace('>', "]")
    }

    fn found(source: &str, among_tests: bool) -> (Vec<String>, Vec<String>) {
        let (citations, strays) = scan("f.rs", &cite(source), among_tests);
        let name = |s: &Statement| format!("{} {}", s.version.name(), s.id);
        let cited = citations.into_iter().map(|(statement, test)| format!("{} {test}", name(&statement))).collect();
        let strays = strays.into_iter().filter(|s| s.among_tests);
        (cited, strays.map(|s| format!("{} {}", s.statement.id, s.place.trim_start_matches("f.rs:"))).collect())
    }

    #[test]
    fn a_citation_belongs_to_the_test_it_stands_above_or_in() {
        let source = "
            use x;
            /// <MQTT-1>
            // <3.1.1 MQTT-2>
            #[test]
            fn first() {
                let a = [(1, \"x\"), (2, \"y\")]; // <MQTT-3>
                if a { fn inner() { /* <MQTT-4> */ } }
                assert!(a, \"<MQTT-5>\");
                // <MQTT-6>
            }
            #[test] #[should_panic] fn second() -> [u8; 3] {} // <MQTT-7>
            proptest! {
                // <MQTT-8>
                #[test]
                fn third(x in [0u8; 4]) { }
            }";
        let (cited, strays) = found(source, true);
        let expected = [
            "5.0 MQTT-1 first",
            "3.1.1 MQTT-2 first",
            "5.0 MQTT-3 first",
            "5.0 MQTT-4 first",
            "5.0 MQTT-5 first",
            "5.0 MQTT-6 first",
            "5.0 MQTT-8 third",
        ];
        assert_eq!((cited, strays), (expected.map(String::from).to_vec(), vec!["MQTT-7 12".to_owned()]));
    }

    #[test]
    fn helpers_constants_and_module_comments_are_no_tests() {
        let source = "//! <MQTT-1>
            // <MQTT-2>
            fn helper() { /* <MQTT-3> */ }
            const A: [u8; 2] = [ // <MQTT-4>
                1, 2 ];
            #[test]
            fn test() {}
            // <MQTT-5>";
        let (cited, strays) = found(source, true);
        assert!(cited.is_empty());
        assert_eq!(strays, ["MQTT-1 1", "MQTT-2 2", "MQTT-3 3", "MQTT-4 4", "MQTT-5 8"]);
    }

    #[test]
    fn in_the_code_itself_only_test_modules_promise_anything() {
        let source = "// <MQTT-1>
            fn code() { /* <MQTT-2> */ }
            #[cfg(test)]
            mod tests {
                // <MQTT-3>
                fn helper() {}
                #[test]
                fn test() { /* <MQTT-4> */ }
            }
            // <MQTT-5>
            mod other {}";
        let (cited, strays) = found(source, false);
        assert_eq!((cited, strays), (vec!["5.0 MQTT-4 test".to_owned()], vec!["MQTT-3 5".to_owned()]));
    }
}
