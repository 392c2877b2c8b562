//! The programs with a server that name servers know.

#![allow(clippy::unwrap_used, reason = "a helper fails the test that it serves")]

use crate::certificates::Certificates;
use crate::harness::{Broker, Directory, PUB, RR, SUB, free_port, text};
use crate::name_server::{self, Answer, NameServer};
use crate::proxy::Proxy;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What names the file in place of `/etc/resolv.conf`.
const VARIABLE: &str = "MOSQUITTO_RESOLV_CONF";

/// Name servers, and the file that names them.
pub(super) struct Names {
    _server: NameServer,
    directory: Directory,
}

impl Names {
    /// A broker at this port of `localhost` is the service of this name, and of no other one. In front of it stands a
    /// host that nobody can find, and a port at which nobody listens.
    pub(super) fn of(service: &'static str, port: u16) -> Self {
        let nobody = free_port();
        Self::answering(move |name| {
            let records =
                [(5, 0, nobody, "localhost"), (9, 0, port, "localhost"), (1, 0, port, "no-such-host.invalid")];
            let (records, count) = name_server::services(&records);
            if name == service { Answer::Records(records, count) } else { Answer::Code(3) }
        })
    }

    fn answering(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let (server, directory) = (NameServer::start(answer), Directory::new());
        directory.file("resolv.conf", format!("nameserver {}\noptions timeout:1 attempts:1\n", server.address()));
        Self { _server: server, directory }
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("resolv.conf")
    }

    pub(super) fn known_to(&self, command: &mut Command) {
        command.env(VARIABLE, self.file());
    }

    /// Runs a program that looks the service of a domain up.
    fn run(&self, program: &str, domain: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
        let mut command = Command::new(program);
        command.env("XDG_CONFIG_HOME", "/nonexistent").env("SSL_CERT_DIR", "/nonexistent").stdin(Stdio::null());
        self.known_to(&mut command);
        let output = command.args(["-S", "-h", domain, "-t", "a"]).args(arguments).output().unwrap();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    }
}

fn good() -> (Option<i32>, String, String) {
    (Some(0), String::new(), String::new())
}

#[test]
fn a_service_that_is_not_found_is_told_and_with_d_why() {
    for (answer, why) in [
        (Answer::Code(3), "there are no SRV records of this name"),
        (Answer::Code(2), "the name server has answered with code 2"),
        (Answer::Silence, "no name server has answered in time"),
    ] {
        let names = Names::answering(move |_| answer.clone());
        for (program, more) in [(PUB, &["-m", "b"][..]), (SUB, &[]), (RR, &["-m", "b", "-e", "c"])] {
            let (status, stdout, stderr) = names.run(program, "a.test", &[more, &["-d"]].concat());
            assert_eq!((status, stdout), (Some(1), format!("Error: SRV lookup failed ({why}).\n")));
            assert_eq!(stderr, "Unable to connect (Lookup error).\n");
        }
    }
}

#[test]
fn with_tls_the_secure_service_is_asked_for() {
    let certificates = Certificates::new();
    let broker = Broker::with(&format!("allow_anonymous true\n{}", certificates.listener()));
    let names = Names::of("_secure-mqtt._tcp.a.test", broker.port);
    let cafile = certificates.text("ca.crt");
    assert_eq!(names.run(PUB, "a.test", &["-m", "b", "--cafile", &cafile]), good());
    assert_eq!(names.run(PUB, "a.test", &["-m", "b"]).0, Some(1));
}

/// Anybody gets a certificate for a host of his own, and anybody on the way can forge an answer that names it.
#[test]
fn where_the_machines_authorities_are_trusted_the_certificate_has_to_be_for_the_domain() {
    let certificates = Certificates::new();
    certificates.make("both", &["localhost", "a.test"]);
    let listener = |name| format!("certfile {}\nkeyfile {}\n", certificates.text(name), certificates.text("both.key"));
    let of_host = Broker::with(&format!("allow_anonymous true\n{}", certificates.listener()));
    let of_both = Broker::with(&format!("allow_anonymous true\n{}", listener("both.crt")));
    for (broker, expected) in [(of_host, 8), (of_both, 0)] {
        let names = Names::of("_secure-mqtt._tcp.a.test", broker.port);
        let mut command = Command::new(PUB);
        command.env("XDG_CONFIG_HOME", "/nonexistent").env("SSL_CERT_DIR", "/nonexistent");
        command.env("SSL_CERT_FILE", certificates.path("ca.crt"));
        names.known_to(&mut command);
        let output = command.args(["-S", "-h", "a.test", "--tls-use-os-certs", "-t", "a", "-m", "b"]).output().unwrap();
        assert_eq!(output.status.code(), Some(expected), "{output:?}");
    }
}

#[test]
fn a_proxy_is_asked_for_the_host_that_was_found() {
    let broker = Broker::start();
    let port = broker.port;
    let names = Names::answering(move |_| {
        let (records, count) = name_server::services(&[(0, 0, port, "inside.invalid")]);
        Answer::Records(records, count)
    });
    let proxy = Proxy::start(None, None);
    assert_eq!(names.run(PUB, "a.test", &["-m", "b", "--proxy", &proxy.url("")]), good());
    assert_eq!(proxy.asked.recv().unwrap(), format!("inside.invalid:{port}"));
}

#[test]
fn the_next_host_is_tried_where_the_proxy_does_not_reach_one() {
    let (nobody, names) = (free_port(), |port: u16, nobody: u16| {
        Names::answering(move |_| {
            let (records, count) = name_server::services(&[(0, 0, nobody, "a.invalid"), (1, 0, port, "b.invalid")]);
            Answer::Records(records, count)
        })
    });
    let proxy = Proxy::start(None, Some(4));
    let names = names(1, nobody);
    let (status, _, errors) = names.run(PUB, "a.test", &["-m", "b", "--proxy", &proxy.url("")]);
    assert_eq!((status, errors.as_str()), (Some(4), "Error: The client is not currently connected\n"));
    let asked: Vec<_> = proxy.asked.try_iter().collect();
    assert_eq!(asked, [format!("a.invalid:{nobody}"), "b.invalid:1".to_owned()]);
}

#[test]
fn a_websocket_is_opened_at_the_host_that_was_found() {
    let broker = Broker::with("protocol websockets\nallow_anonymous true\n");
    let names = Names::of("_mqtt._tcp.a.test", broker.port);
    assert_eq!(names.run(PUB, "a.test", &["-m", "b", "--ws"]), good());
}
