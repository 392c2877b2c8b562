//! The PROXY header: what a proxy says of the client whose connection it passes on.
//!
//! It stands before all else, in the clear: a line of text in version 1, bytes in version 2. What is here reads no socket.
//! The specification is "The PROXY protocol, versions 1 & 2" of HAProxy.

mod binary;
mod line;

use crate::Peer;
use std::fmt;

/// Bytes of the longest header.
pub(crate) const HEADER_BYTES_MAX: usize = binary::HEADER_BYTES_MAX;

/// A version of the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyVersion {
    /// A line of text.
    V1,
    /// Bytes.
    V2,
}

/// What is expected before all else on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProxyRules {
    /// The version of the header.
    pub version: ProxyVersion,
    /// Whether the client has to have reached the proxy over TLS (version 2).
    pub require_tls: bool,
    /// Whether the client has to have shown the proxy a certificate that was found to be good (version 2).
    pub require_certificate: bool,
}

/// What came of the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Introduction {
    /// The client behind the proxy.
    Client {
        /// Its address.
        peer: Peer,
        /// The TLS between it and the proxy, if the proxy tells of it.
        tls: Option<ProxyTls>,
    },
    /// The proxy does not know whom it speaks for: the address of the connection is all there is.
    Unknown,
    /// The proxy speaks for itself, to see whether somebody is there.
    Probe,
    /// The client is not to be served.
    Refused(ProxyRefusal),
}

/// The TLS between a client and its proxy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProxyTls {
    /// Such as `TLSv1.3`.
    pub version: Option<String>,
    /// The cipher's name.
    pub cipher: Option<String>,
    /// Whether the client has shown a certificate on this connection that was found to be good.
    pub certificate: bool,
    /// The common name of that certificate. None where it was not found to be good.
    pub common_name: Option<String>,
}

/// Why a connection is refused because of its header. It shows itself as the line for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProxyRefusal {
    /// There is no header, or it is not as it should be.
    Corrupt,
    /// This client has not reached the proxy over TLS.
    NoTls(Peer),
    /// This client has shown no good certificate.
    NoCertificate(Peer),
}

impl fmt::Display for ProxyRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Corrupt => f.write_str("Connection rejected, corrupt PROXY header."),
            Self::NoTls(peer) => write!(f, "Connection from {peer} rejected, client did not connect using TLS."),
            Self::NoCertificate(peer) => {
                write!(f, "Connection from {peer} rejected, client did not provide a certificate.")
            }
        }
    }
}

/// Bytes that begin a header, looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Parsed {
    /// It goes on.
    Incomplete,
    /// So many bytes are the header.
    Whole(usize, Header),
    /// This will never be a header.
    Corrupt,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Header {
    Client(Peer, Option<ProxyTls>),
    Unknown,
    Probe,
}

impl ProxyRules {
    /// Looks at what has come so far. None: more has to come; else the bytes of the header, and what it comes to.
    pub(crate) fn look_at(self, bytes: &[u8]) -> Option<(usize, Introduction)> {
        let parsed = match self.version {
            ProxyVersion::V1 => line::parse(bytes),
            ProxyVersion::V2 => binary::parse(bytes),
        };
        match parsed {
            Parsed::Incomplete => None,
            Parsed::Corrupt => Some((0, Introduction::Refused(ProxyRefusal::Corrupt))),
            Parsed::Whole(len, Header::Client(peer, tls)) => Some((len, self.judge(peer, tls))),
            Parsed::Whole(len, Header::Unknown) => Some((len, Introduction::Unknown)),
            Parsed::Whole(len, Header::Probe) => Some((len, Introduction::Probe)),
        }
    }

    fn judge(self, peer: Peer, tls: Option<ProxyTls>) -> Introduction {
        if self.version == ProxyVersion::V2 {
            if self.require_tls && tls.is_none() {
                return Introduction::Refused(ProxyRefusal::NoTls(peer));
            }
            if self.require_certificate && !tls.as_ref().is_some_and(|tls| tls.certificate) {
                return Introduction::Refused(ProxyRefusal::NoCertificate(peer));
            }
        }
        Introduction::Client { peer, tls }
    }
}
