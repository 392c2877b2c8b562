//! The layers without a listener, over whatever carries bytes: for whoever holds them against any bytes (`fuzz-targets`).
//! Nothing in here is for a server or a client.

use crate::stream::{Read, Written};
use crate::websocket::{Lower, WebSocket};
use crate::{CertificateNames, Introduction, Layers, ProxyRules, Stream, WebSocketRules};
use std::io::{self, IoSlice};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

/// Bytes to and from a peer.
pub trait Carrier {
    /// As [`Stream::read`].
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Read>;
    /// As [`Stream::write`].
    fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<Written>;
}

struct Over<'c, C>(&'c mut C);

impl<C: Carrier> Lower for Over<'_, C> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Read> {
        self.0.read(buffer)
    }

    fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<Written> {
        self.0.write(slices)
    }
}

/// The server's end of a WebSocket.
#[derive(Debug)]
pub struct BareWebSocket(WebSocket);

impl BareWebSocket {
    /// One whose handshake is to come.
    pub fn new(rules: WebSocketRules) -> Self {
        Self(WebSocket::new(Arc::new(rules)))
    }

    /// As [`Stream::read`].
    pub fn read(&mut self, carrier: &mut impl Carrier, buffer: &mut [u8]) -> io::Result<Read> {
        self.0.read(&mut Over(carrier), buffer)
    }

    /// As [`Stream::write`].
    pub fn write(&mut self, carrier: &mut impl Carrier, slices: &[IoSlice<'_>]) -> io::Result<Written> {
        self.0.write(&mut Over(carrier), slices)
    }

    /// As [`Stream::take_request`].
    pub fn take_request(&mut self) -> Option<Vec<u8>> {
        self.0.take_request()
    }

    /// As [`Stream::say_goodbye`].
    pub fn say_goodbye(&mut self, carrier: &mut impl Carrier) {
        self.0.say_goodbye(&mut Over(carrier));
    }
}

/// What came of the bytes that begin a connection, and how many of them are the header. None: more has to come.
pub fn proxy_header(rules: ProxyRules, bytes: &[u8]) -> Option<(usize, Introduction)> {
    rules.look_at(bytes)
}

/// What a certificate in DER says about its owner.
pub fn certificate_names(certificate: &[u8]) -> CertificateNames {
    CertificateNames::of(certificate)
}

/// A server's stream, as a listener with these layers makes it.
pub fn stream(socket: UnixStream, layers: &Layers) -> io::Result<Stream> {
    socket.set_nonblocking(true)?;
    Ok(Stream::unix(mio::net::UnixStream::from_std(socket)).with_layers(layers))
}
