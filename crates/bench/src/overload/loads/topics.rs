//! topics: each message has a topic that none had before; now and then one is retained for a moment, and one subscribed to.

use super::super::crowd::{Crowd, Manner, Publisher};
use super::{come, tell, until};
use crate::arrivals;
use crate::bench::{Bench, Failure};
use crate::clock;
use crate::report::Report;
use crate::stamp;
use mosquitto_mqtt::packet::{Subscribe, Subscription, SubscriptionOptions, Unsubscribe};
use mosquitto_mqtt::{Properties, QoS};

const WINDOW: u64 = 200;
/// Of so many messages one is retained, and cleared at once; and a topic is subscribed to, and unsubscribed.
const EVERY: u64 = 20;
/// From this part of the time on, nothing may grow any more.
const SETTLED: f64 = 0.4;

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
pub(super) fn run(bench: &mut Bench, report: &mut Report) -> Result<(), Failure> {
    let (count, base) = (bench.settings.count(), bench.topic());
    let subscribers = come(bench, 's', 1, QoS::AtMostOnce, |_| Some(format!("{base}/new/#")))?;
    let publishers = come(bench, 'p', count, QoS::AtLeastOnce, |_| None)?;
    let mut publishers: Vec<_> = publishers.iter().map(|client| Publisher::new(client.link, WINDOW)).collect();
    let (mut crowd, payload, start) = (Crowd::default(), stamp::filled(bench.settings.payload), clock::now());
    let end = start + clock::from_seconds(bench.settings.seconds);
    let settled = start + clock::from_seconds(bench.settings.seconds * SETTLED);
    let (mut serial, mut resident) = (0_u64, None);
    while clock::now() < end {
        for publisher in &mut publishers {
            while publisher.may_send(&bench.net, &crowd, QoS::AtLeastOnce) {
                serial += 1;
                publish(bench, publisher, &format!("{base}/new/{}/{serial}", serial % 100), serial, &payload);
            }
        }
        bench.turn(&mut crowd, Bench::soon())?;
        if clock::now() > settled && resident.is_none() {
            resident = bench.usage()?.map(|usage| usage.resident_kib);
        }
    }
    let grown = bench.usage()?.map_or(0.0, |usage| usage.resident_kib as f64 - resident.unwrap_or(0) as f64);
    let sent: u64 = publishers.iter().map(|publisher| publisher.sent).sum();
    let acknowledged = |crowd: &Crowd| publishers.iter().map(|publisher| crowd.of(publisher.link).acknowledged).sum();
    let all = until(bench, &mut crowd, acknowledged, |_, crowd| acknowledged(crowd) >= sent)?;
    report.count("topics", "topics", serial);
    report.measure("topics_per_s", "topics", "a second", serial as f64 / bench.settings.seconds);
    let received = subscribers.first().map_or(0, |client| crowd.of(client.link).messages);
    report.count("topics_received", "messages received by the one who subscribes to all", received);
    report.measure("rss_growth_late_kib", "broker, resident KiB more in the last three fifths", "", grown);
    report.fault("unacknowledged", "messages that were not acknowledged", u64::from(!all));
    tell(&crowd, report);
    arrivals::leave(bench, &subscribers)
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
