//! The programs over TLS.

#![allow(clippy::unwrap_used, reason = "a helper fails the test that it serves")]

use crate::certificates::Certificates;
use crate::harness::{Broker, DEBIANS_BROKER, DEBIANS_PUB, Directory, PUB, Process, SUB, foreign, free_port, text};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn broker(certificates: &Certificates) -> Broker {
    Broker::with(&configuration(certificates))
}

fn configuration(certificates: &Certificates) -> String {
    format!("allow_anonymous true\n{}", certificates.listener())
}

#[test]
fn messages_go_over_tls_in_both_versions() {
    let certificates = Certificates::new();
    let broker = broker(&certificates);
    let cafile = certificates.text("ca.crt");
    let tls = ["-h", "localhost", "--cafile", &cafile];
    for more in [&[][..], &["--tls-version", "tlsv1.3"], &["--ciphers", "ECDHE+AESGCM", "-q", "2"]] {
        let subscriber = broker.subscribe(&[&tls[..], &["-t", "a", "-C", "1"]].concat());
        broker.publish(&[&tls[..], &["-t", "a", "-m", "hello"], more].concat());
        assert_eq!(subscriber.message(), "hello");
    }
}

#[test]
fn large_messages_go_over_tls() {
    let certificates = Certificates::new();
    let broker = broker(&certificates);
    let (cafile, directory) = (certificates.text("ca.crt"), Directory::new());
    let message: Vec<u8> = (0..1_500_000_u32).map(|i| b'a' + (i % 23) as u8).collect();
    let file = directory.file("message", &message).display().to_string();
    let tls = ["-h", "localhost", "--cafile", &cafile, "-t", "a"];
    let subscriber = broker.subscribe(&[&tls[..], &["-C", "1"]].concat());
    broker.publish(&[&tls[..], &["-f", &file]].concat());
    assert!(subscriber.message().as_bytes() == message);
    assert_eq!(subscriber.end().0, Some(0));
}

#[test]
fn a_server_that_is_not_who_it_should_be_is_not_talked_to() {
    let certificates = Certificates::new();
    let broker = broker(&certificates);
    let (authority, stranger) = (certificates.text("ca.crt"), certificates.text("stranger.crt"));
    let failed = (Some(8), "Error: A TLS error occurred\n".to_owned());
    let outcome = |program, arguments: &[&str]| {
        let more = if program == PUB { &["-t", "a", "-m", "b"][..] } else { &["-t", "a", "-E"] };
        let output = broker.run(program, &[arguments, more].concat());
        (output.status.code(), text(&output.stderr))
    };
    for program in [PUB, SUB] {
        for (host, cafile, insecure, expected) in [
            ("localhost", &authority, &[][..], true),
            ("localhost", &stranger, &[], false),
            ("127.0.0.1", &authority, &[], false),
            ("127.0.0.1", &authority, &["--insecure"], true),
            // As in the original, not everything is taken then, but for these options.
            ("127.0.0.1", &stranger, &["--insecure"], false),
            ("127.0.0.1", &stranger, &["--insecure", "--tls-version", "tlsv1.2"], true),
            ("127.0.0.1", &stranger, &["--insecure", "--ciphers", "ALL"], true),
        ] {
            let outcome = outcome(program, &[&["-h", host, "--cafile", cafile][..], insecure].concat());
            let good = (Some(0), String::new());
            assert_eq!(outcome, if expected { good } else { failed.clone() }, "{host} {cafile} {insecure:?}");
        }
    }
    let quiet = outcome(PUB, &["-h", "localhost", "--cafile", &stranger, "--quiet"]);
    assert_eq!(quiet, (Some(8), String::new()));
    // Why, for those who ask.
    let output = broker.run(PUB, &["-h", "localhost", "--cafile", &stranger, "-t", "a", "-m", "b", "-d"]);
    assert_eq!(text(&output.stdout), "TLS error: invalid peer certificate: UnknownIssuer\n");
}

