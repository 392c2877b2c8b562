//! What the broker says of itself under `$SYS`, and whether it is so.

use super::PATIENCE;
use super::samples::{COLUMNS, Sample};
use super::stage::Tally;
use crate::arrivals::{self, Caller, Client};
use crate::bench::{Bench, Failure};
use crate::clock;
use crate::net::{Counted, Hears, Net};
use mosquitto_mqtt::packet::{Subscribe, Subscription, SubscriptionOptions};
use mosquitto_mqtt::{Packet, Properties, QoS};
use std::collections::HashMap;

/// What all of it begins with.
const PREFIX: &str = "$SYS/broker/";
/// Part of a sum that may be missing where packets were on their way, or the figures themselves.
const TOLERANCE: f64 = 0.001;
/// The same of small sums.
const FEW_MESSAGES: f64 = 300.0;
const FEW_BYTES: f64 = 64.0 * 1024.0;
/// What has to be as it was when all have left.
const RETURNING: [&str; 5] = [
    "clients/connected",
    "clients/total",
    "subscriptions/count",
    "shared_subscriptions/count",
    "retained messages/count",
];

/// The values at one time.
pub(super) type Values = HashMap<String, String>;

/// A client that reads it.
#[derive(Debug)]
pub(super) struct Sys {
    client: Client,
    values: Values,
    /// How often the uptime has changed: as often all of it was said anew.
    updates: u64,
    gone: bool,
}

impl Sys {
    pub(super) fn begin(bench: &mut Bench) -> Result<Self, Failure> {
        let caller = Caller { id: bench.client_id('y', 0), ..Caller::default() };
        let clients = arrivals::arrive(bench, &[caller], QoS::AtMostOnce)?;
        let client = *clients.first().ok_or_else(|| Failure("No client came.".to_owned()))?;
        // Only now, as what is retained comes at once.
        let subscriptions = [Subscription { filter: "$SYS/#", options: SubscriptionOptions::qos(QoS::AtMostOnce) }];
        let version = bench.version();
        Subscribe::write(1, Properties::EMPTY, subscriptions.into_iter(), version, bench.net.output(client.link));
        Ok(Self { client, values: Values::new(), updates: 0, gone: false })
    }

    /// The values after two more updates: the first of them may have begun before.
    pub(super) fn settled(&mut self, bench: &mut Bench) -> Result<Values, Failure> {
        let (from, end) = (self.updates, clock::now() + PATIENCE);
        while self.updates < from + 2 || !COLUMNS.iter().all(|column| self.values.contains_key(*column)) {
            if clock::now() > end {
                return Err(Failure("The broker publishes no $SYS topics, or too seldom.".to_owned()));
            }
            self.listen(bench, Bench::soon())?;
        }
        Ok(self.values.clone())
    }

    pub(super) fn listen(&mut self, bench: &mut Bench, until: clock::Nanos) -> Result<(), Failure> {
        bench.keep_alive();
        bench.turn(self, until)?;
        if self.gone { Err(Failure("The broker has cut off the client that reads $SYS.".to_owned())) } else { Ok(()) }
    }

    /// The value of a topic, by its name behind the prefix; empty if there is none.
    pub(super) fn text(&self, topic: &str) -> String {
        self.values.get(topic).cloned().unwrap_or_default()
    }

    /// What does not agree with what was done since `before`, once it has had time to.
    pub(super) fn agrees(&mut self, bench: &mut Bench, before: &Values, tally: &Tally) -> Result<Vec<String>, Failure> {
        let end = clock::now() + PATIENCE / 3;
        loop {
            let values = self.settled(bench)?;
            let wrong = disagreements(before, &values, tally, bench.net.counted);
            if wrong.is_empty() || clock::now() > end {
                return Ok(wrong);
            }
        }
    }

    /// What is not as it was before, although all others have left.
    pub(super) fn returns_to(&mut self, bench: &mut Bench, before: &Values) -> Result<Vec<String>, Failure> {
        let end = clock::now() + PATIENCE / 3;
        loop {
            let values = self.settled(bench)?;
            let wrong: Vec<_> = RETURNING
                .iter()
                .filter(|&&topic| values.get(topic) != before.get(topic))
                .map(|&topic| sentence(topic, since(before, &values, topic), 0))
                .collect();
            if wrong.is_empty() || clock::now() > end {
                return Ok(wrong);
            }
        }
    }

