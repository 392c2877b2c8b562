use super::handshake::END;
use super::*;
use proptest::prelude::*;
use std::collections::VecDeque;

mod client;

const PROTOCOLS: &[&str] = &["mqtt", "mqttv3.1"];

const REQUEST: &str = "GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\
                       Sec-WebSocket-Key: 1JaITHdgDZVd/4OE2AzTTA==\r\nSec-WebSocket-Protocol: mqtt\r\n\
                       Sec-WebSocket-Version: 13\r\nOrigin: https://example.org\r\n\r\n";

const ANSWER: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
                      Sec-WebSocket-Accept: Ako91O0lxiq8gN0+b9YCijMx8lk=\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";

/// A client of whom everything is known.
#[derive(Default)]
struct Wire {
    /// What comes, a read each.
    incoming: VecDeque<Vec<u8>>,
    outgoing: Vec<u8>,
    /// Bytes that it still takes.
    room: Option<usize>,
}

impl Lower for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Read> {
        let Some(mut bytes) = self.incoming.pop_front() else { return Ok(Read::Drained(0)) };
        let len = bytes.len().min(buffer.len());
        buffer[..len].copy_from_slice(&bytes[..len]);
        if len < bytes.len() {
            self.incoming.push_front(bytes.split_off(len));
        }
        Ok(if self.incoming.is_empty() { Read::Drained(len) } else { Read::Some(len) })
    }

    fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<Written> {
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        let len = bytes.len().min(self.room.unwrap_or(usize::MAX));
        self.outgoing.extend_from_slice(&bytes[..len]);
        if let Some(room) = &mut self.room {
            *room -= len;
        }
        Ok(if len < bytes.len() { Written::Blocked(len) } else { Written::Some(len) })
    }
}

fn rules(origins: &[&str]) -> Arc<WebSocketRules> {
    let origins = origins.iter().map(|&origin| origin.to_owned()).collect();
    Arc::new(WebSocketRules { head_bytes_max: 4096, protocols: PROTOCOLS, origins, gives_requests_away: false })
}

fn open() -> (WebSocket, Wire) {
    let (mut socket, mut wire) = (WebSocket::new(rules(&[])), Wire::default());
    wire.incoming.push_back(REQUEST.into());
    assert_eq!(socket.read(&mut wire, &mut [0; 4096]).unwrap(), Read::Drained(0));
    assert_eq!(wire.outgoing, ANSWER.as_bytes());
    wire.outgoing.clear();
    (socket, wire)
}

/// A frame of a client, masked.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = vec![first];
    match payload.len() {
        len @ ..126 => frame.push(0x80 | len as u8),
        len @ ..65536 => frame.extend([&[0xfe][..], &(len as u16).to_be_bytes()].concat()),
        len => frame.extend([&[0xff][..], &(len as u64).to_be_bytes()].concat()),
    }
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

/// All that comes, and how it ends: `None` if it does not.
fn drain(socket: &mut WebSocket, wire: &mut Wire, room: usize) -> (Vec<u8>, Option<io::Result<Read>>) {
    let (mut all, mut buffer) = (Vec::new(), vec![0; room]);
    loop {
        match socket.read(wire, &mut buffer) {
            Ok(Read::Some(len)) => all.extend_from_slice(&buffer[..len]),
            Ok(Read::Drained(len)) => {
                all.extend_from_slice(&buffer[..len]);
                return (all, None);
            }
            end => return (all, Some(end)),
        }
    }
}

/// What a client that sends this after the handshake is told, and whether it counts as broken.
fn told(frames: &[Vec<u8>]) -> (Vec<u8>, Vec<u8>, bool) {
    let (mut socket, mut wire) = open();
    wire.incoming.push_back(frames.concat());
    let (data, end) = drain(&mut socket, &mut wire, 4096);
    let broken = match end {
        Some(Err(error)) => {
            assert_eq!((error.kind(), error.to_string()), (io::ErrorKind::InvalidData, "protocol error".to_owned()));
            true
        }
        Some(Ok(Read::End)) => false,
        other => panic!("{other:?}"),
    };
    // Afterwards nothing counts, and nothing is said.
    wire.incoming.push_back(frame(0x89, b"late"));
    let said = wire.outgoing.clone();
    assert_eq!(drain(&mut socket, &mut wire, 4096).0, b"");
    assert_eq!(socket.write(&mut wire, &[IoSlice::new(b"late")]).unwrap(), Written::Some(4));
    socket.say_goodbye(&mut wire);
    assert_eq!(wire.outgoing, said);
    (data, said, broken)
}

