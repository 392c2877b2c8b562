//! Messages from one side to the other.

use super::{Bridge, Link};
use crate::ledger::Stage;
use crate::remote::{Passed, Passing};
use mosquitto_client::mqtt::{Properties, PropertiesBuf, Property, QoS, ReasonCode};
use mosquitto_client::{Message, Publication, RequestError};

/// The first byte of a PUBLISH of QoS 0.
const PUBLISH: u8 = 0x30;

impl Bridge {
    /// Whether the packet of this broker that begins so may be taken. Acknowledgements always are, and so are messages of QoS 1 and
    /// 2, of which there are no more than the window has room for: messages in both directions may wait for what comes behind.
    pub(super) fn takes_outward(&self, first_byte: u8) -> bool {
        // Nobody may wait for anybody in a circle: then it is better dropped.
        publish_qos(first_byte) != Some(0)
            || !self.remote.is_connected()
            || !self.remote.is_congested()
            || !self.takes_inward(PUBLISH)
    }

    /// Whether the packet of the remote broker that begins so may be taken. Acknowledgements always are.
    pub(super) fn takes_inward(&self, first_byte: u8) -> bool {
        let has_room = self.held_inward.messages.is_empty()
            && self.link == Link::Serving
            && !self.local.is_congested()
            && self.inward.under_way() < self.window
            && self.local.has_room(QoS::AtLeastOnce);
        has_room || publish_qos(first_byte).is_none()
    }

    /// What found no room when it came finds it now, perhaps.
    pub(super) fn go_on_holding(&mut self) {
        while self.held_outward.messages.front().is_some_and(|next| self.remote.is_free(next.packet_id))
            && self.remote.has_room()
            && let Some(message) = self.held_outward.messages.pop_front()
        {
            if let Some(message) = self.send_outward(message) {
                self.held_outward.messages.push_front(message);
                break;
            }
        }
        while self.held_inward.messages.front().is_some_and(|next| self.is_free_inward(next.packet_id))
            && self.local.has_room(QoS::AtLeastOnce)
            && !self.local.is_congested()
            && let Some(message) = self.held_inward.messages.pop_front()
        {
            if let Some(message) = self.send_inward(message) {
                self.held_inward.messages.push_front(message);
                break;
            }
        }
        while let Some(&packet_id) = self.held_outward.releases.front()
            && self.send_release_outward(packet_id)
        {
            self.held_outward.releases.pop_front();
        }
        while let Some(&packet_id) = self.held_inward.releases.front()
            && self.local.release(self.now, packet_id)
        {
            self.held_inward.releases.pop_front();
        }
    }

    /// A message of this broker goes to the remote one.
    pub(super) fn pass_outward(&mut self, message: Message) {
        if message.packet_id != 0 {
            match self.outward.stage(message.packet_id) {
                Some(Stage::UnderWay | Stage::Held) if message.dup => return,
                Some(Stage::Done) if message.dup => return self.settle_outward(message.packet_id, message.qos),
                _ => self.outward.begin(message.packet_id, message.qos),
            }
        }
        let comes_behind = message.qos > QoS::AtMostOnce && !self.held_outward.messages.is_empty();
        let held = if comes_behind { Some(message) } else { self.send_outward(message) };
        self.held_outward.messages.extend(held);
    }

    /// Returns the message where it has to wait.
    fn send_outward(&mut self, message: Message) -> Option<Message> {
        let Some(topic) = self.remote.topics().to_remote(&message.topic) else {
            self.remote.counters().dropped_out_unmapped += 1;
            self.settle_outward(message.packet_id, message.qos);
            return None;
        };
        let properties = forwarded(message.properties.as_properties());
        let passing = Passing {
            topic: &topic,
            payload: &message.payload,
            qos: message.qos,
            packet_id: message.packet_id,
            dup: message.dup,
            retain: message.retain,
            properties: properties.as_properties(),
        };
        match self.remote.publish(self.now, passing) {
            Passed::UnderWay(_) => self.outward.sent(message.packet_id),
            // What the remote broker takes at QoS 0 only is through.
            Passed::Sent | Passed::Dropped => self.settle_outward(message.packet_id, message.qos),
            Passed::Later if message.qos == QoS::AtMostOnce => self.remote.counters().dropped_out_congested += 1,
            Passed::Later => return Some(message),
        }
        None
    }

