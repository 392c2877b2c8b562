//! One level of a topic, kept without an allocation where it is short.

/// The text between two `/`. Up to 22 bytes stand in the value itself, as most levels do.
#[derive(Debug, Clone)]
pub(crate) enum Level {
    Short { len: u8, bytes: [u8; 22] },
    Long(Box<[u8]>),
}

impl Level {
    pub(crate) fn new(text: &[u8]) -> Self {
        let mut bytes = [0; 22];
        match bytes.get_mut(..text.len()) {
            Some(place) => {
                place.copy_from_slice(text);
                Level::Short { len: text.len() as u8, bytes }
            }
            None => Level::Long(text.into()),
        }
    }

    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Level::Short { len, bytes } => bytes.get(..usize::from(*len)).unwrap_or_default(),
            Level::Long(bytes) => bytes,
        }
    }
}

/// The levels of a topic name or filter.
#[inline]
pub(crate) fn levels(topic: &[u8]) -> std::slice::Split<'_, u8, impl FnMut(&u8) -> bool + Clone> {
    topic.split(|&b| b == b'/')
}
