//! What the connections of one listener, or of one client, share.
#![allow(unsafe_code, reason = "OpenSSL's contexts are there in C only")]

use crate::callbacks::{KeyLines, Keys, client_key, log_keys, server_key};
use crate::failure::errors;
use crate::ffi::{
    CONF_CLIENT, CONF_FILE, CONF_SERVER, CTRL_DH_AUTO, CTRL_MAX_VERSION, CTRL_MIN_VERSION, CTRL_MODE,
    CTRL_SESSION_CACHE, MODES, SESSION_CACHE_OFF, SSL_CONF_CTX, SSL_CTX, SSL_METHOD, TLS_1_2,
};
use crate::library::{OpenSsl, constant};
use std::ffi::{CStr, CString, c_int, c_long, c_uint};
use std::fmt;
use std::ptr::{self, NonNull};
use std::sync::Arc;

/// The ciphers where nothing else is said: Mosquitto's.
const DEFAULT_CIPHERS: &str = "DEFAULT:!aNULL:!eNULL:!LOW:!EXPORT:!SSLv2:@STRENGTH";

/// What a server's TLS-PSK is to be.
#[derive(Clone)]
pub struct ServerOptions {
    /// What clients are told, so that they know which identity to use.
    pub hint: String,
    /// Ciphers in OpenSSL's own language; none: Mosquitto's default.
    pub ciphers: Option<String>,
    /// Who may connect.
    pub keys: Arc<dyn Keys>,
    /// Where the connections' secrets are written down.
    pub key_log: Option<Arc<dyn KeyLines>>,
}

impl fmt::Debug for ServerOptions {
    /// Without the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerOptions")
            .field("hint", &self.hint)
            .field("ciphers", &self.ciphers)
            .finish_non_exhaustive()
    }
}

/// What a client's TLS-PSK is to be.
#[derive(Clone)]
pub struct ClientOptions {
    /// Who the client is.
    pub identity: String,
    /// What proves it.
    pub key: Vec<u8>,
    /// Ciphers in OpenSSL's own language; none: Mosquitto's default.
    pub ciphers: Option<String>,
    /// The protocol that is asked for (ALPN).
    pub protocol: Option<String>,
    /// Where the connections' secrets are written down.
    pub key_log: Option<Arc<dyn KeyLines>>,
}

impl fmt::Debug for ClientOptions {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientOptions")
            .field("identity", &self.identity)
            .field("ciphers", &self.ciphers)
            .field("protocol", &self.protocol)
            .finish_non_exhaustive()
    }
}

/// Why there can be no TLS-PSK.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetupError {
    /// OpenSSL takes no cipher from the list, for this reason.
    Ciphers(String),
    /// The list has ciphers, and none of them works with a pre-shared key alone.
    NoPskCiphers,
    /// The hint is too long, or has a NUL in it.
    Hint,
    /// The identity is too long, or has a NUL in it.
    Identity,
    /// The key is empty or too long.
    Key,
    /// The protocol to ask for is empty or too long.
    Protocol,
    /// OpenSSL refuses something else.
    Refused(String),
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ciphers(why) => write!(f, "OpenSSL says: {why}"),
            Self::NoPskCiphers => f.write_str("none of its ciphers works with a pre-shared key"),
            Self::Hint => write!(f, "the hint is longer than {IDENTITY_BYTES_MAX} bytes"),
            Self::Identity => write!(f, "the identity is longer than {IDENTITY_BYTES_MAX} bytes"),
            Self::Key => write!(f, "the key has not between 1 and {KEY_BYTES_MAX} bytes"),
            Self::Protocol => write!(f, "the protocol has not between 1 and {PROTOCOL_BYTES_MAX} bytes"),
            Self::Refused(why) => write!(f, "OpenSSL refuses: {why}"),
        }
    }
}

impl std::error::Error for SetupError {}

