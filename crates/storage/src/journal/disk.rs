//! The seam between the journal and the disk.

use std::io;

/// One directory, seen from the journal: files by name, no paths.
///
/// What [`create`](Self::create), [`rename`](Self::rename) and [`remove`](Self::remove) did is safe from a crash only after
/// [`sync_dir`](Self::sync_dir); what [`DiskFile::write_at`] wrote only after [`DiskFile::sync`].
pub trait Disk: Send + Sync {
    /// The names of all files in the directory, in no order.
    fn list(&self) -> io::Result<Vec<String>>;

    /// A new, empty file that only the broker's user may read, for reading and writing. One that was there is emptied.
    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;

    /// A file that is there, for reading and writing.
    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;

    /// Gives a file another name; what had that name before is gone.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Returns once the directory's entries are on the disk.
    fn sync_dir(&self) -> io::Result<()>;
}

/// A file of a [`Disk`].
pub trait DiskFile: Send {
    /// Its length in bytes.
    fn size(&self) -> io::Result<u64>;

    /// Reads from `offset` on, as many bytes as there are up to the length of `buffer`; 0 at the end of the file.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `bytes`, or fails; then any part of them may have been written.
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes the file at least `size` bytes long, in such a way that later writes up to there find room. What was not
    /// written yet reads as zeros.
    fn preallocate(&mut self, size: u64) -> io::Result<()>;

    /// Cuts the file off behind `size` bytes.
    fn truncate(&mut self, size: u64) -> io::Result<()>;

    /// Returns once all that was written is on the disk (fdatasync). If it fails once, what was written before may be lost
    /// even if it succeeds later.
    fn sync(&mut self) -> io::Result<()>;
}

/// Whether an error says that there is no room (ENOSPC, EDQUOT), which may change; any other error is for ever.
pub(super) fn is_no_room(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Fills `buffer` from `offset` on; returns how many bytes there were. What cannot be read is left as zeros, in steps of a
/// sector, and counts as read: its checksums will not match.
pub(super) fn read_up_to(file: &dyn DiskFile, buffer: &mut [u8], offset: u64) -> usize {
    const SECTOR_BYTES: usize = 4096;
    let mut done = 0;
    while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + done as u64) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => {
                let in_sector = (offset as usize + done) % SECTOR_BYTES;
                let count = rest.len().min(SECTOR_BYTES - in_sector);
                if let Some(first) = rest.get_mut(..count)
                    && !file.read_at(first, offset + done as u64).is_ok_and(|read| read == count)
                {
                    first.fill(0);
                }
                done += count;
            }
        }
    }
    done
}
