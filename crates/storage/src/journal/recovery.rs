//! A journal that was opened: its frames to replay, and then its [`Writer`].

use super::layout::{Base, Kind, Place};
use super::names::Names;
use super::plan::{Plan, Replay};
use super::report::Report;
use super::scan::Window;
use super::writer::{WriteError, Writer};
use super::{Disk, DiskFile};
use std::io;
use std::sync::Arc;

/// A journal as it was found. Nothing has been changed yet.
pub struct Recovery {
    pub(super) report: Report,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) names: Names,
    pub(super) segment_bytes: u64,
    pub(super) salt: u64,
    pub(super) base: Base,
    pub(super) plan: Plan,
    pub(super) kept: Vec<Kept>,
    /// Segments to be renamed.
    pub(super) aside: Vec<(u64, String)>,
    /// Files to be removed, which a broker that stopped has left.
    pub(super) leftovers: Vec<String>,
    pub(super) next_segment: u64,
    pub(super) snapshot_payload: Option<Vec<u8>>,
}

/// A segment that stays until the next snapshot.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) number: u64,
    /// The name that it gets then, instead of being removed.
    pub(super) aside: Option<String>,
}

/// A frame to replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What it holds; never [`Kind::Snapshot`].
    pub kind: Kind,
    /// Its number.
    pub sequence: u64,
    /// What the producer gave: the wall clock, in milliseconds since 1970, at its time 0.
    pub epoch_ms: i64,
    /// What the producer gave.
    pub payload: &'a [u8],
}

impl Recovery {
    /// What was found.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// What was handed over with the snapshot that is continued; `None` if there is none, or if that frame is lost.
    pub fn snapshot_payload(&self) -> Option<&[u8]> {
        self.snapshot_payload.as_deref()
    }

    /// All frames that are not in the snapshot, in order. May be called as often as one likes.
    pub fn frames(&self) -> Frames<'_> {
        Frames { recovery: self, next_part: 0, part: None }
    }

    /// Makes the journal on disk what was found of it, and continues it in a segment of its own.
    ///
    /// From here on, what was found is on disk for sure. What was set aside gets its names. Where there is no room for a
    /// segment, the writer is [full](Writer::is_full) at first.
    pub fn into_writer(self) -> Result<Writer, WriteError> {
        Writer::new(self)
    }
}

/// The frames of a [`Recovery`], one at a time.
pub struct Frames<'a> {
    recovery: &'a Recovery,
    next_part: usize,
    part: Option<Part>,
}

/// The run that is being read.
struct Part {
    replay: Replay,
    file: Box<dyn DiskFile>,
    offset: u64,
    window: Window,
}

impl Frames<'_> {
    /// The next one, or `None` at the end. Fails if a file cannot be read any more, or has changed since it was opened.
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot lend what it reads")]
    pub fn next(&mut self) -> io::Result<Option<Frame<'_>>> {
        let salt = self.recovery.salt;
        let (header, offset) = loop {
            if self.part.as_ref().is_none_or(|part| part.offset >= part.replay.end) && !self.open_next()? {
                return Ok(None);
            }
            let Some(part) = &mut self.part else { return Ok(None) };
            let place = Place { salt, segment: part.replay.segment, offset: part.offset };
            let Some((header, _)) = part.window.frame(&*part.file, place) else { return Err(changed()) };
            let offset = part.offset;
            part.offset += header.frame_size();
            let wanted = header.sequence >= part.replay.from && header.sequence < part.replay.until;
            if header.kind != Kind::Snapshot && wanted {
                break (header, offset);
            }
        };
        let part = self.part.as_mut().ok_or_else(changed)?;
        let payload = part.window.payload(offset, &header).ok_or_else(changed)?;
        Ok(Some(Frame { kind: header.kind, sequence: header.sequence, epoch_ms: header.epoch_ms, payload }))
    }

    fn open_next(&mut self) -> io::Result<bool> {
        let recovery = self.recovery;
        let Some(replay) = recovery.plan.replays.get(self.next_part).copied() else {
            self.part = None;
            return Ok(false);
        };
        self.next_part += 1;
        let file = recovery.disk.open(&recovery.names.segment(replay.segment))?;
        let window = Window::new(file.size()?);
        self.part = Some(Part { replay, file, offset: replay.start, window });
        Ok(true)
    }
}

fn changed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a segment of the journal has changed while it was read")
}
