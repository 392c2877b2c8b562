//! What is printed, and how.

#![allow(clippy::panic, reason = "a helper fails the test that it serves")]

use super::bench::{KEPT, MESSAGE, Outcome, Trial, least};
use crate::harness::free_port;
use mosquitto_tools::Tool;

pub(super) fn a_line_is_printed_for_each_packet(trial: &Trial) {
    let printed = trial.works(&[trial.form, "-i", "me"]);
    let packets: &[&str] = match trial.tool {
        Tool::Pub => &[
            "sending CONNECT",
            "received CONNACK (0)",
            "sending PUBLISH (d0, q0, r0, m1, 'said', ... (4 bytes))",
            "sending DISCONNECT",
        ],
        Tool::Sub => &[
            "sending CONNECT",
            "received CONNACK (0)",
            "sending SUBSCRIBE (Mid: 1, Topic: kept/message, QoS: 0, Options: 0x00)",
            "received SUBACK",
            "received PUBLISH (d0, q0, r1, m0, 'kept/message', ... (4 bytes))",
            "sending DISCONNECT",
        ],
        Tool::Rr => &[
            "sending CONNECT",
            "received CONNACK (0)",
            "sending SUBSCRIBE (Mid: 1, Topic: kept/message, QoS: 0, Options: 0x00)",
            "received SUBACK",
            "sending PUBLISH (d0, q0, r0, m2, 'ask', ... (4 bytes))",
            "received PUBLISH (d0, q0, r1, m0, 'kept/message', ... (4 bytes))",
            "sending DISCONNECT",
        ],
    };
    for packet in packets {
        assert!(printed.contains(&format!("Client me {packet}\n")), "{packet} is missing in {printed}");
    }
    assert_eq!(trial.works(&[]), trial.printed());
}

pub(super) fn messages_are_printed_in_this_form(trial: &Trial) {
    for (format, printed) in [
        ("%t|%p|%q|%r|%l|%%|@@", "kept/message|text|0|1|4|%|@\n"),
        (
            "%x %X %10t|%-15t|%.4t|%5l|%05l|%-5l|",
            "74657874 74657874 kept/message|kept/message   |kept|    4|00004|4    |\n",
        ),
        ("\\\\\\0\\a\\e\\n\\r\\t\\v", "\\\0\x07\x1b\n\r\t\x0b\n"),
        ("%.1x|%.2:X|%12x|%-12x|", "7 4 6 5 7 8 7 4|74:65:78:74|    74657874|74657874    |\n"),
        ("%C|%D|%E|%F|%P|%R|%S|%A", "|||||||\n"),
        ("plain", "plain\n"),
    ] {
        assert_eq!(trial.works(&["-v", trial.form, format]), printed, "{format}");
    }
    for (format, said) in [
        ("%", "Incomplete format specifier."),
        ("%5", "Incomplete format specifier."),
        ("%k", "Invalid format specifier 'k'."),
        ("\\", "Incomplete escape specifier."),
        ("\\k", "Invalid escape specifier 'k'."),
    ] {
        trial.refuses(&[trial.form, format], &format!("Error: {said}\n"));
    }
    trial.needs_a_value("-F argument given but no format");
}

pub(super) fn the_usage_is_printed(trial: &Trial) {
    let outcome = trial.run(&[trial.form]);
    assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(1), ""));
    assert!(outcome.stdout.starts_with(trial.tool.name()), "{outcome:?}");
    assert!(outcome.stdout.contains("\nUsage: "), "{outcome:?}");
}

pub(super) fn the_version_is_printed(trial: &Trial) {
    let outcome = trial.run(&[trial.form]);
    assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(1), ""));
    assert!(outcome.stdout.starts_with(&format!("{} version ", trial.tool.name())), "{outcome:?}");
}

pub(super) fn the_time_to_the_answer_is_printed(trial: &Trial) {
    let printed = trial.works(&[trial.form]);
    let lines: Vec<_> = printed.lines().collect();
    let [message, latency] = lines[..] else { panic!("{printed}") };
    assert_eq!(message, MESSAGE);
    let time = latency.strip_prefix("Latency: ").unwrap_or_else(|| panic!("{latency}"));
    let number = time.trim_end_matches("ms").trim_end_matches("µs").trim_end_matches("ns");
    assert!(number.parse::<f64>().is_ok_and(|number| number > 0.0), "{latency}");
}

pub(super) fn the_number_of_messages_in_each_second_is_printed(trial: &Trial) {
    let subscriber = trial.watcher(&["-t", "many", trial.form]);
    trial.broker.publish(&["-t", "many", "-m", "m", "--repeat", "5", "-q", "1"]);
    let mut messages = 0;
    while messages < 5 {
        let line = subscriber.message();
        let number = line.strip_suffix(" msgs/s").and_then(|number| number.parse::<u32>().ok());
        messages += number.unwrap_or_else(|| panic!("{line}"));
    }
    assert_eq!(messages, 5);
}

pub(super) fn no_new_line_ends_a_message(trial: &Trial) {
    assert_eq!(trial.works(&[trial.form]), MESSAGE);
    assert_eq!(trial.works(&[trial.form, "-v"]), format!("{KEPT} {MESSAGE}"));
    assert_eq!(trial.works(&[trial.form, "-F", "%l"]), "4");
}

pub(super) fn json_is_indented(trial: &Trial) {
    let plain = trial.works(&["-F", "%j"]);
    assert_eq!(plain.lines().count(), 1, "{plain}");
    let indented = trial.works(&[trial.form, "-F", "%j"]);
    assert!(indented.starts_with("{\n\t\"tst\":\t\""), "{indented}");
    assert!(indented.ends_with("\t\"payload\":\t\"text\"\n}\n"), "{indented}");
}

pub(super) fn errors_of_the_work_are_not_printed(trial: &Trial) {
    let port = free_port().to_string();
    let nobody = |more: &[&str]| trial.run(&[&["-p", &port], more, least(trial.tool)].concat());
    assert_eq!(nobody(&[]), Outcome::of(1, "", "Error: Connection refused\n"));
    assert_eq!(nobody(&[trial.form]), Outcome::of(1, "", ""));
    // Those of the arguments are.
    trial.refuses(&[trial.form, "-q", "3"], "Error: Invalid QoS given: 3\n");
}

pub(super) fn the_topic_is_printed_too(trial: &Trial) {
    assert_eq!(trial.works(&[trial.form]), format!("{KEPT} {MESSAGE}\n"));
    assert_eq!(trial.works(&[trial.form, "-F", "%p"]), "text\n");
}

pub(super) fn each_topic_has_a_line_of_its_own(trial: &Trial) {
    let subscriber = trial.watcher(&["-t", "lines/#", trial.form, "-v"]);
    for (topic, place) in [("lines/a", "\x1b[2;1H"), ("lines/b", "\x1b[3;1H"), ("lines/a", "\x1b[2;1H")] {
        trial.broker.publish(&["-t", topic, "-m", "text"]);
        subscriber.wait_for(&format!("{place}{topic} text"));
    }
}

/// That it is coloured on a terminal, the tests of terminals show.
pub(super) fn the_topic_is_not_coloured_where_nobody_looks(trial: &Trial) {
    for choice in ["auto", "never"] {
        assert_eq!(trial.works(&["-v", trial.form, choice]), format!("{KEPT} {MESSAGE}\n"));
    }
    trial.refuses(&[trial.form, "always"], "Error: Unknown value 'always' for --color.\n\n");
    trial.needs_a_value("--color argument given but no choice");
}
