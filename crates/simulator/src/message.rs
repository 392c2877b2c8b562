//! Application messages, each with a number that its payload begins with.

use mosquitto_mqtt::{Properties, PropertiesBuf, Property, QoS};
use std::fmt;
use std::rc::Rc;

/// A message as its publisher made it.
pub(crate) struct Message {
    /// 0 for one with an empty payload, which cannot be told from another one.
    pub(crate) number: u32,
    pub(crate) topic: Rc<str>,
    pub(crate) payload: Vec<u8>,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) expiry_s: Option<u32>,
    /// Whether it carries a user property with its number (MQTT 5).
    pub(crate) tagged: bool,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, topic, payload, qos, retain, expiry_s, tagged } = self;
        write!(
            f,
            "#{number} {topic:?} q{} r{retain} {} bytes, expiry {expiry_s:?}, {tagged}",
            qos.bits(),
            payload.len()
        )
    }
}

impl Message {
    /// The number that a payload begins with; 0 for an empty one.
    pub(crate) fn number_of(payload: &[u8]) -> Option<u32> {
        if payload.is_empty() {
            return Some(0);
        }
        u32::from_str_radix(std::str::from_utf8(payload.get(..8)?).ok()?, 16).ok()
    }

    /// A payload with a number and so many bytes more.
    pub(crate) fn payload(number: u32, more: usize) -> Vec<u8> {
        let mut payload = format!("{number:08x}").into_bytes();
        payload.resize(8 + more, b'.');
        payload
    }

    /// The properties that subscribers have to get unaltered `[MQTT-3.3.2-17]` `[MQTT-3.3.2-18]`.
    pub(crate) fn user_property(&self) -> Option<(&'static str, String)> {
        self.tagged.then(|| ("number", self.number.to_string()))
    }

    /// The properties of its PUBLISH from its publisher.
    pub(crate) fn properties(&self, alias: Option<u16>) -> PropertiesBuf {
        let mut properties = PropertiesBuf::new();
        if let Some((name, value)) = self.user_property() {
            properties.push(Property::UserProperty((name, &value)));
        }
        if let Some(seconds) = self.expiry_s {
            properties.push(Property::MessageExpiryInterval(seconds));
        }
        if let Some(alias) = alias {
            properties.push(Property::TopicAlias(alias));
        }
        properties
    }
}

/// What the properties of a delivered PUBLISH say.
#[derive(Debug, Default, Clone)]
pub(crate) struct Said {
    pub(crate) identifier: Option<u32>,
    pub(crate) identifiers: usize,
    pub(crate) alias: Option<u16>,
    pub(crate) expiry_s: Option<u32>,
    pub(crate) user: Option<(String, String)>,
    pub(crate) other: usize,
}

impl Said {
    pub(crate) fn by(properties: Properties<'_>) -> Self {
        let mut said = Self::default();
        for property in properties.iter() {
            match property {
                Property::SubscriptionIdentifier(identifier) => {
                    said.identifier = Some(identifier);
                    said.identifiers += 1;
                }
                Property::TopicAlias(alias) => said.alias = Some(alias),
                Property::MessageExpiryInterval(seconds) => said.expiry_s = Some(seconds),
                Property::UserProperty((name, value)) if said.user.is_none() => {
                    said.user = Some((name.to_owned(), value.to_owned()));
                }
                _ => said.other += 1,
            }
        }
        said
    }
}
