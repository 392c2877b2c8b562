//! TLS over a socket: either end.
//!
//! All of rustls is spoken to in this module. A connection is driven through the interface of rustls that owns no buffers:
//! what is read and what is encrypted passes through buffers that a thread has for all of its connections, and a connection
//! that is idle keeps none.

mod certificate;
mod ciphers;
mod client;
mod client_certificates;
mod either;
mod failure;
mod files;
mod host_name;
mod key_log;
mod private_key;
mod server;
mod server_certificates;
mod signature;

pub use certificate::CertificateNames;
pub(crate) use client::server_name;
pub use client::{TlsClient, TlsClientOptions, TlsVerification};
pub(crate) use either::Tls as EitherTls;
pub use failure::TlsFailure;
pub use key_log::KeyLogFile;
pub use private_key::{KeyError, KeyFile, PASSPHRASE_BYTES_MAX, Passphrase, PrivateKey};
pub use server::{TlsOptions, TlsServer, TlsSetupError, TlsVersion};

use crate::socket::Socket;
use crate::{Read, Written};
use rustls::Error;
use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::pki_types::ServerName;
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncryptError, UnbufferedConnectionCommon, UnbufferedStatus, WriteTraffic,
};
use std::cell::RefCell;
use std::fmt;
use std::io::{self, IoSlice};
use std::ops::DerefMut;

/// Bytes read from a socket at once. A TLS record is shorter than 17 KiB.
const READ_BYTES: usize = 64 * 1024;

/// Bytes encrypted at once, so that there is never much that the socket has not taken.
const WRITE_BYTES: usize = 64 * 1024;

/// Bytes of records and messages of the handshake that are not whole yet. The longest message that rustls takes has 64 KiB.
const INCOMING_MAX: usize = 96 * 1024;

/// Room that is enough for the records of `WRITE_BYTES`, each with its header, nonce and tag.
const ENCRYPTED_BYTES: usize = WRITE_BYTES + 2048;

/// Reads in a row that bring nothing but what TLS itself needs, before others get their turn.
const EMPTY_READS_MAX: usize = 4;

thread_local! {
    static BUFFERS: RefCell<Buffers> = const { RefCell::new(Buffers::NONE) };
}

/// What the connections of a thread share.
struct Buffers {
    /// What is read, encrypted.
    incoming: Vec<u8>,
    /// What is to be encrypted, where it stands in several places.
    plain: Vec<u8>,
    /// What was encrypted, on its way to the socket.
    encrypted: Vec<u8>,
}

impl Buffers {
    /// They get their sizes when they are used first.
    const NONE: Self = Self { incoming: Vec::new(), plain: Vec::new(), encrypted: Vec::new() };
}

/// What a handshake came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secured {
    /// As OpenSSL calls it: `TLSv1.3`.
    pub protocol: &'static str,
    /// As OpenSSL calls it: `TLS_AES_256_GCM_SHA384`, or `ECDHE-RSA-AES256-GCM-SHA384`.
    pub cipher: &'static str,
    /// What the peer's certificate says about it; none: it has shown none.
    pub certificate: Option<CertificateNames>,
    /// The identity of a client that has shown that it has its key.
    pub identity: Option<String>,
}

/// The end of a connection that this is, as rustls has it.
pub(crate) trait End: DerefMut<Target = UnbufferedConnectionCommon<Self::Data>> {
    type Data;

    /// Handles what has come, up to the first thing to be done about it.
    fn process<'c, 'i>(&'c mut self, input: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data>;
}

impl End for UnbufferedServerConnection {
    type Data = ServerConnectionData;

    fn process<'c, 'i>(&'c mut self, input: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(input)
    }
}

impl End for UnbufferedClientConnection {
    type Data = ClientConnectionData;

