//! soak: mixed traffic with clients that come and go, for as long as one likes; meanwhile the broker is looked at, and at the end
//! it has to say of itself what was done to it.

mod churn;
mod member;
mod residents;
mod samples;
mod stage;
mod sys;

use crate::bench::{Bench, Failure};
use crate::clock::{self, MILLISECOND, Nanos, SECOND};
use crate::options::Settings;
use crate::process::Process;
use crate::report::Report;
use churn::Churn;
use mosquitto_mqtt::{ProtocolVersion, QoS};
use residents::Residents;
use samples::{COLUMNS, Sample, Samples, descriptors};
use stage::{Stage, Tally};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, Scope};
use std::time::Duration;
use sys::Sys;

/// How often the broker is looked at, at most.
const LOOK: Nanos = 5 * SECOND;
/// As often it is looked at, at least.
const LOOKS: Nanos = 60;
/// How long it may take until the broker says what is so.
const PATIENCE: Nanos = 45 * SECOND;
/// Pairs of each version and QoS that stay, and their messages a second.
const PAIRS: usize = 2;
const RATE: f64 = 40.0;
/// How long nothing may come of what is under way before it is lost, in seconds.
const DRAIN_S: f64 = 10.0;
/// Descriptors that may be open at the end and were not at the beginning.
const DESCRIPTORS: usize = 2;

/// What the broker looked like before and after.
#[derive(Debug)]
struct Course {
    samples: Samples,
    tally: Tally,
    /// What `$SYS` said that is not so, in sentences.
    inconsistent: Vec<String>,
    left_behind: Vec<String>,
    descriptors_before: usize,
    descriptors_after: usize,
    /// Seconds of traffic.
    wall_s: f64,
}

pub(crate) fn run(bench: &mut Bench) -> Result<Report, Failure> {
    let process = bench.process().ok_or_else(|| Failure("The broker's process has to be given (--pid).".to_owned()))?;
    let mut sys = Sys::begin(bench)?;
    let before = sys.settled(bench)?;
    let (stage, usage, descriptors_before) = (Stage::default(), bench.usage()?, descriptors(process));
    let parts = parts(&bench.settings)?;
    let count = parts.len();
    let mut course = thread::scope(|scope| {
        let (tell, told) = mpsc::channel();
        for (kind, part) in parts {
            start(scope, kind, part, &stage, &tell);
        }
        drop(tell);
        let course = watch(bench, process, &mut sys, &before, &stage, &told, count);
        // Whatever came of it: the threads wait for that.
        stage.end();
        // Who fails now has left something behind.
        let course = course?;
        told.iter().find_map(Result::err).map_or(Ok(course), Err)
    })?;
    let usage = usage.zip(bench.usage()?);
    course.left_behind = sys.returns_to(bench, &before)?;
    (course.descriptors_before, course.descriptors_after) = (descriptors_before, descriptors(process));
    sys.end(bench)?;
    if let Some(path) = &bench.settings.samples {
        course.samples.write(path)?;
    }
    let mut report = Report::default();
    tell(&course, bench, &mut report);
    report.usage(usage, course.wall_s, "deliveries_per_broker_cpu_s", course.tally.heard);
    Ok(report)
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Residents,
    Churn,
}

/// Each with connections of its own.
fn parts(settings: &Settings) -> Result<Vec<(Kind, Bench)>, Failure> {
    let mut parts = Vec::new();
    let mut settings = settings.clone();
    settings.drain_s = DRAIN_S;
    for version in [ProtocolVersion::V311, ProtocolVersion::V5] {
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            parts.push((Kind::Residents, Bench::new(settings.of_pairs(version, qos, PAIRS, RATE))?));
        }
        parts.push((Kind::Churn, Bench::new(settings.of_pairs(version, QoS::AtMostOnce, PAIRS, RATE))?));
    }
    Ok(parts)
}

fn start<'scope>(
    scope: &'scope Scope<'scope, '_>,
    kind: Kind,
    part: Bench,
    stage: &'scope Stage,
    tell: &Sender<Result<Tally, Failure>>,
) {
    let tell = tell.clone();
    scope.spawn(move || match kind {
        Kind::Residents => stage::run::<Residents>(part, stage, &tell),
        Kind::Churn => stage::run::<Churn>(part, stage, &tell),
    });
}

