//! What is very large is in large pages, where the system has them for whoever asks.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;

#[global_allocator]
static HEAP: mosquitto_allocator::Counted = mosquitto_allocator::Counted;

/// KiB of this process that are in large pages.
fn in_large_pages() -> u64 {
    let smaps = fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let line = smaps.lines().find_map(|line| line.strip_prefix("AnonHugePages:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn a_buffer_of_many_megabytes_is_in_large_pages() {
    let enabled = fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled").unwrap_or_default();
    if !enabled.contains("[madvise]") && !enabled.contains("[always]") {
        eprintln!(
            "SKIPPED: this system has no large pages for whoever asks (transparent_hugepage/enabled: {enabled:?})"
        );
        return;
    }
    let before = in_large_pages();
    let buffer = vec![7_u8; 64 << 20];
    let grown = in_large_pages() - before;
    assert_eq!(buffer.last(), Some(&7));
    // Where memory is in pieces, the system gives small pages for some of it.
    assert!(grown >= 8 << 10, "{grown} KiB");
}