    pub(super) fn end(self, bench: &mut Bench) -> Result<(), Failure> {
        arrivals::leave(bench, &[self.client])
    }
}

impl Hears for Sys {
    fn packet(&mut self, _: &mut Net, _: usize, packet: &Packet<'_>, _: clock::Nanos) {
        let Packet::Publish(publish) = packet else { return };
        let (Some(topic), Ok(value)) = (publish.topic.strip_prefix(PREFIX), std::str::from_utf8(publish.payload))
        else {
            return;
        };
        let last = self.values.insert(topic.to_owned(), value.to_owned());
        self.updates += u64::from(topic == "uptime" && last.as_deref() != Some(value));
    }

    fn gone(&mut self, _: &mut Net, _: usize, _: &str) {
        self.gone = true;
    }
}

/// What a sample has of a topic.
pub(super) fn number(sample: &Sample, topic: &str) -> f64 {
    let place = COLUMNS.iter().position(|column| *column == topic);
    place.and_then(|place| sample.sys.get(place)?.parse().ok()).unwrap_or(0.0)
}

/// What does not agree, in sentences. `own`: what went to and from the client that reads the figures.
#[allow(clippy::cast_precision_loss, reason = "what a run counts is far below 2^53")]
fn disagreements(before: &Values, now: &Values, tally: &Tally, own: Counted) -> Vec<String> {
    let mut wrong = Vec::new();
    for (topic, expected) in exact(tally) {
        let said = since(before, now, topic);
        if said != Some(expected as f64) {
            wrong.push(sentence(topic, said, expected));
        }
    }
    let (heard, read) = (tally.heard + own.publishes_read, tally.bytes_read + own.bytes_read);
    let written = tally.bytes_written + own.bytes_written;
    for (topic, expected, few) in [
        ("publish/messages/sent", heard, FEW_MESSAGES),
        ("bytes/sent", read, FEW_BYTES),
        ("bytes/received", written, FEW_BYTES),
    ] {
        let said = since(before, now, topic);
        let differs = |said: f64| (said - expected as f64).abs() > (TOLERANCE * expected as f64).max(few);
        if said.is_none_or(differs) {
            wrong.push(sentence(topic, said, expected));
        }
    }
    wrong
}

/// What has to be so to the last one while nothing flows.
fn exact(tally: &Tally) -> [(&'static str, u64); 7] {
    [
        ("clients/connected", tally.connected),
        ("clients/total", tally.sessions),
        ("subscriptions/count", tally.subscriptions),
        ("shared_subscriptions/count", tally.shared_subscriptions),
        ("retained messages/count", tally.retained),
        ("publish/messages/received", tally.published),
        ("publish/messages/dropped", 0),
    ]
}

/// How much more a topic says than before.
fn since(before: &Values, now: &Values, topic: &str) -> Option<f64> {
    let number = |values: &Values| values.get(topic)?.parse::<f64>().ok();
    Some(number(now)? - number(before)?)
}

fn sentence(topic: &str, said: Option<f64>, expected: u64) -> String {
    match said {
        Some(said) => format!("{topic} says {said}, and {expected} is so"),
        None => format!("{topic} says nothing"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_that_is_not_so_is_named() {
        let topics = exact(&Tally::default()).map(|(topic, _)| topic);
        let all = topics.into_iter().chain(["publish/messages/sent", "bytes/sent", "bytes/received"]);
        let before: Values = all.map(|topic| (topic.to_owned(), "5".to_owned())).collect();
        let mut now = before.clone();
        let own = Counted::default();
        assert_eq!(disagreements(&before, &now, &Tally::default(), own), Vec::<String>::new());
        now.insert("clients/total".to_owned(), "6".to_owned());
        now.remove("subscriptions/count");
        assert_eq!(
            disagreements(&before, &now, &Tally::default(), own),
            ["clients/total says 1, and 0 is so", "subscriptions/count says nothing"]
        );
        let tally = Tally { sessions: 1, subscriptions: 0, heard: 10_000, ..Tally::default() };
        now.insert("subscriptions/count".to_owned(), "5".to_owned());
        assert_eq!(
            disagreements(&before, &now, &tally, own),
            ["publish/messages/sent says 0, and 10000 is so"],
            "a few more or less may be under way, but not so many"
        );
    }
}
