//! `client_answers`: what a SOCKS5 proxy, and a server that is asked for a WebSocket, may answer to a client. The first
//! byte of the input says which of them there are, and in what pieces their answers come. A byte 0xFF in the input is what
//! the server has to say to the request's random key (RFC 6455, 4.2.2); nobody could guess it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mosquitto_transport::{ClientLayers, Read, SocksFailure, SocksRequest, Stream, WebSocketFailure, WebSocketRequest};
use sha1::{Digest, Sha1};
use std::io::{self, ErrorKind, Read as _, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::OnceLock;

/// Bytes of what a user is told.
const WHY_BYTES_MAX: usize = 40_000;

/// Bytes of the longest that a client says before it is answered: the requests to proxy and server.
const ASKED_BYTES_MAX: usize = 1_000;

/// Appended to the key, before it is hashed.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

fn layers(kind: u8) -> ClientLayers {
    let login = (kind & 4 != 0).then(|| ("user".to_owned(), "secret".to_owned()));
    let host = if kind & 8 == 0 { "broker.example.org" } else { "192.0.2.1" };
    let socks = SocksRequest { host: host.to_owned(), port: 1883, login };
    let websocket = WebSocketRequest { host: host.to_owned(), path: "/mqtt".to_owned(), protocol: "mqtt" };
    ClientLayers { socks: (kind & 1 != 0).then_some(socks), tls: None, websocket: (kind & 2 != 0).then_some(websocket) }
}

/// Both ends of a connection.
fn pair() -> (Stream, UnixStream) {
    static LISTENER: OnceLock<(UnixListener, PathBuf)> = OnceLock::new();
    let (listener, path) = LISTENER.get_or_init(|| {
        let path = std::env::temp_dir().join(format!("client-answers-{}", std::process::id()));
        // That of a process long gone.
        let _ = std::fs::remove_file(&path);
        (UnixListener::bind(&path).expect("a socket"), path)
    });
    let stream = Stream::connect_unix(path).expect("a connection");
    let (server, _) = listener.accept().expect("the other end");
    server.set_nonblocking(true).expect("a socket that does not wait");
    (stream, server)
}

pub(crate) fn run(bytes: &[u8]) {
    let [kind, rest @ ..] = bytes else { return };
    let (mut client, mut server) = pair();
    client.set_client_layers(&layers(*kind)).expect("good names");
    let piece = usize::from(kind >> 4) * 16 + 1;
    let (mut asked, mut is_open) = (Vec::new(), false);
    for part in rest.chunks(piece) {
        if !is_open {
            match client.open() {
                Ok(opened) => is_open = opened,
                Err(error) => return failed(&error, *kind),
            }
        }
        listen(&mut server, &mut asked);
        let answer: Vec<u8> = part.iter().flat_map(|byte| of_byte(*byte, &asked)).collect();
        // What the client does not take is lost: it does not read before it is asked to.
        let _ = server.write(&answer);
        if is_open && !reads(&mut client, *kind) {
            return;
        }
    }
    drop(server);
    match client.open() {
        Ok(true) => while reads(&mut client, *kind) {},
        // An end that nobody has been told of yet, or a failure.
        Ok(false) => assert!(!is_open),
        Err(error) => failed(&error, *kind),
    }
}

/// Adds what the client says.
fn listen(server: &mut UnixStream, asked: &mut Vec<u8>) {
    let mut room = [0; 2048];
    while let Ok(len @ 1..) = server.read(&mut room) {
        asked.extend_from_slice(&room[..len]);
    }
    assert!(asked.len() <= ASKED_BYTES_MAX + 64 * 1024, "{} bytes", asked.len());
}

fn of_byte(byte: u8, asked: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(asked);
    match text.split_once("Sec-WebSocket-Key: ").and_then(|(_, behind)| behind.split_once("\r\n")) {
        Some((key, _)) if byte == 0xFF => STANDARD.encode(Sha1::digest(format!("{key}{GUID}"))).into_bytes(),
        _ => vec![byte],
    }
}

/// Reads what there is. False: the connection is at its end.
fn reads(client: &mut Stream, kind: u8) -> bool {
    let mut room = [0; 512];
    loop {
        match client.read(&mut room) {
            Ok(Read::Some(len)) => assert!(len <= room.len()),
            Ok(Read::Drained(len)) => {
                assert!(len <= room.len());
                if !client.has_unread() {
                    return true;
                }
            }
            Ok(Read::End) => return false,
            Ok(other) => panic!("{other:?} is for servers"),
            Err(error) => {
                // A broken WebSocket, or a peer that is gone.
                assert!(kind & 2 != 0 || error.kind() != ErrorKind::InvalidData, "{error}");
                return false;
            }
        }
    }
}

/// What a user is told names the layer, and can be printed.
fn failed(error: &io::Error, kind: u8) {
    let of_socks = SocksFailure::of(error).is_some();
    let of_websocket = WebSocketFailure::of(error).is_some();
    assert!(!of_socks || kind & 1 != 0);
    assert!(!of_websocket || kind & 2 != 0);
    let why = error.to_string();
    assert!(!why.is_empty() && why.len() <= WHY_BYTES_MAX && !why.contains(char::is_control), "{why:?}");
}
