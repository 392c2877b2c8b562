//! The blocking client over real sockets, against a server that is written out byte by byte.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper fails the test that it serves")]

use mosquitto_client::mqtt::{ProtocolVersion, QoS};
use mosquitto_client::{Client, End, Event, Next, Options, Publication, RequestError};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const CONNACK: &[u8] = &[0x20, 2, 0, 0];
/// Long enough for the slowest machine; nothing waits for so long unless it fails.
const PATIENCE: Option<Duration> = Some(Duration::from_secs(20));

/// A server for one connection: `talk` has it after CONNECT is read.
fn serve<T: Send + 'static>(talk: impl FnOnce(TcpStream) -> T + Send + 'static) -> (u16, JoinHandle<T>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut header = [0; 2];
        stream.read_exact(&mut header).unwrap();
        assert_eq!(header[0], 0x10);
        stream.read_exact(&mut vec![0; usize::from(header[1])]).unwrap();
        stream.write_all(CONNACK).unwrap();
        talk(stream)
    });
    (port, server)
}

fn connected(port: u16) -> Client {
    let mut client = Client::new(Options::new(ProtocolVersion::V311, "me")).unwrap();
    client.connect("127.0.0.1", port).unwrap();
    assert!(matches!(client.next(PATIENCE).unwrap(), Next::Event(Event::Connected { .. })));
    client
}

/// `[3.1.1 MQTT-3.14.4-1]`, `[3.1.1 MQTT-7.1.2-1]`
#[test]
fn a_large_message_arrives_whole_before_the_connection_ends() {
    let payload: Vec<u8> = (0..3_000_000_u32).map(|i| (i % 251) as u8).collect();
    let (port, server) = serve(|mut stream| {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        bytes
    });
    let mut client = connected(port);
    client.publish(Publication::new("t", &payload, QoS::AtMostOnce)).unwrap();
    client.disconnect();
    assert!(matches!(client.next(PATIENCE).unwrap(), Next::Event(Event::Disconnected(End::Requested))));
    let bytes = server.join().unwrap();
    // A header of five bytes, three of topic, the payload, and a DISCONNECT.
    assert_eq!(bytes.len(), 5 + 3 + payload.len() + 2);
    assert!(bytes[8..].starts_with(&payload) && bytes.ends_with(&[0xe0, 0]));
}

#[test]
fn a_server_that_still_talks_gets_the_last_bytes_all_the_same() {
    let (port, server) = serve(|mut stream| {
        // What nobody reads would have the client's system reset the connection.
        stream.write_all(&[0x30, 3, 0, 1, b't'].repeat(1000)).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        bytes
    });
    let mut client = connected(port);
    client.publish(Publication::new("t", b"last", QoS::AtMostOnce)).unwrap();
    client.disconnect();
    while !matches!(client.next(PATIENCE).unwrap(), Next::Event(Event::Disconnected(End::Requested))) {}
    assert_eq!(server.join().unwrap(), b"\x30\x07\x00\x01tlast\xe0\x00");
}

/// `[3.1.1 MQTT-7.1.2-1]`
#[test]
fn packets_arrive_however_they_are_cut() {
    let (port, server) = serve(|mut stream| {
        stream.set_nodelay(true).unwrap();
        for byte in b"\x30\x08\x00\x03a/bone\x30\x08\x00\x03a/btwo" {
            stream.write_all(&[*byte]).unwrap();
        }
        // A packet that is larger than what is read at once.
        let payload = vec![7; 200_000];
        stream.write_all(&[0x30, 0xc3, 0x9a, 0x0c, 0, 1, b't']).unwrap();
        stream.write_all(&payload).unwrap();
    });
    let mut client = connected(port);
    for expected in [b"one".to_vec(), b"two".to_vec(), vec![7; 200_000]] {
        let Next::Event(Event::Message(message)) = client.next(PATIENCE).unwrap() else { panic!() };
        assert_eq!(message.payload, expected);
    }
    server.join().unwrap();
    assert!(matches!(client.next(PATIENCE).unwrap(), Next::Event(Event::Disconnected(End::Lost))));
}

