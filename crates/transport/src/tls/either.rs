//! The TLS of a stream, whichever end it is.

use super::{ClientTls, Secured, ServerTls};
use crate::socket::Socket;
use crate::{Read, Written};
use std::io::{self, IoSlice};

/// TLS over a socket: one of the ends.
#[derive(Debug)]
pub(crate) enum Tls {
    Server(ServerTls),
    Client(ClientTls),
}

impl Tls {
    pub(crate) fn secured(&self) -> Option<Secured> {
        match self {
            Self::Server(tls) => tls.secured(),
            Self::Client(tls) => tls.secured(),
        }
    }

    /// Bytes that this end holds for a peer that has still to send or to take something.
    pub(crate) fn held(&self) -> usize {
        match self {
            Self::Server(tls) => tls.held(),
            Self::Client(tls) => tls.held(),
        }
    }

    pub(crate) fn has_unread(&self) -> bool {
        match self {
            Self::Server(tls) => tls.has_unread(),
            Self::Client(tls) => tls.has_unread(),
        }
    }

    pub(crate) fn has_unsent(&self) -> bool {
        match self {
            Self::Server(tls) => tls.has_unsent(),
            Self::Client(tls) => tls.has_unsent(),
        }
    }

    /// Whether the handshake is done, which a client brings on here; a server's comes on with each read.
    pub(crate) fn open(&mut self, socket: &mut Socket) -> io::Result<bool> {
        match self {
            Self::Server(tls) => Ok(tls.secured().is_some()),
            Self::Client(tls) => tls.handshake(socket),
        }
    }

    pub(crate) fn read(&mut self, socket: &mut Socket, buffer: &mut [u8]) -> io::Result<Read> {
        match self {
            Self::Server(tls) => tls.read(socket, buffer),
            Self::Client(tls) => tls.read(socket, buffer),
        }
    }

    pub(crate) fn write(&mut self, socket: &mut Socket, slices: &[IoSlice<'_>]) -> io::Result<Written> {
        match self {
            Self::Server(tls) => tls.write(socket, slices),
            Self::Client(tls) => tls.write(socket, slices),
        }
    }

    pub(crate) fn flush(&mut self, socket: &mut Socket) -> io::Result<()> {
        match self {
            Self::Server(tls) => tls.flush(socket),
            Self::Client(tls) => tls.flush(socket),
        }
    }

    pub(crate) fn finish(&mut self, socket: &mut Socket) {
        match self {
            Self::Server(tls) => tls.finish(socket),
            Self::Client(tls) => tls.finish(socket),
        }
    }
}
