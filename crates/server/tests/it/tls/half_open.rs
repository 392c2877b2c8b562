//! Handshakes that are begun and not brought to an end.

use super::{Office, Tunnel};
use crate::admission::{FIRST_LINE, is_closed, try_over};
use crate::harness::{Broker, Client, client, frame, open_websocket};
use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a client sends first.
fn client_hello(tunnel: &Tunnel) -> Vec<u8> {
    let name = ServerName::try_from("localhost").unwrap();
    let mut hello = Vec::new();
    ClientConnection::new(Arc::new(tunnel.config()), name).unwrap().write_tls(&mut hello).unwrap();
    hello
}

fn connect(tunnel: &Tunnel, broker: &Broker, id: &str) -> Client {
    loop {
        // Those who crowd in are of the same address, and may take its place.
        if let Ok(stream) = tunnel.to(broker)
            && let Some(client) = try_over(stream, id)
        {
            return client;
        }
    }
}

#[test]
fn half_open_handshakes_beyond_the_bound_harm_nobody() {
    let office = Office::new();
    let broker = office.broker("max_unauthenticated_connections 40");
    let (tunnel, hello) = (office.tunnel(), client_hello(&office.tunnel()));
    let mut residents: Vec<_> = (0..5).map(|n| connect(&tunnel, &broker, &format!("resident-{n}"))).collect();
    let mut half_open = Vec::new();
    for n in 0..10 {
        half_open.extend((0..20).map(|n| {
            let mut stream = broker.dial();
            // Nothing, a part, all of it, or what is none.
            let bytes = [&[], &hello[..50], &hello[..], &[0x16; 100]][n % 4];
            let _ = stream.write_all(bytes);
            stream
        }));
        residents.iter_mut().for_each(Client::ping);
        connect(&tunnel, &broker, &format!("newcomer-{n}")).ping();
    }
    residents.iter_mut().for_each(Client::ping);
    let open = half_open.iter().filter(|stream| !is_closed_after_reading(stream)).count();
    assert!(open <= 40, "{open}");
    assert_eq!(broker.log.count(FIRST_LINE), 1);
}

/// The same, where the answer to the handshake may have come first.
fn is_closed_after_reading(stream: &TcpStream) -> bool {
    // Two answers are more than comes.
    is_closed(stream) || is_closed(stream) || is_closed(stream) || is_closed(stream)
}

/// Half a minute for everything together: header, TLS, WebSocket and CONNECT. Each byte that comes is a sign of life, and
/// not one of them puts the end off. It takes that half minute.
#[test]
fn who_sends_a_byte_now_and_then_is_cut_off_wherever_it_stands() {
    const HEADER: &[u8] = b"PROXY TCP4 192.0.2.5 127.0.0.1 6275 1234\r\n";
    let office = Office::new();
    let broker = office.broker("enable_proxy_protocol 1\nprotocol websockets");
    let (tunnel, hello) = (office.tunnel(), client_hello(&office.tunnel()));
    let passed_on = || {
        let mut stream = broker.dial();
        stream.write_all(HEADER).unwrap();
        stream
    };
    let inside = || tunnel.over(passed_on()).unwrap();
    let in_websocket = || {
        let stream = inside();
        open_websocket(&stream);
        stream
    };
    let long = "x".repeat(500);
    let mut slow: Vec<(&str, TcpStream, Vec<u8>)> = vec![
        ("header", broker.dial(), [b"PROXY TCP6 ".as_slice(), &[b'1'; 500]].concat()),
        ("TLS", passed_on(), hello),
        ("request", inside(), format!("GET /mqtt HTTP/1.1\r\nX: {long}").into_bytes()),
        ("CONNECT", in_websocket(), frame(2, &client(&long).bytes())),
    ];
    let (started, mut at) = (Instant::now(), 0);
    let mut open = slow.len();
    while open > 0 {
        assert!(started.elapsed() < Duration::from_mins(1), "not cut off in time");
        for (what, stream, bytes) in &mut slow {
            let byte = *bytes.get(at).unwrap_or_else(|| panic!("{what}: it had all of its bytes"));
            let _ = stream.write_all(&[byte]);
        }
        at += 1;
        // This is how slow they are.
        std::thread::sleep(Duration::from_millis(400));
        open = slow.iter().filter(|(_, stream, _)| !is_closed(stream)).count();
    }
    broker.log.wait_for_several("disconnected: exceeded timeout.", 4);
}
