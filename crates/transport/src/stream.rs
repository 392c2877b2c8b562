//! A non-blocking byte stream.

use crate::Peer;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::{SockRef, Socket};
use std::io::{self, IoSlice, Write};
use std::net::{Shutdown, SocketAddr};

/// A connected stream, or one that is being connected.
///
/// Streams are watched edge-triggered: after an event, read until [`Read::Drained`] or [`Read::End`], and write until
/// [`Written::Blocked`] or nothing is left. Where the event says that the peer has closed its half, read on until
/// [`Read::End`]: an end that arrived together with the last bytes has no event of its own. No call ever waits.
#[derive(Debug)]
pub struct Stream {
    wire: Wire,
}

/// What a stream runs over.
#[derive(Debug)]
enum Wire {
    Tcp(TcpStream),
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
        Self { wire: Wire::Tcp(stream) }
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

    /// Reads what there is into `buffer`, which must not be empty.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<Read> {
        let Wire::Tcp(stream) = &mut self.wire;
        loop {
            return match io::Read::read(stream, buffer) {
                Ok(0) => Ok(Read::End),
                // A read that did not fill the buffer has emptied the socket.
                Ok(len) if len < buffer.len() => Ok(Read::Drained(len)),
                Ok(len) => Ok(Read::Some(len)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Read::Drained(0)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
        }
    }

    /// Writes as much of the slices, in order, as the stream takes.
    pub fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<Written> {
        let Wire::Tcp(stream) = &mut self.wire;
        loop {
            let result = match slices {
                [one] => stream.write(one),
                many => stream.write_vectored(many),
            };
            return match result {
                Ok(len) => Ok(Written::Some(len)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Written::Blocked(0)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
        }
    }

    /// Says that nothing more will be written; the peer's bytes can still be read.
    pub fn finish(&mut self) -> io::Result<()> {
        let Wire::Tcp(stream) = &mut self.wire;
        stream.shutdown(Shutdown::Write)
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
