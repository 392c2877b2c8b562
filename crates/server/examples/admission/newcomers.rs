//! Honest clients that come meanwhile, one after the other.

use crate::load::connect_bytes;
use crate::site::Site;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Between two of them.
const PAUSE: Duration = Duration::from_millis(50);

/// How long one waits for its CONNACK.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long they took.
#[derive(Default)]
pub(crate) struct Came {
    pub(crate) plain_us: Vec<f64>,
    pub(crate) secured_us: Vec<f64>,
    pub(crate) failed: usize,
}

pub(crate) struct Newcomers {
    thread: JoinHandle<Came>,
    stop: Arc<AtomicBool>,
}

impl Newcomers {
    pub(crate) fn start(site: &Site) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (plain, secured, trust) = (site.plain, site.secured, Arc::clone(&site.trust));
        let is_over = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut came = Came::default();
            while !is_over.load(Ordering::Relaxed) {
                for (is_secured, list) in [(false, &mut came.plain_us), (true, &mut came.secured_us)] {
                    let begin = Instant::now();
                    let connected = if is_secured { connect_secured(secured, &trust) } else { connect(plain) };
                    match connected {
                        Ok(()) => list.push(begin.elapsed().as_secs_f64() * 1e6),
                        Err(_) => came.failed += 1,
                    }
                    std::thread::sleep(PAUSE);
                }
            }
            came
        });
        Self { thread, stop }
    }

    pub(crate) fn stop(self) -> Came {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

fn dial(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn connect(address: SocketAddr) -> io::Result<()> {
    say_hello(dial(address)?)
}

fn connect_secured(address: SocketAddr, trust: &Arc<ClientConfig>) -> io::Result<()> {
    let tls = ClientConnection::new(Arc::clone(trust), ServerName::try_from("localhost").unwrap()).unwrap();
    say_hello(StreamOwned::new(tls, dial(address)?))
}

fn say_hello(mut stream: impl Read + Write) -> io::Result<()> {
    stream.write_all(&connect_bytes("newcomer"))?;
    stream.flush()?;
    stream.read_exact(&mut [0; 4])
}
