//! What the programs show to somebody at a terminal, and nobody else gets to see.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers fail the test that they serve"
)]

use crate::harness::{Broker, Directory, PUB, Process, RR, SUB, free_port, text};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than anything takes unless it fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// Long enough for a line to appear that must not.
const LATE: Duration = Duration::from_millis(1600);

/// The beginning of the line, cleared.
const ERASE: &str = "\r\u{1b}[K";

/// A terminal that programs can write to.
struct Terminal {
    inside: Option<File>,
    pieces: Receiver<Vec<u8>>,
    shown: String,
}

impl Terminal {
    fn new() -> Self {
        let outside = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&outside).unwrap();
        unlockpt(&outside).unwrap();
        let path = ptsname(&outside, Vec::new()).unwrap().into_string().unwrap();
        let inside = OpenOptions::new().read(true).write(true).open(path).unwrap();
        let (sender, pieces) = channel();
        let mut outside = File::from(outside);
        // It ends when the last program has let go of the terminal.
        thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(len @ 1..) = outside.read(&mut piece) {
                if sender.send(piece[..len].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { inside: Some(inside), pieces, shown: String::new() }
    }

    /// For a stream of a program.
    fn stream(&self) -> Stdio {
        self.inside.as_ref().unwrap().try_clone().unwrap().into()
    }

    /// Takes in what comes within this time; whether anything came.
    fn look(&mut self, patience: Duration) -> bool {
        let piece = self.pieces.recv_timeout(patience).ok();
        self.shown.extend(piece.iter().map(|piece| text(piece)));
        piece.is_some()
    }

    fn wait_for(&mut self, part: &str) {
        while !self.shown.contains(part) {
            assert!(self.look(PATIENCE), "nothing more comes after {:?}", self.shown);
        }
    }

    /// All that was shown, once the programs have ended.
    fn end(mut self) -> String {
        self.inside = None;
        while self.look(PATIENCE) {}
        self.shown
    }
}

/// A program before a terminal that can show colours.
fn before_terminal(mut command: Command) -> Command {
    command.env("TERM", "xterm").env_remove("NO_COLOR");
    command
}

/// Runs it to its end, which drops what it has of the terminal.
fn run(mut command: Command) -> Option<i32> {
    let mut process = Process { child: command.spawn().unwrap() };
    drop(command);
    process.wait().code()
}

#[test]
fn topics_are_coloured_on_a_terminal_unless_somebody_is_against_it() {
    let broker = Broker::start();
    broker.publish(&["-t", "a", "-m", "b", "-r", "-q", "1"]);
    let colored = "\u{1b}[36ma\u{1b}[39m b\r\n";
    for (arguments, variable, expected) in [
        (&["-v"][..], None, colored),
        (&["-v", "--color", "auto"], None, colored),
        (&["-v"], Some(("NO_COLOR", "")), colored),
        (&["-v", "--color", "never"], None, "a b\r\n"),
        (&["-v"], Some(("NO_COLOR", "1")), "a b\r\n"),
        (&["-v"], Some(("TERM", "dumb")), "a b\r\n"),
        (&["-v", "-F", "%t %p"], None, "a b\r\n"),
        (&[], None, "b\r\n"),
    ] {
        let terminal = Terminal::new();
        let mut command = before_terminal(broker.command(SUB, &[&["-t", "a", "-C", "1"][..], arguments].concat()));
        command.envs(variable).stdout(terminal.stream());
        assert_eq!(run(command), Some(0));
        assert_eq!(terminal.end(), expected, "{arguments:?} {variable:?}");
    }
    // It is its own answer here.
    let terminal = Terminal::new();
    let mut command = before_terminal(broker.command(RR, &["-t", "c", "-e", "c", "-m", "d", "-v"]));
    command.stdout(terminal.stream());
    assert_eq!(run(command), Some(0));
    assert_eq!(terminal.end(), "\u{1b}[36mc\u{1b}[39m d\r\n");
}

#[test]
fn a_pipe_gets_no_colours() {
    let broker = Broker::start();
    broker.publish(&["-t", "a", "-m", "b", "-r", "-q", "1"]);
    let mut command = before_terminal(broker.command(SUB, &["-t", "a", "-C", "1", "-v"]));
    assert_eq!(text(&command.output().unwrap().stdout), "a b\n");
}

#[test]
fn who_sits_before_a_terminal_is_told_what_to_try() {
    let refused = Broker::with("allow_anonymous false\n");
    let port = free_port().to_string();
    let there = refused.port.to_string();
    for (program, arguments, expected) in [
        (
            PUB,
            &["-m", "b", "-p", &port][..],
            format!("Error: Connection refused\r\nIs the broker running, and is {port} its port?"),
        ),
        (SUB, &["-p", &port, "--quiet"], String::new()),
        (
            SUB,
            &["-p", &there],
            "Connection error: Connection Refused: not authorised.\r\nThe broker may want a user name".to_owned(),
        ),
        (
            SUB,
            &["-p", &there, "--cafile", "/dev/null"],
            "Unable to connect (A TLS error occurred).\r\n-d tells why.".to_owned(),
        ),
        (
            SUB,
            &["--unix", "/nonexistent/socket"],
            "Error: No such file or directory\r\nIs the broker running, with a listener at this path (--unix)?"
                .to_owned(),
        ),
    ] {
        let terminal = Terminal::new();
        let mut command = Command::new(program);
        command.env("XDG_CONFIG_HOME", "/nonexistent").args(["-h", "127.0.0.1", "-t", "a"]).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(terminal.stream());
        assert!(run(command).is_some_and(|status| status != 0));
        let shown = terminal.end();
        assert!(shown.starts_with(&expected) && (shown.is_empty() == expected.is_empty()), "{arguments:?} {shown:?}");
    }
}

/// Has `mosquitto_pub` read lines from a pipe, one after the other, until `enough`. Returns what is shown.
fn feed(broker: &Broker, arguments: &[&str], terminal: Terminal, enough: impl Fn(&Terminal) -> bool) -> String {
    let mut terminal = terminal;
    let mut command = before_terminal(broker.command(PUB, arguments));
    command.stdin(Stdio::piped()).stderr(terminal.stream());
    let mut process = Process { child: command.spawn().unwrap() };
    drop(command);
    let mut stdin = process.stdin();
    while !enough(&terminal) {
        writeln!(stdin, "a line").unwrap();
        terminal.look(Duration::from_millis(20));
    }
    drop(stdin);
    assert_eq!(process.wait().code(), Some(0));
    terminal.end()
}

#[test]
fn the_progress_of_a_long_input_is_shown_and_erased() {
    let broker = Broker::start();
    for (arguments, word) in [(["-t", "a", "-l"], "lines published"), (["-t", "a", "-s"], " read")] {
        let started = Instant::now();
        let shown = feed(&broker, &arguments, Terminal::new(), |terminal| {
            let there = terminal.shown.contains(word);
            assert!(!there || started.elapsed() >= Duration::from_secs(1), "it is shown too early");
            assert!(started.elapsed() < PATIENCE, "nothing is shown");
            there
        });
        assert!(shown.ends_with(ERASE) && !shown.contains('\n'), "{shown:?}");
    }
}

#[test]
fn progress_is_not_shown_to_who_does_not_want_it() {
    let broker = Broker::start();
    for arguments in [&["-t", "a", "-l", "--quiet"][..], &["-t", "a", "-s", "--quiet"]] {
        let started = Instant::now();
        assert_eq!(feed(&broker, arguments, Terminal::new(), |_| started.elapsed() > LATE), "");
    }
}

#[test]
fn it_is_shown_how_much_of_a_large_message_is_sent() {
    let directory = Directory::new();
    let file = directory.file("large", vec![b'x'; 32 * 1024 * 1024]);
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let mut terminal = Terminal::new();
    let mut command = before_terminal(Command::new(PUB));
    command.env("XDG_CONFIG_HOME", "/nonexistent").args(["-h", "127.0.0.1", "-t", "a", "-p"]);
    command.arg(listener.local_addr().unwrap().port().to_string()).arg("-f").arg(file);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(terminal.stream());
    let mut process = Process { child: command.spawn().unwrap() };
    drop(command);
    let (mut server, _) = listener.accept().unwrap();
    // CONNACK of MQTT 3.1.1; what comes after CONNECT is left unread, until the program says how far it is.
    server.read_exact(&mut [0; 12]).unwrap();
    server.write_all(&[0x20, 2, 0, 0]).unwrap();
    terminal.wait_for(" of 32.0 MiB sent");
    std::io::copy(&mut server, &mut std::io::sink()).unwrap();
    drop(server);
    assert_eq!(process.wait().code(), Some(0));
    let shown = terminal.end();
    assert!(shown.ends_with(ERASE) && !shown.contains("32.0 MiB of"), "{shown:?}");
}
