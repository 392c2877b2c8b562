//! Messages on standard output.

use crate::format::NotJson;
use crate::settings::SubscribeSettings;
use mosquitto_client::Message;
use std::io::{self, BufWriter, StdoutLock, Write};

/// Bytes that are collected before they are written.
const BUFFER_BYTES: usize = 64 * 1024;

/// Standard output, written when the buffer is full or when nothing more is to come at once.
#[derive(Debug)]
pub(crate) struct Output {
    out: BufWriter<StdoutLock<'static>>,
    broken: bool,
}

impl Output {
    pub(crate) fn new() -> Self {
        Self { out: BufWriter::with_capacity(BUFFER_BYTES, io::stdout().lock()), broken: false }
    }

    /// Prints a message.
    pub(crate) fn message(&mut self, message: &Message, settings: &SubscribeSettings) -> Result<(), NotJson> {
        let Some(format) = &settings.format else {
            self.plain(message, settings);
            return Ok(());
        };
        let printed = format.print(message, settings.pretty, &mut self.out);
        let ended = if settings.end_of_line { self.out.write_all(b"\n") } else { Ok(()) };
        self.note(&ended);
        printed.unwrap_or_else(|error| {
            self.note(&Err(error));
            Ok(())
        })
    }

    /// Prints nothing for an empty message, unless the topic is printed too.
    fn plain(&mut self, message: &Message, settings: &SubscribeSettings) {
        let Message { topic, payload, .. } = message;
        let result = match (settings.verbose, payload.is_empty()) {
            (true, true) if settings.end_of_line => writeln!(self.out, "{topic} (null)"),
            (_, true) => Ok(()),
            (verbose, false) => {
                let topic =
                    if verbose { self.out.write_all(topic.as_bytes()).and(self.out.write_all(b" ")) } else { Ok(()) };
                let end: &[u8] = if settings.end_of_line { b"\n" } else { b"" };
                topic.and_then(|()| self.out.write_all(payload)).and_then(|()| self.out.write_all(end))
            }
        };
        self.note(&result);
    }

    pub(crate) fn line(&mut self, line: &str) {
        let result = writeln!(self.out, "{line}");
        self.note(&result);
    }

    pub(crate) fn flush(&mut self) {
        let result = self.out.flush();
        self.note(&result);
    }

    /// Whether nobody reads any more.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    fn note(&mut self, result: &io::Result<()>) {
        self.broken |= result.is_err();
    }
}
