//! The functions of OpenSSL that are used, as `<openssl/ssl.h>` declares them since 1.1.0: opaque pointers and numbers.

#![allow(unsafe_code, reason = "whoever finds a function says of what type it is")]
#![allow(clippy::upper_case_acronyms, non_camel_case_types, reason = "these are OpenSSL's names")]

use libloading::Library;
use std::ffi::{c_char, c_int, c_long, c_uint, c_ulong, c_void};

macro_rules! opaque {
    ($($name:ident),+) => { $(
        #[repr(C)]
        #[derive(Debug)]
        pub(crate) struct $name([u8; 0]);
    )+ };
}

opaque!(SSL_CTX, SSL_METHOD, SSL_CONF_CTX, SSL, SSL_CIPHER, BIO, BIO_METHOD, STACK);

pub(crate) type ServerCallback = unsafe extern "C" fn(*mut SSL, *const c_char, *mut u8, c_uint) -> c_uint;
pub(crate) type ClientCallback =
    unsafe extern "C" fn(*mut SSL, *const c_char, *mut c_char, c_uint, *mut u8, c_uint) -> c_uint;
pub(crate) type KeyLogCallback = unsafe extern "C" fn(*const SSL, *const c_char);

macro_rules! functions {
    ($($library:ident { $($name:ident($($argument:ty),*) $(-> $result:ty)?;)+ })+) => {
        /// The functions, found.
        #[allow(non_snake_case, reason = "these are OpenSSL's names")]
        #[derive(Debug)]
        pub(crate) struct Functions {
            $($(pub(crate) $name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)+)+
        }

        impl Functions {
            /// Finds them all. The error is the name of the one that is missing.
            ///
            /// # Safety
            ///
            /// The libraries must be OpenSSL's, 1.1.0 or later, and must stay loaded for as long as the functions are called.
            pub(crate) unsafe fn find($($library: &Library),+) -> Result<Self, &'static str> {
                Ok(Self {
                    $($($name: {
                        let name = concat!(stringify!($name), "\0").as_bytes();
                        // SAFETY: the type is that of the function in OpenSSL's headers, which the caller vouches for.
                        let found = unsafe {
                            $library.get::<unsafe extern "C" fn($($argument),*) $(-> $result)?>(name)
                        };
                        *found.map_err(|_| stringify!($name))?
                    },)+)+
                })
            }
        }
    };
}