/// Bytes of the longest identity, and of the longest hint, that OpenSSL 3 takes (`PSK_MAX_IDENTITY_LEN`); 1.1 takes half.
const IDENTITY_BYTES_MAX: usize = 256;

/// Bytes of the longest key that OpenSSL 3 takes (`PSK_MAX_PSK_LEN`); 1.1 takes half.
const KEY_BYTES_MAX: usize = 512;

/// Bytes of the longest name of a protocol that ALPN has (RFC 7301, 3.1).
const PROTOCOL_BYTES_MAX: u8 = u8::MAX;

/// The server's side of TLS-PSK. Cheap to copy.
#[derive(Clone)]
pub struct PskServer {
    pub(crate) context: Arc<Context>,
    pub(crate) keys: Arc<dyn Keys>,
    pub(crate) key_log: Option<Arc<dyn KeyLines>>,
}

/// A client's side of TLS-PSK. Cheap to copy.
#[derive(Clone)]
pub struct PskClient {
    pub(crate) context: Arc<Context>,
    pub(crate) identity: CString,
    pub(crate) key: Box<[u8]>,
    pub(crate) key_log: Option<Arc<dyn KeyLines>>,
}

impl fmt::Debug for PskServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PskServer")
    }
}

impl fmt::Debug for PskClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PskClient")
    }
}

impl PskServer {
    /// A server of TLS 1.2, and of nothing else: TLS 1.3 has pre-shared keys of another kind.
    pub fn new(library: &'static OpenSsl, options: &ServerOptions) -> Result<Self, SetupError> {
        // SAFETY: it takes nothing, and what comes back is a constant.
        let method = unsafe { (library.functions.TLS_server_method)() };
        let context = Context::new(library, method)?;
        // What is resumed is not authenticated again. And a client that renegotiates can only do so to cost us something.
        context.options(CONF_SERVER, c"-SessionTicket,ServerPreference,NoRenegotiation,-Compression")?;
        context.control(CTRL_SESSION_CACHE, SESSION_CACHE_OFF);
        context.control(CTRL_DH_AUTO, 1);
        context.ciphers(options.ciphers.as_deref())?;
        context.hint(&options.hint)?;
        // SAFETY: the context is valid, and the callback has the type that is asked for.
        unsafe { (library.functions.SSL_CTX_set_psk_server_callback)(context.pointer.as_ptr(), server_key) };
        if options.key_log.is_some() {
            // SAFETY: likewise.
            unsafe { (library.functions.SSL_CTX_set_keylog_callback)(context.pointer.as_ptr(), log_keys) };
        }
        let (keys, key_log) = (Arc::clone(&options.keys), options.key_log.clone());
        Ok(Self { context: Arc::new(context), keys, key_log })
    }
}

impl PskClient {
    /// A client that has this key under this identity. `ciphers` are in OpenSSL's own language; none: Mosquitto's default.
    pub fn new(
        library: &'static OpenSsl,
        identity: &str,
        key: &[u8],
        ciphers: Option<&str>,
    ) -> Result<Self, SetupError> {
        let (identity, key, ciphers) = (identity.to_owned(), key.to_vec(), ciphers.map(str::to_owned));
        Self::open(library, &ClientOptions { identity, key, ciphers, protocol: None, key_log: None })
    }