/// `[3.1.1 MQTT-7.1.2-1]`
#[test]
fn messages_that_trickle_in_are_all_there_in_order_where_they_are_gathered() {
    const MESSAGES: u16 = 20_000;
    let (port, server) = serve(|mut stream| {
        stream.set_nodelay(true).unwrap();
        for number in 0..MESSAGES {
            let [high, low] = number.to_be_bytes();
            stream.write_all(&[0x30, 5, 0, 1, b't', high, low]).unwrap();
        }
    });
    let mut client = connected(port);
    client.set_gathering(true);
    for number in 0..MESSAGES {
        let Next::Event(Event::Message(message)) = client.next(PATIENCE).unwrap() else { panic!("{number}") };
        assert_eq!(message.payload, number.to_be_bytes());
    }
    server.join().unwrap();
    assert!(matches!(client.next(PATIENCE).unwrap(), Next::Event(Event::Disconnected(End::Lost))));
}

#[test]
fn more_than_the_server_reads_has_to_wait_until_there_is_room() {
    let (go, wait) = mpsc::channel::<()>();
    let (port, server) = serve(move |mut stream| {
        wait.recv().unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        bytes.len()
    });
    let mut client = connected(port);
    let (mut sent, payload) = (0, vec![0; 100_000]);
    // Until the sockets' buffers are full too.
    loop {
        match client.publish(Publication::new("t", &payload, QoS::AtMostOnce)) {
            Ok(_) => sent += 1,
            Err(error) => {
                assert_eq!(error, RequestError::Full);
                match client.next(Some(Duration::from_millis(200))).unwrap() {
                    Next::Room => {}
                    Next::TimedOut => break,
                    other => panic!("{other:?}"),
                }
            }
        }
    }
    go.send(()).unwrap();
    assert!(matches!(client.next(PATIENCE).unwrap(), Next::Room));
    client.disconnect();
    while !matches!(client.next(PATIENCE).unwrap(), Next::Event(Event::Disconnected(End::Requested))) {}
    assert_eq!(server.join().unwrap(), sent * (4 + 3 + payload.len()) + 2);
}

#[test]
fn a_port_where_nobody_listens_is_unreachable() {
    let free = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let mut client = Client::new(Options::new(ProtocolVersion::V311, "me")).unwrap();
    // A name may have several addresses: each is tried.
    client.connect("localhost", free).unwrap();
    let Next::Unreachable(error) = client.next(PATIENCE).unwrap() else { panic!() };
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn a_waker_interrupts_the_waiting_from_another_thread() {
    let mut client = Client::new(Options::new(ProtocolVersion::V311, "me")).unwrap();
    let waker = client.waker();
    let thread = thread::spawn(move || waker.wake());
    assert!(matches!(client.next(PATIENCE).unwrap(), Next::Woken));
    thread.join().unwrap();
    assert!(matches!(client.next(Some(Duration::ZERO)).unwrap(), Next::TimedOut));
}

#[test]
fn a_server_that_never_pauses_does_not_keep_the_waker_out() {
    let (port, server) = serve(|mut stream| {
        let flood = [0x30, 3, 0, 1, b't'].repeat(10_000);
        while stream.write_all(&flood).is_ok() {}
    });
    let mut client = connected(port);
    let waker = client.waker();
    let thread = thread::spawn(move || waker.wake());
    while !matches!(client.next(PATIENCE).unwrap(), Next::Woken) {}
    thread.join().unwrap();
    drop(client);
    server.join().unwrap();
}

#[test]
fn a_timeout_ends_the_waiting_and_not_the_connection() {
    let (port, server) = serve(|mut stream| stream.read_to_end(&mut Vec::new()).unwrap());
    let mut client = connected(port);
    let (start, timeout) = (Instant::now(), Duration::from_millis(50));
    assert!(matches!(client.next(Some(timeout)).unwrap(), Next::TimedOut));
    assert!(start.elapsed() >= timeout && client.session().is_connected());
    drop(client);
    server.join().unwrap();
}
