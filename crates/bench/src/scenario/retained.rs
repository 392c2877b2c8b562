//! retained: retained messages that are left, fetched and cleared.

use super::bulk::Bulk;
use crate::arrivals::{self, Caller, Client};
use crate::bench::{Bench, Failure};
use crate::clock::{self, Nanos};
use crate::report::Report;
use mosquitto_mqtt::packet::{Subscribe, Subscription, SubscriptionOptions};
use mosquitto_mqtt::{Properties, QoS};

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
pub(super) fn run(bench: &mut Bench) -> Result<Report, Failure> {
    let count = bench.settings.count();
    let publisher = arrive(bench, 'p')?;
    let topic = |base: &str, number: u32| format!("{base}/{}/{}/{number}", number % 7, number % 1000);
    let mut bulk = Bulk::new(bench, publisher, topic, true);
    let before = bench.usage()?;
    let set = bulk.publish(bench, count as u32, false)?;
    let between = bench.usage()?;
    let subscriber = arrive(bench, 's')?;
    let start = clock::now();
    subscribe(bench, subscriber);
    let fetched = bulk.receive(bench, start)?;
    let after = bench.usage()?;
    // Nobody is to hear of it.
    arrivals::leave(bench, &[subscriber])?;
    let cleared = if bench.settings.keep { None } else { Some(bulk.publish(bench, count as u32, true)?) };
    arrivals::leave(bench, &[publisher])?;

    let rate = |time: Nanos| count as f64 / clock::seconds(time);
    let mut report = Report::default();
    report.measure("set_per_s", "left", "a second", rate(set));
    report.measure("fetched_per_s", "fetched", "a second", f64::from(bulk.received) / clock::seconds(fetched));
    if let Some(cleared) = cleared {
        report.measure("cleared_per_s", "cleared", "a second", rate(cleared));
    }
    report.memory(before.zip(between), "broker_rss_bytes_per_message", "broker, memory a message", count);
    report.usage(between.zip(after), clock::seconds(fetched), "fetched_per_broker_cpu_s", bulk.received.into());
    bulk.tell(&mut report);
    if !bench.settings.keep {
        let left = bench.usage_afterwards()?;
        report.left(between.zip(left));
    }
    Ok(report)
}

fn arrive(bench: &mut Bench, kind: char) -> Result<Client, Failure> {
    let caller = Caller { id: bench.client_id(kind, 0), ..Caller::default() };
    let clients = arrivals::arrive(bench, &[caller], QoS::AtMostOnce)?;
    clients.first().copied().ok_or_else(|| Failure("No client has come.".to_owned()))
}

fn subscribe(bench: &mut Bench, subscriber: Client) {
    let (filter, options) = (format!("{}/#", bench.topic()), SubscriptionOptions::qos(bench.settings.qos()));
    let subscription = Subscription { filter: &filter, options };
    let version = bench.version();
    let output = bench.net.output(subscriber.link);
    Subscribe::write(1, Properties::EMPTY, std::iter::once(subscription), version, output);
}
