//! TLS together with what may stand below it and above it.

use super::Office;
use crate::harness::{Broker, Client, Got, client, in_websocket};
use rustls::version::{TLS12, TLS13};
use std::io::Write;
use std::net::TcpStream;

const HEADER: &[u8] = b"PROXY TCP4 192.0.2.5 127.0.0.1 6275 1234\r\n";

fn connect(stream: TcpStream, id: &str) -> Client {
    let mut client = client(id).over(stream);
    assert_eq!(client.next(), Got::ConnAck { present: false, reason: 0 });
    client
}

fn passed_on(broker: &Broker) -> TcpStream {
    let mut stream = broker.dial();
    stream.write_all(HEADER).unwrap();
    stream
}

/// Clients of different workers send each other what is larger than a record of TLS.
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
fn a_websocket_may_be_inside_tls() {
    let office = Office::new();
    let broker = office.broker("protocol websockets\nworker_threads 3");
    for version in [&TLS12, &TLS13] {
        let tunnel = office.tunnel().version(version);
        talk(|id| connect(in_websocket(tunnel.to(&broker).unwrap()), id));
    }
    broker.log.wait_for("Client first negotiated TLSv1.3 cipher ");
}

#[test]
fn tls_may_follow_a_proxy_header_of_version_1() {
    let office = Office::new();
    let broker = office.broker("enable_proxy_protocol 1\nworker_threads 3");
    talk(|id| connect(office.tunnel().over(passed_on(&broker)).unwrap(), id));
    broker.log.wait_for("New client connected from 192.0.2.5:6275 as other-5 ");
    broker.log.wait_for("Client other-5 negotiated TLSv1.3 cipher ");
}

#[test]
fn a_proxy_header_tls_and_a_websocket_may_stand_above_each_other() {
    let office = Office::new();
    let broker = office.broker("enable_proxy_protocol 1\nprotocol websockets\nworker_threads 3");
    talk(|id| connect(in_websocket(office.tunnel().over(passed_on(&broker)).unwrap()), id));
    broker.log.wait_for("New client connected from 192.0.2.5:6275 as other-5 ");
}
