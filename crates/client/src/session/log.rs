//! Packets in the words of `mosquitto_sub -d`.

use super::Session;
use crate::Event;
use mosquitto_mqtt::QoS;

/// What the log tells of a PUBLISH.
#[derive(Debug, Clone, Copy)]
pub(super) struct PublishLine<'a> {
    pub(super) dup: bool,
    pub(super) qos: QoS,
    pub(super) retain: bool,
    pub(super) packet_id: u16,
    pub(super) topic: &'a str,
    pub(super) payload_len: usize,
}

impl PublishLine<'_> {
    pub(super) fn text(self, verb: &str) -> String {
        let Self { dup, qos, retain, packet_id, topic, payload_len } = self;
        format!(
            "{verb} PUBLISH (d{}, q{}, r{}, m{packet_id}, '{topic}', ... ({payload_len} bytes))",
            u8::from(dup),
            qos.bits(),
            u8::from(retain)
        )
    }
}

impl Session {
    pub(super) fn log(&mut self, text: impl FnOnce() -> String) {
        if self.options.log_packets {
            self.events.push_back(Event::Log(text()));
        }
    }
}
