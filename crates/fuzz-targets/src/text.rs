//! Text, topic names and topic filters, each held against a slow and plain reading of the rules.

use mosquitto_mqtt::{MAX_LEVEL_SEPARATORS, SharedFilter, TopicFilter, TopicName, valid_text};

/// Reads bytes as text, as a topic name and as filters; where a line feed divides them, what stands before it as a
/// filter for the topic behind it.
pub(crate) fn check(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |&byte| byte == b'\n');
    let first = parts.next().and_then(text);
    let second = parts.next().and_then(text);
    for text in [first, second].into_iter().flatten() {
        topic(text);
        filter(text);
        shared_filter(text);
    }
    if let (Some(filter), Some(topic)) = (first, second)
        && let (Ok(filter), Ok(topic)) = (TopicFilter::new(filter), TopicName::new(topic))
    {
        matches_as_the_rules_say(filter, topic);
    }
}

/// Asserts that this is text that MQTT allows.
pub(crate) fn is_text(text: &str) {
    assert_eq!(valid_text(text.as_bytes()), Some(text));
}

pub(crate) fn is_filter(text: &str) {
    is_text(text);
    TopicFilter::new(text).expect("a filter that was decoded is one");
}

pub(crate) fn is_shared_filter(text: &str) {
    is_text(text);
    SharedFilter::new(text).expect("a filter that was decoded is one");
}

fn text(bytes: &[u8]) -> Option<&str> {
    let text = valid_text(bytes);
    assert_eq!(text, std::str::from_utf8(bytes).ok().filter(|text| text.chars().all(allowed)));
    text
}

/// `[MQTT-1.5.4-1]` `[MQTT-1.5.4-2]`, and what Mosquitto refuses besides.
fn allowed(c: char) -> bool {
    let code = u32::from(c);
    let control = code < 0x20 || (0x7f..0xa0).contains(&code);
    let no_character = (0xfdd0..0xfdf0).contains(&code) || matches!(code & 0xffff, 0xfffe | 0xffff);
    !control && !no_character
}

fn within_bounds(text: &str) -> bool {
    !text.is_empty() && text.len() <= 0xffff && text.matches('/').count() <= MAX_LEVEL_SEPARATORS
}

fn topic(text: &str) {
    let topic = TopicName::new(text);
    assert_eq!(topic.is_ok(), within_bounds(text) && !text.contains(['+', '#']));
    if let Ok(topic) = topic {
        assert_eq!(topic.levels().collect::<Vec<_>>().join("/"), text);
        // Every topic name is the filter of its own messages.
        let filter = TopicFilter::new(text).expect("a topic name is a filter");
        assert!(filter.matches(topic) && !filter.has_wildcard());
        let all = TopicFilter::new("#").expect("# is a filter");
        assert_eq!(all.matches(topic), !text.starts_with('$'));
    }
}

fn filter(text: &str) {
    let levels: Vec<&str> = text.split('/').collect();
    let placed = levels.iter().enumerate().all(|(at, level)| {
        let last = at + 1 == levels.len();
        !level.contains(['+', '#']) || *level == "+" || (*level == "#" && last)
    });
    let filter = TopicFilter::new(text);
    assert_eq!(filter.is_ok(), within_bounds(text) && placed);
    if let Ok(filter) = filter {
        assert_eq!(filter.levels().collect::<Vec<_>>(), levels);
    }
}

fn shared_filter(text: &str) {
    let shared = SharedFilter::new(text);
    if text == "$share" || text.starts_with("$share/") {
        let Ok(SharedFilter { group, filter }) = shared else { return };
        let group = group.expect("a shared filter has a group");
        assert!(!group.is_empty() && !group.contains(['/', '+', '#']));
        assert_eq!(format!("$share/{group}/{filter}"), text);
        return;
    }
    let plain = TopicFilter::new(text).map(|filter| SharedFilter { group: None, filter });
    assert_eq!(shared, plain);
}

fn matches_as_the_rules_say(filter: TopicFilter<'_>, topic: TopicName<'_>) {
    let names: Vec<&str> = topic.levels().collect();
    let levels: Vec<&str> = filter.levels().collect();
    let hidden = topic.as_str().starts_with('$') && matches!(levels.first(), Some(&("+" | "#")));
    assert_eq!(filter.matches(topic), !hidden && level_by_level(&levels, &names));
}

fn level_by_level(levels: &[&str], names: &[&str]) -> bool {
    match (levels.split_first(), names.split_first()) {
        (Some((&"#", _)), _) | (None, None) => true,
        (Some((&"+", levels)), Some((_, names))) => level_by_level(levels, names),
        (Some((level, levels)), Some((name, names))) => level == name && level_by_level(levels, names),
        _ => false,
    }
}
