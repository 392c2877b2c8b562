//! What is subscribed to, which messages are taken, and when it ends.

#![allow(clippy::panic, reason = "a helper fails the test that it serves")]

use super::bench::{KEPT, MESSAGE, Outcome, Trial, least};
use mosquitto_tools::Tool;

/// What shows that no message comes.
const TIMED_OUT: &str = "Timed out\n";

/// Waits a second for the kept message.
fn waits(trial: &Trial, arguments: &[&str]) -> Outcome {
    trial.run(&[least(trial.tool), &["-W", "1"], arguments].concat())
}

pub(super) fn it_ends_after_so_many_messages(trial: &Trial) {
    trial.broker.publish(&["-t", "kept/other", "-m", MESSAGE, "-r", "-q", "1"]);
    for (count, printed) in [("1", "text\n"), ("2", "text\ntext\n")] {
        assert_eq!(trial.run(&["-t", "kept/#", trial.form, count]), Outcome::of(0, printed, ""));
    }
    for count in ["0", "-1"] {
        trial.refuses(&[trial.form, count], &format!("Error: Invalid message count \"{count}\".\n\n"));
    }
    trial.needs_a_value("-C argument given but no count");
}

pub(super) fn it_ends_once_it_has_subscribed(trial: &Trial) {
    let outcome = trial.run(&["-t", KEPT, trial.form, "-d", "-i", "me"]);
    assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(0), ""));
    assert!(outcome.stdout.contains("Client me received SUBACK\n"), "{outcome:?}");
    assert!(!outcome.stdout.contains("text"), "{outcome:?}");
}

pub(super) fn retained_messages_are_left_out(trial: &Trial) {
    for version in ["311", "5"] {
        assert_eq!(waits(trial, &[trial.form, "-V", version]), Outcome::of(27, "", TIMED_OUT));
    }
    if trial.tool == Tool::Sub {
        let outcome = trial.run(&["-t", KEPT, "--retained-only", trial.form]);
        assert_eq!(outcome, Outcome::of(1, "", "\nError: Combining '-R' and '--retained-only' makes no sense.\n"));
    }
}

pub(super) fn messages_are_printed_by_chance(trial: &Trial) {
    for chance in ["100", "0.1"] {
        let some = trial.watcher(&["-t", "many", trial.form, chance, "-C", "200"]);
        trial.broker.publish(&["-t", "many", "-m", "m", "--repeat", "200", "-q", "1"]);
        let printed = some.end().1.iter().filter(|line| *line == "m").count();
        assert!(if chance == "100" { printed == 200 } else { printed < 20 }, "{printed} of 200 at {chance} %");
    }
    for chance in ["0", "0.09", "100.1", "x"] {
        trial.refuses(&[trial.form, chance], "Error: --random-filter chance must be between 0.1-100.0\n\n");
    }
    trial.needs_a_value("--random-filter argument given but no chance");
}

pub(super) fn retained_messages_are_removed(trial: &Trial) {
    trial.broker.publish(&["-t", "old/a", "-m", "old", "-r", "-q", "1"]);
    assert_eq!(trial.run(&["-t", "old/#", "-C", "1", trial.form]), Outcome::of(0, "old\n", ""));
    assert_eq!(trial.run(&["-t", "old/#", "-W", "1"]), Outcome::of(27, "", TIMED_OUT));
}

/// Of a message that is retained as somebody is subscribed already.
fn flag(trial: &Trial, more: &[&str]) -> String {
    let topic = format!("flag/{}{}", trial.id, more.len());
    let answer = ["-t", &topic, "-m", "a", "-r", "-q", "1"];
    let print = [&["-V", "5", "-F", "%r"], more].concat();
    if trial.tool == Tool::Sub {
        let subscriber = trial.watcher(&[&["-t", &topic], &print[..]].concat());
        trial.broker.publish(&answer);
        return subscriber.message();
    }
    let asked = trial.watcher(&["-t", "question"]);
    let asks = trial.command(&[&["-t", "question", "-m", "?", "-e", &topic], &print[..]].concat()).spawn();
    let Ok(asks) = asks else { panic!("it does not run") };
    assert_eq!(asked.message(), "?");
    trial.broker.publish(&answer);
    let output = asks.wait_with_output();
    output.map(|output| crate::harness::text(&output.stdout).trim_end().to_owned()).unwrap_or_default()
}

