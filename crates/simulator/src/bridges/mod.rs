//! Brokers joined by bridges, whose connections break: `--bridges`.
//!
//! Two to four brokers of some shards each stand in a row or a star. Each bridge between two of them is driven as a worker of
//! the server drives it, over a network that stalls, breaks in the middle of packets, refuses, says nothing, and lets its ends
//! know late. Clients publish numbered messages; at each broker one client sees all that the broker is told. What each message is
//! at each broker is worked out from the lines of the bridges, by other code than theirs, and so is how often it may come.

mod book;
mod client;
mod joint;
mod node;
mod plan;
mod publish;
mod rest;
mod wire;
mod world;

use crate::{Failure, Kind, Lived, recorded, seed_of};
use world::World;

/// Steps of a life.
const LIFE_STEPS: u64 = 4000;

/// Steps after which everything is brought to rest and checked as a whole.
const SETTLE_STEPS: u64 = 1000;

/// What a run was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Steps.
    pub steps: u64,
    /// Connections of clients and bridges that broke.
    pub breaks: u64,
    /// Connections of bridges that remote brokers accepted.
    pub connections: u64,
    /// Messages that came to a broker over a bridge.
    pub crossings: u64,
    /// How often everything was checked as a whole.
    pub settled: u64,
}

impl Counts {
    fn add(&mut self, other: Counts) {
        self.steps += other.steps;
        self.breaks += other.breaks;
        self.connections += other.connections;
        self.crossings += other.crossings;
        self.settled += other.settled;
    }
}

/// Runs `steps` steps of the simulation of bridges that this seed means.
///
/// # Errors
/// The first violation, with the steps that led to it.
pub fn run_bridges(seed: u64, steps: u64) -> Result<Counts, Box<Failure>> {
    let mut counts = Counts::default();
    let mut life = 0;
    while counts.steps < steps {
        counts.add(run_bridged_life(seed, life, steps - counts.steps)?);
        life += 1;
    }
    Ok(counts)
}

/// Runs one life of a run, its `life`th from 0, for up to 4,000 steps.
///
/// # Errors
/// The first violation, with the steps that led to it.
pub fn run_bridged_life(seed: u64, life: u64, steps: u64) -> Result<Counts, Box<Failure>> {
    let steps = steps.min(LIFE_STEPS);
    recorded(seed, life * LIFE_STEPS, Kind::Bridges, |traced| live(seed_of(seed, life), steps, traced))
}

fn live(seed: u64, steps: u64, traced: bool) -> Lived<Counts> {
    let mut world = World::new(seed, traced);
    let mut run = || {
        world.begin()?;
        for step in 1..=steps {
            world.step()?;
            if step % SETTLE_STEPS == 0 {
                world.settle()?;
            }
        }
        world.finish()
    };
    match run() {
        Ok(()) => Ok(world.counts),
        Err(violation) => {
            world.note(|_| "found".to_owned());
            Err((world.counts.steps, world.trace.unwrap_or_default(), violation))
        }
    }
}
