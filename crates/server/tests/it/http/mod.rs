//! The HTTP API, and files over HTTP.

mod access;
pub(crate) mod api;
mod connections;
pub(crate) mod files;
mod reload;

use crate::harness::Broker;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Answer {
    status: u16,
    /// All lines of the head but the first, without the date.
    headers: Vec<String>,
    body: Vec<u8>,
}

impl Answer {
    /// Reads one, which ends with its connection.
    fn read(mut stream: impl Read) -> Self {
        let mut bytes = Vec::new();
        match stream.read_to_end(&mut bytes) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => panic!("{error} after {} bytes", bytes.len()),
        }
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("the end of a head");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().strip_prefix("HTTP/1.1 ").unwrap()[..3].parse().unwrap();
        let (dates, headers): (Vec<_>, Vec<_>) = lines.map(str::to_owned).partition(|line| line.starts_with("Date: "));
        assert!(dates.len() == 1 && dates[0].ends_with(" GMT"), "{dates:?}");
        Self { status, headers, body: bytes[end + 4..].to_vec() }
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// What the second listener answers to these bytes.
fn ask_with(broker: &Broker, request: &[u8]) -> Answer {
    let mut stream = broker.dial_second();
    stream.write_all(request).unwrap();
    Answer::read(stream)
}

/// What it answers to a request for this path, with these lines in its head.
fn get_with(broker: &Broker, path: &str, headers: &str) -> Answer {
    ask_with(broker, format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n").as_bytes())
}

fn get(broker: &Broker, path: &str) -> Answer {
    get_with(broker, path, "")
}

/// An open listener for MQTT, and an open one for HTTP, with these lines after it.
fn broker(lines: &str) -> Broker {
    Broker::open(&format!("worker_threads 2\nlistener SECOND 127.0.0.1\nprotocol http_api\n{lines}"))
}

/// Waits until the broker has closed a connection, whatever it has sent before.
fn is_closed(mut stream: &TcpStream) {
    match stream.read_to_end(&mut Vec::new()) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("{error}"),
    }
}
