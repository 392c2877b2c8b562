//! A bridge under invented time, between a remote broker that says what the test has it say and a real shard at home.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a harness fails the test that it serves"
)]

mod addresses;
mod both_ends;
mod breaks;
mod connecting;
mod harness;
mod hostile;
mod link;
mod messages;
mod pair;
mod refusals;
mod start_types;
mod world;
