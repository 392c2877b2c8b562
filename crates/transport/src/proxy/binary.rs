//! Version 2: a signature, what it is about, addresses, and further values by type.

use super::{Header, Parsed, ProxyTls};
use crate::Peer;
use std::ffi::OsStr;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Bytes up to the addresses.
const FIXED_BYTES: usize = 16;

/// Bytes of the longest body: that is what Mosquitto takes.
const BODY_BYTES_MAX: usize = 500;

pub(super) const HEADER_BYTES_MAX: usize = FIXED_BYTES + BODY_BYTES_MAX;

/// Bytes of one of the two paths of a Unix socket.
const PATH_BYTES: usize = 108;

/// The type of the value about TLS, and those of the values in it.
const SSL: u8 = 0x20;
const SSL_VERSION: u8 = 0x21;
const SSL_COMMON_NAME: u8 = 0x22;
const SSL_CIPHER: u8 = 0x23;

/// Bits of what the client has done: it came over TLS; it has shown a certificate on this connection.
const CLIENT_SSL: u8 = 0x01;
const CLIENT_CERT_CONN: u8 = 0x02;
const CLIENT_CERT_SESS: u8 = 0x04;

pub(super) fn parse(bytes: &[u8]) -> Parsed {
    let begun = bytes.len().min(SIGNATURE.len());
    if bytes.get(..begun) != SIGNATURE.get(..begun) {
        return Parsed::Corrupt;
    }
    let Some(&[version_and_command, family, high, low]) =
        bytes.get(SIGNATURE.len()..).and_then(<[u8]>::first_chunk::<4>)
    else {
        return Parsed::Incomplete;
    };
    let len = usize::from(u16::from_be_bytes([high, low]));
    match version_and_command {
        // What a proxy says of itself is of no interest.
        0x20 => return Parsed::Whole(FIXED_BYTES, Header::Probe),
        0x21 => {}
        _ => return Parsed::Corrupt,
    }
    if len > BODY_BYTES_MAX {
        return Parsed::Corrupt;
    }
    let Some(body) = bytes.get(FIXED_BYTES..FIXED_BYTES + len) else { return Parsed::Incomplete };
    match client(family, body) {
        Some(header) => Parsed::Whole(FIXED_BYTES + len, header),
        None => Parsed::Corrupt,
    }
}

fn client(family: u8, body: &[u8]) -> Option<Header> {
    let (peer, values) = match family {
        0x11 => ipv4(body)?,
        0x21 => ipv6(body)?,
        0x31 => unix(body)?,
        _ => return None,
    };
    tls(values).ok().map(|tls| Header::Client(peer, tls))
}

fn ipv4(body: &[u8]) -> Option<(Peer, &[u8])> {
    let (address, rest) = body.split_first_chunk::<4>()?;
    let (_destination, rest) = rest.split_first_chunk::<4>()?;
    let (port, values) = ports(rest)?;
    Some((Peer::of_address(SocketAddr::from((Ipv4Addr::from(*address), port))), values))
}

fn ipv6(body: &[u8]) -> Option<(Peer, &[u8])> {
    let (address, rest) = body.split_first_chunk::<16>()?;
    let (_destination, rest) = rest.split_first_chunk::<16>()?;
    let (port, values) = ports(rest)?;
    Some((Peer::of_address(SocketAddr::from((Ipv6Addr::from(*address), port))), values))
}

/// The source's port.
fn ports(rest: &[u8]) -> Option<(u16, &[u8])> {
    let (source, rest) = rest.split_first_chunk::<2>()?;
    let (_destination, values) = rest.split_first_chunk::<2>()?;
    Some((u16::from_be_bytes(*source), values))
}

/// Mosquitto is content with a path that is shorter than its field, where nothing else follows.
fn unix(body: &[u8]) -> Option<(Peer, &[u8])> {
    let source = body.get(..PATH_BYTES).unwrap_or(body);
    let path = source.split(|&byte| byte == 0).next().filter(|_| !body.is_empty())?;
    // It will stand in the log.
    if path.iter().any(u8::is_ascii_control) {
        return None;
    }
    let values = body.get(2 * PATH_BYTES..).unwrap_or_default();
    Some((Peer::at_path(Path::new(OsStr::from_bytes(path))), values))
}

