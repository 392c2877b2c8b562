//! What is told while a run goes on: one line on standard error, written over again, if that is a terminal.

use crate::clock::{self, MILLISECOND, Nanos};
use std::io::{self, IsTerminal, Write};

/// How often it is told.
const EVERY: Nanos = 250 * MILLISECOND;

/// The line.
#[derive(Debug)]
pub(crate) struct Progress {
    shown: bool,
    start: Nanos,
    last: Nanos,
    /// What had been done by then.
    done: u64,
}

impl Progress {
    pub(crate) fn new(wanted: bool) -> Self {
        let now = clock::now();
        Self { shown: wanted && io::stderr().is_terminal(), start: now, last: now, done: 0 }
    }

    /// Says how far it is, if it is time to: what is done, of `done` so far, in words; and a remark if there is one.
    #[allow(clippy::cast_precision_loss, reason = "a figure for people")]
    pub(crate) fn tell(&mut self, what: &str, done: u64, remark: &str) {
        if !self.shown {
            return;
        }
        let now = clock::now();
        if now < self.last + EVERY {
            return;
        }
        let rate = done.saturating_sub(self.done) as f64 / clock::seconds(now - self.last);
        let elapsed = clock::seconds(now - self.start);
        // Nobody is helped by an error here.
        let _ = write!(io::stderr(), "\r\x1b[K{elapsed:6.1} s  {what}: {done} ({rate:.0} a second){remark}");
        (self.last, self.done) = (now, done);
    }

    /// Takes the line away.
    pub(crate) fn end(&mut self) {
        if self.shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
        self.done = 0;
    }
}
