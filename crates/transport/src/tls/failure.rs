//! Why a connection over TLS came to nothing.

use rustls::{Error, InvalidMessage};
use std::{fmt, io};

/// What TLS says is wrong with a connection; the source of such an [`io::Error`].
#[derive(Debug)]
pub struct TlsFailure(Error);

impl TlsFailure {
    pub(super) fn new(error: Error) -> Self {
        Self(error)
    }

    /// If this is why an input or output failed.
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    /// Whether what came is not TLS at all.
    pub fn is_not_tls(&self) -> bool {
        matches!(self.0, Error::InvalidMessage(InvalidMessage::InvalidContentType))
    }
}

impl fmt::Display for TlsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl std::error::Error for TlsFailure {}
