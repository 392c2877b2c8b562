//! TLS on a listener.

use crate::config::Listener;
use crate::error::ConfigError;

/// A listener's options of TLS. It is on where there are a certificate and a key, or a hint for pre-shared keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option")]
pub struct Tls {
    /// `certfile`: the server's certificate and those above it.
    pub certfile: Option<String>,
    /// `keyfile`: the key of that certificate.
    pub keyfile: Option<String>,
    /// `keyfile_passphrase_command`: what says the passphrase of an encrypted key, program and arguments with blanks between
    /// them. `None`: it is asked for.
    pub keyfile_passphrase_command: Option<String>,
    /// `cafile`: authorities trusted to sign clients' certificates.
    pub cafile: Option<String>,
    /// `capath`: the same, a directory with files named by hash.
    pub capath: Option<String>,
    /// `crlfile`: which certificates are revoked.
    pub crlfile: Option<String>,
    /// `ciphers`: suites for TLS 1.2, as OpenSSL writes them. `None`: all.
    pub ciphers: Option<String>,
    /// `ciphers_tls1.3`: suites for TLS 1.3. `None`: all.
    pub ciphers_tls13: Option<String>,
    /// `tls_version`: the lowest version, as given. `None`: TLS 1.2.
    pub version: Option<String>,
    /// `require_certificate`: whether clients must show a certificate. Default: false.
    pub require_certificate: bool,
    /// `disable_client_cert_date_checks`: whether a client's certificate is good outside of its time. Default: false.
    pub disable_client_cert_date_checks: bool,
    /// `psk_hint`: what clients are told so that they know which identity to use. `None`: there are no pre-shared keys.
    pub psk_hint: Option<String>,
    /// `use_identity_as_username`: whether the certificate's common name, or the PSK identity, is the username. Default: false.
    pub use_identity_as_username: bool,
    /// `use_subject_as_username`: whether the certificate's whole subject is. Default: false.
    pub use_subject_as_username: bool,
}

impl Tls {
    /// Whether connections are inside TLS.
    pub fn is_on(&self) -> bool {
        self.is_psk() || (self.certfile.is_some() && self.keyfile.is_some())
    }

    /// Whether that is TLS with pre-shared keys.
    pub fn is_psk(&self) -> bool {
        self.psk_hint.is_some()
    }
}

/// What is wrong with the options of a listener taken together.
pub(crate) fn check(listener: &Listener) -> Option<ConfigError> {
    let tls = &listener.tls;
    if listener.proxy_protocol == Some(2) {
        // The TLS that counts is the one between the client and the proxy.
        let wrong = if tls.use_subject_as_username {
            Some("use_subject_as_username")
        } else {
            (tls.certfile.is_some() || tls.keyfile.is_some()).then_some("certfile and keyfile")
        };
        if let Some(wrong) = wrong {
            let error = ConfigError::new(format_args!("{wrong} cannot be used with `enable_proxy_protocol 2`."));
            return Some(error.expected(format!("one of them below the listener with port {}", listener.port)));
        }
    }
    match (&tls.certfile, &tls.keyfile) {
        (Some(_), Some(_)) => None,
        (Some(_), None) | (None, Some(_)) => {
            let error = ConfigError::new("Both certfile and keyfile must be provided to enable a TLS listener.");
            Some(error.expected(format!("both below the listener with port {}", listener.port)))
        }
        (None, None) => {
            let name = if tls.cafile.is_some() {
                "cafile"
            } else if tls.capath.is_some() {
                "capath"
            } else {
                return None;
            };
            let error = ConfigError::new(format_args!("{name} specified without certfile and keyfile."));
            Some(error.expected(format!("both below the listener with port {}, or no {name}", listener.port)))
        }
    }
}
