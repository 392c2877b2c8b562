//! `websocket`: a client opens a WebSocket and sends frames. The first byte of the input has switches, the second decides
//! where the bytes are split; the rest are the client's bytes, behind a good request where the first switch asks for one.

mod head;
mod plain;
mod wire;
mod writing;

use crate::chance::{Chance, single};
use mosquitto_transport::bare::BareWebSocket;
use mosquitto_transport::{Read, WebSocketRules};
use plain::{End, Said};
use std::io::ErrorKind;
use wire::Wire;
use writing::Writing;

/// Switches in the first byte.
const OPENED: u8 = 0x01;
const ORIGINS: u8 = 0x02;
const SMALL_BUFFER: u8 = 0x04;
const BUSY: u8 = 0x08;
const GIVES_AWAY: u8 = 0x10;

/// What the server speaks, and allows.
const PROTOCOLS: &[&str] = &["mqtt", "mqttv3.1"];
const ORIGIN: &str = "https://example.org";
const HEAD_BYTES_MAX: usize = 4096;

/// Bytes that a WebSocket may hold: while the head is coming, a `Vec` that grows twice as large as it has to be; then the
/// answer to the request, which is sent first, and frames of control.
const HELD_OPENING_MAX: usize = 2 * HEAD_BYTES_MAX + 1024;
const HELD_OPEN_MAX: usize = 2048;

const REQUEST: &str = "GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\
                       Sec-WebSocket-Key: 1JaITHdgDZVd/4OE2AzTTA==\r\nSec-WebSocket-Protocol: mqtt\r\n\
                       Sec-WebSocket-Version: 13\r\nOrigin: https://example.org\r\n\r\n";

const ANSWER: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
                      Sec-WebSocket-Accept: Ako91O0lxiq8gN0+b9YCijMx8lk=\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";

/// Bytes that the process has allocated, where its allocator counts them.
type Allocated = Option<fn() -> usize>;

pub(crate) fn run(bytes: &[u8], allocated: Allocated) {
    let [switches, seed, sent @ ..] = bytes else { return };
    let request = if switches & OPENED == 0 { "" } else { REQUEST };
    let sent = [request.as_bytes(), sent].concat();
    let rules = Rules { origins: switches & ORIGINS != 0, gives_away: switches & GIVES_AWAY != 0 };
    let room = if switches & SMALL_BUFFER == 0 { 4096 } else { 7 };
    let mut chance = Chance::new(*seed);

    let whole = read_all(rules, &[&sent], room, allocated);
    let split = read_all(rules, &chance.pieces(&sent), room, allocated);
    let bytewise = read_all(rules, &single(&sent), room, allocated);
    for other in [&split, &bytewise] {
        assert_eq!((&other.data, &other.end), (&whole.data, &whole.end), "it matters where it is split");
    }
    for (seen, all_answered) in [(&whole, false), (&split, false), (&bytewise, true)] {
        is_as_expected(rules, &sent, seen, all_answered);
    }
    if !request.is_empty() {
        assert!(whole.said.starts_with(ANSWER.as_bytes()));
    }
    if switches & BUSY != 0 {
        Writing::new(rules, &sent, chance, allocated).run();
    }
}

#[derive(Debug, Clone, Copy)]
struct Rules {
    origins: bool,
    /// Whether a request for something else is given away.
    gives_away: bool,
}

impl Rules {
    fn open(self) -> BareWebSocket {
        let origins = if self.origins { vec![ORIGIN.to_owned()] } else { Vec::new() };
        BareWebSocket::new(WebSocketRules {
            head_bytes_max: HEAD_BYTES_MAX,
            protocols: PROTOCOLS,
            origins,
            gives_requests_away: self.gives_away,
        })
    }
}

/// What is allocated besides what there was at first.
struct Memory(Option<(fn() -> usize, usize)>);

impl Memory {
    fn new(allocated: Allocated) -> Self {
        Self(allocated.map(|count| (count, count())))
    }

    fn is_within_bounds(&self, wire: &Wire) {
        if let Some((count, before)) = self.0 {
            let most = if wire.said.is_empty() { HELD_OPENING_MAX } else { HELD_OPEN_MAX };
            let held = count() - before;
            assert!(held <= most, "{held} bytes");
        }
    }
}

