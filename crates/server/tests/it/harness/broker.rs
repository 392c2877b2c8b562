//! The broker under test.

use super::process::{SAME_USER, wait_for_end};
use super::{Lines, PATIENCE, Scratch, free_port};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Instant;

/// How often a port that was taken in between is replaced by another.
const ATTEMPTS: usize = 20;

/// The name of the configuration file.
const CONFIG: &str = "mosquitto.conf";

/// What the broker says at the end of a reload.
const RELOAD_ENDS: [&str; 2] = ["Configuration reloaded: ", "Configuration not reloaded: "];

/// What the broker says when it runs.
const RUNNING: &str = concat!("mosquitto version ", env!("CARGO_PKG_VERSION"), " running");

/// A broker to be started.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    config: Option<String>,
    /// Name and contents.
    files: Vec<(String, String)>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    ready: Ready,
    unread: bool,
    wrapper: Vec<String>,
    same_user: bool,
    reader_leaves: bool,
    directory: Option<Arc<Scratch>>,
}

/// How a broker is known to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ready {
    /// It says so on standard error.
    Says,
    /// It says so on standard output.
    SaysOnStdout,
    /// It accepts connections.
    Accepts,
}

/// A running broker. Dropped, it is stopped, and has to stop in good order.
#[derive(Debug)]
pub(crate) struct Broker {
    child: Option<Child>,
    port: u16,
    second_port: u16,
    /// While this exists, a log that is not to be read is not.
    paused: Option<Sender<()>>,
    /// Standard error, which is the log if the configuration does not say otherwise.
    pub(crate) log: Lines,
    pub(crate) stdout: Lines,
    /// As in [`Setup::config`].
    config: String,
    scratch: Arc<Scratch>,
}

impl Setup {
    /// A broker with this configuration, in which `PORT` is the port, `SECOND` another one, and `DIR` a directory of its
    /// own.
    pub(crate) fn config(text: &str) -> Self {
        Self {
            config: Some(text.to_owned()),
            files: Vec::new(),
            arguments: Vec::new(),
            environment: Vec::new(),
            ready: Ready::Says,
            unread: false,
            wrapper: Vec::new(),
            same_user: true,
            reader_leaves: false,
            directory: None,
        }
    }

    /// A broker whose one listener lets everybody in, with `lines` added to its configuration.
    pub(crate) fn open(lines: &str) -> Self {
        Self::config(&format!("listener PORT 127.0.0.1\nallow_anonymous true\n{lines}\n"))
    }

    /// A broker without configuration.
    pub(crate) fn local() -> Self {
        Self { config: None, ..Self::config("") }.argument("-p").argument("PORT")
    }

    /// There is this file in `DIR`.
    pub(crate) fn file(mut self, name: &str, text: &str) -> Self {
        self.files.push((name.to_owned(), text.to_owned()));
        self
    }

    /// `DIR` is this one, which others have used before, or will.
    pub(crate) fn directory(mut self, directory: &Arc<Scratch>) -> Self {
        self.directory = Some(Arc::clone(directory));
        self
    }

    /// Adds an argument, in which `PORT` is the port.
    pub(crate) fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    pub(crate) fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// If it is started by root, it becomes somebody else as its configuration and its environment say.
    pub(crate) fn changes_user(mut self) -> Self {
        self.same_user = false;
        self
    }

    /// Nobody reads standard output, and whoever writes there finds that out.
    pub(crate) fn reader_leaves(mut self) -> Self {
        self.reader_leaves = true;
        self.silent()
    }

    /// The log goes to standard output only.
    pub(crate) fn logs_to_stdout(mut self) -> Self {
        self.ready = Ready::SaysOnStdout;
        self
    }

    /// The log goes neither to standard error nor to standard output.
    pub(crate) fn silent(mut self) -> Self {
        self.ready = Ready::Accepts;
        self
    }

    /// The system gives it that many file descriptors and no more.
    pub(crate) fn descriptors(self, limit: u32) -> Self {
        self.wrapped(&["/bin/sh", "-c", "ulimit -n \"$0\" && exec \"$@\"", &limit.to_string()])
    }

