//! What is logged, and where: the values of the logging options.

use std::fmt;
use std::path::PathBuf;

/// The logging options (`mosquitto.conf(5)`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// `log_dest`: where lines go. Default: standard error only.
    pub destinations: Destinations,
    /// `log_type`, after `-v` and `-q`: the kinds of lines that are written.
    pub types: LogTypes,
    /// `log_facility`: the number, 0 to 7, of the local facility under which syslog gets the lines. `None`: daemon.
    pub facility: Option<u8>,
    /// `log_timestamp`: whether lines begin with the time. Default: true.
    pub timestamp: bool,
    /// `log_timestamp_format`: an strftime format, in local time. `None`: seconds since 1970.
    pub timestamp_format: Option<String>,
    /// `connection_messages`: whether clients' coming and going is logged. Default: true.
    pub connection_messages: bool,
}

/// Where log lines go. All of them off means that nothing is logged.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "a set of places")]
pub struct Destinations {
    /// Standard output.
    pub stdout: bool,
    /// Standard error.
    pub stderr: bool,
    /// The system's log.
    pub syslog: bool,
    /// The topics below `$SYS/broker/log`.
    pub topic: bool,
    /// A file, appended to.
    pub file: Option<PathBuf>,
}

/// A kind of log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum LogType {
    /// Something went wrong.
    Error,
    /// Something is likely to go wrong.
    Warning,
    /// Something that an operator may want to know.
    Notice,
    /// Something that an operator may want to look up.
    Information,
    /// What the broker does, packet by packet.
    Debug,
    /// A client subscribed.
    Subscribe,
    /// A client unsubscribed.
    Unsubscribe,
    /// Lines of libwebsockets; accepted, never written.
    Websockets,
    /// Lines for developers.
    Internal,
}

/// A set of kinds of log lines. Default: error, warning, notice and information.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LogTypes(u16);

impl Log {
    /// Whether a line of this kind is written anywhere.
    pub fn writes(&self, kind: LogType) -> bool {
        self.types.contains(kind) && self.destinations != Destinations::NONE
    }
}

impl Default for Log {
    fn default() -> Self {
        Self {
            destinations: Destinations { stderr: true, ..Destinations::NONE },
            types: LogTypes::default(),
            facility: None,
            timestamp: true,
            timestamp_format: None,
            connection_messages: true,
        }
    }
}

impl Destinations {
    /// Nowhere.
    pub const NONE: Self = Self { stdout: false, stderr: false, syslog: false, topic: false, file: None };
}

impl LogType {
    /// All kinds.
    pub const ALL: [Self; 9] = [
        Self::Error,
        Self::Warning,
        Self::Notice,
        Self::Information,
        Self::Debug,
        Self::Subscribe,
        Self::Unsubscribe,
        Self::Websockets,
        Self::Internal,
    ];

    /// The name in `mosquitto.conf`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
            Self::Information => "information",
            Self::Debug => "debug",
            Self::Subscribe => "subscribe",
            Self::Unsubscribe => "unsubscribe",
            Self::Websockets => "websockets",
            Self::Internal => "internal",
        }
    }
}

impl LogTypes {
    /// No kind.
    pub const NONE: Self = Self(0);
    /// Every kind.
    pub const ALL: Self = Self((1 << LogType::ALL.len()) - 1);

    /// Whether this kind is in the set.
    pub fn contains(self, kind: LogType) -> bool {
        self.0 & Self::from(kind).0 != 0
    }

    /// The set with this kind in it.
    #[must_use]
    pub fn with(self, kind: LogType) -> Self {
        Self(self.0 | Self::from(kind).0)
    }
}

impl Default for LogTypes {
    fn default() -> Self {
        Self::from(LogType::Error).with(LogType::Warning).with(LogType::Notice).with(LogType::Information)
    }
}

impl From<LogType> for LogTypes {
    fn from(kind: LogType) -> Self {
        Self(1 << kind as u8)
    }
}

impl fmt::Debug for LogTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(LogType::ALL.into_iter().filter(|kind| self.contains(*kind))).finish()
    }
}
