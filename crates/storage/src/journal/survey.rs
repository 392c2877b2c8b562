//! Which segments there are, and what each of them holds.

use super::disk::read_up_to;
use super::layout::{Base, FRAMES_AT, Header, HeaderError, SnapshotFrame};
use super::names::Names;
use super::scan::{Scanned, scan};
use super::{Disk, DiskFile, Identity};
use std::io;

/// How many places that speak of the same snapshot are remembered, the last ones.
const EVIDENCE_MAX: usize = 16;

/// The snapshot that is to be continued.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) identity: Identity,
    /// It is not what was written: any may be meant.
    pub(super) is_damaged: bool,
}

impl Wanted {
    fn may_be(self, identity: Identity) -> bool {
        self.is_damaged || self.identity == identity
    }
}

/// A segment that could be read.
pub(super) struct Segment {
    pub(super) number: u64,
    pub(super) salt: u64,
    /// `None` if it is damaged; then the salt is that of another segment with which there are valid frames here.
    pub(super) header: Option<Header>,
    pub(super) scanned: Scanned,
    pub(super) size: u64,
}

/// A place that says from where on the snapshot is continued.
pub(super) struct Evidence {
    pub(super) base: Base,
    pub(super) salt: u64,
    /// The segment, and where in it: the frame that ended the snapshot, or 0 for the header.
    pub(super) segment: u64,
    pub(super) offset: u64,
}

/// Why a segment is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Useless {
    /// Its header is damaged, and no frame was found.
    Damaged,
    /// It is of a version that is not known.
    Version(u32),
    /// It has another number than its name says.
    Misnamed(u64),
    /// It could not be read at all.
    Unreadable(io::ErrorKind),
}

/// All segments of a directory, by number.
#[derive(Default)]
pub(super) struct Survey {
    pub(super) segments: Vec<Segment>,
    pub(super) useless: Vec<(u64, Useless)>,
    /// What speaks of the snapshot that was asked about.
    pub(super) evidence: Vec<Evidence>,
}

/// A segment with a file that is open, before its frames are looked at.
struct Opened {
    number: u64,
    file: Box<dyn DiskFile>,
    size: u64,
    header: Option<Header>,
    /// The snapshots that its header names.
    bases: Vec<Base>,
}

impl Survey {
    /// Reads the segments with these numbers, which rise.
    pub(super) fn read(
        disk: &dyn Disk,
        names: &Names,
        numbers: impl Iterator<Item = u64>,
        snapshot: Wanted,
    ) -> io::Result<Self> {
        let mut survey = Self::default();
        let mut opened = Vec::new();
        for number in numbers {
            match open(disk, names, number) {
                Ok(segment) => opened.push(segment),
                // That can be helped, and what is in it may still be had.
                Err(Useless::Unreadable(kind @ io::ErrorKind::PermissionDenied)) => {
                    return Err(io::Error::new(kind, format!("{}: {kind}", names.segment(number))));
                }
                Err(useless) => survey.useless.push((number, useless)),
            }
        }
        // Those of the newest journal first, should a header be damaged.
        let mut salts: Vec<u64> = Vec::new();
        for salt in opened.iter().rev().filter_map(|segment| Some(segment.header?.salt)) {
            if !salts.contains(&salt) {
                salts.push(salt);
            }
        }
        for segment in opened {
            survey.scan(segment, &salts, snapshot);
        }
        survey.useless.sort_by_key(|(number, _)| *number);
        Ok(survey)
    }

    fn scan(&mut self, opened: Opened, salts: &[u64], snapshot: Wanted) {
        let Opened { number, file, size, header, bases } = opened;
        let of_header = header.map(|header| [header.salt]);
        for salt in of_header.as_ref().map_or(salts, |salt| salt) {
            let mut evidence = Vec::new();
            let scanned = scan(&*file, (*salt, number), size, |offset, bytes| {
                if let Some((frame, _)) = SnapshotFrame::decode(bytes)
                    && snapshot.may_be(frame.base.identity)
                {
                    if evidence.len() == EVIDENCE_MAX {
                        evidence.remove(0);
                    }
                    evidence.push(Evidence { base: frame.base, salt: *salt, segment: number, offset });
                }
            });
            if header.is_none() && scanned.runs.is_empty() {
                continue;
            }
            for base in bases.into_iter().filter(|base| snapshot.may_be(base.identity)) {
                // All headers behind a snapshot name it, and say the same; where there are many of them, they must not
                // push out the frame that ended it, which says more.
                let is_same = |other: &Evidence| (other.base, other.salt, other.offset) == (base, *salt, 0);
                if !self.evidence.iter().any(is_same) {
                    self.evidence.push(Evidence { base, salt: *salt, segment: number, offset: 0 });
                }
            }
            self.evidence.append(&mut evidence);
            let surplus = self.evidence.len().saturating_sub(EVIDENCE_MAX);
            self.evidence.drain(..surplus);
            self.segments.push(Segment { number, salt: *salt, header, scanned, size });
            return;
        }
        self.useless.push((number, Useless::Damaged));
    }
}

fn open(disk: &dyn Disk, names: &Names, number: u64) -> Result<Opened, Useless> {
    let unreadable = |error: io::Error| Useless::Unreadable(error.kind());
    let file = disk.open(&names.segment(number)).map_err(unreadable)?;
    let size = file.size().map_err(unreadable)?;
    let mut head = vec![0; size.min(FRAMES_AT) as usize];
    let read = read_up_to(&*file, &mut head, 0);
    head.truncate(read);
    let (header, bases) = match Header::decode(&head) {
        Ok((header, _)) if header.segment != number => return Err(Useless::Misnamed(header.segment)),
        Ok((header, other)) => {
            let mut bases = vec![header.base];
            bases.extend(other.filter(|other| *other != header.base));
            (Some(header), bases)
        }
        Err(HeaderError::Damaged) => (None, Vec::new()),
        Err(HeaderError::Version(version)) => return Err(Useless::Version(version)),
    };
    Ok(Opened { number, file, size, header, bases })
}

impl std::fmt::Display for Useless {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Damaged => write!(f, "it is damaged"),
            Self::Version(version) => write!(f, "version {version} of its format is not known"),
            Self::Misnamed(number) => write!(f, "it is segment {number}"),
            Self::Unreadable(kind) => write!(f, "it cannot be read: {kind}"),
        }
    }
}
