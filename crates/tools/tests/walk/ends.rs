//! How the programs end.

use crate::harness::{Broker, PUB, Process, RR, SUB, VERSIONS, free_port, text};
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
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

/// A program with the usual effect of SIGINT, which shells take from what runs in the background.
fn interruptible(broker: &Broker, program: &str, arguments: &[&str]) -> Option<Process> {
    let mut command = Command::new("env");
    command.args(["--default-signal=INT", program, "-h", "127.0.0.1", "-p", &broker.port.to_string()]);
    command.args(arguments).env("XDG_CONFIG_HOME", "/nonexistent");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().ok().map(|child| Process { child })
}

#[test]
fn signals_end_mosquitto_rr_and_mosquitto_pub_at_once_as_the_originals() {
    let broker = Broker::start();
    let watcher = broker.subscribe(&["-t", "ask", "-q", "1"]);
    for (signal, number) in [("INT", 2), ("TERM", 15)] {
        let rr = ["-t", "ask", "-e", "answer", "-m", "question"];
        let publish = ["-t", "ask", "-l"];
        for (program, arguments) in [(RR, &rr[..]), (PUB, &publish)] {
            let process = interruptible(&broker, program, arguments);
            let Some(mut process) = process else { panic!("the program does not run") };
            if program == PUB {
                let stdin = process.child.stdin.as_mut();
                assert!(stdin.is_some_and(|stdin| std::io::Write::write_all(stdin, b"question\n").is_ok()));
            }
            // It is connected, and at work.
            assert_eq!(watcher.message(), "question");
            process.signal(signal);
            let output = process.output();
            assert_eq!((output.status.signal(), text(&output.stderr).as_str()), (Some(number), ""), "{program}");
        }
    }
}

#[test]
fn a_signal_before_the_server_has_accepted_anything_has_a_status_of_its_own() {
    let listener = TcpListener::bind(("127.0.0.1", 0));
    let Some((listener, port)) = listener.ok().and_then(|it| it.local_addr().map(|at| (it, at.port())).ok()) else {
        panic!("no port is to be had")
    };
    for signal in ["INT", "TERM"] {
        let mut command = Command::new(SUB);
        command.env("XDG_CONFIG_HOME", "/nonexistent").args(["-h", "127.0.0.1", "-t", "a", "-p", &port.to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let Some(mut process) = command.spawn().ok().map(|child| Process { child }) else { panic!("it does not run") };
        // Nothing answers its CONNECT.
        let connection = listener.accept();
        process.signal(signal);
        let output = process.output();
        assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(255), ""));
        drop(connection);
    }
}

#[test]
fn nobody_who_reads_the_output_is_no_failure_of_a_publication_or_a_request() {
    let broker = Broker::start();
    let rr = ["-t", "a", "-e", "a", "-m", "b", "-d"];
    let publish = ["-t", "a", "-m", "b", "-q", "1", "-d"];
    for (program, arguments) in [(RR, &rr[..]), (PUB, &publish)] {
        let child = broker.command(program, arguments).spawn();
        let Some(mut process) = child.ok().map(|child| Process { child }) else { panic!("it does not run") };
        drop(process.child.stdout.take());
        let status = process.wait();
        assert_eq!(status.code(), Some(0), "{program} {status:?}");
    }
}