    fn process<'c, 'i>(&'c mut self, input: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(input)
    }
}

/// The server's end of a connection.
pub(crate) type ServerTls = Tls<UnbufferedServerConnection>;

/// The client's end of a connection.
pub(crate) type ClientTls = Tls<UnbufferedClientConnection>;

/// One connection.
pub(crate) struct Tls<E> {
    connection: E,
    /// The beginning of a record, or of a message of the handshake, that has not come as a whole yet.
    incoming: Vec<u8>,
    /// What was decrypted and did not fit into the reader's buffer, from `plain_read` on.
    plain: Vec<u8>,
    plain_read: usize,
    /// Records that the socket has not taken, from `outgoing_sent` on.
    outgoing: Vec<u8>,
    outgoing_sent: usize,
    /// Whether the peer has said that it sends nothing more.
    peer_closed: bool,
    /// Whether something was wrong: rustls is not to be asked any more.
    broken: bool,
}

impl<E> fmt::Debug for Tls<E> {
    /// Without what it holds: there are keys in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

/// Where decrypted bytes go: first into the reader's buffer.
struct Sink<'b> {
    buffer: &'b mut [u8],
    filled: usize,
}

impl Sink<'_> {
    /// What does not fit is put behind `rest`.
    fn take(&mut self, bytes: &[u8], rest: &mut Vec<u8>) {
        let room = self.buffer.get_mut(self.filled..).unwrap_or_default();
        let len = if rest.is_empty() { room.len().min(bytes.len()) } else { 0 };
        let (now, later) = bytes.split_at_checked(len).unwrap_or_default();
        if let Some(room) = room.get_mut(..len) {
            room.copy_from_slice(now);
        }
        self.filled += len;
        rest.extend_from_slice(later);
    }
}

impl ServerTls {
    /// The server's end of a connection that has just been made.
    pub(crate) fn accept(server: &TlsServer) -> io::Result<Self> {
        Ok(Self::new(UnbufferedServerConnection::new(server.config()).map_err(failed)?))
    }
}

impl ClientTls {
    /// The client's end of a connection that has just been made to the server of this name.
    pub(crate) fn connect(client: &TlsClient, name: ServerName<'static>) -> io::Result<Self> {
        Ok(Self::new(UnbufferedClientConnection::new(client.config(), name).map_err(failed)?))
    }

