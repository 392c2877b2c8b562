//! Connections that a proxy passes on, with a PROXY header before them.

use crate::harness::{Broker, Client, Got, Setup, client};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// A broker whose listener expects the header of this version, with these lines after it.
fn behind_proxy(version: u8, lines: &str) -> Broker {
    let text =
        format!("allow_anonymous true\nworker_threads 3\nlistener PORT 127.0.0.1\nenable_proxy_protocol {version}\n");
    Setup::config(&format!("{text}{lines}\n")).start()
}

/// A header of version 2.
fn header(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let len = u16::try_from(body.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[command, family], &len, body].concat()
}

/// One that says that the client is 192.0.2.5, port 6275, and these further values.
fn from_ipv4(values: &[u8]) -> Vec<u8> {
    header(0x21, 0x11, &[&[192, 0, 2, 5, 127, 0, 0, 1, 0x18, 0x83, 0, 0], values].concat())
}

/// The value that tells of TLS 1.3 and a cipher.
const SSL: &[u8] = b"\x20\x00\x19\x01\0\0\0\x01\x21\x00\x07TLSv1.3\x23\x00\x07AES_GCM";

fn connect(broker: &Broker, header: &[u8], id: &str) -> Client {
    let mut stream = broker.dial();
    stream.write_all(header).unwrap();
    let mut connected = client(id).over(stream);
    assert_eq!(connected.next(), Got::ConnAck { present: false, reason: 0 });
    connected.ping();
    connected
}

/// Waits until the broker has closed the connection, without having sent anything.
fn is_hung_up_on(mut stream: &TcpStream) {
    let mut buffer = [0; 1];
    match stream.read(&mut buffer) {
        Ok(0) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        other => panic!("{other:?}"),
    }
}

#[test]
pub(crate) fn the_log_names_the_client_and_not_the_proxy() {
    let broker = behind_proxy(1, "");
    connect(&broker, b"PROXY TCP4 192.0.2.5 127.0.0.1 6275 1234\r\n", "a");
    broker.log.wait_for(&format!("New connection from 192.0.2.5:6275 on port {}.", broker.port()));
    broker.log.wait_for("New client connected from 192.0.2.5:6275 as a (p5, c1, k60).");
    broker.log.wait_for("Client a [192.0.2.5:6275] disconnected");
    connect(&broker, b"PROXY TCP6 2001:db8::1 ::1 6275 1234\r\n", "b");
    broker.log.wait_for("New client connected from 2001:db8::1:6275 as b ");
    assert_eq!(broker.log.count("127.0.0.1"), 0, "{:?}", broker.log.all());
    connect(&broker, b"PROXY UNKNOWN\r\n", "c");
    broker.log.wait_for("New client connected from 127.0.0.1:");
    let broker = behind_proxy(2, "");
    connect(&broker, &from_ipv4(&[]), "d");
    broker.log.wait_for("New client connected from 192.0.2.5:6275 as d ");
    connect(&broker, &header(0x21, 0x31, b"/path"), "e");
    broker.log.wait_for("New client connected from /path:0 as e ");
    connect(&broker, &from_ipv4(SSL), "f");
    broker.log.wait_for("Connection from 192.0.2.5:6275 negotiated TLSv1.3 cipher AES_GCM");
}

#[test]
fn a_header_may_come_byte_by_byte() {
    for (version, header) in [(1, b"PROXY TCP4 192.0.2.5 127.0.0.1 6275 1234\r\n".to_vec()), (2, from_ipv4(SSL))] {
        let broker = behind_proxy(version, "");
        let mut stream = broker.dial();
        for byte in header {
            stream.write_all(&[byte]).unwrap();
        }
        let mut slow = client("slow").over(stream);
        assert_eq!(slow.next(), Got::ConnAck { present: false, reason: 0 });
        broker.log.wait_for("New client connected from 192.0.2.5:6275 as slow ");
    }
}

#[test]
fn who_sends_no_header_or_a_corrupt_one_is_hung_up_on() {
    let connect = b"\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x01x".to_vec();
    for (version, bad) in [
        (1, vec![connect.clone(), b"PROXY TCP4 1.2.3.4 1.2.3.4 0 1\r\n".to_vec(), from_ipv4(&[]), vec![b'P'; 200]]),
        (
            2,
            vec![connect, b"PROXY UNKNOWN\r\n".to_vec(), from_ipv4(b"\x20\x00\x01\x21"), header(0x21, 0x31, &[1; 501])],
        ),
    ] {
        let broker = behind_proxy(version, "listener SECOND 127.0.0.1");
        for (n, bytes) in bad.iter().enumerate() {
            let mut stream = broker.dial();
            stream.write_all(bytes).unwrap();
            is_hung_up_on(&stream);
            broker.log.wait_for_several("Connection rejected, corrupt PROXY header.", n + 1);
        }
        assert_eq!(broker.log.count("New connection"), 0);
        // It is not expected on the other listener.
        client("plain").second().to(&broker).ping();
    }
}

#[test]
fn a_probe_is_hung_up_on_without_a_line() {
    let broker = behind_proxy(2, "");
    let before = broker.log.len();
    for body in [&[][..], &[0; 12]] {
        let mut stream = broker.dial();
        stream.write_all(&header(0x20, 0, body)).unwrap();
        is_hung_up_on(&stream);
    }
    assert_eq!(broker.log.len(), before, "{:?}", broker.log.all());
}

#[test]
pub(crate) fn proxy_protocol_v2_require_tls_refuses_clients_without_it() {
    let broker = behind_proxy(2, "proxy_protocol_v2_require_tls true");
    let mut stream = broker.dial();
    stream.write_all(&from_ipv4(&[])).unwrap();
    is_hung_up_on(&stream);
    broker.log.wait_for("Connection from 192.0.2.5:6275 rejected, client did not connect using TLS.");
    connect(&broker, &from_ipv4(SSL), "over-tls");
}

#[test]
fn a_reload_is_for_later_connections() {
    let plain = "allow_anonymous true\nlistener PORT 127.0.0.1\n";
    let broker = Setup::config(plain).start();
    let mut early = client("early").to(&broker);
    let lines = broker.reload(&format!("{plain}enable_proxy_protocol 1\n"));
    assert!(lines.iter().any(|line| line.starts_with("enable_proxy_protocol of listener ")), "{lines:?}");
    connect(&broker, b"PROXY TCP4 192.0.2.5 127.0.0.1 6275 1234\r\n", "late");
    early.ping();
}

/// A name counts that is of a certificate which the proxy has found to be good, with whatever worker the client comes to be.
#[test]
fn a_common_name_that_the_proxy_tells_of_is_the_username() {
    let broker = behind_proxy(2, "require_certificate true\nuse_identity_as_username true");
    let shown = |verify: u8| [b"\x20\x00\x0c\x07\0\0\0", &[verify][..], b"\x22\x00\x04alma"].concat();
    for n in 0..8 {
        let id = format!("c{n}");
        let mut stream = broker.dial();
        stream.write_all(&from_ipv4(&shown(0))).unwrap();
        let mut connected = client(&id).username("other").over(stream);
        assert_eq!(connected.next(), Got::ConnAck { present: false, reason: 0 });
        broker.log.wait_for(&format!("New client connected from 192.0.2.5:6275 as {id} (p5, c1, k60, u'alma')."));
    }
    let mut stream = broker.dial();
    stream.write_all(&from_ipv4(&shown(1))).unwrap();
    is_hung_up_on(&stream);
    broker.log.wait_for("Connection from 192.0.2.5:6275 rejected, client did not provide a certificate.");
}
