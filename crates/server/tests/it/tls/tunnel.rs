//! TLS for a client that knows nothing of it.

use super::authority::Leaf;
use crate::harness::{Broker, PATIENCE};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore, SupportedProtocolVersion};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A client's end of TLS. Change it with the methods, then call [`Tunnel::to`].
#[derive(Debug, Clone)]
pub(crate) struct Tunnel {
    trusted: Vec<String>,
    own: Option<(Vec<String>, String)>,
    versions: Vec<&'static SupportedProtocolVersion>,
}

impl Tunnel {
    /// One that trusts the authority with this certificate.
    pub(crate) fn trusting(authority: &str) -> Self {
        Self { trusted: vec![authority.to_owned()], own: None, versions: rustls::DEFAULT_VERSIONS.to_vec() }
    }

    /// Shows this certificate, where it is asked for one.
    pub(crate) fn showing(self, leaf: &Leaf) -> Self {
        self.showing_chain(leaf, &[])
    }

    /// Shows this certificate and those above it.
    pub(crate) fn showing_chain(mut self, leaf: &Leaf, above: &[&str]) -> Self {
        let chain = std::iter::once(leaf.pem.as_str()).chain(above.iter().copied()).map(str::to_owned);
        self.own = Some((chain.collect(), leaf.key.clone()));
        self
    }

    /// Speaks this version only.
    pub(crate) fn version(mut self, version: &'static SupportedProtocolVersion) -> Self {
        self.versions = vec![version];
        self
    }

    pub(crate) fn config(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        self.trusted.iter().for_each(|pem| roots.add(certificate(pem)).unwrap());
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
        let builder = builder.with_protocol_versions(&self.versions).unwrap().with_root_certificates(roots);
        match &self.own {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => {
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                builder.with_client_auth_cert(chain.iter().map(|pem| certificate(pem)).collect(), key).unwrap()
            }
        }
    }

    /// A connection to the broker, as a client without TLS has one. The error is what the client's end of TLS says.
    pub(crate) fn to(&self, broker: &Broker) -> Result<TcpStream, String> {
        self.over(broker.dial())
    }

    /// The same over a connection that is there.
    pub(crate) fn over(&self, socket: TcpStream) -> Result<TcpStream, String> {
        Self::with(Arc::new(self.config()), socket).map(|(stream, _)| stream)
    }

    /// The same with a configuration that may have been used before. Tells also what the handshake was like.
    pub(crate) fn with(config: Arc<ClientConfig>, mut socket: TcpStream) -> Result<(TcpStream, HandshakeKind), String> {
        let name = ServerName::try_from("localhost").unwrap();
        let mut tls = ClientConnection::new(config, name).unwrap();
        while tls.is_handshaking() {
            tls.complete_io(&mut socket).map_err(|error| error.to_string())?;
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let inside = Broker::dial_address(listener.local_addr().unwrap());
        let (outside, _) = listener.accept().unwrap();
        outside.set_nodelay(true).unwrap();
        // A reader waits for as long as the test does.
        socket.set_read_timeout(None).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        let kind = tls.handshake_kind().unwrap();
        pass(tls, socket, outside);
        Ok((inside, kind))
    }
}

fn certificate(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

/// Passes bytes both ways until one side ends.
fn pass(tls: ClientConnection, socket: TcpStream, plain: TcpStream) {
    let tls = Arc::new(Mutex::new(tls));
    let (mut to_socket, mut from_plain) = (socket.try_clone().unwrap(), plain.try_clone().unwrap());
    let writer = Arc::clone(&tls);
    thread::spawn(move || {
        let mut bytes = vec![0; 65536];
        while let Ok(len @ 1..) = from_plain.read(&mut bytes) {
            let mut tls = writer.lock().unwrap();
            for part in bytes[..len].chunks(16384) {
                if tls.writer().write_all(part).and_then(|()| send(&mut tls, &mut to_socket)).is_err() {
                    break;
                }
            }
        }
        let mut tls = writer.lock().unwrap();
        tls.send_close_notify();
        let _ = send(&mut tls, &mut to_socket);
        let _ = to_socket.shutdown(Shutdown::Write);
    });
    let (mut from_socket, mut to_plain) = (socket, plain);
    thread::spawn(move || {
        let mut bytes = vec![0; 65536];
        'reading: while let Ok(len @ 1..) = from_socket.read(&mut bytes) {
            let mut rest = &bytes[..len];
            while !rest.is_empty() {
                let mut decrypted = Vec::new();
                {
                    let mut tls = tls.lock().unwrap();
                    let read = tls.read_tls(&mut rest);
                    if read.is_err() || tls.process_new_packets().is_err() {
                        break 'reading;
                    }
                    // At the end of what there is, this is an error.
                    let _ = tls.reader().read_to_end(&mut decrypted);
                    let _ = send(&mut tls, &mut from_socket);
                }
                if to_plain.write_all(&decrypted).is_err() {
                    break 'reading;
                }
            }
        }
        let _ = to_plain.shutdown(Shutdown::Both);
        let _ = from_socket.shutdown(Shutdown::Both);
    });
}

fn send(tls: &mut ClientConnection, socket: &mut TcpStream) -> std::io::Result<()> {
    while tls.wants_write() {
        tls.write_tls(socket)?;
    }
    Ok(())
}
