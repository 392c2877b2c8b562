//! The client's end.

use super::*;

fn request() -> WebSocketRequest {
    WebSocketRequest { host: "localhost:8080".to_owned(), path: "/mqtt".to_owned(), protocol: "mqtt" }
}

/// A client that has asked, and its key.
fn asked() -> (WebSocket, Wire, String) {
    let (mut socket, mut wire) = (WebSocket::request(&request()).unwrap(), Wire::default());
    assert!(!socket.open(&mut wire).unwrap());
    let said = String::from_utf8(std::mem::take(&mut wire.outgoing)).unwrap();
    let (_, key) = said.split_once("Sec-WebSocket-Key: ").unwrap();
    let key = key.split_once("\r\n").unwrap().0.to_owned();
    (socket, wire, key)
}

fn good_answer(key: &str) -> String {
    let accept = handshake::accept(key);
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n"
    )
}

fn open_client() -> (WebSocket, Wire) {
    let (mut socket, mut wire, key) = asked();
    wire.incoming.push_back(good_answer(&key).into_bytes());
    assert!(socket.open(&mut wire).unwrap());
    (socket, wire)
}

/// A frame of a server.
fn plain(first: u8, payload: &[u8]) -> Vec<u8> {
    [&[first, payload.len() as u8][..], payload].concat()
}

/// A frame of a client.
struct Frame {
    first: u8,
    mask: [u8; 4],
    payload: Vec<u8>,
}

fn unframe(mut bytes: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    while let [first, second, rest @ ..] = bytes {
        assert!(second & 0x80 != 0, "a client's frames have a mask");
        let (len, rest) = match second & 0x7f {
            126 => (usize::from(u16::from_be_bytes(*rest.first_chunk().unwrap())), &rest[2..]),
            127 => (u64::from_be_bytes(*rest.first_chunk().unwrap()) as usize, &rest[8..]),
            len => (usize::from(len), rest),
        };
        let (mask, rest) = rest.split_first_chunk::<4>().unwrap();
        let (payload, rest) = rest.split_at(len);
        let payload = payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        frames.push(Frame { first: *first, mask: *mask, payload });
        bytes = rest;
    }
    frames
}

/// The first byte and the payload of each frame.
fn said(wire: &Wire) -> Vec<(u8, Vec<u8>)> {
    unframe(&wire.outgoing).into_iter().map(|frame| (frame.first, frame.payload)).collect()
}

/// RFC 6455, section 4.1
#[test]
fn a_request_asks_for_mqtt_with_a_key_of_its_own() {
    let mut keys = Vec::new();
    for _ in 0..2 {
        let (mut socket, mut wire) = (WebSocket::request(&request()).unwrap(), Wire::default());
        // However little of it is taken at once.
        wire.room = Some(0);
        while wire.outgoing.is_empty() || !wire.outgoing.ends_with(END) {
            assert!(!socket.open(&mut wire).unwrap());
            wire.room = Some(7);
        }
        let said = String::from_utf8(wire.outgoing).unwrap();
        let key = said.split("\r\n").find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
        assert_eq!(key.len(), 24);
        let expected = format!(
            "GET /mqtt HTTP/1.1\r\nHost: localhost:8080\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Version: 13\r\n\r\n"
        );
        assert_eq!(said, expected);
        keys.push(key.to_owned());
    }
    assert_ne!(keys[0], keys[1]);
}

#[test]
fn what_cannot_be_written_in_a_request_is_refused() {
    for (host, path) in
        [("a\r\nX: y", "/mqtt"), ("", "/mqtt"), ("a b", "/mqtt"), ("a", ""), ("a", "mqtt"), ("a", "/ x")]
    {
        let request = WebSocketRequest { host: host.to_owned(), path: path.to_owned(), protocol: "mqtt" };
        assert_eq!(WebSocket::request(&request).unwrap_err().kind(), io::ErrorKind::InvalidInput, "{host:?} {path:?}");
    }
}

#[test]
fn an_answer_may_come_in_any_pieces_with_frames_right_behind_it() {
    for (size, room) in [(1, 1), (1, 4096), (50, 1), (1000, 1), (1000, 4096)] {
        let (mut socket, mut wire, key) = asked();
        let all = [good_answer(&key).as_bytes(), &plain(0x82, b"hello"), &plain(0x82, b"you")].concat();
        wire.incoming = all.chunks(size).map(<[u8]>::to_vec).collect();
        assert!(socket.open(&mut wire).unwrap());
        // In the middle of a piece the answer may end, or not.
        assert!(size == 50 || socket.has_unread() == (size == 1000), "{size}");
        assert_eq!(drain(&mut socket, &mut wire, room).0, b"helloyou", "{size} {room}");
        assert!(!socket.has_unread());
    }
}

