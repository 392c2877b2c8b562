//! Those who ask slowly, or much, or not at all.

use super::{Answer, ask_with, broker, get, get_with, is_closed};
use crate::harness::{Scratch, Setup, client, free_port, mosquitto};
use crate::tls::Office;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Connections at once.
const CONNECTIONS_MAX: usize = 256;

fn is_open(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let read = (&*stream).read(&mut [0]);
    stream.set_nonblocking(false).unwrap();
    matches!(read, Err(error) if error.kind() == ErrorKind::WouldBlock)
}

#[test]
fn who_asks_or_reads_slowly_delays_nobody() {
    let scratch = Scratch::new();
    File::create(scratch.path().join("large")).unwrap().set_len(50 << 20).unwrap();
    let broker = broker(&format!("http_dir {}", scratch.path().display()));
    let mut slow_reader = broker.dial_second();
    slow_reader.write_all(b"GET /large HTTP/1.1\r\n\r\n").unwrap();
    slow_reader.read_exact(&mut [0; 100]).unwrap();
    let mut slow_writer = broker.dial_second();
    for piece in b"GET /api/v1/version HTTP/1.1\r\n".chunks(1) {
        slow_writer.write_all(piece).unwrap();
        if piece == b"/" {
            assert_eq!(get(&broker, "/api/v1/version").status, 200);
            client("user").to(&broker).ping();
        }
    }
    slow_writer.write_all(b"\r\n").unwrap();
    assert_eq!(Answer::read(slow_writer).text(), env!("CARGO_PKG_VERSION"));
    let mut rest = Vec::new();
    slow_reader.read_to_end(&mut rest).unwrap();
    assert!(rest.len() > (50 << 20) - 100);
}

#[test]
fn who_does_not_ask_is_hung_up_on() {
    let broker = broker("");
    let began = Instant::now();
    let silent = broker.dial_second();
    let mut half = broker.dial_second();
    half.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    is_closed(&silent);
    is_closed(&half);
    assert!(began.elapsed() >= Duration::from_secs(9), "{:?}", began.elapsed());
}

/// One that has asked for nothing makes way for the next one, the oldest first.
#[test]
fn of_too_many_the_oldest_that_has_not_asked_makes_way() {
    let broker = broker("");
    let mut idle: Vec<_> = (0..CONNECTIONS_MAX).map(|_| broker.dial_second()).collect();
    // All are let in when one of them is answered.
    let mut last = idle.pop().unwrap();
    last.write_all(b"GET /api/v1/version HTTP/1.1\r\n\r\n").unwrap();
    assert_eq!(Answer::read(last).status, 200);
    assert!(is_open(&idle[0]));
    let more: Vec<_> = (0..4).map(|_| broker.dial_second()).collect();
    assert_eq!(get(&broker, "/api/v1/version").status, 200);
    is_closed(&idle[0]);
    is_closed(&idle[1]);
    assert!(is_open(idle.last().unwrap()) && is_open(&more[3]));
    client("user").to(&broker).ping();
}

#[test]
fn connections_leave_no_descriptors_behind() {
    let broker = broker("");
    let before = broker.descriptors();
    for _ in 0..100 {
        get(&broker, "/api/v1/listeners");
        drop(broker.dial_second());
        broker.dial_second().write_all(b"garbage").unwrap();
    }
    crate::harness::wait_until("the end of all", || broker.descriptors() == before);
}

#[test]
fn what_is_sent_behind_a_request_costs_no_answer() {
    let broker = broker("");
    let mut request = b"POST /x HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n".to_vec();
    request.resize(request.len() + 1_000_000, b'x');
    assert_eq!(ask_with(&broker, &request).status, 405);
}

#[test]
fn options_that_mean_nothing_here_are_warned_of() {
    let broker = broker("max_connections 1\nenable_proxy_protocol 1\nwebsockets_origin https://a");
    for option in ["max_connections", "enable_proxy_protocol", "websockets_origin"] {
        broker.log.wait_for(&format!("Warning: The '{option}' option has no effect on listener "));
    }
    let _idle = broker.dial_second();
    assert_eq!(get_with(&broker, "/api/v1/version", "Origin: https://b\r\n").status, 200);
}

#[test]
fn a_broker_for_http_alone_does_not_start() {
    let scratch = Scratch::new();
    let text = format!("log_timestamp false\nlistener {} 127.0.0.1\nprotocol http_api\n", free_port());
    let config = scratch.file("mosquitto.conf", &text);
    let refused = mosquitto(["-c".as_ref(), config.as_os_str()]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains(&"Error: Unable to start any listening sockets, exiting.".to_owned()),
        "{refused:?}"
    );
}

#[test]
fn inside_tls_all_is_the_same() {
    let office = Office::new();
    let scratch = Scratch::new();
    let text = vec![b'x'; 3_000_000];
    std::fs::write(scratch.path().join("large"), &text).unwrap();
    let config = office.config(&format!(
        "listener SECOND 127.0.0.1\nprotocol http_api\nlistener_allow_anonymous true\nhttp_dir {}\n\
         certfile DIR/server.crt\nkeyfile DIR/server.key\n",
        scratch.path().display()
    ));
    let broker = Setup::config(&config).start();
    let get = |path: &str| {
        let mut stream = office.tunnel().over(broker.dial_second()).unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes()).unwrap();
        Answer::read(stream)
    };
    assert_eq!(get("/api/v1/version").text(), env!("CARGO_PKG_VERSION"));
    assert!(get("/api/v1/listeners").text().contains("\"httpapi\",\n\t\t\t\"tls\":\ttrue,"));
    assert!(get("/large").body == text);
    // Who speaks no TLS gets nothing.
    let mut plain = broker.dial_second();
    plain.write_all(b"GET /api/v1/version HTTP/1.1\r\n\r\n").unwrap();
    let mut said = Vec::new();
    let _ = plain.read_to_end(&mut said);
    assert!(!said.starts_with(b"HTTP"), "{said:?}");
    assert_eq!(get("/missing").status, 404);
}

/// Mosquitto lets everybody in here.
#[test]
fn a_certificate_that_is_required_is_asked_for() {
    let office = Office::new();
    let config = office.config(
        "listener SECOND 127.0.0.1\nprotocol http_api\nlistener_allow_anonymous true\n\
         certfile DIR/server.crt\nkeyfile DIR/server.key\ncafile DIR/ca.crt\nrequire_certificate true\n",
    );
    let broker = Setup::config(&config).start();
    let ask = |stream: TcpStream| {
        let mut bytes = Vec::new();
        // One side may be quicker than the other with its end.
        let _ = (&stream).write_all(b"GET /api/v1/version HTTP/1.1\r\n\r\n");
        let _ = (&stream).read_to_end(&mut bytes);
        bytes
    };
    let without = office.tunnel().over(broker.dial_second()).map(ask);
    assert!(without.is_err() || without.as_ref().is_ok_and(Vec::is_empty), "{without:?}");
    let showing = office.tunnel().showing(&office.authority.client("anna"));
    let with = ask(showing.over(broker.dial_second()).unwrap());
    assert!(with.starts_with(b"HTTP/1.1 200 OK\r\n"), "{with:?}");
}