#[test]
fn a_request_may_come_in_any_pieces_with_frames_right_behind_it() {
    for size in [1, 2, 3, 50, 1000] {
        let (mut socket, mut wire) = (WebSocket::new(rules(&[])), Wire::default());
        let bytes = [REQUEST.as_bytes(), &frame(0x82, b"hello")].concat();
        wire.incoming = bytes.chunks(size).map(<[u8]>::to_vec).collect();
        assert_eq!(drain(&mut socket, &mut wire, 4096).0, b"hello");
        assert_eq!(wire.outgoing, ANSWER.as_bytes());
    }
}

/// What a request comes to: the answer's last header but one, or why it is refused.
fn answer(rules: &Arc<WebSocketRules>, request: &str) -> Result<String, String> {
    let (mut socket, mut wire) = (WebSocket::new(Arc::clone(rules)), Wire::default());
    wire.incoming.push_back(request.into());
    match drain(&mut socket, &mut wire, 70_000).1 {
        None => Ok(String::from_utf8(wire.outgoing).unwrap()),
        Some(end) => {
            assert_eq!(wire.outgoing, b"", "no answer");
            Err(end.unwrap_err().to_string())
        }
    }
}

#[test]
fn a_request_needs_all_that_makes_it_one() {
    let rules = rules(&[]);
    assert_eq!(answer(&rules, REQUEST).as_deref(), Ok(ANSWER));
    for (from, to) in [
        ("GET", "HEAD"),
        ("/mqtt", "/"),
        ("Upgrade: websocket", "upgrade:WebSocket"),
        ("keep-alive, ", ""),
        ("Protocol: mqtt", "Protocol: x, mqtt"),
    ] {
        assert_eq!(answer(&rules, &REQUEST.replace(from, to)).as_deref(), Ok(ANSWER), "{from}: {to}");
    }
    let older = answer(&rules, &REQUEST.replace("Protocol: mqtt", "Protocol: mqttv3.1")).unwrap();
    assert!(older.contains("\r\nSec-WebSocket-Protocol: mqttv3.1\r\n"));
    for (from, to) in [
        ("GET", "POST"),
        ("HTTP/1.1", "HTTP/1.0"),
        ("Upgrade: websocket\r\n", ""),
        ("Upgrade: websocket", "Upgrade: h2c"),
        ("Connection: keep-alive, Upgrade", "Connection: keep-alive"),
        ("Version: 13", "Version: 8"),
        ("Sec-WebSocket-Key: 1JaITHdgDZVd/4OE2AzTTA==\r\n", ""),
        ("Sec-WebSocket-Protocol: mqtt\r\n", ""),
        ("Protocol: mqtt", "Protocol: mqttx"),
        ("GET /mqtt HTTP/1.1", "\x10\x0c\0\x04MQTT"),
        ("Host", "Ho st"),
    ] {
        assert_eq!(answer(&rules, &REQUEST.replace(from, to)).unwrap_err(), "protocol error", "{from}: {to}");
    }
}

#[test]
fn a_request_for_something_else_is_given_away_where_that_is_wanted() {
    let rules = Arc::new(WebSocketRules { gives_requests_away: true, ..(*rules(&[])).clone() });
    let other = REQUEST.replace("Upgrade: websocket\r\n", "");
    for size in [1, 3, 1000] {
        let (mut socket, mut wire) = (WebSocket::new(Arc::clone(&rules)), Wire::default());
        wire.incoming = other.as_bytes().chunks(size).map(<[u8]>::to_vec).collect();
        wire.incoming.push_back(b"more".to_vec());
        assert!(matches!(drain(&mut socket, &mut wire, 4096), (none, Some(Ok(Read::Request))) if none.is_empty()));
        assert_eq!(
            (wire.outgoing.as_slice(), wire.incoming.len()),
            (&b""[..], 1),
            "nothing is said, and no more is read"
        );
        assert_eq!(socket.take_request().as_deref(), Some(other.as_bytes()));
        assert_eq!(socket.take_request(), None);
    }
    assert_eq!(answer(&rules, REQUEST).as_deref(), Ok(ANSWER), "a WebSocket is opened as ever");
    for faulty in [REQUEST.replace("Version: 13", "Version: 8"), other.replace("Host", "Ho st"), "x\r\n\r\n".to_owned()]
    {
        assert_eq!(answer(&rules, &faulty).unwrap_err(), "protocol error", "{faulty}");
    }
}

