//! One connection.
#![allow(unsafe_code, reason = "OpenSSL's connections are there in C only")]

use crate::callbacks::{Attached, End, Said};
use crate::context::{Context, PskClient, PskServer};
use crate::failure::Failure;
use crate::ffi::{APP_DATA, BIO, ERROR_WANT_READ, ERROR_ZERO_RETURN, SSL};
use crate::library::{OpenSsl, constant};
use std::ffi::{CStr, c_int};
use std::fmt;
use std::ptr::NonNull;
use std::sync::{Arc, OnceLock};

/// Bytes that are taken at once, in each direction: a record of TLS holds no more.
pub const PIECE_BYTES: usize = 16 * 1024;

/// The type of a record of the handshake, and of an alert (RFC 5246, 6.2.1): with one of them a connection begins.
const FIRST_TYPES: [u8; 2] = [22, 21];

/// One end of a connection. It is to be dropped after a failure, when its last output has been taken.
///
/// What it holds besides the keys is bounded: what was received and is not read yet, if that is asked for first, is a piece;
/// what is to be sent is what was asked to be sent since it was taken.
pub struct Connection {
    library: &'static OpenSsl,
    ssl: NonNull<SSL>,
    /// What has come. It belongs to the SSL.
    input: NonNull<BIO>,
    /// What is to go. It belongs to the SSL.
    output: NonNull<BIO>,
    /// What the callbacks see. Freed after the SSL.
    attached: Arc<Attached>,
    /// The first byte that came.
    first: Option<u8>,
    failed: bool,
    /// Whether the handshake is done, and was one with a key that is known.
    proven: bool,
    /// So that the context's settings live as long as the connection.
    _context: Arc<Context>,
}

// SAFETY: an SSL, with its BIOs, may be used by one thread after another, and nobody else has a pointer to it.
unsafe impl Send for Connection {}

impl fmt::Debug for Connection {
    /// Without what it holds: there are keys in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection")
    }
}

/// What came of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Got {
    /// So many bytes, and there may be more.
    Bytes(usize),
    /// Nothing, before more is received.
    Nothing,
    /// The peer has said that it sends nothing more.
    Closed,
}

/// What a handshake came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secured {
    /// As OpenSSL calls it: `TLSv1.2`.
    pub protocol: &'static str,
    /// As OpenSSL calls it: `DHE-PSK-AES256-GCM-SHA384`.
    pub cipher: &'static str,
    /// The client's identity.
    pub identity: String,
}

impl Connection {
    /// The server's end of a new connection. None where OpenSSL has no memory for it.
    pub fn accept(server: &PskServer) -> Option<Self> {
        let end = End::Server { keys: Arc::clone(&server.keys), said: OnceLock::new() };
        let connection = Self::new(&server.context, Attached { end, key_log: server.key_log.clone() })?;
        // SAFETY: the SSL was just made.
        unsafe { (connection.library.functions.SSL_set_accept_state)(connection.ssl.as_ptr()) };
        Some(connection)
    }

    /// A client's end of a new connection. None where OpenSSL has no memory for it.
    pub fn connect(client: &PskClient) -> Option<Self> {
        let end = End::Client { identity: client.identity.clone(), key: client.key.clone() };
        let connection = Self::new(&client.context, Attached { end, key_log: client.key_log.clone() })?;
        // SAFETY: the SSL was just made.
        unsafe { (connection.library.functions.SSL_set_connect_state)(connection.ssl.as_ptr()) };
        Some(connection)
    }

