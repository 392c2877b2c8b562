//! `mosquitto_sub`

use crate::connecting::{self, RECONNECT_PAUSE, connect};
use crate::output::Output;
use crate::report::{Report, TIMED_OUT, is_final, packet_line};
use crate::settings::Settings;
use crate::signals::Signalled;
use mosquitto_client::mqtt::packet::{Subscription, SubscriptionOptions};
use mosquitto_client::mqtt::{QoS, ReasonCode, TopicFilter, TopicName};
use mosquitto_client::{Client, End, Event, Message, Next, Publication, RequestError};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// Subscribes and prints messages until something ends it. Returns the exit status.
pub fn run(settings: Settings) -> u8 {
    let report = Report::new(&settings);
    if settings.subscribe.no_retained && settings.subscribe.retained_only {
        eprintln!("\nError: Combining '-R' and '--retained-only' makes no sense.");
        return crate::report::FAILURE;
    }
    let mut client = match connecting::client(&settings, report) {
        Ok(client) => client,
        Err(status) => return status,
    };
    client.set_gathering(true);
    let signalled = match Signalled::watch(client.waker()) {
        Ok(signalled) => signalled,
        Err(error) => return report.unreachable(&error),
    };
    if let Err(error) = connect(&mut client, &settings.connection) {
        return report.lookup(Some(&error));
    }
    let mut output = Output::new(&settings.subscribe);
    if settings.subscribe.watch && !settings.subscribe.message_rate {
        output.watch(&settings.connection.host);
    }
    let rate = settings.subscribe.message_rate.then(Rate::begin);
    let subscriber = Subscriber {
        ends_at: settings.subscribe.timeout.and_then(|timeout| Instant::now().checked_add(timeout)),
        client,
        settings,
        report,
        signalled,
        output,
        printed: 0,
        rate,
        progress: Progress::New,
        ending: false,
        timed_out: false,
        reconnect_at: None,
    };
    subscriber.work()
}

struct Subscriber {
    client: Client,
    settings: Settings,
    report: Report,
    signalled: Signalled,
    output: Output,
    /// Messages for `-C`.
    printed: u32,
    /// With `--message-rate`.
    rate: Option<Rate>,
    progress: Progress,
    /// No more messages are printed.
    ending: bool,
    timed_out: bool,
    /// When `-W` ends it.
    ends_at: Option<Instant>,
    reconnect_at: Option<Instant>,
}

/// Messages in the current second.
struct Rate {
    messages: u64,
    ends_at: Instant,
}

impl Rate {
    const INTERVAL: Duration = Duration::from_secs(1);

    fn begin() -> Self {
        Self { messages: 0, ends_at: Instant::now() + Self::INTERVAL }
    }
}

/// How far it has ever come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Progress {
    New,
    /// There was a connection.
    Reached,
    /// The server has accepted one.
    Accepted,
}

impl Subscriber {
    fn work(mut self) -> u8 {
        loop {
            if !self.client.has_buffered() {
                self.output.flush();
            }
            if self.output.is_broken() {
                self.end(ReasonCode::SUCCESS);
            }
            let timeout = self.timeout();
            // Messages that come without a pause must not put off what the time has come for.
            let next = if timeout == Some(Duration::ZERO) { Ok(Next::TimedOut) } else { self.client.next(timeout) };
            let next = match next {
                Ok(next) => next,
                Err(error) => return self.report.unreachable(&error),
            };
            if let ControlFlow::Break(status) = self.next(next) {
                self.output.flush();
                if self.timed_out {
                    self.report.error("Timed out");
                    return TIMED_OUT;
                }
                return status;
            }
        }
    }

    fn timeout(&self) -> Option<Duration> {
        let ends_at = self.ends_at.filter(|_| !self.timed_out);
        let rate_at = self.rate.as_ref().map(|rate| rate.ends_at);
        let at = [ends_at, self.reconnect_at, rate_at].into_iter().flatten().min()?;
        Some(at.saturating_duration_since(Instant::now()))
    }

