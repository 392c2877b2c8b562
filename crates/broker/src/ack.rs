//! PUBACK, PUBREC, PUBREL and PUBCOMP from a client.

use crate::log::log;
use crate::received::{Flow, protocol_error};
use crate::window::Awaiting;
use crate::{ConnectionId, Shard};
use mosquitto_mqtt::packet::Ack;
use mosquitto_mqtt::{DecodeError, PacketType, ReasonCode};

impl Shard {
    /// The end of a QoS 1 message. One for an identifier that is not in use says nothing and is ignored.
    pub(crate) fn on_puback(&mut self, id: ConnectionId, slot: u32, ack: &Ack<'_>) -> Result<(), DecodeError> {
        self.log_ack(id, "PUBACK", ack);
        self.finish(slot, ack.packet_id, Awaiting::PubAck)
    }

    /// The middle of a QoS 2 message: the client has it. Answered with PUBREL `[MQTT-4.3.3-4]`, also where the
    /// identifier is not in use, so that a client that lost its way gets on.
    pub(crate) fn on_pubrec(&mut self, id: ConnectionId, slot: u32, ack: &Ack<'_>) -> Result<(), DecodeError> {
        log!(self.home.log, Debug, "Received PUBREC from {} (Mid: {})", self.home.name_of(id), ack.packet_id);
        let Some(session) = self.home.sessions.get_mut(slot) else { return Ok(()) };
        match session.window.find(ack.packet_id) {
            None => {
                let name = session.client_id.clone();
                log!(
                    self.home.log,
                    Warning,
                    "Warning: Received PUBREC from {name} for an unknown packet identifier {}.",
                    ack.packet_id
                );
            }
            Some(entry) if entry.awaiting == Awaiting::PubAck => {
                return Err(protocol_error("PUBREC", "is for a message of QoS 1"));
            }
            Some(_) if ack.reason.is_error() => {
                // MQTT 5, 4.3.3: the client does not want it, and that is the end of it.
                session.window.finish(ack.packet_id);
                self.home.pump(slot);
                return Ok(());
            }
            Some(_) => session.window.handed_over(ack.packet_id),
        }
        if !ack.reason.is_error() {
            self.home.acknowledge(id, PacketType::PubRel, ack.packet_id, ReasonCode::SUCCESS);
        }
        Ok(())
    }

    /// The end of a QoS 2 message to the client.
    pub(crate) fn on_pubcomp(&mut self, id: ConnectionId, slot: u32, ack: &Ack<'_>) -> Result<(), DecodeError> {
        self.log_ack(id, "PUBCOMP", ack);
        self.finish(slot, ack.packet_id, Awaiting::PubComp)
    }

    /// The client knows that its QoS 2 message has come: it is delivered now `[MQTT-4.3.3-11]`. Always answered with
    /// PUBCOMP, also where the identifier is not known.
    pub(crate) fn on_pubrel(&mut self, id: ConnectionId, slot: u32, ack: &Ack<'_>) -> Flow {
        if !self.release_message(id, slot, ack.packet_id) {
            return Flow::Held;
        }
        self.home.acknowledge(id, PacketType::PubComp, ack.packet_id, ReasonCode::SUCCESS);
        Flow::Next
    }

    #[inline]
    fn finish(&mut self, slot: u32, packet_id: u16, expected: Awaiting) -> Result<(), DecodeError> {
        let Some(session) = self.home.sessions.get_mut(slot) else { return Ok(()) };
        match session.window.find(packet_id) {
            None => return Ok(()),
            Some(entry) if entry.awaiting == expected => {}
            Some(_) => return Err(protocol_error("acknowledgement", "is not the one that the message waits for")),
        }
        session.window.finish(packet_id);
        if session.window.wants_pump() || session.retained.is_some() {
            self.home.pump(slot);
        }
        Ok(())
    }

    #[inline]
    fn log_ack(&mut self, id: ConnectionId, name: &str, ack: &Ack<'_>) {
        log!(
            self.home.log,
            Debug,
            "Received {name} from {} (Mid: {}, RC:{})",
            self.home.name_of(id),
            ack.packet_id,
            ack.reason.0
        );
    }
}
