//! A program that uses the allocator knows what it has in use.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use mosquitto_allocator::{Counted, in_use, peak};
use std::thread;

#[global_allocator]
static HEAP: Counted = Counted;

/// Room for what the test runner does meanwhile.
const NOISE: u64 = 100_000;
const LARGE: usize = 10_000_000;

/// One test, since tests of one process share the heap.
#[test]
fn bytes_count_from_their_allocation_to_their_end_on_whatever_threads() {
    let before = in_use();
    assert!(before > 0);
    let near = |expected: usize| {
        let grown = in_use().saturating_sub(before);
        assert!(grown.abs_diff(expected as u64) < NOISE, "{grown} instead of {expected}");
    };
    let mut bytes: Vec<u8> = Vec::with_capacity(LARGE);
    near(LARGE);
    bytes.resize(LARGE, 1);
    bytes.reserve_exact(LARGE);
    near(2 * LARGE);
    bytes.shrink_to_fit();
    near(LARGE);
    let zeroed = vec![0u8; LARGE];
    near(2 * LARGE);
    // Freed where it was not allocated, and more threads than there are counters.
    thread::spawn(move || drop(bytes)).join().unwrap();
    near(LARGE);
    let kept: Vec<Vec<u8>> = (0..300).map(|_| thread::spawn(|| vec![1u8; LARGE / 100]).join().unwrap()).collect();
    near(4 * LARGE);
    drop((kept, zeroed));
    near(0);
    assert!(peak() >= before + 4 * LARGE as u64 - NOISE);
}
