//! Processes that end with the test that started them. What they have to say is waited for, never a time.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a harness fails the test that it serves")]

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, Command, ExitStatus, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// As for the tests of the broker.
#[path = "../../../server/tests/it/harness/ports.rs"]
mod ports;

pub(crate) use ports::free_port;

pub(crate) const PUB: &str = env!("CARGO_BIN_EXE_mosquitto_pub");
pub(crate) const SUB: &str = env!("CARGO_BIN_EXE_mosquitto_sub");
pub(crate) const RR: &str = env!("CARGO_BIN_EXE_mosquitto_rr");

/// Foreign programs.
pub(crate) const DEBIANS_PUB: &str = "/usr/bin/mosquitto_pub";
pub(crate) const DEBIANS_SUB: &str = "/usr/bin/mosquitto_sub";
pub(crate) const DEBIANS_BROKER: &str = "/usr/sbin/mosquitto";
pub(crate) const MICROSOCKS: &str = "/usr/bin/microsocks";
pub(crate) const OPENSSL: &str = "/usr/bin/openssl";

/// The words of `-V`.
pub(crate) const VERSIONS: [&str; 3] = ["mqttv31", "mqttv311", "mqttv5"];

/// Longer than anything takes unless it fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// The broker's program, built if nobody has built it yet.
pub(crate) fn broker_program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let program = Path::new(PUB).with_file_name("mosquitto");
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

/// A directory of its own for a test, which is removed at the end.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("mosquitto-walk-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// A file with this content.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A broker of its own for a test.
pub(crate) struct Broker {
    process: Process,
    pub(crate) port: u16,
    _directory: Directory,
}

impl Broker {
    pub(crate) fn start() -> Self {
        Self::with("allow_anonymous true\nmax_queued_messages 0\n")
    }

    /// A broker with these lines in its configuration.
    pub(crate) fn with(configuration: &str) -> Self {
        Self::of(broker_program(), || configuration.to_owned())
    }

    /// A broker of this program, with these lines in its configuration, made anew for each attempt.
    pub(crate) fn of(program: &Path, configuration: impl Fn() -> String) -> Self {
        // Between its choice and its use somebody else can take a port.
        (0..5)
            .find_map(|_| Self::try_at(program, free_port(), &configuration()))
            .unwrap_or_else(|| panic!("{} does not run", program.display()))
    }

    /// A broker at the port of another one that has ended.
    pub(crate) fn at(port: u16) -> Self {
        Self::at_with(port, "allow_anonymous true\n")
    }

    /// The same with these lines in its configuration.
    pub(crate) fn at_with(port: u16, configuration: &str) -> Self {
        Self::try_at(broker_program(), port, configuration).unwrap_or_else(|| panic!("the broker does not run again"))
    }

    fn try_at(program: &Path, port: u16, configuration: &str) -> Option<Self> {
        let directory = Directory::new();
        let file = directory.file("mosquitto.conf", format!("listener {port} 127.0.0.1\n{configuration}"));
        let mut command = Command::new(program);
        command.arg("-c").arg(file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = lines_of(child.stderr.take().unwrap());
        let process = Process { child };
        loop {
            match lines.recv_timeout(PATIENCE) {
                Ok(line) if line.ends_with(" running") => break,
                Ok(_) => {}
                Err(_) => return None,
            }
        }
        Some(Self { process, port, _directory: directory })
    }

    /// Ends it at once, and returns its port.
    pub(crate) fn kill(self) -> u16 {
        drop(self.process);
        self.port
    }

    /// The command of a program that connects to this broker.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, program: &str, arguments: &[S]) -> Command {
        let mut command = Command::new(program);
        // No options of the user who runs the tests.
        command.env("XDG_CONFIG_HOME", "/nonexistent");
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a program to its end.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Output {
        self.command(program, arguments).output().unwrap()
    }

    /// Publishes, which has to succeed without a word.
    pub(crate) fn publish(&self, arguments: &[&str]) {
        let output = self.run(PUB, arguments);
        assert!(output.status.success() && output.stdout.is_empty() && output.stderr.is_empty(), "{output:?}");
    }

    /// A subscriber, whose subscriptions the broker has acknowledged.
    pub(crate) fn subscribe(&self, arguments: &[&str]) -> Subscriber {
        self.subscribe_with(SUB, arguments)
    }

    /// The same with a program that is like `mosquitto_sub`.
    pub(crate) fn subscribe_with(&self, program: &str, arguments: &[&str]) -> Subscriber {
        let mut command = self.command(program, &[arguments, &["-d"]].concat());
        if program != SUB {
            // Into a pipe, others write only when there is much to say.
            let mut by_line = Command::new("stdbuf");
            by_line.arg("-oL").arg(program).args(command.get_args()).env("XDG_CONFIG_HOME", "/nonexistent");
            by_line.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            command = by_line;
        }
        let mut child = command.spawn().unwrap();
        let lines = lines_of(child.stdout.take().unwrap());
        let stderr = child.stderr.take();
        let subscriber = Subscriber { process: Process { child }, lines, stderr };
        subscriber.wait_for("Subscribed (mid: 1)");
        subscriber
    }
}

/// A process that is ended when it is not needed any more.
pub(crate) struct Process {
    pub(crate) child: Child,
}

impl Process {
    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < until, "the process does not end");
            // The standard library has no waiting for a process with a limit.
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// What it has said, once it has ended.
    pub(crate) fn output(&mut self) -> Output {
        let status = self.wait();
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        self.child.stdout.take().unwrap().read_to_end(&mut stdout).unwrap();
        self.child.stderr.take().unwrap().read_to_end(&mut stderr).unwrap();
        Output { status, stdout, stderr }
    }

