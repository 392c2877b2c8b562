//! The listening sockets of the HTTP thread.

use super::sites::Sites;
use crate::endpoint::Door;
use mio::{Registry, Token};
use mosquitto_transport::Stream;
use std::io;
use std::time::{Duration, Instant};

/// How long to wait after the system refused to accept.
const RETRY: Duration = Duration::from_millis(200);

/// The sockets by number, which is that of their tokens.
#[derive(Debug, Default)]
pub(super) struct Doors {
    places: Vec<Option<Knocked>>,
    /// The door whose turn it is.
    turn: usize,
    retry_at: Option<Instant>,
}

#[derive(Debug)]
struct Knocked {
    door: Door,
    /// Whether somebody may wait there.
    knocks: bool,
}

/// Somebody who was let in.
#[derive(Debug)]
pub(super) struct Guest<'d> {
    pub(super) stream: Stream,
    pub(super) door: &'d Door,
}

impl Doors {
    /// Opens more doors. Their tokens count down from `first`.
    pub(super) fn add(&mut self, doors: Vec<Door>, first: usize, registry: &Registry) -> io::Result<()> {
        for mut door in doors {
            let at = self.places.iter().position(Option::is_none).unwrap_or(self.places.len());
            door.socket.register(registry, Token(first - at))?;
            let knocked = Some(Knocked { door, knocks: false });
            match self.places.get_mut(at) {
                Some(place) => *place = knocked,
                None => self.places.push(knocked),
            }
        }
        Ok(())
    }

    /// Closes the doors of listeners that are gone.
    pub(super) fn change(&mut self, sites: &Sites) {
        for place in &mut self.places {
            let Some(Knocked { door, .. }) = place else { continue };
            match sites.of(door.listener) {
                Some(site) => door.tls.clone_from(&site.tls),
                None => *place = None,
            }
        }
    }

    /// Somebody waits at this door.
    pub(super) fn knock(&mut self, at: usize) {
        if let Some(Some(knocked)) = self.places.get_mut(at) {
            knocked.knocks = true;
        }
    }

    /// All numbers of doors are below this one.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// When to accept again.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.retry_at
    }

    /// Somebody who waits, if it is time to let somebody in; door by door in turn.
    pub(super) fn accept(&mut self, now: Instant) -> io::Result<Option<Guest<'_>>> {
        if self.retry_at.is_some_and(|at| at > now) {
            return Ok(None);
        }
        self.retry_at = None;
        for _ in 0..self.places.len() {
            self.turn = (self.turn + 1) % self.places.len();
            let Some(Some(knocked)) = self.places.get_mut(self.turn) else { continue };
            if !knocked.knocks {
                continue;
            }
            match knocked.door.socket.accept() {
                Ok(Some((stream, _))) => {
                    let door = self.places.get(self.turn).and_then(Option::as_ref).map(|knocked| &knocked.door);
                    return Ok(door.map(|door| Guest { stream, door }));
                }
                Ok(None) => knocked.knocks = false,
                Err(error) => {
                    self.retry_at = Some(now + RETRY);
                    return Err(error);
                }
            }
        }
        Ok(None)
    }
}
