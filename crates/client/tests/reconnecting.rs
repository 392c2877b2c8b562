//! A client that makes lost connections again, against a server that cuts them, written out byte by byte.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a helper fails the test that it serves"
)]

use mosquitto_client::mqtt::packet::{Subscription, SubscriptionOptions};
use mosquitto_client::mqtt::{Properties, PropertiesBuf, ProtocolVersion, QoS, ReasonCode};
use mosquitto_client::{
    BackOff, Client, Delivery, End, Event, Next, Options, Outcome, OwnedPublication, Publication, RequestError,
};
use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Long enough for the slowest machine; nothing waits for so long unless it fails.
const PATIENCE: Option<Duration> = Some(Duration::from_secs(20));
const SOON: BackOff = BackOff { first: Duration::from_millis(1), max: Duration::from_millis(4), jitter_percent: 50 };

/// The next packet: its first byte, and what follows the length. None at the end.
fn read_packet(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let mut header = [0; 2];
    stream.read_exact(&mut header).ok()?;
    assert!(header[1] < 0x80);
    let mut body = vec![0; usize::from(header[1])];
    stream.read_exact(&mut body).ok()?;
    Some((header[0], body))
}

fn accept(listener: &TcpListener, session_present: bool) -> (TcpStream, Vec<u8>) {
    let (mut stream, _) = listener.accept().unwrap();
    let connect = greet(&mut stream, session_present);
    (stream, connect)
}

fn greet(stream: &mut TcpStream, session_present: bool) -> Vec<u8> {
    let (first, connect) = read_packet(stream).unwrap();
    assert_eq!(first, 0x10);
    let v5 = connect[6] == 5;
    let connack: &[u8] =
        if v5 { &[0x20, 3, session_present.into(), 0, 0] } else { &[0x20, 2, session_present.into(), 0] };
    stream.write_all(connack).unwrap();
    connect
}

fn hang_up(mut stream: TcpStream) {
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.read_to_end(&mut Vec::new());
}

fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

fn client(options: Options, port: u16) -> Client {
    let mut client = Client::new(options).unwrap();
    client.set_reconnect(Some(SOON));
    client.connect("127.0.0.1", port).unwrap();
    client
}

fn lasting() -> Options {
    Options { clean_start: false, inflight_max: 3, ..Options::new(ProtocolVersion::V311, "me") }
}

/// A server that keeps its session, and cuts every connection after a few packets, of which it does not answer the last.
struct CuttingServer {
    port: u16,
    done: Arc<AtomicBool>,
    thread: JoinHandle<(Vec<u8>, Vec<u8>)>,
}

impl CuttingServer {
    fn start() -> Self {
        let (listener, port) = listen();
        let done = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&done);
        Self { port, done, thread: thread::spawn(move || cut(&listener, &seen)) }
    }

    /// What it was given: QoS 1 with its repetitions, QoS 2 as MQTT has it.
    fn end(self) -> (Vec<u8>, Vec<u8>) {
        self.done.store(true, Ordering::SeqCst);
        let _last = TcpStream::connect(("127.0.0.1", self.port));
        self.thread.join().unwrap()
    }
}

fn cut(listener: &TcpListener, done: &AtomicBool) -> (Vec<u8>, Vec<u8>) {
    let (mut at_least_once, mut exactly_once, mut held) = (Vec::new(), Vec::new(), HashSet::new());
    for connection in 0.. {
        let (mut stream, _) = listener.accept().unwrap();
        if done.load(Ordering::SeqCst) {
            break;
        }
        greet(&mut stream, connection > 0);
        for left in (0..=connection % 5).rev() {
            let Some((first, body)) = read_packet(&mut stream) else { break };
            let answer = match first & 0xf6 {
                0x32 => {
                    at_least_once.push(body[5]);
                    [0x40, 2, body[3], body[4]]
                }
                0x34 => {
                    if held.insert([body[3], body[4]]) {
                        exactly_once.push(body[5]);
                    }
                    [0x50, 2, body[3], body[4]]
                }
                0x62 => {
                    held.remove(&[body[0], body[1]]);
                    [0x70, 2, body[0], body[1]]
                }
                0xe0 => break,
                other => panic!("{other:x}"),
            };
            if left > 0 {
                stream.write_all(&answer).unwrap();
            }
        }
        hang_up(stream);
    }
    (at_least_once, exactly_once)
}

#[test]
fn cut_at_every_place_nothing_is_lost_and_qos_2_arrives_once() {
    // [MQTT-4.4.0-1] [MQTT-4.3.3-5] [MQTT-4.3.2-3] [3.1.1 MQTT-4.4.0-1]
    let server = CuttingServer::start();
    let mut client = client(lasting(), server.port);
    let mut sent = Vec::new();
    for number in 0..40 {
        let qos = if number % 2 == 0 { QoS::ExactlyOnce } else { QoS::AtLeastOnce };
        sent.push(client.publish(Publication::new("t", &[number], qos)).unwrap());
    }
    for packet_id in sent {
        let done = Delivery::Done { reason: ReasonCode::SUCCESS, properties: PropertiesBuf::new() };
        assert_eq!(client.wait(packet_id, PATIENCE).unwrap(), done);
        assert_eq!(client.wait(packet_id, PATIENCE).unwrap(), Delivery::NotUnderWay);
    }
    client.disconnect();
    let ends = client.events().filter(|event| matches!(event, Ok(Event::Disconnected(_)))).count();
    assert!(ends > 10, "{ends}");
    let (mut at_least_once, exactly_once) = server.end();
    at_least_once.sort_unstable();
    at_least_once.dedup();
    assert_eq!(at_least_once, (0..40).filter(|number| number % 2 == 1).collect::<Vec<_>>());
    assert_eq!(exactly_once, (0..40).filter(|number| number % 2 == 0).collect::<Vec<_>>());
}