    /// The remote broker has a message of QoS 2, so this one is to release it.
    pub(super) fn received_outward(&mut self, packet_id: u16) {
        let is_awaited = self.outward.arrived(packet_id).is_some();
        if is_awaited && self.local.acknowledge(self.now, packet_id) {
            // The session remembers.
            self.outward.settle(packet_id);
        } else {
            self.remote.release(self.now, packet_id);
        }
    }

    /// This broker has released a message of QoS 2.
    pub(super) fn release_outward(&mut self, packet_id: u16) {
        // [MQTT-4.6.0-4]: in order.
        if !self.held_outward.releases.is_empty() || !self.send_release_outward(packet_id) {
            self.held_outward.releases.push_back(packet_id);
        }
    }

    /// False where it has to wait.
    fn send_release_outward(&mut self, packet_id: u16) -> bool {
        if self.remote.is_below_qos_2() {
            self.local.complete(self.now, packet_id);
            return true;
        }
        self.remote.release(self.now, packet_id)
    }

    /// The remote broker has a message for good, or will not take it: this broker may forget it.
    pub(super) fn passed_outward(&mut self, packet_id: u16) {
        match self.outward.arrived(packet_id) {
            Some(qos) => self.settle_outward(packet_id, qos),
            None => drop(self.local.complete(self.now, packet_id)),
        }
    }

    /// Ends the exchange of a message with this broker where the remote one does not take both steps of it. What is acknowledged
    /// while there is no link is remembered by the session where that is PUBREC, by the ledger else.
    fn settle_outward(&mut self, packet_id: u16, qos: QoS) {
        let in_two_steps = qos == QoS::ExactlyOnce && self.local.options().complete_later;
        let is_told = if in_two_steps {
            // So nothing is left to be released, neither now nor by a bridge that does not know how it ended.
            self.local.refuse(self.now, packet_id, ReasonCode::IMPLEMENTATION_SPECIFIC_ERROR)
        } else {
            self.local.acknowledge(self.now, packet_id)
        };
        let is_remembered = qos == QoS::ExactlyOnce && !in_two_steps;
        if packet_id != 0 && is_told && (is_remembered || self.local.is_connected()) {
            self.outward.settle(packet_id);
        } else {
            self.outward.give_up(packet_id);
        }
    }

    /// The remote broker has accepted a connection, and kept the session or not.
    pub(super) fn resume_inward(&mut self, session_present: bool) {
        let unreleased = std::mem::take(&mut self.unreleased);
        if session_present {
            return;
        }
        self.inward.forget();
        self.held_inward.forget_giver();
        // Nobody else will release what this broker has already.
        self.local.release_all(self.now);
        for packet_id in unreleased {
            self.release_inward(packet_id);
        }
    }

    /// A message of the remote broker goes to this one.
    pub(super) fn pass_inward(&mut self, message: Message) {
        if message.packet_id != 0 {
            match self.inward.stage(message.packet_id) {
                Some(Stage::UnderWay | Stage::Held) if message.dup => return,
                Some(Stage::Done) if message.dup => return self.settle_inward(message.packet_id, message.qos),
                _ => self.inward.begin(message.packet_id, message.qos),
            }
            if !message.dup && !self.is_free_inward(message.packet_id) {
                // One that has had the identifier before, in a session of which the remote broker knows nothing any more.
                self.local.release(self.now, message.packet_id);
            }
        }
        let held = self.send_inward(message);
        self.held_inward.messages.extend(held);
    }

    fn is_free_inward(&self, packet_id: u16) -> bool {
        packet_id == 0 || self.local.is_free(packet_id)
    }

