//! large: a burst of messages as large as few are.

use super::super::crowd::{Crowd, Manner, Publisher};
use super::{come, tell};
use crate::arrivals;
use crate::bench::{Bench, Failure};
use crate::clock::{self, Nanos, SECOND};
use crate::report::Report;
use crate::stamp;
use mosquitto_mqtt::QoS;

const PUBLISHERS: usize = 4;
const SUBSCRIBERS: usize = 2;
/// Nothing comes for so long: there is nothing more.
const QUIET: Nanos = 3 * SECOND;

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
pub(super) fn run(bench: &mut Bench, report: &mut Report) -> Result<(), Failure> {
    let (count, base, qos) = (bench.settings.count() as u64, bench.topic(), QoS::AtLeastOnce);
    let publishers = come(bench, 'p', PUBLISHERS, qos, |_| None)?;
    let subscribers = come(bench, 's', SUBSCRIBERS, qos, |_| Some(format!("{base}/large/#")))?;
    let mut publishers: Vec<_> = publishers.iter().map(|client| Publisher::new(client.link, 1)).collect();
    let payload = stamp::filled(bench.settings.payload);
    let (mut crowd, start) = (Crowd::default(), clock::now());
    let received = |crowd: &Crowd| subscribers.iter().map(|client| crowd.of(client.link).messages).sum::<u64>();
    let mut sent = 0;
    // The last one is sent when the one before it is acknowledged; what comes of it is waited for below.
    while sent < count && publishers.iter().any(|publisher| bench.net.is_open(publisher.link)) {
        for publisher in &mut publishers {
            if sent < count && publisher.may_send(&bench.net, &crowd, qos) {
                publisher.send(
                    &mut bench.net,
                    &format!("{base}/large/{sent}"),
                    &payload,
                    Manner { qos, retain: false },
                );
                sent += 1;
            }
        }
        bench.turn(&mut crowd, Bench::soon())?;
    }
    // What is too much for a queue is dropped: who gets no more has all that there is.
    let expected = sent * SUBSCRIBERS as u64;
    let mut last = None;
    while received(&crowd) < expected && last != Some(bench.net.counted.bytes_read) {
        last = Some(bench.net.counted.bytes_read);
        let end = clock::now() + QUIET;
        while received(&crowd) < expected && clock::now() < end {
            bench.turn(&mut crowd, end)?;
        }
    }
    let wall_s = clock::seconds(clock::now() - start);
    let bytes: u64 = subscribers.iter().map(|client| crowd.of(client.link).payload_bytes).sum();
    report.count("large_bytes", "bytes of a message", payload.len() as u64);
    report.count("large_sent", "messages", sent);
    report.measure("large_mib_per_s", "received", "MiB a second", bytes as f64 / wall_s / f64::from(1 << 20));
    report.count("large_dropped", "messages that did not come", expected.saturating_sub(received(&crowd)));
    let is_whole = bytes == received(&crowd) * payload.len() as u64;
    report.fault("large_damaged", "messages of another length", u64::from(!is_whole));
    tell(&crowd, report);
    arrivals::leave(bench, &subscribers)
}
