//! How many connections an endpoint may have at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The seats of the broker (`global_max_connections`), or those of them that one endpoint has (`max_connections`), over
/// all of its sockets on all workers.
#[derive(Debug, Clone)]
pub(crate) struct Seats {
    room: Arc<Room>,
}

#[derive(Debug)]
struct Room {
    taken: AtomicU32,
    limit: AtomicU32,
    /// The one that this is a part of.
    whole: Option<Arc<Room>>,
}

/// A seat that a connection has taken. It is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    room: Arc<Room>,
}

impl Seats {
    /// So many, or any number.
    pub(crate) fn new(limit: Option<u32>) -> Self {
        Self { room: Arc::new(Room::new(limit, None)) }
    }

    /// So many of these, or any number of them. What sits there sits here, too.
    pub(crate) fn part(&self, limit: Option<u32>) -> Self {
        Self { room: Arc::new(Room::new(limit, Some(Arc::clone(&self.room)))) }
    }

    /// From now on there are so many, or any number. Who sits already stays.
    pub(crate) fn set_limit(&self, limit: Option<u32>) {
        self.room.limit.store(limit.unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    /// A seat, unless all are taken.
    pub(crate) fn take(&self) -> Option<Seat> {
        self.room.take().then(|| Seat { room: Arc::clone(&self.room) })
    }

    /// Whether those that these are a part of are taken, whoever sits there.
    pub(crate) fn are_all_taken(&self) -> bool {
        self.room.whole.as_deref().is_some_and(Room::is_full)
    }

    /// Whether nobody else knows of these seats any more: nobody sits there, and nobody can.
    pub(crate) fn are_forgotten(&self) -> bool {
        Arc::strong_count(&self.room) == 1
    }
}

impl Room {
    fn new(limit: Option<u32>, whole: Option<Arc<Room>>) -> Self {
        Self { taken: AtomicU32::new(0), limit: AtomicU32::new(limit.unwrap_or(u32::MAX)), whole }
    }

    /// Whether there was a seat, here and in the whole.
    fn take(&self) -> bool {
        if self.whole.as_ref().is_some_and(|whole| !whole.take()) {
            return false;
        }
        let limit = self.limit.load(Ordering::Relaxed);
        let one_more = |taken| (taken < limit).then(|| taken + 1);
        let is_taken = self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok();
        if let Some(whole) = self.whole.as_ref().filter(|_| !is_taken) {
            whole.leave();
        }
        is_taken
    }

    fn leave(&self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
        if let Some(whole) = &self.whole {
            whole.leave();
        }
    }

    fn is_full(&self) -> bool {
        self.taken.load(Ordering::Relaxed) >= self.limit.load(Ordering::Relaxed)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.room.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_is_free_again_when_it_is_left() {
        let seats = Seats::new(Some(2));
        let (first, second) = (seats.take(), seats.take());
        assert!(first.is_some() && second.is_some() && seats.take().is_none());
        drop(first);
        assert!(seats.take().is_some());
    }

    #[test]
    fn a_part_has_no_more_than_the_whole_leaves() {
        let all = Seats::new(Some(3));
        let (few, many) = (all.part(Some(1)), all.part(None));
        let (one, _two) = (few.take(), many.take());
        // A seat of the whole is not lost where the part has none.
        assert!(one.is_some() && few.take().is_none() && few.take().is_none());
        assert!(!few.are_all_taken());
        let three = many.take();
        assert!(three.is_some() && many.take().is_none() && few.are_all_taken());
        drop(one);
        assert!(few.take().is_some());
    }

    #[test]
    fn a_limit_that_changes_leaves_those_who_sit() {
        let seats = Seats::new(Some(2));
        let clone = seats.clone();
        let (first, second) = (clone.take(), clone.take());
        assert!(first.is_some() && second.is_some());
        seats.set_limit(Some(1));
        drop(second);
        assert!(clone.take().is_none(), "one sits there already");
        seats.set_limit(None);
        assert!(clone.take().is_some());
    }

    #[test]
    fn seats_are_forgotten_when_the_last_who_could_sit_or_sat_is_gone() {
        let seats = Seats::new(None).part(None);
        let (door, seat) = (seats.clone(), seats.take());
        drop(door);
        assert!(!seats.are_forgotten());
        drop(seat);
        assert!(seats.are_forgotten());
    }
}
