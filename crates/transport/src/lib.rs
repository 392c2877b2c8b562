//! One non-blocking byte stream, whatever it runs over; listeners that accept such streams, and connecting.
//!
//! TCP, and TLS over it. What is to come (Unix sockets, WebSocket, a PROXY header, a SOCKS5 proxy) becomes another kind of
//! [`Stream`] or [`Listener`]: those who read and write never learn which kind they have.
//!
//! Invariant: this room knows nothing of MQTT, and nothing in it waits.

mod error_text;
mod listener;
mod peer;
mod stream;
mod tls;
mod wire;

pub use error_text::error_text;
pub use listener::{BindOptions, Listener};
pub use peer::Peer;
pub use stream::{Read, Stream, Written};
pub use tls::{CertificateNames, KeyLogFile, Secured, TlsFailure, TlsOptions, TlsServer, TlsSetupError, TlsVersion};
