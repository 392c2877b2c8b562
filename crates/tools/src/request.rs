//! `mosquitto_rr`: a request, and the message that answers it.

use crate::connecting::{self, connect};
use crate::output::Output;
use crate::progress::Progress;
use crate::report::{FAILURE, Report, TIMED_OUT, packet_line};
use crate::settings::Settings;
use crate::{payload, report};
use mosquitto_client::mqtt::packet::{Subscription, SubscriptionOptions};
use mosquitto_client::mqtt::{Property, PropertyId, ReasonCode};
use mosquitto_client::{Client, End, Event, Message, Next, Publication};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// Publishes the request and prints the answer. Returns the exit status.
pub fn run(mut settings: Settings) -> u8 {
    let report = Report::new(&settings);
    let payload =
        match settings.publish.source.clone().map(|source| payload::load(source, report, &mut Progress::none())) {
            Some(Err(status)) => return status,
            Some(Ok(payload)) => Some(payload),
            None => None,
        };
    let (topic, response_topic) = (settings.publish.topic.clone(), settings.request.response_topic.clone());
    let (Some(payload), Some(topic), Some(response_topic)) = (payload, topic, response_topic) else {
        eprintln!("Error: All of topic, message, and response topic must be supplied.");
        eprintln!("\nUse 'mosquitto_rr --help' to see usage.");
        return FAILURE;
    };
    if settings.properties.publish.as_properties().iter().any(|property| property.id() == PropertyId::ResponseTopic) {
        report.error("Error in PUBLISH properties: Duplicate response topic.");
        return FAILURE;
    }
    if settings.connection.version.is_v5() {
        settings.properties.publish.push(Property::ResponseTopic(&response_topic));
    }
    let mut client = match connecting::client(&settings, report) {
        Ok(client) => client,
        Err(status) => return status,
    };
    if let Err(error) = connect(&mut client, &settings.connection) {
        return report.lookup(Some(&error));
    }
    let ends_at = settings.subscribe.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let request = Request { topic, response_topic, payload };
    let output = Output::new(&settings.subscribe);
    Requester { client, settings, report, output, request, ends_at, sent_at: None, latency: None, failed: None }.work()
}

struct Request {
    topic: String,
    response_topic: String,
    payload: Vec<u8>,
}

struct Requester {
    client: Client,
    settings: Settings,
    report: Report,
    output: Output,
    request: Request,
    /// When `-W` ends it.
    ends_at: Option<Instant>,
    /// When the request was published.
    sent_at: Option<Instant>,
    /// How long the answer took.
    latency: Option<Duration>,
    /// The exit status where the request cannot be made.
    failed: Option<u8>,
}

impl Requester {
    fn work(mut self) -> u8 {
        loop {
            if !self.client.has_buffered() {
                self.output.flush();
            }
            let timeout = self.ends_at.map(|at| at.saturating_duration_since(Instant::now()));
            let next = match self.client.next(timeout) {
                Ok(next) => next,
                Err(error) => return self.report.unreachable(&error),
            };
            if let ControlFlow::Break(status) = self.next(next) {
                if let Some(latency) = self.latency.filter(|_| self.settings.request.latency) {
                    self.output.line(&latency_line(latency));
                }
                self.output.flush();
                return status;
            }
        }
    }

