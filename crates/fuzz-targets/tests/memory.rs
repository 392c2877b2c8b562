//! The scripts again, with an allocator that counts: what the broker holds stays in proportion to what it was sent, and
//! what a WebSocket holds below a bound.
//!
//! One test in a process of its own, since everything that is allocated meanwhile counts.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test that cannot go on fails")]

use cap::Cap;
use std::alloc::System;
use std::fs;
use std::path::Path;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

#[test]
fn no_script_makes_the_broker_or_a_websocket_hold_more_than_it_may() {
    mosquitto_fuzz_targets::watch_memory(|| ALLOCATOR.allocated());
    for target in ["two_clients", "websocket"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
        let before = ALLOCATOR.allocated();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            println!("{}", path.display());
            mosquitto_fuzz_targets::run(target, &bytes);
        }
        // Of what the test itself keeps nothing is large.
        assert!(ALLOCATOR.allocated() < before + 64 * 1024, "something was left behind");
    }
}
