//! The layer of a stream that keeps its bytes from others, whichever kind it is.

use crate::psk::Psk;
use crate::socket::Socket;
use crate::tls::{ClientTls, EitherTls, Secured, ServerTls, TlsClient, TlsServer, server_name};
use crate::{Read, Written};
use mosquitto_tls_psk::{PskClient, PskServer};
use std::io::{self, IoSlice};

/// What is needed to keep the connections of a listener from others. Cheap to copy.
#[derive(Debug, Clone)]
pub enum Security {
    /// TLS with a certificate.
    Tls(TlsServer),
    /// TLS with pre-shared keys.
    Psk(PskServer),
}

/// What a client needs to keep its connections from others. Cheap to copy.
#[derive(Debug, Clone)]
pub enum ClientSecurity {
    /// TLS, in which the server shows a certificate.
    Tls {
        /// What is known beforehand.
        client: TlsClient,
        /// The name or address that the server is known by.
        host: String,
    },
    /// TLS with a pre-shared key.
    Psk(PskClient),
}

/// One connection's end of it.
#[allow(clippy::large_enum_variant, reason = "it stands in a box with the other layers, and is mostly the larger one")]
#[derive(Debug)]
pub(crate) enum Secure {
    Tls(EitherTls),
    Psk(Psk),
}

impl Secure {
    /// The server's end of a connection that has just been made.
    pub(crate) fn accept(security: &Security) -> io::Result<Self> {
        match security {
            Security::Tls(server) => ServerTls::accept(server).map(|tls| Self::Tls(EitherTls::Server(tls))),
            Security::Psk(server) => Psk::accept(server).map(Self::Psk),
        }
    }

    /// The client's end of a connection that has just been made, or is being made. An error is that a server's name is none.
    pub(crate) fn connect(security: &ClientSecurity) -> io::Result<Self> {
        match security {
            ClientSecurity::Tls { client, host } => {
                ClientTls::connect(client, server_name(host)?).map(|tls| Self::Tls(EitherTls::Client(tls)))
            }
            ClientSecurity::Psk(client) => Psk::connect(client).map(Self::Psk),
        }
    }

    /// Whether the handshake is done, which a client brings on here; a server's comes on with each read.
    pub(crate) fn open(&mut self, socket: &mut Socket) -> io::Result<bool> {
        match self {
            Self::Tls(tls) => tls.open(socket),
            Self::Psk(psk) => psk.handshake(socket),
        }
    }

    pub(crate) fn secured(&self) -> Option<Secured> {
        match self {
            Self::Tls(tls) => tls.secured(),
            Self::Psk(psk) => psk.secured(),
        }
    }

    /// Bytes that this end holds for a peer that has still to send or to take something.
    pub(crate) fn held(&self) -> usize {
        match self {
            Self::Tls(tls) => tls.held(),
            Self::Psk(psk) => psk.held(),
        }
    }

    pub(crate) fn has_unread(&self) -> bool {
        match self {
            Self::Tls(tls) => tls.has_unread(),
            Self::Psk(psk) => psk.has_unread(),
        }
    }

    pub(crate) fn has_unsent(&self) -> bool {
        match self {
            Self::Tls(tls) => tls.has_unsent(),
            Self::Psk(psk) => psk.has_unsent(),
        }
    }

    pub(crate) fn read(&mut self, socket: &mut Socket, buffer: &mut [u8]) -> io::Result<Read> {
        match self {
            Self::Tls(tls) => tls.read(socket, buffer),
            Self::Psk(psk) => psk.read(socket, buffer),
        }
    }

    pub(crate) fn write(&mut self, socket: &mut Socket, slices: &[IoSlice<'_>]) -> io::Result<Written> {
        match self {
            Self::Tls(tls) => tls.write(socket, slices),
            Self::Psk(psk) => psk.write(socket, slices),
        }
    }

    pub(crate) fn flush(&mut self, socket: &mut Socket) -> io::Result<()> {
        match self {
            Self::Tls(tls) => tls.flush(socket),
            Self::Psk(psk) => psk.flush(socket),
        }
    }

    pub(crate) fn finish(&mut self, socket: &mut Socket) {
        match self {
            Self::Tls(tls) => tls.finish(socket),
            Self::Psk(psk) => psk.finish(socket),
        }
    }
}
