//! `mosquitto_rr`: a question, and the message that answers it.

#![allow(clippy::panic, reason = "a helper fails the test that it serves")]

use crate::harness::{Broker, Process, RR, Subscriber, VERSIONS, text};
use std::process::{Command, Output};

/// Somebody who is asked on `ask/me`, and prints the topic to answer to and the question.
fn asked(broker: &Broker) -> Subscriber {
    broker.subscribe(&["-t", "ask/#", "-V", "mqttv5", "-F", "%R|%p", "-q", "2"])
}

/// Has the program ask, and answers with these arguments of `mosquitto_pub`.
fn ask(broker: &Broker, mut program: Command, question: &str, answer: &[&str]) -> Output {
    let other = asked(broker);
    let child = program.spawn().unwrap_or_else(|error| panic!("it does not run: {error}"));
    let mut process = Process { child };
    assert_eq!(other.message(), question);
    broker.publish(answer);
    process.output()
}

#[test]
fn a_request_brings_its_answer_with_every_version_and_quality_of_service() {
    let broker = Broker::start();
    for version in VERSIONS {
        for qos in ["0", "1", "2"] {
            let asks = ["-t", "ask/me", "-e", "answer", "-m", "how?", "-V", version, "-q", qos, "-v"];
            // MQTT 3 cannot say where the answer is to go.
            let question = if version == "mqttv5" { "answer|how?" } else { "|how?" };
            let output = ask(&broker, broker.command(RR, &asks), question, &["-t", "answer", "-m", "so", "-q", qos]);
            assert_eq!((text(&output.stdout).as_str(), text(&output.stderr).as_str()), ("answer so\n", ""));
            assert_eq!(output.status.code(), Some(0), "{version} QoS {qos}");
        }
    }
}

#[test]
fn the_answer_is_printed_as_asked_for_and_its_time_is_told() {
    let broker = Broker::start();
    let asks = ["-t", "ask/me", "-e", "answer", "-n", "-F", "%t %X", "--latency"];
    let output = ask(&broker, broker.command(RR, &asks), "answer|", &["-t", "answer", "-m", "jj"]);
    let lines: Vec<_> = text(&output.stdout).lines().map(str::to_owned).collect();
    assert_eq!((lines.len(), lines[0].as_str()), (2, "answer 6A6A"), "{output:?}");
    assert!(lines[1].starts_with("Latency: "), "{output:?}");
}

#[test]
fn it_subscribes_before_it_asks_and_ends_after_one_answer() {
    let broker = Broker::start();
    let asks = ["-t", "ask/me", "-e", "answer", "-m", "how?", "-d", "-i", "r", "-q", "1"];
    let output = ask(&broker, broker.command(RR, &asks), "answer|how?", &["-t", "answer", "-m", "so"]);
    let out = text(&output.stdout);
    let places: Vec<_> = ["received SUBACK", "sending PUBLISH", "received PUBLISH", "so\n", "sending DISCONNECT"]
        .iter()
        .map(|part| out.find(part).unwrap_or_else(|| panic!("{part} is missing in {out}")))
        .collect();
    assert!(places.is_sorted(), "{out}");
}

#[test]
fn a_retained_answer_is_taken_unless_new_ones_are_asked_for() {
    let broker = Broker::start();
    broker.publish(&["-t", "answer", "-m", "old", "-r", "-q", "1"]);
    let stale = broker.run(RR, &["-t", "ask/me", "-e", "answer", "-m", "how?"]);
    assert_eq!((text(&stale.stdout).as_str(), stale.status.code()), ("old\n", Some(0)));
    for version in VERSIONS {
        let asks = ["-t", "ask/me", "-e", "answer", "-m", "how?", "-R", "-V", version];
        let question = if version == "mqttv5" { "answer|how?" } else { "|how?" };
        let output = ask(&broker, broker.command(RR, &asks), question, &["-t", "answer", "-m", "new"]);
        assert_eq!(text(&output.stdout), "new\n", "{version}");
    }
}

#[test]
fn no_answer_in_time_has_an_exit_status_of_its_own() {
    let broker = Broker::start();
    let output = broker.run(RR, &["-t", "ask/me", "-e", "answer", "-m", "how?", "-W", "1"]);
    assert_eq!((text(&output.stderr).as_str(), output.status.code()), ("Timed out\n", Some(27)));
}

#[test]
fn a_refused_request_is_told() {
    let broker = Broker::with("allow_anonymous false\n");
    let output = broker.run(RR, &["-t", "ask/me", "-e", "answer", "-m", "how?"]);
    let said = "Connection error: Not authorized\n";
    assert_eq!((text(&output.stderr).as_str(), output.status.code()), (said, Some(135)));
}

#[test]
fn the_original_program_asks_this_broker() {
    let installed = Command::new("mosquitto_rr").arg("--version").output();
    if installed.is_err() {
        let skipped = "SKIPPED the_original_program_asks_this_broker: NO mosquitto_rr (Debian's mosquitto-clients)";
        assert!(std::env::var_os("MOSQUITTO_TESTS_SKIP_NOTHING").is_none(), "{skipped}");
        eprintln!("{skipped}");
        return;
    }
    let broker = Broker::start();
    let asks = ["-t", "ask/me", "-e", "answer", "-m", "how?", "-q", "1"];
    let output = ask(&broker, broker.command("mosquitto_rr", &asks), "answer|how?", &["-t", "answer", "-m", "so"]);
    assert_eq!((text(&output.stdout).as_str(), output.status.code()), ("so\n", Some(0)));
}
