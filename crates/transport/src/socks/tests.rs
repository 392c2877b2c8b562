use super::*;
use mio::net::UnixStream;
use std::io::{Read as _, Write as _};

/// Both ends of a connection to a proxy that is written out byte by byte.
fn pair() -> (Socket, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (Socket::Unix(ours), theirs)
}

fn request(host: &str, login: Option<(&str, &str)>) -> SocksRequest {
    let login = login.map(|(user, password)| (user.to_owned(), password.to_owned()));
    SocksRequest { host: host.to_owned(), port: 1883, login }
}

/// Plays a talk: what the proxy has to hear, and what it says then, in pieces of this size. What the opening comes to.
fn talk(request: SocksRequest, talk: &[(&[u8], &[u8])], piece: usize) -> io::Result<bool> {
    let (mut socket, mut proxy) = pair();
    let mut socks = Socks::new(request)?;
    let mut outcome = socks.open(&mut socket);
    for (heard, said) in talk {
        assert!(!outcome?);
        let mut room = [0; 600];
        let len = proxy.read(&mut room).unwrap();
        assert_eq!(&room[..len], *heard);
        outcome = Ok(false);
        for said in said.chunks(piece) {
            assert!(!outcome?);
            proxy.write_all(said).unwrap();
            outcome = socks.open(&mut socket);
        }
    }
    outcome
}

const GREETING: &[u8] = &[5, 1, 0];
const GREETING_WITH_LOGIN: &[u8] = &[5, 2, 0, 2];
const TO_NAME: &[u8] = b"\x05\x01\x00\x03\x09localhost\x07\x5b";
const DONE: &[u8] = &[5, 0, 0, 1, 127, 0, 0, 1, 0, 80];

/// RFC 1928, sections 3 to 6
#[test]
fn a_connection_is_asked_for_in_whatever_pieces_the_proxy_answers() {
    for piece in [1, 2, 3, 100] {
        assert!(talk(request("localhost", None), &[(GREETING, &[5, 0]), (TO_NAME, DONE)], piece).unwrap());
    }
}

#[test]
fn addresses_are_sent_as_addresses() {
    let v4: &[u8] = &[5, 1, 0, 1, 127, 0, 0, 1, 0x07, 0x5b];
    assert!(talk(request("127.0.0.1", None), &[(GREETING, &[5, 0]), (v4, DONE)], 100).unwrap());
    let v6: &[u8] = &[&[5, 1, 0, 4][..], &[0; 15], &[1, 0x07, 0x5b]].concat();
    let done: &[u8] = &[&[5, 0, 0, 4][..], &[0; 18]].concat();
    assert!(talk(request("::1", None), &[(GREETING, &[5, 0]), (v6, done)], 100).unwrap());
    let done: &[u8] = b"\x05\x00\x00\x03\x02ab\x00\x50";
    assert!(talk(request("localhost", None), &[(GREETING, &[5, 0]), (TO_NAME, done)], 100).unwrap());
}

/// RFC 1929, section 2
#[test]
fn a_proxy_that_asks_for_it_is_told_user_and_password() {
    let login: &[u8] = b"\x01\x02me\x06secret";
    let asked = request("localhost", Some(("me", "secret")));
    let all: &[(&[u8], &[u8])] = &[(GREETING_WITH_LOGIN, &[5, 2]), (login, &[1, 0]), (TO_NAME, DONE)];
    assert!(talk(asked.clone(), all, 1).unwrap());
    // One that does not ask is not told.
    assert!(talk(asked.clone(), &[(GREETING_WITH_LOGIN, &[5, 0]), (TO_NAME, DONE)], 1).unwrap());
    for (code, failure) in
        [(1, SocksFailure::Faulty), (2, SocksFailure::NotAllowed), (0xff, SocksFailure::Unknown(0xff))]
    {
        let all: &[(&[u8], &[u8])] = &[(GREETING_WITH_LOGIN, &[5, 2]), (login, &[1, code])];
        assert_eq!(SocksFailure::of(&talk(asked.clone(), all, 1).unwrap_err()), Some(failure));
    }
    // Not without being asked to by the user.
    let refused = talk(request("localhost", None), &[(GREETING, &[5, 2])], 1).unwrap_err();
    assert_eq!(SocksFailure::of(&refused), Some(SocksFailure::NotAllowed));
}

#[test]
fn what_a_proxy_says_instead_is_told() {
    for (code, failure) in [
        (1, SocksFailure::Faulty),
        (2, SocksFailure::NotAllowed),
        (3, SocksFailure::Unreachable),
        (4, SocksFailure::Unreachable),
        (5, SocksFailure::Unreachable),
        (6, SocksFailure::Faulty),
        (8, SocksFailure::Faulty),
        (9, SocksFailure::Unknown(9)),
    ] {
        let answer: &[u8] = &[5, code, 0, 1, 0, 0, 0, 0, 0, 0];
        let all: &[(&[u8], &[u8])] = &[(GREETING, &[5, 0]), (TO_NAME, answer)];
        assert_eq!(SocksFailure::of(&talk(request("localhost", None), all, 100).unwrap_err()), Some(failure));
    }
    for greeting in [&[5, 0xff][..], &[5, 1], &[4, 0], b"HT"] {
        let failure = talk(request("localhost", None), &[(GREETING, greeting)], 100).unwrap_err();
        assert!(SocksFailure::of(&failure).is_some(), "{greeting:?}");
    }
    let odd: &[u8] = &[5, 0, 0, 2, 0];
    let failure = talk(request("localhost", None), &[(GREETING, &[5, 0]), (TO_NAME, odd)], 100).unwrap_err();
    assert_eq!(SocksFailure::of(&failure), Some(SocksFailure::Faulty));
}

#[test]
fn a_proxy_that_hangs_up_has_failed() {
    let (mut socket, proxy) = pair();
    let mut socks = Socks::new(request("localhost", None)).unwrap();
    assert!(!socks.open(&mut socket).unwrap());
    proxy.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(SocksFailure::of(&socks.open(&mut socket).unwrap_err()), Some(SocksFailure::Faulty));
}

#[test]
fn what_follows_the_answer_is_left_to_others() {
    let (mut socket, mut proxy) = pair();
    let mut socks = Socks::new(request("localhost", None)).unwrap();
    assert!(!socks.open(&mut socket).unwrap());
    proxy.write_all(&[&[5, 0][..], DONE, b"hello"].concat()).unwrap();
    assert!(socks.open(&mut socket).unwrap());
    let mut room = [0; 10];
    assert_eq!(socket.read(&mut room).unwrap(), Read::Drained(5));
    assert_eq!(&room[..5], b"hello");
}

#[test]
fn names_that_cannot_be_said_are_refused() {
    let long = "a".repeat(256);
    for request in [request(&long, None), request("a", Some((&long, ""))), request("a", Some(("", &long)))] {
        assert_eq!(Socks::new(request).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}
