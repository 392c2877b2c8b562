//! What OpenSSL asks for in the middle of a handshake.
#![allow(unsafe_code, reason = "OpenSSL calls functions in C's manner")]

use crate::ffi::{APP_DATA, SSL};
use crate::library::OpenSsl;
use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::fmt;
use std::sync::Arc;
use std::sync::OnceLock;

/// Bytes of the key that stands for that of an identity that is not known.
const DECOY_BYTES: u8 = 32;

/// Characters of an identity that are kept for who wants to know about a failure.
const IDENTITY_CHARS_MAX: usize = 128;

/// The keys of a server.
pub trait Keys: Send + Sync {
    /// The key of this identity, if it is known. The identity is what a client says, and holds no NUL.
    fn key(&self, identity: &[u8]) -> Option<&[u8]>;
}

/// Where a connection's secrets are written down.
pub trait KeyLines: Send + Sync {
    /// A line in the format of NSS (`SSLKEYLOGFILE`), without its end.
    fn line(&self, line: &str);
}

/// What the callbacks of a connection need. It is attached to the SSL.
pub(crate) struct Attached {
    pub(crate) end: End,
    pub(crate) key_log: Option<Arc<dyn KeyLines>>,
}

/// Which end of the connection it is.
pub(crate) enum End {
    Server {
        keys: Arc<dyn Keys>,
        /// What the client gave for its identity, once it has.
        said: OnceLock<Said>,
    },
    Client {
        identity: CString,
        key: Box<[u8]>,
    },
}

/// What a client said about itself.
pub(crate) struct Said {
    /// As a log can show it.
    pub(crate) identity: String,
    pub(crate) is_known: bool,
}

impl fmt::Debug for Attached {
    /// Without the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Attached")
    }
}

/// What is attached to this SSL.
///
/// # Safety
///
/// `ssl` must be the SSL of a [`Connection`](crate::Connection), which keeps what it has attached for as long as that.
unsafe fn attached<'c>(library: &OpenSsl, ssl: *const SSL) -> Option<&'c Attached> {
    // SAFETY: OpenSSL hands its own SSL to the callback.
    let pointer: *const c_void = unsafe { (library.functions.SSL_get_ex_data)(ssl, APP_DATA) };
    // SAFETY: it is null, or what `Connection::new` has attached, which is only ever read, and lives longer than the SSL.
    unsafe { pointer.cast::<Attached>().as_ref() }
}

/// `SSL_psk_server_cb_func`: the key of an identity. An identity that is not known gets a key that nobody has, so that it is
/// refused where a wrong key is, and with the same alert (RFC 4279, 2: "decrypt_error" instead of "unknown_psk_identity").
pub(crate) unsafe extern "C" fn server_key(
    ssl: *mut SSL,
    identity: *const c_char,
    room: *mut u8,
    room_bytes: c_uint,
) -> c_uint {
    let Some(library) = OpenSsl::loaded() else { return 0 };
    // SAFETY: OpenSSL calls this for the SSLs of our own contexts only.
    let Some(Attached { end: End::Server { keys, said }, .. }) = (unsafe { attached(library, ssl) }) else { return 0 };
    if identity.is_null() || room.is_null() {
        return 0;
    }
    // SAFETY: an identity is a string that ends with NUL, and lives for as long as the call.
    let identity = unsafe { CStr::from_ptr(identity) }.to_bytes();
    let key = keys.key(identity).filter(|key| !key.is_empty() && key.len() <= room_bytes as usize);
    let shown = String::from_utf8_lossy(identity).chars().take(IDENTITY_CHARS_MAX).collect::<String>();
    let identity = shown.replace(char::is_control, "?");
    // A second handshake on the same connection is not allowed, so this is the first time.
    if said.set(Said { identity, is_known: key.is_some() }).is_err() {
        return 0;
    }
    let mut decoy = [0; DECOY_BYTES as usize];
    let key = if let Some(key) = key {
        key
    } else {
        // SAFETY: there is room for as many bytes.
        let random = unsafe { (library.functions.RAND_bytes)(decoy.as_mut_ptr(), c_int::from(DECOY_BYTES)) };
        if random != 1 || decoy.len() > room_bytes as usize {
            return 0;
        }
        &decoy
    };
    // SAFETY: the key has at most `room_bytes` bytes, for which OpenSSL has room; the two are apart.
    unsafe { std::ptr::copy_nonoverlapping(key.as_ptr(), room, key.len()) };
    key.len() as c_uint
}

/// `SSL_psk_client_cb_func`: identity and key, whatever the server's hint.
pub(crate) unsafe extern "C" fn client_key(
    ssl: *mut SSL,
    _hint: *const c_char,
    identity_room: *mut c_char,
    identity_room_bytes: c_uint,
    room: *mut u8,
    room_bytes: c_uint,
) -> c_uint {
    let Some(library) = OpenSsl::loaded() else { return 0 };
    // SAFETY: OpenSSL calls this for the SSLs of our own contexts only.
    let Some(Attached { end: End::Client { identity, key }, .. }) = (unsafe { attached(library, ssl) }) else {
        return 0;
    };
    let identity = identity.as_bytes_with_nul();
    let fits = identity.len() <= identity_room_bytes as usize && key.len() <= room_bytes as usize;
    if !fits || identity_room.is_null() || room.is_null() {
        return 0;
    }
    // SAFETY: it fits, with its NUL, into the room that OpenSSL has for it.
    unsafe { std::ptr::copy_nonoverlapping(identity.as_ptr(), identity_room.cast(), identity.len()) };
    // SAFETY: it fits, too.
    unsafe { std::ptr::copy_nonoverlapping(key.as_ptr(), room, key.len()) };
    key.len() as c_uint
}

/// `SSL_CTX_keylog_cb_func`.
pub(crate) unsafe extern "C" fn log_keys(ssl: *const SSL, line: *const c_char) {
    let Some(library) = OpenSsl::loaded() else { return };
    // SAFETY: OpenSSL calls this for the SSLs of our own contexts only.
    let Some(Attached { key_log: Some(log), .. }) = (unsafe { attached(library, ssl) }) else { return };
    if line.is_null() {
        return;
    }
    // SAFETY: the line is a string that ends with NUL, and lives for as long as the call.
    if let Ok(line) = unsafe { CStr::from_ptr(line) }.to_str() {
        log.line(line);
    }
}