    /// It is started by this program, which takes it for its last arguments and becomes it.
    pub(crate) fn wrapped(mut self, wrapper: &[&str]) -> Self {
        self.wrapper = wrapper.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// Nobody reads standard error once the broker runs, until [`Broker::read_on`].
    pub(crate) fn unread(mut self) -> Self {
        self.unread = true;
        self
    }

    /// Starts the broker and waits until it runs.
    pub(crate) fn start(&self) -> Broker {
        for _ in 0..ATTEMPTS {
            let broker = self.spawn(free_port(), free_port());
            if broker.is_ready(self.ready) {
                return broker;
            }
            assert!(
                broker.log.count("Address already in use") + broker.stdout.count("Address already in use") > 0,
                "{:#?}",
                broker.log.all()
            );
            broker.forget();
        }
        panic!("no port was free in {ATTEMPTS} attempts");
    }

    /// The program, before its arguments.
    fn command(&self) -> Command {
        let program = env!("CARGO_BIN_EXE_mosquitto");
        let Some((wrapper, arguments)) = self.wrapper.split_first() else { return Command::new(program) };
        let mut command = Command::new(wrapper);
        command.args(arguments).arg(program);
        command
    }

    fn spawn(&self, port: u16, second_port: u16) -> Broker {
        let scratch = self.directory.clone().unwrap_or_else(|| Arc::new(Scratch::new()));
        let filled = |text: &str| scratch.filled(text, port, second_port);
        let mut command = self.command();
        for (name, text) in &self.files {
            scratch.file(name, text);
        }
        if let Some(config) = &self.config {
            command.arg("-c").arg(scratch.file(CONFIG, &filled(&with_workers(config))));
        }
        command.args(self.arguments.iter().map(|argument| filled(argument)));
        command.envs(self.same_user.then_some(SAME_USER));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let stdout: Box<dyn Read + Send> = if self.reader_leaves { Box::new(io::empty()) } else { Box::new(stdout) };
        let unread = self.unread;
        let (paused, pause) = mpsc::channel();
        let log = Lines::with_pause(stderr, move |line| unread && line.ends_with(RUNNING), pause);
        let (stdout, config) = (Lines::of(stdout), self.config.clone().unwrap_or_default());
        Broker { child: Some(child), port, second_port, paused: Some(paused), log, stdout, config, scratch }
    }
}

impl Broker {
    /// A broker that lets everybody in, with these lines added to its configuration.
    pub(crate) fn open(lines: &str) -> Self {
        Setup::open(lines).start()
    }

