//! TLS, and the options that belong to it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper fails the test that it serves")]

use super::bench::{Outcome, Trial, broker, outcome};
use crate::certificates::Certificates;
use crate::harness::{Broker, Directory, Process, free_port, text};
use crate::psk::has_openssl;
use std::fs::Permissions;
use std::io::Read;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

/// A broker with a listener for TLS beside the plain one, and the certificates.
struct Secure {
    certificates: Certificates,
    port: String,
    broker: Broker,
}

impl Secure {
    /// With these lines, in which `CAFILE` stands for the file of the authority.
    fn new(trial: &Trial, lines: &str) -> Self {
        let certificates = Certificates::new();
        certificates.make("me", &[]);
        let port = free_port();
        let lines = lines.replace("CAFILE", &certificates.text("ca.crt"));
        let configuration = format!("listener {port} 127.0.0.1\n{}{lines}", certificates.listener());
        let broker = broker(trial.whose, &configuration).unwrap();
        Self { certificates, port: port.to_string(), broker }
    }

    fn command(&self, trial: &Trial, arguments: &[&str]) -> Command {
        trial.elsewhere(&[&["-h", "localhost", "-p", &self.port], arguments].concat())
    }

    /// What comes of the program, which trusts the authority of the broker.
    fn trusting(&self, trial: &Trial, arguments: &[&str]) -> Outcome {
        let cafile = self.certificates.text("ca.crt");
        outcome(&mut self.command(trial, &[&["--cafile", &cafile], arguments].concat()))
    }
}

/// The extensions for versions and for a protocol in the first message of a client.
const SUPPORTS_1_3_ONLY: &[u8] = &[0, 43, 0, 3, 2, 3, 4];
const SUPPORTS_1_2_AND_1_3: &[u8] = &[0, 43, 0, 5, 4, 3, 4, 3, 3];
const ASKS_FOR_MQTT: &[u8] = b"\0\x10\0\x07\0\x05\x04mqtt";

/// The first message of the program, for which nobody has an answer.
fn hello(trial: &Trial, arguments: &[&str]) -> Vec<u8> {
    let certificates = Certificates::new();
    let server = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = server.local_addr().unwrap().port().to_string();
    let cafile = certificates.text("ca.crt");
    let tls = ["-h", "127.0.0.1", "-p", &port, "--cafile", &cafile];
    let child = trial.elsewhere(&[&tls[..], arguments].concat()).stderr(Stdio::null()).spawn().unwrap();
    let _process = Process { child };
    let (mut stream, _) = server.accept().unwrap();
    let mut head = [0; 5];
    stream.read_exact(&mut head).unwrap();
    let mut message = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
    stream.read_exact(&mut message).unwrap();
    message
}

fn contains(message: &[u8], part: &[u8]) -> bool {
    message.windows(part.len()).any(|window| window == part)
}

fn good(trial: &Trial) -> Outcome {
    Outcome::of(0, trial.printed(), "")
}

fn failed() -> Outcome {
    Outcome::of(8, "", "Error: A TLS error occurred\n")
}

pub(super) fn an_authority_in_a_file_is_trusted(trial: &Trial) {
    let secure = Secure::new(trial, "");
    for (file, expected) in [("ca.crt", good(trial)), ("stranger.crt", failed())] {
        let file = secure.certificates.text(file);
        assert_eq!(outcome(&mut secure.command(trial, &[trial.form, &file])), expected);
    }
    let missing = outcome(&mut secure.command(trial, &[trial.form, "/no/such/file"]));
    assert_eq!(missing, Outcome::of(1, "", "Error: Problem setting TLS options: File not found.\n"));
    trial.needs_a_value("--cafile argument given but no file");
}

pub(super) fn an_authority_in_a_directory_is_trusted(trial: &Trial) {
    let secure = Secure::new(trial, "");
    for (file, expected) in [("ca.crt", good(trial)), ("stranger.crt", failed())] {
        let directory = secure.certificates.path(&format!("{file}.d"));
        std::fs::create_dir_all(&directory).unwrap();
        let openssl = ["x509", "-hash", "-noout", "-in", &secure.certificates.text(file)];
        let hash = Command::new("openssl").args(openssl).output().unwrap();
        let name = format!("{}.0", text(&hash.stdout).trim());
        std::fs::copy(secure.certificates.path(file), directory.join(name)).unwrap();
        let directory = directory.display().to_string();
        assert_eq!(outcome(&mut secure.command(trial, &[trial.form, &directory])), expected, "{file}");
    }
    trial.needs_a_value("--capath argument given but no directory");
}

