//! Messages from one side to the other.

use super::{Bridge, Link};
use crate::ledger::Stage;
use crate::remote::{Passed, Passing};
use mosquitto_client::mqtt::{Properties, PropertiesBuf, Property, QoS, ReasonCode};
use mosquitto_client::{Message, Publication, RequestError};

/// The first byte of a PUBLISH of QoS 0.
const PUBLISH: u8 = 0x30;

impl Bridge {
    /// Whether the packet of this broker that begins so may be taken. Acknowledgements always are: messages in the other
    /// direction may wait for them. Of messages of QoS 1 and 2 there are no more than the window has room for.
    pub(super) fn takes_outward(&self, first_byte: u8) -> bool {
        match publish_qos(first_byte) {
            None => true,
            // Nobody may wait for anybody in a circle: then it is better dropped.
            Some(0) => !self.remote.is_connected() || !self.remote.is_congested() || !self.takes_inward(PUBLISH),
            Some(_) => self.held_outward.is_none(),
        }
    }

    /// Whether the packet of the remote broker that begins so may be taken. Acknowledgements always are.
    pub(super) fn takes_inward(&self, first_byte: u8) -> bool {
        let has_room = self.held_inward.is_none()
            && self.link == Link::Serving
            && !self.local.is_congested()
            && self.inward.len() < self.window
            && self.local.has_room(QoS::AtLeastOnce);
        has_room || publish_qos(first_byte).is_none()
    }

    /// Messages that found no room when they came find it now, perhaps.
    pub(super) fn go_on_holding(&mut self) {
        if self.remote.has_room()
            && let Some(message) = self.held_outward.take()
        {
            self.pass_outward(message);
        }
        if self.local.has_room(QoS::AtLeastOnce)
            && !self.local.is_congested()
            && let Some(message) = self.held_inward.take()
        {
            self.pass_inward(message);
        }
    }

    /// A message of this broker goes to the remote one.
    pub(super) fn pass_outward(&mut self, message: Message) {
        match self.outward.stage(message.packet_id).filter(|_| message.packet_id != 0) {
            Some(Stage::UnderWay) if message.dup => return,
            Some(Stage::Done) if message.dup => return self.settle_outward(message.packet_id, message.qos),
            _ => self.outward.settle(message.packet_id),
        }
        let Some(topic) = self.remote.topics().to_remote(&message.topic) else {
            self.remote.counters().dropped_out_unmapped += 1;
            return self.settle_outward(message.packet_id, message.qos);
        };
        let properties = forwarded(message.properties.as_properties());
        let passing = Passing {
            topic: &topic,
            payload: &message.payload,
            qos: message.qos,
            retain: message.retain,
            properties: properties.as_properties(),
        };
        match self.remote.publish(self.now, passing) {
            Passed::UnderWay(packet_id) if message.packet_id != 0 => {
                self.outward.begin(message.packet_id, message.qos, packet_id);
            }
            Passed::UnderWay(_) => {}
            // What the remote broker takes at QoS 0 only is through.
            Passed::Sent | Passed::Dropped => self.settle_outward(message.packet_id, message.qos),
            Passed::Later if message.qos == QoS::AtMostOnce => self.remote.counters().dropped_out_congested += 1,
            Passed::Later => self.held_outward = Some(message),
        }
    }

    /// The remote broker has a message for good, or will not take it: this broker may forget it.
    pub(super) fn passed_outward(&mut self, packet_id: u16) {
        if let Some((giver, qos)) = self.outward.finish(packet_id) {
            self.settle_outward(giver, qos);
        }
    }

    /// The session remembers what was acknowledged at QoS 2 while there was no link; at QoS 1 the ledger does.
    fn settle_outward(&mut self, packet_id: u16, qos: QoS) {
        let lasting = qos == QoS::ExactlyOnce || self.local.is_connected();
        if packet_id != 0 && self.local.acknowledge(self.now, packet_id) && lasting {
            self.outward.settle(packet_id);
        }
    }

    /// A message of the remote broker goes to this one.
    pub(super) fn pass_inward(&mut self, message: Message) {
        match self.inward.stage(message.packet_id).filter(|_| message.packet_id != 0) {
            Some(Stage::UnderWay) if message.dup => return,
            Some(Stage::Done) if message.dup => return self.settle_inward(message.packet_id, message.qos),
            _ => self.inward.settle(message.packet_id),
        }
        let Some(topic) = self.remote.topics().to_local(&message.topic) else {
            self.remote.counters().dropped_in_unmapped += 1;
            return self.settle_inward(message.packet_id, message.qos);
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
            match self.local.publish(self.now, publication) {
                Ok(packet_id) => {
                    self.remote.counters().messages_in += 1;
                    if publication.qos == QoS::AtMostOnce {
                        self.settle_inward(message.packet_id, message.qos);
                    } else if message.packet_id != 0 {
                        self.inward.begin(message.packet_id, message.qos, packet_id);
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
                Err(RequestError::Full) => self.held_inward = Some(message),
                Err(RequestError::NotConnected) => self.remote.counters().dropped_disconnected += 1,
                Err(_) => {
                    self.remote.counters().refused_by_local += 1;
                    self.settle_inward(message.packet_id, message.qos);
                }
            }
            return;
        }
    }

    /// This broker has a message for good, or will not take it: the remote broker may forget it.
    pub(super) fn passed_inward(&mut self, packet_id: u16, reason: ReasonCode) {
        if let Some((giver, qos)) = self.inward.finish(packet_id) {
            self.remote.counters().refused_by_local += u64::from(reason.is_error());
            self.settle_inward(giver, qos);
        }
    }

    fn settle_inward(&mut self, packet_id: u16, qos: QoS) {
        let lasting = qos == QoS::ExactlyOnce || self.remote.is_connected();
        if packet_id != 0 && self.remote.acknowledge(self.now, packet_id) && lasting {
            self.inward.settle(packet_id);
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
