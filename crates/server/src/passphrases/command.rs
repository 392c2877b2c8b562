//! A command that says a passphrase.

use mosquitto_transport::{PASSPHRASE_BYTES_MAX, Passphrase, error_text};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Bytes that a command may write, also behind the first line.
const OUTPUT_BYTES_MAX: usize = 4096;

/// How often to look whether a command that has closed its output has ended, too.
const LOOK: Duration = Duration::from_millis(2);

/// Runs a command, and returns the first line that it writes. The error says which command it is, and what was wrong with
/// it, and nothing of what it has written.
pub(super) fn run(command: &str, time_max: Duration) -> Result<Passphrase, String> {
    let mut words = command.split_ascii_whitespace();
    let program = words.next().unwrap_or_default();
    let failed = |why: String| format!("keyfile_passphrase_command \"{program}\" {why}");
    let mut prepared = Command::new(program);
    prepared.args(words).stdin(Stdio::null()).stdout(Stdio::piped());
    let child = prepared.spawn().map_err(|error| failed(format!("cannot be run: {}", error_text(&error))))?;
    let output = Running(child).output(Instant::now() + time_max, time_max).map_err(failed)?;
    let mut line = output;
    if let Some(end) = line.iter().position(|byte| *byte == b'\n') {
        line.truncate(end);
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    match line.len() {
        0 => Err(failed("writes no passphrase".to_owned())),
        1..=PASSPHRASE_BYTES_MAX => Ok(line),
        _ => Err(failed(format!("writes a passphrase of more than {PASSPHRASE_BYTES_MAX} bytes"))),
    }
}

/// A command under way. Dropped, it is ended.
struct Running(Child);

impl Running {
    /// All that it writes until it ends well.
    fn output(mut self, deadline: Instant, time_max: Duration) -> Result<Passphrase, String> {
        let Some(stdout) = self.0.stdout.take() else { return Err("has no output".to_owned()) };
        let output = read(&stdout, deadline);
        let late = || format!("has not ended within {} seconds", time_max.as_secs());
        let output = match output {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => return Err(late()),
            Err(error) => return Err(format!("cannot be read from: {}", error_text(&error))),
            Ok(output) if output.len() > OUTPUT_BYTES_MAX => {
                return Err(format!("writes more than {OUTPUT_BYTES_MAX} bytes"));
            }
            Ok(output) => output,
        };
        match self.end(deadline) {
            Ok(Some(status)) if status.success() => Ok(output),
            Ok(Some(status)) => Err(format!("has failed: {status}")),
            Ok(None) => Err(late()),
            Err(error) => Err(format!("cannot be waited for: {}", error_text(&error))),
        }
    }

    /// How it has ended, if it does in time.
    fn end(&mut self, deadline: Instant) -> io::Result<Option<ExitStatus>> {
        loop {
            let status = self.0.try_wait()?;
            if status.is_some() || Instant::now() >= deadline {
                return Ok(status);
            }
            std::thread::sleep(LOOK);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !matches!(self.0.try_wait(), Ok(Some(_))) {
            // What has ended meanwhile is waited for all the same.
            let _ = self.0.kill().and_then(|()| self.0.wait());
        }
    }
}

/// All that comes, or one byte more than it may be.
fn read(output: &ChildStdout, deadline: Instant) -> io::Result<Passphrase> {
    let mut bytes = Passphrase::new(vec![0; OUTPUT_BYTES_MAX + 1]);
    let mut len = 0;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).map_err(|_| io::ErrorKind::InvalidInput)?;
        match poll(&mut [PollFd::new(output, PollFlags::IN)], Some(&left)) {
            Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        match rustix::io::read(output, bytes.get_mut(len..).unwrap_or_default()) {
            // Also where there is no room left.
            Ok(0) => break,
            Ok(more) => len += more,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    bytes.truncate(len);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use std::os::unix::fs::PermissionsExt;

    const LONG: Duration = Duration::from_secs(20);

    /// Runs a script for the shell.
    fn script(text: &str, time_max: Duration) -> Result<String, String> {
        let scratch = Scratch::new();
        let path = scratch.path().join("script");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        let command = format!("/bin/sh {} first  'second", path.display());
        run(&command, time_max).map(|passphrase| String::from_utf8(passphrase.to_vec()).unwrap())
    }

    #[test]
    fn the_first_line_is_the_passphrase() {
        for (text, expected) in [
            ("echo secret", "secret"),
            ("printf 'no end'", "no end"),
            ("printf 'other system\\r\\n'", "other system"),
            ("echo first; echo second", "first"),
            ("echo \"$#$1$2\"", "2first'second"),
            ("cat; echo nothing to read", "nothing to read"),
        ] {
            assert_eq!(script(text, LONG).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_a_command_does_wrong_is_said_without_what_it_writes() {
        for (text, expected) in [
            ("echo secret; exit 3", "has failed: exit status: 3"),
            ("echo secret; kill -9 $$", "has failed: signal: 9 (SIGKILL)"),
            ("true", "writes no passphrase"),
            ("echo; echo secret", "writes no passphrase"),
            ("printf %01025d 1", "writes a passphrase of more than 1024 bytes"),
            ("exec cat /dev/zero", "writes more than 4096 bytes"),
        ] {
            let expected = format!("keyfile_passphrase_command \"/bin/sh\" {expected}");
            assert_eq!(script(text, LONG).unwrap_err(), expected, "{text}");
        }
        let error = run("/nowhere/program", LONG).unwrap_err();
        assert!(error.ends_with("\"/nowhere/program\" cannot be run: No such file or directory"), "{error}");
    }

    #[test]
    fn a_command_that_does_not_end_is_ended() {
        for text in ["exec sleep 1000", "exec >&-; exec sleep 1000", "echo secret; exec sleep 1000"] {
            let error = script(text, Duration::from_millis(200)).unwrap_err();
            assert!(error.ends_with("has not ended within 0 seconds"), "{text}: {error}");
        }
    }
}
