//! Log lines as effects: the broker writes them down, somebody else writes them out.

use std::fmt::{self, Arguments, Write};

/// The longest text of a line, in bytes. Mosquitto cuts its lines there, too; client ids and topics may have 64 KB.
const LINE_BYTES_MAX: usize = 999;

/// The room that a line begins with.
const LINE_BYTES: usize = 128;

/// Bytes of the lines that are kept until somebody writes them out. What comes beyond is counted only.
const KEPT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The kind of a line, as `log_type` of mosquitto.conf(5) names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are mosquitto.conf's")]
#[repr(u8)]
pub enum LogLevel {
    Information = 1,
    Notice = 2,
    Warning = 4,
    Error = 8,
    Debug = 16,
    Subscribe = 32,
    Unsubscribe = 64,
}

/// A set of levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogMask(pub u8);

impl LogMask {
    /// Nothing.
    pub const NONE: LogMask = LogMask(0);
    /// Everything.
    pub const ALL: LogMask = LogMask(0x7f);
    /// Mosquitto's default: error, warning, notice, information.
    pub const DEFAULT: LogMask = LogMask(15);

    /// Whether lines of this level are wanted.
    #[inline]
    pub fn wants(self, level: LogLevel) -> bool {
        self.0 & level as u8 != 0
    }
}

/// One line to log, without timestamp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Its level.
    pub level: LogLevel,
    /// The text, without line feed. Client ids and topics in it are whatever clients sent, control characters excepted.
    pub text: String,
}

/// The lines of a tick.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) mask: LogMask,
    pub(crate) connection_messages: bool,
    pub(crate) lines: Vec<LogLine>,
    /// Bytes of `lines`.
    bytes: usize,
    /// Lines that there was no room for.
    dropped: u64,
}

impl Log {
    pub(crate) fn new(mask: LogMask, connection_messages: bool) -> Self {
        Self { mask, connection_messages, lines: Vec::new(), bytes: 0, dropped: 0 }
    }

    /// From now on other lines are wanted.
    pub(crate) fn reconfigure(&mut self, mask: LogMask, connection_messages: bool) {
        self.mask = mask;
        self.connection_messages = connection_messages;
    }

    #[inline]
    pub(crate) fn wants(&self, level: LogLevel) -> bool {
        self.mask.wants(level)
    }

    #[cold]
    pub(crate) fn write(&mut self, level: LogLevel, text: String) {
        let cost = size_of::<LogLine>() + text.capacity();
        if self.bytes + cost > KEPT_BYTES_MAX {
            self.dropped += 1;
            return;
        }
        self.bytes += cost;
        self.lines.push(LogLine { level, text });
    }

    /// The lines, into an empty list, whose memory is used again. Where some were dropped, the last one says so.
    pub(crate) fn drain(&mut self, list: &mut Vec<LogLine>) {
        std::mem::swap(list, &mut self.lines);
        self.bytes = 0;
        let dropped = std::mem::take(&mut self.dropped);
        if dropped > 0 && self.wants(LogLevel::Warning) {
            let text = format!("Warning: {dropped} log messages were dropped, since too many came at once.");
            list.push(LogLine { level: LogLevel::Warning, text });
        }
    }
}

/// A text that takes no more than a line may have.
struct Line(String);

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut end = text.len().min(LINE_BYTES_MAX - self.0.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.0.push_str(text.get(..end).unwrap_or_default());
        // The rest is not even looked at.
        if end < text.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

/// The text of a line, cut where it is too long.
#[cold]
pub(crate) fn line(text: Arguments<'_>) -> String {
    // Most fit, and so are not moved while they grow.
    let mut line = Line(String::with_capacity(LINE_BYTES));
    let _ = line.write_fmt(text);
    line.0
}

/// Writes a line where its level is wanted; the arguments are not even looked at where it is not.
macro_rules! log {
    ($log:expr, $level:ident, $($text:tt)+) => {
        if $log.wants($crate::LogLevel::$level) {
            let text = $crate::log::line(format_args!($($text)+));
            $log.write($crate::LogLevel::$level, text);
        }
    };
}

/// [`log!`] for lines that `connection_messages false` hides.
macro_rules! log_connection {
    ($log:expr, $level:ident, $($text:tt)+) => {
        if $log.connection_messages {
            $crate::log::log!($log, $level, $($text)+);
        }
    };
}

pub(crate) use {log, log_connection};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_between_characters() {
        let long = "é".repeat(40_000);
        for (text, len) in [(line(format_args!("{long}{}", 7)), 998), (line(format_args!("x{long}{}", 7)), 999)] {
            assert_eq!((text.len(), text.ends_with('é')), (len, true));
        }
        assert_eq!(line(format_args!("{} {}", "a", 1)), "a 1");
        let mut log = Log::new(LogMask::ALL, true);
        log!(log, Warning, "{long}");
        assert_eq!(log.lines[0].text.len(), 998);
    }

    #[test]
    fn lines_that_nobody_takes_are_dropped_and_counted() {
        let (mut log, text) = (Log::new(LogMask::ALL, true), "x".repeat(900));
        let mut lines = Vec::new();
        for _ in 0..2 {
            for _ in 0..10_000 {
                log!(log, Notice, "{text}");
            }
            lines.clear();
            log.drain(&mut lines);
            let kept = lines.len() - 1;
            assert!((3000..5000).contains(&kept), "{kept}");
            let last = format!("Warning: {} log messages were dropped, since too many came at once.", 10_000 - kept);
            assert_eq!(lines.last(), Some(&LogLine { level: LogLevel::Warning, text: last }));
        }
        log!(log, Notice, "one");
        lines.clear();
        log.drain(&mut lines);
        assert_eq!(lines.len(), 1);
    }
}