functions! {
    crypto {
        BIO_ctrl_pending(*mut BIO) -> usize;
        BIO_free(*mut BIO) -> c_int;
        BIO_new(*const BIO_METHOD) -> *mut BIO;
        BIO_read(*mut BIO, *mut c_void, c_int) -> c_int;
        BIO_s_mem() -> *const BIO_METHOD;
        BIO_write(*mut BIO, *const c_void, c_int) -> c_int;
        ERR_clear_error();
        ERR_error_string_n(c_ulong, *mut c_char, usize);
        ERR_get_error() -> c_ulong;
        OPENSSL_sk_num(*const STACK) -> c_int;
        OPENSSL_sk_value(*const STACK, c_int) -> *mut c_void;
        OpenSSL_version(c_int) -> *const c_char;
        RAND_bytes(*mut u8, c_int) -> c_int;
    }
    ssl {
        SSL_CIPHER_get_name(*const SSL_CIPHER) -> *const c_char;
        SSL_CONF_CTX_free(*mut SSL_CONF_CTX);
        SSL_CONF_CTX_new() -> *mut SSL_CONF_CTX;
        SSL_CONF_CTX_set_flags(*mut SSL_CONF_CTX, c_uint) -> c_uint;
        SSL_CONF_CTX_set_ssl_ctx(*mut SSL_CONF_CTX, *mut SSL_CTX);
        SSL_CONF_cmd(*mut SSL_CONF_CTX, *const c_char, *const c_char) -> c_int;
        SSL_CTX_ctrl(*mut SSL_CTX, c_int, c_long, *mut c_void) -> c_long;
        SSL_CTX_free(*mut SSL_CTX);
        SSL_CTX_get_ciphers(*const SSL_CTX) -> *const STACK;
        SSL_CTX_new(*const SSL_METHOD) -> *mut SSL_CTX;
        SSL_CTX_set_alpn_protos(*mut SSL_CTX, *const u8, c_uint) -> c_int;
        SSL_CTX_set_cipher_list(*mut SSL_CTX, *const c_char) -> c_int;
        SSL_CTX_set_keylog_callback(*mut SSL_CTX, KeyLogCallback);
        SSL_CTX_set_psk_client_callback(*mut SSL_CTX, ClientCallback);
        SSL_CTX_set_psk_server_callback(*mut SSL_CTX, ServerCallback);
        SSL_CTX_use_psk_identity_hint(*mut SSL_CTX, *const c_char) -> c_int;
        SSL_do_handshake(*mut SSL) -> c_int;
        SSL_free(*mut SSL);
        SSL_get_current_cipher(*const SSL) -> *const SSL_CIPHER;
        SSL_get_error(*const SSL, c_int) -> c_int;
        SSL_get_ex_data(*const SSL, c_int) -> *mut c_void;
        SSL_get_psk_identity(*const SSL) -> *const c_char;
        SSL_get_version(*const SSL) -> *const c_char;
        SSL_is_init_finished(*const SSL) -> c_int;
        SSL_new(*mut SSL_CTX) -> *mut SSL;
        SSL_read(*mut SSL, *mut c_void, c_int) -> c_int;
        SSL_set_accept_state(*mut SSL);
        SSL_set_bio(*mut SSL, *mut BIO, *mut BIO);
        SSL_set_connect_state(*mut SSL);
        SSL_set_ex_data(*mut SSL, c_int, *mut c_void) -> c_int;
        SSL_shutdown(*mut SSL) -> c_int;
        SSL_write(*mut SSL, *const c_void, c_int) -> c_int;
        TLS_client_method() -> *const SSL_METHOD;
        TLS_server_method() -> *const SSL_METHOD;
    }
}

/// `SSL_CTRL_MODE`.
pub(crate) const CTRL_MODE: c_int = 33;
/// `SSL_MODE_ENABLE_PARTIAL_WRITE`, `SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER` and `SSL_MODE_RELEASE_BUFFERS`.
pub(crate) const MODES: c_long = 0x1 | 0x2 | 0x10;
/// `SSL_CTRL_SET_SESS_CACHE_MODE`.
pub(crate) const CTRL_SESSION_CACHE: c_int = 44;
/// `SSL_SESS_CACHE_OFF`.
pub(crate) const SESSION_CACHE_OFF: c_long = 0;
/// `SSL_CTRL_SET_DH_AUTO`.
pub(crate) const CTRL_DH_AUTO: c_int = 118;
/// `SSL_CTRL_SET_MIN_PROTO_VERSION`.
pub(crate) const CTRL_MIN_VERSION: c_int = 123;
/// `SSL_CTRL_SET_MAX_PROTO_VERSION`.
pub(crate) const CTRL_MAX_VERSION: c_int = 124;
/// `TLS1_2_VERSION`.
pub(crate) const TLS_1_2: c_long = 0x0303;

/// `SSL_CONF_FLAG_FILE`.
pub(crate) const CONF_FILE: c_uint = 0x2;
/// `SSL_CONF_FLAG_CLIENT`.
pub(crate) const CONF_CLIENT: c_uint = 0x4;
/// `SSL_CONF_FLAG_SERVER`.
pub(crate) const CONF_SERVER: c_uint = 0x8;

/// `SSL_ERROR_WANT_READ`.
pub(crate) const ERROR_WANT_READ: c_int = 2;
/// `SSL_ERROR_ZERO_RETURN`.
pub(crate) const ERROR_ZERO_RETURN: c_int = 6;

/// The index of what an application attaches to an SSL (`SSL_set_app_data`).
pub(crate) const APP_DATA: c_int = 0;
