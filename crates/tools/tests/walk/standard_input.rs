//! `mosquitto_pub` with messages from standard input.

use crate::harness::{Broker, SUB, publish_input, publisher, text};
use std::io::Write;

#[test]
fn each_line_is_a_message() {
    let broker = Broker::start();
    for qos in ["0", "1", "2"] {
        let subscriber = broker.subscribe(&["-t", "a", "-q", qos, "-v"]);
        publish_input(&broker, &["-t", "a", "-l", "-q", qos], b"one\n\nlast without an end");
        for expected in ["a one", "a (null)", "a last without an end"] {
            assert_eq!(subscriber.message(), expected);
        }
    }
}

#[test]
fn all_lines_arrive_in_order_through_a_narrow_window() {
    let broker = Broker::start();
    let lines: Vec<_> = (0..3000).map(|number| format!("line {number}")).collect();
    let input = lines.join("\n");
    for (version, qos) in [("mqttv311", "1"), ("mqttv5", "2")] {
        let count = lines.len().to_string();
        let subscriber = broker.subscribe(&["-t", "a", "-q", qos, "-C", &count, "-V", version]);
        publish_input(&broker, &["-t", "a", "-l", "-q", qos, "-M", "3", "-V", version], input.as_bytes());
        for line in &lines {
            assert_eq!(&subscriber.message(), line);
        }
        assert_eq!(subscriber.end().0, Some(0));
    }
}

#[test]
fn a_line_is_sent_as_soon_as_it_is_there() {
    let broker = Broker::start();
    let subscriber = broker.subscribe(&["-t", "a"]);
    let (mut process, mut stdin) = publisher(&broker, &["-t", "a", "-l"]);
    for line in ["first", "second"] {
        assert!(writeln!(stdin, "{line}").is_ok());
        assert_eq!(subscriber.message(), line);
    }
    drop(stdin);
    assert_eq!(process.wait().code(), Some(0));
}

#[test]
fn nothing_at_all_is_no_error() {
    let broker = Broker::start();
    for qos in ["0", "1"] {
        publish_input(&broker, &["-t", "a", "-l", "-q", qos], b"");
    }
}

#[test]
fn all_of_it_can_be_one_message() {
    let broker = Broker::start();
    publish_input(&broker, &["-t", "a", "-s", "-r", "-q", "1"], b"one\ntwo\n");
    let output = broker.run(SUB, &["-t", "a", "-C", "1", "-N"]);
    assert_eq!(text(&output.stdout), "one\ntwo\n");
}
