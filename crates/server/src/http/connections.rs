//! The connections of the HTTP thread.

use super::visit::Visit;
use std::time::Instant;

/// Connections at once, over all listeners.
const CONNECTIONS_MAX: usize = 256;

/// A connection: that of this place, as long as it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    place: usize,
    /// No two connections have the same.
    serial: u64,
}

/// The connections by place.
#[derive(Debug, Default)]
pub(super) struct Connections {
    places: Vec<Option<(u64, Visit)>>,
    last_serial: u64,
}

impl Key {
    /// The token of its events.
    pub(super) fn place(self) -> usize {
        self.place
    }
}

impl Connections {
    /// The place and the name of the next connection, if there is room for one. Where there is none, the one makes way that
    /// has waited longest without having asked for anything.
    pub(super) fn next_key(&mut self) -> Option<Key> {
        let free = self.places.iter().position(Option::is_none).or_else(|| {
            let is_full = self.places.len() >= CONNECTIONS_MAX;
            if is_full { self.make_way() } else { Some(self.places.len()) }
        });
        self.last_serial += 1;
        free.map(|place| Key { place, serial: self.last_serial })
    }

    fn make_way(&mut self) -> Option<usize> {
        let taken = self.places.iter().enumerate().filter_map(|(place, taken)| Some((place, taken.as_ref()?)));
        let idle = taken.filter(|(_, (_, visit))| visit.is_idle());
        let (place, _) = idle.min_by_key(|(_, (serial, _))| *serial)?;
        if let Some(taken) = self.places.get_mut(place) {
            *taken = None;
        }
        Some(place)
    }

    pub(super) fn insert(&mut self, key: Key, visit: Visit) {
        if self.places.len() <= key.place {
            self.places.resize_with(key.place + 1, || None);
        }
        if let Some(place) = self.places.get_mut(key.place) {
            *place = Some((key.serial, visit));
        }
    }

    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut Visit> {
        let (serial, visit) = self.places.get_mut(key.place)?.as_mut()?;
        (*serial == key.serial).then_some(visit)
    }

    /// The one whose events have this token.
    pub(super) fn at(&self, place: usize) -> Option<Key> {
        let (serial, _) = self.places.get(place)?.as_ref()?;
        Some(Key { place, serial: *serial })
    }

    /// Closes a connection.
    pub(super) fn remove(&mut self, key: Key) {
        if self.get_mut(key).is_some()
            && let Some(place) = self.places.get_mut(key.place)
        {
            *place = None;
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.places.iter().flatten().map(|(_, visit)| visit.deadline).min()
    }

    /// Closes those whose time is over.
    pub(super) fn expire(&mut self, now: Instant) {
        for place in &mut self.places {
            if place.as_ref().is_some_and(|(_, visit)| visit.deadline <= now) {
                *place = None;
            }
        }
    }
}
