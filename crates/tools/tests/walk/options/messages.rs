//! What is published.

#![allow(clippy::unwrap_used, reason = "a helper fails the test that it serves")]

use super::bench::{KEPT, MESSAGE, Outcome, Trial, open_directory};
use mosquitto_tools::Tool;

/// The least arguments come after the option, and have a message.
const ONLY_ONE: &str = "Error: Only one type of message can be sent at once.\n\n";

/// What arrives of a message that is said with these arguments, and its length.
fn arrives(trial: &Trial, message: &[&str]) -> String {
    let arguments = [&["-t", "said/this"], trial.to_be_answered(), message].concat();
    trial.seen(&["-t", "said/#", "-F", "%l %p"], &arguments)
}

/// The same with this as standard input.
fn arrives_of(trial: &Trial, message: &[&str], input: &[u8]) -> String {
    let watcher = trial.watcher(&["-t", "said/#", "-F", "%l %x"]);
    let arguments = [&["-t", "said/this"], trial.to_be_answered(), message].concat();
    assert_eq!(trial.with_input(&arguments, input), Outcome::of(0, trial.printed(), ""));
    watcher.message()
}

pub(super) fn the_answer_is_on_this_topic(trial: &Trial) {
    let asks = ["-t", "ask", "-m", MESSAGE, trial.form, KEPT];
    assert_eq!(trial.seen(&["-t", "ask", "-V", "5", "-F", "%R"], &asks), KEPT);
    assert_eq!(trial.run(&asks), Outcome::of(0, "text\n", ""));
    let said = "Error: Invalid response topic 'a/+', does it contain '+' or '#'?\n";
    trial.refuses(&[trial.form, "a/+"], said);
    trial.needs_a_value("-e argument given but no response topic");
}

pub(super) fn what_is_in_a_file_is_published(trial: &Trial) {
    let directory = open_directory();
    let file = directory.file("file", "in a file").display().to_string();
    assert_eq!(arrives(trial, &[trial.form, &file]), "9 in a file");
    let empty = directory.file("empty", "").display().to_string();
    assert_eq!(arrives(trial, &[trial.form, &empty]), "0 ");
    trial.refuses(&[trial.form, &file], ONLY_ONE);
    trial.needs_a_value("-f argument given but no file");
    let missing = trial.run(&[&["-t", "a"], trial.to_be_answered(), &[trial.form, "/no/such/file"]].concat());
    assert_eq!(missing.status, Some(1));
    assert!(missing.stderr.starts_with("Error: Unable to read file \"/no/such/file\": "), "{missing:?}");
}

pub(super) fn each_line_is_a_message(trial: &Trial) {
    let watcher = trial.watcher(&["-t", "said", "-F", "%l %p", "-q", "1"]);
    let outcome = trial.with_input(&["-t", "said", trial.form, "-q", "1"], b"one\n\nwith space\nlast");
    assert_eq!(outcome, Outcome::of(0, "", ""));
    for line in ["3 one", "0 ", "10 with space", "4 last"] {
        assert_eq!(watcher.message(), line);
    }
    trial.refuses(&[trial.form], ONLY_ONE);
    trial.refuses(&["-s", trial.form], ONLY_ONE);
}

pub(super) fn this_is_published(trial: &Trial) {
    assert_eq!(arrives(trial, &[trial.form, "this"]), "4 this");
    assert_eq!(arrives(trial, &[trial.form, ""]), "0 ");
    trial.refuses(&[trial.form, "this"], ONLY_ONE);
    trial.needs_a_value("-m argument given but no message");
}

pub(super) fn an_empty_message_is_published(trial: &Trial) {
    assert_eq!(arrives(trial, &[trial.form]), "0 ");
    trial.refuses(&[trial.form], ONLY_ONE);
}

pub(super) fn all_of_standard_input_is_published(trial: &Trial) {
    assert_eq!(arrives_of(trial, &[trial.form], b"a\nb\0\n"), "5 610a62000a");
    trial.refuses(&[trial.form], ONLY_ONE);
    let arguments = [&["-t", "said"], trial.to_be_answered(), &[trial.form]].concat();
    let nothing = trial.with_input(&arguments, b"");
    let said = "Error: Zero length input.\nError loading input from stdin.\n";
    assert_eq!((nothing.status, nothing.stderr.as_str()), (Some(1), said));
}

