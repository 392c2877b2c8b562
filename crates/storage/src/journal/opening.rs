//! Whose the segments are, and what becomes of each.

use super::layout::{Base, Place, SnapshotFrame};
use super::names::Names;
use super::plan::Plan;
use super::recovery::{Kept, Recovery};
use super::report::{Continues, Report};
use super::scan::Window;
use super::survey::{Evidence, Segment, Survey, Useless, Wanted};
use super::{Disk, Identity};
use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

/// What is needed to open a journal. Opening reads, and changes nothing.
pub struct Opening {
    /// The directory.
    pub disk: Arc<dyn Disk>,
    /// The name of the database's file, without a path.
    pub database: String,
    /// The identity of the database that was read; [`Identity::NONE`] if there is none.
    pub snapshot: Identity,
    /// Whether something in the database could not be read. Then its identity says nothing, and the newest journal is taken
    /// for that which continues it.
    pub snapshot_is_damaged: bool,
    /// The size of new segments in bytes.
    pub segment_bytes: u64,
    /// Seconds since 1970, for the names of what is set aside.
    pub wall_clock_s: i64,
    /// A random number, should a new journal begin.
    pub salt: u64,
}

impl Opening {
    /// Looks at all that is there. Fails only where the directory cannot be read, or a segment may not: what is wrong inside of
    /// files is in the report.
    pub fn open(self) -> io::Result<Recovery> {
        let names = Names::new(&self.database);
        let listed = self.disk.list()?;
        let numbers: BTreeSet<u64> = listed.iter().filter_map(|name| names.number(name)).collect();
        let wanted = Wanted { identity: self.snapshot, is_damaged: self.snapshot_is_damaged };
        let survey = Survey::read(&*self.disk, &names, numbers.iter().copied(), wanted)?;
        let mut report = Report::default();
        let chosen = choose(&survey, self.snapshot, &mut report);
        let leftovers = listed.into_iter().filter(|name| *name == names.spare() || *name == names.new_database());
        let mut recovery = Recovery {
            leftovers: leftovers.collect(),
            salt: self.salt,
            base: Base { identity: self.snapshot, sequence: 1 },
            next_segment: numbers.last().map_or(1, |last| last.saturating_add(1)),
            plan: Plan { next: 1, ..Plan::default() },
            kept: Vec::new(),
            aside: Vec::new(),
            snapshot_payload: None,
            segment_bytes: self.segment_bytes,
            disk: self.disk,
            names,
            report,
        };
        recovery.set_aside(&survey, chosen.as_ref().map(|(evidence, _)| evidence.salt), self.wall_clock_s);
        match chosen {
            None if numbers.is_empty() => {}
            None => recovery.report.continues = Continues::Another,
            Some((evidence, plan)) => recovery.follow(evidence, plan, self.wall_clock_s),
        }
        Ok(recovery)
    }
}

/// The journal that continues the snapshot: the newest, should there be several, and the place in it that says so.
fn choose<'a>(survey: &'a Survey, snapshot: Identity, report: &mut Report) -> Option<(&'a Evidence, Plan)> {
    let newest = |salt| survey.segments.iter().rev().find(|segment| segment.salt == salt).map(|segment| segment.number);
    let mut evidence: Vec<&Evidence> = survey.evidence.iter().collect();
    evidence.sort_by_key(|place| {
        let identity = place.base.identity;
        // Where the database is damaged, its length may still be right.
        let likeness = (identity == snapshot, newest(place.salt), identity.size == snapshot.size);
        (likeness, place.base.sequence, place.offset > 0, place.segment)
    });
    evidence.into_iter().rev().find_map(|place| {
        let segments: Vec<&Segment> = survey.segments.iter().filter(|segment| segment.salt == place.salt).collect();
        let mut found = report.clone();
        let plan = Plan::new(&segments, place, &mut found)?;
        *report = found;
        Some((place, plan))
    })
}

impl Recovery {
    /// Finds names for the segments that do not belong to the journal with this salt.
    fn set_aside(&mut self, survey: &Survey, salt: Option<u64>, wall_clock_s: i64) {
        for (number, useless) in &survey.useless {
            let why = if matches!(useless, Useless::Version(_)) { "version" } else { "damaged" };
            self.set_aside_one(*number, why, wall_clock_s, &useless.to_string());
            if *useless == Useless::Damaged {
                self.report.damaged_places += 1;
            }
        }
        for segment in survey.segments.iter().filter(|segment| Some(segment.salt) != salt) {
            let reason = format!("it does not continue this {}", self.names.database());
            self.set_aside_one(segment.number, "stale", wall_clock_s, &reason);
        }
    }

    fn set_aside_one(&mut self, number: u64, why: &str, wall_clock_s: i64, reason: &str) {
        let name = self.names.aside(number, why, wall_clock_s);
        self.report.line(format!("segment {number} of the journal is set aside as {name}: {reason}"));
        self.report.set_aside.push(name.clone());
        self.aside.push((number, name));
    }

    /// What the owner had to say about the snapshot, if the frame that ended it is there.
    fn payload_of(&self, evidence: &Evidence) -> Option<Vec<u8>> {
        if evidence.offset == 0 {
            return None;
        }
        let file = self.disk.open(&self.names.segment(evidence.segment)).ok()?;
        let mut window = Window::new(file.size().ok()?);
        let place = Place { salt: evidence.salt, segment: evidence.segment, offset: evidence.offset };
        let (_, bytes) = window.frame(&*file, place)?;
        SnapshotFrame::decode(bytes).map(|(_, payload)| payload.to_vec())
    }

    fn follow(&mut self, evidence: &Evidence, plan: Plan, wall_clock_s: i64) {
        self.report.continues = Continues::Snapshot;
        if self.base.identity != evidence.base.identity {
            let database = self.names.database();
            self.report.line(format!("{database} is damaged: what the journal says is applied to what is left of it"));
        }
        self.salt = evidence.salt;
        // Under its own identity, should it be damaged: it is what new segments continue.
        self.base.sequence = evidence.base.sequence;
        self.snapshot_payload = self.payload_of(evidence);
        for number in &plan.behind {
            self.set_aside_one(*number, "torn", wall_clock_s, "it is behind the end of the journal");
        }
        for &(number, damaged) in &plan.kept {
            let aside = damaged.then(|| self.names.aside(number, "damaged", wall_clock_s));
            if let Some(name) = &aside {
                self.report.line(format!(
                    "segment {number} of the journal is damaged: after the next snapshot it is set aside as {name}"
                ));
                self.report.set_aside.push(name.clone());
            }
            self.kept.push(Kept { number, aside });
        }
        self.plan = plan;
    }
}
