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
            return match self.session.publish(self.now, publication) {
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
