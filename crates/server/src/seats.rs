//! How many connections an endpoint may have at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The seats of one endpoint, over all of its sockets on all workers (`max_connections`).
#[derive(Debug, Clone)]
pub(crate) struct Seats {
    taken: Arc<AtomicU32>,
    limit: u32,
}

/// A seat that a connection has taken. It is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Seat(Arc<AtomicU32>);

impl Seats {
    /// So many, or any number.
    pub(crate) fn new(limit: Option<u32>) -> Self {
        Self { taken: Arc::default(), limit: limit.unwrap_or(u32::MAX) }
    }

    /// A seat, unless all are taken.
    pub(crate) fn take(&self) -> Option<Seat> {
        let taken = self
            .taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| (taken < self.limit).then(|| taken + 1));
        taken.ok().map(|_| Seat(Arc::clone(&self.taken)))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
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
}
