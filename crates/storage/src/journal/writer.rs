//! Which bytes go where, one step after the other: no thread, no queue, no clock.

use super::disk::is_no_room;
use super::layout::{Base, FRAMES_AT, FrameHeader, HEADER_COPY_AT, Header, Kind, PAYLOAD_BYTES_MAX, Place};
use super::names::Names;
use super::recovery::{Kept, Recovery};
use super::{Disk, DiskFile};
use std::io;
use std::sync::Arc;

/// What has gathered is written when it is this much, in bytes, if not before.
const BUFFER_BYTES: usize = 1 << 20;

/// The end of a segment that is left to the frames that end snapshots, in bytes: they make room.
const RESERVE_BYTES: u64 = 64 << 10;

/// Writes a journal.
///
/// [`append`](Self::append) takes frames; [`flush`](Self::flush) gives them to the system, [`sync`](Self::sync) to the disk.
/// [`prepare`](Self::prepare) is to be called now and then, when there is time: it gets the next segment ready.
/// [`begin_snapshot`](Self::begin_snapshot) and [`commit_snapshot`](Self::commit_snapshot) are the two ends of a snapshot;
/// [`remove`](Self::remove) ends the journal after one.
///
/// After [`WriteError::Failed`] all methods return the same again.
pub struct Writer {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) names: Names,
    segment_bytes: u64,
    salt: u64,
    pub(super) base: Base,
    /// Older segments, by number.
    pub(super) kept: Vec<Kept>,
    current: Option<Current>,
    /// Allocated, without a header.
    spare: Option<Box<dyn DiskFile>>,
    next_segment: u64,
    /// Encoded for the current segment, and not written yet.
    buffer: Vec<u8>,
    next_sequence: u64,
    /// Frames up to this one are on disk.
    synced: u64,
    /// Something was written since.
    is_dirty: bool,
    is_full: bool,
    /// The bytes of all frames; never falls.
    pub(super) total_bytes: u64,
    /// `total_bytes` at the beginning of the last snapshot.
    pub(super) snapshot_bytes: u64,
    failure: Option<Failure>,
}

/// The segment that is written.
struct Current {
    number: u64,
    header: Header,
    file: Box<dyn DiskFile>,
    size: u64,
    /// Where the next frame goes, behind what is in the buffer.
    end: u64,
    /// Where the buffer goes.
    written: u64,
}

/// Why something could not be written.
#[derive(Debug, Clone)]
pub enum WriteError {
    /// There is no room on the disk. What was to be written was not; it may be tried again.
    NoRoom,
    /// Something else, which nothing helps against: what was not said to be on disk may be lost.
    Failed(Failure),
}

/// What went wrong for ever.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What the journal wanted to do, for the log: "writing mosquitto.db.journal.00000001".
    pub what: String,
    /// The system's reason.
    pub error: Arc<io::Error>,
}

impl Writer {
    pub(super) fn new(recovery: Recovery) -> Result<Self, WriteError> {
        let mut writer = Self {
            segment_bytes: recovery.segment_bytes.max(FRAMES_AT + FrameHeader::frame_bytes(0)),
            salt: recovery.salt,
            base: recovery.base,
            kept: Vec::new(),
            current: None,
            spare: None,
            next_segment: recovery.next_segment,
            buffer: Vec::new(),
            next_sequence: recovery.plan.next,
            synced: recovery.plan.next.saturating_sub(1),
            is_dirty: false,
            is_full: false,
            total_bytes: recovery.report.bytes,
            snapshot_bytes: 0,
            failure: None,
            disk: recovery.disk.clone(),
            names: recovery.names.clone(),
        };
        writer.settle(recovery)?;
        match writer.rotate(0) {
            Ok(()) | Err(WriteError::NoRoom) => {}
            Err(error) => return Err(error),
        }
        writer.prepare()?;
        Ok(writer)
    }

    /// Makes the files what was found of them.
    fn settle(&mut self, recovery: Recovery) -> Result<(), WriteError> {
        // A database that a broker has put into its place just before it was killed is there for sure only now.
        self.sync_dir()?;
        for kept in &recovery.kept {
            let name = self.names.segment(kept.number);
            let what = || format!("cutting off {name}");
            let mut file = self.disk.open(&name).map_err(|error| self.fatal(what(), error))?;
            if let Some((_, size)) = recovery.plan.tail.filter(|(tail, _)| *tail == kept.number) {
                file.truncate(size).map_err(|error| self.fatal(what(), error))?;
            }
            file.sync().map_err(|error| self.fatal(what(), error))?;
        }
        for (number, name) in &recovery.aside {
            let from = self.names.segment(*number);
            self.disk.rename(&from, name).map_err(|error| self.fatal(format!("renaming {from}"), error))?;
        }
        let mut removed = recovery.leftovers;
        removed.extend(recovery.plan.superseded.iter().map(|number| self.names.segment(*number)));
        for name in removed {
            self.disk.remove(&name).map_err(|error| self.fatal(format!("removing {name}"), error))?;
        }
        self.kept = recovery.kept;
        self.sync_dir()
    }