#[test]
fn debians_program_says_the_same_of_such_a_server() {
    let Some(debians) = foreign(DEBIANS_PUB) else { return };
    let certificates = Certificates::new();
    let broker = broker(&certificates);
    let stranger = certificates.text("stranger.crt");
    let arguments = ["-h", "localhost", "--cafile", &stranger, "-t", "a", "-m", "b"];
    let ours = broker.run(PUB, &arguments);
    let theirs = broker.run(debians, &arguments);
    // Texts of its time end with a full stop; and where the server answers at once, it sees this as early as it connects.
    let theirs = (theirs.status.code(), text(&theirs.stderr).replace(".\n", "\n").replace(".)", ")"));
    let ours = (ours.status.code(), text(&ours.stderr));
    let early = (Some(1), "Unable to connect (A TLS error occurred.)\n".replace(".)", ")"));
    assert!(theirs == ours || theirs == early, "{theirs:?} {ours:?}");
}

#[test]
fn a_server_that_does_not_speak_tls_is_told_apart() {
    let broker = Broker::start();
    let certificates = Certificates::new();
    let cafile = certificates.text("ca.crt");
    for (program, more) in [(PUB, &["-m", "b"][..]), (PUB, &["-l"]), (SUB, &[])] {
        let output = broker.run(program, &[&["-t", "a", "--cafile", &cafile][..], more].concat());
        let outcome = (output.status.code(), text(&output.stderr));
        assert_eq!(outcome, (Some(8), "Error: A TLS error occurred\n".to_owned()), "{program} {more:?}");
    }
    // With --no-tls the other options mean nothing.
    broker.publish(&["-t", "a", "-m", "b", "--cafile", &cafile, "--no-tls"]);
}

#[test]
fn a_subscriber_comes_back_also_when_the_server_goes_away_in_the_middle_of_a_handshake() {
    let certificates = Certificates::new();
    let broker = broker(&certificates);
    let cafile = certificates.text("ca.crt");
    let tls = ["-h", "localhost", "--cafile", &cafile, "-t", "a"];
    let subscriber = broker.subscribe(&tls);
    let port = broker.kill();
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    drop(listener.accept().unwrap());
    drop(listener);
    let broker = Broker::at_with(port, &configuration(&certificates));
    subscriber.wait_for("Subscribed (mid: 2)");
    broker.publish(&[&tls[..], &["-m", "again"]].concat());
    assert_eq!(subscriber.message(), "again");
}

#[test]
fn a_server_that_asks_for_a_certificate_gets_it_or_ends_the_connection() {
    let certificates = Certificates::new();
    certificates.make("me", &[]);
    let (cafile, cert, key) = (certificates.text("ca.crt"), certificates.text("me.crt"), certificates.text("me.key"));
    let listener = certificates.listener();
    let broker =
        Broker::with(&format!("{listener}cafile {cafile}\nrequire_certificate true\nuse_identity_as_username true\n"));
    let tls = ["-h", "localhost", "--cafile", &cafile, "-t", "a"];
    let own = ["--cert", &cert, "--key", &key];
    let subscriber = broker.subscribe(&[&tls[..], &own, &["-C", "1"]].concat());
    broker.publish(&[&tls[..], &own, &["-m", "hello"]].concat());
    assert_eq!(subscriber.message(), "hello");
    for (program, more) in [(PUB, &["-m", "b"][..]), (SUB, &[])] {
        let output = broker.run(program, &[&tls[..], more].concat());
        let outcome = (output.status.code(), text(&output.stderr));
        assert_eq!(outcome, (Some(7), "Error: The connection was lost\n".to_owned()), "{program}");
    }
}

#[test]
fn those_whom_the_machine_trusts_are_trusted_where_that_is_asked_for() {
    let certificates = Certificates::new();
    let broker = broker(&certificates);
    let url = format!("mqtts://localhost:{}/a", broker.port);
    for arguments in [&["-h", "localhost", "--tls-use-os-certs", "-t", "a"][..], &["-L", &url]] {
        for (trusted, status) in [("ca.crt", 0), ("stranger.crt", 8)] {
            let mut command = broker.command(PUB, &[arguments, &["-m", "b"]].concat());
            command.env("SSL_CERT_FILE", certificates.path(trusted)).env("SSL_CERT_DIR", "/nonexistent");
            assert_eq!(command.output().unwrap().status.code(), Some(status), "{arguments:?} {trusted}");
        }
    }
}

