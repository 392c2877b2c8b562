//! A line as words, and words as values.

use crate::error::{ConfigError, shown, shown_briefly};
use crate::options::{Argument, Bound, Declaration, LONGEST_TEXT_BYTES, Refusal, Repeat};

/// What is left of a line. Only a space separates words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words<'l>(&'l [u8]);

/// A line whose first word is the name of an option.
#[derive(Debug)]
pub(crate) struct Statement<'l> {
    /// The option.
    pub(crate) declaration: &'static Declaration,
    /// The name as it stands there, perhaps an alias.
    pub(crate) name: String,
    /// What follows the name.
    pub(crate) words: Words<'l>,
}

/// Why a word is not a number.
enum NotAnInt {
    NotANumber,
    OutOfRange,
}

impl<'l> Words<'l> {
    pub(crate) fn new(line: &'l [u8]) -> Self {
        Self(line)
    }

    /// The next word, never empty.
    pub(crate) fn next_word(&mut self) -> Option<&'l [u8]> {
        let start = self.0.iter().position(|byte| *byte != b' ')?;
        let (_, line) = self.0.split_at_checked(start)?;
        let end = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
        let (word, rest) = line.split_at_checked(end)?;
        self.0 = rest;
        Some(word)
    }

    /// All the rest, without white space around it. Empty if there is nothing else.
    pub(crate) fn rest(self) -> &'l [u8] {
        self.0.trim_ascii()
    }
}

impl<'l> Statement<'l> {
    /// The next word, which must be there.
    pub(crate) fn word(&mut self) -> Result<&'l [u8], ConfigError> {
        self.words.next_word().ok_or_else(|| self.empty(self.label()))
    }

    /// The next word as true or false.
    pub(crate) fn bool(&mut self) -> Result<bool, ConfigError> {
        match self.word()? {
            b"true" | b"1" => Ok(true),
            b"false" | b"0" => Ok(false),
            other => Err(self.invalid(other)),
        }
    }

    /// The next word as a number, of any size that C's `int` has.
    pub(crate) fn number(&mut self) -> Result<i32, ConfigError> {
        let label = self.label().to_owned();
        self.named_number(&label)
    }

    /// The same, for one of several words: `name` is what errors call it.
    pub(crate) fn named_number(&mut self, name: &str) -> Result<i32, ConfigError> {
        let word = self.words.next_word().ok_or_else(|| self.empty(name))?;
        parse_int(word).map_err(|reason| {
            let reason = match reason {
                NotAnInt::NotANumber => "not a number",
                NotAnInt::OutOfRange => "out of range",
            };
            ConfigError::new(format_args!("'{name}' value {reason}.")).expected(format!(
                "{}, not {}",
                self.declaration.argument.expected(),
                shown_briefly(word)
            ))
        })
    }

    /// The next word as a number within the declared limits.
    pub(crate) fn int(&mut self) -> Result<i32, ConfigError> {
        let number = self.number()?;
        self.limited(number)
    }

    /// The number, moved to the nearest declared limit where that is how the option takes one outside them.
    pub(crate) fn limited(&self, number: i32) -> Result<i32, ConfigError> {
        let Argument::Int { min, max, .. } = self.declaration.argument else { return Ok(number) };
        match (min, max) {
            (Bound::Refuses(min), _) if number < min => Err(self.invalid(number.to_string().as_bytes())),
            (_, Bound::Refuses(max)) if number > max => Err(self.invalid(number.to_string().as_bytes())),
            (Bound::Clamps(min), _) if number < min => Ok(min),
            (_, Bound::Clamps(max)) if number > max => Ok(max),
            _ => Ok(number),
        }
    }

    /// The next word as a number within the declared limits, which must lie within those of 16 bits.
    pub(crate) fn small_int(&mut self) -> Result<u16, ConfigError> {
        let number = self.int()?;
        u16::try_from(number).map_err(|_| self.invalid(number.to_string().as_bytes()))
    }

    /// The next word as one of the declared ones.
    pub(crate) fn choice(&mut self) -> Result<&'static str, ConfigError> {
        let word = self.word()?;
        let Argument::Choice { words, .. } = self.declaration.argument else { return Err(self.invalid(word)) };
        words.iter().find(|known| known.as_bytes() == word).copied().ok_or_else(|| self.invalid(word))
    }

    /// The rest of the line as text. `again` if the option was given before.
    pub(crate) fn text(&self, again: bool) -> Result<String, ConfigError> {
        let value = self.words.rest();
        if value.is_empty() {
            return Err(self.empty(self.label()));
        }
        if let Argument::Text { max_bytes, repeat, refusal } = self.declaration.argument {
            if repeat == Repeat::Refused && again {
                let label = self.label();
                return Err(ConfigError::new(format_args!("Duplicate '{label}' value in configuration.")));
            }
            if value.len() > max_bytes && refusal != Refusal::Usual {
                return Err(self.invalid(value));
            }
        }
        checked_text(value)
    }

    /// The error about a value that is not accepted.
    pub(crate) fn invalid(&self, value: &[u8]) -> ConfigError {
        let argument = &self.declaration.argument;
        let text = match argument.refusal() {
            Refusal::Usual => "Invalid 'NAME' value (VALUE).",
            Refusal::Own(text) => text,
        };
        // The name first: it contains no VALUE, but the value may contain anything.
        let error = ConfigError::new(text.replace("NAME", &self.name).replace("VALUE", &shown(value)));
        let not = if text.contains("VALUE") { String::new() } else { format!(", not {}", shown_briefly(value)) };
        error.expected(format!("{}{not}", argument.expected()))
    }

    fn empty(&self, name: &str) -> ConfigError {
        ConfigError::new(format_args!("Empty '{name}' value in configuration."))
            .expected(self.declaration.argument.expected())
    }

    fn label(&self) -> &str {
        self.declaration.label.unwrap_or(&self.name)
    }
}

