//! What is very large is asked for in large pages.
//!
//! The system gives a program its memory when it is first written to, a page of 4 KiB at a time, and clears each: for a
//! message of 64 MiB that is 16,384 faults, on a virtual machine 100 to 200 ms in which its thread serves nobody. With pages of
//! 2 MiB there are 32 of them. Linux does that where it is asked to, unless its administrator has forbidden it
//! (`/sys/kernel/mm/transparent_hugepage/enabled`).

/// From this many bytes on. At most a page at its end is in vain, an eighth; smaller ones are left as they are, since
/// what grows by doubling would take memory that it may never use.
const FROM: usize = 16 << 20;

/// Says of what has just been allocated how it should be mapped. Nothing depends on it.
#[inline]
pub(crate) fn advise(pointer: *mut u8, size: usize) {
    if size >= FROM && !pointer.is_null() {
        ask(pointer, size);
    }
}

#[cfg(target_os = "linux")]
#[cold]
#[allow(unsafe_code, reason = "a call of the system's")]
fn ask(pointer: *mut u8, size: usize) {
    // The system takes whole pages only; what it is told of neighbours on the first and the last one does them no harm.
    const PAGE: usize = 4096;
    let before = pointer.addr() % PAGE;
    let begin = pointer.wrapping_sub(before);
    // SAFETY: the advice changes no byte and no right, whatever lies there; a refusal is of no consequence, but for errno,
    // which allocators may change.
    unsafe { libc::madvise(begin.cast(), size.saturating_add(before), libc::MADV_HUGEPAGE) };
}

#[cfg(not(target_os = "linux"))]
fn ask(_: *mut u8, _: usize) {}
