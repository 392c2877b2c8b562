//! The lowest layer of a stream: a socket of the system.

use crate::stream::{Read, Written};
use mio::event::Source;
use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};
use rustix::io::Errno;
use rustix::net::RecvFlags;
use socket2::SockRef;
use std::io::{self, IoSlice, Write};
use std::net::Shutdown;

/// A connected socket, or one that is being connected.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    /// Whether a connection that was begun is made: false while it is under way.
    pub(crate) fn connected(&self) -> io::Result<bool> {
        if let Some(error) = self.system().take_error()? {
            return Err(error);
        }
        match self.system().peer_addr() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotConnected || is_in_progress(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(self.source(), token, Interest::READABLE | Interest::WRITABLE)
    }

    pub(crate) fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        registry.deregister(self.source())
    }

    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Read> {
        loop {
            let result = match self {
                Self::Tcp(stream) => io::Read::read(stream, buffer),
                Self::Unix(stream) => io::Read::read(stream, buffer),
            };
            return match result {
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

    /// Writes what a layer above holds, from `sent` on, and lets go of it when all of it is written.
    pub(crate) fn write_rest(&mut self, held: &mut Vec<u8>, sent: &mut usize) -> io::Result<()> {
        while let Some(rest) = held.get(*sent..).filter(|rest| !rest.is_empty()) {
            match self.write(&[IoSlice::new(rest)])? {
                Written::Some(len) => *sent += len,
                Written::Blocked(len) => {
                    *sent += len;
                    return Ok(());
                }
            }
        }
        (*held, *sent) = (Vec::new(), 0);
        Ok(())
    }

    pub(crate) fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<Written> {
        loop {
            let result = match (&mut *self, slices) {
                (Self::Tcp(stream), [one]) => stream.write(one),
                (Self::Tcp(stream), many) => stream.write_vectored(many),
                (Self::Unix(stream), [one]) => stream.write(one),
                (Self::Unix(stream), many) => stream.write_vectored(many),
            };
            return match result {
                Ok(len) => Ok(Written::Some(len)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Written::Blocked(0)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
        }
    }

    /// Reads into `buffer` what stays to be read.
    pub(crate) fn peek(&self, buffer: &mut [u8]) -> io::Result<Read> {
        loop {
            let result = match self {
                Self::Tcp(stream) => rustix::net::recv(stream, &mut *buffer, RecvFlags::PEEK),
                Self::Unix(stream) => rustix::net::recv(stream, &mut *buffer, RecvFlags::PEEK),
            };
            return match result {
                Ok((_, 0)) => Ok(Read::End),
                Ok((_, len)) if len < buffer.len() => Ok(Read::Drained(len)),
                Ok((_, len)) => Ok(Read::Some(len)),
                Err(Errno::AGAIN) => Ok(Read::Drained(0)),
                Err(Errno::INTR) => continue,
                Err(error) => Err(error.into()),
            };
        }
    }

    pub(crate) fn finish(&mut self) -> io::Result<()> {
        self.system().shutdown(Shutdown::Write)
    }

    /// TCP_NODELAY. A Unix socket has no such thing: its small writes always leave at once.
    pub(crate) fn set_nodelay(&self, on: bool) -> io::Result<()> {
        match self {
            Self::Tcp(_) => self.system().set_tcp_nodelay(on),
            Self::Unix(_) => Ok(()),
        }
    }

    /// What the system can be asked about every socket.
    pub(crate) fn system(&self) -> SockRef<'_> {
        match self {
            Self::Tcp(stream) => SockRef::from(stream),
            Self::Unix(stream) => SockRef::from(stream),
        }
    }

    fn source(&mut self) -> &mut dyn Source {
        match self {
            Self::Tcp(stream) => stream,
            Self::Unix(stream) => stream,
        }
    }
}

pub(crate) fn is_in_progress(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EINPROGRESS)
}