    fn new(context: &Arc<Context>, attached: Attached) -> Option<Self> {
        let library = context.library;
        let functions = &library.functions;
        let buffer = || {
            // SAFETY: it takes nothing, and what comes back is a constant.
            let method = unsafe { (functions.BIO_s_mem)() };
            // SAFETY: the method is that of a BIO in memory.
            NonNull::new(unsafe { (functions.BIO_new)(method) })
        };
        let input = buffer()?;
        let output = buffer();
        // SAFETY: the context is valid; the SSL holds a reference of its own to it.
        let ssl = NonNull::new(unsafe { (functions.SSL_new)(context.pointer.as_ptr()) });
        let (Some(output), Some(ssl)) = (output, ssl) else {
            for bio in [Some(input), output].into_iter().flatten() {
                // SAFETY: nobody else has it.
                unsafe { (functions.BIO_free)(bio.as_ptr()) };
            }
            if let Some(ssl) = ssl {
                // SAFETY: likewise.
                unsafe { (functions.SSL_free)(ssl.as_ptr()) };
            }
            return None;
        };
        // SAFETY: all three are valid; from now on the BIOs are the SSL's, and freed with it.
        unsafe { (functions.SSL_set_bio)(ssl.as_ptr(), input.as_ptr(), output.as_ptr()) };
        let attached = Arc::new(attached);
        let (first, failed, proven, context) = (None, false, false, Arc::clone(context));
        let connection = Self { library, ssl, input, output, attached, first, failed, proven, _context: context };
        let pointer = Arc::as_ptr(&connection.attached).cast_mut().cast();
        // SAFETY: what is attached lives as long as `connection`, which frees the SSL first, and is only read.
        let done = unsafe { (functions.SSL_set_ex_data)(ssl.as_ptr(), APP_DATA, pointer) };
        (done == 1).then_some(connection)
    }

    /// Takes the beginning of what came from the network, a piece at most, and returns how much. To be followed by
    /// [`read`](Self::read) until that is [`Got::Nothing`].
    pub fn receive(&mut self, bytes: &[u8]) -> usize {
        let len = bytes.len().min(PIECE_BYTES);
        self.first = self.first.or(bytes.first().copied());
        // SAFETY: there are `len` bytes, which are copied.
        let taken =
            unsafe { (self.library.functions.BIO_write)(self.input.as_ptr(), bytes.as_ptr().cast(), number(len)) };
        usize::try_from(taken).unwrap_or(0)
    }

    /// Brings the handshake on, and decrypts into `room`, which must not be empty.
    pub fn read(&mut self, room: &mut [u8]) -> Result<Got, Failure> {
        let len = number(room.len());
        self.begin()?;
        // SAFETY: there is room for `len` bytes.
        let read = unsafe { (self.library.functions.SSL_read)(self.ssl.as_ptr(), room.as_mut_ptr().cast(), len) };
        self.prove()?;
        match usize::try_from(read) {
            Ok(read @ 1..) => Ok(Got::Bytes(read)),
            _ => match self.error(read) {
                ERROR_WANT_READ => Ok(Got::Nothing),
                ERROR_ZERO_RETURN => Ok(Got::Closed),
                _ => Err(self.fail()),
            },
        }
    }

    /// Brings the handshake on, without reading what may come behind it. True when it is done.
    pub fn handshake(&mut self) -> Result<bool, Failure> {
        self.begin()?;
        // SAFETY: the SSL is valid.
        let done = unsafe { (self.library.functions.SSL_do_handshake)(self.ssl.as_ptr()) };
        self.prove()?;
        match done {
            1 => Ok(self.proven),
            _ if self.error(done) == ERROR_WANT_READ => Ok(false),
            _ => Err(self.fail()),
        }
    }

    /// Looks whether a handshake that is done has proved what it is to prove.
    fn prove(&mut self) -> Result<(), Failure> {
        if !self.proven && self.is_secured() {
            // No other handshake is offered. Should there have been one nevertheless, it leads nowhere.
            self.proven = self.has_key();
            if !self.proven {
                return Err(self.fail());
            }
        }
        Ok(())
    }

    /// Encrypts the beginning of these bytes, a piece at most, and returns how many: none before the handshake is done.
    pub fn write(&mut self, bytes: &[u8]) -> Result<usize, Failure> {
        if bytes.is_empty() || !self.proven {
            return Ok(0);
        }
        let len = bytes.len().min(PIECE_BYTES);
        self.begin()?;
        // SAFETY: there are `len` bytes.
        let written =
            unsafe { (self.library.functions.SSL_write)(self.ssl.as_ptr(), bytes.as_ptr().cast(), number(len)) };
        match usize::try_from(written) {
            Ok(written @ 1..) => Ok(written),
            _ if self.error(written) == ERROR_WANT_READ => Ok(0),
            _ => Err(self.fail()),
        }
    }

