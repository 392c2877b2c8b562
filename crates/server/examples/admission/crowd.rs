//! Those who crowd in, and never say who they are.

use crate::load::connect_bytes;
use crate::site::Site;
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A crowd has so many threads, since one may have to wait until the broker accepts.
const THREADS: usize = 4;

/// Connections of a storm that are open at once.
const OPEN_MAX: usize = 4000;

/// How one behaves; the numbers are connections, or connections a second.
#[derive(Clone, Copy)]
pub(crate) enum Crowd {
    Quiet,
    Silent { half_open: usize, silent: usize },
    Handshakes { a_second: usize },
    Garbage { a_second: usize },
    Slow { connections: usize },
}

impl Crowd {
    pub(crate) const ALL: [(&str, Self); 6] = [
        ("quiet", Self::Quiet),
        ("silent", Self::Silent { half_open: 1000, silent: 1000 }),
        ("handshakes", Self::Handshakes { a_second: 500 }),
        ("flood", Self::Handshakes { a_second: 5000 }),
        ("garbage", Self::Garbage { a_second: 1000 }),
        ("slow", Self::Slow { connections: 1000 }),
    ];

    pub(crate) fn start(self, site: &Site, same_address: bool) -> Running {
        let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let from = if same_address { Ipv4Addr::LOCALHOST } else { Ipv4Addr::new(127, 0, 0, 2) };
        let mut hello = Vec::new();
        let name = ServerName::try_from("localhost").unwrap();
        ClientConnection::new(Arc::clone(&site.trust), name).unwrap().write_tls(&mut hello).unwrap();
        let place = Arc::new(Place {
            from,
            plain: site.plain,
            secured: site.secured,
            hello,
            stop: Arc::clone(&stop),
            count: Arc::clone(&count),
        });
        let threads = (0..THREADS)
            .map(|_| {
                let place = Arc::clone(&place);
                // Named, so that it can be told from the others: `chrt` may have it wait for them.
                std::thread::Builder::new().name("crowd".to_owned()).spawn(move || self.crowd_in(&place)).unwrap()
            })
            .collect();
        Running { threads, stop, count }
    }

    /// What one thread does of it.
    fn crowd_in(self, place: &Place) {
        match self {
            Self::Quiet => {}
            Self::Silent { half_open, silent } => place.stay(half_open / THREADS, silent / THREADS),
            Self::Handshakes { a_second } => place.storm(a_second / THREADS, place.secured, &place.hello),
            Self::Garbage { a_second } => place.storm(a_second / THREADS, place.secured, &[0x55; 300]),
            Self::Slow { connections } => place.drip(connections / THREADS),
        }
    }
}

/// A crowd at work. It leaves when this is dropped.
pub(crate) struct Running {
    threads: Vec<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
    count: Arc<AtomicUsize>,
}

impl Running {
    /// Connections that were opened so far.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

struct Place {
    from: Ipv4Addr,
    plain: SocketAddr,
    secured: SocketAddr,
    hello: Vec<u8>,
    stop: Arc<AtomicBool>,
    count: Arc<AtomicUsize>,
}

impl Place {
    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn dial(&self, to: SocketAddr) -> Option<TcpStream> {
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None).ok()?;
        bind(&socket, &SocketAddr::from((self.from, 0))).ok()?;
        connect(&socket, &to).ok()?;
        let stream = TcpStream::from(socket);
        stream.set_nonblocking(true).ok()?;
        self.count.fetch_add(1, Ordering::Relaxed);
        Some(stream)
    }

    /// One that was begun, with as much as was said at once.
    fn begin(&self, to: SocketAddr, bytes: &[u8]) -> Option<TcpStream> {
        let mut stream = self.dial(to)?;
        let _ = stream.write(bytes);
        Some(stream)
    }

    fn stay(&self, half_open: usize, silent: usize) {
        let mut places: Vec<Option<TcpStream>> = (0..half_open + silent).map(|_| None).collect();
        while !self.is_over() {
            for (n, place) in places.iter_mut().enumerate() {
                if place.as_ref().is_none_or(is_closed) {
                    *place =
                        if n < half_open { self.begin(self.secured, &self.hello) } else { self.begin(self.plain, &[]) };
                }
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn storm(&self, a_second: usize, to: SocketAddr, bytes: &[u8]) {
        let (begin, mut opened, mut open) = (Instant::now(), 0, VecDeque::new());
        while !self.is_over() {
            let due = (begin.elapsed().as_secs_f64() * a_second as f64) as usize;
            while opened < due && !self.is_over() {
                opened += 1;
                open.extend(self.begin(to, bytes));
                // Each of them stays for two seconds, as long as they are not too many.
                if open.len() > (2 * a_second).min(OPEN_MAX / THREADS) {
                    open.pop_front();
                }
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn drip(&self, connections: usize) {
        let long = connect_bytes(&"x".repeat(500));
        let mut slow: Vec<(Option<TcpStream>, usize)> = (0..connections).map(|_| (None, 0)).collect();
        while !self.is_over() {
            let begin = Instant::now();
            for (n, (stream, at)) in slow.iter_mut().enumerate() {
                let (to, bytes) = if n % 2 == 0 { (self.plain, &long) } else { (self.secured, &self.hello) };
                if stream.as_ref().is_none_or(is_closed) || *at >= bytes.len() - 1 {
                    (*stream, *at) = (self.dial(to), 0);
                }
                if let Some(stream) = stream {
                    let _ = stream.write(&bytes[*at..=*at]);
                    *at += 1;
                }
            }
            std::thread::sleep(Duration::from_millis(100).saturating_sub(begin.elapsed()));
        }
    }
}

fn is_closed(mut stream: &TcpStream) -> bool {
    match stream.read(&mut [0; 8192]) {
        Ok(len) => len == 0,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    }
}
