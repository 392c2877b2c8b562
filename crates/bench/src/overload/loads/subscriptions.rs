//! subscriptions: one client has a hundred thousand of them, gets messages by some, and is gone; again and again.

use super::super::crowd::{Crowd, Manner, Publisher};
use super::{come, tell, until};
use crate::arrivals;
use crate::bench::{Bench, Failure};
use crate::clock;
use crate::report::Report;
use mosquitto_mqtt::packet::{Subscribe, Subscription, SubscriptionOptions};
use mosquitto_mqtt::{Properties, QoS};

/// Filters in one SUBSCRIBE.
const FILTERS: usize = 500;
/// Messages to some of them.
const MESSAGES: u64 = 1000;

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
pub(super) fn run(bench: &mut Bench, report: &mut Report) -> Result<(), Failure> {
    let (count, base) = (bench.settings.count(), bench.topic());
    let publisher = come(bench, 'p', 1, QoS::AtMostOnce, |_| None)?;
    let mut publisher = Publisher::new(publisher.first().map_or(0, |client| client.link), u64::MAX);
    let (mut crowd, mut subscribed_s, mut rounds, mut missing) = (Crowd::default(), 0.0_f64, 0_u64, 0);
    let end = clock::now() + clock::from_seconds(bench.settings.seconds);
    while rounds == 0 || clock::now() < end {
        let one = come(bench, 'o', 1, QoS::AtMostOnce, |_| None)?;
        let link = one.first().map_or(0, |client| client.link);
        crowd.forget(link);
        let start = clock::now();
        let packets = subscribe(bench, link, &base, count);
        let answers = |crowd: &Crowd| crowd.of(link).answers;
        let all = until(bench, &mut crowd, answers, |_, crowd| answers(crowd) >= packets)?;
        subscribed_s = subscribed_s.max(clock::seconds(clock::now() - start));
        missing += u64::from(!all);
        for k in 0..MESSAGES {
            let number = k * count as u64 / MESSAGES;
            let (qos, retain) = (QoS::AtMostOnce, false);
            publisher.send(&mut bench.net, &topic(&base, number as usize), b"some", Manner { qos, retain });
        }
        let messages = |crowd: &Crowd| crowd.of(link).messages;
        until(bench, &mut crowd, messages, |_, crowd| messages(crowd) >= MESSAGES)?;
        missing += MESSAGES.saturating_sub(messages(&crowd));
        arrivals::leave(bench, &one)?;
        rounds += 1;
    }
    report.count("subscriptions", "subscriptions", count as u64);
    report.count("rounds", "rounds", rounds);
    report.measure("subscribed_s", "subscribed in, at most", "s", subscribed_s);
    report.fault("missing", "messages, or answers, that did not come", missing);
    tell(&crowd, report);
    Ok(())
}

/// Sends all of them at once. Returns how many packets these are.
fn subscribe(bench: &mut Bench, link: usize, base: &str, count: usize) -> u64 {
    let (version, options) = (bench.version(), SubscriptionOptions::qos(QoS::AtMostOnce));
    let filters: Vec<_> = (0..count).map(|number| filter(base, number)).collect();
    let output = bench.net.output(link);
    for some in filters.chunks(FILTERS) {
        let some = some.iter().map(|filter| Subscription { filter, options });
        Subscribe::write(1, Properties::EMPTY, some, version, output);
    }
    count.div_ceil(FILTERS) as u64
}

fn filter(base: &str, number: usize) -> String {
    let last = if number.is_multiple_of(4) { "+" } else { "value" };
    format!("{base}/one/{}/{number}/{last}", number % 1000)
}

fn topic(base: &str, number: usize) -> String {
    format!("{base}/one/{}/{number}/value", number % 1000)
}