#[test]
fn of_a_request_that_is_given_away_no_byte_is_lost() {
    let rules = Arc::new(WebSocketRules { gives_requests_away: true, ..(*rules(&[])).clone() });
    let other = REQUEST.replace("Upgrade: websocket\r\n", "").replace("Host: ", &format!("Host: {}", "x".repeat(3500)));
    let all = [other.as_bytes(), &[b'x'; 2000]].concat();
    let (mut socket, mut wire) = (WebSocket::new(rules), Wire::default());
    wire.incoming = [all[..3000].to_vec(), all[3000..].to_vec()].into();
    assert!(matches!(drain(&mut socket, &mut wire, 4096), (none, Some(Ok(Read::Request))) if none.is_empty()));
    assert_eq!(socket.take_request(), Some(all));
}

#[test]
fn a_head_has_a_limit() {
    let with = |len: usize| REQUEST.replace("\r\n\r\n", &format!("\r\nX: {}\r\n\r\n", "x".repeat(len)));
    let fits = 4096 - with(0).len();
    assert!(answer(&rules(&[]), &with(fits)).is_ok());
    assert!(answer(&rules(&[]), &with(fits + 1)).is_err());
    assert!(answer(&rules(&[]), &"GET / HTTP/1.1\r\n".repeat(300)).is_err(), "without waiting for its end");
    let many = REQUEST.replace("\r\n\r\n", &format!("\r\n{}\r\n", "a:b\r\n".repeat(94)));
    assert!(answer(&rules(&[]), &many).is_err(), "more than 100 headers");
}

#[test]
fn where_origins_are_listed_others_are_refused() {
    let rules = rules(&["https://example.com", "https://example.org"]);
    assert!(answer(&rules, REQUEST).is_ok());
    for origin in ["https://example", "https://example.org.evil", "null", ""] {
        let request = REQUEST.replace("https://example.org", origin);
        assert_eq!(answer(&rules, &request).unwrap_err(), "non-matching http origin", "{origin}");
    }
    let without = REQUEST.replace("Origin: https://example.org\r\n", "");
    assert_eq!(answer(&rules, &without).unwrap_err(), "non-matching http origin");
}

#[test]
fn messages_are_read_whatever_their_frames() {
    let long = vec![7; 70_000];
    let frames = [
        frame(0x82, b"a"),
        frame(0x82, b""),
        frame(0x02, b"bc"),
        frame(0x89, b"are you there?"),
        frame(0x00, b""),
        frame(0x8a, b""),
        frame(0x80, b"def"),
        frame(0x82, &[9; 200]),
        frame(0x82, &long),
    ];
    let expected = [&b"abcdef"[..], &[9; 200], &long].concat();
    for (piece, room) in [(1, 100), (7, 5), (1000, 4096), (100_000, 100_000)] {
        let (mut socket, mut wire) = open();
        wire.incoming = frames.concat().chunks(piece).map(<[u8]>::to_vec).collect();
        let (all, end) = drain(&mut socket, &mut wire, room);
        assert!(end.is_none());
        assert!(all == expected, "{piece} {room}");
        assert_eq!(wire.outgoing, b"\x8a\x0eare you there?");
    }
}

#[test]
fn who_breaks_the_rules_is_told_by_a_code() {
    let unmasked = |first: u8, second: u8| vec![first, second];
    for (frames, code) in [
        (vec![frame(0x81, b"text")], 1003_u16),
        (vec![unmasked(0x82, 0x05)], 1002),
        (vec![frame(0xc2, b"")], 1002),
        (vec![frame(0x83, b"")], 1002),
        (vec![frame(0x8b, b"")], 1002),
        (vec![frame(0x09, b"part of a ping")], 1002),
        (vec![frame(0x89, &[0; 126])], 1002),
        (vec![frame(0x80, b"goes on with nothing")], 1002),
        (vec![frame(0x02, b"x"), frame(0x82, b"new though not at its end")], 1002),
        (vec![vec![0x82, 0xff, 0, 0, 0, 0, 0x10, 0, 0, 0, 1, 2, 3, 4]], 1009),
        (vec![vec![0x82, 0xff, 0xff, 0, 0, 0, 0x10, 0, 0, 0, 1, 2, 3, 4]], 1009),
    ] {
        let expected = [&[0x88, 2][..], &code.to_be_bytes()].concat();
        let (data, said, broken) = told(&frames);
        assert_eq!((&*said, broken), (&*expected, true), "{frames:?}");
        assert!(data.len() <= 1);
    }
    // What came before counts.
    assert_eq!(told(&[frame(0x82, b"good"), frame(0x81, b"bad")]).0, b"good");
}

