//! The loads, declared once: for the parser, the usage text and the documents.

mod flood;
mod hash;
mod large;
mod reconnect;
mod retained;
mod stall;
mod subscriptions;
mod topics;

use super::crowd::Crowd;
use crate::arrivals::{self, Caller, Client};
use crate::bench::{Bench, Failure};
use crate::clock::{self, Nanos, SECOND};
use crate::report::Report;
use mosquitto_mqtt::QoS;

/// How long nothing may come of what was asked.
const PATIENCE: Nanos = 60 * SECOND;

/// What is too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    Stall,
    Reconnect,
    Flood,
    Hash,
    Retained,
    Topics,
    Subscriptions,
    Large,
}

/// The names of all of them.
pub(crate) const ALL: &[&str] =
    &["stall", "reconnect", "flood", "hash", "retained", "topics", "subscriptions", "large"];

const LOADS: [Load; 8] = [
    Load::Stall,
    Load::Reconnect,
    Load::Flood,
    Load::Hash,
    Load::Retained,
    Load::Topics,
    Load::Subscriptions,
    Load::Large,
];

impl Load {
    pub(crate) fn named(name: &str) -> Option<Self> {
        let place = ALL.iter().position(|known| *known == name)?;
        LOADS.get(place).copied()
    }

    pub(super) fn name(self) -> &'static str {
        let place = LOADS.iter().position(|known| *known == self);
        place.and_then(|place| ALL.get(place)).copied().unwrap_or_default()
    }

    /// How many of what it is about there are, if nothing else is said.
    pub(crate) fn count(self) -> usize {
        match self {
            Load::Stall | Load::Hash | Load::Topics => 10,
            Load::Reconnect => 10_000,
            Load::Flood => 4,
            Load::Retained => 1_000_000,
            Load::Subscriptions => 100_000,
            Load::Large => 8,
        }
    }

    pub(super) fn run(self, bench: &mut Bench, report: &mut Report) -> Result<(), Failure> {
        match self {
            Load::Stall => stall::run(bench, report),
            Load::Reconnect => reconnect::run(bench, report),
            Load::Flood => flood::run(bench, report),
            Load::Hash => hash::run(bench, report),
            Load::Retained => retained::run(bench, report),
            Load::Topics => topics::run(bench, report),
            Load::Subscriptions => subscriptions::run(bench, report),
            Load::Large => large::run(bench, report),
        }
    }
}

/// So many clients of a kind; `filter`: what each subscribes to, if anything.
fn come(
    bench: &mut Bench,
    kind: char,
    count: usize,
    qos: QoS,
    filter: impl Fn(usize) -> Option<String>,
) -> Result<Vec<Client>, Failure> {
    let callers: Vec<_> = (0..count)
        .map(|i| Caller { id: bench.client_id(kind, i), filters: filter(i).into_iter().collect(), ..Caller::default() })
        .collect();
    arrivals::arrive(bench, &callers, qos)
}

/// Turns until `done`, as long as `steps` tells of progress.
fn until(
    bench: &mut Bench,
    crowd: &mut Crowd,
    steps: impl Fn(&Crowd) -> u64,
    done: impl Fn(&Bench, &Crowd) -> bool,
) -> Result<bool, Failure> {
    let (mut last, mut moved) = (steps(crowd), clock::now());
    while !done(bench, crowd) {
        bench.turn(crowd, Bench::soon())?;
        let now = steps(crowd);
        if now != last {
            (last, moved) = (now, clock::now());
        } else if clock::now() > moved + PATIENCE {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What was wrong with the load itself.
fn tell(crowd: &Crowd, report: &mut Report) {
    report.fault("refused", "refused", crowd.refused);
    report.fault("connections_lost", "connections cut off", crowd.cut_off);
    if let Some(why) = &crowd.why {
        report.word("first_fault", "why the first was cut off", why);
    }
}