    /// Puts all that is to be sent behind `output`.
    pub fn take_output(&mut self, output: &mut Vec<u8>) {
        let functions = &self.library.functions;
        // SAFETY: the BIO is the SSL's, and lives as long as that.
        let len = unsafe { (functions.BIO_ctrl_pending)(self.output.as_ptr()) };
        if len == 0 {
            return;
        }
        let before = output.len();
        output.resize(before + len, 0);
        let room = output.get_mut(before..).unwrap_or_default();
        let len = number(room.len());
        // SAFETY: there is room for `len` bytes.
        let read = unsafe { (functions.BIO_read)(self.output.as_ptr(), room.as_mut_ptr().cast(), len) };
        output.truncate(before + usize::try_from(read).unwrap_or(0));
    }

    /// Tells the peer that nothing more will be sent (`close_notify`), if the handshake is done.
    pub fn close(&mut self) {
        if self.is_secured() && self.begin().is_ok() {
            // SAFETY: the SSL is valid, and has not failed. Whether the peer has closed its half does not matter.
            unsafe { (self.library.functions.SSL_shutdown)(self.ssl.as_ptr()) };
        }
    }

    /// What the handshake came to; none before it is done.
    pub fn secured(&self) -> Option<Secured> {
        if !self.proven || self.failed {
            return None;
        }
        let functions = &self.library.functions;
        // SAFETY: the SSL is valid; the name is a constant.
        let protocol = unsafe { (functions.SSL_get_version)(self.ssl.as_ptr()) };
        // SAFETY: the SSL is valid; ciphers are constants.
        let cipher = unsafe { (functions.SSL_get_current_cipher)(self.ssl.as_ptr()) };
        // SAFETY: null has a name as well.
        let cipher = unsafe { (functions.SSL_CIPHER_get_name)(cipher) };
        // SAFETY: OpenSSL's own names of versions are constants.
        let protocol = unsafe { constant(protocol) }?;
        // SAFETY: and so are those of ciphers.
        let cipher = unsafe { constant(cipher) }?;
        Some(Secured { protocol, cipher, identity: self.identity()? })
    }

    /// The identity that the key was asked for; none where it is no text.
    fn identity(&self) -> Option<String> {
        // SAFETY: the SSL is valid.
        let identity = unsafe { (self.library.functions.SSL_get_psk_identity)(self.ssl.as_ptr()) };
        if identity.is_null() {
            return None;
        }
        // SAFETY: it ends with NUL, belongs to the session of the SSL, and is copied before anything else happens to that.
        unsafe { CStr::from_ptr(identity) }.to_str().ok().map(str::to_owned)
    }

    fn is_secured(&self) -> bool {
        // SAFETY: the SSL is valid.
        !self.failed && unsafe { (self.library.functions.SSL_is_init_finished)(self.ssl.as_ptr()) } == 1
    }

    /// Whether the other end has the key of an identity that is known, given that the handshake is done.
    fn has_key(&self) -> bool {
        let is_known = match &self.attached.end {
            End::Server { .. } => self.said().is_some_and(|said| said.is_known),
            End::Client { .. } => true,
        };
        is_known && self.identity().is_some()
    }

    fn said(&self) -> Option<&Said> {
        match &self.attached.end {
            End::Server { said, .. } => said.get(),
            End::Client { .. } => None,
        }
    }

    /// Before OpenSSL is asked for something that may fail: errors of others are not this connection's.
    fn begin(&self) -> Result<(), Failure> {
        if self.failed {
            return Err(self.failure());
        }
        // SAFETY: it takes nothing, and the list is this thread's own.
        unsafe { (self.library.functions.ERR_clear_error)() };
        Ok(())
    }

    fn error(&self, returned: c_int) -> c_int {
        // SAFETY: `returned` is what the last call for this SSL returned, on this thread.
        unsafe { (self.library.functions.SSL_get_error)(self.ssl.as_ptr(), returned) }
    }

    fn fail(&mut self) -> Failure {
        self.failed = true;
        self.failure()
    }

    fn failure(&self) -> Failure {
        let said = self.said();
        Failure {
            identity: said.map(|said| said.identity.clone()),
            is_unknown: said.is_some_and(|said| !said.is_known),
            is_not_tls: self.first.is_some_and(|first| !FIRST_TYPES.contains(&first)),
            ..Failure::new(self.library)
        }
    }
}

/// As C has it. What is longer than that is longer than any piece.
fn number(len: usize) -> c_int {
    c_int::try_from(len).unwrap_or(c_int::MAX)
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: it was made here, and is freed once, with its BIOs.
        unsafe { (self.library.functions.SSL_free)(self.ssl.as_ptr()) };
    }
}
