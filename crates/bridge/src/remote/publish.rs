//! Messages to the remote broker.

use super::Remote;
use mosquitto_client::mqtt::packet::Publish;
use mosquitto_client::mqtt::{Properties, QoS, varint_len};
use mosquitto_client::{Moment, Publication, RequestError};

/// A message for the remote broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passing<'a> {
    /// The topic name that it has there.
    pub topic: &'a str,
    /// May be empty.
    pub payload: &'a [u8],
    /// As high as the topic line allows.
    pub qos: QoS,
    /// The packet identifier that it has at this broker, and is to have there; 0: any.
    pub packet_id: u16,
    /// Whether the remote broker may have got it before.
    pub dup: bool,
    /// Whether the remote broker is to keep it, if the options allow that.
    pub retain: bool,
    /// Those that are passed on; not sent in MQTT 3.
    pub properties: Properties<'a>,
}

/// What became of a message for the remote broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passed {
    /// It is on its way, at QoS 0: nothing more will be told of it.
    Sent,
    /// It is on its way; [`RemoteEvent::Through`](crate::RemoteEvent::Through) tells when it has arrived for good.
    UnderWay(u16),
    /// It cannot be taken now: try again after output was sent, something was through, or there is a connection.
    Later,
    /// It will never be taken, and is counted.
    Dropped,
}

impl Remote {
    /// Passes a message on. QoS and retain flag are lowered to what the remote broker takes.
    pub fn publish(&mut self, now: Moment, message: Passing<'_>) -> Passed {
        self.advance(now);
        if self.exceeds_limit(&message) {
            self.counters.dropped_out_too_large += 1;
            return Passed::Dropped;
        }
        let mut publication = Publication {
            topic: message.topic,
            payload: message.payload,
            qos: message.qos.min(self.qos_max),
            retain: message.retain && self.config.outgoing_retain && self.retain,
            properties: message.properties,
        };
        loop {
            let published = match message.packet_id {
                packet_id if packet_id > 0 && publication.qos > QoS::AtMostOnce => {
                    self.session.publish_as(self.now, packet_id, message.dup, publication)
                }
                _ => self.session.publish(self.now, publication),
            };
            return match published {
                Ok(packet_id) => {
                    self.busy_at = self.now;
                    self.counters.messages_out += 1;
                    if publication.qos == QoS::AtMostOnce { Passed::Sent } else { Passed::UnderWay(packet_id) }
                }
                // [MQTT-3.2.2-11]
                Err(RequestError::QoSNotSupported { maximum }) if maximum < publication.qos => {
                    publication.qos = maximum;
                    continue;
                }
                // [MQTT-3.2.2-14]
                Err(RequestError::RetainNotSupported) if publication.retain => {
                    publication.retain = false;
                    continue;
                }
                Err(RequestError::Full) => Passed::Later,
                Err(RequestError::NotConnected) => {
                    self.counters.dropped_disconnected += 1;
                    Passed::Dropped
                }
                Err(RequestError::TooLarge { .. }) => {
                    self.counters.dropped_out_too_large += 1;
                    Passed::Dropped
                }
                Err(_) => {
                    self.counters.dropped_out_unmapped += 1;
                    Passed::Dropped
                }
            };
        }
    }

    /// Releases a message of QoS 2, which has come so far at this broker. False: try again when something was through.
    pub fn release(&mut self, now: Moment, packet_id: u16) -> bool {
        self.advance(now);
        self.session.release(self.now, packet_id)
    }

    /// Whether messages go to the remote broker in two steps, so that what this broker keeps of the exchange says what the remote
    /// one has. That helps only where that one has a session that lasts: else what was received, and not released, would be lost.
    pub fn goes_in_two_steps(&self) -> bool {
        self.session.options().release_later
    }

    /// Whether the remote broker has said that it takes no messages of QoS 2.
    pub(crate) fn is_below_qos_2(&self) -> bool {
        self.qos_max < QoS::ExactlyOnce || self.session.is_below_qos_2()
    }

    /// Nobody at this broker waits for messages under way, nor will release them.
    pub(crate) fn nobody_waits(&mut self) {
        self.session.release_all(self.now);
        self.session.free_reserved();
    }

    /// Keeps a packet identifier for a message that the remote broker may know.
    pub(crate) fn reserve(&mut self, packet_id: u16) {
        self.session.reserve(packet_id);
    }

    /// Whether a message can go under this identifier.
    pub(crate) fn is_free(&self, packet_id: u16) -> bool {
        packet_id == 0 || self.session.is_free(packet_id)
    }

    /// Whether so much output is unsent that messages of QoS 0 have to wait.
    pub fn is_congested(&self) -> bool {
        self.session.is_congested()
    }

    /// Whether [`publish`](Self::publish) would not say [`Passed::Later`], whatever the QoS.
    pub fn has_room(&self) -> bool {
        !self.session.is_congested() && self.session.has_room(QoS::AtLeastOnce)
    }

    /// Whether the packet would be larger than `bridge_max_packet_size`.
    fn exceeds_limit(&self, message: &Passing<'_>) -> bool {
        let limit = self.config.max_packet_size as usize;
        if limit == 0 {
            return false;
        }
        let version = self.session.options().version;
        let packet = Publish {
            dup: false,
            qos: message.qos,
            retain: message.retain,
            topic: message.topic,
            packet_id: 1,
            properties: if version.is_v5() { message.properties } else { Properties::EMPTY },
            payload: message.payload,
        };
        let remaining = packet.remaining_length(version);
        1 + varint_len(u32::try_from(remaining).unwrap_or(u32::MAX)) + remaining > limit
    }
}
