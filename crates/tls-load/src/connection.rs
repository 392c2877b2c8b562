//! A client's connection: MQTT 3.1.1 over TLS, blocking, with no more of either than the scenarios need.

use crate::Result;
use crate::certificates::Certificates;
use crate::scenario::Version;
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

const READ_BYTES: usize = 64 * 1024;

const CONNECT: u8 = 0x10;
const CONNACK: &[u8] = &[0x20, 2, 0, 0];
const DISCONNECT: &[u8] = &[0xE0, 0];

/// What a client knows before it connects. It keeps its tickets, if it is to resume.
pub(crate) fn client(certificates: &Certificates, version: Version, resume: bool) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificates.authority())?)?;
    let version = match version {
        Version::Tls12 => &TLS12,
        Version::Tls13 => &TLS13,
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let mut config = builder.with_protocol_versions(&[version])?.with_root_certificates(roots).with_no_client_auth();
    config.resumption = if resume { Resumption::in_memory_sessions(8) } else { Resumption::disabled() };
    Ok(Arc::new(config))
}

/// Connected, as far as MQTT.
pub(crate) struct Connection {
    stream: StreamOwned<ClientConnection, TcpStream>,
    /// What came and was not taken, from `taken` on.
    received: Vec<u8>,
    taken: usize,
}

impl Connection {
    pub(crate) fn open(config: &Arc<ClientConfig>, address: SocketAddr, client_id: &str) -> Result<Self> {
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let tls = ClientConnection::new(Arc::clone(config), ServerName::try_from("localhost")?)?;
        let mut connection = Self { stream: StreamOwned::new(tls, socket), received: Vec::new(), taken: 0 };
        let mut body = b"\0\x04MQTT\x04\x02\0\0".to_vec();
        put_text(client_id, &mut body);
        let mut packet = Vec::new();
        put_packet(CONNECT, &body, &mut packet);
        connection.send(&packet)?;
        let answer = connection.next_packet()?;
        if answer != CONNACK {
            return Err(format!("the broker answered {answer:?} to CONNECT").into());
        }
        Ok(connection)
    }

    pub(crate) fn was_resumed(&self) -> bool {
        self.stream.conn.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    pub(crate) fn send(&mut self, packets: &[u8]) -> Result<()> {
        self.stream.write_all(packets)?;
        Ok(self.stream.flush()?)
    }

    pub(crate) fn subscribe(&mut self, filter: &str, qos: u8) -> Result<()> {
        let (mut body, mut packet) = (vec![0, 1], Vec::new());
        put_text(filter, &mut body);
        body.push(qos);
        put_packet(0x82, &body, &mut packet);
        self.send(&packet)?;
        if self.next_packet()? == [0x90, 3, 0, 1, qos] { Ok(()) } else { Err("the broker refuses to SUBSCRIBE".into()) }
    }

    /// The next packet as a whole.
    pub(crate) fn next_packet(&mut self) -> Result<&[u8]> {
        loop {
            if let Some(len) = self.received.get(self.taken..).and_then(packet_bytes) {
                let start = self.taken;
                self.taken += len;
                return Ok(self.received.get(start..self.taken).unwrap_or_default());
            }
            self.received.drain(..std::mem::take(&mut self.taken));
            let before = self.received.len();
            self.received.resize(before + READ_BYTES, 0);
            let read = self.stream.read(self.received.get_mut(before..).unwrap_or_default());
            self.received.truncate(before + *read.as_ref().unwrap_or(&0));
            if read? == 0 {
                return Err("the broker closed the connection".into());
            }
        }
    }

    /// Says that it goes, and closes.
    pub(crate) fn close(mut self) -> Result<()> {
        self.send(DISCONNECT)
    }
}

/// A text with its length before it.
pub(crate) fn put_text(text: &str, to: &mut Vec<u8>) {
    to.extend_from_slice(&(text.len() as u16).to_be_bytes());
    to.extend_from_slice(text.as_bytes());
}

/// A packet of this first byte.
pub(crate) fn put_packet(first: u8, body: &[u8], to: &mut Vec<u8>) {
    to.push(first);
    let mut rest = body.len();
    loop {
        let more = rest >= 0x80;
        to.push((rest & 0x7F) as u8 | if more { 0x80 } else { 0 });
        rest >>= 7;
        if !more {
            break;
        }
    }
    to.extend_from_slice(body);
}

/// How long the packet is that stands first; none where it has not come as a whole.
fn packet_bytes(bytes: &[u8]) -> Option<usize> {
    let mut len = 0;
    for (at, byte) in bytes.iter().skip(1).take(4).enumerate() {
        len |= usize::from(byte & 0x7F) << (7 * at);
        if byte & 0x80 == 0 {
            let all = 2 + at + len;
            return (bytes.len() >= all).then_some(all);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_as_long_as_its_head_says() {
        for len in [0, 1, 127, 128, 16_383, 16_384] {
            let mut packets = Vec::new();
            put_packet(0x30, &vec![0; len], &mut packets);
            let whole = packets.len();
            packets.push(0xD0);
            assert_eq!(packet_bytes(&packets), Some(whole), "{len}");
            assert_eq!(packet_bytes(packets.get(..whole - 1).unwrap_or_default()), None, "{len}");
        }
    }
}