pub(super) fn the_own_certificate_is_shown_to_who_asks_for_it(trial: &Trial) {
    let secure = Secure::new(trial, "cafile CAFILE\nrequire_certificate true\n");
    let (cert, key) = (secure.certificates.text("me.crt"), secure.certificates.text("me.key"));
    assert_eq!(secure.trusting(trial, &["--cert", &cert, "--key", &key]), good(trial));
    assert_ne!(secure.trusting(trial, &[]).status, Some(0));
    let said = "Error: Both certfile and keyfile must be provided if one of them is set.\n";
    trial.refuses(&[trial.form, &cert], said);
    trial.needs_a_value(&format!("{} argument given but no file", trial.form));
    drop(secure.broker);
}

pub(super) fn these_cipher_suites_are_offered(trial: &Trial) {
    let secure = Secure::new(trial, "ciphers ECDHE-ECDSA-AES256-GCM-SHA384\ntls_version tlsv1.2\n");
    let suite = "ECDHE-ECDSA-AES256-GCM-SHA384";
    assert_eq!(secure.trusting(trial, &[trial.form, suite]), good(trial));
    let aes_256 = &[0xc0, 0x2c];
    assert!(contains(&hello(trial, &[trial.form, suite]), aes_256));
    assert!(!contains(&hello(trial, &[trial.form, "ECDHE-ECDSA-AES128-GCM-SHA256"]), aes_256));
    trial.needs_a_value("--ciphers argument given but no ciphers");
    let nonsense = secure.trusting(trial, &[trial.form, "nonsense"]);
    assert_ne!(nonsense.status, Some(0), "{nonsense:?}");
}

pub(super) fn a_certificate_of_another_host_is_taken(trial: &Trial) {
    let secure = Secure::new(trial, "");
    assert_eq!(secure.trusting(trial, &["-h", "127.0.0.1"]), failed());
    assert_eq!(secure.trusting(trial, &["-h", "127.0.0.1", trial.form]), good(trial));
}

pub(super) fn the_key_is_in_a_file_and_not_in_an_engine(trial: &Trial) {
    let secure = Secure::new(trial, "cafile CAFILE\nrequire_certificate true\n");
    let (cert, key) = (secure.certificates.text("me.crt"), secure.certificates.text("me.key"));
    let with = |form| secure.trusting(trial, &["--cert", &cert, "--key", &key, trial.form, form]);
    assert_eq!(with("pem"), good(trial));
    assert_eq!(with("engine"), Outcome::of(1, "", "Error: The '--keyform engine' option is not supported yet.\n"));
    let said = "Error: Problem setting key form, it must be one of 'pem' or 'engine'.\n";
    assert_eq!(with("other"), Outcome::of(1, "", said));
    trial.refuses(&[trial.form, "pem"], "Error: If keyform is set, keyfile must be also specified.\n");
    trial.needs_a_value("--keyform argument given but no keyform");
}

pub(super) fn engines_are_refused_by_name(trial: &Trial) {
    if trial.form == "--tls-engine" {
        trial.refuses_by_name(&[trial.form, "value"], "Error: The '--tls-engine' option is not supported yet.\n");
        trial.needs_a_value("--tls-engine argument given but no engine_id");
        return;
    }
    let said = "Error: when using tls-engine-kpass-sha1, both tls-engine and keyform must also be provided.\n";
    trial.refuses(&[trial.form, "hash"], said);
    let key = ["--cert", "c", "--key", "k", "--keyform", "engine", "--tls-engine", "e"];
    let said = "Error: The '--tls-engine' option is not supported yet.\n";
    trial.refuses_by_name(&[&key[..], &[trial.form, "hash"]].concat(), said);
    trial.needs_a_value("--tls-engine-kpass-sha1 argument given but no kpass sha1");
}

