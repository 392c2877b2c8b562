//! The sections of a PEM file, as far as private keys need them: also with headers, which RFC 7468 does not have any more.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

/// What is between a line with `BEGIN` and the next one with `END`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section<'a> {
    pub(super) label: &'a [u8],
    lines: Vec<&'a [u8]>,
    is_whole: bool,
}

/// All of them, also a last one without an end.
pub(super) fn sections(contents: &[u8]) -> impl Iterator<Item = Section<'_>> {
    let mut lines = contents.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    std::iter::from_fn(move || {
        let label = lines.find_map(|line| line.strip_prefix(b"-----BEGIN ")?.strip_suffix(b"-----"))?;
        let mut section = Section { label, lines: Vec::new(), is_whole: false };
        for line in lines.by_ref() {
            if line.starts_with(b"-----END ") {
                section.is_whole = true;
                break;
            }
            section.lines.push(line);
        }
        Some(section)
    })
}

impl<'a> Section<'a> {
    /// The value of a header.
    pub(super) fn header(&self, name: &str) -> Option<&'a str> {
        let headers = self.lines.iter().take_while(|line| line.contains(&b':'));
        let mut headers = headers.filter_map(|line| str::from_utf8(line).ok()?.split_once(':'));
        headers.find(|(known, _)| *known == name).map(|(_, value)| value.trim())
    }

    /// What the lines below the headers come to; none where they are not base64, or have no end.
    pub(super) fn der(&self) -> Option<Zeroizing<Vec<u8>>> {
        let body = self.lines.iter().skip_while(|line| line.contains(&b':'));
        let mut base64 = Zeroizing::new(Vec::new());
        body.for_each(|line| base64.extend_from_slice(line));
        self.is_whole.then(|| BASE64_STANDARD.decode(&*base64).ok().map(Zeroizing::new))?
    }
}
