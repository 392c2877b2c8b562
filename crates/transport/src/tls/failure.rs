//! Why a connection over TLS came to nothing.

use crate::error_text;
use mosquitto_tls_psk::Failure;
use rustls::{Error, InvalidMessage};
use std::{fmt, io};

/// What TLS says is wrong with a connection; the source of such an [`io::Error`].
#[derive(Debug)]
pub struct TlsFailure(Cause);

#[derive(Debug)]
enum Cause {
    Tls(Error),
    /// The connection has ended in the middle of the handshake: the system's reason, if there is one.
    Ended(Option<io::Error>),
    Psk(Failure),
}

impl TlsFailure {
    pub(super) fn new(error: Error) -> Self {
        Self(Cause::Tls(error))
    }

    /// The connection has ended in the middle of the handshake.
    pub(crate) fn ended(reason: Option<io::Error>) -> Self {
        Self(Cause::Ended(reason))
    }

    pub(crate) fn of_psk(failure: Failure) -> Self {
        Self(Cause::Psk(failure))
    }

    /// If this is why an input or output failed.
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    /// Whether nothing is wrong but that the connection has ended in the middle of the handshake.
    pub fn is_end(&self) -> bool {
        matches!(self.0, Cause::Ended(_))
    }

    /// Whether what came is not TLS at all.
    pub fn is_not_tls(&self) -> bool {
        match &self.0 {
            Cause::Tls(error) => matches!(error, Error::InvalidMessage(InvalidMessage::InvalidContentType)),
            Cause::Psk(failure) => failure.is_not_tls,
            Cause::Ended(_) => false,
        }
    }

    /// OpenSSL's own words, the oldest first, where it was asked.
    pub fn openssl_errors(&self) -> &[String] {
        match &self.0 {
            Cause::Tls(_) | Cause::Ended(_) => &[],
            Cause::Psk(failure) => &failure.errors,
        }
    }
}

impl fmt::Display for TlsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Cause::Tls(error) => error.fmt(f),
            Cause::Ended(None) => f.write_str("the connection has ended during the handshake"),
            Cause::Ended(Some(reason)) => {
                write!(f, "the connection has ended during the handshake: {}", error_text(reason))
            }
            Cause::Psk(failure) => write!(f, "{failure}"),
        }
    }
}

impl std::error::Error for TlsFailure {}

impl From<TlsFailure> for io::Error {
    fn from(failure: TlsFailure) -> Self {
        Self::new(io::ErrorKind::InvalidData, failure)
    }
}
