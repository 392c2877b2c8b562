//! Why a connection came to nothing.

use crate::library::OpenSsl;
use std::ffi::CStr;
use std::fmt;

/// Errors that are told of one failure.
const ERRORS_MAX: usize = 8;

/// Bytes of the longest text of an error, as OpenSSL's documentation has it.
const TEXT_BYTES: usize = 256;

/// What OpenSSL says is wrong with a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Its errors, the oldest first: `error:0A00010B:SSL routines::wrong version number`. None where the bytes have just
    /// ended.
    pub errors: Vec<String>,
    /// The identity that the client gave, if it came so far; it need not be one that is known.
    pub identity: Option<String>,
    /// Whether that identity is not known.
    pub is_unknown: bool,
    /// Whether what came is not TLS at all.
    pub is_not_tls: bool,
}

impl Failure {
    /// With the errors that there are on this thread.
    pub(crate) fn new(library: &'static OpenSsl) -> Self {
        Self { errors: errors(library), identity: None, is_unknown: false, is_not_tls: false }
    }
}

/// Takes the errors of this thread.
#[allow(unsafe_code, reason = "OpenSSL's list of errors")]
pub(crate) fn errors(library: &'static OpenSsl) -> Vec<String> {
    let mut errors = Vec::new();
    loop {
        // SAFETY: it takes nothing, and the list is this thread's own.
        let code = unsafe { (library.functions.ERR_get_error)() };
        if code == 0 {
            return errors;
        }
        if errors.len() < ERRORS_MAX {
            let mut room = [0_u8; TEXT_BYTES];
            // SAFETY: as many bytes may be written as there is room; the text ends with NUL.
            unsafe { (library.functions.ERR_error_string_n)(code, room.as_mut_ptr().cast(), room.len()) };
            errors.push(CStr::from_bytes_until_nul(&room).unwrap_or_default().to_string_lossy().into_owned());
        }
    }
}

impl fmt::Display for Failure {
    /// The last word of what OpenSSL says, and whom it is about.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = self.errors.last().map_or("the connection has ended", String::as_str);
        let reason = error.rsplit(':').next().unwrap_or(error);
        match &self.identity {
            Some(identity) if self.is_unknown => write!(f, "PSK identity '{identity}' is not known: {reason}"),
            Some(identity) => write!(f, "PSK identity '{identity}': {reason}"),
            None => f.write_str(reason),
        }
    }
}

impl std::error::Error for Failure {}
