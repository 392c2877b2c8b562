//! Brokers that crash, and what their clients see of it: `--crashes`.
//!
//! A broker of some shards is driven together with its journal over a disk in memory. Now and then all of it is thrown away but
//! what such a disk may have kept, and another broker, of another number of shards, starts with that. Clients know nothing
//! but what they sent and got, as real ones; each keeps a book of it, and the books must come out.

#![allow(clippy::single_match_else, reason = "both cases say what they are")]

mod actions;
mod broker;
mod client;
mod read;
mod rest;
mod snapshot;
mod start;
mod world;

use crate::{Failure, Kind, Lived, recorded, seed_of};
use world::World;

/// Steps of a life.
const LIFE_STEPS: u64 = 6000;

/// Steps after which everything is brought to rest and checked as a whole.
const SETTLE_STEPS: u64 = 1000;

/// What a run was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Steps.
    pub steps: u64,
    /// Crashes, those during starts counted.
    pub crashes: u64,
    /// Clean stops.
    pub stops: u64,
    /// Starts after those.
    pub starts: u64,
    /// Connections that were accepted.
    pub connections: u64,
    /// PUBLISH packets that came to clients.
    pub deliveries: u64,
    /// How often everything was checked as a whole.
    pub settled: u64,
}

impl Counts {
    fn add(&mut self, other: Counts) {
        self.steps += other.steps;
        self.crashes += other.crashes;
        self.stops += other.stops;
        self.starts += other.starts;
        self.connections += other.connections;
        self.deliveries += other.deliveries;
        self.settled += other.settled;
    }
}

/// Runs `steps` steps of the simulation of crashes that this seed means.
///
/// # Errors
/// The first violation, with the steps that led to it.
pub fn run_crashes(seed: u64, steps: u64) -> Result<Counts, Box<Failure>> {
    let mut counts = Counts::default();
    let mut life = 0;
    while counts.steps < steps {
        counts.add(run_crashing_life(seed, life, steps - counts.steps)?);
        life += 1;
    }
    Ok(counts)
}

/// Runs one life of a run, its `life`th from 0, for up to 6,000 steps.
///
/// # Errors
/// The first violation, with the steps that led to it.
pub fn run_crashing_life(seed: u64, life: u64, steps: u64) -> Result<Counts, Box<Failure>> {
    let steps = steps.min(LIFE_STEPS);
    recorded(seed, life * LIFE_STEPS, Kind::Crashes, |traced| live(seed_of(seed, life), steps, traced))
}

fn live(seed: u64, steps: u64, traced: bool) -> Lived<Counts> {
    let mut world = World::new(seed, traced).map_err(|violation| (0, Vec::new(), violation))?;
    let mut run = || {
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
