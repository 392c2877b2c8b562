//! New connections.

use super::{FIRST_DOOR, Worker};
use crate::endpoint::Door;
use crate::lobby::{Room, Source};
use crate::mailbox::Arrival;
use crate::order::Order;
use crate::seats::Seat;
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

/// File descriptors that every other worker is asked for where there are none, and how long they have time for that.
const DESCRIPTORS_ASKED: usize = 16;
const ASKED_MS: u64 = 10;

/// A connection that has a seat (`max_connections`) and has not sent its CONNECT may keep it for that long while others
/// are turned away for want of one.
const SEATED_SILENT_MS: u64 = 5000;

/// The listening sockets of a worker.
#[derive(Debug)]
pub(super) struct Entrance {
    /// By number, which is that of their tokens. None where one was closed.
    doors: Vec<Option<(Door, Knocks)>>,
    /// Given up to refuse a connection properly when there are no file descriptors left.
    spare: Option<File>,
    retry_at: Option<Moment>,
    /// Whether other workers were asked for file descriptors when the system refused to accept last.
    has_asked: bool,
    /// The door that is looked at first the next time.
    first: usize,
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
        let mut entrance = Self { doors: Vec::new(), spare: spare(), retry_at: None, has_asked: false, first: 0 };
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
                    // It cannot fail where it could when the socket was opened; if it did, those to come would be as before.
                    let _ = door.socket.set_nodelay(nodelay);
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
    pub(super) fn is_waiting(&self, now: Moment) -> bool {
        self.retry_at.is_none_or(|at| at <= now) && self.has_knocks()
    }

    pub(super) fn next_deadline(&self) -> Option<Moment> {
        // Where nobody waits, there is nothing to try again.
        self.retry_at.filter(|_| self.has_knocks())
    }

    fn has_knocks(&self) -> bool {
        self.doors.iter().flatten().any(|(_, waits)| *waits == Knocks::Yes)
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
    /// Accepts who waits at the doors, until it is enough: at least one. The doors take turns at being the first.
    pub(super) fn accept(&mut self, is_enough: impl Fn() -> bool) {
        if self.entrance.retry_at.is_some_and(|at| at > self.clock.now()) || !self.may_accept() {
            return;
        }
        self.entrance.retry_at = None;
        let (doors, mark) = (self.entrance.len(), self.lobby.mark());
        let first = self.entrance.first;
        self.entrance.first = first.wrapping_add(1);
        for door in (0..doors).map(|n| first.wrapping_add(n) % doors) {
            for _ in 0..ACCEPTED_MAX {
                if self.lobby.is_shut(mark) {
                    return;
                }
                match self.entrance.next(door) {
                    Knocker::Nobody => break,
                    Knocker::In(stream, peer) => self.let_in(door, stream, peer),
                    Knocker::Refused(error) => {
                        if !self.make_descriptor(&error, mark) {
                            self.refuse(door, &error);
                            break;
                        }
                    }
                }
                if is_enough() {
                    return;
                }
            }
        }
    }

    /// The system has refused to accept. Perhaps other workers have somebody who can give up a file descriptor; where that
    /// was asked already, somebody is turned away.
    fn refuse(&mut self, door: usize, error: &io::Error) {
        let has_asked = std::mem::replace(&mut self.entrance.has_asked, false);
        if !has_asked && is_out_of_descriptors(error) && self.office.workers().len() > 1 {
            self.entrance.has_asked = true;
            for other in self.office.workers().filter(|worker| *worker != self.id) {
                self.office.order(other, Order::GiveWay(DESCRIPTORS_ASKED));
            }
            self.entrance.retry_at = Some(self.clock.now() + ASKED_MS);
            return;
        }
        self.logger.log(LogLevel::Warning, cannot_accept(error));
        self.entrance.turn_away(door);
        self.entrance.retry_at = Some(self.clock.now() + RETRY_MS);
    }

    /// Where the process has no more file descriptors, somebody who came before `mark` and has said nothing has to give
    /// up one. False if there is nobody.
    fn make_descriptor(&mut self, error: &io::Error, mark: u64) -> bool {
        if !is_out_of_descriptors(error) {
            return false;
        }
        let silent = self.lobby.longest_silent(mark);
        let Some(silent) = silent else { return false };
        self.give_way(silent);
        true
    }

    /// A seat at this door, if need be that of somebody who has been silent for long.
    fn seat(&mut self, door: usize) -> Option<Seat> {
        let Door { listener, seats, .. } = &self.entrance.doors.get(door)?.as_ref()?.0;
        if let Some(seat) = seats.take() {
            return Some(seat);
        }
        let since = Moment(self.clock.now().0.checked_sub(SEATED_SILENT_MS)?);
        // Where all seats of the broker are taken, it does not matter through which listener somebody came.
        let through = (!seats.are_all_taken()).then_some(*listener);
        let silent = self.lobby.silent_since(through, since)?;
        self.give_way(silent);
        let (door, _) = self.entrance.doors.get(door)?.as_ref()?;
        door.seats.take()
    }

    /// Whether connections that were accepted get on to where they belong.
    pub(super) fn may_accept(&self) -> bool {
        self.departures.len() < DEPARTURES_MAX
    }

    fn let_in(&mut self, door: usize, mut stream: Stream, peer: Peer) {
        let Some(seat) = self.seat(door) else {
            self.log_connection(format!("Client connection from {} denied: max_connections exceeded.", peer.host()));
            return;
        };
        let Some(Some((Door { listener, .. }, _))) = self.entrance.doors.get(door) else { return };
        let (listener, source) = (*listener, Source::of(&peer));
        match self.lobby.room_for(listener, source) {
            Room::Free => {}
            Room::InPlaceOf(other) => self.give_way(other),
            Room::None => return self.count_eviction(),
        }
        let name = peer.to_string();
        let Some(Some((Door { tls, .. }, _))) = self.entrance.doors.get(door) else { return };
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
        let pass = self.lobby.enter(listener, source, id, self.clock.now());
        let arrival = Arrival { stream, peer, common_name: None, listener, seat, bytes: Vec::new() };
        self.take_in(id, arrival, Some(pass));
        self.read_first(id);
    }
}

fn spare() -> Option<File> {
    File::open("/dev/null").ok()
}

fn is_out_of_descriptors(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EMFILE)
}

fn cannot_accept(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::EMFILE | libc::ENFILE) => "Unable to accept new connection, system socket count has been exceeded. \
             Try increasing \"ulimit -n\" or equivalent."
            .to_owned(),
        _ => format!("Unable to accept new connection: {}.", mosquitto_transport::error_text(error)),
    }
}
