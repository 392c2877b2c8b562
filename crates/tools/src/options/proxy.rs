//! The URL of a proxy.

use crate::arguments::ArgumentError;
use crate::number::leading_integer;
use crate::settings::ProxySettings;

/// The port where none is given.
const PORT: u16 = 1080;

/// Reads `socks5h://[username[:password]@]host[:port]`. An IPv6 address stands in brackets; in the name and the password
/// `%25`, `%3A` and `%40` stand for `%`, `:` and `@`.
pub(super) fn read(url: &str) -> Result<ProxySettings, ArgumentError> {
    let Some(rest) = url.strip_prefix("socks5h://") else {
        return Err(ArgumentError::plain(format!("Error: Unsupported proxy protocol: {url}")));
    };
    let (login, server) = match rest.split_once('@') {
        Some((login, server)) => (Some(read_login(login)?), server),
        None => (None, rest),
    };
    let (host, port) = match server.strip_prefix('[').map(|server| server.split_once(']')) {
        Some(Some((host, rest))) => (host, rest.strip_prefix(':').or_else(|| rest.is_empty().then_some(""))),
        Some(None) => (server, None),
        None => server.split_once(':').map_or((server, Some("")), |(host, port)| (host, Some(port))),
    };
    let port = port.filter(|port| !host.is_empty() && !port.contains(':')).ok_or_else(invalid)?;
    if port.is_empty() {
        return Ok(ProxySettings { host: host.to_owned(), port: PORT, login });
    }
    let number = leading_integer(port.as_bytes());
    let port = u16::try_from(number).ok().filter(|&port| port > 0);
    let port = port.ok_or_else(|| ArgumentError::plain(format!("Error: Invalid proxy port {number}")))?;
    Ok(ProxySettings { host: host.to_owned(), port, login })
}

fn read_login(login: &str) -> Result<(String, String), ArgumentError> {
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    if password.contains(':') {
        return Err(ArgumentError::plain("Error: Username cannot contain ':'."));
    }
    if user.is_empty() {
        return Err(invalid());
    }
    Ok((decode(user)?, decode(password)?))
}

fn decode(text: &str) -> Result<String, ArgumentError> {
    let mut parts = text.split('%');
    let mut decoded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, rest) = part.split_at_checked(2).ok_or_else(invalid)?;
        decoded.push(match code {
            "25" => '%',
            "3A" | "3a" => ':',
            "40" => '@',
            _ => return Err(invalid()),
        });
        decoded.push_str(rest);
    }
    Ok(decoded)
}

fn invalid() -> ArgumentError {
    ArgumentError::plain("Error: Invalid proxy.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(host: &str, port: u16, login: Option<(&str, &str)>) -> ProxySettings {
        let login = login.map(|(user, password)| (user.to_owned(), password.to_owned()));
        ProxySettings { host: host.to_owned(), port, login }
    }

    #[test]
    fn a_url_has_a_host_and_perhaps_more() {
        for (url, expected) in [
            ("host", proxy("host", 1080, None)),
            ("host:", proxy("host", 1080, None)),
            ("host:99", proxy("host", 99, None)),
            ("[::1]", proxy("::1", 1080, None)),
            ("[::1]:99", proxy("::1", 99, None)),
            ("me@host", proxy("host", 1080, Some(("me", "")))),
            ("me:secret@[::1]:99", proxy("::1", 99, Some(("me", "secret")))),
            ("m%3Ae%40:%25%3a@host", proxy("host", 1080, Some(("m:e@", "%:")))),
        ] {
            assert_eq!(read(&format!("socks5h://{url}")), Ok(expected), "{url}");
        }
    }

    #[test]
    fn what_is_no_url_of_a_proxy_is_refused() {
        for (url, text) in [
            ("socks5://host", "Error: Unsupported proxy protocol: socks5://host"),
            ("host", "Error: Unsupported proxy protocol: host"),
            ("socks5h://", "Error: Invalid proxy."),
            ("socks5h://:99", "Error: Invalid proxy."),
            ("socks5h://a:b:c", "Error: Invalid proxy."),
            ("socks5h://[::1", "Error: Invalid proxy."),
            ("socks5h://[::1]x", "Error: Invalid proxy."),
            ("socks5h://host:0", "Error: Invalid proxy port 0"),
            ("socks5h://host:65536", "Error: Invalid proxy port 65536"),
            ("socks5h://a:b:c@host", "Error: Username cannot contain ':'."),
            ("socks5h://:secret@host", "Error: Invalid proxy."),
            ("socks5h://a%zz@host", "Error: Invalid proxy."),
            ("socks5h://a%2@host", "Error: Invalid proxy."),
            ("socks5h://a%2\u{e9}@host", "Error: Invalid proxy."),
        ] {
            assert_eq!(read(url), Err(ArgumentError::plain(text)), "{url}");
        }
    }
}
