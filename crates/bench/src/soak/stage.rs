//! How far the run is, for all of its threads, and what each of them has to say.

use crate::bench::{Bench, Failure};
use crate::net::Net;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::Sender;

const RUNNING: u8 = 0;
const AT_REST: u8 = 1;
const OVER: u8 = 2;

/// First everything flows; then nothing does, so that it can be counted; then everybody leaves.
#[derive(Debug, Default)]
pub(super) struct Stage(AtomicU8);

impl Stage {
    pub(super) fn is_running(&self) -> bool {
        self.0.load(Ordering::Acquire) == RUNNING
    }

    pub(super) fn is_over(&self) -> bool {
        self.0.load(Ordering::Acquire) == OVER
    }

    pub(super) fn rest(&self) {
        self.0.fetch_max(AT_REST, Ordering::AcqRel);
    }

    pub(super) fn end(&self) {
        self.0.fetch_max(OVER, Ordering::AcqRel);
    }
}

/// What should be at the broker because of one thread, while nothing flows, and what has flown.
#[derive(Debug, Default, Clone)]
pub(super) struct Tally {
    pub(super) connected: u64,
    /// Sessions, those of clients that are away included.
    pub(super) sessions: u64,
    pub(super) subscriptions: u64,
    pub(super) shared_subscriptions: u64,
    pub(super) retained: u64,
    /// PUBLISH packets that went out and came in.
    pub(super) published: u64,
    pub(super) heard: u64,
    pub(super) bytes_written: u64,
    pub(super) bytes_read: u64,
    /// How often a client came, and how often one was gone without a word although it had a will.
    pub(super) arrivals: u64,
    pub(super) wills: u64,
    /// The longest that a message has taken, and of stretches of a few seconds the worst 99th percentile; 0: not measured.
    pub(super) longest_us: f64,
    pub(super) worst_p99_us: f64,
    pub(super) wrong: Wrong,
}

/// What went wrong, by how often.
#[derive(Debug, Default, Clone)]
pub(super) struct Wrong {
    pub(super) lost: u64,
    pub(super) repeated: u64,
    /// Out of order, damaged, misrouted, refused, or a packet that should not have come.
    pub(super) other: u64,
    pub(super) sessions_lost: u64,
    pub(super) sessions_kept_too_long: u64,
    pub(super) wills_missing: u64,
    pub(super) cut_off: u64,
    /// What was first.
    pub(super) first: Option<String>,
}

impl Wrong {
    pub(super) fn note(&mut self, what: &str) {
        self.first.get_or_insert_with(|| what.to_owned());
    }
}

impl Tally {
    pub(super) fn with_flow_of(self, net: &Net) -> Self {
        let counted = net.counted;
        let (bytes_written, bytes_read, heard) = (counted.bytes_written, counted.bytes_read, counted.publishes_read);
        Self { heard, bytes_written, bytes_read, ..self }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.connected += other.connected;
        self.sessions += other.sessions;
        self.subscriptions += other.subscriptions;
        self.shared_subscriptions += other.shared_subscriptions;
        self.retained += other.retained;
        self.published += other.published;
        self.heard += other.heard;
        self.bytes_written += other.bytes_written;
        self.bytes_read += other.bytes_read;
        self.arrivals += other.arrivals;
        self.wills += other.wills;
        self.longest_us = self.longest_us.max(other.longest_us);
        self.worst_p99_us = self.worst_p99_us.max(other.worst_p99_us);
        self.wrong.lost += other.wrong.lost;
        self.wrong.repeated += other.wrong.repeated;
        self.wrong.other += other.wrong.other;
        self.wrong.sessions_lost += other.wrong.sessions_lost;
        self.wrong.sessions_kept_too_long += other.wrong.sessions_kept_too_long;
        self.wrong.wills_missing += other.wrong.wills_missing;
        self.wrong.cut_off += other.wrong.cut_off;
        if let Some(first) = &other.wrong.first {
            self.wrong.note(first);
        }
    }
}

/// One kind of clients, with a thread of its own.
pub(super) trait Part: Sized {
    fn begin(bench: &mut Bench) -> Result<Self, Failure>;
    /// Some time of traffic, at most a few seconds.
    fn flow(&mut self, bench: &mut Bench) -> Result<(), Failure>;
    /// Brings all under way to its end, and says what there is then.
    fn rest(&mut self, bench: &mut Bench) -> Result<Tally, Failure>;
    /// Waits for a moment, without traffic.
    fn wait(&mut self, bench: &mut Bench) -> Result<(), Failure>;
    /// Leaves nothing behind.
    fn end(&mut self, bench: &mut Bench) -> Result<(), Failure>;
}

/// Runs one part. `tell` gets its tally, or why there is none.
pub(super) fn run<P: Part>(mut bench: Bench, stage: &Stage, tell: &Sender<Result<Tally, Failure>>) {
    let mut run = || -> Result<(), Failure> {
        let mut part = P::begin(&mut bench)?;
        while stage.is_running() {
            part.flow(&mut bench)?;
        }
        let tally = part.rest(&mut bench)?.with_flow_of(&bench.net);
        // Who does not listen any more has given up.
        let _ = tell.send(Ok(tally));
        while !stage.is_over() {
            part.wait(&mut bench)?;
        }
        part.end(&mut bench)
    };
    if let Err(failure) = run() {
        let _ = tell.send(Err(failure));
    }
}
