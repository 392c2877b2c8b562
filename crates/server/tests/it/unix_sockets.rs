//! Listeners at a path.

use crate::harness::{Broker, Client, Got, PATIENCE, Scratch, Setup, client, free_port, mosquitto};
use rustix::process::Signal;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// Lets everybody in, over TCP and at `DIR/x.sock`.
const BOTH: &str = "listener PORT 127.0.0.1\nallow_anonymous true\nlistener 0 DIR/x.sock\n";

fn path(broker: &Broker) -> PathBuf {
    broker.directory().join("x.sock")
}

fn connect(path: &Path, id: &str) -> Client {
    let stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // What a client of the harness does with a socket is the same with both kinds.
    let mut connected = client(id).over(TcpStream::from(OwnedFd::from(stream)));
    assert_eq!(connected.next(), Got::ConnAck { present: false, reason: 0 });
    connected
}

#[test]
pub(crate) fn clients_at_a_path_and_over_tcp_talk_with_each_other_and_the_log_names_the_path() {
    let broker = Setup::config(&format!("worker_threads 3\n{BOTH}")).start();
    let path = path(&broker);
    let shown = path.display();
    assert_eq!(broker.log.count(&format!("Opening unix listen socket on path {shown}.")), 1);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o770);
    let mut over_tcp = client("over-tcp").to(&broker);
    over_tcp.subscribe("t", 1);
    // Enough for every worker to be somebody's home.
    for n in 0..16 {
        let mut at_path = connect(&path, &format!("at-path-{n}"));
        at_path.subscribe(&format!("back/{n}"), 1);
        at_path.publish("t", "hello", 1);
        assert_eq!(over_tcp.message().payload, b"hello");
        over_tcp.publish(&format!("back/{n}"), "hello yourself", 1);
        assert_eq!(at_path.message().payload, b"hello yourself");
    }
    broker.log.wait_for(&format!("New connection from {shown}:0 on port 0."));
    broker.log.wait_for(&format!("New client connected from {shown}:0 as at-path-0 (p5, c1, k60)."));
    broker.log.wait_for(&format!("Client at-path-0 [{shown}:0] disconnected"));
    broker.stop();
}

#[test]
fn the_socket_is_removed_at_the_end_and_one_that_was_left_behind_is_replaced() {
    let scratch = Scratch::new();
    let path = scratch.path().join("y.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let config = format!("{BOTH}listener 0 {}\n", path.display());
    for signal in [Signal::TERM, Signal::INT] {
        let broker = Setup::config(&config).start();
        connect(&path, "a").ping();
        broker.stop_with(signal);
        assert!(!path.exists());
    }
}

#[test]
fn a_path_that_cannot_be_listened_at_is_named_and_exits_with_1() {
    let scratch = Scratch::new();
    let (taken, file) = (scratch.path().join("taken.sock"), scratch.file("file", "precious"));
    let _taken = UnixListener::bind(&taken).unwrap();
    for (path, why) in [(&taken, "Address already in use"), (&file, "Address already in use")] {
        let path = path.display();
        let text = format!("log_timestamp false\nlistener 0 {path}\nlistener {} 127.0.0.1\n", free_port());
        let refused = mosquitto(["-c", scratch.file("mosquitto.conf", &text).to_str().unwrap()]);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        let line = format!("Error: Unable to listen on {path}: {why}.");
        assert!(refused.stderr.contains(&line), "{refused:?}");
    }
    UnixStream::connect(&taken).unwrap();
    assert_eq!(std::fs::read(&file).unwrap(), b"precious");
}

#[test]
fn test_config_finds_a_path_that_cannot_be_a_sockets() {
    let scratch = Scratch::new();
    let (file, taken) = (scratch.file("file", ""), scratch.path().join("taken.sock"));
    let _taken = UnixListener::bind(&taken).unwrap();
    let long = format!("/tmp/{}", "x".repeat(120));
    for (path, problem) in [
        (file.to_str().unwrap(), Some("is not a Unix socket.")),
        ("/nowhere/x.sock", Some("cannot be made in /nowhere: ")),
        (&*long, Some("is too long for a Unix socket: 107 bytes at most.")),
        // The broker that runs may be the one that listens there.
        (taken.to_str().unwrap(), None),
    ] {
        let config = scratch.file("mosquitto.conf", &format!("listener 0 {path}\n"));
        let tested = mosquitto(["-c", config.to_str().unwrap(), "--test-config"]);
        assert_eq!(tested.code, Some(if problem.is_some() { 3 } else { 0 }), "{tested:?}");
        if let Some(problem) = problem {
            assert!(tested.stderr.iter().any(|line| line.contains(path) && line.contains(problem)), "{tested:?}");
        }
    }
}

#[test]
fn a_reload_opens_keeps_and_removes_them() {
    let plain = "listener PORT 127.0.0.1\nallow_anonymous true\n";
    let broker = Setup::config(&format!("worker_threads 2\n{plain}")).start();
    let path = path(&broker);
    let shown = path.display().to_string();
    let with = format!("worker_threads 2\n{BOTH}");
    assert!(broker.reload(&with).contains(&format!("listener 0 {shown}: opened.")), "{:?}", broker.log.all());
    let mut kept = connect(&path, "kept");
    // Another option makes no other listener of it.
    let lines = broker.reload(&format!("{with}max_connections 1\n"));
    assert!(!lines.iter().any(|line| line.starts_with("Opening ")), "{lines:?}");
    kept.ping();
    broker.reload(&format!("worker_threads 2\n{plain}"));
    assert!(kept.rest().contains(&Got::Disconnect(0x98)));
    assert!(!path.exists());
    broker.reload(&with);
    connect(&path, "again").ping();
}

#[test]
fn max_connections_counts_those_at_a_path() {
    let broker = Setup::config(&format!("{BOTH}max_connections 1\n")).start();
    let path = path(&broker);
    let mut first = connect(&path, "first");
    let _second = UnixStream::connect(&path).unwrap();
    broker.log.wait_for(&format!("Client connection from {} denied: max_connections exceeded.", path.display()));
    first.ping();
}
