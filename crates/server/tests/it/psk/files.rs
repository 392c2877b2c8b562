//! Files and options of no use, and an OpenSSL that is not there.

use super::{Desk, KEYS, connect};
use crate::harness::Setup;

#[test]
pub(crate) fn a_file_of_no_use_is_named_and_the_broker_does_not_start() {
    let Some(desk) = Desk::new(KEYS) else { return };
    let dir = desk.scratch.path().display();
    desk.scratch.file("hex", "alice:00\n\nmallory:secret\n");
    let opening = |name: &str| format!("Error opening psk file \"{dir}/{name}\".");
    for (name, lines, code) in [
        ("missing", vec![format!("Error: Unable to open pwfile \"{dir}/missing\"."), opening("missing")], 13),
        (
            "hex",
            vec![
                "Error: psk for identity \"mallory\" contains non-hexadecimal characters.".to_owned(),
                format!("Error found at {dir}/hex:3."),
                opening("hex"),
            ],
            3,
        ),
    ] {
        let config = desk.config("log_timestamp false").replace("/keys", &format!("/{name}"));
        let (said, status) = desk.refusal(&config, &[], &[]);
        assert_eq!(status, Some(code), "{said:#?}");
        assert!(lines.iter().all(|line| said.contains(line)), "{said:#?}");
        let (said, status) = desk.refusal(&config, &["--test-config"], &[]);
        assert_eq!(status, Some(3), "{said:#?}");
        assert!(lines.iter().all(|line| said.contains(line) || said.join("\n").contains(line)), "{said:#?}");
        assert!(!said.join("\n").contains("secret"), "{said:#?}");
    }
}

#[test]
fn lines_that_cannot_be_used_are_told_without_their_keys() {
    let Some(desk) = Desk::new("alice:00c0ffee\n:abcdef\nalice:ab\n") else { return };
    let broker = desk.broker("");
    let path = desk.scratch.path().join("keys");
    let path = path.display();
    broker.log.wait_for(&format!("Warning: Invalid line in psk file '{path}': line 2 has no identity."));
    broker.log.wait_for(&format!("Error: Duplicate user 'alice' in psk file '{path}', ignoring line 3."));
    assert_eq!(broker.log.count("abcdef"), 0);
    // The first one counts, as in Mosquitto.
    connect(&desk.alice(), &broker, "alice").ping();
}

#[test]
fn options_that_leave_nothing_to_speak_are_named_and_the_broker_does_not_start() {
    let Some(desk) = Desk::new(KEYS) else { return };
    let long = "x".repeat(300);
    for (line, expected, reason) in [
        ("ciphers nonsense", "Error: Unable to set TLS ciphers. Check cipher list \"nonsense\".", "no cipher match."),
        (
            "ciphers ECDHE+AESGCM",
            "Error: Unable to set TLS ciphers. Check cipher list \"ECDHE+AESGCM\".",
            "none of its ciphers works with a pre-shared key.",
        ),
        (
            "tls_version tlsv1.3",
            "Error: tls_version \"tlsv1.3\" cannot be used with psk_hint.",
            "Expected: no tls_version",
        ),
        ("tls_version tlsv1.1", "Error: Unsupported tls_version \"tlsv1.1\".", "Expected: tlsv1.2"),
        (
            &format!("listener_auto_id_prefix a\npsk_hint {long}"),
            "Error: Unable to set the PSK identity hint.",
            "longer",
        ),
    ] {
        let mut config = desk.config(line);
        if line.contains("psk_hint") {
            config = config.replace("psk_hint some hint\n", "");
        }
        for (arguments, code) in [(&[] as &[&str], 1), (&["--test-config"], 3)] {
            let (said, status) = desk.refusal(&config, arguments, &[]);
            assert_eq!(status, Some(code), "{line}: {said:#?}");
            let has = |text: &str| said.iter().any(|line| line.contains(text));
            assert!(has(expected) && has(reason), "{line}: {said:#?}");
        }
    }
    let broker = desk.broker("tls_version tlsv1.2");
    connect(&desk.alice(), &broker, "alice").ping();
}

#[test]
fn where_openssl_is_missing_the_option_its_line_and_what_was_looked_for_are_told() {
    let Some(desk) = Desk::new(KEYS) else { return };
    let nowhere = desk.scratch.path().to_str().unwrap();
    for (arguments, code) in [(&[] as &[&str], 1), (&["--test-config"], 3)] {
        let (said, status) = desk.refusal(&desk.config(""), arguments, &[("MOSQUITTO_OPENSSL_DIR", nowhere)]);
        assert_eq!(status, Some(code), "{said:#?}");
        let text = said.join("\n");
        assert!(
            text.contains("Error: The 'psk_hint' option needs OpenSSL. OpenSSL was not found; looked for "),
            "{text}"
        );
        assert!(text.contains(&format!("{nowhere}/libssl")), "{text}");
        assert!(text.contains(&format!("Error found at {nowhere}/mosquitto.conf:6.")), "{text}");
    }
    // Who does not need it does not miss it.
    let broker = Setup::open("").environment("MOSQUITTO_OPENSSL_DIR", nowhere).start();
    crate::harness::client("user").to(&broker).ping();
}

#[test]
fn a_file_that_no_listener_uses_is_read_all_the_same_and_a_hint_without_a_file_is_warned_of() {
    let Some(desk) = Desk::new("alice:zz\n") else { return };
    let (said, status) = desk.refusal("listener PORT 127.0.0.1\npsk_file DIR/keys\n", &[], &[]);
    assert_eq!(status, Some(3), "{said:#?}");
    let broker = Setup::config("listener PORT 127.0.0.1\npsk_hint x\nrequire_certificate true\n").start();
    broker.log.wait_for("has a psk_hint and no psk_file: nobody can connect.");
    broker.log.wait_for("Warning: The 'require_certificate' option has no effect on listener ");
    assert!(desk.alice().to(&broker).is_err());
}

#[test]
pub(crate) fn each_listener_has_its_own_file_with_per_listener_settings() {
    let Some(desk) = Desk::new(KEYS) else { return };
    desk.scratch.file("others", "alice:ff\n");
    let dir = desk.scratch.path().display();
    let broker = Setup::config(&format!(
        "per_listener_settings true\nlistener PORT 127.0.0.1\nallow_anonymous true\npsk_hint a\npsk_file {dir}/keys\n\
         listener SECOND 127.0.0.1\nallow_anonymous true\npsk_hint b\npsk_file {dir}/others\n"
    ));
    let broker = broker.start();
    let other = desk.tunnel("alice", &[0xff]);
    assert!(desk.alice().to(&broker).is_ok() && other.to(&broker).is_err());
    assert!(desk.alice().over(broker.dial_second()).is_err() && other.over(broker.dial_second()).is_ok());
}
