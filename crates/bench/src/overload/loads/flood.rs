//! flood: publishers are ten times as fast as their subscribers read.

use super::super::crowd::{Crowd, Manner, Publisher};
use super::{come, tell};
use crate::arrivals::{self, Caller};
use crate::bench::{Bench, Failure};
use crate::clock::{self, MILLISECOND};
use crate::report::Report;
use crate::stamp;

/// Messages a second of one publisher.
const RATE: f64 = 5000.0;
/// So many times slower the subscribers are.
const TIMES: f64 = 10.0;
/// Unacknowledged messages of one publisher.
const WINDOW: u64 = 1000;
/// The receive buffer of a subscriber, in bytes: what is in it counts as read to the broker.
const RECEIVE_BUFFER: usize = 8 * 1024;
/// Late messages are sent after at most so many at once.
const BURST: u64 = 500;

#[allow(clippy::cast_precision_loss, clippy::cast_sign_loss, reason = "figures for people; a rate times a day fits")]
pub(super) fn run(bench: &mut Bench, report: &mut Report) -> Result<(), Failure> {
    let (count, qos, base) = (bench.settings.count(), bench.settings.qos(), bench.topic());
    let subscriber = |i| Caller {
        id: bench.client_id('s', i),
        filters: vec![format!("{base}/flood/{i}")],
        receive_buffer: Some(RECEIVE_BUFFER),
        ..Caller::default()
    };
    let callers: Vec<_> = (0..count).map(subscriber).collect();
    let subscribers = arrivals::arrive(bench, &callers, qos)?;
    let publishers = come(bench, 'p', count, qos, |_| None)?;
    let mut publishers: Vec<_> = publishers
        .iter()
        .enumerate()
        .map(|(i, client)| {
            (Publisher::new(client.link, WINDOW.min(client.receive_maximum.into())), format!("{base}/flood/{i}"))
        })
        .collect();
    let payload = stamp::filled(bench.settings.payload);
    let (mut crowd, start) = (Crowd::default(), clock::now());
    let end = start + clock::from_seconds(bench.settings.seconds);
    let mut now = start;
    while now < end {
        let elapsed_s = clock::seconds(now - start);
        for (publisher, topic) in &mut publishers {
            let due = ((elapsed_s * RATE) as u64).saturating_sub(publisher.sent).min(BURST);
            for _ in 0..due {
                if publisher.may_send(&bench.net, &crowd, qos) {
                    publisher.send(&mut bench.net, topic, &payload, Manner { qos, retain: false });
                }
            }
        }
        for subscriber in &subscribers {
            let is_ahead = crowd.of(subscriber.link).messages as f64 > elapsed_s * RATE / TIMES;
            bench.net.pause(subscriber.link, is_ahead);
        }
        bench.turn(&mut crowd, (now + MILLISECOND).min(end))?;
        now = clock::now();
    }
    let wall_s = clock::seconds(now - start);
    let sent: u64 = publishers.iter().map(|(publisher, _)| publisher.sent).sum();
    let received = || subscribers.iter().map(|client| crowd.of(client.link).messages);
    report.count("qos", "QoS", qos.bits().into());
    report.measure("published_per_s", "published", "a second", sent as f64 / wall_s);
    report.measure("received_per_s", "received", "a second", received().sum::<u64>() as f64 / wall_s);
    let readable = RATE / TIMES * wall_s;
    let least = received().min().unwrap_or(0) as f64 / readable;
    report.measure("least_received", "of what it could read, the slowest one has received", "", least);
    report.measure(
        "times_faster",
        "published for each received",
        "",
        sent as f64 / received().sum::<u64>().max(1) as f64,
    );
    tell(&crowd, report);
    arrivals::leave(bench, &subscribers)
}
