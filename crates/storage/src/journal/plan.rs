//! What of a journal is replayed, what is cut, and what is missing.
//!
//! A frame that is missing in front of others may have two reasons. If it had been on disk, it was damaged since: what
//! stands behind it is used all the same. If it had not, the broker or the machine stopped while it and others were
//! written, in an order that nobody knows: the journal ends in front of it, as if none of them had been written. What had
//! been on disk is known from what was written later: each frame, and each header of a segment, says so.

use super::layout::{FRAMES_AT, NUMBER_MAX};
use super::report::Report;
use super::survey::{Evidence, Segment};
use std::collections::BTreeSet;

/// A part of a segment to replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Replay {
    pub(super) segment: u64,
    /// The whole run in bytes.
    pub(super) start: u64,
    pub(super) end: u64,
    /// The sequence numbers to replay; the second is behind the last.
    pub(super) from: u64,
    pub(super) until: u64,
}

/// What is to be done with a journal.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) replays: Vec<Replay>,
    /// Segments that stay until the next snapshot, and whether they are damaged.
    pub(super) kept: Vec<(u64, bool)>,
    /// Segments that the snapshot has made superfluous.
    pub(super) superseded: Vec<u64>,
    /// Segments behind the end.
    pub(super) behind: Vec<u64>,
    /// The last segment that stays, and how many bytes of it.
    pub(super) tail: Option<(u64, u64)>,
    /// The sequence number of the next frame.
    pub(super) next: u64,
}

impl Plan {
    /// For the segments of one journal, by number. `None` if the evidence itself is behind the end, or if the numbers
    /// come to theirs.
    pub(super) fn new(segments: &[&Segment], evidence: &Evidence, report: &mut Report) -> Option<Self> {
        // All up to this was on disk once.
        let synced = segments
            .iter()
            .map(|segment| {
                segment.scanned.synced.max(segment.header.map_or(0, |header| header.first.saturating_sub(1)))
            })
            .max()
            .unwrap_or_default();
        let mut walk = Walk { synced, expected: evidence.base.sequence, plan: Self::default(), report };
        let mut end = None;
        for (index, segment) in segments.iter().enumerate() {
            let later = segments.get(index + 1..).unwrap_or_default();
            let limit = later.iter().filter_map(|later| Some(later.header?.first)).min().unwrap_or(u64::MAX);
            if limit <= evidence.base.sequence {
                walk.plan.superseded.push(segment.number);
            } else if end.is_some() {
                walk.plan.behind.push(segment.number);
            } else {
                end = walk.segment(segment, limit, later.is_empty());
            }
        }
        if let Some((segment, offset)) = end
            && (evidence.segment, evidence.offset) >= (segment, offset)
            && evidence.offset > 0
        {
            return None;
        }
        let used: BTreeSet<u64> = walk.plan.replays.iter().map(|replay| replay.segment).collect();
        walk.report.segments = used.len() as u64;
        walk.finish();
        // No journal gets that far, and it could not go on from there.
        (walk.plan.next <= NUMBER_MAX / 2).then_some(walk.plan)
    }
}

struct Walk<'a> {
    synced: u64,
    /// The sequence number that comes next.
    expected: u64,
    plan: Plan,
    report: &'a mut Report,
}

impl Walk<'_> {
    /// Returns the place where the journal ends, if that is here.
    fn segment(&mut self, segment: &Segment, limit: u64, last: bool) -> Option<(u64, u64)> {
        let mut keep = FRAMES_AT;
        let mut damaged = segment.header.is_none();
        for run in &segment.scanned.runs {
            let is_own = run.first == run.next;
            if run.first >= limit.saturating_add(u64::from(is_own)) {
                // Written before a start cut it off.
                break;
            }
            let (from, until) = (run.first.max(self.expected), run.next.min(limit));
            if run.first > self.expected {
                if run.first - 1 > self.synced {
                    return Some(self.cut(segment, keep, damaged));
                }
                self.missing(run.first, segment.number);
            }
            if run.start > keep {
                self.damage(segment, keep, run.start);
                damaged = true;
            }
            keep = run.end;
            if from < until {
                self.plan.replays.push(Replay { segment: segment.number, start: run.start, end: run.end, from, until });
                self.report.frames += until - from;
                self.report.bytes += run.end - run.start;
                self.expected = until;
            }
        }
        if last {
            return Some(self.cut(segment, keep, damaged));
        }
        if let Some(dirty_until) = segment.scanned.dirty_until
            && self.expected < limit
        {
            self.damage(segment, keep, dirty_until);
            damaged = true;
        }
        self.plan.kept.push((segment.number, damaged));
        None
    }

    fn cut(&mut self, segment: &Segment, keep: u64, damaged: bool) -> (u64, u64) {
        self.plan.kept.push((segment.number, damaged));
        self.plan.tail = Some((segment.number, keep.min(segment.size)));
        let end = segment.scanned.dirty_until.unwrap_or_else(|| segment.scanned.end()).max(keep);
        if end > keep {
            let bytes = end - keep;
            self.report.torn_bytes += bytes;
            self.report.line(format!(
                "the journal ends at byte {keep} of segment {}: the {bytes} bytes behind that were not written completely",
                segment.number
            ));
        }
        (segment.number, keep)
    }

    /// All frames up to `next` are gone, which had been there.
    fn missing(&mut self, next: u64, segment: u64) {
        let count = next - self.expected;
        self.report.missing += count;
        let (first, last) = (self.expected, next - 1);
        self.report.line(format!(
            "{count} frames of the journal are lost, numbers {first} to {last}, before or in segment {segment}"
        ));
        self.expected = next;
    }

    fn damage(&mut self, segment: &Segment, from: u64, to: u64) {
        self.report.damaged_places += 1;
        self.report.damaged_bytes += to - from;
        self.report.line(format!("segment {} of the journal is damaged: bytes {from} to {}", segment.number, to - 1));
    }

    fn finish(&mut self) {
        if self.synced >= self.expected {
            let segment = self.plan.tail.map_or(0, |(segment, _)| segment);
            self.missing(self.synced + 1, segment);
        }
        self.plan.next = self.expected;
    }
}
