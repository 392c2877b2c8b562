//! This project's broker as a process, which ends with the test that started it.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper fails the test that it serves, and not all tests need all of it"
)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// As for the tests of the broker.
#[path = "../../../server/tests/it/harness/ports.rs"]
mod ports;

pub(crate) use ports::free_port;

/// Longer than anything takes unless it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// `target/debug`, or wherever this test is built to.
pub(crate) fn programs() -> PathBuf {
    std::env::current_exe().unwrap().parent().and_then(Path::parent).unwrap().to_owned()
}

/// The broker's program, built if nobody has built it yet.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
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
    })
}

/// A process that ends with its test.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Also where it is stopped.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A broker that listens.
pub(crate) struct Broker(Running);

impl Broker {
    /// One with this configuration: lines of `mosquitto.conf`, with its listeners. None if it does not start.
    pub(crate) fn start(configuration: &str) -> Option<Self> {
        let name = format!("mosquitto-client-{}-{}.conf", std::process::id(), free_port());
        let file = std::env::temp_dir().join(name);
        std::fs::write(&file, configuration).unwrap();
        let mut command = Command::new(program());
        command.arg("-c").arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut broker = Running(command.spawn().unwrap());
        let log = lines(broker.0.stderr.take().unwrap());
        let runs = log.iter().any(|line| line.ends_with(" running"));
        std::fs::remove_file(file).unwrap();
        runs.then_some(Self(broker))
    }

    /// Has it do nothing from now on: what it is sent stays with the system. The signal alone says nothing of when each of its
    /// threads stands still.
    pub(crate) fn freeze(&self) {
        let id = self.0.0.id();
        let status = Command::new("kill").args(["-s", "STOP", &id.to_string()]).status();
        assert!(status.unwrap().success());
        let is_still = |task: std::io::Result<std::fs::DirEntry>| {
            let stat = std::fs::read_to_string(task.unwrap().path().join("stat")).unwrap();
            stat.rsplit_once(')').is_some_and(|(_, rest)| rest.starts_with(" T"))
        };
        while !std::fs::read_dir(format!("/proc/{id}/task")).unwrap().all(is_still) {
            thread::yield_now();
        }
    }

    /// Ends it as a failure of the machine would.
    pub(crate) fn kill(self) {
        drop(self);
    }
}

/// Lines as they come, read to the end though nobody wants them any more.
fn lines(source: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(source).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    lines
}