#[test]
fn a_client_that_closes_is_answered_with_its_code() {
    for payload in [&b""[..], &1000_u16.to_be_bytes(), b"\x03\xe9going away"] {
        let code = &payload[..payload.len().min(2)];
        let (data, said, broken) = told(&[frame(0x82, b"last"), frame(0x88, payload), frame(0x82, b"too late")]);
        assert_eq!((&*data, broken), (&b"last"[..], false));
        assert_eq!(said, [&[0x88, code.len() as u8][..], code].concat());
    }
}

#[test]
fn a_frame_is_finished_before_anything_else_is_said() {
    let (mut socket, mut wire) = open();
    let (first, second) = (vec![1; 100], vec![2; 100]);
    wire.room = Some(52);
    let slices = [IoSlice::new(&first), IoSlice::new(&second)];
    // The frame is for both, and its head has four bytes.
    assert_eq!(socket.write(&mut wire, &slices).unwrap(), Written::Blocked(48));
    wire.incoming.push_back(frame(0x89, b"ping"));
    assert_eq!(socket.read(&mut wire, &mut [0; 100]).unwrap(), Read::Drained(0));
    socket.say_goodbye(&mut wire);
    wire.room = None;
    let more = vec![3; 50];
    let slices = [IoSlice::new(&first[48..]), IoSlice::new(&second), IoSlice::new(&more)];
    assert_eq!(socket.write(&mut wire, &slices).unwrap(), Written::Some(152));
    assert_eq!(socket.write(&mut wire, &[IoSlice::new(&more)]).unwrap(), Written::Some(50));
    let expected = [b"\x82\x7e\0\xc8", &*first, &second, b"\x8a\x04ping\x88\x02\x03\xe8"].concat();
    assert_eq!(wire.outgoing, expected);
}

#[test]
fn lengths_of_all_sizes_are_written() {
    for (len, head) in [
        (1, &b"\x82\x01"[..]),
        (125, b"\x82\x7d"),
        (126, b"\x82\x7e\0\x7e"),
        (65535, b"\x82\x7e\xff\xff"),
        (65536, b"\x82\x7f\0\0\0\0\0\x01\0\0"),
    ] {
        let (mut socket, mut wire) = open();
        assert_eq!(socket.write(&mut wire, &[IoSlice::new(&vec![1; len])]).unwrap(), Written::Some(len));
        assert_eq!(&wire.outgoing[..head.len()], head);
        assert_eq!(wire.outgoing.len(), head.len() + len);
        socket.say_goodbye(&mut wire);
        assert_eq!(wire.outgoing[head.len() + len..], *b"\x88\x02\x03\xe8");
    }
}

#[test]
fn of_many_pings_that_cannot_be_answered_the_last_one_is() {
    let (mut socket, mut wire) = open();
    wire.room = Some(0);
    wire.incoming = (0..1000).map(|n: u16| frame(0x89, &n.to_be_bytes())).collect();
    assert_eq!(drain(&mut socket, &mut wire, 4096).0, b"");
    wire.room = None;
    wire.incoming.push_back(frame(0x8a, b""));
    drain(&mut socket, &mut wire, 4096);
    let answered = wire.outgoing.len();
    assert!(answered <= 8, "{answered} bytes");
}

proptest! {
    #[test]
    fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..300), piece in 1_usize..50) {
        let (mut socket, mut wire) = open();
        wire.incoming = bytes.chunks(piece).map(<[u8]>::to_vec).collect();
        prop_assert!(drain(&mut socket, &mut wire, 64).0.len() <= bytes.len());
        let (mut socket, mut wire) = (WebSocket::new(rules(&[])), Wire::default());
        wire.incoming = bytes.chunks(piece).map(<[u8]>::to_vec).collect();
        drain(&mut socket, &mut wire, 64);
    }

    #[test]
    fn data_survives_any_frames_and_pieces(
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 0..8),
        piece in 1_usize..500,
        room in 1_usize..500,
    ) {
        let (mut socket, mut wire) = open();
        let frames: Vec<u8> = messages.iter().flat_map(|message| frame(0x82, message)).collect();
        wire.incoming = frames.chunks(piece).map(<[u8]>::to_vec).collect();
        prop_assert_eq!(drain(&mut socket, &mut wire, room).0, messages.concat());
    }
}
