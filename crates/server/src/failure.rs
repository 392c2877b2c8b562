//! Why the broker could not start.

/// The reason, and the exit status that it makes, which is Mosquitto's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    /// The line that says it.
    /// Further lines tell more about it.
    pub(crate) text: String,
}

impl Failure {
    /// A listener could not be opened, or the system refused something else that the broker cannot do without.
    pub(crate) const CANNOT_START: u8 = 1;

    /// Something that the configuration or the environment names is wrong.
    pub(crate) const INVALID: u8 = 3;

    /// A file that says who may do what cannot be read.
    pub(crate) const UNREADABLE: u8 = 13;

    /// The system refused to change the user, or to write the pid file.
    pub(crate) const SYSTEM: u8 = 14;

    pub(crate) fn invalid(text: impl Into<String>) -> Self {
        Self { code: Self::INVALID, text: text.into() }
    }

    pub(crate) fn system(text: impl Into<String>) -> Self {
        Self { code: Self::SYSTEM, text: text.into() }
    }
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self { code: Self::CANNOT_START, text }
    }
}
