//! One non-blocking byte stream, whatever it runs over; listeners that accept such streams, and connecting.
//!
//! A stream is made of layers, each in a file of its own: at the bottom a socket of the system (TCP or Unix); above it a PROXY
//! header, which goes when it has come, TLS (with a certificate or with pre-shared keys), and a WebSocket, each only where it
//! is wanted. What is to come (a SOCKS5 proxy)
//! becomes another layer: those who read and write never learn which there are.
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
mod stream;
mod tls;
mod unix_path;
mod websocket;

pub use error_text::error_text;
pub use listener::Layers;
pub use listener::{BindOptions, Listener};
pub use peer::Peer;
pub use proxy::{Introduction, ProxyRefusal, ProxyRules, ProxyTls, ProxyVersion};
pub use security::Security;
pub use stream::{Read, Stream, Written};
pub use tls::{CertificateNames, KeyLogFile, Secured, TlsFailure, TlsOptions, TlsServer, TlsSetupError, TlsVersion};
pub use tls::{KeyError, KeyFile, PASSPHRASE_BYTES_MAX, Passphrase, PrivateKey};
pub use websocket::{WebSocketRefusal, WebSocketRules};
