//! One non-blocking byte stream, whatever it runs over; listeners that accept such streams, and connecting.
//!
//! A stream is made of layers, each in a file of its own: at the bottom a socket of the system (TCP or Unix); above it a PROXY
//! header, which goes when it has come, or for a client the talk with a SOCKS5 proxy, which goes when it is done; then TLS (with a
//! certificate or with pre-shared keys), and a WebSocket, each only where it is wanted. Those who read and write never learn which
//! there are.
//!
//! Invariant: this room knows nothing of MQTT, and nothing in it waits.

#[cfg(feature = "bare")]
pub mod bare;
mod error_text;
mod introducing;
mod listener;
mod peer;
mod proxy;
mod psk;
mod security;
mod socket;
mod socks;
mod stream;
mod tls;
mod unix_path;
mod upper;
mod websocket;

pub use error_text::error_text;
pub use listener::Layers;
pub use listener::{BindOptions, Listener};
pub use peer::Peer;
pub use proxy::{Introduction, ProxyRefusal, ProxyRules, ProxyTls, ProxyVersion};
pub use security::{ClientSecurity, Security};
pub use socks::{SocksFailure, SocksRequest};
pub use stream::{ClientLayers, Read, Stream, Written};
pub use tls::{
    CertificateNames, KeyError, KeyFile, KeyLogFile, PASSPHRASE_BYTES_MAX, Passphrase, PrivateKey, Secured, TlsClient,
    TlsClientOptions, TlsFailure, TlsOptions, TlsServer, TlsSetupError, TlsVerification, TlsVersion,
};
pub use websocket::{WebSocketFailure, WebSocketRefusal, WebSocketRequest, WebSocketRules};
