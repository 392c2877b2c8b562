//! Reads formats.

use super::Piece;
use super::field::Layout;
use std::fmt;

/// What can stand between groups of hexadecimal digits.
const SEPARATORS: &[u8] = b" !\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~";

/// The letters after `%`, and what is printed for each.
pub const FIELDS: &[(u8, &str)] = &[
    (b'%', "A percent sign."),
    (b'A', "The topic alias (MQTT 5)."),
    (b'C', "The content type (MQTT 5)."),
    (b'D', "The correlation data as it is (MQTT 5)."),
    (b'E', "The message expiry interval in seconds (MQTT 5)."),
    (b'F', "The payload format indicator (MQTT 5)."),
    (b'I', "The time here, as in `2024-05-06T07:08:09+0100`."),
    (b'j', "All of the message as a JSON object, with the payload as a string."),
    (b'J', "The same with the payload as JSON. A payload that is none is an error, and nothing is printed."),
    (b'l', "The length of the payload in bytes."),
    (b'm', "The message id; nothing for QoS 0."),
    (b'p', "The payload as it is."),
    (b'P', "The user properties, as in `name:value`, with a space between two (MQTT 5)."),
    (b'q', "The QoS."),
    (b'R', "The response topic (MQTT 5)."),
    (b'r', "The retain flag, 0 or 1."),
    (b'S', "The subscription identifier (MQTT 5)."),
    (b't', "The topic."),
    (b'U', "Seconds since 1970, with nanoseconds."),
    (b'x', "The payload in hexadecimal, small letters."),
    (b'X', "The payload in hexadecimal, capital letters."),
    (b'f', "A payload of 4 bytes as a floating-point number of this machine."),
    (b'd', "A payload of 8 bytes as a floating-point number of this machine."),
];

/// Why a format was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormatError {
    /// It ends after `%` or `@`.
    IncompleteField,
    /// There is no such field.
    InvalidField(u8),
    /// It ends after `\`.
    IncompleteEscape,
    /// There is no such escape.
    InvalidEscape(u8),
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FormatError::IncompleteField => f.write_str("Incomplete format specifier."),
            FormatError::InvalidField(letter) => write!(f, "Invalid format specifier '{}'.", char::from(*letter)),
            FormatError::IncompleteEscape => f.write_str("Incomplete escape specifier."),
            FormatError::InvalidEscape(letter) => write!(f, "Invalid escape specifier '{}'.", char::from(*letter)),
        }
    }
}

impl std::error::Error for FormatError {}

pub(super) fn pieces(mut text: &[u8]) -> Result<Vec<Piece>, FormatError> {
    let mut pieces = Vec::new();
    let mut plain = Vec::new();
    while let Some((&byte, rest)) = text.split_first() {
        text = rest;
        let piece = match byte {
            b'%' => field(&mut text)?,
            b'@' => match take(&mut text).ok_or(FormatError::IncompleteField)? {
                b'@' => Piece::Text(vec![b'@']),
                b'N' => Piece::Nanoseconds,
                letter => Piece::Time(char::from(letter)),
            },
            b'\\' => Piece::Text(vec![escape(&mut text)?]),
            byte => Piece::Text(vec![byte]),
        };
        match piece {
            Piece::Text(text) => plain.extend(text),
            piece => {
                flush(&mut plain, &mut pieces);
                pieces.push(piece);
            }
        }
    }
    flush(&mut plain, &mut pieces);
    Ok(pieces)
}

fn flush(plain: &mut Vec<u8>, pieces: &mut Vec<Piece>) {
    if !plain.is_empty() {
        pieces.push(Piece::Text(std::mem::take(plain)));
    }
}

fn take(text: &mut &[u8]) -> Option<u8> {
    let (&byte, rest) = text.split_first()?;
    *text = rest;
    Some(byte)
}

/// Takes the next byte if it is one of these.
fn take_of(text: &mut &[u8], bytes: &[u8]) -> Option<u8> {
    let byte = *text.first().filter(|byte| bytes.contains(byte))?;
    take(text);
    Some(byte)
}

fn field(text: &mut &[u8]) -> Result<Piece, FormatError> {
    let left = take_of(text, b"-").is_some();
    let zero = take_of(text, b"0").is_some();
    let width = number(text);
    let precision = take_of(text, b".").map(|_| number(text));
    let separator = take_of(text, SEPARATORS);
    match take(text).ok_or(FormatError::IncompleteField)? {
        b'%' => Ok(Piece::Text(vec![b'%'])),
        letter if FIELDS.iter().any(|(known, _)| *known == letter) => {
            Ok(Piece::Field(letter, Layout { left, zero, width, precision, separator }))
        }
        letter => Err(FormatError::InvalidField(letter)),
    }
}

fn number(text: &mut &[u8]) -> usize {
    let mut number = 0_usize;
    while let Some(digit) = take_of(text, b"0123456789") {
        number = number.saturating_mul(10).saturating_add(usize::from(digit - b'0'));
    }
    // A format is no way to ask for more memory than a message can take.
    number.min(usize::from(u16::MAX))
}

fn escape(text: &mut &[u8]) -> Result<u8, FormatError> {
    Ok(match take(text).ok_or(FormatError::IncompleteEscape)? {
        b'\\' => b'\\',
        b'0' => 0,
        b'a' => 7,
        b'e' => 0x1b,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0b,
        letter => return Err(FormatError::InvalidEscape(letter)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_format_is_refused_with_its_reason() {
        for (format, error) in [
            ("%", FormatError::IncompleteField),
            ("%-", FormatError::IncompleteField),
            ("%05", FormatError::IncompleteField),
            ("%5.", FormatError::IncompleteField),
            ("%5.2:", FormatError::IncompleteField),
            ("a@", FormatError::IncompleteField),
            ("%Z", FormatError::InvalidField(b'Z')),
            ("%5.1Z", FormatError::InvalidField(b'Z')),
            ("\\", FormatError::IncompleteEscape),
            ("\\Z", FormatError::InvalidEscape(b'Z')),
        ] {
            assert_eq!(pieces(format.as_bytes()), Err(error), "{format}");
        }
    }
}
