//! Version 1: `PROXY TCP4 SOURCE DESTINATION PORT PORT\r\n`.

use super::{Header, Parsed};
use crate::Peer;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Bytes of the longest line, with its end.
const LINE_BYTES_MAX: usize = 107;

const BEGINNING: &[u8] = b"PROXY ";

pub(super) fn parse(bytes: &[u8]) -> Parsed {
    let begun = bytes.len().min(BEGINNING.len());
    if bytes.get(..begun) != BEGINNING.get(..begun) {
        return Parsed::Corrupt;
    }
    let bytes = bytes.get(..LINE_BYTES_MAX).unwrap_or(bytes);
    let Some(end) = bytes.iter().position(|&byte| byte == b'\n') else {
        return if bytes.len() < LINE_BYTES_MAX { Parsed::Incomplete } else { Parsed::Corrupt };
    };
    let line = bytes.get(BEGINNING.len()..end).and_then(|line| std::str::from_utf8(line).ok()?.strip_suffix('\r'));
    match line.and_then(header) {
        Some(header) => Parsed::Whole(end + 1, header),
        None => Parsed::Corrupt,
    }
}

fn header(line: &str) -> Option<Header> {
    let mut words = line.split(' ');
    let family = words.next()?;
    let address: fn(&str) -> Option<IpAddr> = match family {
        // Whatever follows means nothing.
        "UNKNOWN" => return Some(Header::Unknown),
        "TCP4" => |word| word.parse::<Ipv4Addr>().ok().map(IpAddr::from),
        "TCP6" => |word| word.parse::<Ipv6Addr>().ok().map(IpAddr::from),
        _ => return None,
    };
    let (source, _) = (address(words.next()?)?, address(words.next()?)?);
    let (port, _) = (port(words.next()?)?, port(words.next()?)?);
    let peer = Peer::of_address(SocketAddr::new(source, port));
    words.next().is_none().then_some(Header::Client(peer, None))
}

fn port(word: &str) -> Option<u16> {
    let digits = word.bytes().all(|byte| byte.is_ascii_digit());
    word.parse().ok().filter(|port| digits && *port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(address: &str) -> Header {
        Header::Client(Peer::of_address(address.parse().unwrap()), None)
    }

    #[test]
    fn a_line_tells_the_source_or_that_it_is_unknown() {
        for (line, header) in [
            ("PROXY TCP4 192.0.2.5 127.0.0.1 6275 1234\r\n", client("192.0.2.5:6275")),
            ("PROXY TCP6 2001:db8::1 ::1 6275 1234\r\n", client("[2001:db8::1]:6275")),
            ("PROXY UNKNOWN\r\n", Header::Unknown),
            ("PROXY UNKNOWN \r\n", Header::Unknown),
            ("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", Header::Unknown),
        ] {
            let bytes = [line.as_bytes(), b"\x10\x0c\nPROXY"].concat();
            assert_eq!(parse(&bytes), Parsed::Whole(line.len(), header), "{line}");
            for len in 0..line.len() {
                assert_eq!(parse(&bytes[..len]), Parsed::Incomplete, "{line} {len}");
            }
        }
    }

    #[test]
    fn anything_else_is_corrupt() {
        let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(92));
        for line in [
            "\x10\x0c",
            "proxy TCP4 192.0.2.5 127.0.0.1 6275 1234\r\n",
            "PROXY TCP3 192.0.2.5 127.0.0.1 6275 1234\r\n",
            "PROXY TCP4 192.0.2.5 127.0.0.1 6275 1234\n",
            "PROXY TCP4 192.0.2.5 127.0.0.1 6275 1234 \r\n",
            "PROXY TCP4 192.0.2.5 127.0.0.1 6275\r\n",
            "PROXY TCP4  192.0.2.5 127.0.0.1 6275 1234\r\n",
            "PROXY TCP4 192.0.2.256 127.0.0.1 6275 1234\r\n",
            "PROXY TCP4 192.0.2.5 ::1 6275 1234\r\n",
            "PROXY TCP6 192.0.2.5 127.0.0.1 6275 1234\r\n",
            "PROXY TCP4 192.0.2.5 127.0.0.1 0 1234\r\n",
            "PROXY TCP4 192.0.2.5 127.0.0.1 6275 0\r\n",
            "PROXY TCP4 192.0.2.5 127.0.0.1 +6275 1234\r\n",
            "PROXY TCP4 192.0.2.5 127.0.0.1 6275 65536\r\n",
            "PROXY \r\n",
            &long,
        ] {
            assert_eq!(parse(line.as_bytes()), Parsed::Corrupt, "{line}");
        }
        let longest = format!("PROXY UNKNOWN {}\r\n", "x".repeat(91));
        assert_eq!(parse(longest.as_bytes()), Parsed::Whole(107, Header::Unknown));
        assert_eq!(parse(&long.as_bytes()[..107]), Parsed::Corrupt, "without waiting for an end");
    }
}