    /// Brings the handshake on, which the client begins. True when it is done; otherwise an event of reading will tell of
    /// more to be done, or one of writing, where there is something [`unsent`](Self::has_unsent). A connection that ends meanwhile
    /// is a failure of TLS.
    pub(crate) fn handshake(&mut self, socket: &mut Socket) -> io::Result<bool> {
        while self.connection.is_handshaking() {
            match self.read(socket, &mut []) {
                Ok(Read::End) => return Err(TlsFailure::ended(None).into()),
                Ok(Read::Drained(_)) if self.connection.is_handshaking() => return Ok(false),
                Ok(_) => {}
                // Servers that do not speak TLS end the connection in one way or the other.
                Err(error) if TlsFailure::of(&error).is_none() => return Err(TlsFailure::ended(Some(error)).into()),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

impl<E: End> Tls<E> {
    fn new(connection: E) -> Self {
        Self {
            connection,
            incoming: Vec::new(),
            plain: Vec::new(),
            plain_read: 0,
            outgoing: Vec::new(),
            outgoing_sent: 0,
            peer_closed: false,
            broken: false,
        }
    }

    /// What the handshake came to; none before it is done.
    pub(crate) fn secured(&self) -> Option<Secured> {
        if self.connection.is_handshaking() {
            return None;
        }
        let suite = self.connection.negotiated_cipher_suite()?;
        let certificate = self.connection.peer_certificates().and_then(<[_]>::first);
        Some(Secured {
            protocol: ciphers::protocol_name(suite),
            cipher: ciphers::openssl_name(suite),
            certificate: certificate.map(|certificate| CertificateNames::of(certificate)),
            identity: None,
        })
    }

    /// Bytes that this end holds for a peer that has still to send or to take something.
    pub(crate) fn held(&self) -> usize {
        self.incoming.len() + self.plain.len() + self.outgoing.len()
    }

    pub(crate) fn has_unread(&self) -> bool {
        self.plain_read < self.plain.len()
    }

    pub(crate) fn has_unsent(&self) -> bool {
        self.outgoing_sent < self.outgoing.len()
    }

    /// As [`Stream::read`](crate::Stream::read), but that it may be no bytes that came although there may be more.
    pub(crate) fn read(&mut self, socket: &mut Socket, buffer: &mut [u8]) -> io::Result<Read> {
        if self.has_unread() {
            return Ok(Read::Some(self.read_plain(buffer)));
        }
        if self.peer_closed || self.broken {
            return Ok(Read::End);
        }
        BUFFERS.with_borrow_mut(|buffers| {
            buffers.incoming.resize(INCOMING_MAX + READ_BYTES, 0);
            for _ in 0..EMPTY_READS_MAX {
                let before = self.incoming.len();
                let Some((head, room)) = buffers.incoming.split_at_mut_checked(before) else { break };
                head.copy_from_slice(&self.incoming);
                let read = socket.read(room.get_mut(..READ_BYTES).unwrap_or_default())?;
                let (Read::Some(len) | Read::Drained(len)) = read else { return Ok(Read::End) };
                let all = buffers.incoming.get_mut(..before + len).unwrap_or_default();
                let mut sink = Sink { buffer: &mut *buffer, filled: 0 };
                let handshaking = self.connection.is_handshaking();
                let outcome = self.process(all, &mut sink);
                // Also what tells the peer what was wrong.
                let flushed = self.flush(socket);
                outcome.and(flushed)?;
                let filled = sink.filled;
                // The end of what the peer sends is told by the next read: nothing else may tell of it.
                if filled > 0 && (self.has_unread() || self.peer_closed || read == Read::Some(len)) {
                    return Ok(Read::Some(filled));
                }
                if filled > 0 || len == 0 {
                    return Ok(Read::Drained(filled));
                }
                if handshaking && !self.connection.is_handshaking() {
                    // What follows is no part of it, also where it is an end.
                    return Ok(Read::Some(0));
                }
                if self.peer_closed {
                    return Ok(Read::End);
                }
            }
            Ok(Read::Some(0))
        })
    }

    fn read_plain(&mut self, buffer: &mut [u8]) -> usize {
        let rest = self.plain.get(self.plain_read..).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..len), rest.get(..len)) {
            to.copy_from_slice(from);
        }
        self.plain_read += len;
        if !self.has_unread() {
            (self.plain, self.plain_read) = (Vec::new(), 0);
        }
        len
    }

    /// Handles all records that are whole, and keeps the rest.
    fn process(&mut self, input: &mut [u8], sink: &mut Sink<'_>) -> io::Result<()> {
        let mut handled = 0;
        let outcome = loop {
            let rest = input.get_mut(handled..).unwrap_or_default();
            let UnbufferedStatus { mut discard, state, .. } = self.connection.process(rest);
            let mut more = true;
            match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(record) = traffic.next_record() {
                        match record {
                            Ok(record) => {
                                sink.take(record.payload, &mut self.plain);
                                discard += record.discard;
                            }
                            Err(error) => return Err(failed(error)),
                        }
                    }
                }
                Ok(ConnectionState::EncodeTlsData(mut data)) => encode(&mut self.outgoing, |room| data.encode(room))?,
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
                Ok(ConnectionState::PeerClosed) => self.peer_closed = true,
                Ok(_) => more = false,
                Err(error) => {
                    handled += discard;
                    self.broken = true;
                    self.tell();
                    break Err(failed(error));
                }
            }
            handled += discard;
            if !more {
                break Ok(());
            }
        };
        let rest = input.get(handled..).unwrap_or_default();
        if outcome.is_ok() && rest.len() > INCOMING_MAX {
            return Err(failed(Error::General("a message of the handshake is too long".to_owned())));
        }
        self.incoming.clear();
        if rest.is_empty() {
            self.incoming = Vec::new();
        } else {
            self.incoming.extend_from_slice(rest);
        }
        outcome
    }

