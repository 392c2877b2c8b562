//! A non-blocking byte stream.

use crate::Peer;
use crate::tls::{Secured, Tls, TlsServer};
use crate::wire::Wire;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::{SockRef, Socket};
use std::io::{self, IoSlice};
use std::net::SocketAddr;

/// A connected stream, or one that is being connected.
///
/// Streams are watched edge-triggered: after an event, read until [`Read::Drained`] or [`Read::End`], and write until
/// [`Written::Blocked`] or nothing is left. Where the event says that the peer has closed its half, read on until
/// [`Read::End`]: an end that arrived together with the last bytes has no event of its own. No call ever waits.
///
/// Inside TLS, reading also brings the handshake on, and both reading and writing may leave bytes that the socket did not
/// take: while there are [`unsent`](Self::has_unsent) ones, [`flush`](Self::flush) after an event of writing.
#[derive(Debug)]
pub struct Stream {
    wire: Wire,
    /// None: what is on the wire is what is read and written.
    tls: Option<Box<Tls>>,
}

/// What came of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// So many bytes, and there may be more.
    Some(usize),
    /// So many bytes, perhaps none; an event will tell when there is more.
    Drained(usize),
    /// The peer sends nothing any more.
    End,
}

/// What came of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// So many bytes, and more can be tried.
    Some(usize),
    /// So many bytes, perhaps none; an event will tell when more can be taken.
    Blocked(usize),
}

impl Stream {
    /// A TCP connection that a listener accepted.
    pub(crate) fn tcp(stream: TcpStream) -> Self {
        Self { wire: Wire::Tcp(stream), tls: None }
    }

    /// Begins a TCP connection to `address`, from the local address `from` if one is given. The stream becomes writable
    /// when it is made or has failed; [`connected`](Self::connected) tells which.
    pub fn connect_tcp(address: SocketAddr, from: Option<SocketAddr>) -> io::Result<Self> {
        let Some(from) = from else { return TcpStream::connect(address).map(Self::tcp) };
        let socket = Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None)?;
        socket.bind(&from.into())?;
        socket.set_nonblocking(true)?;
        match socket.connect(&address.into()) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock || is_in_progress(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(Self::tcp(TcpStream::from_std(socket.into())))
    }

    /// Whether a connection that was begun is made: false while it is under way.
    pub fn connected(&self) -> io::Result<bool> {
        let Wire::Tcp(stream) = &self.wire;
        if let Some(error) = stream.take_error()? {
            return Err(error);
        }
        match stream.peer_addr() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotConnected || is_in_progress(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Has events of this stream reported under `token`: readable and writable, for its whole life.
    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let Wire::Tcp(stream) = &mut self.wire;
        registry.register(stream, token, Interest::READABLE | Interest::WRITABLE)
    }

    /// Ends the reporting, so that the stream can be registered elsewhere.
    pub fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        let Wire::Tcp(stream) = &mut self.wire;
        registry.deregister(stream)
    }

    /// From now on what is read and written is inside TLS, of which this is the server's end. Nothing may have been read
    /// or written before.
    pub fn secure(&mut self, server: &TlsServer) -> io::Result<()> {
        self.tls = Some(Box::new(Tls::accept(server)?));
        Ok(())
    }

    /// What TLS came to. None where there is no TLS, and before its handshake is done.
    pub fn secured(&self) -> Option<Secured> {
        self.tls.as_ref()?.secured()
    }

    /// Reads what there is into `buffer`, which must not be empty.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<Read> {
        match &mut self.tls {
            Some(tls) => tls.read(&mut self.wire, buffer),
            None => self.wire.read(buffer),
        }
    }

    /// Whether there are bytes to read that the socket tells nothing about any more.
    pub fn has_unread(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.has_unread())
    }

    /// Writes as much of the slices, in order, as the stream takes.
    pub fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<Written> {
        match &mut self.tls {
            Some(tls) => tls.write(&mut self.wire, slices),
            None => self.wire.write(slices),
        }
    }

    /// Whether there are bytes that count as written and that the socket has not taken yet.
    pub fn has_unsent(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.has_unsent())
    }

    /// Writes those bytes, as many as the socket takes.
    pub fn flush(&mut self) -> io::Result<()> {
        match &mut self.tls {
            Some(tls) => tls.flush(&mut self.wire),
            None => Ok(()),
        }
    }

    /// Says that nothing more will be written; the peer's bytes can still be read.
    pub fn finish(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            tls.finish(&mut self.wire);
        }
        self.wire.finish()
    }

    /// Whether small writes leave at once (TCP_NODELAY).
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        let Wire::Tcp(stream) = &self.wire;
        SockRef::from(stream).set_tcp_nodelay(on)
    }

    #[cfg(test)]
    pub(crate) fn nodelay(&self) -> io::Result<bool> {
        let Wire::Tcp(stream) = &self.wire;
        SockRef::from(stream).tcp_nodelay()
    }

    /// The other end.
    pub fn peer(&self) -> io::Result<Peer> {
        let Wire::Tcp(stream) = &self.wire;
        stream.peer_addr().map(Peer::new)
    }
}

fn is_in_progress(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EINPROGRESS)
}
