//! TLS with pre-shared keys (RFC 4279, RFC 5487), both ends, by way of OpenSSL.
//!
//! rustls, which carries all other TLS, has no pre-shared keys. OpenSSL is looked for when it is needed, at run time
//! ([`OpenSsl::load`]): nothing of it is needed to build, and a program that has no use for it runs without it.
//!
//! A [`Connection`] has no socket. Bytes from the network go in with [`Connection::receive`], plain text comes out of
//! [`Connection::read`]; plain text goes in with [`Connection::write`], and whatever is to be sent comes out of
//! [`Connection::take_output`], which is to be asked after every other call, also after one that failed: it may be an alert.
//!
//! Invariant: this is the only crate that speaks to OpenSSL, and all that is unsafe about it is in `ffi`, `library`,
//! `context`, `callbacks` and `connection`. A session is never resumed: there are neither tickets nor a cache, so a key is
//! needed for each connection, and who has lost his does not come back.

mod callbacks;
mod connection;
mod context;
mod failure;
mod ffi;
mod library;

pub use callbacks::{KeyLines, Keys};
pub use connection::{Connection, Got, PIECE_BYTES, Secured};
pub use context::{ClientOptions, PskClient, PskServer, ServerOptions, SetupError};
pub use failure::Failure;
pub use library::{LoadError, OpenSsl};
