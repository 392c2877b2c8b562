//! What is known about saving.

use super::counting::Counting;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// Shared by all who save, or look at when it is time to.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The bytes of the last file.
    snapshot_bytes: AtomicU64,
    /// When it was written, in seconds since 1970; 0: not since the start.
    pub(super) saved_at_s: AtomicU64,
    /// The size in bytes with which the journal asks to be made shorter.
    journal_bytes_max: AtomicU64,
    /// Changes, counted while `autosave_on_changes` asks for it.
    pub(super) counting: Counting,
}

/// The journal asks for the file to be written when it has so many bytes, and twice as many as the last file.
const JOURNAL_BYTES: u64 = 256 * 1024 * 1024;

/// What `$SYS` tells about it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct StoreFigures {
    /// Bytes of the journal that the next file makes superfluous.
    pub(crate) journal_bytes: u64,
    /// When the file was written last, in seconds since 1970; 0: not since the start.
    pub(crate) saved_at_s: u64,
}

impl Progress {
    pub(super) fn new(snapshot_bytes: u64) -> Self {
        let progress = Self::default();
        progress.set_snapshot(snapshot_bytes);
        progress
    }

    /// There is a new file.
    pub(super) fn saved(&self, bytes: u64) {
        self.set_snapshot(bytes);
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.saved_at_s.store(since_1970.as_secs(), Ordering::Relaxed);
    }

    fn set_snapshot(&self, bytes: u64) {
        self.snapshot_bytes.store(bytes, Ordering::Relaxed);
        self.journal_bytes_max.store(JOURNAL_BYTES.max(2 * bytes), Ordering::Relaxed);
    }

    /// Whether a journal of this size has grown too long. Said once; again when it has grown by as much once more.
    pub(super) fn is_too_long(&self, journal_bytes: u64) -> bool {
        let max = self.journal_bytes_max.load(Ordering::Relaxed);
        journal_bytes > max
            && self
                .journal_bytes_max
                .compare_exchange(max, max.saturating_add(JOURNAL_BYTES), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_is_too_long_from_twice_the_file_on_and_it_is_said_once() {
        let progress = Progress::new(0);
        assert!(!progress.is_too_long(JOURNAL_BYTES));
        assert!(progress.is_too_long(JOURNAL_BYTES + 1));
        assert!(!progress.is_too_long(JOURNAL_BYTES + 2));
        assert!(progress.is_too_long(2 * JOURNAL_BYTES + 1), "nobody did anything about it");
        progress.saved(JOURNAL_BYTES);
        assert!(!progress.is_too_long(2 * JOURNAL_BYTES));
        assert!(progress.is_too_long(2 * JOURNAL_BYTES + 1));
    }
}
