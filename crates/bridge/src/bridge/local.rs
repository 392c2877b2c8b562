//! The link: the connection to this broker, which is made of memory.

use super::{Action, Bridge, Held, Link};
use crate::ledger::Ledger;
use mosquitto_client::mqtt::packet::{RetainHandling, Subscription, SubscriptionOptions};
use mosquitto_client::mqtt::{Properties, QoS, ReasonCode, SharedFilter};
use mosquitto_client::{End, Moment, Options, Publication, RequestError, Session};
use mosquitto_config::LogType;

/// How long a link stays closed that this broker has closed, in milliseconds: perhaps somebody else uses its name.
const LINK_PAUSE_MS: u64 = 5000;

impl Bridge {
    /// The link that was asked for is open.
    pub fn link_opened(&mut self, now: Moment) {
        self.advance(now);
        if self.link == Link::Opening {
            self.local.connect(self.now);
        }
        self.go_on();
    }

    /// Handles the first packet of `bytes`, which came in over the link. Returns how many bytes it took: 0 while the packet is
    /// not whole, or while the remote broker cannot take a message.
    pub fn link_received(&mut self, now: Moment, bytes: &[u8]) -> usize {
        self.advance(now);
        self.go_on();
        if self.link == Link::Closed {
            return bytes.len();
        }
        if bytes.first().is_some_and(|first| !self.takes_outward(*first)) {
            return 0;
        }
        let taken = self.local.received(self.now, bytes);
        self.go_on();
        taken
    }

    /// This broker has closed the link.
    pub fn link_closed(&mut self, now: Moment) {
        self.advance(now);
        if self.link != Link::Closed {
            self.local.closed(self.now);
            // One whose CONNECT was not sent tells nothing of its end.
            if !self.local.has_events() {
                self.link_is_over();
            }
        }
        self.go_on();
    }

    /// The bytes for this broker.
    pub fn link_output(&self) -> &[u8] {
        self.local.output()
    }

    /// This broker has taken the first `len` bytes of that output.
    pub fn link_sent(&mut self, len: usize) {
        self.local.sent(len);
    }

    pub(super) fn open_link(&mut self) {
        if self.link == Link::Closed {
            self.link = Link::Opening;
            self.link_at = None;
            self.actions.push_back(Action::OpenLink);
        }
    }

    /// There is a remote broker, so there has to be a link.
    pub(super) fn remote_is_there(&mut self) {
        match self.link {
            Link::Closed => self.open_link(),
            Link::Introducing => self.serve(),
            Link::Opening | Link::Serving => {}
        }
    }

    /// This broker has accepted the link.
    pub(super) fn link_accepted(&mut self, session_present: bool) {
        if !session_present {
            self.outward.forget();
            self.held_outward.forget_giver();
            self.remote.nobody_waits();
            self.unreleased.clear();
            self.local.free_reserved();
            self.gone.clear();
            if self.passed_over != 0 {
                self.pass_over();
            }
        }
        if self.remote.is_connected() {
            self.serve();
        } else {
            self.introduce();
        }
    }

    /// Passes messages on from now on. Subscribing again brings what is retained, and what the other topic lines of another
    /// configuration want.
    fn serve(&mut self) {
        self.link = Link::Serving;
        self.notify_locally(b"1");
        self.subscribe_locally(RetainHandling::Always);
    }

    /// Has this broker know the session, so that it keeps what is for the bridge.
    fn introduce(&mut self) {
        self.link = Link::Introducing;
        self.notify_locally(b"0");
        if !self.config.local_clean_session() {
            self.subscribe_locally(RetainHandling::Never);
        }
        self.go_on_introducing();
    }

    /// Goes on to subscribe, and closes a link that was for that alone.
    pub(super) fn go_on_introducing(&mut self) {
        if !self.unasked.is_empty() {
            let serving = self.link == Link::Serving;
            self.go_on_subscribing(if serving { RetainHandling::Always } else { RetainHandling::Never });
        }
        if let Some(payload) = self.unsaid {
            self.notify_locally(payload);
        }
        if self.unanswered.is_empty() && self.unasked.is_empty() && self.unsaid.is_none() {
            self.gone.clear();
            self.is_introduced |= matches!(self.link, Link::Introducing | Link::Serving);
            if self.link == Link::Introducing {
                self.end_link(ReasonCode::SUCCESS);
            }
        }
    }

