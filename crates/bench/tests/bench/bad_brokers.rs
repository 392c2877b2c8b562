//! What a broker does wrong is seen, told, and the reason for exit status 2.

use crate::bad_broker::{Wrong, start};
use crate::runs::Run;

/// A run of 100 messages; ten times something is done wrong.
fn run(wrong: Wrong) -> Run {
    Run::at(start(wrong), "pairs -n 2 --messages 100 -t 30 --warmup 0 --drain 0.3 --ahead 0")
}

/// That this was seen, so often, and nothing else.
fn is_seen(wrong: Wrong, key: &str, times: u64) {
    let run = run(wrong);
    for other in ["lost", "duplicated", "out_of_order", "corrupt", "misrouted", "connections_lost"] {
        // What is damaged has not come.
        let expected = if other == key || (key == "corrupt" && other == "lost") { times } else { 0 };
        assert_eq!(run.count(other), expected, "{other}: {run:?}");
    }
    assert_eq!(run.status, Some(if times > 0 { 2 } else { 0 }), "{run:?}");
    assert_eq!(run.json["ok"], times == 0, "{run:?}");
}

#[test]
fn nothing_is_seen_where_nothing_is_wrong() {
    is_seen(Wrong::Nothing, "lost", 0);
}

#[test]
fn loss_is_seen() {
    is_seen(Wrong::Drop, "lost", 10);
}

#[test]
fn repetition_is_seen() {
    is_seen(Wrong::Repeat, "duplicated", 10);
}

#[test]
fn damage_is_seen() {
    is_seen(Wrong::Damage, "corrupt", 10);
}

#[test]
fn what_comes_to_the_wrong_subscriber_is_seen() {
    is_seen(Wrong::Misroute, "misrouted", 10);
}

#[test]
fn disorder_is_seen() {
    let run = run(Wrong::Reorder);
    // A message that is kept when the last of its topic has come is lost.
    assert!(run.count("out_of_order") >= 5 && run.count("lost") <= 2, "{run:?}");
    assert_eq!(run.status, Some(2), "{run:?}");
}

#[test]
fn a_closed_loop_goes_on_after_a_loss() {
    let run = Run::at(start(Wrong::Drop), "pairs -n 1 -q 1 -w 4 --messages 100 -t 30 --warmup 0 --drain 0.3");
    assert_eq!((run.count("sent"), run.count("lost"), run.status), (100, 10, Some(2)), "{run:?}");
}

#[test]
fn clients_that_are_cut_off_are_seen() {
    for wrong in [Wrong::CutOff, Wrong::Babble] {
        let run = run(wrong);
        assert!(run.count("connections_lost") > 0 && run.status == Some(2), "{run:?}");
        assert!(run.json["first_fault"].as_str().unwrap().starts_with("a client was cut off: "), "{run:?}");
    }
}

#[test]
fn a_refusal_is_an_error() {
    for words in ["pairs", "connect", "idle", "retained", "queue"] {
        let run = Run::at(start(Wrong::Refuse), words);
        assert_eq!(run.status, Some(1), "{words}: {run:?}");
        assert!(run.error.contains("not authorized"), "{words}: {run:?}");
    }
}

#[test]
fn connections_that_the_broker_does_not_end_are_ended() {
    let run = Run::at(start(Wrong::Nothing), "connect -c 2 -t 1.5");
    assert_eq!((run.status, run.count("failed")), (Some(0), 0), "{run:?}");
    // Without a wait for each of them.
    assert!(run.count("connections") > 20 && run.count("not_ended") == run.count("connections"), "{run:?}");
}
