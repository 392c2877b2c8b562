//! What a bridge says first to a remote broker that has accepted its connection.

use super::{Leaving, Remote, RemoteEvent};
use mosquitto_client::mqtt::packet::{RetainHandling, Subscription, SubscriptionOptions};
use mosquitto_client::mqtt::{Properties, QoS, ReasonCode, SharedFilter};
use mosquitto_client::{Publication, RequestError};
use mosquitto_config::LogType;

/// Something to be said, one packet each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Notify,
    Subscribe(String, QoS),
    Unsubscribe(String),
}

impl Remote {
    /// The remote broker has accepted the connection.
    pub(super) fn begin_setup(&mut self) {
        self.setup.clear();
        self.asked.clear();
        self.setup.push_back(Step::Notify);
        for (filter, qos) in self.topics.remote_requests() {
            match qos {
                Some(qos) => self.setup.push_back(Step::Subscribe(filter.to_owned(), qos)),
                None if self.config.attempt_unsubscribe => self.setup.push_back(Step::Unsubscribe(filter.to_owned())),
                None => {}
            }
        }
        self.go_on_with_setup();
    }

    /// Says as much of it as the session takes: there may be more topic lines than requests under way at once.
    pub(super) fn go_on_with_setup(&mut self) {
        while let Some(step) = self.setup.front().cloned() {
            let done = match &step {
                Step::Notify => self.notify(b"1", QoS::AtLeastOnce),
                Step::Subscribe(filter, qos) => self.subscribe(filter, *qos),
                Step::Unsubscribe(filter) => self.unsubscribe(filter),
            };
            match done {
                Err(RequestError::Full) => {
                    // Where messages leave no room for it, they come first.
                    if step == Step::Notify {
                        self.session.resend(self.now);
                    }
                    return;
                }
                Err(error) => self.log(LogType::Warning, format!("Warning: Bridge {}: {error}.", self.config.name)),
                Ok(()) => {}
            }
            self.setup.pop_front();
        }
        // What was under way on the connection before comes after that, as in Mosquitto.
        self.session.resend(self.now);
    }

    /// Publishes the state of the bridge at the remote broker.
    fn notify(&mut self, payload: &[u8], qos: QoS) -> Result<(), RequestError> {
        if !self.config.notifications || self.config.notifications_local_only {
            return Ok(());
        }
        let topic = self.notification_topic.clone();
        let message = Publication { retain: self.retain, ..Publication::new(&topic, payload, qos.min(self.qos_max)) };
        let packet_id = match self.session.publish(self.now, message) {
            Err(RequestError::QoSNotSupported { maximum }) => {
                self.session.publish(self.now, Publication { qos: maximum, ..message })
            }
            Err(RequestError::RetainNotSupported) => {
                self.session.publish(self.now, Publication { retain: false, ..message })
            }
            other => other,
        }?;
        if self.session.is_unfinished(packet_id) {
            self.own.insert(packet_id);
        }
        Ok(())
    }

    fn subscribe(&mut self, filter: &str, qos: QoS) -> Result<(), RequestError> {
        // A shared subscription must not ask for it [MQTT-3.8.3-4].
        let shared = SharedFilter::new(filter).is_ok_and(|filter| filter.group.is_some());
        let options = SubscriptionOptions {
            qos,
            no_local: !shared,
            retain_as_published: true,
            retain_handling: RetainHandling::Always,
        };
        let packet_id = self.session.subscribe(self.now, &[Subscription { filter, options }], Properties::EMPTY)?;
        self.asked.insert(packet_id, filter.to_owned());
        let (id, qos) = (&self.local_clientid, options.qos.bits());
        let said = if self.session.options().version.is_v5() {
            u8::from(options.no_local) << 2 | u8::from(options.retain_as_published) << 3
        } else {
            0
        };
        let text = format!(
            "Bridge {id} sending SUBSCRIBE (Mid: {packet_id}, Topic: {filter}, QoS: {qos}, Options: 0x{said:02x})"
        );
        self.log(LogType::Debug, text);
        Ok(())
    }

    fn unsubscribe(&mut self, filter: &str) -> Result<(), RequestError> {
        let packet_id = self.session.unsubscribe(self.now, &[filter], Properties::EMPTY)?;
        let text = format!("Bridge {} sending UNSUBSCRIBE (Mid: {packet_id}, Topic: {filter})", self.local_clientid);
        self.log(LogType::Debug, text);
        Ok(())
    }

    /// A SUBSCRIBE is answered.
    pub(super) fn subscribed(&mut self, packet_id: u16, reasons: &[u8]) {
        let filter = self.asked.remove(&packet_id).unwrap_or_default();
        self.log(LogType::Debug, format!("Received SUBACK from {}", self.local_clientid));
        if reasons.iter().any(|reason| ReasonCode(*reason).is_error()) {
            let name = &self.config.name;
            let text = format!("Warning: Bridge {name}: the remote broker refuses the subscription to '{filter}'.");
            self.last_error = Some(format!("subscription to '{filter}' refused"));
            self.log(LogType::Warning, text);
        }
        self.go_on_with_setup();
    }

    /// A message of QoS 1 or 2 is through.
    pub(super) fn through(&mut self, packet_id: u16, reason: ReasonCode) {
        if !self.own.remove(&packet_id) {
            let taken = !reason.is_error();
            self.counters.refused_by_remote += u64::from(!taken);
            self.busy_at = self.now;
            self.events.push_back(RemoteEvent::Through { packet_id, taken });
        }
        if !self.setup.is_empty() {
            self.go_on_with_setup();
        }
    }

    /// Says goodbye, for this reason.
    pub(super) fn leave(&mut self, why: Leaving) {
        self.leaving = Some(why);
        // With the goodbye the remote broker forgets the will that says the same. At QoS 0 it waits neither for room in the
        // window nor to be sent again on the next connection, when it would not be true any more.
        let is_told = self.notify(b"0", QoS::AtMostOnce).is_ok();
        if is_told || self.session.options().version.is_v5() {
            let reason = if is_told { ReasonCode::SUCCESS } else { ReasonCode::DISCONNECT_WITH_WILL_MESSAGE };
            self.session.disconnect(self.now, reason, Properties::EMPTY);
        } else {
            self.session.closed(self.now);
        }
        self.follow_session();
    }
}
