//! Messages on standard output.

use crate::format::NotJson;
use crate::settings::SubscribeSettings;
use mosquitto_client::Message;
use std::collections::HashMap;
use std::io::{self, BufWriter, StdoutLock, Write};

/// Bytes that are collected before they are written.
const BUFFER_BYTES: usize = 64 * 1024;

/// The first line of a topic with `-w`: the broker's name stands above.
const WATCH_FIRST: usize = 2;

/// Topics that have a line of their own with `-w`: more than any screen has lines.
const WATCHED_MAX: usize = 1000;

/// Cyan, and the end of it.
const COLORED: [&str; 2] = ["\x1b[36m", "\x1b[39m"];

/// Standard output, written when the buffer is full or when nothing more is to come at once.
#[derive(Debug)]
pub(crate) struct Output {
    out: BufWriter<StdoutLock<'static>>,
    broken: bool,
    /// What stands before and behind a topic with `-v`.
    around_topic: [&'static str; 2],
    /// With `-w`, the line of each topic.
    lines: Option<HashMap<String, usize>>,
}

impl Output {
    pub(crate) fn new(settings: &SubscribeSettings) -> Self {
        let around_topic = if settings.colors_topics() { COLORED } else { ["", ""] };
        Self {
            out: BufWriter::with_capacity(BUFFER_BYTES, io::stdout().lock()),
            broken: false,
            around_topic,
            lines: None,
        }
    }

    /// Clears the screen; from now on each topic has a line of its own.
    pub(crate) fn watch(&mut self, host: &str) {
        self.lines = Some(HashMap::new());
        let result = writeln!(self.out, "\x1b[2J\x1b[1;1HBroker: {host}");
        self.note(&result);
    }

    /// Prints a message, with `-w` on the line of its topic.
    pub(crate) fn message(&mut self, message: &Message, settings: &SubscribeSettings) -> Result<(), NotJson> {
        let Some(lines) = &mut self.lines else { return self.message_here(message, settings) };
        // Topics beyond the bound share the line behind the others.
        let next = WATCH_FIRST + lines.len();
        let known = lines.get(&message.topic).copied();
        let line = known.unwrap_or(next);
        if known.is_none() && lines.len() < WATCHED_MAX {
            lines.insert(message.topic.clone(), line);
        }
        let last = WATCH_FIRST + lines.len() - 1;
        let moved = write!(self.out, "\x1b[{line};1H");
        let printed = self.message_here(message, settings);
        // The cursor rests below what is watched.
        let rests = writeln!(self.out, "\x1b[{last};1H");
        self.note(&moved);
        self.note(&rests);
        printed
    }

    fn message_here(&mut self, message: &Message, settings: &SubscribeSettings) -> Result<(), NotJson> {
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
        let [before, behind] = self.around_topic;
        let result = match (settings.verbose, payload.is_empty()) {
            (true, true) if settings.end_of_line => writeln!(self.out, "{before}{topic}{behind} (null)"),
            (_, true) => Ok(()),
            (verbose, false) => {
                let topic = if verbose { write!(self.out, "{before}{topic}{behind} ") } else { Ok(()) };
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