/// Text as MQTT allows it: UTF-8 without control characters and non-characters, no longer than MQTT can carry.
pub(crate) fn checked_text(value: &[u8]) -> Result<String, ConfigError> {
    let is_text = |text: &&str| text.len() <= LONGEST_TEXT_BYTES && !text.chars().any(is_forbidden);
    std::str::from_utf8(value).ok().filter(is_text).map(str::to_owned).ok_or_else(|| {
        ConfigError::new("Malformed UTF-8 in configuration.")
            .expected(format!("UTF-8 without control characters, at most 65535 bytes, not {}", shown_briefly(value)))
    })
}

/// Control characters, and the code points that Unicode keeps free for ever.
fn is_forbidden(c: char) -> bool {
    let code = u32::from(c);
    c.is_control() || (0xFDD0..=0xFDEF).contains(&code) || code & 0xFFFE == 0xFFFE
}

/// The number at the start of a text, as C's `atol` reads it, 0 if there is none; and what follows it.
pub(crate) fn leading_number(text: &[u8]) -> (i64, &[u8]) {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at_checked(end).unwrap_or((digits, &[]));
    let magnitude =
        digits.iter().fold(0_i64, |number, digit| number.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    (if negative { -magnitude } else { magnitude }, rest)
}

/// A number as C's `strtol` reads it with base 0, which must be all of the word.
fn parse_int(word: &[u8]) -> Result<i32, NotAnInt> {
    let word = word.trim_ascii_start();
    let (negative, digits) = match word {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, word),
    };
    let (radix, digits) = match digits {
        [b'0', b'x' | b'X', rest @ ..] => (16, rest),
        [b'0', ..] => (8, digits),
        _ => (10, digits),
    };
    if digits.is_empty() {
        return Err(NotAnInt::NotANumber);
    }
    let mut magnitude = 0_i64;
    for byte in digits {
        let digit = char::from(*byte).to_digit(radix).ok_or(NotAnInt::NotANumber)?;
        magnitude = magnitude.saturating_mul(i64::from(radix)).saturating_add(i64::from(digit));
    }
    i32::try_from(if negative { -magnitude } else { magnitude }).map_err(|_| NotAnInt::OutOfRange)
}