/// Values that are longer than what holds them.
struct Malformed;

/// What the values say about TLS, if anything.
fn tls(mut values: &[u8]) -> Result<Option<ProxyTls>, Malformed> {
    let mut found = None;
    while !values.is_empty() {
        let (kind, value, rest) = next_value(values)?;
        values = rest;
        if kind == SSL {
            found = of_ssl(value)?;
        }
    }
    Ok(found)
}

fn of_ssl(value: &[u8]) -> Result<Option<ProxyTls>, Malformed> {
    let (&client, rest) = value.split_first().ok_or(Malformed)?;
    let (verify, mut values) = rest.split_first_chunk::<4>().ok_or(Malformed)?;
    let shown = client & (CLIENT_CERT_CONN | CLIENT_CERT_SESS) != 0;
    let mut tls = ProxyTls { certificate: shown && *verify == [0; 4], ..ProxyTls::default() };
    while !values.is_empty() {
        let (kind, value, rest) = next_value(values)?;
        values = rest;
        // It will stand in the log.
        let text = || String::from_utf8_lossy(value).replace(char::is_control, "?");
        match kind {
            SSL_VERSION => tls.version = Some(text()),
            SSL_CIPHER => tls.cipher = Some(text()),
            // A username: it is that name or none.
            SSL_COMMON_NAME if tls.certificate => tls.common_name = str::from_utf8(value).ok().map(str::to_owned),
            _ => {}
        }
    }
    Ok((client & CLIENT_SSL != 0).then_some(tls))
}