/// What came of a connection.
struct Seen {
    data: Vec<u8>,
    end: Ended,
    /// What the client was sent.
    said: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
enum Ended {
    /// It goes on.
    Not,
    Closed,
    /// It is none, but a request for something else; what was read is that and all behind it.
    Request,
    Broken(String),
}

fn read_all(rules: Rules, pieces: &[&[u8]], room: usize, allocated: Allocated) -> Seen {
    let mut wire = Wire::new(pieces.concat().len());
    let mut data = Vec::with_capacity(wire.capacity());
    let mut buffer = vec![0; room];
    let mut end = Ended::Not;
    let memory = Memory::new(allocated);
    let mut socket = rules.open();
    for piece in pieces {
        wire.incoming.extend(*piece);
        loop {
            if end == Ended::Request {
                data.extend(wire.incoming.drain(..));
                break;
            }
            match socket.read(&mut wire, &mut buffer) {
                Ok(Read::Some(len)) => data.extend_from_slice(&buffer[..len]),
                Ok(Read::Drained(len)) => {
                    data.extend_from_slice(&buffer[..len]);
                    break;
                }
                Ok(Read::End) => {
                    assert_eq!(end, Ended::Not, "it ends once");
                    end = Ended::Closed;
                }
                Ok(Read::Request) => {
                    data.extend(socket.take_request().expect("a request"));
                    assert!(socket.take_request().is_none());
                    end = Ended::Request;
                }
                Ok(Read::Introduced) => panic!("there is no PROXY header"),
                Err(error) => {
                    assert_eq!((error.kind(), &end), (ErrorKind::InvalidData, &Ended::Not), "it fails once");
                    end = Ended::Broken(error.to_string());
                }
            }
        }
        memory.is_within_bounds(&wire);
    }
    Seen { data, end, said: wire.said }
}

/// Holds it against the slow reading of the same bytes.
fn is_as_expected(rules: Rules, sent: &[u8], seen: &Seen, all_answered: bool) {
    let Some((head, rest)) = head::split(sent, HEAD_BYTES_MAX) else {
        assert!(seen.data.is_empty() && seen.said.is_empty());
        let too_long = sent.len() > HEAD_BYTES_MAX;
        assert_eq!(seen.end, if too_long { Ended::Broken("protocol error".to_owned()) } else { Ended::Not });
        return;
    };
    if rules.gives_away && head::is_clean(head) && !head::asks_for_a_websocket(head) {
        assert_eq!(seen.end, Ended::Request);
    }
    if seen.end == Ended::Request {
        assert!(rules.gives_away && !head::asks_for_a_websocket(head) && seen.said.is_empty());
        assert_eq!(seen.data, sent, "a byte is lost");
        return;
    }
    let fault = head::fault(head, rules.origins.then_some(ORIGIN), PROTOCOLS);
    if seen.said.is_empty() {
        let Ended::Broken(why) = &seen.end else { panic!("neither opened nor refused") };
        assert!(seen.data.is_empty() && ["protocol error", "non-matching http origin"].contains(&why.as_str()));
        assert!(fault.is_some() || !head::is_clean(head), "a good request is refused");
        return;
    }
    assert_eq!(fault, None, "it was opened");
    let (said, rest_said) = head::split(&seen.said, HEAD_BYTES_MAX).expect("an answer");
    assert!(head::is_answer(said, head, PROTOCOLS), "{}", said.escape_ascii());
    let expected = plain::client(rest);
    assert_eq!(seen.data, expected.data);
    let (end, code) = match expected.end {
        End::Open => (Ended::Not, None),
        End::Closed(code) => (Ended::Closed, Some(code)),
        End::Broken(code) => (Ended::Broken("protocol error".to_owned()), Some(Some(code))),
    };
    assert_eq!(seen.end, end);
    let said = plain::server(rest_said);
    assert_eq!((&said.data[..], said.rest, said.close), (&b""[..], 0, code));
    answers(&said, &expected.pings, all_answered);
    // Behind what closes nothing is answered, and what came at the same time need not be.
    assert!(code.is_some() || said.pongs.last() == expected.pings.last());
}

/// Every pong is the answer to a ping, in order; where there was time for it, every ping has one.
fn answers(said: &Said, pings: &[Vec<u8>], all: bool) {
    let mut left = pings.iter();
    for pong in &said.pongs {
        assert!(left.any(|ping| ping == pong), "a pong for nothing");
    }
    assert!(!all || said.pongs.len() == pings.len());
}