    /// The sequence number that the next frame gets.
    pub fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    /// All frames up to this one are on disk.
    pub fn synced(&self) -> u64 {
        self.synced
    }

    /// Whether there is no room for a segment after the current one, or not even for that.
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// The bytes of the frames that the last snapshot does not make superfluous.
    pub fn bytes_since_snapshot(&self) -> u64 {
        self.total_bytes - self.snapshot_bytes
    }

    /// Takes a frame and returns its sequence number. A payload of more than [`PAYLOAD_BYTES_MAX`] is an error for ever.
    ///
    /// [`WriteError::NoRoom`] is about this frame, which has not been taken, or about earlier ones, which stay in memory.
    pub fn append(&mut self, kind: Kind, epoch_ms: i64, payload: &[u8]) -> Result<u64, WriteError> {
        let sequence = self.next_sequence;
        self.encode(kind, sequence, epoch_ms, payload)?;
        self.next_sequence += 1;
        Ok(sequence)
    }

    pub(super) fn encode(
        &mut self,
        kind: Kind,
        sequence: u64,
        epoch_ms: i64,
        payload: &[u8],
    ) -> Result<(), WriteError> {
        self.check()?;
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(self.fatal("writing a frame of the journal".into(), io::ErrorKind::InvalidInput.into()));
        }
        let bytes = FrameHeader::frame_bytes(payload.len());
        let reserve = if kind == Kind::Snapshot { 0 } else { self.reserve() };
        if self.current.as_ref().is_none_or(|current| current.end + bytes + reserve > current.size) {
            self.rotate(bytes + reserve)?;
        }
        if self.buffer.len() >= BUFFER_BYTES {
            self.flush()?;
        }
        let (salt, synced) = (self.salt, self.synced);
        let Some(current) = &mut self.current else { return Err(WriteError::NoRoom) };
        let place = Place { salt, segment: current.number, offset: current.end };
        FrameHeader::encode(place, (kind, sequence, synced, epoch_ms), payload, &mut self.buffer);
        current.end += bytes;
        self.total_bytes += bytes;
        Ok(())
    }

    fn reserve(&self) -> u64 {
        RESERVE_BYTES.min(self.segment_bytes / 16) / 8 * 8
    }

    /// Writes what is in memory.
    pub fn flush(&mut self) -> Result<(), WriteError> {
        self.check()?;
        let Some(current) = self.current.as_mut().filter(|_| !self.buffer.is_empty()) else { return Ok(()) };
        self.is_dirty = true;
        if let Err(error) = current.file.write_at(&self.buffer, current.written) {
            // Where room is promised only, as on file systems that copy what is written.
            let what = format!("writing {}", self.names.segment(current.number));
            return Err(self.failed(what, error));
        }
        current.written = current.end;
        self.buffer.clear();
        self.buffer.shrink_to(BUFFER_BYTES * 2);
        Ok(())
    }

    /// Returns once all frames are on disk, with the number of the last one.
    pub fn sync(&mut self) -> Result<u64, WriteError> {
        self.flush()?;
        if let Some(current) = self.current.as_mut().filter(|_| self.is_dirty) {
            if let Err(error) = current.file.sync() {
                let what = format!("syncing {}", self.names.segment(current.number));
                return Err(self.fatal(what, error));
            }
            self.is_dirty = false;
        }
        self.synced = self.next_sequence - 1;
        Ok(self.synced)
    }

    /// Gets the next segment ready. Whether there is room for it is then told by [`is_full`](Self::is_full).
    pub fn prepare(&mut self) -> Result<(), WriteError> {
        self.check()?;
        let ready = if self.current.is_none() { self.rotate(0) } else { Ok(()) };
        match ready.and_then(|()| self.prepare_spare(self.segment_bytes)) {
            Ok(()) => self.is_full = false,
            Err(WriteError::NoRoom) => self.is_full = true,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn prepare_spare(&mut self, size: u64) -> Result<(), WriteError> {
        let name = self.names.spare();
        let mut file = match self.spare.take() {
            Some(file) if file.size().is_ok_and(|has| has >= size) => {
                self.spare = Some(file);
                return Ok(());
            }
            Some(file) => file,
            None => self.disk.create(&name).map_err(|error| self.failed(format!("creating {name}"), error))?,
        };
        if let Err(error) = file.preallocate(size) {
            // What it has got of the room may be needed elsewhere.
            drop(file);
            let error = self.failed(format!("allocating {name}"), error);
            self.disk.remove(&name).map_err(|error| self.fatal(format!("removing {name}"), error))?;
            return Err(error);
        }
        // Its size, so that later syncs have less to do.
        file.sync().map_err(|error| self.fatal(format!("syncing {name}"), error))?;
        self.spare = Some(file);
        Ok(())
    }

    /// Ends the current segment, all of it on disk, and begins another, with room for `bytes` at least.
    pub(super) fn rotate(&mut self, bytes: u64) -> Result<(), WriteError> {
        self.sync()?;
        self.is_full = true;
        let size = self.segment_bytes.max(FRAMES_AT + bytes);
        self.prepare_spare(size)?;
        let Some(mut file) = self.spare.take() else { return Err(WriteError::NoRoom) };
        let (number, spare) = (self.next_segment, self.names.spare());
        let header = Header { segment: number, salt: self.salt, first: self.next_sequence, base: self.base };
        if let Err(error) = file.write_at(&header.encode(), 0) {
            self.spare = Some(file);
            return Err(self.failed(format!("writing {spare}"), error));
        }
        file.sync().map_err(|error| self.fatal(format!("syncing {spare}"), error))?;
        let size = file.size().map_err(|error| self.fatal(format!("looking at {spare}"), error))?;
        if let Err(error) = self.disk.rename(&spare, &self.names.segment(number)) {
            self.spare = Some(file);
            return Err(self.failed(format!("renaming {spare}"), error));
        }
        self.next_segment += 1;
        self.sync_dir()?;
        let current = Current { number, header, file, size, end: FRAMES_AT, written: FRAMES_AT };
        if let Some(old) = self.current.replace(current) {
            self.kept.push(Kept { number: old.number, aside: None });
        }
        self.is_full = false;
        Ok(())
    }

    /// Notes in the header of the current segment which snapshot there is now: only in the second copy, so that one of them is
    /// whole at any time.
    pub(super) fn name_base(&mut self) -> Result<(), WriteError> {
        let base = self.base;
        let Some(current) = &mut self.current else { return Ok(()) };
        let copy = Header { base, ..current.header }.encode_one();
        if let Err(error) = current.file.write_at(&copy, HEADER_COPY_AT as u64) {
            let what = format!("writing {}", self.names.segment(current.number));
            return Err(self.failed(what, error));
        }
        self.is_dirty = true;
        self.sync().map(|_| ())
    }

    /// The number of the segment that is written, or of the next one.
    pub(super) fn segment(&self) -> u64 {
        self.current.as_ref().map_or(self.next_segment, |current| current.number)
    }

    /// Whether the current segment has frames.
    pub(super) fn has_frames(&self) -> bool {
        self.current.as_ref().is_some_and(|current| current.end > FRAMES_AT)
    }

    /// Forgets all segments, whose files are gone.
    pub(super) fn forget(&mut self) -> Vec<String> {
        let mut names: Vec<String> =
            self.current.take().map(|current| self.names.segment(current.number)).into_iter().collect();
        if self.spare.take().is_some() {
            names.push(self.names.spare());
        }
        names
    }

    pub(super) fn sync_dir(&mut self) -> Result<(), WriteError> {
        self.disk.sync_dir().map_err(|error| self.fatal("syncing the directory of the journal".into(), error))
    }

    /// Fails if something has failed before.
    pub(super) fn check(&self) -> Result<(), WriteError> {
        self.failure.clone().map_or(Ok(()), |failure| Err(WriteError::Failed(failure)))
    }

    /// What an error means where it may mean that there is no room.
    pub(super) fn failed(&mut self, what: String, error: io::Error) -> WriteError {
        if is_no_room(&error) {
            self.is_full = true;
            return WriteError::NoRoom;
        }
        self.fatal(what, error)
    }

    pub(super) fn fatal(&mut self, what: String, error: io::Error) -> WriteError {
        let failure = Failure { what, error: Arc::new(error) };
        WriteError::Failed(self.failure.get_or_insert(failure).clone())
    }
}

impl std::fmt::Display for WriteError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoRoom => write!(f, "no room on the disk for the journal"),
            Self::Failed(failure) => failure.fmt(f),
        }
    }
}

impl std::error::Error for WriteError {}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.what, self.error)
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.error)
    }
}
