//! Ports for those who listen. Whoever asks the system for any port gets one of those that it gives to connections as well:
//! by the time that it is used, a connection from another address of this machine may have it, also one that has ended a
//! minute ago, and then nobody can listen at all addresses. These ports are others, and each process of tests has its own.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a harness fails the test that it serves")]

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
use std::path::Path;
use std::sync::Mutex;

/// Ports that a process has to itself.
const BLOCK: u16 = 1000;

/// The blocks begin here. The last one ends before 32768, where Linux begins with ports for connections
/// (`net.ipv4.ip_local_port_range`).
const FIRST: u16 = 12_000;

const BLOCKS: u16 = 20;

/// Ports that are taken one after the other, and then again from the first.
#[derive(Debug)]
struct Block {
    first: u16,
    next: u16,
    /// Locked for as long as this process lives.
    _lock: File,
}

impl Block {
    /// One that no process has.
    fn take() -> Self {
        let locked = (0..BLOCKS).find_map(|number| {
            let file = open(&std::env::temp_dir().join(format!("mosquitto-test-ports-{number}"))).ok()?;
            file.try_lock().ok().map(|()| Self { first: FIRST + number * BLOCK, next: 0, _lock: file })
        });
        locked.expect("ports that no other tests have")
    }

    fn port(&mut self) -> Option<u16> {
        (0..BLOCK).find_map(|_| {
            let port = self.first + self.next;
            self.next = (self.next + 1) % BLOCK;
            is_free(port).then_some(port)
        })
    }
}

/// Of whichever user it is: who makes it when it is there already may be refused in a directory of all users.
fn open(path: &Path) -> io::Result<File> {
    File::open(path).or_else(|_| File::create_new(path)).or_else(|_| File::open(path))
}

/// Whether nobody has this port, at any address.
fn is_free(port: u16) -> bool {
    let is_taken = |listener: io::Result<TcpListener>| {
        listener.is_err_and(|error| matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied))
    };
    // A machine may have one version of IP only.
    !is_taken(TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)))
        && !is_taken(TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)))
}

/// A port at which nobody listens, and which nobody else is given before very many others.
pub(crate) fn free_port() -> u16 {
    static OWN: Mutex<Option<Block>> = Mutex::new(None);
    OWN.lock().unwrap().get_or_insert_with(Block::take).port().expect("a port that is free")
}
