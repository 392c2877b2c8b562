//! A client that speaks TLS, and a server that sends back what it says.

use super::{connect, read, received};
use crate::chance::Chance;
use crate::tls::{CLIENT, Papers};
use mosquitto_transport::{Read, Stream, TlsFailure, Written};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, SupportedProtocolVersion};
use std::io::{IoSlice, Read as _, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

/// Times that both ends get their turn.
const ROUNDS: usize = 12;

/// Bytes of the client's records among which one is changed.
const CHANGED_BYTES: usize = 2_000;

pub(super) struct Session {
    client: ClientConnection,
    peer: UnixStream,
    stream: Stream,
    /// Whether the server asks for a certificate.
    require: bool,
    /// Which byte of the client's records is changed.
    change_at: Option<usize>,
    /// Bytes of its records.
    on_the_way: usize,
    chance: Chance,
    /// What the server has got, and has not sent back yet.
    got: Vec<u8>,
    unwritten: Vec<u8>,
    /// What has come back.
    echoed: Vec<u8>,
    /// Which of the two has found something wrong.
    server_failed: bool,
    client_failed: bool,
}

impl Session {
    pub(super) fn new(
        version: &'static SupportedProtocolVersion,
        require: bool,
        changed: bool,
        mut chance: Chance,
    ) -> Self {
        let (peer, stream) = connect(require);
        Self {
            client: client(version),
            peer,
            stream,
            require,
            change_at: changed.then(|| chance.below(CHANGED_BYTES)),
            on_the_way: 0,
            chance,
            got: Vec::new(),
            unwritten: Vec::new(),
            echoed: Vec::new(),
            server_failed: false,
            client_failed: false,
        }
    }

    /// What the client sends comes back to it; a byte that is changed on the way is noticed, or does not matter.
    pub(super) fn run(mut self, data: &[u8]) {
        let mut sent = 0;
        for _ in 0..ROUNDS {
            if !self.client_failed && !self.client.is_handshaking() && sent < data.len() {
                let len = 1 + self.chance.below(data.len() - sent);
                self.client.writer().write_all(&data[sent..sent + len]).expect("room");
                sent += len;
            }
            self.client_sends();
            self.client_reads();
        }
        let Self { got, echoed, .. } = &self;
        assert!(data.starts_with(got) && got.starts_with(echoed), "something else");
        if self.change_at.is_none() {
            assert!(!self.server_failed && !self.client_failed && !self.client.is_handshaking());
            assert_eq!((got.len(), echoed.len()), (sent, sent));
            let secured = self.stream.secured().expect("a handshake that is done");
            let name = secured.certificate.and_then(|names| names.common_name);
            assert_eq!(name.as_deref(), self.require.then_some(CLIENT));
            self.say_goodbye();
        }
    }

    /// All that it has to send goes over the socket in pieces.
    fn client_sends(&mut self) {
        let mut records = Vec::new();
        while self.client.wants_write() {
            self.client.write_tls(&mut records).expect("room");
        }
        let changed = self.change_at.and_then(|at| records.get_mut(at.checked_sub(self.on_the_way)?));
        if let Some(byte) = changed {
            *byte ^= 1 << self.chance.below(8);
        }
        self.on_the_way += records.len();
        for piece in self.chance.pieces(&records) {
            if self.server_failed || self.peer.write_all(piece).is_err() {
                break;
            }
            self.server_reads();
        }
    }

    fn server_reads(&mut self) {
        match read(&mut self.stream) {
            Ok(data) => {
                self.got.extend_from_slice(&data);
                self.unwritten.extend(data);
            }
            Err(error) => {
                assert!(TlsFailure::of(&error).is_some_and(|failure| !failure.to_string().is_empty()));
                self.server_failed = true;
            }
        }
        if !self.server_failed && !self.unwritten.is_empty() {
            match self.stream.write(&[IoSlice::new(&self.unwritten)]).expect("a client that listens") {
                Written::Some(len) | Written::Blocked(len) => drop(self.unwritten.drain(..len)),
            }
        }
        self.stream.flush().expect("a socket that works");
    }

    fn client_reads(&mut self) {
        let said = received(&mut self.peer);
        let mut said = &said[..];
        while !said.is_empty() && !self.client_failed && self.client.read_tls(&mut said).is_ok() {
            if let Ok(state) = self.client.process_new_packets() {
                let mut room = vec![0; state.plaintext_bytes_to_read()];
                self.client.reader().read_exact(&mut room).expect("what is there");
                self.echoed.extend(room);
            } else {
                // It says so to the server the next time.
                assert!(self.change_at.is_some(), "a client that has nothing to complain of");
                self.client_failed = true;
            }
        }
    }

    /// Each end learns that the other one sends nothing more.
    fn say_goodbye(mut self) {
        self.client.send_close_notify();
        let mut records = Vec::new();
        self.client.write_tls(&mut records).expect("room");
        self.peer.write_all(&records).expect("room");
        assert_eq!(self.stream.read(&mut [0; 50]).expect("an end"), Read::End);
        self.stream.finish().expect("a socket");
        let said = received(&mut self.peer);
        self.client.read_tls(&mut &said[..]).expect("records");
        assert!(self.client.process_new_packets().expect("records").peer_has_closed());
    }
}

/// A client with a certificate.
fn client(version: &'static SupportedProtocolVersion) -> ClientConnection {
    let papers = Papers::get();
    let mut roots = RootCertStore::empty();
    let certificate = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate");
    roots.add(certificate(&papers.authority)).expect("an authority");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[version]).expect("a version");
    let key = PrivateKeyDer::from_pem_slice(papers.client_key.as_bytes()).expect("a key");
    let own = vec![certificate(&papers.client)];
    let config = builder.with_root_certificates(roots).with_client_auth_cert(own, key).expect("a client");
    ClientConnection::new(Arc::new(config), "localhost".try_into().expect("a name")).expect("a client")
}