#[test]
fn a_server_that_has_forgotten_the_session_is_subscribed_to_again() {
    let (listener, port) = listen();
    let server = thread::spawn(move || {
        let mut requests = Vec::new();
        for _ in 0..2 {
            let (mut stream, _) = accept(&listener, false);
            let (first, body) = read_packet(&mut stream).unwrap();
            stream.write_all(&[0x90, 3, body[0], body[1], 1]).unwrap();
            requests.push((first, body[2..].to_vec()));
            hang_up(stream);
        }
        requests
    });
    let mut client = client(lasting(), port);
    let (mut connections, mut answers) = (0, 0);
    while answers < 2 {
        match client.next(PATIENCE).unwrap() {
            Next::Event(Event::Connected { .. }) => {
                connections += 1;
                if connections == 1 {
                    let options = SubscriptionOptions { qos: QoS::AtLeastOnce, ..SubscriptionOptions::default() };
                    client.subscribe(&[Subscription { filter: "a/#", options }], Properties::EMPTY).unwrap();
                }
            }
            Next::Event(Event::Subscribed { .. }) => answers += 1,
            Next::Event(Event::Disconnected(end)) => assert_eq!(end, End::Lost),
            other => panic!("{other:?}"),
        }
    }
    drop(client);
    assert_eq!(server.join().unwrap(), vec![(0x82, b"\0\x03a/#\x01".to_vec()); 2]);
}

#[test]
fn a_session_that_expires_later_is_begun_anew_only_once() {
    // [MQTT-3.1.2-4] [MQTT-3.1.2-5]
    let (listener, port) = listen();
    let server = thread::spawn(move || {
        [false, true].map(|present| {
            let (stream, connect) = accept(&listener, present);
            hang_up(stream);
            connect[7] & 2
        })
    });
    let options = Options { session_expiry_s: Some(60), ..Options::new(ProtocolVersion::V5, "me") };
    let mut client = client(options, port);
    let mut presents = Vec::new();
    while presents.len() < 2 {
        if let Next::Event(Event::Connected { session_present, .. }) = client.next(PATIENCE).unwrap() {
            presents.push(session_present);
        }
    }
    drop(client);
    assert_eq!((server.join().unwrap(), presents), ([2, 0], vec![false, true]));
}

#[test]
fn a_lost_connection_stays_lost_unless_asked_for() {
    let (listener, port) = listen();
    let server = thread::spawn(move || hang_up(accept(&listener, false).0));
    let mut client = client(lasting(), port);
    client.set_reconnect(None);
    let packet_id = client.publish(Publication::new("t", b"", QoS::AtLeastOnce)).unwrap();
    assert_eq!(client.wait(packet_id, PATIENCE).unwrap(), Delivery::NotConnected);
    let events: Vec<_> = client.events().map(Result::unwrap).collect();
    assert!(matches!(events[..], [Event::Connected { .. }, Event::Disconnected(End::Lost)]), "{events:?}");
    server.join().unwrap();
}

#[test]
fn a_client_that_waits_for_its_next_attempt_can_be_ended() {
    let (_, port) = listen();
    let mut client = client(lasting(), port);
    assert!(matches!(client.next(PATIENCE).unwrap(), Next::Unreachable(_)));
    assert!(!client.is_idle());
    client.disconnect();
    assert!(matches!(client.next(PATIENCE).unwrap(), Next::Event(Event::Disconnected(End::Requested))));
    assert!(client.is_idle() && client.events().next().is_none());
}

#[test]
fn on_a_thread_of_its_own_tokens_tell_what_became_of_messages() {
    let server = CuttingServer::start();
    let (handle, thread) = client(lasting(), server.port).spawn(|_| {}).unwrap();
    let tokens: Vec<_> =
        (0..10).map(|number| handle.publish(OwnedPublication::new("t", [number], QoS::ExactlyOnce)).unwrap()).collect();
    for token in &tokens {
        assert!(matches!(token.wait(PATIENCE), Some(Outcome::Done { reason: ReasonCode::SUCCESS, .. })));
        assert_eq!(token.wait(PATIENCE), Some(Outcome::Ended));
    }
    // The last handle ends it.
    let other = handle.clone();
    drop(handle);
    let bad = other.publish(OwnedPublication::new("#", "", QoS::AtLeastOnce)).unwrap();
    assert!(matches!(bad.wait(PATIENCE), Some(Outcome::Refused(RequestError::Topic(_)))));
    drop(other);
    thread.join().unwrap().unwrap();
    assert_eq!(server.end().1, (0..10).collect::<Vec<_>>());
}
