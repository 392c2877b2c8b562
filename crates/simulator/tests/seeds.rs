//! Runs of the simulator with fixed seeds, with a fresh one, and with those that found something.

use mosquitto_simulator::{
    BridgeCounts, Counts, CrashCounts, run, run_bridged_life, run_bridges, run_crashes, run_crashing_life, run_life,
};
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

/// Lives, by seed and number, that found a mistake which is corrected. Each of them failed without the correction.
fn found_once(lives: &[(u64, u64)]) {
    for &(seed, life) in lives {
        let found = run_life(seed, life, 4000).map_err(|failure| failure.to_string());
        assert!(found.is_ok(), "seed {seed} life {life}: {}", found.err().unwrap_or_default());
    }
}

#[test]
fn a_subscription_that_changes_while_mail_is_under_way_to_it_loses_nothing() {
    found_once(&[(2, 874), (3, 1162), (4, 1479), (5, 755)]);
}

#[test]
fn what_is_published_behind_a_subscription_does_not_come_as_retained_too() {
    found_once(&[(1, 24), (2, 177)]);
}

#[test]
fn a_subscription_that_leaves_out_own_messages_brings_no_copy_beside_the_only_one() {
    found_once(&[(5513, 193)]);
}

#[test]
fn copies_of_one_message_that_may_look_alike_are_told_apart() {
    found_once(&[(22_959_390, 3), (681_848_344_357, 78), (472_198_188_002, 238)]);
}

fn survived(seed: u64, steps: u64) -> CrashCounts {
    let found = run_crashes(seed, steps).map_err(|failure| failure.to_string());
    assert!(found.is_ok(), "{}", found.err().unwrap_or_default());
    found.unwrap_or_default()
}

#[test]
fn brokers_that_crash_lose_nothing_under_fixed_seeds() {
    for seed in 1..=4 {
        let counts = survived(seed, 12_000);
        assert!(counts.crashes > 20 && counts.stops > 2 && counts.starts > 20, "seed {seed}: {counts:?}");
        assert!(
            counts.deliveries > 1000 && counts.connections > 100 && counts.settled >= 12,
            "seed {seed}: {counts:?}"
        );
    }
}

#[test]
fn brokers_that_crash_lose_nothing_under_a_fresh_seed() {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    survived(now.as_nanos() as u64 % 1_000_000_000, 6_000);
}

/// Lives of brokers that crash under seeds that found a mistake while the simulation grew.
#[test]
fn what_crashes_found_once_stays_corrected() {
    for (seed, life) in [(4, 0), (6, 0), (13, 0), (232, 0), (478_725_911_150, 58), (780_590_334_194, 50)] {
        let found = run_crashing_life(seed, life, 6000).map_err(|failure| failure.to_string());
        assert!(found.is_ok(), "{}", found.err().unwrap_or_default());
    }
}

fn crossed(seed: u64, steps: u64) -> BridgeCounts {
    let found = run_bridges(seed, steps).map_err(|failure| failure.to_string());
    assert!(found.is_ok(), "{}", found.err().unwrap_or_default());
    found.unwrap_or_default()
}

#[test]
fn bridges_pass_on_what_they_should_under_fixed_seeds() {
    for seed in 1..=4 {
        let counts = crossed(seed, 12_000);
        assert!(counts.breaks > 20 && counts.connections > 20, "seed {seed}: {counts:?}");
        assert!(counts.crossings > 500 && counts.settled >= 12, "seed {seed}: {counts:?}");
    }
}

#[test]
fn bridges_pass_on_what_they_should_under_a_fresh_seed() {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    crossed(now.as_nanos() as u64 % 1_000_000_000, 8_000);
}

/// Lives of bridges, by seed and number, that found a mistake which is corrected.
#[test]
fn what_bridges_found_once_stays_corrected() {
    for (seed, life) in [(23, 4), (99, 1), (104, 2), (10_003, 164), (10_006, 136), (10_015, 126)] {
        let found = run_bridged_life(seed, life, 4000).map_err(|failure| failure.to_string());
        assert!(found.is_ok(), "{}", found.err().unwrap_or_default());
    }
}
