//! Standard output and standard error as destinations of the log.

use super::outlet::{Batch, Place};
use std::io::{self, Write};

/// Standard output.
#[derive(Debug)]
pub(super) struct Stdout;

/// Standard error.
#[derive(Debug)]
pub(super) struct Stderr;

impl Place for Stdout {
    fn name(&self) -> String {
        "standard output".to_owned()
    }

    fn write(&mut self, batch: &Batch) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(batch.bytes())?;
        stdout.flush()
    }
}

impl Place for Stderr {
    fn name(&self) -> String {
        "standard error".to_owned()
    }

    fn write(&mut self, batch: &Batch) -> io::Result<()> {
        io::stderr().lock().write_all(batch.bytes())
    }
}
