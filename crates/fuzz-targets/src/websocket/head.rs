//! The request that opens a WebSocket, and its answer, as text.

const END: &[u8] = b"\r\n\r\n";

/// The head and what follows it; none where it does not end within so many bytes.
pub(super) fn split(bytes: &[u8], most: usize) -> Option<(&[u8], &[u8])> {
    let at = bytes.windows(END.len()).position(|window| window == END)?;
    let len = at + END.len();
    (len <= most).then(|| bytes.split_at(len))
}

/// What of the rules a request breaks; none: it can be opened.
pub(super) fn fault(head: &[u8], origin: Option<&str>, protocols: &[&str]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(head);
    let request: Vec<&str> = text.lines().find(|line| !line.is_empty()).unwrap_or_default().split(' ').collect();
    let good = matches!(request[0], "GET" | "HEAD") && request.last() == Some(&"HTTP/1.1");
    if !good {
        return Some("request");
    }
    if !lists(&text, "upgrade", "websocket") || !lists(&text, "connection", "upgrade") {
        return Some("upgrade");
    }
    if value(&text, "sec-websocket-version").as_deref() != Some("13") {
        return Some("version");
    }
    if value(&text, "sec-websocket-key").is_none_or(|key| key.is_empty()) {
        return Some("key");
    }
    if protocol(&text, protocols).is_none() {
        return Some("protocol");
    }
    let same = |given: String| origin.is_some_and(|origin| given.eq_ignore_ascii_case(origin));
    if origin.is_some() && !value(&text, "origin").is_some_and(same) {
        return Some("origin");
    }
    None
}

/// Whether this is a word for a WebSocket at all.
pub(super) fn asks_for_a_websocket(head: &[u8]) -> bool {
    lists(&String::from_utf8_lossy(head), "upgrade", "websocket")
}

/// Whether nothing about it is disputable: printable ASCII, a target of one word, headers with good names and no more than
/// 100 of them.
pub(super) fn is_clean(head: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(head) else { return false };
    let mut lines: Vec<&str> = text.split("\r\n").collect();
    lines.truncate(lines.len().saturating_sub(2));
    let printable = lines.iter().all(|line| line.bytes().all(|byte| (0x20..0x7f).contains(&byte)));
    let Some((request, headers)) = lines.split_first() else { return false };
    let words: Vec<&str> = request.split(' ').collect();
    let good_name = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    printable
        && words.len() == 3
        && ["GET", "HEAD", "POST", "PUT"].contains(&words[0])
        && ["HTTP/1.0", "HTTP/1.1"].contains(&words[2])
        && words[1].starts_with('/')
        && words[1].bytes().all(|b| b.is_ascii_alphanumeric() || b == b'/')
        && headers.len() <= 100
        && headers.iter().all(|line| line.split_once(':').is_some_and(|(name, _)| good_name(name)))
}

/// Whether this answers the request (RFC 6455, 4.2.2).
pub(super) fn is_answer(answer: &[u8], request: &[u8], protocols: &[&str]) -> bool {
    let (answer, request) = (String::from_utf8_lossy(answer), String::from_utf8_lossy(request));
    let accept = value(&answer, "sec-websocket-accept").unwrap_or_default();
    answer.starts_with("HTTP/1.1 101 Switching Protocols\r\n")
        && lists(&answer, "upgrade", "websocket")
        && lists(&answer, "connection", "upgrade")
        && accept.len() == 28
        && accept.ends_with('=')
        && value(&answer, "sec-websocket-protocol").as_deref() == protocol(&request, protocols)
        && answer.lines().count() == 6
}

/// The first of those that the client offers which is spoken.
fn protocol<'p>(text: &str, protocols: &[&'p str]) -> Option<&'p str> {
    let offered = value(text, "sec-websocket-protocol")?;
    offered.split(',').find_map(|word| protocols.iter().find(|protocol| **protocol == word.trim()).copied())
}

/// The value of the first header of this name.
fn value(text: &str, name: &str) -> Option<String> {
    headers(text).find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
}

fn lists(text: &str, name: &str, word: &str) -> bool {
    let mut named = headers(text).filter(|(given, _)| given.eq_ignore_ascii_case(name));
    named.any(|(_, value)| value.split(',').any(|listed| listed.trim().eq_ignore_ascii_case(word)))
}

fn headers(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| line.split_once(':'))
}
