//! New connections.

use super::{FIRST_DOOR, Worker};
use crate::endpoint::Door;
use mio::{Registry, Token};
use mosquitto_broker::{LogLevel, Moment, Settings};
use mosquitto_transport::{Layers, Peer, Security, Stream};
use std::fs::File;
use std::io;

/// Connections accepted in one tick.
const ACCEPTED_MAX: usize = 256;

/// Connections that may be on their way to other workers before no more are accepted.
const DEPARTURES_MAX: usize = 256;

/// How long to wait after the system refused to accept.
const RETRY_MS: u64 = 200;

/// The listening sockets of a worker.
#[derive(Debug)]
pub(super) struct Entrance {
    /// By number, which is that of their tokens. None where one was closed.
    doors: Vec<Option<(Door, Knocks)>>,
    /// Given up to refuse a connection properly when there are no file descriptors left.
    spare: Option<File>,
    retry_at: Option<Moment>,
}

/// Whether somebody may wait at a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Knocks {
    No,
    Yes,
}

/// What came of one attempt to accept.
enum Knocker {
    Nobody,
    In(Stream, Peer),
    /// The system has no file descriptor left, or no memory.
    Refused(io::Error),
}

impl Entrance {
    pub(super) fn open(doors: Vec<Door>, registry: &Registry) -> io::Result<Self> {
        let mut entrance = Self { doors: Vec::new(), spare: spare(), retry_at: None };
        entrance.add(doors, registry)?;
        Ok(entrance)
    }

    /// Opens more doors.
    pub(super) fn add(&mut self, doors: Vec<Door>, registry: &Registry) -> io::Result<()> {
        for mut door in doors {
            let at = self.doors.iter().position(Option::is_none).unwrap_or(self.doors.len());
            door.socket.register(registry, Token(FIRST_DOOR - at))?;
            let door = Some((door, Knocks::No));
            match self.doors.get_mut(at) {
                Some(place) => *place = door,
                None => self.doors.push(door),
            }
        }
        Ok(())
    }

    /// Closes the doors of listeners that are gone, and lets the others do what the settings say.
    pub(super) fn change(&mut self, settings: &Settings, nodelay: bool, layers: &[Layers], tls: &[Option<Security>]) {
        for place in &mut self.doors {
            let Some((door, _)) = place else { continue };
            let number = usize::from(door.listener);
            match settings.listeners.get(number) {
                Some(listener) if !listener.closed => {
                    door.socket.set_nodelay(nodelay);
                    door.socket.set_layers(layers.get(number).cloned().unwrap_or_default());
                    door.tls = tls.get(number).cloned().flatten();
                }
                _ => *place = None,
            }
        }
    }

    /// All numbers of doors are below this one.
    pub(super) fn len(&self) -> usize {
        self.doors.len()
    }

    /// Somebody waits at this door.
    pub(super) fn knock(&mut self, door: usize) {
        if let Some(Some((_, knocks))) = self.doors.get_mut(door) {
            *knocks = Knocks::Yes;
        }
    }

    /// Whether somebody may wait to be let in now.
    pub(super) fn is_waiting(&self) -> bool {
        self.retry_at.is_none() && self.doors.iter().flatten().any(|(_, knocks)| *knocks == Knocks::Yes)
    }

    pub(super) fn next_deadline(&self) -> Option<Moment> {
        self.retry_at
    }

    fn next(&mut self, door: usize) -> Knocker {
        let Some(Some((door, knocks))) = self.doors.get_mut(door) else { return Knocker::Nobody };
        if *knocks == Knocks::No {
            return Knocker::Nobody;
        }
        match door.socket.accept() {
            Ok(Some((stream, peer))) => Knocker::In(stream, peer),
            Ok(None) => {
                *knocks = Knocks::No;
                Knocker::Nobody
            }
            Err(error) => Knocker::Refused(error),
        }
    }

    /// Closes one connection for which there is no file descriptor, so that its client knows at once.
    fn turn_away(&mut self, door: usize) {
        if self.spare.take().is_some() {
            drop(self.next(door));
        }
        self.spare = spare();
    }
}

impl Worker {
    /// Accepts who waits at the doors.
    pub(super) fn accept(&mut self) {
        if self.entrance.retry_at.is_some_and(|at| at > self.clock.now()) || !self.may_accept() {
            return;
        }
        self.entrance.retry_at = None;
        for door in 0..self.entrance.len() {
            for _ in 0..ACCEPTED_MAX {
                match self.entrance.next(door) {
                    Knocker::Nobody => break,
                    Knocker::In(stream, peer) => self.let_in(door, stream, peer),
                    Knocker::Refused(error) => {
                        self.logger.log(LogLevel::Warning, cannot_accept(&error));
                        self.entrance.turn_away(door);
                        self.entrance.retry_at = Some(self.clock.now() + RETRY_MS);
                        break;
                    }
                }
            }
        }
    }

    /// Whether connections that were accepted get on to where they belong.
    pub(super) fn may_accept(&self) -> bool {
        self.departures.len() < DEPARTURES_MAX
    }

    fn let_in(&mut self, door: usize, mut stream: Stream, peer: Peer) {
        let Some(Some((Door { listener, seats, tls, .. }, _))) = self.entrance.doors.get(door) else { return };
        let listener = *listener;
        let Some(seat) = seats.take() else {
            self.log_connection(format!("Client connection from {} denied: max_connections exceeded.", peer.host()));
            return;
        };
        let name = peer.to_string();
        if let Some(error) = tls.as_ref().and_then(|tls| stream.secure(tls).err()) {
            let text = format!("Error: Unable to begin TLS with {name}: {}.", mosquitto_transport::error_text(&error));
            self.logger.log(LogLevel::Error, text);
            return;
        }
        let id = if stream.is_introduced() {
            self.shard.open(&name, listener)
        } else {
            self.shard.open_unintroduced(&name, listener)
        };
        self.take_in(id, stream, peer, seat, listener, Vec::new());
    }
}

fn spare() -> Option<File> {
    File::open("/dev/null").ok()
}

fn cannot_accept(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::EMFILE | libc::ENFILE) => "Unable to accept new connection, system socket count has been exceeded. \
             Try increasing \"ulimit -n\" or equivalent."
            .to_owned(),
        _ => format!("Unable to accept new connection: {}.", mosquitto_transport::error_text(error)),
    }
}
