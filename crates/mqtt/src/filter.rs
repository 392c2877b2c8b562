//! Topic filters, plain and shared.

use crate::{MAX_LEVEL_SEPARATORS, TopicName};
use std::fmt;

/// A valid topic filter without `$share`: wildcards stand alone on their level, and `#` only on the last
/// `[MQTT-4.7.1-1]` `[MQTT-4.7.1-2]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TopicFilter<'a>(&'a str);

/// What a SUBSCRIBE asks for: a filter, perhaps for a group of sessions that share the messages (MQTT 5, 4.8.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SharedFilter<'a> {
    /// The group's name, for `$share/GROUP/FILTER`.
    pub group: Option<&'a str>,
    /// What topics have to match.
    pub filter: TopicFilter<'a>,
}

/// Why a string is no topic filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilterError {
    /// It is empty `[MQTT-4.7.3-1]`.
    Empty,
    /// It is longer than 65,535 bytes `[MQTT-4.7.3-3]`.
    TooLong,
    /// A wildcard is not alone on its level, or `#` is not on the last `[MQTT-4.7.1-1]`.
    Wildcard,
    /// It has more than [`MAX_LEVEL_SEPARATORS`] separators.
    TooDeep,
    /// `$share` without a group name, or with `+` in it, or without a filter `[MQTT-4.8.2-1]` `[MQTT-4.8.2-2]`.
    Share,
}

impl FilterError {
    /// The end of a sentence that begins with "topic filter".
    pub fn what(self) -> &'static str {
        match self {
            FilterError::Empty => "is empty",
            FilterError::TooLong => "is longer than 65535 bytes",
            FilterError::Wildcard => "has a misplaced wildcard",
            FilterError::TooDeep => "has more than 200 levels",
            FilterError::Share => "is no valid shared subscription",
        }
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "topic filter {}", self.what())
    }
}

impl std::error::Error for FilterError {}

impl<'a> TopicFilter<'a> {
    /// Checks `text`, which must be valid MQTT text already. A `$share` prefix has no meaning here.
    pub fn new(text: &'a str) -> Result<Self, FilterError> {
        if text.is_empty() {
            return Err(FilterError::Empty);
        }
        if text.len() > usize::from(u16::MAX) {
            return Err(FilterError::TooLong);
        }
        if text.bytes().filter(|&b| b == b'/').count() > MAX_LEVEL_SEPARATORS {
            return Err(FilterError::TooDeep);
        }
        let mut levels = text.split('/').peekable();
        while let Some(level) = levels.next() {
            let wild = level.contains(['+', '#']);
            if wild && (level.len() > 1 || (level == "#" && levels.peek().is_some())) {
                return Err(FilterError::Wildcard);
            }
        }
        Ok(Self(text))
    }

    /// The filter as text.
    pub fn as_str(self) -> &'a str {
        self.0
    }

    /// Its levels, in order.
    pub fn levels(self) -> std::str::Split<'a, char> {
        self.0.split('/')
    }

    /// Whether it holds `+` or `#`.
    pub fn has_wildcard(self) -> bool {
        self.0.contains(['+', '#'])
    }

    /// Whether `topic` matches, level by level. A wildcard on the first level does not match a topic that begins with
    /// `$` `[MQTT-4.7.2-1]`; `a/#` matches `a` too.
    pub fn matches(self, topic: TopicName<'_>) -> bool {
        if topic.as_str().starts_with('$') && self.0.starts_with(['+', '#']) {
            return false;
        }
        let mut names = topic.levels();
        for level in self.levels() {
            if level == "#" {
                return true;
            }
            match names.next() {
                Some(name) if level == "+" || level == name => {}
                _ => return false,
            }
        }
        names.next().is_none()
    }
}