pub(super) fn the_retain_flag_is_that_of_the_publisher(trial: &Trial) {
    assert_eq!(flag(trial, &[]), "0");
    assert_eq!(flag(trial, &[trial.form]), "1");
}

pub(super) fn retained_messages_are_sent_always_or_for_new_subscriptions_or_never(trial: &Trial) {
    let found = Outcome::of(0, "text\n", "");
    let none = Outcome::of(27, "", TIMED_OUT);
    let same = ["-V", "5", "-i", &trial.id, "-c"];
    let with = |handling| waits(trial, &[&same[..], &[trial.form, handling]].concat());
    assert_eq!(with("never"), none);
    // That subscription is there already.
    assert_eq!(with("new"), none);
    assert_eq!(with("always"), found);
    let said = "Error: Unknown value 'often' for --retain-handling.\n\n";
    trial.refuses(&[trial.form, "often"], said);
    trial.needs_a_value("--retain-handling argument given but no option");
}

pub(super) fn it_ends_at_the_first_message_that_is_not_retained(trial: &Trial) {
    let subscriber = trial.watcher(&["-t", "kept/#", trial.form]);
    assert_eq!(subscriber.message(), MESSAGE);
    trial.broker.publish(&["-t", "kept/new", "-m", "not retained"]);
    let (status, lines, errors) = subscriber.end();
    assert_eq!((status, errors.as_str()), (Some(0), ""));
    assert!(!lines.iter().any(|line| line == "not retained"), "{lines:?}");
}

pub(super) fn messages_on_these_topics_are_left_out(trial: &Trial) {
    for topic in ["out/a", "out/b", "out/c"] {
        trial.broker.publish(&["-t", topic, "-m", topic, "-r", "-q", "1"]);
    }
    let outcome = trial.run(&["-t", "out/#", trial.form, "+/a", trial.form, "out/c", "-C", "1"]);
    assert_eq!(outcome, Outcome::of(0, "out/b\n", ""));
    let said = "Error: Invalid filter topic 'a#', are all '+' and '#' wildcards correct?\n";
    trial.refuses(&[trial.form, "a#"], said);
    trial.needs_a_value("-T argument given but no topic filter");
}

pub(super) fn a_subscription_is_ended(trial: &Trial) {
    let back = ["-i", &trial.id, "-c", "-q", "1"];
    assert_eq!(trial.run(&[&back[..], &["-t", "ended", "-t", "other", "-E"]].concat()), Outcome::of(0, "", ""));
    // It alone is enough to do.
    assert_eq!(trial.run(&[&back[..], &[trial.form, "ended", "-W", "1"]].concat()), Outcome::of(27, "", TIMED_OUT));
    trial.broker.publish(&["-t", "ended", "-m", "nobody", "-q", "1"]);
    trial.broker.publish(&["-t", "other", "-m", "somebody", "-q", "1"]);
    let outcome = trial.run(&[&back[..], &["-t", "nothing", "-C", "1"]].concat());
    assert_eq!(outcome, Outcome::of(0, "somebody\n", ""));
    let said = "Error: Invalid unsubscribe topic '#/a', are all '+' and '#' wildcards correct?\n";
    trial.refuses(&[trial.form, "#/a"], said);
    trial.needs_a_value("-U argument given but no unsubscribe topic");
}

pub(super) fn it_ends_after_so_long(trial: &Trial) {
    let arguments: &[&str] =
        if trial.tool == Tool::Sub { &["-t", "nothing"] } else { &["-t", "ask", "-e", "nothing", "-m", "a"] };
    let start = std::time::Instant::now();
    let outcome = trial.run(&[arguments, &[trial.form, "1"]].concat());
    assert_eq!(outcome, Outcome::of(27, "", TIMED_OUT));
    assert!(start.elapsed().as_millis() >= 900);
    for seconds in ["0", "-1"] {
        trial.refuses(&[trial.form, seconds], &format!("Error: Invalid timeout \"{seconds}\".\n\n"));
    }
    trial.needs_a_value("-W argument given but no timeout");
}
