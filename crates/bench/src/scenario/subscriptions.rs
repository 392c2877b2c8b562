//! subscriptions: one client with many of them, which match nothing.

use crate::arrivals::{self, Caller};
use crate::bench::{Bench, Failure};
use crate::clock;
use crate::plan::Plan;
use crate::report::Report;

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
pub(super) fn run(bench: &mut Bench) -> Result<Report, Failure> {
    let (count, qos) = (bench.settings.count(), bench.settings.qos());
    // Whoever is the first has the broker take memory that has nothing to do with subscriptions.
    let first = Caller { id: bench.client_id('f', 0), ..Caller::default() };
    let first = arrivals::arrive(bench, &[first], qos)?;
    let caller =
        Caller { id: bench.client_id('i', 0), filters: Plan::idle_filters(&bench.topic(), count), ..Caller::default() };
    let (before, start) = (bench.usage()?, clock::now());
    let clients = arrivals::arrive(bench, &[caller], qos)?;
    let wall_s = clock::seconds(clock::now() - start);
    let between = bench.usage()?;
    arrivals::leave(bench, &clients)?;

    let mut report = Report::default();
    report.measure("wall_s", "measured", "s", wall_s);
    report.count("subscriptions", "subscriptions", count as u64);
    report.measure("subscribed_per_s", "subscribed", "a second", count as f64 / wall_s);
    report.memory(before.zip(between), "broker_rss_bytes_per_subscription", "broker, memory a subscription", count);
    report.usage(before.zip(between), wall_s, "subscribed_per_broker_cpu_s", count as u64);
    let left = bench.usage_afterwards()?;
    report.left(between.zip(left));
    arrivals::leave(bench, &first)?;
    Ok(report)
}