    /// Returns the message where it has to wait.
    fn send_inward(&mut self, message: Message) -> Option<Message> {
        let Some(topic) = self.remote.topics().to_local(&message.topic) else {
            self.remote.drop_unmapped(&message.topic);
            self.settle_inward(message.packet_id, message.qos);
            return None;
        };
        let properties = forwarded(message.properties.as_properties());
        let mut publication = Publication {
            topic: &topic,
            payload: &message.payload,
            qos: message.qos,
            retain: message.retain,
            properties: properties.as_properties(),
        };
        loop {
            match self.publish_locally(&message, publication) {
                Ok(()) => {
                    self.remote.counters().messages_in += 1;
                    self.inward.sent(message.packet_id);
                    if publication.qos == QoS::AtMostOnce {
                        self.settle_inward(message.packet_id, message.qos);
                    }
                }
                Err(RequestError::QoSNotSupported { maximum }) if maximum < publication.qos => {
                    publication.qos = maximum;
                    continue;
                }
                Err(RequestError::RetainNotSupported) if publication.retain => {
                    publication.retain = false;
                    continue;
                }
                Err(RequestError::Full) => return Some(message),
                Err(RequestError::NotConnected) => self.remote.counters().dropped_disconnected += 1,
                Err(_) => {
                    self.remote.counters().refused_by_local += 1;
                    self.settle_inward(message.packet_id, message.qos);
                }
            }
            return None;
        }
    }

    fn publish_locally(&mut self, message: &Message, publication: Publication<'_>) -> Result<(), RequestError> {
        let published = if message.packet_id == 0 || publication.qos == QoS::AtMostOnce {
            self.local.publish(self.now, publication)
        } else {
            self.local.publish_as(self.now, message.packet_id, message.dup, publication)
        };
        published.map(drop)
    }

    /// This broker has a message of QoS 2, so the remote one is to release it.
    pub(super) fn received_inward(&mut self, packet_id: u16) {
        let is_awaited = self.inward.arrived(packet_id).is_some();
        if is_awaited && self.remote.acknowledge(self.now, packet_id) {
            // The session remembers.
            self.inward.settle(packet_id);
        } else {
            self.local.release(self.now, packet_id);
        }
    }

    /// The remote broker has released a message of QoS 2. If this one does not know it, no harm is done.
    pub(super) fn release_inward(&mut self, packet_id: u16) {
        if !self.held_inward.releases.is_empty() || !self.local.release(self.now, packet_id) {
            self.held_inward.releases.push_back(packet_id);
        }
    }

    /// This broker has a message for good, or will not take it: the remote broker may forget it.
    pub(super) fn passed_inward(&mut self, packet_id: u16, reason: ReasonCode) {
        match self.inward.arrived(packet_id) {
            Some(qos) => {
                self.remote.counters().refused_by_local += u64::from(reason.is_error());
                self.settle_inward(packet_id, qos);
            }
            None => drop(self.remote.complete(self.now, packet_id)),
        }
    }

    fn settle_inward(&mut self, packet_id: u16, qos: QoS) {
        let lasting = qos == QoS::ExactlyOnce || self.remote.is_connected();
        if packet_id != 0 && self.remote.acknowledge(self.now, packet_id) && lasting {
            self.inward.settle(packet_id);
        } else {
            self.inward.give_up(packet_id);
        }
    }
}

/// The QoS of the PUBLISH that begins so, if it is one.
fn publish_qos(first_byte: u8) -> Option<u8> {
    (first_byte >> 4 == PUBLISH >> 4).then_some((first_byte >> 1) & 3)
}

/// The properties of a message without those that belong to one connection or subscription.
fn forwarded(properties: Properties<'_>) -> PropertiesBuf {
    let own =
        |property: &Property<'_>| matches!(property, Property::TopicAlias(_) | Property::SubscriptionIdentifier(_));
    properties.iter().filter(|property| !own(property)).collect()
}