pub(super) fn the_quality_of_service_is_that_of_messages_and_subscriptions(trial: &Trial) {
    for qos in ["0", "1", "2"] {
        if trial.tool != Tool::Sub {
            let arguments = [&["-t", "said", "-m", "a", trial.form, qos], trial.to_be_answered()].concat();
            assert_eq!(trial.seen(&["-t", "said", "-q", "2", "-F", "%q"], &arguments), qos);
        }
        // The message is kept with QoS 2.
        if trial.prints() {
            assert_eq!(trial.works(&["-F", "%q", trial.form, qos]), format!("{qos}\n"));
        }
    }
    for qos in ["3", "-1"] {
        trial.refuses(&[trial.form, qos], &format!("Error: Invalid QoS given: {qos}\n"));
    }
    trial.needs_a_value("-q argument given but no QoS");
}

pub(super) fn the_message_is_kept_for_later_subscribers(trial: &Trial) {
    let topic = format!("later/{}", trial.id);
    let arguments = ["-t", &topic, "-m", "for later", "-q", "1"];
    assert_eq!(trial.run(&arguments), Outcome::of(0, "", ""));
    assert_eq!(trial.run(&[&arguments[..], &[trial.form]].concat()), Outcome::of(0, "", ""));
    let found = trial.watcher(&["-t", &topic, "-F", "%r %p"]);
    assert_eq!(found.message(), "1 for later");
}

pub(super) fn a_message_is_published_so_many_times_with_pauses(trial: &Trial) {
    let (times, pause) = if trial.form == "--repeat" {
        ([trial.form, "3"], ["--repeat-delay", "0"])
    } else {
        (["--repeat", "3"], [trial.form, "0.4"])
    };
    for qos in ["0", "1"] {
        let watcher = trial.watcher(&["-t", "said", "-C", "3", "-q", "1"]);
        let start = std::time::Instant::now();
        let message = ["-t", "said", "-m", "again", "-q", qos];
        assert_eq!(trial.run(&[&message[..], &times, &pause].concat()), Outcome::of(0, "", ""));
        // Between three messages there are two pauses.
        assert!(trial.form == "--repeat" || start.elapsed().as_millis() >= 800);
        for _ in 0..3 {
            assert_eq!(watcher.message(), "again");
        }
        assert_eq!(watcher.end().0, Some(0));
    }
    if trial.form == "--repeat" {
        trial.refuses(&[trial.form, "0"], "Error: --repeat argument must be >0.\n\n");
        trial.needs_a_value("--repeat argument given but no count");
    } else {
        trial.refuses(&[trial.form, "-0.1"], "Error: --repeat-delay argument must be >=0.0.\n\n");
        trial.needs_a_value("--repeat-delay argument given but no time");
    }
}

pub(super) fn the_topic_is_that_of_messages_or_of_a_subscription(trial: &Trial) {
    if trial.tool == Tool::Sub {
        let outcome = trial.run(&[trial.form, "none", trial.form, "+/message", "-C", "1"]);
        assert_eq!(outcome, Outcome::of(0, "text\n", ""));
        let said = "Error: Invalid subscription topic 'a+', are all '+' and '#' wildcards correct?\n";
        trial.refuses(&[trial.form, "a+"], said);
    } else {
        // The last one is it.
        let message = [&["-m", MESSAGE, trial.form, "first", trial.form, "last/one"], trial.to_be_answered()].concat();
        assert_eq!(trial.seen(&["-t", "first", "-t", "last/#", "-v"], &message), "last/one text");
        let said = "Error: Invalid publish topic 'a/+', does it contain '+' or '#'?\n";
        trial.refuses(&[trial.form, "a/+"], said);
    }
    let outcome = trial.run(&[trial.form, "a\u{1}"]);
    let said = "Error: Malformed UTF-8 in -t argument.\n\n";
    assert!(outcome.stderr.starts_with(said), "{outcome:?}");
    trial.needs_a_value("-t argument given but no topic");
}
