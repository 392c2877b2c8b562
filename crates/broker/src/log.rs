//! Log lines as effects: the broker writes them down, somebody else writes them out.

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
}

impl Log {
    #[inline]
    pub(crate) fn wants(&self, level: LogLevel) -> bool {
        self.mask.wants(level)
    }

    #[cold]
    pub(crate) fn write(&mut self, level: LogLevel, text: String) {
        self.lines.push(LogLine { level, text });
    }
}

/// Writes a line where its level is wanted; the arguments are not even looked at where it is not.
macro_rules! log {
    ($log:expr, $level:ident, $($text:tt)+) => {
        if $log.wants($crate::LogLevel::$level) {
            let text = format!($($text)+);
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