#[test]
fn the_keys_of_connections_are_written_down_where_that_is_asked_for() {
    let certificates = Certificates::new();
    let broker = broker(&certificates);
    let (cafile, keylog) = (certificates.text("ca.crt"), certificates.text("keys"));
    for connections in 1..=2 {
        broker.publish(&["-h", "localhost", "--cafile", &cafile, "-t", "a", "-m", "b", "--tls-keylog", &keylog]);
        let keys = std::fs::read_to_string(&keylog).unwrap();
        let secrets = keys.lines().filter(|line| line.starts_with("CLIENT_TRAFFIC_SECRET_0 "));
        assert_eq!(secrets.count(), connections, "{keys}");
    }
}

#[test]
fn an_option_that_means_nothing_without_tls_is_told_of() {
    let broker = Broker::start();
    for option in ["--insecure", "--tls-alpn"] {
        let value = if option == "--insecure" { &[][..] } else { &["mqtt"] };
        let arguments = [&["-t", "a", "-m", "b", option][..], value].concat();
        let output = broker.run(PUB, &arguments);
        let expected = format!(
            "Warning: {option} has no effect: there is no TLS without --cafile, --capath, --tls-use-os-certs, --psk or port 8883.\n"
        );
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), expected));
        broker.publish(&[&arguments[..], &["--quiet"]].concat());
        broker.publish(&[&arguments[..], &["--no-tls"]].concat());
    }
}

#[test]
fn debians_broker_is_talked_to() {
    let Some(debians) = foreign(DEBIANS_BROKER) else { return };
    let certificates = Certificates::new();
    certificates.make("me", &[]);
    let (port, cafile) = (free_port(), certificates.text("ca.crt"));
    let configuration = format!(
        "user root\nlistener {port} 127.0.0.1\nallow_anonymous true\n{}cafile {cafile}\nrequire_certificate true\n",
        certificates.listener()
    );
    std::fs::write(certificates.path("mosquitto.conf"), configuration).unwrap();
    let mut command = Command::new(debians);
    command.arg("-c").arg(certificates.path("mosquitto.conf"));
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let _process = Process { child };
    let until = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < until, "Debian's broker does not run");
        std::thread::yield_now();
    }
    let run = |program: &str, more: &[&str]| {
        let (port, cert, key) = (port.to_string(), certificates.text("me.crt"), certificates.text("me.key"));
        let tls = ["-h", "localhost", "-p", &port, "--cafile", &cafile, "--cert", &cert, "--key", &key, "-t", "a"];
        let mut command = Command::new(program);
        command.env("XDG_CONFIG_HOME", "/nonexistent").args(tls).args(more).stdin(Stdio::null());
        command.output().unwrap()
    };
    assert_eq!(run(PUB, &["-m", "hello", "-r", "-q", "2"]).status.code(), Some(0));
    let got = run(SUB, &["-C", "1", "-W", "20"]);
    assert_eq!((text(&got.stdout), text(&got.stderr), got.status.code()), ("hello\n".into(), String::new(), Some(0)));
}

#[test]
fn a_unix_socket_has_no_name_that_a_certificate_could_be_for() {
    let (certificates, directory) = (Certificates::new(), Directory::new());
    // Started by root, the broker is somebody else.
    let writable = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(directory.path(), writable).unwrap();
    let path = directory.path().join("x.sock").display().to_string();
    let listener = format!("listener 0 {path}\nprotocol websockets\n{}", certificates.listener());
    let broker = Broker::with(&format!("allow_anonymous true\n{listener}"));
    for (trusted, status) in [("ca.crt", 0), ("stranger.crt", 8)] {
        let cafile = certificates.text(trusted);
        let output = broker.run(PUB, &["--unix", &path, "--ws", "--cafile", &cafile, "-t", "a", "-m", "b", "-q", "1"]);
        assert_eq!(output.status.code(), Some(status), "{output:?}");
    }
}