    fn next(&mut self, next: Next) -> ControlFlow<u8> {
        match next {
            Next::Event(Event::Disconnected(end)) => return self.disconnected(&end),
            Next::Event(event) => self.event(event),
            Next::Unreachable(error) if self.progress == Progress::New || is_final(&error) => {
                return ControlFlow::Break(self.report.unreachable(&error));
            }
            Next::Unreachable(_) => self.reconnect_at = Some(Instant::now() + RECONNECT_PAUSE),
            Next::Woken if self.signalled.is_ended() => return self.interrupted(),
            Next::TimedOut => return self.time_is_over(),
            Next::Woken | Next::Room => {}
        }
        ControlFlow::Continue(())
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Log(text) => self.output.line(&packet_line(&self.client, &text)),
            Event::Connected { .. } => {
                self.progress = Progress::Accepted;
                self.signalled.act_in_order();
                self.subscribe();
            }
            Event::Message(message) => self.message(&message),
            Event::Subscribed { packet_id, reasons } => self.subscribed(packet_id, &reasons),
            // What --remove-retained has sent is through.
            Event::Published { .. } => self.finish_removing(),
            _ => {}
        }
    }

    fn subscribe(&mut self) {
        let settings = &self.settings.subscribe;
        let options = SubscriptionOptions { qos: self.settings.qos, ..settings.options };
        let list: Vec<_> = settings.filters.iter().map(|filter| Subscription { filter, options }).collect();
        let mut result = Ok(0);
        if !list.is_empty() {
            result = self.client.subscribe(&list, self.settings.properties.subscribe.as_properties());
        }
        let properties = self.settings.properties.unsubscribe.as_properties();
        for filter in &settings.unsubscribe {
            result = result.and_then(|_| self.client.unsubscribe(&[filter], properties));
        }
        if let Err(error) = result {
            self.cannot_subscribe(error);
        }
    }

    fn cannot_subscribe(&mut self, error: RequestError) {
        self.report.error(&format!("Error: Not subscribed: {error}."));
        self.end(ReasonCode::SUCCESS);
    }

    fn subscribed(&mut self, packet_id: u16, reasons: &[ReasonCode]) {
        if self.settings.debug && !self.settings.quiet {
            let reasons: Vec<_> = reasons.iter().map(|reason| reason.0.to_string()).collect();
            self.output.line(&format!("Subscribed (mid: {packet_id}): {}", reasons.join(", ")));
        }
        if !reasons.is_empty() && reasons.iter().all(|reason| reason.is_error()) {
            self.end(ReasonCode::SUCCESS);
            self.report.error("All subscription requests were denied.");
        }
        if self.settings.subscribe.exit_after_subscribing {
            self.end(ReasonCode::SUCCESS);
        }
    }

    fn message(&mut self, message: &Message) {
        let settings = &self.settings.subscribe;
        if let Some(rate) = &mut self.rate {
            rate.messages += 1;
            return;
        }
        if self.ending {
            return;
        }
        if settings.retained_only && !message.retain {
            self.stop();
            return;
        }
        if message.retain && settings.no_retained || self.is_filtered_out(&message.topic) {
            return;
        }
        if settings.remove_retained && message.retain {
            let empty = Publication { retain: true, ..Publication::new(&message.topic, b"", QoS::AtLeastOnce) };
            if let Err(error) = self.client.publish(empty) {
                self.report.error(&format!("Error: {} is not removed: {error}.", message.topic));
            }
        }
        let shown = settings.chance_per_mille.is_none_or(is_drawn);
        if shown && self.output.message(message, settings).is_err() {
            self.report.error(&format!("Error: Message payload is not valid JSON on topic {}.", message.topic));
        }
        self.printed += 1;
        if settings.count.is_some_and(|count| self.printed >= count.get()) {
            self.stop();
        }
    }

    fn is_filtered_out(&self, topic: &str) -> bool {
        let Ok(topic) = TopicName::new(topic) else { return false };
        let filters = self.settings.subscribe.filter_out.iter();
        filters.filter_map(|filter| TopicFilter::new(filter).ok()).any(|filter| filter.matches(topic))
    }

    /// Prints no more, and ends when nothing is under way.
    fn stop(&mut self) {
        self.ending = true;
        self.finish_removing();
    }

    fn finish_removing(&mut self) {
        if self.ending && self.client.session().unfinished_count() == 0 {
            self.end(ReasonCode::SUCCESS);
        }
    }

    /// Prints no more, and ends the connection.
    fn end(&mut self, reason: ReasonCode) {
        self.ending = true;
        if self.client.session().is_connected() {
            self.client.disconnect_with(reason, self.settings.properties.disconnect.as_properties());
        }
    }

    /// A signal or `-W`. The original has the will sent then, where MQTT 5 lets it.
    fn interrupted(&mut self) -> ControlFlow<u8> {
        if !self.client.session().is_connected() {
            return ControlFlow::Break(0);
        }
        self.end(ReasonCode::DISCONNECT_WITH_WILL_MESSAGE);
        ControlFlow::Continue(())
    }

    fn time_is_over(&mut self) -> ControlFlow<u8> {
        let now = Instant::now();
        if self.ends_at.is_some_and(|at| at <= now) {
            if self.progress < Progress::Accepted {
                return ControlFlow::Break(crate::report::TOO_EARLY);
            }
            self.timed_out = true;
            return self.interrupted();
        }
        if let Some(rate) = self.rate.as_mut().filter(|rate| rate.ends_at <= now) {
            self.output.line(&format!("{} msgs/s", rate.messages));
            *rate = Rate { messages: 0, ends_at: rate.ends_at + Rate::INTERVAL };
        }
        if self.reconnect_at.is_some_and(|at| at <= now) {
            self.reconnect_at = None;
            if connect(&mut self.client, &self.settings.connection).is_err() {
                self.reconnect_at = Some(now + RECONNECT_PAUSE);
            }
        }
        ControlFlow::Continue(())
    }

    fn disconnected(&mut self, end: &End) -> ControlFlow<u8> {
        match end {
            End::Requested => ControlFlow::Break(0),
            End::Refused { reason, .. } => {
                ControlFlow::Break(self.report.refused(*reason, self.settings.connection.version))
            }
            End::ServerMisbehaved { reason, .. } if *reason != ReasonCode::MALFORMED_PACKET => {
                ControlFlow::Break(self.report.end(end))
            }
            // It will not go better next time.
            End::Lost if self.client.failure().is_some_and(is_final) => {
                if let Some(error) = self.client.failure() {
                    self.report.detail(error);
                }
                ControlFlow::Break(self.report.end(end))
            }
            _ if self.ending || self.output.is_broken() => ControlFlow::Break(0),
            _ => {
                self.progress = self.progress.max(Progress::Reached);
                self.reconnect_at = Some(Instant::now() + RECONNECT_PAUSE);
                ControlFlow::Continue(())
            }
        }
    }
}

/// Whether a message is printed that is so many times in 1000; always where there are no random numbers.
fn is_drawn(per_mille: u32) -> bool {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).is_err() || u32::from_ne_bytes(bytes) % 1000 < per_mille
}
