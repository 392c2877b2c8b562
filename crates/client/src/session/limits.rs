//! What a server takes.

use crate::RequestError;
use mosquitto_mqtt::{MAX_REMAINING_LENGTH, Properties, Property, QoS, ReasonCode};

/// The limits that a server of MQTT 5 announces in CONNACK; without them, those of the protocol.
#[derive(Debug)]
pub(super) struct ServerLimits {
    pub(super) receive_maximum: u16,
    /// Bytes of a whole packet.
    packet_bytes_max: usize,
    maximum_qos: QoS,
    retain: bool,
    /// Unknown before CONNACK: then any may be queued.
    pub(super) topic_alias_maximum: u16,
    pub(super) wildcards: bool,
    pub(super) shared: bool,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            receive_maximum: u16::MAX,
            packet_bytes_max: MAX_REMAINING_LENGTH as usize + 5,
            maximum_qos: QoS::ExactlyOnce,
            retain: true,
            topic_alias_maximum: u16::MAX,
            wildcards: true,
            shared: true,
        }
    }
}

impl ServerLimits {
    pub(super) fn new(connack: Properties<'_>) -> Self {
        let mut limits = Self { topic_alias_maximum: 0, ..Self::default() };
        for property in connack.iter() {
            match property {
                Property::ReceiveMaximum(maximum) => limits.receive_maximum = maximum,
                Property::MaximumPacketSize(bytes) => {
                    limits.packet_bytes_max = limits.packet_bytes_max.min(bytes as usize);
                }
                Property::MaximumQoS(qos) => limits.maximum_qos = QoS::from_bits(qos).unwrap_or_default(),
                Property::TopicAliasMaximum(maximum) => limits.topic_alias_maximum = maximum,
                Property::RetainAvailable(available) => limits.retain = available == 1,
                Property::WildcardSubscriptionAvailable(available) => limits.wildcards = available == 1,
                Property::SharedSubscriptionAvailable(available) => limits.shared = available == 1,
                _ => {}
            }
        }
        limits
    }

    /// `[MQTT-3.2.2-11]` `[MQTT-3.2.2-14]`
    pub(super) fn check_publish(&self, qos: QoS, retain: bool) -> Result<(), RequestError> {
        if qos > self.maximum_qos {
            return Err(RequestError::QoSNotSupported { maximum: self.maximum_qos });
        }
        if retain && !self.retain {
            return Err(RequestError::RetainNotSupported);
        }
        Ok(())
    }

    /// `[MQTT-3.2.2-17]` `[MQTT-3.2.2-18]` `[MQTT-3.3.2-8]`
    pub(super) fn check_alias(&self, alias: Option<u16>) -> Result<(), RequestError> {
        if alias.is_some_and(|alias| alias == 0 || alias > self.topic_alias_maximum) {
            return Err(RequestError::TopicAlias { maximum: self.topic_alias_maximum });
        }
        Ok(())
    }

    /// `[MQTT-3.2.2-15]`
    pub(super) fn check_len(&self, packet_len: usize) -> Result<(), RequestError> {
        if packet_len > self.packet_bytes_max {
            return Err(RequestError::TooLarge { limit: self.packet_bytes_max });
        }
        Ok(())
    }
}

/// The reason with which the server itself would have refused what was not sent.
pub(super) fn as_reason(error: RequestError) -> ReasonCode {
    match error {
        RequestError::QoSNotSupported { .. } => ReasonCode::QOS_NOT_SUPPORTED,
        RequestError::RetainNotSupported => ReasonCode::RETAIN_NOT_SUPPORTED,
        RequestError::TopicAlias { .. } => ReasonCode::TOPIC_ALIAS_INVALID,
        RequestError::TooLarge { .. } => ReasonCode::PACKET_TOO_LARGE,
        _ => ReasonCode::UNSPECIFIED_ERROR,
    }
}
