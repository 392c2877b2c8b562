//! `mosquitto_signal`, on a process that stands in for the broker.

#![cfg(target_os = "linux")]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a helper fails the test that it serves")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mosquitto_signal"));
    command.args(arguments).stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("it does not run: {error}"))
}

/// A shell that says which signal it got, and ends.
struct Listener {
    shell: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Listener {
    fn start() -> Self {
        // Under nohup SIGHUP is ignored, a child would inherit that, and a shell cannot trap what was ignored when it began.
        // Whoever handles a signal has children that do not ignore it.
        signal_hook::flag::register(signal_hook::consts::SIGHUP, Arc::default()).unwrap();
        let script = "for s in HUP INT USR2 34; do trap \"echo $s; exit\" $s; done; echo ready; \
             while :; do sleep 0.01; done";
        let mut shell = Command::new("sh").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(shell.stdout.take().unwrap());
        let mut listener = Self { shell, lines };
        assert_eq!(listener.line(), "ready");
        listener
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

#[test]
fn a_process_gets_the_signal_of_the_word() {
    for (word, signal) in [
        ("config-reload", "HUP"),
        ("log-rotate", "HUP"),
        ("shutdown", "INT"),
        ("tree-print", "USR2"),
        ("xtreport", "34"),
    ] {
        let mut listener = Listener::start();
        let output = run(&["-p", &listener.shell.id().to_string(), word]);
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]), "{word}");
        assert_eq!(listener.line(), signal, "{word}");
    }
}

/// As in Mosquitto: scripts that rotate logs do not fail where the broker does not run.
#[test]
fn a_process_that_is_not_there_is_told_and_exits_with_0() {
    // The highest number that Linux gives is 4194304.
    let output = run(&["-p", "4194305", "shutdown"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(text, "Error: Unable to send signal to process 4194305: No such process.\n");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn wrong_arguments_and_help_exit_with_1() {
    for (arguments, text) in [
        (&["-a"][..], "Error: No signal given."),
        (&["shutdown"], "Error: One of -a or -p must be used."),
        (&["-a", "stop"], "Error: Unknown signal 'stop'."),
        (&["-p"], "Error: -p argument given but process ID missing."),
        (&["-p", "0", "shutdown"], "Error: Process ID must be >0."),
        (&["-x", "shutdown"], "Error: One of -a or -p must be used."),
        (&["-a", "-x"], "Error: Unknown signal '-x'."),
        (&["-a", "shutdown", "now"], "Error: Unexpected 'now' after the signal."),
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), format!("{text}\n"));
    }
    let help = run(&["--help"]);
    assert_eq!((help.status.code(), help.stderr.len()), (Some(1), 0));
    assert!(String::from_utf8_lossy(&help.stdout).contains("Usage: mosquitto_signal {-a | -p pid} signal\n"));
}
