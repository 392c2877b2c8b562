//! queue: messages for a client that is away, and what happens when it is back.

use super::bulk::Bulk;
use crate::arrivals::{self, Caller};
use crate::bench::{Bench, Failure};
use crate::clock;
use crate::report::Report;

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
pub(super) fn run(bench: &mut Bench) -> Result<Report, Failure> {
    let (count, qos) = (bench.settings.count(), bench.settings.qos());
    let caller = Caller {
        id: bench.client_id('s', 0),
        persistent: true,
        filters: vec![format!("{}/queue", bench.topic())],
        ..Caller::default()
    };
    let away = arrivals::arrive(bench, std::slice::from_ref(&caller), qos)?;
    arrivals::leave(bench, &away)?;
    let publisher = Caller { id: bench.client_id('p', 0), ..Caller::default() };
    let clients = arrivals::arrive(bench, &[publisher], qos)?;
    let [publisher] = clients[..] else { return Err(Failure("Too few clients.".to_owned())) };
    let mut bulk = Bulk::new(bench, publisher, |base, _| format!("{base}/queue"), false);
    let before = bench.usage()?;
    let queued = bulk.publish(bench, count as u32, false)?;
    let between = bench.usage()?;
    let start = clock::now();
    let link = bench.open(None)?;
    arrivals::put_connect(bench, link, &caller.id, true);
    let drained = bulk.receive(bench, start)?;
    let after = bench.usage()?;

    let mut report = Report::default();
    report.measure("queued_per_s", "queued", "a second", count as f64 / clock::seconds(queued));
    report.measure("drained_per_s", "fetched", "a second", f64::from(bulk.received) / clock::seconds(drained));
    report.memory(before.zip(between), "broker_rss_bytes_per_message", "broker, memory a message", count);
    report.usage(between.zip(after), clock::seconds(drained), "drained_per_broker_cpu_s", bulk.received.into());
    bulk.tell(&mut report);
    let back = arrivals::Client { link, ..publisher };
    arrivals::leave(bench, &[publisher, back])?;
    arrivals::forget(bench, &[caller])?;
    let left = bench.usage_afterwards()?;
    report.left(between.zip(left));
    Ok(report)
}
