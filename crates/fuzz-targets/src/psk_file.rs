//! `psk_file`: the text of a `psk_file`, against a slow reading of it.

use mosquitto_auth::psk::{IDENTITY_BYTES_MAX, Ineffective, KEY_BYTES_MAX, Note, PskFile, PskFileError};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;

/// Lines without effect that are told, at most.
const NOTES_MAX: usize = 100;

/// Bytes of a line to show: an identity may be cut, its characters may have four bytes each.
const LINE_BYTES_MAX: usize = 1_500;

/// What a slow reading comes to.
#[derive(Debug, Default)]
struct Read {
    keys: BTreeMap<String, Vec<u8>>,
    notes: Vec<Note>,
    not_hex: Option<usize>,
}

pub(crate) fn run(bytes: &[u8]) {
    let expected = read(bytes);
    let file = match PskFile::parse(bytes) {
        Ok(file) => file,
        Err(error) => {
            let PskFileError::NotHex { line, .. } = &error else { panic!("{error:?}") };
            assert_eq!(Some(*line), expected.not_hex);
            let text = error.text(Path::new("file"));
            assert!(text.ends_with(&format!("Error found at file:{line}.")), "{text}");
            text.lines().for_each(is_readable);
            assert!(text.lines().count() == 2, "{text:?}");
            return;
        }
    };
    assert_eq!(expected.not_hex, None);
    assert_eq!(file.len(), expected.keys.len());
    assert_eq!(file.is_empty(), expected.keys.is_empty());
    for (identity, key) in &expected.keys {
        assert_eq!(file.key(identity.as_bytes()), Some(key.as_slice()), "{identity:?}");
        assert!(!identity.is_empty() && identity.len() <= IDENTITY_BYTES_MAX);
        assert!(!key.is_empty() && key.len() <= KEY_BYTES_MAX);
    }
    assert_eq!(file.notes(), expected.notes.get(..NOTES_MAX).unwrap_or(&expected.notes));
    file.notes().iter().for_each(|note| is_readable(&note.text(Path::new("file"))));
    // Nobody else is known: neither by a line as it stands there, nor by a part of a name.
    for line in bytes.split(|byte| *byte == b'\n') {
        for name in [line, line.get(1..).unwrap_or_default()] {
            let known = std::str::from_utf8(name).ok().and_then(|name| expected.keys.get(name));
            assert_eq!(file.key(name), known.map(Vec::as_slice));
        }
    }
    comments_say_nothing(bytes, &file);
}

fn is_readable(line: &str) {
    assert!(line.len() <= LINE_BYTES_MAX && !line.contains(char::is_control), "{line:?}");
}

/// Comments and empty lines around a text change nothing but the numbers of the lines.
fn comments_say_nothing(bytes: &[u8], file: &PskFile) {
    let around = [b"#a:zz\n\r\n".as_slice(), bytes, b"\n# b:0\n \t\n"].concat();
    let again = PskFile::parse(&around).expect("what was read before");
    assert_eq!(again.len(), file.len());
    let lines = |file: &PskFile| file.notes().iter().map(|note| note.line).collect::<Vec<_>>();
    assert_eq!(lines(&again), lines(file).iter().map(|line| line + 2).collect::<Vec<_>>());
}

fn read(bytes: &[u8]) -> Read {
    let mut read = Read::default();
    for (at, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let mut note = |why| read.notes.push(Note { why, line: at + 1 });
        if line.starts_with(b"#") || line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            note(Ineffective::NoColon);
            continue;
        };
        let (identity, behind) = (line[..colon].trim_ascii(), &line[colon + 1..]);
        let end = behind.iter().position(|byte| *byte == b':').unwrap_or(behind.len());
        let digits = behind[..end].trim_ascii();
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            read.not_hex = Some(at + 1);
            return read;
        }
        let key = number(digits);
        let identity = match std::str::from_utf8(identity) {
            Ok("") => {
                note(Ineffective::NoIdentity);
                continue;
            }
            // What is missing is told first.
            _ if key.is_empty() => {
                note(Ineffective::NoKey);
                continue;
            }
            Ok(identity) if identity.chars().all(|c| !c.is_control()) => identity.to_owned(),
            _ => {
                note(Ineffective::NoText);
                continue;
            }
        };
        if identity.len() > IDENTITY_BYTES_MAX {
            note(Ineffective::IdentityTooLong);
        } else if key.len() > KEY_BYTES_MAX {
            note(Ineffective::KeyTooLong);
        } else {
            match read.keys.entry(identity) {
                Entry::Occupied(first) => note(Ineffective::Duplicate(first.key().as_str().into())),
                Entry::Vacant(place) => drop(place.insert(key)),
            }
        }
    }
    read
}

/// As Mosquitto reads a key: pairs of zeros are bytes, and what follows is one long number.
fn number(digits: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(digits).expect("hex digits");
    let (mut zeros, mut rest) = (Vec::new(), text);
    while let Some(shorter) = rest.strip_prefix("00") {
        zeros.push(0);
        rest = shorter;
    }
    let rest = rest.trim_start_matches('0');
    let even = if rest.len() % 2 == 1 { format!("0{rest}") } else { rest.to_owned() };
    let byte = |at: usize| u8::from_str_radix(&even[at..at + 2], 16).expect("two hex digits");
    zeros.extend((0..even.len()).step_by(2).map(byte));
    zeros
}
