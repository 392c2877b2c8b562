//! How the programs end.

use crate::harness::{Broker, PUB, Process, SUB, VERSIONS, free_port, text};
use std::process::{Command, Stdio};

#[test]
fn a_refused_connection_is_told_and_its_code_is_the_exit_status() {
    let broker = Broker::with("allow_anonymous false\n");
    for version in VERSIONS {
        let (code, reason, more) = match version {
            "mqttv5" => (
                135,
                "Connection error: Not authorized\n",
                "Error: A network protocol error occurred when communicating with the broker\n",
            ),
            _ => (5, "Connection error: Connection Refused: not authorised.\n", "Error: The connection was refused\n"),
        };
        let output = broker.run(PUB, &["-t", "a", "-m", "b", "-V", version]);
        assert_eq!(text(&output.stderr), format!("{reason}{more}"));
        assert_eq!(output.status.code(), Some(code));
        let output = broker.run(PUB, &["-t", "a", "-l", "-V", version]);
        assert_eq!(text(&output.stderr), format!("{reason}Error: The connection was refused\n"));
        assert_eq!(output.status.code(), Some(code));
        let output = broker.run(SUB, &["-t", "a", "-V", version]);
        assert_eq!((text(&output.stderr).as_str(), output.status.code()), (reason, Some(code)));
        let output = broker.run(SUB, &["-t", "a", "-V", version, "--quiet"]);
        assert_eq!((output.stderr.as_slice(), output.status.code()), (&b""[..], Some(code)));
    }
}

#[test]
fn a_server_that_is_not_there_is_told() {
    let port = free_port().to_string();
    for (program, arguments) in [(PUB, &["-t", "a", "-m", "b"][..]), (PUB, &["-t", "a", "-l"]), (SUB, &["-t", "a"])] {
        let mut command = Command::new(program);
        command.env("XDG_CONFIG_HOME", "/nonexistent").args(arguments).args(["-p", &port]).stdin(Stdio::null());
        let output = command.output();
        let output = output.map(|output| (text(&output.stderr), output.status.code()));
        assert_eq!(output.ok(), Some(("Error: Connection refused\n".to_owned(), Some(1))));
    }
}

#[test]
fn a_timeout_has_an_exit_status_of_its_own() {
    let broker = Broker::start();
    let output = broker.run(SUB, &["-t", "a", "-W", "1"]);
    assert_eq!((text(&output.stderr).as_str(), output.status.code()), ("Timed out\n", Some(27)));
}

#[test]
fn signals_end_the_connection_in_order() {
    let broker = Broker::start();
    for (signal, version) in [("INT", "mqttv311"), ("TERM", "mqttv5")] {
        let subscriber = broker.subscribe(&["-t", "a", "-i", "me", "-V", version]);
        subscriber.process.signal(signal);
        let (status, lines, errors) = subscriber.end();
        assert_eq!((status, errors.as_str()), (Some(0), ""));
        assert_eq!(lines, ["Client me sending DISCONNECT"]);
    }
}

#[test]
fn a_will_is_published_for_who_is_gone_without_a_word() {
    let broker = Broker::start();
    let watcher = broker.subscribe(&["-t", "will", "-q", "1"]);
    let will = ["--will-topic", "will", "--will-payload", "gone", "--will-qos", "1"];
    let subscriber = broker.subscribe(&[&["-t", "a"][..], &will].concat());
    subscriber.process.signal("KILL");
    assert_eq!(watcher.message(), "gone");
    // After a DISCONNECT there is none.
    broker.publish(&[&["-t", "will", "-m", "message"][..], &will].concat());
    assert_eq!(watcher.message(), "message");
    broker.publish(&["-t", "will", "-m", "end"]);
    assert_eq!(watcher.message(), "end");
}

#[test]
fn a_reader_that_is_gone_ends_the_program() {
    let broker = Broker::start();
    broker.publish(&["-t", "kept", "-m", "first", "-r", "-q", "1"]);
    let child = broker.command(SUB, &["-t", "kept", "-t", "a"]).spawn();
    let mut process = child.map(|child| Process { child }).ok();
    let process = process.as_mut().filter(|process| process.child.stdout.is_some());
    let Some(process) = process else { panic!("the program does not run") };
    // The first message tells that the subscriptions are there.
    let mut stdout = process.child.stdout.take();
    let first = stdout.as_mut().map(|stdout| std::io::Read::read_exact(stdout, &mut [0; 6]).is_ok());
    assert_eq!(first, Some(true));
    drop(stdout);
    broker.publish(&["-t", "a", "-m", "nobody reads this"]);
    assert_eq!(process.wait().code(), Some(0));
}
