//! What was freed goes back to the system, also where what is in use stands behind it.
#![cfg(all(target_os = "linux", target_env = "gnu"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use mosquitto_allocator::{give_back, in_use};
use std::fs;

#[global_allocator]
static HEAP: mosquitto_allocator::Counted = mosquitto_allocator::Counted;

/// Pages of 4 KiB or more of this process that are resident.
fn resident_pages() -> u64 {
    fs::read_to_string("/proc/self/statm").unwrap().split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn pages_are_given_back_when_less_than_half_is_in_use() {
    const PIECES: usize = 48 << 10;
    let before = resident_pages();
    let mut pieces: Vec<Vec<u8>> = (0..PIECES).map(|_| vec![1; 1024]).collect();
    let full = resident_pages() - before;
    in_use();
    // The last one stays, and keeps what is before it from being given back by itself.
    let last = pieces.pop();
    pieces.truncate(PIECES * 3 / 4);
    in_use();
    assert!(!give_back(), "much is in use still");
    drop(pieces);
    assert!(give_back());
    assert!(!give_back(), "nothing has happened since");
    let left = resident_pages().saturating_sub(before);
    assert!(left < full / 4, "{left} pages of {full}");
    assert_eq!(last.unwrap().len(), 1024);
    // To go through so much would keep others waiting.
    let much: Vec<Vec<u8>> = (0..100).map(|_| vec![1; 1 << 20]).collect();
    in_use();
    drop(much);
    assert!(!give_back());
}
