//! A WebSocket, as the client's end of it makes it.

use super::PATIENCE;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::thread;

/// What clients mask their frames with here.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A request that is answered.
pub(crate) const REQUEST: &str = "GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
                                  Connection: Upgrade\r\nSec-WebSocket-Key: 1JaITHdgDZVd/4OE2AzTTA==\r\n\
                                  Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// The answer.
pub(crate) const ANSWER: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
                                 Sec-WebSocket-Accept: Ako91O0lxiq8gN0+b9YCijMx8lk=\r\n\
                                 Sec-WebSocket-Protocol: mqtt\r\n\r\n";

/// Opens a WebSocket over a connection.
pub(crate) fn open_websocket(mut stream: &TcpStream) {
    stream.write_all(REQUEST.as_bytes()).unwrap();
    let mut answer = vec![0; ANSWER.len()];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(String::from_utf8(answer).unwrap(), ANSWER);
}

/// A frame that a client sends, with this first byte.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        len @ ..126 => frame.push(0x80 | len as u8),
        len @ ..65536 => frame.extend([&[0xfe][..], &(len as u16).to_be_bytes()].concat()),
        len => frame.extend([&[0xff][..], &(len as u64).to_be_bytes()].concat()),
    }
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

/// The next frame that a server has sent: its first byte, and its payload. None at the end.
pub(crate) fn next_frame(stream: &mut impl Read) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 2];
    match stream.read_exact(&mut head) {
        Ok(()) => {}
        Err(error) if [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset].contains(&error.kind()) => return None,
        Err(error) => panic!("{error}"),
    }
    let length = match head[1] {
        126 => 2,
        127 => 8,
        // A server's frames are not masked.
        short => {
            assert!(short < 126);
            0
        }
    };
    let mut bytes = [0; 8];
    stream.read_exact(&mut bytes[8 - length..]).unwrap();
    let len = if length == 0 { usize::from(head[1]) } else { u64::from_be_bytes(bytes) as usize };
    let mut payload = vec![0; len];
    stream.read_exact(&mut payload).unwrap();
    Some((head[0], payload))
}

/// The bytes in a WebSocket over this connection, as a stream of their own.
pub(crate) fn in_websocket(stream: TcpStream) -> TcpStream {
    open_websocket(&stream);
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (mut down, mut up) = (stream.try_clone().unwrap(), stream);
    let (mut to_client, mut from_client) = (theirs.try_clone().unwrap(), theirs);
    ours.set_read_timeout(Some(PATIENCE)).unwrap();
    down.set_read_timeout(None).unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(len @ 1..) = from_client.read(&mut buffer) {
            if up.write_all(&frame(0x82, &buffer[..len])).is_err() {
                break;
            }
        }
        let _ = up.shutdown(Shutdown::Write);
    });
    thread::spawn(move || {
        while let Some((0x82, payload)) = next_frame(&mut down) {
            if to_client.write_all(&payload).is_err() {
                break;
            }
        }
        let _ = to_client.shutdown(Shutdown::Both);
    });
    // What a client of the harness does with a socket is the same with both kinds.
    TcpStream::from(OwnedFd::from(ours))
}