/// Type, value, and what follows.
fn next_value(values: &[u8]) -> Result<(u8, &[u8], &[u8]), Malformed> {
    let (&[kind, high, low], rest) = values.split_first_chunk::<3>().ok_or(Malformed)?;
    let len = usize::from(u16::from_be_bytes([high, low]));
    let (value, rest) = rest.split_at_checked(len).ok_or(Malformed)?;
    Ok((kind, value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let len = u16::try_from(body.len()).unwrap().to_be_bytes();
        [SIGNATURE, &[command, family], &len, body].concat()
    }

    fn value(kind: u8, value: &[u8]) -> Vec<u8> {
        [&[kind][..], &u16::try_from(value.len()).unwrap().to_be_bytes(), value].concat()
    }

    /// 192.0.2.5, port 6275, and these values.
    fn from_ipv4(values: &[u8]) -> Vec<u8> {
        header(0x21, 0x11, &[&[192, 0, 2, 5, 127, 0, 0, 1, 0x18, 0x83, 0, 0], values].concat())
    }

    fn ssl(client: u8, verify: u8, values: &[Vec<u8>]) -> Vec<u8> {
        value(SSL, &[&[client, 0, 0, 0, verify][..], &values.concat()].concat())
    }

    /// What a header comes to that is followed by something else, and that is incomplete up to its last byte.
    fn parsed(bytes: &[u8]) -> Header {
        for len in 0..bytes.len() {
            assert_eq!(parse(&bytes[..len]), Parsed::Incomplete, "{len} bytes of {bytes:?}");
        }
        match parse(&[bytes, b"\x10\x0c"].concat()) {
            Parsed::Whole(len, header) if len == bytes.len() => header,
            other => panic!("{other:?} of {bytes:?}"),
        }
    }

    fn client(peer: &str) -> Header {
        Header::Client(Peer::of_address(peer.parse().unwrap()), None)
    }

    #[test]
    fn addresses_of_each_family_are_told() {
        assert_eq!(parsed(&from_ipv4(&[])), client("192.0.2.5:6275"));
        assert_eq!(parsed(&from_ipv4(&value(2, b"host"))), client("192.0.2.5:6275"));
        let mut body = [0; 36];
        (body[0], body[15], body[33]) = (0x20, 1, 80);
        assert_eq!(parsed(&header(0x21, 0x21, &body)), client("[2000::1]:80"));
        let at_path = Header::Client(Peer::at_path(Path::new("/path")), None);
        assert_eq!(parsed(&header(0x21, 0x31, b"/path")), at_path);
        let mut paths = [0; 216];
        paths[..5].copy_from_slice(b"/path");
        paths[108..113].copy_from_slice(b"/ours");
        assert_eq!(parsed(&header(0x21, 0x31, &paths)), at_path);
        assert_eq!(parsed(&header(0x21, 0x31, &[&paths[..], &value(2, b"host")].concat())), at_path);
    }

    #[test]
    fn a_probe_is_known_by_its_command() {
        assert_eq!(parsed(&header(0x20, 0, &[])), Header::Probe);
        assert_eq!(parse(&header(0x20, 0x11, &[0; 12])), Parsed::Whole(16, Header::Probe));
    }

    #[test]
    fn tls_is_told_with_version_cipher_and_whether_there_was_a_good_certificate() {
        let names = [value(SSL_VERSION, b"TLSv1.3"), value(SSL_COMMON_NAME, b"cn"), value(SSL_CIPHER, b"AES")];
        for (client, verify, certificate) in
            [(1, 0, false), (3, 0, true), (5, 0, true), (7, 0, true), (5, 1, false), (1, 1, false)]
        {
            let expected = ProxyTls {
                version: Some("TLSv1.3".to_owned()),
                cipher: Some("AES".to_owned()),
                certificate,
                common_name: certificate.then(|| "cn".to_owned()),
            };
            let peer = Peer::of_address("192.0.2.5:6275".parse().unwrap());
            assert_eq!(parsed(&from_ipv4(&ssl(client, verify, &names))), Header::Client(peer, Some(expected)));
        }
        assert_eq!(parsed(&from_ipv4(&ssl(0, 0, &names))), client("192.0.2.5:6275"), "not over TLS");
    }

    #[test]
    fn anything_else_is_corrupt() {
        let mut bad = vec![
            [&SIGNATURE[..11], b"\x0b"].concat(),
            b"PROXY TCP4".to_vec(),
            // Version, command, family.
            header(0x31, 0x11, &[0; 12]),
            header(0x23, 0x11, &[0; 12]),
            header(0x21, 0x00, &[0; 12]),
            header(0x21, 0x12, &[0; 12]),
            header(0x21, 0x22, &[0; 36]),
            // Too short for its addresses.
            header(0x21, 0x11, &[0; 11]),
            header(0x21, 0x11, &[]),
            header(0x21, 0x21, &[0; 35]),
            header(0x21, 0x31, &[]),
            // A path that would make two lines of one.
            header(0x21, 0x31, b"/x\n1: forged"),
            // Too long.
            header(0x21, 0x31, &[b'a'; 501]),
        ];
        // Values that are longer than what holds them.
        let whole = ssl(5, 0, &[value(SSL_VERSION, b"TLSv1.3")]);
        bad.extend((1..whole.len()).map(|len| from_ipv4(&whole[..len])));
        bad.extend((0..5).map(|len| from_ipv4(&value(SSL, &[1; 5][..len]))));
        bad.push(from_ipv4(&ssl(5, 0, &[vec![SSL_CIPHER, 0, 9, b'a']])));
        for bytes in bad {
            assert_eq!(parse(&bytes), Parsed::Corrupt, "{bytes:?}");
        }
        // That it will be too long is known before the rest has come.
        assert_eq!(parse(&header(0x21, 0x11, &[0; 501])[..16]), Parsed::Corrupt);
        let longest = header(0x21, 0x31, &[&[b'a'; 216][..], &value(2, &[0; 281])].concat());
        assert!(matches!(parse(&longest), Parsed::Whole(516, _)));
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(command in 0x1f_u8..0x24, family: u8, body in prop::collection::vec(any::<u8>(), 0..600)) {
            let bytes = header(command, family, &body);
            match parse(&bytes) {
                Parsed::Whole(len, _) => prop_assert!(len <= bytes.len() && len <= HEADER_BYTES_MAX),
                Parsed::Incomplete | Parsed::Corrupt => {}
            }
            for len in [0, 11, 12, 15, 16, 17, bytes.len() / 2] {
                parse(&bytes[..len.min(bytes.len())]);
            }
            super::super::line::parse(&body);
        }
    }
}
