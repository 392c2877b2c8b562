//! Topic aliases towards the server (MQTT 5, 3.3.2.3.4): one for each of the first topics of a connection, as many as the server
//! and the options allow. They are put in when a packet is sent: what is sent again may be so on another connection.

use super::Session;
use mosquitto_mqtt::packet::Publish;
use mosquitto_mqtt::{FixedHeader, PropertiesBuf, Property, varint_len};
use std::collections::HashMap;

/// The aliases of a connection, by topic.
#[derive(Debug, Default)]
pub(super) struct Aliases(HashMap<Box<str>, u16>);

impl Aliases {
    /// What ends with a connection.
    pub(super) fn clear(&mut self) {
        self.0 = HashMap::new();
    }
}

impl Session {
    /// A PUBLISH as it is sent with an alias; none where it has to do without.
    pub(super) fn aliased(&mut self, packet: &Publish<'_>) -> Option<Vec<u8>> {
        let (known, alias) = self.alias_of(packet)?;
        let mut properties: PropertiesBuf = packet.properties.iter().collect();
        properties.push(Property::TopicAlias(alias));
        let topic = if known { "" } else { packet.topic };
        let aliased = Publish { topic, properties: properties.as_properties(), ..*packet };
        let version = self.options.version;
        let remaining = aliased.remaining_length(version);
        let len = 1 + varint_len(u32::try_from(remaining).ok()?) + remaining;
        if len > self.options.aliased_packet_max || self.limits.check_len(len).is_err() {
            return None;
        }
        if !known {
            self.aliases.0.insert(packet.topic.into(), alias);
        }
        let mut bytes = Vec::with_capacity(len);
        aliased.encode(version, &mut bytes);
        Some(bytes)
    }

    /// Likewise of one that is encoded.
    pub(super) fn aliased_bytes(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        if self.aliases_max() == 0 {
            return None;
        }
        let header = FixedHeader::parse(packet).ok()??;
        let body = packet.get(usize::from(header.header_len)..)?;
        let publish = Publish::decode(header.first_byte, body, self.options.version).ok()?;
        self.aliased(&publish)
    }

    /// The alias that a packet may have, and whether the server knows it. `[MQTT-3.3.2-8]`
    fn alias_of(&self, packet: &Publish<'_>) -> Option<(bool, u16)> {
        let maximum = self.aliases_max();
        let has_own = || packet.properties.iter().any(|property| matches!(property, Property::TopicAlias(_)));
        if maximum == 0 || has_own() {
            return None;
        }
        if let Some(&alias) = self.aliases.0.get(packet.topic) {
            return Some((true, alias));
        }
        let next = u16::try_from(self.aliases.0.len()).ok()?;
        (next < maximum).then_some((false, next.saturating_add(1)))
    }

    fn aliases_max(&self) -> u16 {
        let maximum = self.options.topic_aliases_out.min(self.limits.topic_alias_maximum);
        if self.options.version.is_v5() { maximum } else { 0 }
    }
}