pub(super) fn who_has_a_key_in_common_with_the_server_needs_no_certificate(trial: &Trial) {
    if !has_openssl() {
        return;
    }
    let directory = Directory::new();
    std::fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
    let keys = directory.file("keys", "alice:00c0ffee\n").display().to_string();
    let port = free_port().to_string();
    let lines = format!("listener {port} 127.0.0.1\npsk_hint hint\npsk_file {keys}\nallow_anonymous true\n");
    let _broker = broker(trial.whose, &lines).unwrap();
    let as_somebody = |identity, key| {
        let arguments = ["-h", "127.0.0.1", "-p", &port, "--psk-identity", identity, "--psk", key];
        outcome(&mut trial.elsewhere(&arguments))
    };
    assert_eq!(as_somebody("alice", "00c0ffee"), good(trial));
    // Each of the two options says something that counts.
    let wrong = if trial.form == "--psk" { as_somebody("alice", "00c0ffef") } else { as_somebody("bob", "00c0ffee") };
    assert_eq!(wrong, failed());
    let what = if trial.form == "--psk" { "key" } else { "identity" };
    trial.needs_a_value(&format!("{} argument given but no {what}", trial.form));
}

pub(super) fn nothing_is_encrypted_whatever_else_is_said(trial: &Trial) {
    let certificates = Certificates::new();
    let cafile = certificates.text("ca.crt");
    assert_eq!(trial.works(&["--cafile", &cafile, trial.form]), trial.printed());
    assert_ne!(outcome(&mut trial.working(&["--cafile", &cafile])).status, Some(0));
}

pub(super) fn the_application_protocol_is_asked_for(trial: &Trial) {
    let secure = Secure::new(trial, "");
    // A broker of MQTT takes this one.
    assert_eq!(secure.trusting(trial, &[trial.form, "mqtt"]), good(trial));
    assert!(contains(&hello(trial, &[trial.form, "mqtt"]), ASKS_FOR_MQTT));
    assert!(!contains(&hello(trial, &[]), ASKS_FOR_MQTT));
    trial.needs_a_value("--tls-alpn argument given but no protocol");
}

pub(super) fn the_keys_are_written_down(trial: &Trial) {
    let secure = Secure::new(trial, "");
    let keys = secure.certificates.text("keys");
    for connections in 1..=2 {
        assert_eq!(secure.trusting(trial, &[trial.form, &keys]), good(trial));
        let written = std::fs::read_to_string(&keys).unwrap();
        let secrets = written.lines().filter(|line| line.starts_with("CLIENT_TRAFFIC_SECRET_0 "));
        assert_eq!(secrets.count(), connections, "{written}");
    }
}

pub(super) fn who_is_trusted_by_the_machine_is_trusted(trial: &Trial) {
    let secure = Secure::new(trial, "");
    for (trusted, expected) in [("ca.crt", good(trial)), ("stranger.crt", failed())] {
        let mut command = secure.command(trial, &[trial.form]);
        command.env("SSL_CERT_FILE", secure.certificates.path(trusted)).env("SSL_CERT_DIR", "/nonexistent");
        assert_eq!(outcome(&mut command), expected, "{trusted}");
    }
}

pub(super) fn this_is_the_lowest_version(trial: &Trial) {
    let secure = Secure::new(trial, "");
    for version in ["tlsv1.2", "tlsv1.3"] {
        assert_eq!(secure.trusting(trial, &[trial.form, version]), good(trial));
    }
    let versions = |version| {
        let hello = hello(trial, &[trial.form, version]);
        [SUPPORTS_1_3_ONLY, SUPPORTS_1_2_AND_1_3].map(|versions| contains(&hello, versions))
    };
    assert_eq!(versions("tlsv1.2"), [false, true]);
    assert_eq!(versions("tlsv1.3"), [true, false]);
    let wrong = secure.trusting(trial, &[trial.form, "tlsv1.4"]);
    let said = "Error: Problem setting TLS options, check the options are valid.\n";
    assert_eq!(wrong, Outcome::of(1, "", said));
    trial.needs_a_value("--tls-version argument given but no version");
}
