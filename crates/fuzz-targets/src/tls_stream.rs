//! `tls_stream`: a connection to a port with TLS. The first byte of the input has switches, the second decides where bytes
//! are split and what is changed. The rest is either what the peer sends instead of TLS, or what a client sends over it.

mod session;

use crate::chance::{Chance, single};
use crate::tls::Files;
use mosquitto_transport::bare::stream;
use mosquitto_transport::{Layers, Read, Security, Stream, TlsFailure, Written};
use rustls::version::{TLS12, TLS13};
use session::Session;
use std::io::{self, ErrorKind, IoSlice, Read as _, Write};
use std::os::unix::net::UnixStream;
use std::sync::OnceLock;

/// Switches in the first byte.
const OVER_TLS: u8 = 0x01;
const REQUIRE_CERTIFICATE: u8 = 0x02;
const OLD: u8 = 0x04;
const CHANGED: u8 = 0x08;

/// Bytes that are sent instead of TLS, at most.
const BARE_MAX: usize = 600;

pub(crate) fn run(bytes: &[u8]) {
    let [switches, seed, rest @ ..] = bytes else { return };
    let mut chance = Chance::new(*seed);
    let require = switches & REQUIRE_CERTIFICATE != 0;
    if switches & OVER_TLS == 0 {
        let sent = &rest[..rest.len().min(BARE_MAX)];
        let whole = bare(require, &[sent]);
        assert_eq!(bare(require, &chance.pieces(sent)), whole, "it matters where it is split");
        assert_eq!(bare(require, &single(sent)), whole, "it matters where it is split");
        is_told_from_mqtt(sent, &whole);
    } else {
        let version = if switches & OLD == 0 { &TLS13 } else { &TLS12 };
        Session::new(version, require, switches & CHANGED != 0, chance).run(rest);
    }
}

/// A server that asks for a certificate, or one that does not.
fn server(require_certificate: bool) -> &'static Security {
    static SERVERS: OnceLock<[Security; 2]> = OnceLock::new();
    let servers = SERVERS
        .get_or_init(|| [false, true].map(|require| Security::Tls(Files::good(require).open().expect("a server"))));
    &servers[usize::from(require_certificate)]
}

fn connect(require_certificate: bool) -> (UnixStream, Stream) {
    let (peer, ours) = UnixStream::pair().expect("two sockets");
    peer.set_nonblocking(true).expect("a socket");
    let mut stream = stream(ours, &Layers { proxy: None, websocket: None }).expect("a stream");
    stream.secure(server(require_certificate)).expect("TLS");
    (peer, stream)
}

/// What became of bytes that are none of a client with keys.
#[derive(Debug, PartialEq, Eq)]
struct Came {
    /// What is wrong.
    error: Option<String>,
    is_not_tls: bool,
    /// The types of the records that the server has sent.
    records: Vec<u8>,
    /// What an alert says that is not encrypted.
    alert: Vec<u8>,
}

fn bare(require_certificate: bool, pieces: &[&[u8]]) -> Came {
    let (mut peer, mut stream) = connect(require_certificate);
    let mut came = Came { error: None, is_not_tls: false, records: Vec::new(), alert: Vec::new() };
    for piece in pieces {
        if peer.write_all(piece).is_err() {
            break;
        }
        match read(&mut stream) {
            Ok(data) => assert!(data.is_empty(), "nobody can have sent that"),
            Err(error) => {
                let failure = TlsFailure::of(&error).expect("what TLS says");
                assert_eq!((error.kind(), &came.error), (ErrorKind::InvalidData, &None), "it fails once");
                came.is_not_tls = failure.is_not_tls();
                came.error = Some(failure.to_string());
            }
        }
        assert_eq!(stream.secured(), None);
        stream.flush().expect("a socket that works");
    }
    if came.error.is_some() {
        assert!(matches!(stream.write(&[IoSlice::new(b"late")]), Err(_) | Ok(Written::Blocked(0))));
    }
    let said = received(&mut peer);
    let mut left = &said[..];
    while let [kind, 3, _, high, low, rest @ ..] = left {
        let len = usize::from(*high) * 256 + usize::from(*low);
        assert!((20..=23).contains(kind) && len <= rest.len(), "a record");
        let (record, rest) = rest.split_at(len);
        came.records.push(*kind);
        if *kind == 21 {
            came.alert = record.to_vec();
        }
        left = rest;
    }
    assert!(left.is_empty(), "{left:?}");
    came
}

/// All that there is to read.
fn read(stream: &mut Stream) -> io::Result<Vec<u8>> {
    let (mut data, mut buffer) = (Vec::new(), [0; 50]);
    loop {
        match stream.read(&mut buffer)? {
            Read::Some(len) => data.extend_from_slice(&buffer[..len]),
            Read::Drained(len) => {
                assert!(!stream.has_unread(), "nothing tells of it any more");
                data.extend_from_slice(&buffer[..len]);
                return Ok(data);
            }
            Read::End => return Ok(data),
            Read::Introduced | Read::Request => panic!("there is neither a PROXY header nor a WebSocket"),
        }
    }
}

/// All that has come, without waiting.
fn received(peer: &mut UnixStream) -> Vec<u8> {
    let (mut all, mut buffer) = (Vec::new(), [0; 8192]);
    while let Ok(len @ 1..) = peer.read(&mut buffer) {
        all.extend_from_slice(&buffer[..len]);
    }
    all
}

/// What begins as no record of TLS does is known to be none: MQTT, mostly.
fn is_told_from_mqtt(sent: &[u8], came: &Came) {
    let Some(first) = sent.first() else {
        assert_eq!((&came.error, came.is_not_tls), (&None, false));
        return;
    };
    if sent.len() >= 5 && !(20..=24).contains(first) {
        assert!(came.is_not_tls && came.records.len() <= 1, "{came:?}");
    }
    // Nothing is said to nobody: the first thing is an answer to a whole message, or what is wrong.
    assert!(came.error.is_some() || came.records.is_empty() || *first == 22);
}
