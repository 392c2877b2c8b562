//! One message, perhaps several times.

use super::Publisher;
use crate::progress;
use mosquitto_client::mqtt::QoS;
use mosquitto_client::{End, Event, Next};
use std::time::{Duration, Instant};

/// Publishes the message as often as the settings ask for. Returns the exit status.
pub(super) fn run(publisher: Publisher, payload: &[u8]) -> u8 {
    let mut once = Once { publisher, payload, published: 0, next_at: None };
    loop {
        let timeout = once.timeout();
        let next = match once.publisher.client.next(timeout) {
            Ok(next) => next,
            Err(error) => return once.publisher.report.unreachable(&error),
        };
        match next {
            Next::Event(Event::Disconnected(end)) => return once.ended(&end),
            Next::Event(event) => once.event(event),
            Next::Unreachable(error) => return once.publisher.report.unreachable(&error),
            Next::TimedOut if once.next_at.is_none_or(|at| Instant::now() < at) => {}
            Next::TimedOut | Next::Room => once.publish(),
            Next::Woken => {}
        }
        once.show_progress();
    }
}

struct Once<'a> {
    publisher: Publisher,
    payload: &'a [u8],
    /// How many times it is through.
    published: u32,
    /// When it is to be published again.
    next_at: Option<Instant>,
}

impl Once<'_> {
    fn event(&mut self, event: Event) {
        match event {
            Event::Log(text) => self.publisher.print_packet(&text),
            Event::Connected { .. } => self.publish(),
            Event::Published { packet_id, reason, properties } => {
                self.publisher.acknowledged(packet_id, reason, &properties);
                self.through();
            }
            _ => {}
        }
    }

    fn publish(&mut self) {
        self.next_at = None;
        let published = self.publisher.publish(self.payload);
        if published.is_ok() && self.publisher.settings.qos == QoS::AtMostOnce {
            self.through();
        }
    }

    fn timeout(&self) -> Option<Duration> {
        let at = [self.next_at, self.publisher.progress.next_at()].into_iter().flatten().min()?;
        Some(at.saturating_duration_since(Instant::now()))
    }

    /// Shows how much of the message is on its way.
    fn show_progress(&mut self) {
        let Publisher { client, settings, progress, .. } = &mut self.publisher;
        let (session, total) = (client.session(), self.payload.len());
        let sent = if session.is_connected() { total.saturating_sub(session.output().len()) } else { 0 };
        let repeat = settings.publish.repeat.get();
        progress.show(|| {
            let part = format!("{} of {} sent", progress::bytes(sent), progress::bytes(total));
            if repeat > 1 { format!("{part}, {} of {repeat} messages through", self.published) } else { part }
        });
    }

    fn through(&mut self) {
        self.published += 1;
        if self.published < self.publisher.settings.publish.repeat.get() {
            self.next_at = Instant::now().checked_add(self.publisher.settings.publish.repeat_delay);
        } else {
            self.publisher.disconnect();
        }
    }

    fn ended(&self, end: &End) -> u8 {
        let report = self.publisher.report;
        if let Some(error) = self.publisher.client.failure() {
            report.detail(error);
        }
        match end {
            End::Requested => self.publisher.refused.unwrap_or(0),
            End::Refused { reason, .. } => {
                let version = self.publisher.settings.connection.version;
                let status = report.refused(*reason, version);
                report.refused_publisher(version);
                status
            }
            end => report.end(end),
        }
    }
}
