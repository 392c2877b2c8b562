//! A `bridge_keyfile` that is encrypted.

use super::{connected, lines_of_bridge};
use crate::harness::{Broker, Finished, Setup, Terminal, free_port, mosquitto, mosquitto_by};
use crate::tls::Office;
use crate::tls::encrypted_keys::{PKCS8, WITHOUT_TERMINAL, key};

/// A broker that knows the bridge by its certificate, and the lines of that bridge, whose key is encrypted.
fn pair() -> (Office, Broker, String) {
    let office = Office::new();
    office.write_server_with(key("PKCS#8"));
    office.file("server.key", key("PKCS#8"));
    let ca = office.path("ca.crt");
    let there = office.broker(&format!("cafile {ca}\nrequire_certificate true"));
    office.file("gateway.key", key(PKCS8));
    let (certificate, own_key) = (office.path("server.crt"), office.path("gateway.key"));
    let lines = format!("topic t\nbridge_cafile {ca}\nbridge_certfile {certificate}\nbridge_keyfile {own_key}\n");
    let lines = lines_of_bridge(there.port(), &lines);
    (office, there, lines)
}

/// What a broker says, started by this program, that does not run.
fn refusal(office: &Office, lines: &str, by: &[&str]) -> Finished {
    let config = format!("listener {} 127.0.0.1\nallow_anonymous true\n{lines}", free_port());
    let config = office.file("refused.conf", &config);
    mosquitto_by(by, &["-c", config.to_str().unwrap()])
}

fn says(office: &Office, finished: &Finished, why: &str) {
    let path = office.path("gateway.key");
    let named = format!("Error: Unable to load client key file, check bridge_keyfile \"{path}\".");
    assert_eq!(finished.code, Some(1), "{finished:#?}");
    let at = finished.stderr.iter().position(|line| *line == named);
    let reason = at.and_then(|at| finished.stderr.get(at + 1));
    assert!(reason.is_some_and(|line| line.starts_with("Reason: ") && line.contains(why)), "{finished:#?}");
}

#[test]
fn its_passphrase_is_asked_for_at_the_start_and_kept_for_reloads() {
    let (office, _there, lines) = pair();
    let terminal = Terminal::answering(&[b"secret\n"]);
    let here = Setup::open(&lines).wrapped(&terminal.starting()).start();
    connected(&here);
    let log = here.reload(&format!("{}bridge_reload_type immediate\nkeepalive_interval 61\n", here.config()));
    assert!(log.contains(&"Bridge b: changed.".to_owned()), "{log:#?}");
    here.log.wait_for_several("Received CONNACK on connection local.", 2);
    let path = office.path("gateway.key");
    let expected = format!("The key in {path} is encrypted.\r\nEnter PEM pass phrase:\r\n");
    assert_eq!(terminal.shown(), expected);
}

#[test]
fn without_the_right_passphrase_the_broker_does_not_start() {
    let (office, _there, lines) = pair();
    let finished = refusal(&office, &lines, &WITHOUT_TERMINAL);
    says(&office, &finished, "the key is encrypted, and there is no terminal to ask for its passphrase: ");
    let expected = "Expected: a start from a terminal, where the passphrase is asked for.";
    assert!(finished.stderr.contains(&expected.to_owned()), "{finished:#?}");
    let terminal = Terminal::answering(&[b"guess\n"]);
    says(&office, &refusal(&office, &lines, &terminal.starting()), "the passphrase of the key is wrong.");
}

/// A check asks nobody.
#[test]
fn test_config_looks_at_everything_but_what_is_inside_of_the_key() {
    let (office, _there, lines) = pair();
    let check = |lines: &str| {
        let config = office.file("checked.conf", &format!("listener {} 127.0.0.1\n{lines}", free_port()));
        mosquitto(["-c", config.to_str().unwrap(), "--test-config"])
    };
    let finished = check(&lines);
    assert_eq!(finished.code, Some(0), "{finished:#?}");
    let finished = check(&lines.replace("server.crt", "nowhere.crt"));
    assert_ne!(finished.code, Some(0), "{finished:#?}");
    let of_certificate = |line: &String| line.contains("check bridge_certfile");
    assert!(finished.stderr.iter().any(of_certificate), "{finished:#?}");
}
