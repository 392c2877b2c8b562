//! `topic` lines of a bridge.

use crate::bridges::{bridge, said, wrong};
use mosquitto_config::{BridgeTopic, Direction, LogType};

/// The topic that this line adds.
fn topic(line: &str) -> BridgeTopic {
    bridge(line).topics.pop().unwrap()
}

fn expected(pattern: &str, direction: Direction, qos: u8, local: &str, remote: &str) -> BridgeTopic {
    let pattern = (!pattern.is_empty()).then(|| pattern.to_owned());
    BridgeTopic { pattern, direction, qos, local_prefix: local.to_owned(), remote_prefix: remote.to_owned() }
}

#[test]
fn a_line_has_pattern_direction_qos_and_prefixes() {
    for (line, topic_expected) in [
        ("topic a/#", expected("a/#", Direction::Out, 0, "", "")),
        ("topic a IN", expected("a", Direction::In, 0, "", "")),
        ("topic  #   Both  2  l/  r/", expected("#", Direction::Both, 2, "l/", "r/")),
        ("topic a out 1 l/", expected("a", Direction::Out, 1, "l/", "")),
        ("topic a out 1 \"\" r/", expected("a", Direction::Out, 1, "", "r/")),
        ("topic a out 1 l/ \"\"", expected("a", Direction::Out, 1, "l/", "")),
        ("topic \"\" in 0 l r", expected("", Direction::In, 0, "l", "r")),
        ("topic $share/g/x in", expected("$share/g/x", Direction::In, 0, "", "")),
        ("topic + out 0 $SYS/ x/ z", expected("+", Direction::Out, 0, "$SYS/", "x/")),
    ] {
        assert_eq!(topic(line), topic_expected, "{line}");
    }
}

#[test]
fn filters_are_prefix_and_pattern() {
    let filters = |line: &str| (topic(line).local_filter(), topic(line).remote_filter());
    let pair = |local: &str, remote: &str| (local.to_owned(), remote.to_owned());
    assert_eq!(filters("topic P out 0 L/ R/"), pair("L/P", "R/P"));
    assert_eq!(filters("topic P out 0 L/"), pair("L/P", "P"));
    assert_eq!(filters("topic P out 0 \"\" R/"), pair("P", "R/P"));
    assert_eq!(filters("topic P"), pair("P", "P"));
    assert_eq!(filters("topic \"\" out 0 L R"), pair("L", "R"));
}

#[test]
fn a_comment_may_follow_the_direction() {
    for (line, topic_expected) in [
        ("topic a out # c", expected("a", Direction::Out, 0, "", "")),
        ("topic a out 1 #c", expected("a", Direction::Out, 1, "", "")),
        ("topic a out 1 l # c", expected("a", Direction::Out, 1, "l", "")),
        ("topic a out 1 l r # c", expected("a", Direction::Out, 1, "l", "r")),
        ("topic a out 1 l #", expected("a", Direction::Out, 1, "l", "")),
    ] {
        assert_eq!(topic(line), topic_expected, "{line}");
    }
    assert_eq!(wrong("topic a # c"), "Error: Invalid bridge topic direction '#'.");
}

#[test]
fn a_pattern_with_spaces_stands_in_quotes() {
    assert_eq!(topic("topic \"a b\" out"), expected("a b", Direction::Out, 0, "", ""));
    assert_eq!(topic("topic \"a  b/#\" both 2 \"\" r/"), expected("a  b/#", Direction::Both, 2, "", "r/"));
    assert_eq!(topic("topic \"a b\""), expected("a b", Direction::Out, 0, "", ""));
    // Mosquitto misses the second quote here.
    assert_eq!(topic("topic \"ab\" in 1"), expected("ab", Direction::In, 1, "", ""));
    let text = "Error: Missing closing quote in topic value (b out).";
    assert_eq!(wrong("topic \"a b out"), text);
    assert_eq!(wrong("topic \"a b\"c out 1"), "Error: Invalid bridge topic direction 'c'.");
}

#[test]
fn a_number_is_read_as_far_as_it_goes_and_that_is_said() {
    assert_eq!(topic("topic a out x").qos, 0);
    assert_eq!(topic("topic a out 1x").qos, 1);
    let text = "Warning: The QoS '1x' of a bridge topic is read as 1.";
    assert_eq!(said(LogType::Warning, "topic a out 1x"), [text]);
    for qos in ["3", "-1", "300"] {
        assert_eq!(wrong(&format!("topic a out {qos}")), format!("Error: Invalid bridge QoS level '{qos}'."));
    }
}

#[test]
fn what_is_no_topic_is_refused() {
    for (line, text) in [
        ("topic", "Empty 'topic' value in configuration."),
        ("topic a sideways", "Invalid bridge topic direction 'sideways'."),
        ("topic \"\"", "Invalid bridge remapping."),
        ("topic \"\" in 0 a", "Invalid bridge remapping."),
        ("topic \"\" in 0 \"\" b", "Invalid bridge remapping."),
        ("topic a out 0 +/ x/", "Invalid bridge topic local prefix '+/'."),
        ("topic a out 0 x/ +y", "Invalid bridge topic remote prefix '+y'."),
        ("topic a out 0 x# y", "Invalid bridge topic local prefix 'x#'."),
        // Mosquitto takes these, and they have no effect.
        ("topic a#b", "Invalid bridge topic 'a#b'."),
        ("topic #/b", "Invalid bridge topic '#/b'."),
        ("topic a/b+", "Invalid bridge topic 'a/b+'."),
        ("topic # out 0 l", "Invalid bridge topic 'l#'."),
        ("topic +/a out 0 \"\" r", "Invalid bridge topic 'r+/a'."),
    ] {
        assert_eq!(wrong(line), format!("Error: {text}"), "{line}");
    }
}

#[test]
fn the_same_line_again_is_left_out_and_that_is_said() {
    for line in ["topic t", "topic t OUT 0", "topic t out 0 \"\" \"\""] {
        assert_eq!(bridge(line), bridge(""), "{line}");
        assert_eq!(said(LogType::Information, line), ["Duplicate bridge topic 't', skipping"], "{line}");
    }
    for line in ["topic t out 1", "topic t in", "topic t out 0 l/", "topic t out 0 \"\" r/"] {
        assert_eq!(bridge(line).topics.len(), 2, "{line}");
    }
}
