//! overload: one client, or many, ask for more than a broker can do, or for what costs it most. What is looked at are the
//! others: pairs with few messages, who should not notice; clients who ask whether the broker is there; and its memory.
//!
//! They have a thread of their own ([`watch`]), and the load has another one, which gives way to it and to the broker.

mod crowd;
mod loads;
mod watch;

use crate::bench::{Bench, Failure};
use crate::clock;
use crate::report::Report;
use std::thread;
use watch::{Phase, Seen, Watch};

pub(crate) use loads::{ALL, Load};

/// How much the load's thread gives way to the others, and to the broker (nice(1)).
const NICENESS: i32 = 10;

pub(crate) fn run(bench: &mut Bench) -> Result<Report, Failure> {
    let load = bench.settings.load.ok_or_else(|| Failure("No load is given (--load).".to_owned()))?;
    let (before, phase) = (bench.usage()?, Phase::default());
    let mut report = Report::default();
    report.word("load", "load", load.name());
    let watch = Watch::begin(&bench.settings, bench.process())?;
    let start = clock::now();
    let (seen, outcome) = thread::scope(|scope| {
        let watching = scope.spawn(|| watch.run(&phase));
        let outcome = under(load, bench, &phase, &mut report);
        phase.end();
        let seen = watching.join().unwrap_or_else(|_| Err(Failure("The thread that watches has ended.".to_owned())));
        (seen, outcome)
    });
    let wall_s = clock::seconds(clock::now() - start);
    tell(&seen?, &mut report);
    outcome?;
    report.usage(before.zip(bench.usage()?), wall_s, "load_per_broker_cpu_s", 0);
    Ok(report)
}

/// For a while nothing happens, and then the load does.
fn under(load: Load, bench: &mut Bench, phase: &Phase, report: &mut Report) -> Result<(), Failure> {
    // The thread of those who watch was begun before, and is not meant. Who may not do it goes on as it is.
    let own = rustix::process::getpriority_process(None).unwrap_or(0);
    let _ = rustix::process::setpriority_process(None, own + NICENESS);
    let end = clock::now() + clock::from_seconds(bench.settings.warmup_s);
    while clock::now() < end && phase.is_watched() {
        bench.turn(&mut crate::arrivals::Deaf, end.min(Bench::soon()))?;
    }
    phase.load();
    load.run(bench, report)
}

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
fn tell(seen: &Seen, report: &mut Report) {
    let [quiet, loaded] = &seen.latency;
    report.count("bystander_messages", "messages of bystanders", seen.sent);
    report.measure("bystander_quiet_p50_us", "their latency before, median", "us", quiet.at_us(0.5));
    report.measure("bystander_quiet_p99_us", "their latency before, 99 %", "us", quiet.at_us(0.99));
    report.measure("bystander_quiet_p999_us", "their latency before, 99.9 %", "us", quiet.at_us(0.999));
    report.measure("bystander_p50_us", "their latency, median", "us", loaded.at_us(0.5));
    report.measure("bystander_p99_us", "their latency, 99 %", "us", loaded.at_us(0.99));
    report.measure("bystander_p999_us", "their latency, 99.9 %", "us", loaded.at_us(0.999));
    report.measure("bystander_max_us", "their latency, longest", "us", loaded.at_us(1.0));
    report.measure("own_lag_p999_us", "late themselves, 99.9 %", "us", seen.lag.at_us(0.999));
    report.count("pings", "PINGREQs", seen.pings);
    report.measure("ping_longest_us", "longest wait for PINGRESP", "us", seen.longest_ping as f64 / 1000.0);
    report.count("rss_first_kib", "broker, resident KiB at first", seen.resident_first_kib);
    report.count("rss_most_kib", "broker, resident KiB at most", seen.resident_most_kib);
    let growth = seen.resident_most_kib.saturating_sub(seen.resident_first_kib);
    report.count("rss_growth_kib", "broker, resident KiB more at most", growth);
    report.fault("bystander_lost", "messages of bystanders lost", seen.lost);
    report.fault("bystander_wrong", "messages of bystanders twice, damaged or out of order", seen.wrong);
    report.fault("bystander_cut_off", "bystanders cut off", seen.cut_off);
    report.fault("pings_unanswered", "PINGREQs without an answer", seen.unanswered);
}
