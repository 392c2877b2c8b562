//! What may follow an option's name, and how that is put into words.

/// The longest text that MQTT can carry, which Mosquitto applies to the configuration as well.
pub(crate) const LONGEST_TEXT_BYTES: usize = u16::MAX as usize;

/// What must follow an option's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Argument {
    /// `true`, `1`, `false` or `0`.
    Bool,
    /// One whole number, as C writes it (`0x10`, `010`), of 32 bits with sign.
    Int {
        /// The lower limit.
        min: Bound,
        /// The upper limit.
        max: Bound,
        /// What one is one of; empty for a mere count.
        unit: &'static str,
        /// What is said about a number outside the limits.
        refusal: Refusal,
    },
    /// The rest of the line.
    Text {
        /// The longest text accepted, in bytes.
        max_bytes: usize,
        /// What happens when it is given again.
        repeat: Repeat,
        /// What is said about a longer one.
        refusal: Refusal,
    },
    /// One word of a list.
    Choice {
        /// The words.
        words: &'static [&'static str],
        /// What is said about any other word.
        refusal: Refusal,
    },
    /// A number and a unit letter, without a space between: `s h d w m y`.
    Duration,
    /// `NAME_KEY value`: the key is part of the option's name.
    KeyValue,
    /// Several words, parsed by hand; the text shows them as in a manual.
    Words(&'static str),
    /// Anything at all: the value is ignored.
    Ignored,
}

/// A limit of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// No limit but that of 32 bits.
    None,
    /// A number beyond it is moved to it.
    Clamps(i32),
    /// A number beyond it is an error.
    Refuses(i32),
}

/// What is said about a value that is not accepted. `NAME` and `VALUE` stand for the option's name and the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// `Invalid 'NAME' value (VALUE).` and a line that tells what was expected.
    Usual,
    /// Its own text and a line that tells what was expected, and what was found if the text does not.
    Own(&'static str),
}

/// What happens when a text is given again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// The last one wins.
    Replaces,
    /// An error.
    Refused,
    /// All of them count.
    Adds,
}

impl Argument {
    /// What is expected, for the end of a sentence that begins with "Expected".
    pub fn expected(&self) -> String {
        match self {
            Argument::Bool => "true or false".to_owned(),
            Argument::Int { min, max, unit, .. } => {
                let unit = if unit.is_empty() { String::new() } else { format!(" ({unit})") };
                let (min, max) = (min.limit().unwrap_or(i32::MIN), max.limit().unwrap_or(i32::MAX));
                format!("a whole number from {min} to {max}{unit}")
            }
            Argument::Text { max_bytes, .. } => {
                format!("text of at most {max_bytes} bytes in UTF-8, without control characters")
            }
            Argument::Choice { words, .. } => one_of(words),
            Argument::Duration => "a number and one of the letters s h d w m y, as in 14d".to_owned(),
            Argument::KeyValue => "a value after the name".to_owned(),
            Argument::Words(syntax) => (*syntax).to_owned(),
            Argument::Ignored => "nothing".to_owned(),
        }
    }

    /// What is said about a value that is not accepted.
    pub(crate) fn refusal(&self) -> Refusal {
        match self {
            Argument::Int { refusal, .. } | Argument::Text { refusal, .. } | Argument::Choice { refusal, .. } => {
                *refusal
            }
            _ => Refusal::Usual,
        }
    }
}

impl Bound {
    fn limit(self) -> Option<i32> {
        match self {
            Bound::Refuses(limit) | Bound::Clamps(limit) => Some(limit),
            Bound::None => None,
        }
    }
}

/// `a, b or c`.
fn one_of(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}
