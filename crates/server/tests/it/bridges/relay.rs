//! What stands between two brokers and can be cut, so that both go on and notice.

use crate::harness::free_port;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Listens at a port of its own, and passes on to another.
#[derive(Debug)]
pub(super) struct Relay {
    port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// Nothing goes through.
    is_cut: bool,
    has_ended: bool,
    /// Both ends of all connections.
    streams: Vec<TcpStream>,
}

impl Relay {
    pub(super) fn to(target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, free_port())).unwrap();
        let (port, state) = (listener.local_addr().unwrap().port(), Arc::<Mutex<State>>::default());
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut state = shared.lock().unwrap();
                if state.has_ended {
                    return;
                }
                // Who comes while it is cut is hung up on.
                if !state.is_cut {
                    state.connect(stream, (Ipv4Addr::LOCALHOST, target).into());
                }
            }
        });
        Self { port, state }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn cut(&self) {
        let mut state = self.state.lock().unwrap();
        state.is_cut = true;
        state.hang_up();
    }

    pub(super) fn heal(&self) {
        self.state.lock().unwrap().is_cut = false;
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Ok(mut state) = self.state.lock() {
            state.has_ended = true;
            state.hang_up();
        }
        // So that it notices.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

impl State {
    fn connect(&mut self, near: TcpStream, target: SocketAddr) {
        let Ok(far) = TcpStream::connect(target) else { return };
        for (from, to) in [(&near, &far), (&far, &near)] {
            let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
            std::thread::spawn(move || pass_on(from, to));
        }
        self.streams.extend([near, far]);
    }

    fn hang_up(&mut self) {
        for stream in self.streams.drain(..) {
            // It may be closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(len @ 1..) = from.read(&mut buffer)
        && to.write_all(&buffer[..len]).is_ok()
    {}
    let _ = to.shutdown(Shutdown::Both);
}