impl fmt::Display for TopicFilter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl<'a> SharedFilter<'a> {
    /// Checks `text`, which must be valid MQTT text already, and splits off `$share/GROUP/`.
    pub fn new(text: &'a str) -> Result<Self, FilterError> {
        let Some(shared) = text.strip_prefix("$share/") else {
            if text == "$share" {
                return Err(FilterError::Share);
            }
            return Ok(Self { group: None, filter: TopicFilter::new(text)? });
        };
        if text.len() > usize::from(u16::MAX) {
            return Err(FilterError::TooLong);
        }
        // [MQTT-4.8.2-1] [MQTT-4.8.2-2]: a group of at least one character without wildcards, then a filter.
        let (group, filter) = shared.split_once('/').ok_or(FilterError::Share)?;
        if group.contains('#') {
            // Not the last level, to those who see a filter in it.
            return Err(FilterError::Wildcard);
        }
        if group.is_empty() || group.contains('+') || filter.is_empty() {
            return Err(FilterError::Share);
        }
        Ok(Self { group: Some(group), filter: TopicFilter::new(filter)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(filter: &str, topic: &str) -> bool {
        TopicFilter::new(filter).unwrap().matches(TopicName::new(topic).unwrap())
    }

    #[test]
    fn the_specifications_examples_of_wildcards_match() {
        // MQTT 5, 4.7.1.2 and 4.7.1.3
        for topic in ["sport/tennis/player1", "sport/tennis/player1/ranking", "sport/tennis/player1/score/wimbledon"] {
            assert!(matches("sport/tennis/player1/#", topic));
        }
        assert!(matches("sport/#", "sport"));
        assert!(matches("#", "a/b"));
        assert!(matches("sport/tennis/+", "sport/tennis/player1"));
        assert!(!matches("sport/tennis/+", "sport/tennis/player1/ranking"));
        assert!(!matches("sport/+", "sport"));
        assert!(matches("sport/+", "sport/"));
        assert!(matches("+/+", "/finance"));
        assert!(matches("/+", "/finance"));
        assert!(!matches("+", "/finance"));
    }

    #[test]
    fn leading_wildcards_do_not_match_dollar_topics() {
        // [MQTT-4.7.2-1]
        assert!(!matches("#", "$SYS/a"));
        assert!(!matches("+/monitor/Clients", "$SYS/monitor/Clients"));
        assert!(matches("$SYS/#", "$SYS/a"));
        assert!(matches("$SYS/monitor/+", "$SYS/monitor/Clients"));
    }

    #[test]
    fn misplaced_wildcards_are_refused() {
        // [MQTT-4.7.1-2] [MQTT-4.7.1-1]
        for bad in ["sport/tennis#", "sport/tennis/#/ranking", "sport+", "a/b+/c", "##", "++", "#/"] {
            assert_eq!(TopicFilter::new(bad), Err(FilterError::Wildcard), "{bad}");
        }
        for good in ["+", "#", "+/tennis/#", "/", "a//b", "/#"] {
            assert!(TopicFilter::new(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn shared_filters_need_a_group_and_a_filter() {
        // [MQTT-4.8.2-1] [MQTT-4.8.2-2]
        for bad in ["$share", "$share/", "$share/g", "$share/g/", "$share//a", "$share/+/a", "$share/g+/a"] {
            assert_eq!(SharedFilter::new(bad), Err(FilterError::Share), "{bad}");
        }
        assert_eq!(SharedFilter::new("$share/#/a"), Err(FilterError::Wildcard));
        let shared = SharedFilter::new("$share/g/a/#").unwrap();
        assert_eq!((shared.group, shared.filter.as_str()), (Some("g"), "a/#"));
        assert_eq!(SharedFilter::new("$shared/g").unwrap().group, None);
    }

    #[test]
    fn filters_have_a_length_between_one_and_65535_bytes() {
        // [MQTT-4.7.3-1] [MQTT-4.7.3-3]
        assert_eq!(TopicFilter::new(""), Err(FilterError::Empty));
        assert!(TopicFilter::new("a").is_ok() && TopicFilter::new(&"a".repeat(65_535)).is_ok());
        assert_eq!(TopicFilter::new(&"a".repeat(65_536)), Err(FilterError::TooLong));
        assert_eq!(SharedFilter::new(&format!("$share/g/{}", "a".repeat(65_527))), Err(FilterError::TooLong));
    }

    #[test]
    fn filters_of_more_than_200_separators_are_refused() {
        assert_eq!(TopicFilter::new(&"/".repeat(201)), Err(FilterError::TooDeep));
        assert!(TopicFilter::new(&"/".repeat(200)).is_ok());
    }
}
