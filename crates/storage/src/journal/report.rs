//! What a journal was like when it was opened.

/// How many lines of a [`Report`] are kept; what more there is to say is counted.
const LINES_MAX: usize = 100;

/// Whether a journal belongs to the snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Continues {
    /// There is no journal; a new one begins.
    #[default]
    Nothing,
    /// It continues the snapshot.
    Snapshot,
    /// There is one, but it continues another snapshot, or is of a later version; a new one begins.
    Another,
}

/// What was found, counted and in words. The words are made for the log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Whether a journal belongs to the snapshot.
    pub continues: Continues,
    /// Frames to replay.
    pub frames: u64,
    /// The bytes of these frames in the files.
    pub bytes: u64,
    /// Segments with frames to replay.
    pub segments: u64,
    /// Places in these segments where there should be frames and are none that are valid.
    pub damaged_places: u64,
    /// The bytes of these places.
    pub damaged_bytes: u64,
    /// Frames that were on disk once and are lost.
    pub missing: u64,
    /// Bytes at the end that were cut, because not all of them had been written. Nothing of them was ever said to be on disk,
    /// unless the end was damaged later.
    pub torn_bytes: u64,
    /// Segments that are kept under another name: now, or when a snapshot would remove them.
    pub set_aside: Vec<String>,
    /// All of this for people, if there is something to say. The first lines only, should there be very many.
    pub lines: Vec<String>,
    /// Lines that there was no room for.
    pub lines_left_out: u64,
}

impl Report {
    /// Whether something was lost that had been on disk.
    pub fn is_loss(&self) -> bool {
        self.missing > 0 || self.damaged_places > 0
    }

    pub(super) fn line(&mut self, line: String) {
        if self.lines.len() < LINES_MAX {
            self.lines.push(line);
        } else {
            self.lines_left_out += 1;
        }
    }
}
