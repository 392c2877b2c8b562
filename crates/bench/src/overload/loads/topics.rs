//! topics: each message has a topic that none had before; now and then one is retained for a moment, and one subscribed to.

use super::super::crowd::{Crowd, HEAP, Manner, Publisher};
use super::{come, tell, until};
use crate::arrivals;
use crate::bench::{Bench, Failure};
use crate::clock::{self, Nanos, SECOND};
use crate::report::Report;
use crate::stamp;
use mosquitto_mqtt::packet::{Subscribe, Subscription, SubscriptionOptions, Unsubscribe};
use mosquitto_mqtt::{Properties, QoS};

const WINDOW: u64 = 200;
/// Of so many messages one is retained, and cleared at once; and a topic is subscribed to, and unsubscribed.
const EVERY: u64 = 20;
/// After this part of the time, and after each of some equal stretches of the others, the load rests, and the broker says how
/// much of its heap is in use. By then there is nothing under way, and it has given back most of what it had for that. What still
/// goes up and hardly down, with each burst that is larger than any before, are buffers that are used again; but that happens
/// in some stretches, and what each topic leaves behind is left in all of them.
const SETTLED: f64 = 0.4;
const STRETCHES: usize = 3;
/// How long it rests: a broker that says it every second has then said it when all was still.
const REST: Nanos = 6 * SECOND;

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
pub(super) fn run(bench: &mut Bench, report: &mut Report) -> Result<(), Failure> {
    let (count, base) = (bench.settings.count(), bench.topic());
    let subscribers = come(bench, 's', 1, QoS::AtMostOnce, |_| Some(format!("{base}/new/#")))?;
    let reader = come(bench, 'y', 1, QoS::AtMostOnce, |_| Some(HEAP.to_owned()))?;
    let publishers = come(bench, 'p', count, QoS::AtLeastOnce, |_| None)?;
    let publishers = publishers.iter().map(|client| Publisher::new(client.link, WINDOW)).collect();
    let payload = stamp::filled(bench.settings.payload);
    let mut load = Flow { base, payload, publishers, crowd: Crowd::default(), serial: 0 };
    let seconds = bench.settings.seconds;
    load.flow(bench, seconds * SETTLED)?;
    let (mut rests, resident) = (vec![load.rest(bench)?], bench.usage()?);
    for _ in 0..STRETCHES {
        load.flow(bench, seconds * (1.0 - SETTLED) / STRETCHES as f64)?;
        rests.push(load.rest(bench)?);
    }
    let resident = resident.zip(bench.usage()?);
    let Flow { crowd, serial, .. } = &load;
    report.count("topics", "topics", *serial);
    report.measure("topics_per_s", "topics", "a second", *serial as f64 / seconds);
    let received = subscribers.first().map_or(0, |client| crowd.of(client.link).messages);
    report.count("topics_received", "messages received by the one who subscribes to all", received);
    if let Some((first, last)) = resident {
        let grown = last.resident_kib as f64 - first.resident_kib as f64;
        report.measure("rss_growth_late_kib", "broker, resident KiB more in the last three fifths", "", grown);
    }
    let heap: Option<Vec<u64>> = rests.iter().map(|rest| rest.heap).collect();
    let grown =
        |heap: Vec<u64>| heap.array_windows().map(|[before, after]| *after as f64 - *before as f64).collect::<Vec<_>>();
    if let Some(grown) = heap.map(grown) {
        let (least, all) = (grown.iter().copied().fold(f64::INFINITY, f64::min), grown.iter().sum());
        report.measure("heap_growth_late_bytes", "broker, heap bytes more at rest, in the last three fifths", "", all);
        report.measure("heap_growth_least_bytes", "the same in the fifth in which it was least", "", least);
    }
    let is_still = rests.iter().all(|rest| rest.is_still);
    report.fault("unacknowledged", "messages that were not acknowledged", u64::from(!is_still));
    tell(crowd, report);
    arrivals::leave(bench, &reader)?;
    arrivals::leave(bench, &subscribers)
}

/// What flows.
struct Flow {
    base: String,
    payload: Vec<u8>,
    publishers: Vec<Publisher>,
    crowd: Crowd,
    serial: u64,
}

/// What the broker came to when the load rested.
struct Rest {
    /// Whether all was acknowledged.
    is_still: bool,
    heap: Option<u64>,
}

impl Flow {
    fn flow(&mut self, bench: &mut Bench, seconds: f64) -> Result<(), Failure> {
        let end = clock::now() + clock::from_seconds(seconds);
        while clock::now() < end {
            for publisher in &mut self.publishers {
                while publisher.may_send(&bench.net, &self.crowd, QoS::AtLeastOnce) {
                    self.serial += 1;
                    let topic = format!("{}/new/{}/{}", self.base, self.serial % 100, self.serial);
                    publish(bench, publisher, &topic, self.serial, &self.payload);
                }
            }
            bench.turn(&mut self.crowd, Bench::soon())?;
        }
        Ok(())
    }

    fn rest(&mut self, bench: &mut Bench) -> Result<Rest, Failure> {
        let Self { publishers, crowd, .. } = self;
        let sent: u64 = publishers.iter().map(|publisher| publisher.sent).sum();
        let acknowledged =
            |crowd: &Crowd| publishers.iter().map(|publisher| crowd.of(publisher.link).acknowledged).sum();
        let is_still = until(bench, crowd, acknowledged, |_, crowd| acknowledged(crowd) >= sent)?;
        let end = clock::now() + REST;
        while clock::now() < end {
            bench.turn(crowd, Bench::soon().min(end))?;
        }
        Ok(Rest { is_still, heap: crowd.heap })
    }
}

fn publish(bench: &mut Bench, publisher: &mut Publisher, topic: &str, serial: u64, payload: &[u8]) {
    let qos = QoS::AtLeastOnce;
    publisher.send(&mut bench.net, topic, payload, Manner { qos, retain: false });
    if !serial.is_multiple_of(EVERY) {
        return;
    }
    publisher.send(&mut bench.net, topic, payload, Manner { qos, retain: true });
    publisher.send(&mut bench.net, topic, &[], Manner { qos, retain: true });
    let version = bench.version();
    let output = bench.net.output(publisher.link);
    let filter = format!("{topic}/+/below");
    let one = Subscription { filter: &filter, options: SubscriptionOptions::qos(qos) };
    Subscribe::write(1, Properties::EMPTY, std::iter::once(one), version, output);
    Unsubscribe::write(2, Properties::EMPTY, std::iter::once(filter.as_str()), version, output);
}
