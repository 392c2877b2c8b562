//! Going on in the background, as `mosquitto -d` does.
//!
//! [`detach`] splits the process in two. The one goes on as the daemon: in a session of its own, without a terminal, its
//! standard streams leading nowhere. The other, which somebody waits for, learns from the daemon how its start has come
//! out, and can end with the same exit status. (Mosquitto's ends with 0 at once, whatever becomes of the daemon.)
//!
//! Invariant: the only unsafe line is the call of fork(2), and it is made only while there is no other thread.

use rustix::process::{Pid, WaitOptions, setsid, waitpid};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};
use std::fs::OpenOptions;
use std::io::{self, PipeReader, PipeWriter, Read, Write};

/// Bytes of the daemon's last words that are listened to.
const WORDS_MAX: u64 = 64 * 1024;

/// The exit status of a daemon that has ended without a word: a signal has ended it.
const DIED: u8 = 1;

/// Which of the two this is.
#[derive(Debug)]
pub enum Detached {
    /// The process that was started, when the daemon's start has come out.
    Launcher(Outcome),
    /// The process that goes on.
    Daemon(Report),
}

/// How the start of the daemon has come out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The exit status: 0 if the daemon runs.
    pub code: u8,
    /// What it has to say about it: nothing, where all is well.
    pub text: String,
}

/// The daemon's way to tell how its start has come out. Dropped without a word, the start has failed.
#[derive(Debug)]
pub struct Report(PipeWriter);

impl Report {
    /// The daemon runs, and has this to say before it says no more here.
    pub fn started(self, text: &str) {
        self.tell(0, text);
    }

    /// It does not, and will end with this exit status, which is not 0.
    pub fn failed(self, code: u8, text: &str) {
        self.tell(code, text);
    }

    fn tell(mut self, code: u8, text: &str) {
        // The launcher may be gone.
        let _ = self.0.write_all(&[code]).and_then(|()| self.0.write_all(text.as_bytes()));
    }
}

/// Splits the process. To be called before there is a second thread: with one it is an error.
pub fn detach() -> io::Result<Detached> {
    let (reader, writer) = io::pipe()?;
    if let Some(daemon) = fork()? {
        drop(writer);
        return Ok(Detached::Launcher(listen(daemon, reader)));
    }
    drop(reader);
    let report = Report(writer);
    leave()?;
    Ok(Detached::Daemon(report))
}

/// The child's process number, or none in the child itself.
fn fork() -> io::Result<Option<Pid>> {
    let threads = std::fs::read_dir("/proc/self/task")
        .map_err(|error| io::Error::new(error.kind(), format!("/proc/self/task does not tell the threads: {error}")))?;
    if threads.count() != 1 {
        return Err(io::Error::other("a process with several threads cannot go into the background"));
    }
    #[allow(unsafe_code, reason = "fork(2) is there in C only")]
    // SAFETY: there is no other thread, so nothing is locked or half changed in the child that nobody would go on with.
    let pid = unsafe { libc::fork() };
    if pid < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Pid::from_raw(pid))
}

/// Leaves session, terminal and standard streams behind.
fn leave() -> io::Result<()> {
    setsid()?;
    let null = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    dup2_stdin(&null)?;
    dup2_stdout(&null)?;
    dup2_stderr(&null)?;
    Ok(())
}

/// Waits for the daemon's word.
fn listen(daemon: Pid, reader: PipeReader) -> Outcome {
    let mut words = Vec::new();
    // What cannot be read was not said.
    let _ = reader.take(WORDS_MAX).read_to_end(&mut words);
    if let Some((&code, text)) = words.split_first() {
        return Outcome { code, text: String::from_utf8_lossy(text).into_owned() };
    }
    let status = waitpid(Some(daemon), WaitOptions::empty()).ok().flatten();
    let code = status.and_then(|(_, status)| status.exit_status()).and_then(|code| u8::try_from(code).ok());
    Outcome { code: code.filter(|code| *code != 0).unwrap_or(DIED), text: String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_several_threads_is_not_split() {
        // The test runner has a thread of its own beside that of this test; here is one more, to be sure.
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let other = std::thread::spawn(move || wait.recv());
        assert!(detach().is_err());
        drop(go);
        assert!(other.join().unwrap().is_err());
    }
}
