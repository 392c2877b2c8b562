//! `http_head`: the head of a request to a listener with `protocol http_api` or `http_dir`.

#[path = "../../server/src/http/request.rs"]
mod request;

use request::{HEAD_BYTES_MAX, Method, Request};

pub(crate) fn run(bytes: &[u8]) {
    let Ok(Some(whole)) = Request::parse(bytes) else {
        assert!(bytes.len() <= HEAD_BYTES_MAX || Request::parse(bytes).is_err(), "a head without an end");
        return;
    };
    // What comes before the end of the head is a beginning, and what follows it means nothing.
    let is_whole = |len: usize| matches!(Request::parse(&bytes[..len]), Ok(Some(_)));
    let len = (0..=bytes.len()).find(|len| is_whole(*len)).expect("all of it is whole");
    assert!(len <= HEAD_BYTES_MAX);
    for begun in (0..len).step_by(1 + len / 16) {
        assert_eq!(Request::parse(&bytes[..begun]), Ok(None), "{begun} bytes of {len}");
    }
    assert_eq!(Request::parse(&bytes[..len]).as_ref(), Ok(&Some(whole.clone())));
    let Request { method, path, credentials } = whole;
    assert!(path.len() < len && !path.is_empty());
    let text = String::from_utf8_lossy(&bytes[..len]).to_ascii_lowercase();
    assert!(method != Method::Get || text.contains("get "));
    assert!(method != Method::Head || text.contains("head "));
    if let Some(credentials) = credentials {
        assert!(text.contains("authorization") && text.contains("basic "));
        assert!(credentials.username.len() + credentials.password.unwrap_or_default().len() < len);
        assert!(!credentials.username.contains(':'));
    }
}
