//! The broker under a seeded storm of clients, beside a naive model of the specification.
//!
//! [`run`] lets clients of all versions do what clients do, and what networks do to them, on several shards under a
//! fake clock: they stall, break off in the middle of a packet, come back, take each other over, let sessions expire,
//! leave wills. After every step, what they see is held against the model. All chance comes from the seed.
//! `docs/simulator.md` names each invariant.

#![allow(
    clippy::indexing_slicing,
    reason = "the numbers are the simulator's own; where they are wrong, it has to stop"
)]

mod actions;
mod arrival;
mod bridges;
mod client;
mod crashes;
mod link;
mod message;
mod model;
mod network;
mod observe;
mod random;
mod retained;
mod session;
mod settle;
mod simulation;
mod taken;
mod violation;

pub use bridges::{Counts as BridgeCounts, run_bridged_life, run_bridges};
pub use crashes::{Counts as CrashCounts, run_crashes, run_crashing_life};
pub use simulation::Counts;
pub use violation::Violation;

use simulation::Simulation;
use std::fmt;

/// Steps of one broker's life; then everything is brought to rest, everybody leaves, and a new one begins.
const LIFE_STEPS: u64 = 4000;

/// Steps after which everything is brought to rest and checked as a whole.
const SETTLE_STEPS: u64 = 1000;

/// Lines of what happened before a violation that are shown.
const TRACE_LINES: usize = 60;

/// A run that found something.
#[derive(Debug)]
pub struct Failure {
    /// The seed of the run.
    pub seed: u64,
    /// The step of the run at which it was found.
    pub step: u64,
    /// What is wrong.
    pub violation: Violation,
    /// All that happened in the life of that broker, oldest first. Its end is shown.
    pub trace: Vec<String>,
    /// Which simulation it was.
    pub kind: Kind,
}

/// The simulations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A broker under a storm of clients.
    Clients,
    /// Brokers that crash.
    Crashes,
    /// Brokers that are joined by bridges.
    Bridges,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.trace.iter().skip(self.trace.len().saturating_sub(TRACE_LINES)) {
            writeln!(f, "{line}")?;
        }
        writeln!(f, "seed {} step {}: {}", self.seed, self.step, self.violation)?;
        let option = match self.kind {
            Kind::Clients => "",
            Kind::Crashes => "--crashes ",
            Kind::Bridges => "--bridges ",
        };
        let (seed, step) = (self.seed, self.step);
        write!(f, "again: cargo run --release -p mosquitto-simulator -- {option}--seed {seed} --steps {step}")
    }
}

/// What came of a life, or where it failed: the step, what led there if that was recorded, and the violation.
pub(crate) type Lived<C> = Result<C, (u64, Vec<String>, Violation)>;

/// Runs a life that begins behind `before` steps of its run; where it fails, once more with a record of it.
pub(crate) fn recorded<C>(
    seed: u64,
    before: u64,
    kind: Kind,
    live: impl Fn(bool) -> Lived<C>,
) -> Result<C, Box<Failure>> {
    live(false).map_err(|(step, _, violation)| {
        let trace = match live(true) {
            Err((_, trace, again)) if again == violation => trace,
            _ => vec!["(the second run found something else: it depends on more than the seed)".to_owned()],
        };
        Box::new(Failure { seed, step: before + step, violation, trace, kind })
    })
}

/// Runs `steps` steps of the simulation that this seed means.
///
/// # Errors
/// The first violation, with the steps that led to it.
pub fn run(seed: u64, steps: u64) -> Result<Counts, Box<Failure>> {
    let mut counts = Counts::default();
    let mut life = 0;
    while counts.steps < steps {
        let length = LIFE_STEPS.min(steps - counts.steps);
        let seed_of_life = seed_of(seed, life);
        match live(seed_of_life, length, false) {
            Ok(of_life) => counts.add(of_life),
            Err((step, _, violation)) => {
                // The same again, with a record of it.
                let trace = match live(seed_of_life, length, true) {
                    Err((_, trace, _)) => trace,
                    Ok(_) => vec!["(the second run found nothing: it depends on more than the seed)".to_owned()],
                };
                return Err(Box::new(Failure {
                    seed,
                    step: counts.steps + step,
                    violation,
                    trace,
                    kind: Kind::Clients,
                }));
            }
        }
        life += 1;
    }
    Ok(counts)
}

/// The seed of a run's life: lives are seeds of their own.
fn seed_of(seed: u64, life: u64) -> u64 {
    seed.wrapping_mul(0x0100_0000_01b3).wrapping_add(life)
}

/// Runs one life of a run: its `life`th broker, from 0, for up to 4,000 steps.
///
/// # Errors
/// The first violation, with the steps that led to it.
pub fn run_life(seed: u64, life: u64, steps: u64) -> Result<Counts, Box<Failure>> {
    let steps = steps.min(LIFE_STEPS);
    live(seed_of(seed, life), steps, true).map_err(|(step, trace, violation)| {
        Box::new(Failure { seed, step: life * LIFE_STEPS + step, violation, trace, kind: Kind::Clients })
    })
}

type Found = (u64, Vec<String>, Violation);

/// One broker from its first connection to its last.
fn live(seed: u64, steps: u64, traced: bool) -> Result<Counts, Found> {
    let mut simulation = Simulation::new(seed, traced);
    let mut run = || {
        for step in 1..=steps {
            simulation.step()?;
            if step % SETTLE_STEPS == 0 {
                simulation.settle()?;
            }
        }
        simulation.finish()
    };
    match run() {
        Ok(()) => Ok(Counts { wills: simulation.model.wills_published, ..simulation.counts }),
        Err(violation) => Err((simulation.counts.steps, simulation.trace.unwrap_or_default(), violation)),
    }
}

impl Counts {
    fn add(&mut self, other: Counts) {
        self.steps += other.steps;
        self.deliveries += other.deliveries;
        self.connections += other.connections;
        self.wills += other.wills;
        self.settled += other.settled;
    }
}
