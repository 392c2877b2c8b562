//! One segment, read from its beginning to its end whatever is in it.

use super::disk::{DiskFile, read_up_to};
use super::layout::{ALIGNMENT, FRAME_HEADER_BYTES, FRAMES_AT, FrameHeader, Kind, Place};

/// What is read at once, if a frame needs no more.
const WINDOW_BYTES: usize = 1 << 20;

/// More gaps than this in one segment are no accident; what stands behind them is not looked at.
const RUNS_MAX: usize = 1 << 16;

/// Frames that stand directly behind each other, their sequence numbers too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// The bytes of the segment that it takes.
    pub(super) start: u64,
    pub(super) end: u64,
    /// The sequence number of its first frame, and that after its last one: the same if there is only the journal's own.
    pub(super) first: u64,
    pub(super) next: u64,
}

/// What was found in a segment.
#[derive(Debug, Default)]
pub(super) struct Scanned {
    pub(super) runs: Vec<Run>,
    /// The highest sequence number of which a frame here says that it was on disk.
    pub(super) synced: u64,
    /// Where the zeros begin that the rest of the file consists of, if there is something else behind the last run.
    pub(super) dirty_until: Option<u64>,
}

/// Reads a whole segment of `size` bytes. `on_snapshot` gets what the journal's own frames say, and where they stand.
pub(super) fn scan(
    file: &dyn DiskFile,
    (salt, segment): (u64, u64),
    size: u64,
    mut on_snapshot: impl FnMut(u64, &[u8]),
) -> Scanned {
    let mut window = Window::new(size);
    let mut scanned = Scanned::default();
    let mut offset = FRAMES_AT;
    let mut bad = false;
    while scanned.runs.len() < RUNS_MAX {
        if let Some((header, payload)) = window.frame(file, Place { salt, segment, offset }) {
            if header.kind == Kind::Snapshot {
                on_snapshot(offset, payload);
            }
            scanned.add(&header, offset, bad);
            offset += header.frame_size();
            bad = false;
        } else {
            bad = true;
            match window.next_candidate(file, offset, &mut scanned.dirty_until) {
                Some(next) => offset = next,
                None => return scanned,
            }
        }
    }
    scanned
}

impl Scanned {
    fn add(&mut self, header: &FrameHeader, offset: u64, after_damage: bool) {
        self.dirty_until = None;
        self.synced = self.synced.max(header.synced);
        // The journal's own frames have no number of their own, but that of the frame before.
        let own = header.kind == Kind::Snapshot;
        let (first, next) = match header.sequence.checked_add(1) {
            Some(next) => (if own { next } else { header.sequence }, next),
            None => return,
        };
        let end = offset + header.frame_size();
        match self.runs.last_mut() {
            Some(run) if !after_damage && run.end == offset && run.next == first => {
                run.end = end;
                run.next = next;
            }
            _ => self.runs.push(Run { start: offset, end, first, next }),
        }
    }

    /// Where the last run ends.
    pub(super) fn end(&self) -> u64 {
        self.runs.last().map_or(FRAMES_AT, |run| run.end)
    }
}

/// A part of a file in memory: at most one frame, or [`WINDOW_BYTES`].
pub(super) struct Window {
    size: u64,
    at: u64,
    buffer: Vec<u8>,
}

impl Window {
    /// For a file of `size` bytes, which is an argument of all that reads.
    pub(super) fn new(size: u64) -> Self {
        Self { size, at: 0, buffer: Vec::new() }
    }

    /// The frame in this place, if there is a valid one.
    pub(super) fn frame(&mut self, file: &dyn DiskFile, place: Place) -> Option<(FrameHeader, &[u8])> {
        let header = FrameHeader::decode(place, self.bytes(file, place.offset, FRAME_HEADER_BYTES)?)?;
        let frame = self.bytes(file, place.offset, FRAME_HEADER_BYTES + header.size as usize)?;
        let payload = frame.get(FRAME_HEADER_BYTES..)?;
        header.fits(place, payload).then_some((header, payload))
    }

    /// The payload of a frame that [`frame`](Self::frame) has just found at `offset`.
    pub(super) fn payload(&self, offset: u64, header: &FrameHeader) -> Option<&[u8]> {
        let start = offset.checked_sub(self.at)? as usize + FRAME_HEADER_BYTES;
        self.buffer.get(start..start + header.size as usize)
    }

    /// These bytes of the file, if it has them.
    fn bytes(&mut self, file: &dyn DiskFile, offset: u64, count: usize) -> Option<&[u8]> {
        if offset.checked_add(count as u64)? > self.size {
            return None;
        }
        let inside = offset.checked_sub(self.at).is_some_and(|start| start + count as u64 <= self.buffer.len() as u64);
        if !inside {
            self.load(file, offset, count);
        }
        let start = offset.checked_sub(self.at)? as usize;
        self.buffer.get(start..start + count)
    }

    fn load(&mut self, file: &dyn DiskFile, offset: u64, count: usize) {
        let count = (count.max(WINDOW_BYTES) as u64).min(self.size - offset) as usize;
        if self.buffer.capacity() > count.max(WINDOW_BYTES) * 2 {
            self.buffer = Vec::new();
        }
        self.buffer.resize(count, 0);
        let read = read_up_to(file, &mut self.buffer, offset);
        self.buffer.truncate(read);
        self.at = offset;
    }

    /// The next place behind `offset` where a frame might begin, by a byte that is not zero in a frame. `dirty_until` is
    /// moved behind bytes that are not zero.
    fn next_candidate(&mut self, file: &dyn DiskFile, offset: u64, dirty_until: &mut Option<u64>) -> Option<u64> {
        // Where this is behind the end of the file, what is left is too short for a frame.
        let kind_at = (offset + ALIGNMENT).saturating_add(4);
        self.mark(file, offset, dirty_until);
        let mut offset = offset + ALIGNMENT;
        if kind_at >= self.size {
            return None;
        }
        loop {
            let Some(header) = self.bytes(file, offset, FRAME_HEADER_BYTES) else {
                self.mark_rest(file, offset, dirty_until);
                return None;
            };
            if header.iter().any(|byte| *byte != 0) {
                if header.get(4).is_some_and(|kind| *kind != 0) {
                    return Some(offset);
                }
                self.mark(file, offset, dirty_until);
                offset += ALIGNMENT;
                continue;
            }
            // Zeros are skipped at once, as far as they are in memory, down to the place whose header they may be part of.
            let start = offset.saturating_sub(self.at) as usize;
            let rest = self.buffer.get(start..).unwrap_or_default();
            let zeros = rest.iter().position(|byte| *byte != 0).unwrap_or(rest.len()) as u64;
            offset += zeros.saturating_sub(FRAME_HEADER_BYTES as u64).next_multiple_of(ALIGNMENT).max(ALIGNMENT);
        }
    }

    /// Notes that the eight bytes from `offset` on are not all zero, if so.
    fn mark(&mut self, file: &dyn DiskFile, offset: u64, dirty_until: &mut Option<u64>) {
        let count = self.size.saturating_sub(offset).min(ALIGNMENT);
        if self.bytes(file, offset, count as usize).is_some_and(|bytes| bytes.iter().any(|byte| *byte != 0)) {
            *dirty_until = Some(offset + count);
        }
    }

    fn mark_rest(&mut self, file: &dyn DiskFile, offset: u64, dirty_until: &mut Option<u64>) {
        for offset in (offset..self.size).step_by(ALIGNMENT as usize) {
            self.mark(file, offset, dirty_until);
        }
    }
}
