//! hash: a client subscribes to everything and unsubscribes, in a loop, while messages flow.

use super::super::crowd::{Crowd, Flow, Manner, Publisher};
use super::{come, tell, until};
use crate::arrivals;
use crate::bench::{Bench, Failure};
use crate::clock::{self, Nanos};
use crate::report::Report;
use crate::stamp;
use mosquitto_mqtt::packet::{Subscribe, Subscription, SubscriptionOptions, Unsubscribe};
use mosquitto_mqtt::{Properties, QoS};

/// Messages a second of all pairs together.
const RATE: Nanos = 5000;
/// Retained messages that each subscription brings.
const RETAINED: usize = 1000;

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
pub(super) fn run(bench: &mut Bench, report: &mut Report) -> Result<(), Failure> {
    let (count, base) = (bench.settings.count(), bench.topic());
    let publishers = come(bench, 'p', count, QoS::AtMostOnce, |_| None)?;
    let subscribers = come(bench, 's', count, QoS::AtMostOnce, |i| Some(format!("{base}/flow/{i}")))?;
    let one = come(bench, 'h', 1, QoS::AtMostOnce, |_| None)?;
    let link = one.first().map_or(0, |client| client.link);
    let mut crowd = Crowd::default();
    let retained = |bench: &mut Bench, crowd: &mut Crowd, payload: &[u8]| {
        let mut publisher = Publisher::new(link, u64::MAX);
        publisher.sent = crowd.of(link).acknowledged;
        for i in 0..RETAINED {
            let manner = Manner { qos: QoS::AtLeastOnce, retain: true };
            publisher.send(&mut bench.net, &format!("{base}/retained/{i}"), payload, manner);
        }
        until(
            bench,
            crowd,
            |crowd| crowd.of(link).acknowledged,
            |_, crowd| crowd.of(link).acknowledged >= publisher.sent,
        )
    };
    retained(bench, &mut crowd, b"kept")?;
    let pairs = publishers.iter().enumerate();
    let pairs = pairs.map(|(i, client)| (Publisher::new(client.link, u64::MAX), format!("{base}/flow/{i}")));
    let mut flow = Flow::new(pairs.collect(), RATE, stamp::filled(64));
    let (start, mut asked) = (clock::now(), 0);
    let end = start + clock::from_seconds(bench.settings.seconds);
    while clock::now() < end && bench.net.is_open(link) {
        if crowd.of(link).answers >= asked {
            // One after the other is answered, so that what is retained begins to come in between.
            let (version, options) = (bench.version(), SubscriptionOptions::qos(QoS::AtMostOnce));
            let output = bench.net.output(link);
            if asked % 2 == 0 {
                let everything = Subscription { filter: "#", options };
                Subscribe::write(1, Properties::EMPTY, std::iter::once(everything), version, output);
            } else {
                Unsubscribe::write(2, Properties::EMPTY, std::iter::once("#"), version, output);
            }
            asked += 1;
        }
        let next = flow.go_on(&mut bench.net, clock::now());
        bench.turn(&mut crowd, next.min(end))?;
    }
    let wall_s = clock::seconds(clock::now() - start);
    let flowed: u64 = subscribers.iter().map(|client| crowd.of(client.link).messages).sum();
    report.measure("loops_per_s", "subscribed and unsubscribed", "a second", asked as f64 / 2.0 / wall_s);
    report.count("hash_received", "messages that this brought", crowd.of(link).messages);
    report.measure("flowed_per_s", "messages of others", "a second", flowed as f64 / wall_s);
    let answered =
        until(bench, &mut crowd, |crowd| crowd.of(link).answers, |_, crowd| crowd.of(link).answers >= asked)?;
    report.fault("unanswered", "subscriptions without an answer", u64::from(!answered));
    retained(bench, &mut crowd, b"")?;
    tell(&crowd, report);
    arrivals::leave(bench, &subscribers)
}
