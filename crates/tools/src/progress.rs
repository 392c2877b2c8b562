//! How far a long publication has come: a line on standard error for who sits before it.
//!
//! It is for terminals only: a script, a file or a pipe never sees it. It appears late, so that short work shows
//! nothing, and is erased before anything else is said.

use crate::settings::Settings;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The pause before the line is shown for the first time.
const FIRST: Duration = Duration::from_secs(1);

/// The pause between two showings: the terminal may be a slow one.
const PAUSE: Duration = Duration::from_millis(300);

/// To the beginning of the line, and clear it.
const ERASE: &str = "\r\x1b[K";

/// Whether the line stands on the terminal. There is one standard error, so there is one of these.
static SHOWN: AtomicBool = AtomicBool::new(false);

/// Shows the line, where there is somebody to see it. Erases it at its end.
#[derive(Debug)]
pub(crate) struct Progress {
    /// When it is to be shown again; none: never.
    next_at: Option<Instant>,
}

impl Progress {
    /// The line for a publication of what `reads_stdin` says, or of a file. Who types the messages, has asked for quiet,
    /// or has each packet printed, needs none.
    pub(crate) fn begin(settings: &Settings, reads_stdin: bool) -> Self {
        let wanted = !settings.quiet
            && !settings.debug
            && io::stderr().is_terminal()
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
            && !(reads_stdin && io::stdin().is_terminal());
        Self { next_at: wanted.then(|| Instant::now() + FIRST) }
    }

    /// One that is never shown.
    pub(crate) fn none() -> Self {
        Self { next_at: None }
    }

    /// When there is something to show.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        self.next_at
    }

    /// Shows the line, if the time for it has come.
    pub(crate) fn show(&mut self, line: impl FnOnce() -> String) {
        let now = Instant::now();
        if self.next_at.is_none_or(|at| now < at) {
            return;
        }
        self.next_at = Some(now + PAUSE);
        SHOWN.store(true, Ordering::Relaxed);
        // Without an end of line: the next one takes its place. Nobody who reads it is no reason to stop.
        let _ = write!(io::stderr(), "{ERASE}{}", line());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        erase();
    }
}

/// Erases the line, if it stands there.
pub(crate) fn erase() {
    if SHOWN.swap(false, Ordering::Relaxed) {
        let _ = write!(io::stderr(), "{ERASE}");
    }
}

/// Bytes as people read them.
pub(crate) fn bytes(count: usize) -> String {
    const KIB: usize = 1024;
    match count {
        0..KIB => format!("{count} bytes"),
        KIB..0x10_0000 => format!("{} KiB", count / KIB),
        _ => format!("{}.{} MiB", count / KIB / KIB, count / KIB % KIB * 10 / KIB),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_the_unit_that_suits_them() {
        let texts =
            [(0, "0 bytes"), (1023, "1023 bytes"), (1024, "1 KiB"), (1_048_575, "1023 KiB"), (1_600_000, "1.5 MiB")];
        for (count, text) in texts {
            assert_eq!(bytes(count), text);
        }
    }
}
