//! Other clients: Mosquitto's, and OpenSSL's own.

use super::{Desk, KEYS};
use crate::harness::{Broker, Program, client, report_skipped};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const OPENSSL: &str = "/usr/bin/openssl";
const PUB: &str = "/usr/bin/mosquitto_pub";
const SUB: &str = "/usr/bin/mosquitto_sub";

fn are_there(programs: &[&str]) -> bool {
    let missing = programs.iter().find(|program| !Path::new(program).exists());
    if let Some(program) = missing {
        report_skipped(program.trim_start_matches("/usr/bin/"));
    }
    missing.is_none()
}

fn start(program: &str, broker: &Broker, arguments: &str) -> Program {
    let arguments = format!("-h 127.0.0.1 -p {} {arguments}", broker.port());
    Program::start(program.as_ref(), arguments.split_whitespace())
}

#[test]
fn mosquittos_clients_publish_and_subscribe() {
    if !are_there(&[PUB, SUB]) {
        return;
    }
    let Some(desk) = Desk::new(KEYS) else { return };
    let broker = desk.broker("listener_allow_anonymous false\nuse_identity_as_username true");
    for version in ["mqttv31", "mqttv311", "mqttv5"] {
        let alice = "--psk-identity alice --psk 00c0ffee";
        let subscriber = start(SUB, &broker, &format!("{alice} -V {version} -i sub-{version} -t topic -C 1 -F %p"));
        broker.log.wait_for(&format!("Sending SUBACK to sub-{version}"));
        let bob = "--psk-identity bob --psk 0123456789ABCDEF";
        start(PUB, &broker, &format!("{bob} -V {version} -q 2 -t topic -m hello")).succeed();
        assert_eq!(subscriber.succeed().stdout, ["hello"]);
    }
    broker.log.wait_for_several(", u'alice').", 3);
    broker.log.wait_for_several(", u'bob').", 3);
    for stranger in ["--psk-identity alice --psk 00c0ffef", "--psk-identity carol --psk 00c0ffee", ""] {
        assert_ne!(start(PUB, &broker, &format!("{stranger} -t topic -m hello")).finish().code, Some(0), "{stranger}");
    }
}

#[test]
fn openssls_client_connects_and_ends_when_its_input_does() {
    if !are_there(&[OPENSSL]) {
        return;
    }
    let Some(desk) = Desk::new(KEYS) else { return };
    let broker = desk.broker("");
    let s_client = |key: &str| {
        Command::new(OPENSSL)
            .args(["s_client", "-connect", &format!("127.0.0.1:{}", broker.port()), "-nocommands"])
            .args(["-psk_identity", "bob", "-psk", key])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let mut right = s_client("0123456789abcdef");
    let mut input = right.stdin.take().unwrap();
    input.write_all(&client("openssl").bytes()).unwrap();
    broker.log.wait_for("Client openssl negotiated TLSv1.2 cipher DHE-PSK-AES256-GCM-SHA384");
    drop(input);
    let output = right.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    for expected in ["PSK identity: bob", "PSK identity hint: some hint", "Secure Renegotiation IS supported"] {
        assert!(text.contains(expected), "{text}");
    }
    // Nothing to come back with.
    assert!(!text.contains("session ticket:") && text.contains("Session-ID: \n"), "{text}");
    let output = s_client("0123456789abcdee").wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains("alert bad record mac"), "{text}");
}

/// Whatever the list of ciphers allows: there are ciphers without any proof, and those with a certificate.
#[test]
fn nobody_comes_in_without_a_key() {
    if !are_there(&[OPENSSL]) {
        return;
    }
    let Some(desk) = Desk::new(KEYS) else { return };
    let broker = desk.broker("ciphers ALL:aNULL:eNULL:@SECLEVEL=0");
    let everything = "ALL:aNULL:eNULL:!PSK:@SECLEVEL=0";
    let output = Command::new(OPENSSL)
        .args(["s_client", "-connect", &format!("127.0.0.1:{}", broker.port()), "-tls1_2", "-cipher", everything])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success() && text.contains("Cipher is (NONE)"), "{text}");
    broker.log.wait_for("SSL routines::no shared cipher");
    super::connect(&desk.alice(), &broker, "after").ping();
}

/// A client that asks for another handshake on the same connection is refused that.
#[test]
fn nobody_renegotiates() {
    if !are_there(&[OPENSSL]) {
        return;
    }
    let Some(desk) = Desk::new(KEYS) else { return };
    let broker = desk.broker("");
    let mut child = Command::new(OPENSSL)
        .args(["s_client", "-connect", &format!("127.0.0.1:{}", broker.port())])
        .args(["-psk_identity", "bob", "-psk", "0123456789abcdef"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"R\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("no renegotiation"), "{text}");
    super::connect(&desk.alice(), &broker, "after").ping();
}