    fn next(&mut self, next: Next) -> ControlFlow<u8> {
        match next {
            Next::Event(Event::Disconnected(end)) => return ControlFlow::Break(self.disconnected(&end)),
            Next::Event(event) => self.event(event),
            Next::Unreachable(error) => return ControlFlow::Break(self.report.unreachable(&error)),
            Next::TimedOut => return self.time_is_over(),
            Next::Room => self.publish(),
            Next::Woken => {}
        }
        ControlFlow::Continue(())
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Log(text) => self.output.line(&packet_line(&self.client, &text)),
            Event::Connected { .. } => self.subscribe(),
            Event::Subscribed { reasons, .. } => match reasons.first() {
                Some(reason) if reason.is_error() => {
                    self.report.error(reason.text());
                    self.disconnect(ReasonCode::SUCCESS);
                }
                _ => self.publish(),
            },
            Event::Published { packet_id, reason, properties } => {
                self.report.acknowledged(packet_id, reason, &properties);
            }
            Event::Message(message) => self.message(&message),
            _ => {}
        }
    }

    /// The answer may come at once, so its topic is subscribed to before there is a question.
    fn subscribe(&mut self) {
        let options = SubscriptionOptions { qos: self.settings.qos, ..self.settings.subscribe.options };
        let subscription = Subscription { filter: &self.request.response_topic, options };
        let properties = self.settings.properties.subscribe.as_properties();
        if let Err(error) = self.client.subscribe(&[subscription], properties) {
            self.fail(&format!("Error: Not subscribed: {error}."));
        }
    }

    fn publish(&mut self) {
        let message = Publication {
            retain: self.settings.publish.retain,
            properties: self.settings.properties.publish.as_properties(),
            ..Publication::new(&self.request.topic, &self.request.payload, self.settings.qos)
        };
        let result = self.client.publish(message);
        self.sent_at = Some(Instant::now());
        match result {
            Ok(_) | Err(mosquitto_client::RequestError::Full) => {}
            Err(error) => self.fail(&report::not_sent(&error)),
        }
    }

    fn message(&mut self, message: &Message) {
        if self.latency.is_some() || (message.retain && self.settings.subscribe.no_retained) {
            return;
        }
        // It may have been there before the request.
        self.latency = Some(self.sent_at.map_or(Duration::ZERO, |sent_at| sent_at.elapsed()));
        if self.output.message(message, &self.settings.subscribe).is_err() {
            self.report.error(&format!("Error: Message payload is not valid JSON on topic {}.", message.topic));
        }
        self.disconnect(ReasonCode::SUCCESS);
    }

    fn fail(&mut self, text: &str) {
        self.report.error(text);
        self.failed = Some(FAILURE);
        self.disconnect(ReasonCode::SUCCESS);
    }

    fn disconnect(&mut self, reason: ReasonCode) {
        self.client.disconnect_with(reason, self.settings.properties.disconnect.as_properties());
    }

    /// `-W`. The original has the will sent then, where MQTT 5 lets it.
    fn time_is_over(&mut self) -> ControlFlow<u8> {
        if self.latency.is_some() {
            // It is being ended already; the server has been given time enough.
            return ControlFlow::Break(0);
        }
        self.report.error("Timed out");
        self.failed = Some(TIMED_OUT);
        self.ends_at = None;
        if !self.client.session().is_connected() {
            return ControlFlow::Break(TIMED_OUT);
        }
        self.disconnect(ReasonCode::DISCONNECT_WITH_WILL_MESSAGE);
        ControlFlow::Continue(())
    }

    fn disconnected(&self, end: &End) -> u8 {
        if let Some(error) = self.client.failure() {
            self.report.detail(error);
        }
        match end {
            _ if self.failed.is_some() => self.failed.unwrap_or(FAILURE),
            // Once the answer is there it does not matter who hangs up first.
            _ if self.latency.is_some() => 0,
            End::Refused { reason, .. } => self.report.refused(*reason, self.settings.connection.version),
            end => self.report.end(end),
        }
    }
}

/// What `--latency` prints, in the original's units.
fn latency_line(latency: Duration) -> String {
    let nanoseconds = latency.subsec_nanos();
    if latency.as_secs() > 0 {
        format!("Latency: {}.{nanoseconds:09}", latency.as_secs())
    } else if nanoseconds < 1000 {
        format!("Latency: {nanoseconds}ns")
    } else if nanoseconds < 1_000_000 {
        format!("Latency: {:.6}\u{b5}s", f64::from(nanoseconds) / 1e3)
    } else {
        format!("Latency: {:.6}ms", f64::from(nanoseconds) / 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latency_is_printed_in_the_unit_that_suits_it() {
        let line = |nanoseconds| latency_line(Duration::from_nanos(nanoseconds));
        assert_eq!(line(999), "Latency: 999ns");
        assert_eq!(line(1000), "Latency: 1.000000\u{b5}s");
        assert_eq!(line(1_234_567), "Latency: 1.234567ms");
        assert_eq!(line(2_000_000_005), "Latency: 2.000000005");
    }
}
