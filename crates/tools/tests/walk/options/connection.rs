//! How the broker is reached.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper fails the test that it serves")]

use super::bench::{KEPT, MESSAGE, Outcome, Trial, least, open_directory, outcome, program};
use crate::harness::{free_port, report_skipped};
use crate::proxy::Proxy;
use crate::services::Names;
use mosquitto_tools::Tool;
use rustix::io::Errno;
use rustix::net::{getpeername, sockopt::tcp_nodelay};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use std::net::SocketAddr;
use std::process::{Command, Stdio};

pub(super) fn the_connection_comes_from_the_address(trial: &Trial) {
    trial.works(&[trial.form, "127.0.0.2", "-i", &trial.id]);
    let line = trial.broker.logged(&format!(" as {} (", trial.id));
    assert!(line.contains(" from 127.0.0.2:"), "{line}");
    trial.needs_a_value("-A argument given but no address");
}

pub(super) fn the_host_is_connected_to(trial: &Trial) {
    let port = trial.broker.port.to_string();
    for host in ["127.0.0.1", "localhost"] {
        assert_eq!(trial.succeeds(&mut trial.elsewhere(&["-p", &port, trial.form, host])), trial.printed());
    }
    let nowhere = trial.run(&[&[trial.form, "no.such.host.invalid"], least(trial.tool)].concat());
    assert_eq!((nowhere.status, nowhere.stderr.as_str()), (Some(1), "Unable to connect (Lookup error).\n"));
    trial.needs_a_value("-h argument given but no host");
}

pub(super) fn the_port_is_connected_to(trial: &Trial) {
    let port = trial.broker.port.to_string();
    assert_eq!(trial.succeeds(&mut trial.elsewhere(&["-h", "127.0.0.1", trial.form, &port])), trial.printed());
    for port in ["-1", "65536"] {
        trial.refuses(&[trial.form, port], &format!("Error: Invalid port given: {port}\n"));
    }
    trial.needs_a_value("-p argument given but no port");
}

pub(super) fn a_url_says_host_port_user_and_topic(trial: &Trial) {
    let topic = if trial.tool == Tool::Sub { KEPT } else { "said" };
    let rest: &[&str] = match trial.tool {
        Tool::Pub => &["-m", MESSAGE],
        Tool::Sub => &["-C", "1"],
        Tool::Rr => &["-e", KEPT, "-m", MESSAGE],
    };
    let url = |scheme: &str| format!("{scheme}://me:secret@localhost:{}/{topic}", trial.broker.port);
    for scheme in ["mqtt", "MQTT"] {
        let id = format!("{}{scheme}", trial.id);
        let url = url(scheme);
        let mut command = trial.command(&[&[trial.form, &url, "-i", &id], rest].concat());
        assert_eq!(trial.succeeds(&mut command), trial.printed());
        let line = trial.broker.logged(&format!(" as {id} ("));
        assert!(line.contains("u'me'"), "{line}");
    }
    trial.refuses(&[trial.form, &url("http")], "Error: Unsupported URL scheme.\n\n");
    let without = format!("mqtt://localhost:{}", trial.broker.port);
    trial.refuses(&[trial.form, &without], "Error: Invalid URL for -L argument specified - topic missing.\n");
    trial.needs_a_value("-L argument given but no URL");
}

/// Whether a program that stays connected has TCP_NODELAY; nothing where nobody may look.
fn has_nodelay(trial: &Trial, arguments: &[&str]) -> Option<bool> {
    let staying = trial.staying(arguments);
    let pid = staying.process.child.id();
    let process = pidfd_open(Pid::from_raw(pid.try_into().unwrap()).unwrap(), PidfdFlags::empty()).unwrap();
    for entry in std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap() {
        let number = entry.unwrap().file_name().to_str().unwrap().parse().unwrap();
        let fd = match pidfd_getfd(&process, number, PidfdGetfdFlags::empty()) {
            Ok(fd) => fd,
            Err(Errno::BADF) => continue,
            Err(Errno::PERM | Errno::NOSYS) => {
                report_skipped("the right to look at another process's sockets");
                return None;
            }
            Err(error) => panic!("{error}"),
        };
        let peer = getpeername(&fd).ok().flatten().and_then(|address| SocketAddr::try_from(address).ok());
        if peer.is_some_and(|peer| peer.port() == trial.broker.port) {
            return Some(tcp_nodelay(fd).unwrap());
        }
    }
    panic!("no socket to the broker")
}

pub(super) fn small_packets_are_sent_at_once(trial: &Trial) {
    let Some(without) = has_nodelay(trial, &[]) else { return };
    assert!(!without);
    assert_eq!(has_nodelay(trial, &[trial.form]), Some(true));
    if trial.tool == Tool::Rr {
        assert_eq!(has_nodelay(trial, &["--latency"]), Some(true));
    }
}

