//! The programs over TLS with pre-shared keys.

#![allow(clippy::unwrap_used, reason = "a helper fails the test that it serves")]

use crate::harness::{Broker, Directory, PUB, SUB, report_skipped, text};
use mosquitto_tls_psk::OpenSsl;

/// Whether there is an OpenSSL; otherwise that is said.
pub(crate) fn has_openssl() -> bool {
    let there = OpenSsl::load(None).is_ok();
    if !there {
        report_skipped("libssl");
    }
    there
}

const ALICE: [&str; 4] = ["--psk-identity", "alice", "--psk", "00C0ffee"];

/// A broker that knows Alice, with these lines below its listener, and what it needs.
fn broker(lines: &str) -> Option<(Broker, Directory)> {
    if !has_openssl() {
        return None;
    }
    let directory = Directory::new();
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(directory.path(), readable).unwrap();
    let keys = directory.file("keys", "alice:00c0ffee\n").display().to_string();
    Some((Broker::with(&format!("psk_hint hint\npsk_file {keys}\nallow_anonymous true\n{lines}")), directory))
}

#[test]
fn messages_of_all_sizes_go_over_tls_with_a_key() {
    let Some((broker, directory)) = broker("use_identity_as_username true\n") else { return };
    for len in [1_u32, 70_000, 1_500_000] {
        let message: Vec<u8> = (0..len).map(|i| b'a' + (i % 23) as u8).collect();
        let file = directory.file("message", &message).display().to_string();
        let subscriber = broker.subscribe(&[&ALICE[..], &["-t", "a", "-C", "1"]].concat());
        broker.publish(&[&ALICE[..], &["-t", "a", "-f", &file, "-q", "2"]].concat());
        assert!(subscriber.message().as_bytes() == message, "{len}");
        assert_eq!(subscriber.end().0, Some(0));
    }
}

#[test]
fn a_websocket_may_be_inside() {
    let Some((broker, _directory)) = broker("protocol websockets\n") else { return };
    let subscriber = broker.subscribe(&[&ALICE[..], &["--ws", "-t", "a", "-C", "1"]].concat());
    broker.publish(&[&ALICE[..], &["--ws", "-t", "a", "-m", "hello", "-q", "1"]].concat());
    assert_eq!(subscriber.message(), "hello");
}

#[test]
fn who_has_no_key_in_common_with_the_server_does_not_talk_to_it() {
    let Some((broker, _directory)) = broker("") else { return };
    let plain = Broker::start();
    let failed = (Some(8), "Error: A TLS error occurred\n".to_owned());
    for program in [PUB, SUB] {
        let more = if program == PUB { &["-t", "a", "-m", "b"][..] } else { &["-t", "a", "-E"] };
        let outcome = |broker: &Broker, arguments: &[&str]| {
            let output = broker.run(program, &[arguments, more].concat());
            (output.status.code(), text(&output.stderr))
        };
        for stranger in [["--psk-identity", "alice", "--psk", "c0ffee"], ["--psk-identity", "bob", "--psk", "00c0ffee"]]
        {
            assert_eq!(outcome(&broker, &stranger), failed, "{program} {stranger:?}");
        }
        assert_eq!(outcome(&plain, &ALICE), failed, "{program}");
        // With --no-tls the key means nothing.
        assert_eq!(outcome(&plain, &[&ALICE[..], &["--no-tls"]].concat()), (Some(0), String::new()));
    }
}

#[test]
fn options_of_tls_hold_with_a_key_as_well() {
    let Some((broker, directory)) = broker("ciphers ECDHE-PSK-AES256-CBC-SHA384\n") else { return };
    let more = ["-t", "a", "-m", "b"];
    let outcome = |arguments: &[&str]| {
        let output = broker.run(PUB, &[&ALICE[..], arguments, &more].concat());
        (output.status.code(), text(&output.stderr))
    };
    let keylog = directory.path().join("log").display().to_string();
    let good = (Some(0), String::new());
    assert_eq!(outcome(&["--tls-version", "tlsv1.2", "--tls-alpn", "mqtt", "--tls-keylog", &keylog]), good);
    assert!(std::fs::read_to_string(&keylog).unwrap().starts_with("CLIENT_RANDOM "));
    assert_eq!(outcome(&["--ciphers", "ECDHE-PSK-AES256-CBC-SHA384"]), good);
    let other = outcome(&["--ciphers", "PSK-AES128-GCM-SHA256"]);
    assert_eq!(other, (Some(8), "Error: A TLS error occurred\n".to_owned()));
    for list in ["nonsense", "ECDHE+AESGCM:!PSK"] {
        let output = broker.run(PUB, &[&ALICE[..], &["--ciphers", list, "-d"], &more].concat());
        assert_eq!(text(&output.stderr), "Unable to connect (A TLS error occurred).\n", "{list}");
        let expected = format!("Error: Unable to set TLS ciphers. Check cipher list \"{list}\".\n");
        assert!(text(&output.stdout).starts_with(&expected), "{output:?}");
        assert_eq!(output.status.code(), Some(1));
    }
    for (arguments, errors) in [
        (["--tls-version", "tlsv1.3"], "Error: --tls-version tlsv1.3 cannot be used with --psk.\n"),
        (["--tls-version", "tlsv1.1"], "Error: Problem setting TLS options, check the options are valid.\n"),
        (["--tls-alpn", ""], "Error: Problem setting TLS ALPN protocol.\n"),
        (["--psk", "00c0ffeg"], "Error: Problem setting TLS-PSK options.\n"),
    ] {
        assert_eq!(outcome(&arguments), (Some(1), errors.to_owned()));
    }
    let warned = "Warning: --insecure has no effect: with --psk nobody shows a certificate.\n".to_owned();
    assert_eq!(outcome(&["--insecure"]), (Some(0), warned));
}

#[test]
fn keys_of_any_form_that_the_original_takes_are_the_same_to_both_ends() {
    if !has_openssl() {
        return;
    }
    let directory = Directory::new();
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(directory.path(), readable).unwrap();
    let long = "ab".repeat(512);
    for key in ["1", "abc", "0abc", "000abc", "00c0ffee", &long] {
        let keys = directory.file("keys", format!("alice:{key}\n")).display().to_string();
        let broker = Broker::with(&format!("psk_hint hint\npsk_file {keys}\nallow_anonymous true\n"));
        broker.publish(&["--psk-identity", "alice", "--psk", key, "-t", "a", "-m", "b"]);
    }
    // More than OpenSSL has room for, or nothing.
    for key in [&"ab".repeat(513), "", "0"] {
        let output = Broker::start().run(PUB, &["--psk-identity", "alice", "--psk", key, "-t", "a", "-m", "b"]);
        let expected = "Error: Problem setting TLS-PSK options.\nthe key has not between 1 and 512 bytes\n";
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(1), expected.to_owned()), "{key}");
    }
}

#[test]
fn without_openssl_there_is_no_connection_with_a_key_and_that_is_said() {
    let broker = Broker::start();
    let mut command = broker.command(PUB, &[&ALICE[..], &["-t", "a", "-m", "b"]].concat());
    let output = command.env("MOSQUITTO_OPENSSL_DIR", "/nonexistent").output().unwrap();
    let errors = text(&output.stderr);
    assert!(
        errors.starts_with("Error: --psk needs OpenSSL. OpenSSL was not found; looked for /nonexistent/"),
        "{errors}"
    );
    assert_eq!(output.status.code(), Some(1));
}
