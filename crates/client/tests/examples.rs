//! The examples do what they say, against this project's broker.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper fails the test that it serves")]

mod broker;

use broker::{Broker, Running, free_port, programs};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A broker with these listeners, each with more lines of its own; and their ports.
fn broker<const LEN: usize>(listeners: [&str; LEN]) -> (Broker, [String; LEN]) {
    // Between its choice and its use somebody else can take a port.
    (0..5)
        .find_map(|_| {
            let ports = listeners.map(|_| free_port().to_string());
            let lines = ports.iter().zip(listeners).map(|(port, more)| format!("listener {port} 127.0.0.1\n{more}\n"));
            let broker = Broker::start(&format!("allow_anonymous true\n{}", lines.collect::<String>()))?;
            Some((broker, ports))
        })
        .unwrap_or_else(|| panic!("the broker does not start"))
}

fn example(name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(programs().join("examples").join(name));
    command.args(arguments);
    command
}

fn run(name: &str, arguments: &[&str]) -> Output {
    example(name, arguments).output().unwrap()
}

fn printed(name: &str, arguments: &[&str]) -> String {
    let output = run(name, arguments);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

const HOST: &str = "127.0.0.1";

#[test]
fn messages_questions_and_answers_arrive() {
    let (_broker, [port]) = broker([""]);
    assert_eq!(printed("request", &[HOST, &port]), "the answer is 42\n");
    assert_eq!(printed("round_trip", &[HOST, &port]), "example/round-trip: hello\n");
    let background = printed("background", &[HOST, &port]);
    assert_eq!(background.matches("Done { reason: ReasonCode(").count(), 2, "{background}");

    let mut subscriber = Running(example("subscribe", &[HOST, &port, "g/#"]).stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(subscriber.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.next().unwrap().starts_with("subscribed: "));
    assert_eq!(printed("publish", &[HOST, &port, "g/reeting", "hello"]), "published\n");
    assert_eq!(lines.next().unwrap(), "g/reeting hello");
}

#[test]
fn a_connection_runs_over_a_websocket() {
    let (_broker, [mqtt, websockets]) = broker(["", "protocol websockets"]);
    assert_eq!(printed("websocket", &[HOST, &websockets]), "connected\n");
    assert!(!run("websocket", &[HOST, &mqtt]).status.success());
}

#[test]
fn a_connection_runs_over_tls_and_the_client_shows_who_it_is() {
    let files = Files::new();
    let [ca, certificate, key] = ["ca.crt", "localhost.crt", "localhost.key"].map(|name| files.path(name));
    let listener = format!("certfile {certificate}\nkeyfile {key}");
    let demanding = format!("{listener}\ncafile {ca}\nrequire_certificate true");
    let (_broker, [open, closed]) = broker([&listener, &demanding]);
    assert_eq!(printed("tls", &["localhost", &open, &ca]), "connected\n");
    assert_eq!(printed("tls", &["localhost", &closed, &ca, &certificate, &key]), "connected\n");
    for arguments in [
        // A server that is somebody else, of an authority that is not trusted, or that wants to know who comes.
        ["127.0.0.1", &open, &ca],
        ["localhost", &open, &files.path("stranger.crt")],
        ["localhost", &closed, &ca],
    ] {
        let output = run("tls", &arguments);
        assert!(!output.status.success() && output.stdout.is_empty(), "{arguments:?}: {output:?}");
    }
}

/// Certificates in a directory that is removed at the end.
struct Files(PathBuf);

impl Files {
    /// Two authorities, `ca.crt` and `stranger.crt`, and `localhost.crt` with its key, of the first.
    fn new() -> Self {
        let directory = std::env::temp_dir().join(format!("mosquitto-examples-{}", std::process::id()));
        std::fs::create_dir(&directory).unwrap();
        let files = Self(directory);
        let (mut params, key) = (CertificateParams::default(), KeyPair::generate().unwrap());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        files.write("ca.crt", &params.self_signed(&key).unwrap().pem());
        files.write("stranger.crt", &params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem());
        let issuer = Issuer::new(params, key);
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        files.write("localhost.crt", &params.signed_by(&key, &issuer).unwrap().pem());
        files.write("localhost.key", &key.serialize_pem());
        // Started by root, a broker is somebody else.
        let readable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&files.0, readable).unwrap();
        files
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(Path::new(&self.0).join(name), text).unwrap();
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
