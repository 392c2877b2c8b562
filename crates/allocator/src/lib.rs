//! The system's allocator, with a count of the bytes in use.
//!
//! Every thread counts for itself, and the sum is made when somebody asks: counting costs two moves to memory that no
//! other thread writes to. A number that all threads share would have the cores fight over it with every allocation.
//!
//! This is the one place in the workspace with unsafe code, since [`GlobalAlloc`] is an unsafe trait. All that it does
//! beside counting is to call the system's allocator with the same arguments, to ask for large pages for what is large, and to
//! have pages given back that are free.

mod large;
mod trim;

pub use trim::give_back;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};

/// Threads that have a counter of their own. A counter is not used again when its thread ends, since what the thread has
/// allocated may live on; the threads after these share the last one.
const OWN_COUNTERS: usize = 255;

/// Bytes allocated less bytes freed by one thread. Two cache lines, since processors fetch them in pairs.
#[repr(align(128))]
struct Counter(AtomicI64);

static COUNTERS: [Counter; OWN_COUNTERS] = [const { Counter(AtomicI64::new(0)) }; OWN_COUNTERS];
static SHARED_COUNTER: Counter = Counter(AtomicI64::new(0));

/// Counters that were given out.
static GIVEN: AtomicUsize = AtomicUsize::new(0);

/// The most bytes that any look has found.
static PEAK: AtomicU64 = AtomicU64::new(0);

/// The same since pages were last given back.
static HIGH: AtomicU64 = AtomicU64::new(0);

/// A thread that has no counter yet.
const NONE: usize = usize::MAX;

thread_local! {
    /// The number of this thread's counter. It needs neither allocation nor destructor, so it may be used in both.
    static OWN: Cell<usize> = const { Cell::new(NONE) };
}

/// The allocator. To be used as the program's own:
///
/// ```
/// #[global_allocator]
/// static HEAP: mosquitto_allocator::Counted = mosquitto_allocator::Counted;
/// # drop(vec![0; 1000]);
/// ```
#[derive(Debug)]
pub struct Counted;

/// Bytes that are in use now: those that were asked for, without what the system's allocator needs for itself. 0 where the
/// program does not use [`Counted`].
pub fn in_use() -> u64 {
    let given = GIVEN.load(Ordering::Relaxed);
    let own: i64 = COUNTERS.iter().take(given).map(|counter| counter.0.load(Ordering::Relaxed)).sum();
    // What one thread has freed of another's may be seen before what the other has allocated.
    let bytes = u64::try_from(own + SHARED_COUNTER.0.load(Ordering::Relaxed)).unwrap_or(0);
    PEAK.fetch_max(bytes, Ordering::Relaxed);
    HIGH.fetch_max(bytes, Ordering::Relaxed);
    bytes
}

/// The most bytes that [`in_use`] has ever found.
pub fn peak() -> u64 {
    PEAK.load(Ordering::Relaxed)
}

#[inline]
fn count(bytes: i64) {
    let own = OWN.try_with(|own| if own.get() == NONE { take_counter(own) } else { own.get() });
    match COUNTERS.get(own.unwrap_or(NONE)) {
        // Nobody else writes to it.
        Some(counter) => counter.0.store(counter.0.load(Ordering::Relaxed) + bytes, Ordering::Relaxed),
        None => _ = SHARED_COUNTER.0.fetch_add(bytes, Ordering::Relaxed),
    }
}

#[cold]
fn take_counter(own: &Cell<usize>) -> usize {
    // Far from overflow: it stands for one of the threads that a process can ever start.
    let number = GIVEN.fetch_add(1, Ordering::Relaxed).min(OWN_COUNTERS);
    own.set(number);
    number
}

/// No allocation is larger than `isize::MAX` ([`Layout`]).
#[inline]
fn size(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[allow(unsafe_code, reason = "the trait is unsafe; all of it is passed on to the system's allocator")]
// SAFETY: every call goes to `System`, which keeps the trait's contract, with the arguments as they came; counting neither
// allocates nor panics nor unwinds.
unsafe impl GlobalAlloc for Counted {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are those that `System` asks for.
        let pointer = unsafe { System.alloc(layout) };
        if !pointer.is_null() {
            count(size(layout.size()));
        }
        large::advise(pointer, layout.size());
        pointer
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are those that `System` asks for.
        let pointer = unsafe { System.alloc_zeroed(layout) };
        if !pointer.is_null() {
            count(size(layout.size()));
        }
        large::advise(pointer, layout.size());
        pointer
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `System`, as all that this allocator gives out, and with this layout.
        unsafe { System.dealloc(pointer, layout) };
        count(-size(layout.size()));
    }

    #[inline]
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the pointer came from `System`, as all that this allocator gives out, and with this layout; the caller
        // promises the rest.
        let moved = unsafe { System.realloc(pointer, layout, new_size) };
        if !moved.is_null() {
            count(size(new_size) - size(layout.size()));
        }
        large::advise(moved, new_size);
        moved
    }
}