/// RFC 6455, section 4.1
#[test]
fn an_answer_needs_all_that_makes_it_one() {
    let told = |change: &dyn Fn(&str) -> String| {
        let (mut socket, mut wire, key) = asked();
        wire.incoming.push_back(change(&good_answer(&key)).into_bytes());
        socket.open(&mut wire).map_err(|error| WebSocketFailure::of(&error).unwrap().to_string())
    };
    assert_eq!(told(&str::to_owned), Ok(true));
    for (from, to, why) in [
        ("101 Switching Protocols", "404 Not Found", "the server answers 404 Not Found"),
        ("101 Switching Protocols", "200", "the server answers 200"),
        ("101 Switching Protocols", "403 \x1b[2J", "the server's answer is not HTTP"),
        ("HTTP/1.1", "MQTT", "the server's answer is not HTTP"),
        ("Upgrade: WebSocket", "Upgrade: h2c", "the server does not speak WebSocket"),
        ("Connection: Upgrade", "Connection: close", "the server does not speak WebSocket"),
        ("Accept: ", "Accept: x", "the server does not answer this request"),
        ("Sec-WebSocket-Accept: ", "X: ", "the server does not answer this request"),
        ("Protocol: mqtt", "Protocol: mqttv3.1", "the server does not speak mqtt"),
        ("Sec-WebSocket-Protocol: mqtt\r\n", "", "the server does not speak mqtt"),
        (
            "\r\n\r\n",
            "\r\nSec-WebSocket-Extensions: x\r\n\r\n",
            "the server speaks an extension that was not asked for",
        ),
    ] {
        assert_eq!(told(&|answer| answer.replacen(from, to, 1)), Err(why.to_owned()), "{from:?}");
    }
    let long = format!("\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    assert_eq!(
        told(&|_| format!("HTTP/1.1 101 x{}", &long[..19_000])),
        Err("the server's answer is too long".to_owned())
    );
}

#[test]
fn a_server_that_hangs_up_has_not_answered() {
    struct Gone;
    impl Lower for Gone {
        fn read(&mut self, _: &mut [u8]) -> io::Result<Read> {
            Ok(Read::End)
        }
        fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<Written> {
            Ok(Written::Some(slices.iter().map(|slice| slice.len()).sum()))
        }
    }
    let mut socket = WebSocket::request(&request()).unwrap();
    assert_eq!(socket.open(&mut Gone).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
}

/// RFC 6455, section 5.3
#[test]
fn what_is_sent_is_hidden_behind_a_mask_of_its_own_however_little_is_taken() {
    for len in [0_u32, 1, 125, 126, 65_535, 65_536, 200_000] {
        let (mut socket, mut wire) = open_client();
        let payload: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
        let mut sent = 0;
        for step in 0.. {
            // Odd amounts, so that the mask goes on in its middle.
            wire.room = Some(if step % 2 == 0 { 4099 } else { 3 });
            let slices = [IoSlice::new(&payload[sent..]), IoSlice::new(b"end")];
            let (Written::Some(taken) | Written::Blocked(taken)) = socket.write(&mut wire, &slices).unwrap();
            sent += taken;
            if sent >= payload.len() {
                break;
            }
        }
        let mut rest = &b"end"[sent - payload.len()..];
        wire.room = None;
        while !rest.is_empty() {
            let (Written::Some(taken) | Written::Blocked(taken)) =
                socket.write(&mut wire, &[IoSlice::new(rest)]).unwrap();
            rest = &rest[taken..];
        }
        let frames = unframe(&wire.outgoing);
        let data: Vec<u8> = frames.iter().flat_map(|frame| frame.payload.clone()).collect();
        assert!(data == [&payload[..], b"end"].concat(), "{len}");
        assert!(frames.iter().all(|frame| frame.first == 0x82));
        let masks = || frames.iter().map(|frame| frame.mask);
        assert!(masks().all(|mask| masks().filter(|other| *other == mask).count() == 1));
    }
}

#[test]
fn pings_are_answered_and_a_close_is_answered_with_its_code() {
    let (mut socket, mut wire) = open_client();
    wire.incoming.push_back([plain(0x89, b"who"), plain(0x82, b"data"), plain(0x88, &[0x03, 0xe8])].concat());
    let (data, end) = drain(&mut socket, &mut wire, 4096);
    assert_eq!(data, b"data");
    assert!(matches!(end, Some(Ok(Read::End))));
    assert_eq!(said(&wire), [(0x8a, b"who".to_vec()), (0x88, vec![0x03, 0xe8])]);
}

/// RFC 6455, section 5.1
#[test]
fn a_server_that_hides_its_frames_has_broken_the_rules() {
    let (mut socket, mut wire) = open_client();
    wire.incoming.push_back(frame(0x82, b"hello"));
    let (data, end) = drain(&mut socket, &mut wire, 4096);
    assert_eq!((data, end.unwrap().unwrap_err().to_string()), (Vec::new(), "protocol error".to_owned()));
    assert_eq!(said(&wire), [(0x88, vec![0x03, 0xea])]);
}

#[test]
fn a_client_that_ends_says_goodbye() {
    let (mut socket, mut wire) = open_client();
    socket.say_goodbye(&mut wire);
    assert_eq!(said(&wire), [(0x88, vec![0x03, 0xe8])]);
    // Before it is open there is nobody to say it to.
    let (mut socket, mut wire, _) = asked();
    socket.say_goodbye(&mut wire);
    assert_eq!(wire.outgoing, b"");
    assert_eq!(socket.write(&mut wire, &[IoSlice::new(b"early")]).unwrap(), Written::Blocked(0));
}

proptest! {
    /// Whatever a server answers and sends, nothing is as bad as a panic.
    #[test]
    fn no_answer_is_too_strange(bytes: Vec<u8>, good: bool) {
        let (mut socket, mut wire, key) = asked();
        if good {
            wire.incoming.push_back(good_answer(&key).into_bytes());
        }
        wire.incoming.push_back(bytes);
        if let Ok(true) = socket.open(&mut wire) {
            drain(&mut socket, &mut wire, 100);
        }
    }
}
