//! Topic names.

use std::fmt;

/// The most `/` that a topic name or filter may hold: Mosquitto's bound, which keeps every walk of a topic tree
/// shallow whatever a client sends.
pub const MAX_LEVEL_SEPARATORS: usize = 200;

/// A valid topic name: 1 to 65,535 bytes of valid text, no wildcard, at most [`MAX_LEVEL_SEPARATORS`] separators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TopicName<'a>(&'a str);

/// Why a string is no topic name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopicError {
    /// It is empty `[MQTT-4.7.3-1]`.
    Empty,
    /// It is longer than 65,535 bytes `[MQTT-4.7.3-3]`.
    TooLong,
    /// It holds `+` or `#` `[MQTT-3.3.2-2]`.
    Wildcard,
    /// It has more than [`MAX_LEVEL_SEPARATORS`] separators.
    TooDeep,
}

impl TopicError {
    /// The end of a sentence that begins with "topic name".
    pub fn what(self) -> &'static str {
        match self {
            TopicError::Empty => "is empty",
            TopicError::TooLong => "is longer than 65535 bytes",
            TopicError::Wildcard => "holds a wildcard",
            TopicError::TooDeep => "has more than 200 levels",
        }
    }
}

impl fmt::Display for TopicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "topic name {}", self.what())
    }
}

impl std::error::Error for TopicError {}

impl<'a> TopicName<'a> {
    /// Checks `text`, which must be valid MQTT text already.
    #[inline]
    pub fn new(text: &'a str) -> Result<Self, TopicError> {
        if text.is_empty() {
            return Err(TopicError::Empty);
        }
        if text.len() > usize::from(u16::MAX) {
            return Err(TopicError::TooLong);
        }
        // Without early exits, and a byte's answer is a byte, so that it is done in vector instructions.
        if text.bytes().fold(0, |wild, b| wild | u8::from(b == b'+') | u8::from(b == b'#')) > 0 {
            return Err(TopicError::Wildcard);
        }
        if text.len() > MAX_LEVEL_SEPARATORS && text.bytes().filter(|&b| b == b'/').count() > MAX_LEVEL_SEPARATORS {
            return Err(TopicError::TooDeep);
        }
        Ok(Self(text))
    }

    /// The name as text.
    #[inline]
    pub fn as_str(self) -> &'a str {
        self.0
    }

    /// Its levels, in order; a leading, doubled or trailing `/` gives empty levels.
    pub fn levels(self) -> std::str::Split<'a, char> {
        self.0.split('/')
    }
}

impl fmt::Display for TopicName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_emptiness_and_depth_are_refused() {
        assert_eq!(TopicName::new(""), Err(TopicError::Empty)); // [MQTT-4.7.3-1]
        assert_eq!(TopicName::new("a/+"), Err(TopicError::Wildcard)); // [MQTT-3.3.2-2]
        assert_eq!(TopicName::new("a#"), Err(TopicError::Wildcard));
        assert_eq!(TopicName::new(&"/".repeat(201)), Err(TopicError::TooDeep));
        assert!(TopicName::new(&"/".repeat(200)).is_ok());
        assert_eq!(TopicName::new(&"x".repeat(65_536)), Err(TopicError::TooLong)); // [MQTT-4.7.3-3]
        assert!(TopicName::new(&"x".repeat(65_535)).is_ok());
    }

    #[test]
    fn a_topic_of_slashes_has_empty_levels() {
        assert_eq!(TopicName::new("/a//").unwrap().levels().collect::<Vec<_>>(), ["", "a", "", ""]);
    }
}
