//! Programs that run to their end.

use super::{Lines, PATIENCE};
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;

/// A program on its way to its end.
#[derive(Debug)]
pub(crate) struct Program {
    child: Option<Child>,
    pub(crate) stdout: Lines,
    pub(crate) stderr: Lines,
}

/// What a program has left behind.
#[derive(Debug)]
pub(crate) struct Finished {
    /// None where a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<String>,
    pub(crate) stderr: Vec<String>,
}

/// With this in its environment a broker that root has started stays root's, as do the files of its tests. Tests of the
/// change of users do without.
pub(super) const SAME_USER: (&str, &str) = ("SNAP_NAME", "mosquitto");

/// Runs the broker with these arguments to its end, which has to come by itself.
pub(crate) fn mosquitto<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Finished {
    Program::start_with(env!("CARGO_BIN_EXE_mosquitto").as_ref(), arguments, &[SAME_USER]).finish()
}

/// The same, with an addition to the environment.
pub(crate) fn mosquitto_with<A: AsRef<OsStr>>(
    arguments: impl IntoIterator<Item = A>,
    environment: &[(&str, &str)],
) -> Finished {
    let environment: Vec<_> = environment.iter().copied().chain([SAME_USER]).collect();
    Program::start_with(env!("CARGO_BIN_EXE_mosquitto").as_ref(), arguments, &environment).finish()
}

impl Program {
    pub(crate) fn start<A: AsRef<OsStr>>(program: &Path, arguments: impl IntoIterator<Item = A>) -> Self {
        Self::start_with(program, arguments, &[])
    }

    /// With an addition to the environment.
    pub(crate) fn start_with<A: AsRef<OsStr>>(
        program: &Path,
        arguments: impl IntoIterator<Item = A>,
        environment: &[(&str, &str)],
    ) -> Self {
        let mut command = Command::new(program);
        command.envs(environment.iter().copied());
        command.args(arguments).stdin(Stdio::null());
        Self::spawn(command)
    }

    /// Starts whatever this is.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        Self { child: Some(child), stdout: Lines::of(stdout), stderr: Lines::of(stderr) }
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn stop(self) -> Finished {
        let pid = Pid::from_child(self.child.as_ref().unwrap());
        kill_process(pid, Signal::TERM).unwrap();
        self.finish()
    }

    /// Waits for the end.
    pub(crate) fn finish(mut self) -> Finished {
        let status = wait_for_end(self.child.take().unwrap());
        Finished { code: status.code(), stdout: self.stdout.to_the_end(), stderr: self.stderr.to_the_end() }
    }

    /// Waits for a good end.
    pub(crate) fn succeed(self) -> Finished {
        let finished = self.finish();
        assert_eq!(finished.code, Some(0), "{finished:#?}");
        finished
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Runs the broker to its end, as an argument of this program.
pub(crate) fn mosquitto_by(program: &[&str], arguments: &[&str]) -> Finished {
    let mut words = program.iter().copied().chain([env!("CARGO_BIN_EXE_mosquitto")]).chain(arguments.iter().copied());
    let program = words.next().unwrap_or_default();
    Program::start_with(program.as_ref(), words, &[SAME_USER]).finish()
}

/// Waits until a process has ended. One that does not is killed, and the test fails.
pub(super) fn wait_for_end(mut child: Child) -> ExitStatus {
    let pid = Pid::from_child(&child);
    let (ended, end) = mpsc::channel();
    let waiting = std::thread::spawn(move || ended.send(child.wait()));
    let Ok(status) = end.recv_timeout(PATIENCE) else {
        // It was not waited for yet, so its number is still its own.
        let _ = kill_process(pid, Signal::KILL);
        let _ = waiting.join();
        panic!("process {pid:?} did not end by itself");
    };
    status.unwrap()
}

/// Says, past the capture of the test runner, that a foreign program is not there to be tested with. Where
/// `MOSQUITTO_TESTS_SKIP_NOTHING` is 1 that is a failure.
pub(crate) fn report_skipped(what: &str) {
    skip(&format!("{what} is not installed"));
}

/// Whether these tests run as root. If not, says what cannot be tested therefore.
pub(crate) fn is_root(what: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        skip(&format!("{what} can be tested by root only"));
    }
    root
}

fn skip(why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
    let all = std::env::var_os("MOSQUITTO_TESTS_SKIP_NOTHING").is_some_and(|value| value == "1");
    assert!(!all, "{why}, and nothing may be skipped");
}
