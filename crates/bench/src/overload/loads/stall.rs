//! stall: of those who get the same messages, one stops reading, again and again.

use crate::bench::{Bench, Failure};
use crate::clock;
use crate::plan::Plan;
use crate::report::Report;
use crate::scenario::Scenario;
use crate::traffic::{Stretch, Traffic};

/// Seconds of a stretch in which it reads, and of the one after that in which it does not.
const STRETCH_S: f64 = 1.0;
/// How many of each there are at least.
const ROUNDS_MIN: f64 = 5.0;

#[allow(clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "figures for people; rounds are few")]
pub(super) fn run(bench: &mut Bench, report: &mut Report) -> Result<(), Failure> {
    bench.settings.scenario = Scenario::Slow;
    let plan = Plan::of(bench);
    let slow = plan.slow.unwrap_or(0);
    let mut traffic = Traffic::begin(bench, &plan)?;
    let (link, _) = traffic.subscriber(slow);
    let rounds = (bench.settings.seconds / (2.0 * STRETCH_S)).max(ROUNDS_MIN).round();
    let part_s = bench.settings.seconds / (2.0 * rounds);
    let (mut reading, mut stalled, mut kept) = (Vec::new(), Vec::new(), Vec::new());
    let others = (plan.filters.len() - 1).max(1) as f64;
    for _ in 0..rounds as usize {
        let before = rate(&traffic.flow(bench, part_s, None)?);
        bench.net.pause(link, true);
        let during = rate(&traffic.flow(bench, part_s, None)?);
        bench.net.pause(link, false);
        catch_up(bench, &mut traffic, slow)?;
        reading.push(before / others);
        stalled.push(during / others);
        // Neighbours in time: what else the machine does is much the same.
        kept.push(during / before);
    }
    report.count("rounds", "rounds", kept.len() as u64);
    report.measure("others_before_msgs_per_s", "to each of the others while all read", "a second", median(reading));
    report.measure("others_during_msgs_per_s", "to each of the others while one does not", "a second", median(stalled));
    report.measure("others_kept", "part of their rate that the others keep, median", "", median(kept));
    report.count("slow_received", "received by the slow one", traffic.subscriber(slow).1);
    let is_open = bench.net.is_open(link);
    report.word("slow_connected", "the slow one is still connected", if is_open { "yes" } else { "no" });
    traffic.counts().tell(report);
    traffic.end(bench)
}

/// What was kept for the slow one comes, before the next stretch begins.
fn catch_up(bench: &mut Bench, traffic: &mut Traffic, slow: usize) -> Result<(), Failure> {
    let mut last = None;
    while last != Some(traffic.subscriber(slow).1) {
        last = Some(traffic.subscriber(slow).1);
        let end = clock::now() + 100 * clock::MILLISECOND;
        while clock::now() < end {
            bench.turn(traffic, end)?;
        }
    }
    Ok(())
}

#[allow(clippy::cast_precision_loss, reason = "a figure for people")]
fn rate(stretch: &Stretch) -> f64 {
    stretch.delivered as f64 / stretch.wall_s
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
