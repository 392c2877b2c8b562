//! retained: a million retained messages, and ten clients who fetch all of them at once.

use super::super::crowd::{Crowd, Manner, Publisher};
use super::{come, tell, until};
use crate::arrivals;
use crate::bench::{Bench, Failure};
use crate::clock;
use crate::report::Report;
use crate::stamp;
use mosquitto_mqtt::packet::{Subscribe, Subscription, SubscriptionOptions};
use mosquitto_mqtt::{Properties, QoS};

/// Clients who fetch.
const FETCHERS: usize = 10;
/// Topics below one level.
const BRANCH: usize = 1000;
const WINDOW: u64 = 500;

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
pub(super) fn run(bench: &mut Bench, report: &mut Report) -> Result<(), Failure> {
    let (count, qos, base) = (bench.settings.count(), bench.settings.qos(), bench.topic());
    let mut crowd = Crowd::default();
    let payload = stamp::filled(bench.settings.payload);
    let left_s = leave(bench, &mut crowd, count, &payload)?;
    let resident = bench.usage()?.map_or(0, |usage| usage.resident_kib);
    let fetchers = come(bench, 'f', FETCHERS, qos, |_| None)?;
    let (filter, version, start) = (format!("{base}/kept/#"), bench.version(), clock::now());
    for fetcher in &fetchers {
        let one = Subscription { filter: &filter, options: SubscriptionOptions::qos(qos) };
        crowd.forget(fetcher.link);
        Subscribe::write(1, Properties::EMPTY, std::iter::once(one), version, bench.net.output(fetcher.link));
    }
    let received = |crowd: &Crowd| fetchers.iter().map(|client| crowd.of(client.link).messages).sum::<u64>();
    let all = |_: &Bench, crowd: &Crowd| received(crowd) >= (FETCHERS * count) as u64;
    until(bench, &mut crowd, received, all)?;
    let wall_s = clock::seconds(clock::now() - start);
    let right = fetchers.iter().all(|client| crowd.of(client.link).messages == count as u64);
    report.count("retained", "retained messages", count as u64);
    report.measure("left_per_s", "left", "a second", count as f64 / left_s);
    report.count("rss_with_retained_kib", "broker, resident KiB with them", resident);
    report.measure("fetched_s", "fetched by all in", "s", wall_s);
    report.measure("fetched_per_s", "fetched", "a second", received(&crowd) as f64 / wall_s);
    report.fault("not_fetched", "clients that did not get each of them once", u64::from(!right));
    tell(&crowd, report);
    arrivals::leave(bench, &fetchers)?;
    leave(bench, &mut crowd, count, &[])?;
    Ok(())
}

/// Leaves them, or clears them. Returns the seconds that it took.
fn leave(bench: &mut Bench, crowd: &mut Crowd, count: usize, payload: &[u8]) -> Result<f64, Failure> {
    let (base, start) = (bench.topic(), clock::now());
    let client = come(bench, 'p', 1, QoS::AtLeastOnce, |_| None)?;
    let link = client.first().map_or(0, |client| client.link);
    crowd.forget(link);
    let mut publisher = Publisher::new(link, WINDOW);
    while publisher.sent < count as u64 && bench.net.is_open(link) {
        while publisher.sent < count as u64 && publisher.may_send(&bench.net, crowd, QoS::AtLeastOnce) {
            let number = publisher.sent as usize;
            let topic = format!("{base}/kept/{}/{}", number / BRANCH, number % BRANCH);
            publisher.send(&mut bench.net, &topic, payload, Manner { qos: QoS::AtLeastOnce, retain: true });
        }
        bench.turn(crowd, Bench::soon())?;
    }
    let acknowledged = |crowd: &Crowd| crowd.of(link).acknowledged;
    if !until(bench, crowd, acknowledged, |_, crowd| acknowledged(crowd) >= count as u64)? {
        return Err(Failure("The broker does not acknowledge messages any more.".to_owned()));
    }
    arrivals::leave(bench, &client)?;
    Ok(clock::seconds(clock::now() - start))
}
