//! `locks [SECONDS]`: what the shards of a broker cost each other. How often they lock what they share, write to each other and
//! wake each other for a message, for up to 64 shards and by counting; then how long locks are held and waited for with two
//! shards on threads of their own, so many seconds for each load. The tables are markdown.
//!
//!     cargo run --release -p mosquitto-broker --features lock-times --example locks

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::cast_precision_loss,
    reason = "it measures, with loads of its own"
)]

mod count;
mod hold;
mod station;

use std::sync::OnceLock;
use std::time::Instant;

fn main() {
    let seconds = std::env::args().nth(1).map_or(2.0, |seconds| seconds.parse().expect("a number of seconds"));
    count::tell();
    mosquitto_broker::lock_times::measure_by(nanoseconds);
    hold::tell(seconds);
}

fn nanoseconds() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}
