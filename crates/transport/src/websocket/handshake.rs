//! A WebSocket is opened: a request over HTTP, and its answer.

use super::{WebSocketRefusal, WebSocketRules};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use httparse::{EMPTY_HEADER, Header, Request, Status};
use sha1::{Digest, Sha1};
use std::sync::Arc;

/// Headers of a request, at most.
const HEADERS_MAX: usize = 100;

/// Bytes of what a request says about where it comes from, as far as they are kept.
const FORWARDED_BYTES_MAX: usize = 256;

/// What ends a head.
pub(super) const END: &[u8] = b"\r\n\r\n";

/// What the client's key is made an answer with (RFC 6455, 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What the first packet of MQTT begins with, and what TLS does.
const CONNECT: u8 = 0x10;
const TLS_HANDSHAKE: u8 = 0x16;

/// A request that has not come as a whole yet.
#[derive(Debug)]
pub(super) struct Handshake {
    rules: Arc<WebSocketRules>,
    head: Vec<u8>,
}

/// What came of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The head goes on.
    Incomplete,
    /// The connection is to be closed, without an answer, for this reason.
    Refused(WebSocketRefusal),
    /// It is a whole request, for something else than a WebSocket.
    Request,
    /// This is the answer; so many of the bytes belonged to the head. Where the request says that it was passed on by a
    /// proxy, for whom.
    Open { answer: Vec<u8>, taken: usize, forwarded_for: Option<Box<str>> },
}

impl Handshake {
    pub(super) fn new(rules: Arc<WebSocketRules>) -> Self {
        Self { rules, head: Vec::new() }
    }

    pub(super) fn take(&mut self, bytes: &[u8]) -> Outcome {
        let before = self.head.len();
        if let (0, Some(refusal)) = (before, bytes.first().and_then(|first| at_once(*first))) {
            return Outcome::Refused(refusal);
        }
        let room = self.rules.head_bytes_max.saturating_sub(before);
        self.head.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        // The end may have begun before.
        let from = before.saturating_sub(END.len() - 1);
        let new = self.head.get(from..).unwrap_or_default();
        let Some(at) = new.windows(END.len()).position(|window| window == END) else {
            return if bytes.len() > room { Outcome::Refused(WebSocketRefusal::Faulty) } else { Outcome::Incomplete };
        };
        let len = from + at + END.len();
        let head = self.head.get(..len).unwrap_or_default();
        if self.rules.gives_requests_away && is_for_something_else(head) {
            self.head.extend_from_slice(bytes.get(room..).unwrap_or_default());
            return Outcome::Request;
        }
        match self.answer(head) {
            Ok((answer, forwarded_for)) => Outcome::Open { answer, taken: len - before, forwarded_for },
            Err(why) => Outcome::Refused(why),
        }
    }

    /// What has come so far.
    pub(super) fn into_head(self) -> Vec<u8> {
        self.head
    }

    /// The answer to a whole head, and for whom it was passed on; or why there is none.
    fn answer(&self, head: &[u8]) -> Result<(Vec<u8>, Option<Box<str>>), WebSocketRefusal> {
        const FAULTY: WebSocketRefusal = WebSocketRefusal::Faulty;
        let mut headers = [EMPTY_HEADER; HEADERS_MAX];
        let mut request = Request::new(&mut headers);
        let parsed = request.parse(head).map_err(|_| FAULTY)?;
        let known = matches!(request.method, Some("GET" | "HEAD")) && request.version == Some(1);
        if parsed != Status::Complete(head.len()) || !known {
            return Err(FAULTY);
        }
        let headers = &*request.headers;
        let upgrade = lists(headers, "Upgrade", "websocket") && lists(headers, "Connection", "upgrade");
        if !upgrade || value(headers, "Sec-WebSocket-Version") != Some("13") {
            return Err(FAULTY);
        }
        let key = value(headers, "Sec-WebSocket-Key").filter(|key| !key.is_empty()).ok_or(FAULTY)?;
        let offered = value(headers, "Sec-WebSocket-Protocol").ok_or(FAULTY)?;
        let spoken = |word: &str| self.rules.protocols.iter().copied().find(|protocol| *protocol == word.trim());
        let protocol = offered.split(',').find_map(spoken).ok_or(FAULTY)?;
        self.check_origin(value(headers, "Origin"))?;
        let accept = accept(key);
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: {protocol}\r\n\r\n"
        );
        Ok((answer.into_bytes(), forwarded_for(headers)))
    }

    fn check_origin(&self, origin: Option<&str>) -> Result<(), WebSocketRefusal> {
        let origins = &self.rules.origins;
        let is_allowed = |origin: &str| origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin));
        if origins.is_empty() || origin.is_some_and(is_allowed) { Ok(()) } else { Err(WebSocketRefusal::Origin) }
    }
}

/// What can be told from the first byte, so that nobody waits for the rest of a request that is none.
fn at_once(first: u8) -> Option<WebSocketRefusal> {
    match first {
        CONNECT => Some(WebSocketRefusal::Mqtt),
        TLS_HANDSHAKE => Some(WebSocketRefusal::Tls),
        // A method, or a line feed too many before it.
        b'A'..=b'Z' | b'\r' | b'\n' => None,
        _ => Some(WebSocketRefusal::Faulty),
    }
}

/// The answer to a client's key.
pub(super) fn accept(key: &str) -> String {
    STANDARD.encode(Sha1::new().chain_update(key).chain_update(GUID).finalize())
}

/// Whether a whole head is that of a request which does not even ask for a WebSocket.
fn is_for_something_else(head: &[u8]) -> bool {
    let mut headers = [EMPTY_HEADER; HEADERS_MAX];
    let mut request = Request::new(&mut headers);
    let is_whole = request.parse(head) == Ok(Status::Complete(head.len()));
    is_whole && !lists(request.headers, "Upgrade", "websocket")
}

/// The value of the first header of this name.
pub(super) fn value<'h>(headers: &[Header<'h>], name: &str) -> Option<&'h str> {
    let header = headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
    std::str::from_utf8(header.value).ok().map(str::trim)
}

/// What a proxy says about the client, or what the client says that a proxy did: for people, who may know which. It fits into
/// a line.
fn forwarded_for(headers: &[Header<'_>]) -> Option<Box<str>> {
    let named = headers.iter().filter(|header| header.name.eq_ignore_ascii_case("X-Forwarded-For"));
    let values: Vec<_> = named.map(|header| header.value.trim_ascii()).filter(|value| !value.is_empty()).collect();
    let shown = |&byte: &u8| if byte == b' ' || byte.is_ascii_graphic() { char::from(byte) } else { '?' };
    let text: String = values.join(&b", "[..]).iter().take(FORWARDED_BYTES_MAX).map(shown).collect();
    (!text.is_empty()).then(|| text.into())
}

/// Whether headers of this name list this word.
pub(super) fn lists(headers: &[Header<'_>], name: &str, word: &str) -> bool {
    let named = headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
    let mut words = named.flat_map(|header| header.value.split(|&byte| byte == b','));
    words.any(|listed| listed.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
}
