//! `proxy_header`: a connection that has to begin with a PROXY header. The first byte of the input has the rules, the second
//! decides where the bytes are split; the rest are the proxy's bytes.

mod plain;

use crate::chance::{Chance, single};
use mosquitto_transport::bare::{proxy_header, stream};
use mosquitto_transport::{Introduction, Layers, ProxyRefusal, ProxyRules, ProxyVersion, Read};
use std::io::Write;
use std::os::unix::net::UnixStream;

/// Switches in the first byte.
const BINARY: u8 = 0x01;
const TLS: u8 = 0x02;
const CERTIFICATE: u8 = 0x04;

/// Bytes of the longest headers.
const LINE_BYTES_MAX: usize = 107;
const BINARY_BYTES_MAX: usize = 16 + 500;

/// Bytes of an input that are sent over a socket.
const SENT_MAX: usize = 2_000;

/// What names of a path, a version and a cipher have in a line of the log, at most, with the words around them.
const LINE_MAX: usize = 3 * BINARY_BYTES_MAX + 100;

pub(crate) fn run(bytes: &[u8]) {
    let [switches, seed, sent @ ..] = bytes else { return };
    let rules = ProxyRules {
        version: if switches & BINARY == 0 { ProxyVersion::V1 } else { ProxyVersion::V2 },
        require_tls: switches & TLS != 0,
        require_certificate: switches & CERTIFICATE != 0,
    };
    let found = proxy_header(rules, sent);
    is_as_expected(rules, sent, found.as_ref());
    is_found_as_soon_as_it_is_there(rules, sent, found.as_ref());
    if let Some((_, introduction)) = &found {
        is_readable(introduction);
    }
    let sent = &sent[..sent.len().min(SENT_MAX)];
    let mut chance = Chance::new(*seed);
    for pieces in [vec![sent], chance.pieces(sent), single(&sent[..sent.len().min(600)])] {
        comes_over_a_socket(rules, &pieces);
    }
}

fn is_as_expected(rules: ProxyRules, sent: &[u8], found: Option<&(usize, Introduction)>) {
    let expected = match rules.version {
        ProxyVersion::V1 => plain::line(sent),
        ProxyVersion::V2 => plain::binary(sent),
    };
    let plain::Parsed::Whole(len, header) = expected else {
        match (expected, found) {
            (plain::Parsed::Incomplete, None)
            | (plain::Parsed::Corrupt, Some((0, Introduction::Refused(ProxyRefusal::Corrupt)))) => return,
            other => panic!("{other:?}"),
        }
    };
    let Some((found_len, introduction)) = found else { panic!("{header:?} was not found") };
    assert_eq!(*found_len, len);
    match (header, introduction) {
        (plain::Header::Unknown, Introduction::Unknown) | (plain::Header::Probe, Introduction::Probe) => {}
        (plain::Header::Client { peer, tls }, introduction) => {
            let needs = rules.version == ProxyVersion::V2;
            let no_tls = needs && rules.require_tls && tls.is_none();
            let certificate = tls.as_ref().is_some_and(|tls| tls.certificate);
            let no_certificate = needs && rules.require_certificate && !certificate;
            match introduction {
                Introduction::Refused(ProxyRefusal::NoTls(other)) => assert!(no_tls && other.to_string() == peer),
                Introduction::Refused(ProxyRefusal::NoCertificate(other)) => {
                    assert!(no_certificate && !no_tls && other.to_string() == peer);
                }
                Introduction::Client { peer: other, tls: found } => {
                    assert!(!no_tls && !no_certificate);
                    assert_eq!((other.to_string(), found), (peer, &tls));
                }
                other => panic!("{other:?}"),
            }
        }
        other => panic!("{other:?}"),
    }
}

/// What is known with some bytes stays so with more, and no more are waited for than a header has.
fn is_found_as_soon_as_it_is_there(rules: ProxyRules, sent: &[u8], found: Option<&(usize, Introduction)>) {
    let most = if rules.version == ProxyVersion::V1 { LINE_BYTES_MAX } else { BINARY_BYTES_MAX };
    assert!(found.is_some() || sent.len() < most, "still waiting");
    let mut known = false;
    for len in 0..=sent.len().min(most) {
        let early = proxy_header(rules, &sent[..len]);
        assert!(!known || early.is_some(), "it was known before");
        known = early.is_some();
        if known {
            assert_eq!(early.as_ref(), found);
        }
        if let Some((header_len, _)) = early {
            assert!(header_len == 0 || header_len == len || known);
            assert!(header_len <= len);
        }
    }
}

/// It can stand in the log, a line for each.
fn is_readable(introduction: &Introduction) {
    let mut lines = Vec::new();
    match introduction {
        Introduction::Client { peer, tls } => {
            lines.extend([peer.to_string(), peer.host()]);
            let tls = tls.clone().unwrap_or_default();
            assert!(tls.certificate || tls.common_name.is_none(), "a name that nobody has vouched for");
            lines.extend([tls.version, tls.cipher].into_iter().flatten());
        }
        Introduction::Refused(refusal) => lines.push(refusal.to_string()),
        Introduction::Unknown | Introduction::Probe => {}
    }
    for line in lines {
        assert!(line.len() <= LINE_MAX && !line.contains(char::is_control), "{line:?}");
    }
}

/// The same through a socket, where it comes in pieces: the header is told once, and what follows it is read whole.
fn comes_over_a_socket(rules: ProxyRules, pieces: &[&[u8]]) {
    let all = pieces.concat();
    let (header_len, expected) = proxy_header(rules, &all).map_or((all.len(), None), |(len, said)| (len, Some(said)));
    let (mut proxy, ours) = UnixStream::pair().expect("two sockets");
    let layers = Layers { proxy: Some(rules), websocket: None };
    let mut stream = stream(ours, &layers).expect("a stream");
    let (mut introduced, mut rest) = (None, Vec::new());
    let mut buffer = [0; 700];
    for piece in pieces {
        proxy.write_all(piece).expect("room");
        loop {
            assert_eq!(stream.is_introduced(), introduced.is_some());
            match stream.read(&mut buffer).expect("a socket that works") {
                Read::Some(len) => rest.extend_from_slice(&buffer[..len]),
                Read::Drained(len) => {
                    rest.extend_from_slice(&buffer[..len]);
                    break;
                }
                Read::Introduced => {
                    assert_eq!(introduced, None);
                    introduced = stream.introduction();
                    assert!(introduced.is_some() && stream.introduction().is_none());
                }
                Read::Request | Read::End => panic!("nothing has ended, and nobody waits for a request"),
            }
        }
    }
    assert_eq!(introduced, expected);
    // Of whom is refused nothing more is read.
    assert!(matches!(introduced, Some(Introduction::Refused(_))) || rest == all[header_len..]);
}