fn watch(
    bench: &mut Bench,
    process: Process,
    sys: &mut Sys,
    before: &sys::Values,
    stage: &Stage,
    told: &Receiver<Result<Tally, Failure>>,
    count: usize,
) -> Result<Course, Failure> {
    let (start, seconds) = (clock::now(), bench.settings.seconds);
    let end = start + clock::from_seconds(seconds);
    let every = (clock::from_seconds(seconds) / LOOKS).clamp(50 * MILLISECOND, LOOK);
    let (mut samples, mut next) = (Samples::default(), start + every);
    while clock::now() < end {
        sys.listen(bench, next.min(end))?;
        // Nobody has anything to tell yet, but for what stops the whole run.
        if let Some(failure) = told.try_iter().find_map(Result::err) {
            return Err(failure);
        }
        if clock::now() >= next {
            next += every;
            let usage = bench.usage()?.ok_or_else(|| Failure("The broker's process has ended.".to_owned()))?;
            let sys = COLUMNS.iter().map(|column| sys.text(column)).collect();
            let second = clock::seconds(clock::now() - start);
            samples.push(Sample { second, usage, descriptors: descriptors(process), sys });
            bench.progress.tell("samples", samples.len() as u64, "");
        }
    }
    bench.progress.end();
    let wall_s = clock::seconds(clock::now() - start);
    stage.rest();
    let mut tally = Tally::default();
    for _ in 0..count {
        tally.add(&next_tally(bench, sys, told)?);
    }
    let inconsistent = sys.agrees(bench, before, &tally)?;
    Ok(Course {
        samples,
        tally,
        inconsistent,
        left_behind: Vec::new(),
        descriptors_before: 0,
        descriptors_after: 0,
        wall_s,
    })
}

/// Waits for what one thread has to say, without leaving the broker's messages unread.
fn next_tally(bench: &mut Bench, sys: &mut Sys, told: &Receiver<Result<Tally, Failure>>) -> Result<Tally, Failure> {
    let end = clock::now() + PATIENCE;
    loop {
        match told.recv_timeout(Duration::from_millis(20)) {
            Ok(tally) => return tally,
            Err(RecvTimeoutError::Timeout) if clock::now() < end => sys.listen(bench, clock::now())?,
            Err(_) => return Err(Failure("A thread of clients does not come to an end.".to_owned())),
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
fn tell(course: &Course, bench: &Bench, report: &mut Report) {
    let Course { samples, tally, .. } = course;
    report.measure("wall_s", "measured", "s", course.wall_s);
    report.count("samples", "samples", samples.len() as u64);
    report.count("published", "messages published", tally.published);
    report.count("received", "messages received", tally.heard);
    report.count("arrivals", "clients that came", tally.arrivals);
    report.count("wills", "clients gone without a word, with a will", tally.wills);
    report.measure(
        "latency_worst_p99_us",
        "latency among those who stay, worst second's 99 %",
        "us",
        tally.worst_p99_us,
    );
    report.measure("latency_max_us", "latency among those who stay, longest", "us", tally.longest_us);
    let resident = samples.trend(|sample| sample.usage.resident_kib as f64);
    report.measure("rss_growth_kib", "broker, resident KiB more over the last three quarters", "", resident.growth);
    report.measure("rss_growth_kib_per_hour", "broker, resident KiB more an hour", "", resident.per_hour);
    report.count("rss_growth_most_kib", "allowed, over the last three quarters", bench.settings.growth_kib);
    let heap = samples.trend(|sample| sys::number(sample, "heap/current"));
    report.measure("heap_growth_bytes_per_hour", "broker, heap bytes more an hour", "", heap.per_hour);
    report.count("descriptors_before", "broker, descriptors before", course.descriptors_before as u64);
    report.count("descriptors_most", "broker, descriptors at most", samples.most_descriptors() as u64);
    report.count("descriptors_after", "broker, descriptors after", course.descriptors_after as u64);
    let wrong = &tally.wrong;
    report.fault("lost", "lost", wrong.lost);
    report.fault("duplicated", "duplicated", wrong.repeated);
    report.fault("other", "out of order, damaged or refused", wrong.other);
    report.fault("sessions_lost", "sessions lost", wrong.sessions_lost);
    report.fault("sessions_not_ended", "sessions kept too long", wrong.sessions_kept_too_long);
    report.fault("wills_missing", "wills missing", wrong.wills_missing);
    report.fault("connections_lost", "connections cut off", wrong.cut_off);
    if let Some(first) = &wrong.first {
        report.word("first_fault", "what went wrong first", first);
    }
    let is_growing = resident.growth > bench.settings.growth_kib as f64;
    report.fault("rss_grows", "growth of resident memory beyond what is allowed", u64::from(is_growing));
    let leaked = course.descriptors_after.saturating_sub(course.descriptors_before + DESCRIPTORS);
    report.fault("descriptors_leaked", "descriptors left open", leaked as u64);
    for (key, label, texts) in [
        ("sys_inconsistent", "figures of $SYS that are not so", &course.inconsistent),
        ("left_behind", "figures of $SYS that do not return", &course.left_behind),
    ] {
        report.fault(key, label, texts.len() as u64);
        if !texts.is_empty() {
            report.word(
                if key == "left_behind" { "left_behind_text" } else { "sys_inconsistent_text" },
                label,
                &texts.join("; "),
            );
        }
    }
}