    /// Publishes the state of the bridge here, at once or when messages under way leave room for it.
    fn notify_locally(&mut self, payload: &'static [u8]) {
        self.unsaid = None;
        if !self.config.notifications {
            return;
        }
        let topic = self.remote.notification_topic().to_owned();
        let message = Publication { retain: true, ..Publication::new(&topic, payload, QoS::AtLeastOnce) };
        let published = match self.local.publish(self.now, message) {
            Err(RequestError::RetainNotSupported) => {
                self.local.publish(self.now, Publication { retain: false, ..message })
            }
            other => other,
        };
        match published {
            Ok(packet_id) => {
                self.unanswered.insert(packet_id);
                self.own.insert(packet_id);
            }
            Err(RequestError::Full) => self.unsaid = Some(payload),
            Err(error) => {
                let text = format!("Warning: Bridge {}: {topic}: {error}.", self.config.name);
                self.actions.push_back(Action::Log(LogType::Warning, text));
            }
        }
    }

    fn subscribe_locally(&mut self, retained: RetainHandling) {
        let topics = self.remote.topics().clone();
        self.unasked = self.gone.iter().map(|filter| (filter.clone(), None)).collect();
        for (filter, qos) in topics.local_subscriptions() {
            self.unasked.push_back((filter.to_owned(), Some(qos)));
            let text = format!("Bridge {} doing local SUBSCRIBE on topic {filter}", self.local.options().client_id);
            self.actions.push_back(Action::Log(LogType::Debug, text));
        }
        self.go_on_subscribing(retained);
    }

    fn go_on_subscribing(&mut self, retain_handling: RetainHandling) {
        while let Some((filter, qos)) = self.unasked.front() {
            // A shared subscription must not ask for it [MQTT-3.8.3-4].
            let no_local = SharedFilter::new(filter).is_ok_and(|filter| filter.group.is_none());
            let asked = match *qos {
                None => self.local.unsubscribe(self.now, &[filter], Properties::EMPTY),
                Some(qos) => {
                    let options = SubscriptionOptions { qos, no_local, retain_as_published: true, retain_handling };
                    self.local.subscribe(self.now, &[Subscription { filter, options }], Properties::EMPTY)
                }
            };
            match asked {
                Ok(packet_id) => drop(self.unanswered.insert(packet_id)),
                Err(RequestError::Full) => return,
                Err(error) => {
                    let text = format!("Warning: Bridge {}: {filter}: {error}.", self.config.name);
                    self.actions.push_back(Action::Log(LogType::Warning, text));
                }
            }
            self.unasked.pop_front();
        }
    }

    /// There is no remote broker any more: what is for the bridge waits at this broker, by the rules for clients that are away.
    /// The will says that the bridge is gone.
    pub(super) fn leave_link(&mut self) {
        match self.link {
            Link::Introducing | Link::Serving => {
                let with_will = self.config.notifications && self.link == Link::Serving;
                let reason = if with_will { ReasonCode::DISCONNECT_WITH_WILL_MESSAGE } else { ReasonCode::SUCCESS };
                self.end_link(reason);
            }
            // It introduces the session, and is closed then.
            Link::Opening | Link::Closed => {}
        }
    }

    fn end_link(&mut self, reason: ReasonCode) {
        self.local.disconnect(self.now, reason, Properties::EMPTY);
        self.link_is_over();
    }

    /// The sessions have to begin anew: what this broker has not been acknowledged it will send again.
    pub(super) fn forget(&mut self) {
        let was_open = self.link != Link::Closed;
        if was_open {
            self.end_link(ReasonCode::SUCCESS);
        }
        let complete_later = self.remote.goes_in_two_steps();
        self.local = Session::new(Options { complete_later, ..self.local.options().clone() });
        self.own.clear();
        (self.outward, self.inward) = (Ledger::default(), Ledger::default());
        (self.held_outward, self.held_inward) = (Held::default(), Held::default());
        if was_open {
            self.open_link();
        }
    }

    /// The link is over; where that was wanted, it was followed already.
    pub(super) fn link_over(&mut self, end: &End) {
        if *end != End::Requested && self.link != Link::Closed {
            let name = &self.config.name;
            let text = format!("Warning: Bridge {name}: its session at this broker was interrupted ({end:?}).");
            self.actions.push_back(Action::Log(LogType::Warning, text));
            self.link_is_over();
        }
    }

    /// A link that is being opened is not wanted any more, nor one that was to be opened later.
    pub(super) fn give_link_up(&mut self) {
        self.local.closed(self.now);
        self.link_is_over();
        self.link_at = None;
    }

    fn link_is_over(&mut self) {
        let was_closed = self.link == Link::Closed;
        self.link = Link::Closed;
        self.unanswered.clear();
        self.unasked.clear();
        self.unsaid = None;
        if !was_closed {
            self.actions.push_back(Action::CloseLink);
            // Without its subscriptions nothing waits for the bridge, nor does a lazy one ever wake.
            if self.remote.is_connected() || !self.is_introduced {
                self.link_at = Some(self.now + LINK_PAUSE_MS);
            }
        }
    }
}
