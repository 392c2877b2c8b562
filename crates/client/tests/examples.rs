//! The examples do what they say, against this project's broker.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper fails the test that it serves")]

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);

/// `target/debug`, or wherever this test is built to.
fn programs() -> PathBuf {
    std::env::current_exe().unwrap().parent().and_then(Path::parent).unwrap().to_owned()
}

/// The broker's program, built if nobody has built it yet.
fn broker_program() -> PathBuf {
    let program = programs().join("mosquitto");
    if !program.exists() {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--package", "mosquitto-server", "--bin", "mosquitto"]);
        if !cfg!(debug_assertions) {
            cargo.arg("--release");
        }
        assert!(cargo.status().unwrap().success(), "the broker does not build");
    }
    program
}

/// A process that ends with its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// A broker with one listener more for WebSockets; the ports of both.
fn broker() -> (Running, [String; 2]) {
    let [mqtt, websockets] = [free_port(), free_port()];
    let file = std::env::temp_dir().join(format!("mosquitto-examples-{}-{mqtt}.conf", std::process::id()));
    let text = format!(
        "allow_anonymous true\nlistener {mqtt} 127.0.0.1\nlistener {websockets} 127.0.0.1\nprotocol websockets\n"
    );
    std::fs::write(&file, text).unwrap();
    let mut command = Command::new(broker_program());
    let broker = Running(command.arg("-c").arg(&file).stderr(Stdio::null()).spawn().unwrap());
    let start = Instant::now();
    while [mqtt, websockets].iter().any(|&port| TcpStream::connect(("127.0.0.1", port)).is_err()) {
        assert!(start.elapsed() < PATIENCE, "the broker does not listen");
        std::thread::yield_now();
    }
    std::fs::remove_file(file).unwrap();
    (broker, [mqtt, websockets].map(|port| port.to_string()))
}

fn example(name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(programs().join("examples").join(name));
    command.arg("127.0.0.1").args(arguments);
    command
}

fn printed(name: &str, arguments: &[&str]) -> String {
    let output = example(name, arguments).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn examples_do_what_they_say() {
    let (_broker, [mqtt, websockets]) = broker();
    assert_eq!(printed("request", &[&mqtt]), "the answer is 42\n");
    assert_eq!(printed("websocket", &[&websockets]), "connected\n");
    let background = printed("background", &[&mqtt]);
    assert_eq!(background.matches("Done { reason: ReasonCode(").count(), 2, "{background}");

    let mut subscriber = Running(example("subscribe", &[&mqtt, "g/#"]).stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(subscriber.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.next().unwrap().starts_with("subscribed: "));
    assert_eq!(printed("publish", &[&mqtt, "g/reeting", "hello"]), "published\n");
    assert_eq!(lines.next().unwrap(), "g/reeting hello");
}
