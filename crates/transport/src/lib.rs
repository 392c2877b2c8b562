//! One non-blocking byte stream, whatever it runs over; listeners that accept such streams, and connecting.
//!
//! A stream is made of layers: at the bottom a socket of the system (TCP or Unix). What is to come (TLS, WebSocket, a PROXY
//! header, a SOCKS5 proxy) becomes a layer above it, in a file of its own: those who read and write never learn which
//! layers there are.
//!
//! Invariant: this room knows nothing of MQTT, and nothing in it waits.

mod error_text;
mod introducing;
mod listener;
mod peer;
mod proxy;
mod socket;
mod stream;
mod unix_path;

pub use error_text::error_text;
pub use listener::Layers;
pub use listener::{BindOptions, Listener};
pub use peer::Peer;
pub use proxy::{Introduction, ProxyRefusal, ProxyRules, ProxyTls, ProxyVersion};
pub use stream::{Read, Stream, Written};
