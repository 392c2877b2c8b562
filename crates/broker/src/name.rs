//! A short text that belongs to each connection or session: what the log calls it, the id of a client.

use std::fmt;
use std::ops::Deref;

/// Bytes that stand in the value itself: an address of IPv4 with its port, and most client ids, which MQTT 3.1 limits to 23
/// characters. With them an idle connection owns two allocations less.
const INLINE: usize = 22;

/// A text that does not change.
#[derive(Clone)]
pub(crate) enum Name {
    Short { len: u8, bytes: [u8; INLINE] },
    Long(Box<str>),
}

impl Name {
    fn as_str(&self) -> &str {
        match self {
            // It was a text when it came in here.
            Name::Short { .. } => std::str::from_utf8(self.as_bytes()).unwrap_or_default(),
            Name::Long(text) => text,
        }
    }

    /// For comparing: cheaper than the text.
    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Name::Short { len, bytes } => bytes.get(..usize::from(*len)).unwrap_or_default(),
            Name::Long(text) => text.as_bytes(),
        }
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        let mut bytes = [0; INLINE];
        match bytes.get_mut(..text.len()) {
            Some(place) => {
                place.copy_from_slice(text.as_bytes());
                Name::Short { len: text.len() as u8, bytes }
            }
            None => Name::Long(text.into()),
        }
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_text_whether_it_is_short_or_long() {
        for text in
            ["", "a", "255.255.255.255:65535", "2222222222222222222222", "23 characters, as in 3.1", "äöü€𝄞äöü€𝄞ä"]
        {
            let name = Name::from(text);
            assert_eq!((&*name, name.as_bytes(), name.to_string()), (text, text.as_bytes(), text.to_owned()));
        }
    }

    #[test]
    fn a_short_name_owns_nothing() {
        assert!(matches!(Name::from("255.255.255.255:65535"), Name::Short { .. }));
        assert_eq!(size_of::<Name>(), 24);
    }
}
