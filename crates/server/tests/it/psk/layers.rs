//! Together with what may stand below and above.

use super::{Desk, KEYS};
use crate::harness::{Broker, Client, Got, client, in_websocket};
use std::io::Write;
use std::net::TcpStream;

fn connect(stream: TcpStream, id: &str) -> Client {
    let mut client = client(id).over(stream);
    assert_eq!(client.next(), Got::ConnAck { present: false, reason: 0 });
    client
}

fn passed_on(broker: &Broker, header: &[u8]) -> TcpStream {
    let mut stream = broker.dial();
    stream.write_all(header).unwrap();
    stream
}

/// Clients of different workers send each other what is larger than a record.
fn talk(mut connect: impl FnMut(&str) -> Client) {
    let mut first = connect("first");
    first.subscribe("to/first", 1);
    for n in 0..6 {
        let id = format!("other-{n}");
        let mut other = connect(&id);
        other.subscribe(&id, 1);
        for size in [0, 100, 16_384, 300_000] {
            let payload = vec![b'x'; size];
            other.publish("to/first", &payload, 1);
            assert!(first.message().payload == payload, "{size} bytes");
            first.publish(&id, &payload, 1);
            assert!(other.message().payload == payload, "{size} bytes");
        }
        other.disconnect();
    }
}

/// `[MQTT-6.0.0-4]` `[3.1.1 MQTT-6.0.0-4]`
#[test]
fn a_websocket_may_be_inside() {
    let Some(desk) = Desk::new(KEYS) else { return };
    let broker = desk.broker("protocol websockets\nworker_threads 3");
    talk(|id| connect(in_websocket(desk.alice().to(&broker).unwrap()), id));
    broker.log.wait_for("Client first negotiated TLSv1.2 cipher ");
}

#[test]
fn it_may_follow_a_proxy_header_of_either_version_and_the_identity_is_that_of_the_client() {
    let Some(desk) = Desk::new(KEYS) else { return };
    let first = b"PROXY TCP4 192.0.2.5 127.0.0.1 6275 1234\r\n".as_slice();
    let second = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x05\x7f\0\0\x01\x18\x83\x04\xd2";
    for (version, header) in [(1, first), (2, second)] {
        let lines = format!("enable_proxy_protocol {version}\nuse_identity_as_username true\nworker_threads 3");
        let broker = desk.broker(&lines);
        talk(|id| connect(desk.alice().over(passed_on(&broker, header)).unwrap(), id));
        broker.log.wait_for("New client connected from 192.0.2.5:6275 as other-5 (p5, c1, k60, u'alice').");
    }
}

#[test]
fn a_unix_socket_may_have_it_too() {
    use std::os::fd::OwnedFd;
    let Some(desk) = Desk::new(KEYS) else { return };
    let path = desk.scratch.path().join("socket");
    let config = desk.config("").replace("listener PORT 127.0.0.1", &format!("listener 0 {}", path.display()));
    let broker = crate::harness::Setup::config(&format!("listener PORT 127.0.0.1\n{config}")).start();
    let socket = std::os::unix::net::UnixStream::connect(&path).unwrap();
    connect(desk.alice().over(TcpStream::from(OwnedFd::from(socket))).unwrap(), "inside").ping();
    broker.log.wait_for("Client inside negotiated TLSv1.2 cipher ");
}