    /// Reads the log again.
    pub(crate) fn read_on(&mut self) {
        self.paused = None;
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn second_port(&self) -> u16 {
        self.second_port
    }

    pub(crate) fn address(&self) -> SocketAddr {
        (IpAddr::from(Ipv4Addr::LOCALHOST), self.port).into()
    }

    /// The directory of its own.
    pub(crate) fn directory(&self) -> &Path {
        self.scratch.path()
    }

    /// The configuration that it was started with, as it was given.
    pub(crate) fn config(&self) -> &str {
        &self.config
    }

    /// Has it read another configuration, in which `PORT`, `SECOND` and `DIR` are what they were. Returns what the log says until
    /// that is done, without times.
    pub(crate) fn reload(&self, config: &str) -> Vec<String> {
        self.scratch.file(CONFIG, &self.scratch.filled(&with_workers(config), self.port, self.second_port));
        self.hang_up()
    }

    /// Likewise, with whatever the files are now.
    pub(crate) fn hang_up(&self) -> Vec<String> {
        let before = self.log.len();
        self.signal(Signal::HUP);
        self.log.until(before, &RELOAD_ENDS).iter().map(|line| without_time(line).to_owned()).collect()
    }

    /// A connection on which nothing was sent yet.
    pub(crate) fn dial(&self) -> TcpStream {
        Self::dial_address(self.address())
    }

    /// The same, at the second of two listeners.
    pub(crate) fn dial_second(&self) -> TcpStream {
        Self::dial_address((IpAddr::from(Ipv4Addr::LOCALHOST), self.second_port).into())
    }

    pub(crate) fn dial_address(address: SocketAddr) -> TcpStream {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Stops the broker with this signal and returns its whole log. The exit status has to be 0.
    pub(crate) fn stop_with(mut self, signal: Signal) -> Vec<String> {
        self.signal(signal);
        self.end()
    }

    pub(crate) fn stop(self) -> Vec<String> {
        self.stop_with(Signal::TERM)
    }

    /// Kills it, and returns its whole log.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.signal(Signal::KILL);
        self.ends().1
    }

    /// Waits until it has ended, whatever its exit status is, which is returned with its whole log; none where a signal has
    /// ended it.
    pub(crate) fn ends(&mut self) -> (Option<i32>, Vec<String>) {
        let Some(child) = self.child.take() else { return (None, Vec::new()) };
        let status = wait_for_end(child);
        self.read_on();
        (status.code(), self.log.to_the_end())
    }

    /// KiB of memory that it has in use.
    pub(crate) fn resident_kib(&self) -> u64 {
        self.status_kib("VmRSS:")
    }

    /// The most KiB of memory that it has ever had in use.
    pub(crate) fn resident_peak_kib(&self) -> u64 {
        self.status_kib("VmHWM:")
    }

    /// The most KiB of address space that it has ever had reserved.
    pub(crate) fn virtual_peak_kib(&self) -> u64 {
        self.status_kib("VmPeak:")
    }

    fn status_kib(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(self.proc("status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a number of this name");
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Open file descriptors.
    pub(crate) fn descriptors(&self) -> usize {
        std::fs::read_dir(self.proc("fd")).unwrap().count()
    }

    /// Milliseconds of processor time that it has used, in hundredths of a second as Linux counts them.
    pub(crate) fn cpu_ms(&self) -> u64 {
        let stat = std::fs::read_to_string(self.proc("stat")).unwrap();
        // Behind the name, which may contain anything: state, ten numbers, then user and system time.
        let (_, fields) = stat.rsplit_once(')').unwrap();
        fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap() * 10).sum()
    }

    /// What the system tells about its process under this name.
    pub(crate) fn proc(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.pid().as_raw_nonzero())
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(self.child.as_ref().expect("a broker that was not stopped"))
    }

    fn end(&mut self) -> Vec<String> {
        if self.child.is_none() {
            return Vec::new();
        }
        let (code, lines) = self.ends();
        assert_eq!(code, Some(0), "\n{}", last(&lines));
        lines
    }

    /// False if it has ended instead.
    fn is_ready(&self, ready: Ready) -> bool {
        match ready {
            Ready::Says => self.log.comes(RUNNING),
            Ready::SaysOnStdout => self.stdout.comes(RUNNING),
            Ready::Accepts => self.accepts(),
        }
    }

    /// Tries to connect until that works, or the process has ended.
    fn accepts(&self) -> bool {
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(self.address()).is_err() || !self.listens() {
            if self.log.has_ended() {
                return false;
            }
            assert!(Instant::now() < until, "no listener");
            // There is nothing to wait for but the next attempt.
            thread::yield_now();
        }
        true
    }

    #[cfg(not(target_os = "linux"))]
    fn listens(&self) -> bool {
        true
    }

    /// Ends a broker that could not start.
    fn forget(mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if thread::panicking() {
            if let Some(mut child) = self.child.take() {
                // It may have ended by itself.
                let early = child.try_wait();
                let _ = child.kill();
                let _ = child.wait();
                eprintln!("the broker's end: {early:?}; its log:\n{}", last(&self.log.all()));
            }
        } else if self.child.is_some() {
            self.signal(Signal::TERM);
            self.end();
        }
    }
}

/// Where a test has several workers, they stay apart in every other test, as they would not with so little to do: which tests
/// that are depends on their names.
fn with_workers(config: &str) -> String {
    let name: u32 = thread::current().name().unwrap_or_default().bytes().map(u32::from).sum();
    let apart = config.contains("worker_threads") && !config.contains("workers_together") && name.is_multiple_of(2);
    format!("{config}{}", if apart { "\nworkers_together false\n" } else { "" })
}

/// A line of the log without the seconds since 1970 that it may begin with.
fn without_time(line: &str) -> &str {
    match line.split_once(": ") {
        Some((time, text)) if time.bytes().all(|byte| byte.is_ascii_digit()) => text,
        _ => line,
    }
}

fn last(lines: &[String]) -> String {
    lines[lines.len().saturating_sub(40)..].join("\n")
}
