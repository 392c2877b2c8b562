//! Files of all versions, whole and damaged; the journal on disks that fail.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

mod damaged;
mod journal;
mod layout;
mod round_trip;
mod samples;
mod snapshot;
