//! Requests, as far as they are understood here: the head of one, and nothing of what may follow it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use httparse::{EMPTY_HEADER, Error, Header, Request as Head, Status};

/// Headers of a request, at most.
const HEADERS_MAX: usize = 100;

/// Bytes of the longest head.
pub(super) const HEAD_BYTES_MAX: usize = 16 * 1024;

/// What somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: Method,
    /// Without the query, percent signs decoded: any bytes.
    pub(super) path: Vec<u8>,
    pub(super) credentials: Option<Credentials>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    /// As the others, but that its answer has no body.
    Head,
    Other,
}

/// A user name, and a password if there is a colon behind the name (HTTP Basic, RFC 7617).
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) username: String,
    pub(super) password: Option<Vec<u8>>,
}

/// Without the password.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

/// Why there is no request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is not HTTP, or not well-formed.
    Malformed,
    /// Of HTTP, but neither 1.0 nor 1.1.
    Version,
    /// The head is too long.
    TooLong,
    /// The first line of it alone is too long.
    PathTooLong,
}

impl Request {
    /// From what has come so far; none: the head goes on.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<Self>, Fault> {
        let mut headers = [EMPTY_HEADER; HEADERS_MAX];
        let mut head = Head::new(&mut headers);
        match head.parse(bytes) {
            Ok(Status::Complete(len)) if len <= HEAD_BYTES_MAX => {}
            Ok(Status::Partial) if bytes.len() < HEAD_BYTES_MAX => return Ok(None),
            Ok(_) if bytes.contains(&b'\n') => return Err(Fault::TooLong),
            Ok(_) => return Err(Fault::PathTooLong),
            Err(Error::Version) => return Err(Fault::Version),
            Err(Error::TooManyHeaders) => return Err(Fault::TooLong),
            Err(_) => return Err(Fault::Malformed),
        }
        let method = match head.method {
            Some("GET") => Method::Get,
            Some("HEAD") => Method::Head,
            _ => Method::Other,
        };
        let target = head.path.unwrap_or_default().as_bytes();
        let path = decoded(target.split(|byte| *byte == b'?').next().unwrap_or_default());
        if path.is_empty() {
            return Err(Fault::Malformed);
        }
        Ok(Some(Self { method, path, credentials: credentials(head.headers) }))
    }
}

/// A percent sign without two hex digits stands for itself.
fn decoded(path: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&first, behind)) = rest.split_first() {
        let byte = match behind {
            [high, low, ..] if first == b'%' => hex(*high).zip(hex(*low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { behind.get(2..).unwrap_or_default() } else { behind };
    }
    bytes
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Those of the first Authorization header. What is none, or in another scheme, counts as if there were none.
fn credentials(headers: &[Header<'_>]) -> Option<Credentials> {
    let header = headers.iter().find(|header| header.name.eq_ignore_ascii_case("Authorization"))?;
    let (scheme, rest) = header.value.trim_ascii().split_at_checked("Basic ".len())?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return None;
    }
    let decoded = STANDARD.decode(rest.trim_ascii()).ok()?;
    let mut parts = decoded.splitn(2, |byte| *byte == b':');
    let username = String::from_utf8(parts.next().unwrap_or_default().to_vec()).ok()?;
    Some(Credentials { username, password: parts.next().map(<[u8]>::to_vec) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn request(text: &str) -> Request {
        Request::parse(text.as_bytes()).unwrap().unwrap()
    }

    #[test]
    fn a_request_is_read_when_its_head_is_whole() {
        let text = "GET /a%20b%2f%00%?x=%20 HTTP/1.1\r\nHost: x\r\nauthorization: basic dTpwOnE=\r\n\r\n";
        for len in 0..text.len() {
            assert_eq!(Request::parse(&text.as_bytes()[..len]), Ok(None));
        }
        let Request { method, path, credentials } = request(text);
        assert_eq!((method, path.as_slice()), (Method::Get, &b"/a b/\0%"[..]));
        let expected = Credentials { username: "u".to_owned(), password: Some(b"p:q".to_vec()) };
        assert_eq!(credentials, Some(expected));
        assert_eq!(request("HEAD / HTTP/1.0\r\n\r\nmore").method, Method::Head);
        assert_eq!(request("get / HTTP/1.1\r\n\r\n").method, Method::Other);
    }

    #[test]
    fn credentials_need_their_scheme_and_a_name_in_utf_8() {
        let of = |value: &str| request(&format!("GET / HTTP/1.1\r\nAuthorization: {value}\r\n\r\n")).credentials;
        assert_eq!(of("Basic dQ=="), Some(Credentials { username: "u".to_owned(), password: None }));
        // "u:", ":"
        assert_eq!(of("Basic dTo="), Some(Credentials { username: "u".to_owned(), password: Some(Vec::new()) }));
        assert_eq!(of("Basic Og==").unwrap().username, "");
        for none in ["", "Basic", "Basic !", "Bearer dTpw", "BasicdTpw", "Basic /zpw"] {
            assert_eq!(of(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(
            path in prop::collection::vec(any::<u8>(), 0..60),
            value in prop::collection::vec(any::<u8>(), 0..60),
            basic in any::<bool>(),
        ) {
            let scheme: &[u8] = if basic { b"Basic " } else { b"" };
            let head = [b"GET /", &path[..], b" HTTP/1.1\r\nAuthorization: ", scheme, &value, b"\r\n\r\n"].concat();
            for bytes in [&path[..], &head] {
                if let Ok(Some(request)) = Request::parse(bytes) {
                    prop_assert!(request.path.len() <= bytes.len());
                }
            }
        }

        #[test]
        fn what_was_percent_encoded_is_decoded(path in prop::collection::vec(any::<u8>(), 0..60)) {
            let encoded: Vec<_> = path.iter().map(|byte| format!("%{byte:02x}")).collect();
            prop_assert_eq!(decoded(encoded.concat().as_bytes()), path);
        }
    }

    #[test]
    fn what_is_no_request_has_a_fault() {
        let long = "x".repeat(HEAD_BYTES_MAX);
        let many = "X: y\r\n".repeat(HEADERS_MAX + 1);
        for (text, fault) in [
            ("garbage\r\n\r\n".to_owned(), Fault::Malformed),
            ("\u{10}\u{c}\0\u{4}MQTT".to_owned(), Fault::Malformed),
            // RFC 9112, 3.2.1: the path is never empty.
            ("GET ?x HTTP/1.1\r\n\r\n".to_owned(), Fault::Malformed),
            ("GET / HTTP/2.0\r\n\r\n".to_owned(), Fault::Version),
            (format!("GET / HTTP/1.1\r\nX: {long}\r\n\r\n"), Fault::TooLong),
            (format!("GET / HTTP/1.1\r\nX: {long}"), Fault::TooLong),
            (format!("GET / HTTP/1.1\r\n{many}\r\n"), Fault::TooLong),
            (format!("GET /{long}"), Fault::PathTooLong),
        ] {
            assert_eq!(Request::parse(text.as_bytes()), Err(fault), "{text:.40}");
        }
    }
}