    pub(crate) fn stdin(&mut self) -> ChildStdin {
        self.child.stdin.take().unwrap()
    }

    /// Sends it a signal, by its name.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A `mosquitto_sub -d` under way.
pub(crate) struct Subscriber {
    pub(crate) process: Process,
    lines: Receiver<String>,
    stderr: Option<ChildStderr>,
}

impl Subscriber {
    /// The next line that is no debugging line.
    pub(crate) fn message(&self) -> String {
        loop {
            let line = self.line().unwrap_or_else(|| panic!("the program has ended without another message"));
            if !line.starts_with("Client ") && !line.starts_with("Subscribed ") {
                return line;
            }
        }
    }

    /// Waits for a line that contains `text`.
    pub(crate) fn wait_for(&self, text: &str) {
        while !self.line().unwrap_or_else(|| panic!("the program has ended without {text:?}")).contains(text) {}
    }

    /// Waits for the end: the exit status, the lines that are left, and standard error.
    pub(crate) fn end(mut self) -> (Option<i32>, Vec<String>, String) {
        let status = self.process.wait();
        let lines = std::iter::from_fn(|| self.line()).collect();
        let mut errors = String::new();
        self.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        (status.code(), lines, errors)
    }

    fn line(&self) -> Option<String> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("nothing comes"),
        }
    }
}

/// `mosquitto_pub` with a standard input to write to.
pub(crate) fn publisher(broker: &Broker, arguments: &[&str]) -> (Process, ChildStdin) {
    let child = broker.command(PUB, arguments).stdin(Stdio::piped()).spawn().unwrap();
    let mut process = Process { child };
    let stdin = process.stdin();
    (process, stdin)
}

/// Runs `mosquitto_pub` with this as its whole standard input; it has to succeed.
pub(crate) fn publish_input(broker: &Broker, arguments: &[&str], input: &[u8]) {
    let (mut process, mut stdin) = publisher(broker, arguments);
    stdin.write_all(input).unwrap();
    drop(stdin);
    assert_eq!(process.wait().code(), Some(0));
}

/// Says, past the capture of the test runner, that a foreign program is not there to be tested with. Where
/// `MOSQUITTO_TESTS_SKIP_NOTHING` is 1 that is a failure.
pub(crate) fn report_skipped(what: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: {what} is not installed");
    let all = std::env::var_os("MOSQUITTO_TESTS_SKIP_NOTHING").is_some_and(|value| value == "1");
    assert!(!all, "{what} is not installed, and nothing may be skipped");
}

/// Starts a SOCKS5 proxy, microsocks, with these arguments. Its port comes with it.
pub(crate) fn microsocks(program: &str, arguments: &[&str]) -> (Process, u16) {
    let port = free_port();
    let mut command = Command::new(program);
    command.args(["-i", "127.0.0.1", "-p", &port.to_string()]).args(arguments);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let process = Process { child };
    let until = Instant::now() + PATIENCE;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < until, "microsocks does not run");
        thread::yield_now();
    }
    (process, port)
}

/// A foreign program, if it is installed; otherwise that is said.
pub(crate) fn foreign(path: &'static str) -> Option<&'static str> {
    let there = Path::new(path).exists();
    if !there {
        report_skipped(path);
    }
    there.then_some(path)
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Lines as they come, read by a thread that ends with its source.
fn lines_of(source: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(source).lines().map_while(Result::ok) {
            // A broker's log is read on, though nobody listens: it must not wait for its reader.
            let _ = sender.send(line);
        }
    });
    lines
}
