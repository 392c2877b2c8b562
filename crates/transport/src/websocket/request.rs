//! A WebSocket is asked for: a client's request over HTTP, and what the server makes of it.

use super::handshake::{END, accept, lists, value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use httparse::{EMPTY_HEADER, Response, Status};
use std::{fmt, io};

/// Bytes of the longest head of an answer.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Headers of an answer, at most.
const HEADERS_MAX: usize = 100;

/// What a client opens a WebSocket with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSocketRequest {
    /// The server, as its users call it: `HOST` or `HOST:PORT`.
    pub host: String,
    /// What of the server: `/mqtt`.
    pub path: String,
    /// The sub-protocol that is to be spoken.
    pub protocol: &'static str,
}

/// Why a server opens no WebSocket; the source of such an [`io::Error`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSocketFailure(String);

impl WebSocketFailure {
    /// If this is why an input or output failed.
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

impl fmt::Display for WebSocketFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WebSocketFailure {}

fn refused(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, WebSocketFailure(why.into()))
}

/// A request whose answer has not come as a whole yet.
#[derive(Debug)]
pub(super) struct Asking {
    key: String,
    protocol: &'static str,
    head: Vec<u8>,
}

impl Asking {
    /// The request, with its bytes. An error is that something of it cannot be written in a request.
    pub(super) fn new(request: &WebSocketRequest) -> io::Result<(Self, Vec<u8>)> {
        let WebSocketRequest { host, path, protocol } = request;
        let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !plain(host) || !plain(path) || !path.starts_with('/') {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the server's name or path cannot be written in HTTP",
            ));
        }
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let key = STANDARD.encode(random);
        let bytes = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: {protocol}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        );
        Ok((Self { key, protocol, head: Vec::new() }, bytes.into_bytes()))
    }

    /// Takes bytes of the answer. How many of them belonged to it, if it is whole: the WebSocket is open then.
    pub(super) fn take(&mut self, bytes: &[u8]) -> io::Result<Option<usize>> {
        let before = self.head.len();
        self.head.extend_from_slice(bytes);
        // The end may have begun before.
        let from = before.saturating_sub(END.len() - 1);
        let new = self.head.get(from..).unwrap_or_default();
        let Some(at) = new.windows(END.len()).position(|window| window == END) else {
            if self.head.len() > HEAD_BYTES_MAX {
                return Err(refused("the server's answer is too long"));
            }
            return Ok(None);
        };
        let len = from + at + END.len();
        self.check(self.head.get(..len).unwrap_or_default())?;
        Ok(Some(len - before))
    }

    /// Whether a whole head says that the WebSocket is open (RFC 6455, 4.1).
    fn check(&self, head: &[u8]) -> io::Result<()> {
        let mut headers = [EMPTY_HEADER; HEADERS_MAX];
        let mut response = Response::new(&mut headers);
        let parsed = response.parse(head).map_err(|_| refused("the server's answer is not HTTP"))?;
        let Some(code) = response.code.filter(|_| parsed == Status::Complete(head.len())) else {
            return Err(refused("the server's answer is not HTTP"));
        };
        if code != 101 {
            let reason = response.reason.unwrap_or_default().escape_debug();
            return Err(refused(format!("the server answers {code} {reason}").trim_end()));
        }
        let headers = &*response.headers;
        if !lists(headers, "Upgrade", "websocket") || !lists(headers, "Connection", "upgrade") {
            return Err(refused("the server does not speak WebSocket"));
        }
        if value(headers, "Sec-WebSocket-Accept") != Some(accept(&self.key).as_str()) {
            return Err(refused("the server does not answer this request"));
        }
        if value(headers, "Sec-WebSocket-Protocol") != Some(self.protocol) {
            return Err(refused(format!("the server does not speak {}", self.protocol)));
        }
        // None was asked for.
        if value(headers, "Sec-WebSocket-Extensions").is_some_and(|extensions| !extensions.is_empty()) {
            return Err(refused("the server speaks an extension that was not asked for"));
        }
        Ok(())
    }
}
