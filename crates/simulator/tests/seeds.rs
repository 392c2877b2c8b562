//! Runs of the simulator with fixed seeds, with a fresh one, and with those that found something.

use mosquitto_simulator::{Counts, run, run_life};
use std::time::SystemTime;

fn clean(seed: u64, steps: u64) -> Counts {
    let found = run(seed, steps).map_err(|failure| failure.to_string());
    assert!(found.is_ok(), "{}", found.err().unwrap_or_default());
    found.unwrap_or_default()
}

#[test]
fn nothing_is_found_under_fixed_seeds() {
    for seed in 1..=6 {
        let counts = clean(seed, 20_000);
        // Something has to happen, or nothing can be found.
        assert!(counts.deliveries > 1000 && counts.connections > 200 && counts.wills > 50, "seed {seed}: {counts:?}");
        assert!(counts.settled >= 20, "seed {seed}: {counts:?}");
    }
}

#[test]
fn nothing_is_found_under_a_fresh_seed() {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    clean(now.as_nanos() as u64 % 1_000_000_000, 60_000);
}

#[test]
fn what_was_found_once_is_not_found_again() {
    // A subscription changed while mail was under way to it, and another one taken back: a message was lost.
    for (seed, life) in [(600, 254), (1200, 111)] {
        assert!(run_life(seed, life, 4000).is_ok(), "seed {seed} life {life}");
    }
    // What was retained after a subscription was made came to it live and as retained.
    assert!(run_life(600, 78, 4000).is_ok());
}
