//! A name server for tests, at a port of loopback, UDP and TCP. Its bytes are made by hand: it is a second opinion on their
//! format.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

/// A record: priority, weight, port and target.
pub(crate) type Service<'r> = (u16, u16, u16, &'r str);

/// What is answered.
#[derive(Debug, Clone)]
#[allow(dead_code, reason = "not all who test need all of it")]
pub(crate) enum Answer {
    /// The records, in the form of the wire, and how many there are.
    Records(Vec<u8>, u16),
    /// The same, over TCP only.
    OverTcp(Vec<u8>, u16),
    /// The same, after datagrams that answer something else.
    AfterForeign(Vec<u8>, u16),
    /// No record, but this code.
    Code(u8),
    /// Nothing at all.
    Silence,
}

pub(crate) struct NameServer {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// SRV records of the name that was asked for.
pub(crate) fn services(services: &[Service<'_>]) -> (Vec<u8>, u16) {
    let mut bytes = Vec::new();
    for &(priority, weight, port, target) in services {
        let target = name(target);
        // The name is that of the question; type, class, time to live.
        bytes.extend(b"\xC0\x0C\0\x21\0\x01\0\0\0\x3C");
        bytes.extend((6 + target.len() as u16).to_be_bytes());
        bytes.extend([priority, weight, port].map(u16::to_be_bytes).concat());
        bytes.extend(target);
    }
    (bytes, services.len() as u16)
}

/// A name in the form of the wire.
pub(crate) fn name(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in text.split('.').filter(|label| !label.is_empty()) {
        bytes.push(label.len() as u8);
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

impl NameServer {
    /// One that answers questions for SRV records by the name that is asked for, in lower case.
    pub(crate) fn start(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let (udp, tcp) = sockets();
        let address = udp.local_addr().expect("a bound socket has an address");
        let (asked, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let answer = Arc::new(answer);
        let over_udp = {
            let (asked, stop, answer) = (Arc::clone(&asked), Arc::clone(&stop), Arc::clone(&answer));
            thread::spawn(move || datagrams(&udp, &asked, &stop, &*answer))
        };
        let over_tcp = {
            let stop = Arc::clone(&stop);
            thread::spawn(move || {
                while let Ok((stream, _)) = tcp.accept() {
                    if stop.load(Ordering::SeqCst) {
                        break;
                    }
                    let _ = connection(stream, &*answer);
                }
            })
        };
        Self { address, asked, stop, threads: vec![over_udp, over_tcp] }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many questions have come over UDP.
    #[allow(dead_code, reason = "not all who test need it")]
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // What wakes them up.
        let _ = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| socket.send_to(&[], self.address));
        let _ = TcpStream::connect(self.address);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Two at the same port.
fn sockets() -> (UdpSocket, TcpListener) {
    (0..50)
        .find_map(|_| {
            let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
            Some((TcpListener::bind(udp.local_addr().ok()?).ok()?, udp))
        })
        .map(|(tcp, udp)| (udp, tcp))
        .expect("a port that is free for both")
}

fn datagrams(socket: &UdpSocket, asked: &AtomicUsize, stop: &AtomicBool, answer: &dyn Fn(&str) -> Answer) {
    let mut buffer = [0; 512];
    while let Ok((len, from)) = socket.recv_from(&mut buffer) {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let Some((question, name)) = buffer.get(..len).and_then(question) else { continue };
        asked.fetch_add(1, Ordering::SeqCst);
        let send = |bytes: Vec<u8>| socket.send_to(&bytes, from).is_ok();
        match answer(&name) {
            Answer::Records(records, count) => {
                send(reply(question, 0x8180, count, &records));
            }
            Answer::OverTcp(..) => {
                send(reply(question, 0x8380, 0, &[]));
            }
            Answer::AfterForeign(records, count) => {
                let mut other = question.to_vec();
                other[0] ^= 0xFF;
                let wrong = services(&[(0, 0, 1, "wrong.invalid")]).0;
                send(reply(&other, 0x8180, 1, &wrong));
                let mut other = question.to_vec();
                other[14] ^= 0x01;
                send(reply(&other, 0x8180, 1, &wrong));
                send(b"nonsense".to_vec());
                send(reply(question, 0x8180, count, &records));
            }
            Answer::Code(code) => {
                send(reply(question, 0x8180 | u16::from(code), 0, &[]));
            }
            Answer::Silence => {}
        }
    }
}

fn connection(mut stream: TcpStream, answer: &dyn Fn(&str) -> Answer) -> std::io::Result<()> {
    let mut len = [0; 2];
    stream.read_exact(&mut len)?;
    let mut buffer = vec![0; usize::from(u16::from_be_bytes(len))];
    stream.read_exact(&mut buffer)?;
    let Some((question, name)) = question(&buffer) else { return Ok(()) };
    if let Answer::OverTcp(records, count) = answer(&name) {
        let reply = reply(question, 0x8180, count, &records);
        stream.write_all(&(reply.len() as u16).to_be_bytes())?;
        // In pieces, as it may come.
        for piece in reply.chunks(20) {
            stream.write_all(piece)?;
        }
    }
    Ok(())
}

/// Header and question as they are, and the name in lower case: where SRV records are asked for.
fn question(bytes: &[u8]) -> Option<(&[u8], String)> {
    let mut labels = Vec::new();
    let mut at = 12;
    loop {
        let len = usize::from(*bytes.get(at)?);
        at += 1;
        if len == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(bytes.get(at..at + len)?).to_lowercase());
        at += len;
    }
    (bytes.get(at..at + 4)? == b"\0\x21\0\x01").then_some(())?;
    Some((bytes.get(..at + 4)?, labels.join(".")))
}

fn reply(question: &[u8], flags: u16, count: u16, records: &[u8]) -> Vec<u8> {
    let mut bytes = question.to_vec();
    bytes[2..4].copy_from_slice(&flags.to_be_bytes());
    bytes[6..8].copy_from_slice(&count.to_be_bytes());
    bytes.extend(records);
    bytes
}