    /// After an error: what the peer is to be told of it. Nothing more is presented, and rustls looks for something only
    /// when it has nothing to send.
    fn tell(&mut self) {
        while self.connection.wants_write() {
            match self.connection.process(&mut []).state {
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    if encode(&mut self.outgoing, |room| data.encode(room)).is_err() {
                        return;
                    }
                }
                _ => return,
            }
        }
    }

    /// As [`Stream::write`](crate::Stream::write). What was encrypted counts as written.
    pub(crate) fn write(&mut self, socket: &mut Socket, slices: &[IoSlice<'_>]) -> io::Result<Written> {
        self.flush(socket)?;
        if self.has_unsent() {
            return Ok(Written::Blocked(0));
        }
        let len = BUFFERS.with_borrow_mut(|Buffers { plain, encrypted, .. }| {
            let plain = gather(slices, plain);
            let records = self.encrypt(plain, encrypted)?;
            self.send(socket, records)?;
            Ok::<_, io::Error>(plain.len())
        })?;
        Ok(if self.has_unsent() { Written::Blocked(len) } else { Written::Some(len) })
    }

    /// The records of what is to be sent, which stand in `room`.
    fn encrypt<'r>(&mut self, plain: &[u8], room: &'r mut Vec<u8>) -> io::Result<&'r [u8]> {
        // Not made small again, nor cleared: what stands there is written over.
        room.resize(room.len().max(ENCRYPTED_BYTES), 0);
        let mut len = 0;
        self.when_writable(|traffic, _| {
            loop {
                match traffic.encrypt(plain, room) {
                    Ok(encrypted) => {
                        len = encrypted;
                        return Ok(());
                    }
                    Err(EncryptError::InsufficientSize(needed)) if needed.required_size > room.len() => {
                        room.resize(needed.required_size, 0);
                    }
                    Err(error) => return Err(failed(Error::General(error.to_string()))),
                }
            }
        })?;
        Ok(room.get(..len).unwrap_or_default())
    }

    /// Writes records, behind those that are to go before them, and keeps what the socket does not take.
    fn send(&mut self, socket: &mut Socket, records: &[u8]) -> io::Result<()> {
        self.flush(socket)?;
        let mut rest = records;
        while !rest.is_empty() && !self.has_unsent() {
            match socket.write(&[IoSlice::new(rest)])? {
                Written::Some(len) => rest = rest.get(len..).unwrap_or_default(),
                Written::Blocked(len) => {
                    rest = rest.get(len..).unwrap_or_default();
                    break;
                }
            }
        }
        self.outgoing.extend_from_slice(rest);
        Ok(())
    }

    /// Brings the connection to where application data may be sent.
    fn when_writable(
        &mut self,
        then: impl FnOnce(&mut WriteTraffic<'_, E::Data>, &mut Vec<u8>) -> io::Result<()>,
    ) -> io::Result<()> {
        if self.broken {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        // All records that are whole were handled when they came, so nothing is consumed here.
        loop {
            let state = self.connection.process(&mut self.incoming).state;
            self.broken = state.is_err();
            match state.map_err(failed)? {
                ConnectionState::EncodeTlsData(mut data) => encode(&mut self.outgoing, |room| data.encode(room))?,
                ConnectionState::TransmitTlsData(data) => data.done(),
                ConnectionState::WriteTraffic(mut traffic) => return then(&mut traffic, &mut self.outgoing),
                ConnectionState::PeerClosed => self.peer_closed = true,
                _ => return Err(io::ErrorKind::NotConnected.into()),
            }
        }
    }

    /// Writes what the socket has not taken yet.
    pub(crate) fn flush(&mut self, socket: &mut Socket) -> io::Result<()> {
        socket.write_rest(&mut self.outgoing, &mut self.outgoing_sent)
    }

    /// Tells the peer that nothing more comes, if the socket takes that at once.
    pub(crate) fn finish(&mut self, socket: &mut Socket) {
        let queued = self.when_writable(|traffic, outgoing| {
            let before = outgoing.len();
            outgoing.resize(before + 256, 0);
            let len = traffic.queue_close_notify(outgoing.get_mut(before..).unwrap_or_default()).unwrap_or(0);
            outgoing.truncate(before + len);
            Ok(())
        });
        // Who is not told sees the end of the connection all the same.
        let _ = queued.and_then(|()| self.flush(socket));
    }
}

/// What stands in the slices, as much of it as is encrypted at once; in `room`, if it stands in several.
fn gather<'p>(slices: &'p [IoSlice<'_>], room: &'p mut Vec<u8>) -> &'p [u8] {
    if let [only] = slices {
        return only.get(..WRITE_BYTES).unwrap_or(only);
    }
    room.clear();
    for slice in slices {
        let free = WRITE_BYTES - room.len();
        room.extend_from_slice(slice.get(..free).unwrap_or(slice));
    }
    room
}

/// Puts a record behind what is to be sent.
fn encode(outgoing: &mut Vec<u8>, mut write: impl FnMut(&mut [u8]) -> Result<usize, EncodeError>) -> io::Result<()> {
    let before = outgoing.len();
    // The first attempt only asks how long it is.
    let needed = match write(&mut []) {
        Err(EncodeError::InsufficientSize(needed)) => needed.required_size,
        Ok(_) => return Ok(()),
        Err(error) => return Err(failed(Error::General(error.to_string()))),
    };
    outgoing.resize(before + needed, 0);
    match write(outgoing.get_mut(before..).unwrap_or_default()) {
        Ok(len) => {
            outgoing.truncate(before + len);
            Ok(())
        }
        Err(error) => Err(failed(Error::General(error.to_string()))),
    }
}

fn failed(error: Error) -> io::Error {
    TlsFailure::new(error).into()
}

#[cfg(test)]
mod tests;