    /// A client of TLS 1.2.
    pub fn open(library: &'static OpenSsl, options: &ClientOptions) -> Result<Self, SetupError> {
        let ClientOptions { identity, key, ciphers, protocol, key_log } = options;
        if identity.len() > IDENTITY_BYTES_MAX {
            return Err(SetupError::Identity);
        }
        if key.is_empty() || key.len() > KEY_BYTES_MAX {
            return Err(SetupError::Key);
        }
        let identity = CString::new(identity.as_str()).map_err(|_| SetupError::Identity)?;
        // SAFETY: it takes nothing, and what comes back is a constant.
        let method = unsafe { (library.functions.TLS_client_method)() };
        let context = Context::new(library, method)?;
        context.options(CONF_CLIENT, c"-SessionTicket,NoRenegotiation,-Compression")?;
        context.control(CTRL_SESSION_CACHE, SESSION_CACHE_OFF);
        context.ciphers(ciphers.as_deref())?;
        if let Some(protocol) = protocol {
            context.protocol(protocol)?;
        }
        // SAFETY: the context is valid, and the callback has the type that is asked for.
        unsafe { (library.functions.SSL_CTX_set_psk_client_callback)(context.pointer.as_ptr(), client_key) };
        if key_log.is_some() {
            // SAFETY: likewise.
            unsafe { (library.functions.SSL_CTX_set_keylog_callback)(context.pointer.as_ptr(), log_keys) };
        }
        Ok(Self { context: Arc::new(context), identity, key: key.as_slice().into(), key_log: key_log.clone() })
    }
}

/// An `SSL_CTX`, freed with its last user.
pub(crate) struct Context {
    pub(crate) library: &'static OpenSsl,
    pub(crate) pointer: NonNull<SSL_CTX>,
}

// SAFETY: an SSL_CTX may be used by any thread.
unsafe impl Send for Context {}
// SAFETY: it is changed only here, while it is made; making SSLs of it counts references with atomics.
unsafe impl Sync for Context {}

impl Context {
    fn new(library: &'static OpenSsl, method: *const SSL_METHOD) -> Result<Self, SetupError> {
        // SAFETY: the method is a constant of OpenSSL's.
        let pointer = unsafe { (library.functions.SSL_CTX_new)(method) };
        let pointer = NonNull::new(pointer).ok_or_else(|| refused(library))?;
        let context = Self { library, pointer };
        context.control(CTRL_MODE, MODES);
        if context.control(CTRL_MIN_VERSION, TLS_1_2) != 1 || context.control(CTRL_MAX_VERSION, TLS_1_2) != 1 {
            return Err(refused(library));
        }
        Ok(context)
    }

    fn control(&self, what: c_int, value: c_long) -> c_long {
        // SAFETY: these controls take a number, and no pointer.
        unsafe { (self.library.functions.SSL_CTX_ctrl)(self.pointer.as_ptr(), what, value, ptr::null_mut()) }
    }

    /// By way of the language of OpenSSL's configuration: the type of the numbers differs from release to release.
    fn options(&self, end: c_uint, options: &CStr) -> Result<(), SetupError> {
        let functions = &self.library.functions;
        // SAFETY: it takes nothing.
        let made = unsafe { (functions.SSL_CONF_CTX_new)() };
        let conf = Conf(self.library, NonNull::new(made).ok_or_else(|| refused(self.library))?);
        // SAFETY: it was just made.
        unsafe { (functions.SSL_CONF_CTX_set_flags)(conf.1.as_ptr(), CONF_FILE | end) };
        // SAFETY: both are valid, and the context is there for longer.
        unsafe { (functions.SSL_CONF_CTX_set_ssl_ctx)(conf.1.as_ptr(), self.pointer.as_ptr()) };
        // SAFETY: both texts end with NUL.
        let taken = unsafe { (functions.SSL_CONF_cmd)(conf.1.as_ptr(), c"Options".as_ptr(), options.as_ptr()) };
        if taken > 0 { Ok(()) } else { Err(refused(self.library)) }
    }

    /// Those of the list that work with a pre-shared key and with that alone. Others must not remain: a server could show a
    /// certificate that nobody looks at, and a client could come in without any proof where anonymous ones are chosen.
    fn ciphers(&self, list: Option<&str>) -> Result<(), SetupError> {
        self.choose(list.unwrap_or(DEFAULT_CIPHERS))?;
        let is_usable = |name: &&str| name.contains("PSK-") && !name.starts_with("RSA-PSK-");
        let usable: Vec<_> = self.cipher_names().into_iter().filter(is_usable).collect();
        // What the list has said about the level of security stays.
        if usable.is_empty() { Err(SetupError::NoPskCiphers) } else { self.choose(&usable.join(":")) }
    }

