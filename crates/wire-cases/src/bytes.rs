//! Bytes from the words of a table.

use crate::Version;

/// The bytes that a text of a table stands for.
pub(crate) fn build(text: &str, version: Version) -> Vec<u8> {
    build_pattern(text, version).into_iter().map(|byte| byte.expect("?? stands only in replies")).collect()
}

/// The same with room for any byte, written `??`.
pub(crate) fn build_pattern(text: &str, version: Version) -> Vec<Option<u8>> {
    let mut out = Vec::new();
    let mut outer = None;
    let mut body = None;
    for word in text.split_whitespace() {
        match word {
            "@" => body = Some(out.len()),
            "[" => outer = Some(std::mem::take(&mut out)),
            "]" => {
                let list = std::mem::replace(&mut out, outer.take().expect("[ is missing"));
                if version == Version::V5 {
                    out.extend(varint(list.len()));
                    out.extend(list);
                }
            }
            _ => out.extend(build_word(word)),
        }
    }
    if let Some(at) = body {
        out.splice(at..at, varint(out.len() - at));
    }
    out
}

fn build_word(word: &str) -> Vec<Option<u8>> {
    let (word, times) = match word.rsplit_once('*') {
        Some((word, times)) => (word, times.parse().expect("a number behind *")),
        None => (word, 1),
    };
    if let Some(text) = word.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        let text = text.repeat(times);
        let len = u16::try_from(text.len()).expect("a text of at most 65,535 bytes");
        return len.to_be_bytes().into_iter().chain(text.bytes()).map(Some).collect();
    }
    let one: Vec<Option<u8>> = match word {
        "user" => b"\x26\0\x01k\0\x01v".map(Some).to_vec(),
        "??" => vec![None],
        _ => match word.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
            Some(text) => text.bytes().map(Some).collect(),
            None => hex_digits(word),
        },
    };
    one.repeat(times)
}

fn hex_digits(word: &str) -> Vec<Option<u8>> {
    let byte = |at| {
        let digits = word.get(at..at + 2).unwrap_or_else(|| panic!("half a byte: {word}"));
        Some(u8::from_str_radix(digits, 16).unwrap_or_else(|_| panic!("not hex: {word}")))
    };
    (0..word.len()).step_by(2).map(byte).collect()
}

fn varint(mut value: usize) -> Vec<Option<u8>> {
    let mut out = Vec::new();
    while value > 127 {
        out.push(Some(value as u8 | 0x80));
        value >>= 7;
    }
    out.push(Some(value as u8));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_the_documentation_says() {
        assert_eq!(build("30 @ \"a/b\" [ 0102 ] 'xy'", Version::V5), b"\x30\x0a\0\x03a/b\x02\x01\x02xy");
        assert_eq!(build("30 @ \"a\" [ user*9 ] 00*3", Version::V311), b"\x30\x06\0\x01a\0\0\0");
        assert_eq!(build("30 @ \"/\"*200", Version::V311).get(..5), Some(&b"\x30\xca\x01\0\xc8"[..]));
    }
}
