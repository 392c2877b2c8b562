//! A client's own key that needs a passphrase.

#![allow(clippy::unwrap_used, reason = "a helper fails the test that it serves")]

use crate::certificates::Certificates;
use crate::harness::{Broker, OPENSSL, PUB, foreign, text};
use crate::sitter::Terminal;
use std::process::{Command, Output, Stdio};

/// A broker that asks for certificates, and what `mosquitto_pub` needs for it: the key, encrypted with `secret`.
struct Place {
    certificates: Certificates,
    broker: Broker,
}

impl Place {
    fn new(openssl: &str) -> Self {
        let certificates = Certificates::new();
        certificates.make("me", &[]);
        let [plain, encrypted] = ["me.key", "me.encrypted"].map(|name| certificates.text(name));
        let mut command = Command::new(openssl);
        command.args(["pkcs8", "-topk8", "-in", &plain, "-out", &encrypted, "-passout", "pass:secret"]);
        assert!(command.status().unwrap().success());
        let (listener, cafile) = (certificates.listener(), certificates.text("ca.crt"));
        let lines = format!("{listener}cafile {cafile}\nrequire_certificate true\nallow_anonymous true\n");
        Self { broker: Broker::with(&lines), certificates }
    }

    fn arguments(&self) -> Vec<String> {
        let [cafile, cert, key] = ["ca.crt", "me.crt", "me.encrypted"].map(|name| self.certificates.text(name));
        let port = self.broker.port.to_string();
        let arguments = ["-h", "localhost", "-p", &port, "--cafile", &cafile, "--cert", &cert, "--key", &key];
        arguments.into_iter().chain(["-t", "a", "-m", "b"]).map(str::to_owned).collect()
    }

    /// What comes of a publication where somebody answers so, once.
    fn publish_answering(&self, answer: &'static [u8]) -> Output {
        let terminal = Terminal::answering(&[answer]);
        let [program, first @ ..] = terminal.starting();
        let output = run(program, &[&first.map(str::to_owned)[..], &[PUB.to_owned()], &self.arguments()].concat());
        assert_eq!(terminal.shown().matches("Enter PEM pass phrase:").count(), 1);
        output
    }
}

fn run(program: &str, arguments: &[String]) -> Output {
    let mut command = Command::new(program);
    command.env("XDG_CONFIG_HOME", "/nonexistent").args(arguments).stdin(Stdio::null());
    command.output().unwrap()
}

#[test]
fn whoever_sits_before_the_terminal_is_asked_for_the_passphrase() {
    let Some(openssl) = foreign(OPENSSL) else { return };
    let place = Place::new(openssl);
    let output = place.publish_answering(b"secret\n");
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
    let wrong = place.publish_answering(b"wrong\n");
    let expected = "Unable to connect (A TLS error occurred).\n".to_owned();
    assert_eq!((wrong.status.code(), text(&wrong.stderr)), (Some(1), expected));
    // Ctrl-C.
    assert_eq!(place.publish_answering(b"\x03").status.code(), None);
}

#[test]
fn where_nobody_can_be_asked_that_is_said() {
    let Some(openssl) = foreign(OPENSSL) else { return };
    let place = Place::new(openssl);
    // A session of its own has no terminal.
    let output = run("setsid", &[&["-w".to_owned(), PUB.to_owned()][..], &place.arguments()].concat());
    let key = place.certificates.text("me.encrypted");
    let expected = format!(
        "Error: The private key in \"{key}\" is encrypted, and there is no terminal to ask for its passphrase: "
    );
    assert!(text(&output.stderr).starts_with(&expected), "{output:?}");
    assert_eq!(output.status.code(), Some(1));
}
