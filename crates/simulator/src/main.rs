//! `mosquitto-simulator [--seed N] [--steps M] [--seconds S] [--trace] [--crashes | --bridges]`: see `docs/simulator.md`.

use mosquitto_simulator::{BridgeCounts, Counts, CrashCounts, Kind, run, run_bridges, run_crashes};
use std::hash::{BuildHasher, RandomState};
use std::process::ExitCode;
use std::time::{Duration, Instant};

const USAGE: &str = "Usage: mosquitto-simulator [--seed N] [--steps M] [--seconds S] [--trace] [--crashes | --bridges]
  --seed N     what happens; a fresh one each time where it is not given
  --steps M    steps of a seed (1000000)
  --seconds S  go on with further seeds until so much time has passed
  --trace      where something is found, show all that happened before
  --crashes    brokers with a disk, that crash
  --bridges    brokers joined by bridges, whose connections break";

struct Arguments {
    seed: Option<u64>,
    steps: u64,
    seconds: u64,
    trace: bool,
    kind: Kind,
}

fn arguments() -> Result<Arguments, String> {
    let mut parsed = Arguments { seed: None, steps: 1_000_000, seconds: 0, trace: false, kind: Kind::Clients };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        if name == "--help" || name == "-h" {
            return Err(String::new());
        }
        if name == "--crashes" {
            parsed.kind = Kind::Crashes;
            continue;
        }
        if name == "--bridges" {
            parsed.kind = Kind::Bridges;
            continue;
        }
        if name == "--trace" {
            parsed.trace = true;
            continue;
        }
        let value = arguments.next().ok_or(format!("{name} needs a number"))?;
        let number = value.parse().map_err(|_| format!("{name} needs a number, not \"{value}\""))?;
        match name.as_str() {
            "--seed" => parsed.seed = Some(number),
            "--steps" => parsed.steps = number,
            "--seconds" => parsed.seconds = number,
            _ => return Err(format!("unknown option \"{name}\"")),
        }
    }
    Ok(parsed)
}

fn main() -> ExitCode {
    let Arguments { seed, steps, seconds, trace, kind } = match arguments() {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("{error}\n{USAGE}");
            return ExitCode::FAILURE;
        }
    };
    // Not the clock: processes that are started together would run the same seeds.
    let mut seed = seed.unwrap_or_else(|| RandomState::new().hash_one(std::process::id()) % 1_000_000_000_000);
    let begin = Instant::now();
    loop {
        let start = Instant::now();
        let done = match kind {
            Kind::Clients => run(seed, steps).map(|counts| report(seed, counts, start.elapsed())),
            Kind::Crashes => run_crashes(seed, steps).map(|counts| report_crashes(seed, counts, start.elapsed())),
            Kind::Bridges => run_bridges(seed, steps).map(|counts| report_bridges(seed, counts, start.elapsed())),
        };
        if let Err(failure) = done {
            if trace {
                failure.trace.iter().for_each(|line| eprintln!("{line}"));
            }
            eprintln!("{failure}");
            return ExitCode::FAILURE;
        }
        if begin.elapsed().as_secs() >= seconds {
            return ExitCode::SUCCESS;
        }
        seed += 1;
    }
}

fn report(seed: u64, counts: Counts, took: Duration) {
    println!(
        "seed {seed}: {} steps in {:.1} s: {} connections, {} deliveries, {} wills, checked as a whole {} times: \
         nothing found",
        counts.steps,
        took.as_secs_f64(),
        counts.connections,
        counts.deliveries,
        counts.wills,
        counts.settled
    );
}

fn report_crashes(seed: u64, counts: CrashCounts, took: Duration) {
    println!(
        "seed {seed}: {} steps in {:.1} s: {} crashes, {} clean stops, {} starts, {} connections, {} deliveries, checked as \
         a whole {} times: nothing found",
        counts.steps,
        took.as_secs_f64(),
        counts.crashes,
        counts.stops,
        counts.starts,
        counts.connections,
        counts.deliveries,
        counts.settled
    );
}

fn report_bridges(seed: u64, counts: BridgeCounts, took: Duration) {
    println!(
        "seed {seed}: {} steps in {:.1} s: {} breaks, {} connections of bridges, {} crossings, checked as a whole {} times: \
         nothing found",
        counts.steps,
        took.as_secs_f64(),
        counts.breaks,
        counts.connections,
        counts.crossings,
        counts.settled
    );
}
