//! Pages that are free go back to the system.
//!
//! The system's allocator gives memory back at the end of its heaps only. One piece that is still in use there keeps all that was
//! freed before it, so a burst leaves the process as large as it ever was, though next to nothing of it is used.

use crate::{HIGH, in_use};
use std::sync::atomic::Ordering;

/// So many bytes fewer have to be in use for it to be worth while.
const LEAST: u64 = 4 << 20;

/// And no more than this: who uses a heap waits while it is gone through, for 15 ms where 64 MiB are given back, and for 180 where it
/// is 1 GiB (measured). Of so much more, what stands at the end of the heaps goes back all the same. A
/// program that has ever used more than twice as much does not come here any more, since its fall by half is larger.
const MOST: u64 = 64 << 20;

/// Gives free pages back, if less than half of the bytes are in use that were at most, at any look ([`in_use`]), since this was
/// done last. Returns whether it did. It locks each of the allocator's heaps while it goes through what is free there, so it is
/// for every few seconds at most; a load that comes and goes is met with memory that is there already.
pub fn give_back() -> bool {
    let (now, high) = (in_use(), HIGH.load(Ordering::Relaxed));
    let is_low = (LEAST..=MOST).contains(&high.saturating_sub(now)) && now <= high / 2;
    if is_low {
        HIGH.store(now, Ordering::Relaxed);
        trim();
    }
    is_low
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "a call of the system's")]
fn trim() {
    // SAFETY: it touches nothing but what is free, under the allocator's own locks.
    unsafe { libc::malloc_trim(0) };
}

/// Other allocators do as they think right.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn trim() {}