/// A line is an option and its value; scalars of the arguments win, and topics add up.
pub(super) fn a_file_has_options_that_come_before_the_arguments(trial: &Trial) {
    let directory = open_directory();
    let lines = format!("# a comment\n-i {}\r\n-k 100\n-u a b\n", trial.id);
    let file = directory.file("options", lines).display().to_string();
    trial.works(&[trial.form, &file, "-k", "99"]);
    let line = trial.broker.logged(&format!(" as {} (", trial.id));
    assert!(line.contains("k99") && line.contains("u'a b'"), "{line}");
    assert_eq!(trial.works(&[trial.form, "/no/such/file"]), trial.printed());
    // Without it, the file is where the user's configuration is.
    let name = trial.tool.name();
    std::fs::create_dir(directory.path().join(".config")).unwrap();
    for (place, variable) in [(name.to_owned(), "XDG_CONFIG_HOME"), (format!(".config/{name}"), "HOME")] {
        let id = format!("{}{variable}", trial.id);
        directory.file(&place, format!("-i {id}\n"));
        let mut command = trial.working(&[]);
        command.env_remove("XDG_CONFIG_HOME").env_remove("HOME").env(variable, directory.path());
        trial.succeeds(&mut command);
        trial.broker.logged(&format!(" as {id} ("));
        // And a file that is named takes its place.
        trial.succeeds(command.args([trial.form, "/no/such/file"]));
    }
    let mut command = trial.working(&[]);
    trial.succeeds(command.env_remove("XDG_CONFIG_HOME").env_remove("HOME"));
    let twice = [trial.form, "/no/such/file", trial.form, "/no/such/file"];
    trial.refuses(&twice, "Error: Duplicate -o argument given.\n\n");
}

pub(super) fn a_proxy_connects_to_the_host(trial: &Trial) {
    let proxy = Proxy::start(None, None);
    let through = ["-h", "no.such.host.invalid", trial.form, &proxy.url("")];
    assert_eq!(trial.works(&through), trial.printed());
    assert_eq!(proxy.asked.recv().unwrap(), format!("no.such.host.invalid:{}", trial.broker.port));
    let closed = Proxy::start(Some(("me", "p@ss:word")), None);
    let through = [trial.form, &closed.url("me:p%40ss%3Aword@")];
    assert_eq!(trial.works(&through), trial.printed());
    let url = "http://localhost";
    trial.refuses(&[trial.form, url], &format!("Error: Unsupported proxy protocol: {url}\n"));
    trial.needs_a_value("--proxy argument given but no proxy url");
}

/// Whatever port is given, the records name another one; the first of them lead nowhere.
pub(super) fn the_server_is_looked_up_by_its_service(trial: &Trial) {
    let names = Names::of("_mqtt._tcp.a.test", trial.broker.port);
    for more in [&["-p", "1"][..], &[]] {
        let mut command = trial.elsewhere(&[&[trial.form, "-h", "a.test"], more].concat());
        names.known_to(&mut command);
        assert_eq!(trial.succeeds(&mut command), trial.printed());
    }
    let mut command = trial.elsewhere(&[trial.form, "-h", "b.test"]);
    names.known_to(&mut command);
    assert_eq!(outcome(&mut command), Outcome::of(1, "", "Unable to connect (Lookup error).\n"));
    // A socket needs no look-up.
    let directory = open_directory();
    let path = directory.path().join("x.sock").display().to_string();
    let _broker = trial.other_broker(&format!("listener 0 {path}\n"));
    let outcome = outcome(&mut trial.elsewhere(&[trial.form, "--unix", &path]));
    let warning = "Warning: -S has no effect: --unix says where the server is.\n";
    assert_eq!(outcome, Outcome::of(0, trial.printed(), warning));
}

pub(super) fn a_socket_takes_the_place_of_host_and_port(trial: &Trial) {
    let directory = open_directory();
    let path = directory.path().join("x.sock").display().to_string();
    let _broker = trial.other_broker(&format!("listener 0 {path}\n"));
    // No other broker is at this host.
    let mut command = Command::new(program(trial.tool));
    command.env("XDG_CONFIG_HOME", "/nonexistent").args(["-h", "no.such.host.invalid", trial.form, &path]);
    command.args(least(trial.tool)).stdin(Stdio::null());
    assert_eq!(trial.succeeds(&mut command), trial.printed());
    trial.needs_a_value("--unix argument given but no socket path");
}

pub(super) fn packets_go_over_websockets(trial: &Trial) {
    // The harness publishes the message over plain MQTT, so that has a listener of its own.
    let port = free_port();
    let listener = format!("listener {port} 127.0.0.1\nprotocol websockets\n");
    let _broker = trial.other_broker(&listener);
    let port = port.to_string();
    let mut command = trial.elsewhere(&["-h", "127.0.0.1", "-p", &port, trial.form]);
    assert_eq!(trial.succeeds(&mut command), trial.printed());
    let mut command = trial.elsewhere(&["-h", "127.0.0.1", "-p", &port]);
    assert_ne!(command.output().unwrap().status.code(), Some(0));
}
