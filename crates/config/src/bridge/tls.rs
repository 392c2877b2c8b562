//! TLS of a bridge.

/// The options of TLS of a bridge. It is on where the authorities to trust are named, or where there is a pre-shared key.
#[derive(Clone, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option")]
pub struct BridgeTls {
    /// `bridge_cafile`: authorities trusted to sign the remote broker's certificate.
    pub cafile: Option<String>,
    /// `bridge_capath`: the same, a directory with files named by hash.
    pub capath: Option<String>,
    /// `bridge_tls_use_os_certs`: whether those are trusted that the system trusts. Default: false.
    pub use_os_certs: bool,
    /// `bridge_certfile`: the certificate to show. Where TLS is on, there is a key as well.
    pub certfile: Option<String>,
    /// `bridge_keyfile`: the key of that certificate.
    pub keyfile: Option<String>,
    /// `bridge_insecure`: whether the host name in the certificate does not matter. Default: false.
    pub insecure: bool,
    /// `bridge_alpn`: the protocol to name.
    pub alpn: Option<String>,
    /// `bridge_ciphers`: suites for TLS 1.2, as OpenSSL writes them. `None`: all. Which names there are is not known here.
    pub ciphers: Option<String>,
    /// `bridge_ciphers_tls1.3`: suites for TLS 1.3. `None`: all. Which names there are is not known here.
    pub ciphers_tls13: Option<String>,
    /// `bridge_tls_version`: the lowest version. `None`: TLS 1.2.
    pub version: Option<BridgeTlsVersion>,
    /// `bridge_identity`: who this is, for a pre-shared key. There where the key is.
    pub identity: Option<String>,
    /// `bridge_psk`: that key, in hexadecimal digits. A secret: not for the log.
    pub psk: Option<String>,
}

/// `bridge_tls_version`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BridgeTlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

impl BridgeTls {
    /// Whether the connection is inside TLS.
    pub fn is_on(&self) -> bool {
        self.cafile.is_some() || self.capath.is_some() || self.use_os_certs || self.is_psk()
    }

    /// Whether that is TLS with a pre-shared key.
    pub fn is_psk(&self) -> bool {
        self.psk.is_some()
    }

    /// Whether something is said that goes with certificates alone.
    pub(crate) fn has_certificates(&self) -> bool {
        self.cafile.is_some() || self.capath.is_some() || self.certfile.is_some() || self.keyfile.is_some()
    }

    /// Whether something is said that goes with pre-shared keys alone.
    pub(crate) fn has_psk(&self) -> bool {
        self.identity.is_some() || self.psk.is_some()
    }
}

/// Without the key.
impl std::fmt::Debug for BridgeTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BridgeTls")
            .field("cafile", &self.cafile)
            .field("capath", &self.capath)
            .field("use_os_certs", &self.use_os_certs)
            .field("certfile", &self.certfile)
            .field("keyfile", &self.keyfile)
            .field("insecure", &self.insecure)
            .field("alpn", &self.alpn)
            .field("ciphers", &self.ciphers)
            .field("ciphers_tls13", &self.ciphers_tls13)
            .field("version", &self.version)
            .field("identity", &self.identity)
            .field("psk", &self.psk.as_ref().map(|_| "..."))
            .finish()
    }
}
