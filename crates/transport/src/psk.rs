//! TLS with pre-shared keys over a socket, either end, by way of OpenSSL.

use crate::socket::Socket;
use crate::tls::{KeyLogFile, Secured, TlsFailure};
use crate::{Read, Written};
use mosquitto_tls_psk::{Connection, Failure, Got, KeyLines, PIECE_BYTES, PskClient, PskServer};
use std::cell::RefCell;
use std::io::{self, IoSlice};

/// Bytes encrypted at once, so that there is never much that the socket has not taken.
const WRITE_BYTES: usize = 64 * 1024;

/// Reads in a row that bring nothing but what TLS itself needs, before others get their turn.
const EMPTY_READS_MAX: usize = 4;

thread_local! {
    /// What is read, encrypted, or is to be encrypted: for all connections of a thread.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Bytes that OpenSSL allocates for a connection, as measured.
const HELD_BY_OPENSSL: usize = 15 * 1024;

/// One connection.
#[derive(Debug)]
pub(crate) struct Psk {
    connection: Connection,
    /// Whether OpenSSL may have bytes that were not asked for yet.
    unread: bool,
    /// Records that the socket has not taken, from `outgoing_sent` on.
    outgoing: Vec<u8>,
    outgoing_sent: usize,
    /// Whether the peer has said that it sends nothing more.
    peer_closed: bool,
    /// Whether something was wrong.
    broken: bool,
}

impl Psk {
    /// The server's end of a connection that has just been made.
    pub(crate) fn accept(server: &PskServer) -> io::Result<Self> {
        Ok(Self::new(Connection::accept(server).ok_or(io::ErrorKind::OutOfMemory)?))
    }

    /// The client's end of a connection that has just been made.
    pub(crate) fn connect(client: &PskClient) -> io::Result<Self> {
        Ok(Self::new(Connection::connect(client).ok_or(io::ErrorKind::OutOfMemory)?))
    }

    fn new(connection: Connection) -> Self {
        let (outgoing, unread, peer_closed, broken) = (Vec::new(), false, false, false);
        Self { connection, unread, outgoing, outgoing_sent: 0, peer_closed, broken }
    }

    /// Brings a client's handshake on. True when it is done; otherwise an event of reading will tell of more to be done, or one
    /// of writing, where there is something [`unsent`](Self::has_unsent). A connection that ends meanwhile is a failure of TLS.
    pub(crate) fn handshake(&mut self, socket: &mut Socket) -> io::Result<bool> {
        while self.connection.secured().is_none() {
            let outcome = self.connection.handshake();
            self.connection.take_output(&mut self.outgoing);
            // Also what tells the peer what was wrong.
            let flushed = self.flush(socket);
            if outcome.map_err(|failure| self.fail(failure))? {
                // What came together with its end.
                self.unread = true;
                break;
            }
            match flushed.and_then(|()| self.receive(socket)) {
                Ok(Read::Drained(0)) => return Ok(false),
                Ok(Read::Some(_) | Read::Drained(_)) => {}
                Ok(_) => return Err(TlsFailure::ended(None).into()),
                // Servers that do not speak TLS end the connection in one way or the other.
                Err(error) => return Err(TlsFailure::ended(Some(error)).into()),
            }
        }
        Ok(true)
    }

    fn fail(&mut self, failure: Failure) -> io::Error {
        self.broken = true;
        failed(failure)
    }

    /// What the handshake came to; none before it is done.
    pub(crate) fn secured(&self) -> Option<Secured> {
        let mosquitto_tls_psk::Secured { protocol, cipher, identity } = self.connection.secured()?;
        Some(Secured { protocol, cipher, certificate: None, identity: Some(identity) })
    }

    /// Bytes that this end holds; of what OpenSSL has, what it needs for a connection.
    pub(crate) fn held(&self) -> usize {
        HELD_BY_OPENSSL + self.outgoing.len()
    }

    /// Also the end, which nothing else tells of when the socket has no more.
    pub(crate) fn has_unread(&self) -> bool {
        self.unread || self.peer_closed
    }

    pub(crate) fn has_unsent(&self) -> bool {
        self.outgoing_sent < self.outgoing.len()
    }

    /// As [`Stream::read`](crate::Stream::read), but that it may be no bytes that came although there may be more.
    pub(crate) fn read(&mut self, socket: &mut Socket, buffer: &mut [u8]) -> io::Result<Read> {
        let mut drained = false;
        for _ in 0..EMPTY_READS_MAX {
            if self.broken {
                return Ok(Read::End);
            }
            // First what was received before: so OpenSSL never holds more than a piece.
            let outcome = self.decrypt(buffer);
            // Also what tells the peer what was wrong.
            let flushed = self.flush(socket);
            let filled = outcome?;
            flushed?;
            match filled {
                0 if self.peer_closed => return Ok(Read::End),
                0 if drained => return Ok(Read::Drained(0)),
                0 => {}
                // The end of what the peer sends is told by the next read: nothing else may tell of it.
                _ if drained && !self.unread && !self.peer_closed => return Ok(Read::Drained(filled)),
                _ => return Ok(Read::Some(filled)),
            }
            drained = match self.receive(socket)? {
                Read::Some(_) => false,
                Read::Drained(_) => true,
                end => return Ok(end),
            };
        }
        // What has come of the last piece is asked for next time.
        self.unread = true;
        Ok(Read::Some(0))
    }

    /// Gives OpenSSL a piece of what there is to read.
    fn receive(&mut self, socket: &mut Socket) -> io::Result<Read> {
        BUFFER.with_borrow_mut(|piece| {
            piece.resize(WRITE_BYTES, 0);
            let read = socket.read(piece.get_mut(..PIECE_BYTES).unwrap_or_default())?;
            let (Read::Some(len) | Read::Drained(len)) = read else { return Ok(read) };
            if len > 0 && self.connection.receive(piece.get(..len).unwrap_or_default()) < len {
                self.broken = true;
                return Err(io::ErrorKind::OutOfMemory.into());
            }
            Ok(read)
        })
    }

    /// Decrypts as much as there is room for.
    fn decrypt(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        self.unread = true;
        while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
            match self.connection.read(room) {
                Ok(Got::Bytes(len)) => filled += len,
                Ok(Got::Nothing) => {
                    self.unread = false;
                    break;
                }
                Ok(Got::Closed) => {
                    (self.unread, self.peer_closed) = (false, true);
                    break;
                }
                Err(failure) => {
                    (self.unread, self.broken) = (false, true);
                    self.connection.take_output(&mut self.outgoing);
                    return Err(failed(failure));
                }
            }
        }
        self.connection.take_output(&mut self.outgoing);
        Ok(filled)
    }

    /// As [`Stream::write`](crate::Stream::write). What was encrypted counts as written.
    pub(crate) fn write(&mut self, socket: &mut Socket, slices: &[IoSlice<'_>]) -> io::Result<Written> {
        self.flush(socket)?;
        if self.has_unsent() {
            return Ok(Written::Blocked(0));
        }
        if self.broken {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let len = BUFFER.with_borrow_mut(|plain| {
            plain.clear();
            for slice in slices {
                let room = WRITE_BYTES - plain.len();
                plain.extend_from_slice(slice.get(..room).unwrap_or(slice));
            }
            self.encrypt(plain)
        })?;
        self.flush(socket)?;
        Ok(if self.has_unsent() { Written::Blocked(len) } else { Written::Some(len) })
    }

    fn encrypt(&mut self, mut plain: &[u8]) -> io::Result<usize> {
        let mut written = 0;
        while !plain.is_empty() {
            match self.connection.write(plain) {
                Ok(0) => return Err(io::ErrorKind::NotConnected.into()),
                Ok(len) => {
                    written += len;
                    plain = plain.get(len..).unwrap_or_default();
                }
                Err(failure) => {
                    self.broken = true;
                    return Err(failed(failure));
                }
            }
            // Record by record: OpenSSL keeps the room that it has once needed.
            self.connection.take_output(&mut self.outgoing);
        }
        Ok(written)
    }

    /// Writes what the socket has not taken yet.
    pub(crate) fn flush(&mut self, socket: &mut Socket) -> io::Result<()> {
        socket.write_rest(&mut self.outgoing, &mut self.outgoing_sent)
    }

    /// Tells the peer that nothing more comes, if the socket takes that at once.
    pub(crate) fn finish(&mut self, socket: &mut Socket) {
        self.connection.close();
        self.connection.take_output(&mut self.outgoing);
        // Who is not told sees the end of the connection all the same.
        let _ = self.flush(socket);
    }
}

fn failed(failure: Failure) -> io::Error {
    TlsFailure::of_psk(failure).into()
}

impl KeyLines for KeyLogFile {
    fn line(&self, line: &str) {
        self.append(&format!("{line}\n"));
    }
}
