//! Files of all versions, whole and damaged.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

mod damaged;
mod layout;
mod round_trip;
mod samples;
