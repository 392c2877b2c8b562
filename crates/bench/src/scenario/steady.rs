//! pairs, fanin, fanout, many, shared and slow: messages flow.

use crate::bench::{Bench, Failure};
use crate::clock;
use crate::plan::Plan;
use crate::process::Usage;
use crate::report::Report;
use crate::scenario::Scenario;
use crate::traffic::{Stretch, Traffic};

pub(super) fn run(bench: &mut Bench) -> Result<Report, Failure> {
    let plan = Plan::of(bench);
    let slow = plan.slow;
    let mut traffic = Traffic::begin(bench, &plan)?;
    let (seconds, messages) = (bench.settings.seconds, bench.settings.messages);
    if bench.settings.warmup_s > 0.0 {
        traffic.flow(bench, bench.settings.warmup_s, messages)?;
    }
    let mut report = Report::default();
    let stretch = match slow {
        None => traffic.flow(bench, seconds, messages)?,
        Some(slow) => slow_subscriber(bench, &mut traffic, slow, &mut report)?,
    };
    bench.progress.end();
    tell(&traffic, &stretch, bench.settings.rate.is_some(), &mut report);
    if bench.settings.scenario == Scenario::Shared {
        let (fewest, most) = traffic.spread();
        report.count("consumer_min", "received by a subscriber, fewest", fewest);
        report.count("consumer_max", "received by a subscriber, most", most);
    }
    traffic.counts().tell(&mut report);
    traffic.end(bench)?;
    Ok(report)
}

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
fn tell(traffic: &Traffic, stretch: &Stretch, open_loop: bool, report: &mut Report) {
    let &Stretch { wall_s, sent, delivered, own_cpu_s, usage } = stretch;
    report.measure("wall_s", "measured", "s", wall_s);
    report.measure("msgs_in_per_s", "published", "a second", sent as f64 / wall_s);
    report.measure("msgs_out_per_s", "delivered", "a second", delivered as f64 / wall_s);
    report.latency(traffic.latency());
    if open_loop {
        report.measure("own_lag_p99_us", "late itself, 99 %", "us", traffic.lag().at_us(0.99));
        report.count("unsent", "due and never sent", traffic.unsent());
    }
    report.usage(usage, wall_s, "deliveries_per_broker_cpu_s", delivered);
    report.measure("own_cpu_s", "CPU of its own", "s", own_cpu_s);
}

/// Half of the time all read, half of it all but one. What is measured is the second half.
#[allow(clippy::cast_precision_loss, reason = "figures for people")]
fn slow_subscriber(
    bench: &mut Bench,
    traffic: &mut Traffic,
    slow: usize,
    report: &mut Report,
) -> Result<Stretch, Failure> {
    let (half_s, messages) =
        (bench.settings.seconds / 2.0, bench.settings.messages.map(|messages| messages.div_ceil(2)));
    let (link, _) = traffic.subscriber(slow);
    let before = traffic.flow(bench, half_s, messages)?;
    let (_, received) = traffic.subscriber(slow);
    let sent = traffic.counts().sent;
    bench.net.pause(link, true);
    let during = traffic.flow(bench, half_s, messages)?;
    bench.net.pause(link, false);
    let was_connected = bench.net.is_open(link);
    // What the broker has kept for it comes now.
    let mut last = None;
    while last != Some(traffic.subscriber(slow).1) {
        last = Some(traffic.subscriber(slow).1);
        let end = clock::now() + clock::from_seconds(bench.settings.drain_s.min(1.0));
        while clock::now() < end {
            bench.turn(traffic, end)?;
        }
    }
    let (sent, received) = (traffic.counts().sent - sent, traffic.subscriber(slow).1 - received);
    let rate = |stretch: &Stretch| stretch.delivered as f64 / stretch.wall_s;
    report.measure("others_before_msgs_per_s", "delivered to the others before", "a second", rate(&before));
    report.measure("others_during_msgs_per_s", "delivered to the others during", "a second", rate(&during));
    if let Some((Usage { resident_kib: before, .. }, after)) = during.usage {
        let grown = after.resident_kib.saturating_sub(before);
        report.count("broker_rss_growth_kib", "broker, resident KiB more during", grown);
    }
    report.count("slow_received", "received by the slow one in the end", received);
    report.count("slow_missed", "missed by the slow one", sent.saturating_sub(received));
    let connected = if was_connected && bench.net.is_open(link) { "yes" } else { "no" };
    report.word("slow_connected", "the slow one is still connected", connected);
    Ok(during)
}
