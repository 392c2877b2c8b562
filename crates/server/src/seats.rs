//! How many connections an endpoint may have at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The seats of the broker (`global_max_connections`), or those of them that one endpoint has (`max_connections`), over
/// all of its sockets on all workers.
#[derive(Debug, Clone)]
pub(crate) struct Seats {
    taken: Arc<AtomicU32>,
    limit: u32,
    /// Those that these are a part of.
    whole: Option<Box<Seats>>,
}

/// A seat that a connection has taken. It is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    taken: Arc<AtomicU32>,
    _of_the_whole: Option<Box<Seat>>,
}

impl Seats {
    /// So many, or any number.
    pub(crate) fn new(limit: Option<u32>) -> Self {
        Self { taken: Arc::default(), limit: limit.unwrap_or(u32::MAX), whole: None }
    }

    /// So many of these, or any number of them. What sits there sits here, too.
    pub(crate) fn part(&self, limit: Option<u32>) -> Self {
        Self { whole: Some(Box::new(self.clone())), ..Self::new(limit) }
    }

    /// A seat, unless all are taken.
    pub(crate) fn take(&self) -> Option<Seat> {
        let of_the_whole = match &self.whole {
            Some(whole) => Some(Box::new(whole.take()?)),
            None => None,
        };
        let taken = self
            .taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| (taken < self.limit).then(|| taken + 1));
        taken.ok().map(|_| Seat { taken: Arc::clone(&self.taken), _of_the_whole: of_the_whole })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
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
        let three = many.take();
        assert!(three.is_some() && many.take().is_none());
        drop(one);
        assert!(few.take().is_some());
    }
}
