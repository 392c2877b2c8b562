//! A remote broker that does what a test says.

use crate::harness::{Client, PATIENCE, free_port, wait_until};
use mosquitto_mqtt::packet::{ConnAck, Connect};
use mosquitto_mqtt::{Packet, Properties, ProtocolVersion, ReasonCode};
use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

/// Where it listens.
#[derive(Debug)]
pub(super) struct Remote(TcpListener);

/// A connection of a bridge, and what its CONNECT said.
#[derive(Debug)]
pub(super) struct Bridge {
    pub(super) client: Client,
    pub(super) connect: String,
    pub(super) peer: SocketAddr,
    version: ProtocolVersion,
}

impl Remote {
    pub(super) fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, free_port())).unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    pub(super) fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    /// The next connection.
    pub(super) fn accept_stream(&self) -> (TcpStream, SocketAddr) {
        let accepted = RefCell::new(None);
        wait_until("a bridge connects", || {
            *accepted.borrow_mut() = self.0.accept().ok();
            accepted.borrow().is_some()
        });
        let (stream, peer) = accepted.into_inner().unwrap();
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        (stream, peer)
    }

    /// The next connection and its CONNECT, which is not answered.
    pub(super) fn greeted(&self) -> Bridge {
        let (stream, peer) = self.accept_stream();
        let mut client = Client::new(stream, ProtocolVersion::V311);
        let bytes = client.next_bytes();
        let connect = Connect::read(&bytes[2..]).unwrap();
        let properties: Vec<_> = connect.properties.iter().collect();
        let (version, connect) = (connect.version, format!("{connect:?} {properties:?}"));
        let client = Client::new(client.stream, version);
        Bridge { client, connect, peer, version }
    }

    /// The next connection, which is accepted.
    pub(super) fn accepted(&self) -> Bridge {
        let mut bridge = self.greeted();
        bridge.accept();
        bridge
    }
}

impl Bridge {
    pub(super) fn accept(&mut self) {
        let (reason, properties) = (ReasonCode::SUCCESS, Properties::EMPTY);
        self.client.send(&Packet::ConnAck(ConnAck { session_present: false, reason, properties }));
    }

    /// What the next packet is, and its bytes as a text.
    pub(super) fn says(&mut self) -> String {
        let bytes = self.client.next_bytes();
        let header = mosquitto_mqtt::FixedHeader::parse(&bytes).unwrap().unwrap();
        let body = &bytes[usize::from(header.header_len)..];
        let packet = Packet::decode(header, body, self.version).unwrap();
        format!("{packet:?} {}", String::from_utf8_lossy(body))
    }

    /// What the CONNECT says has this in it.
    pub(super) fn said(&self, what: &str) {
        assert!(self.connect.contains(what), "{what}: {}", self.connect);
    }

    /// Waits for a packet that has all of this in it.
    pub(super) fn says_so(&mut self, what: &[&str]) -> String {
        loop {
            let packet = self.says();
            if what.iter().all(|part| packet.contains(part)) {
                return packet;
            }
        }
    }
}