    fn choose(&self, list: &str) -> Result<(), SetupError> {
        let list = CString::new(list);
        let list = list.map_err(|_| SetupError::Ciphers("there is a NUL in the list".to_owned()))?;
        let functions = &self.library.functions;
        // SAFETY: it takes nothing.
        unsafe { (functions.ERR_clear_error)() };
        // SAFETY: the context is valid, and the list ends with NUL.
        if unsafe { (functions.SSL_CTX_set_cipher_list)(self.pointer.as_ptr(), list.as_ptr()) } != 1 {
            return Err(SetupError::Ciphers(reason(self.library)));
        }
        Ok(())
    }

    /// The ciphers that were chosen.
    fn cipher_names(&self) -> Vec<&'static str> {
        let functions = &self.library.functions;
        // SAFETY: the context is valid; the stack is its own.
        let stack = unsafe { (functions.SSL_CTX_get_ciphers)(self.pointer.as_ptr()) };
        // SAFETY: a stack that is null has -1.
        let count = unsafe { (functions.OPENSSL_sk_num)(stack) };
        let name = |at| {
            // SAFETY: there are more than `at`; a number that is too high would give null.
            let cipher = unsafe { (functions.OPENSSL_sk_value)(stack, at) };
            // SAFETY: ciphers are constants, and null has a name as well.
            let name = unsafe { (functions.SSL_CIPHER_get_name)(cipher.cast_const().cast()) };
            // SAFETY: names of ciphers are constants.
            unsafe { constant(name) }
        };
        (0..count).filter_map(name).collect()
    }

    /// The protocol to ask for.
    fn protocol(&self, protocol: &str) -> Result<(), SetupError> {
        let len = u8::try_from(protocol.len()).ok().filter(|len| *len > 0).ok_or(SetupError::Protocol)?;
        let list = [&[len], protocol.as_bytes()].concat();
        let (context, list_bytes) = (self.pointer.as_ptr(), c_uint::from(len) + 1);
        // SAFETY: the context is valid, and the list, which is copied, has so many bytes.
        let failed = unsafe { (self.library.functions.SSL_CTX_set_alpn_protos)(context, list.as_ptr(), list_bytes) };
        if failed == 0 { Ok(()) } else { Err(refused(self.library)) }
    }

    fn hint(&self, hint: &str) -> Result<(), SetupError> {
        if hint.len() > IDENTITY_BYTES_MAX {
            return Err(SetupError::Hint);
        }
        let hint = CString::new(hint).map_err(|_| SetupError::Hint)?;
        // SAFETY: the context is valid, and the hint, which is copied, ends with NUL.
        let taken =
            unsafe { (self.library.functions.SSL_CTX_use_psk_identity_hint)(self.pointer.as_ptr(), hint.as_ptr()) };
        if taken == 1 { Ok(()) } else { Err(SetupError::Hint) }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: it was made here, and is freed once; SSLs made of it hold references of their own.
        unsafe { (self.library.functions.SSL_CTX_free)(self.pointer.as_ptr()) };
    }
}

struct Conf(&'static OpenSsl, NonNull<SSL_CONF_CTX>);

impl Drop for Conf {
    fn drop(&mut self) {
        // SAFETY: it was made here, and is freed once.
        unsafe { (self.0.functions.SSL_CONF_CTX_free)(self.1.as_ptr()) };
    }
}

fn refused(library: &'static OpenSsl) -> SetupError {
    SetupError::Refused(reason(library))
}

/// The last word of OpenSSL's errors.
fn reason(library: &'static OpenSsl) -> String {
    let errors = errors(library);
    let last = errors.last().and_then(|error| error.rsplit(':').next());
    last.unwrap_or("no reason is given").to_owned()
}
