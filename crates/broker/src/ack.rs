//! PUBACK, PUBREC, PUBREL and PUBCOMP from a client.

use crate::log::log;
use crate::protocol_error::Refused;
use crate::received::Flow;
use crate::window::Awaiting;
use crate::{ConnectionId, Shard};
use mosquitto_mqtt::packet::Ack;
use mosquitto_mqtt::{PacketType, ReasonCode};

impl Shard {
    /// The end of a QoS 1 message. One for an identifier that is not in use says nothing and is ignored.
    pub(crate) fn on_puback(&mut self, id: ConnectionId, slot: u32, ack: &Ack<'_>) -> Result<(), Refused> {
        self.log_ack(id, "PUBACK", ack);
        self.finish(id, slot, ack.packet_id, Awaiting::PubAck)
    }

    /// The middle of a QoS 2 message: the client has it. Answered with PUBREL `[MQTT-4.3.3-4]`, also where the
    /// identifier is not in use, so that a client that lost its way gets on.
    pub(crate) fn on_pubrec(&mut self, id: ConnectionId, slot: u32, ack: &Ack<'_>) -> Result<(), Refused> {
        log!(self.home.log, Debug, "Received PUBREC from {} (Mid: {})", self.home.name_of(id), ack.packet_id);
        let Some(session) = self.home.sessions.get_mut(slot) else { return Ok(()) };
        match session.window.find(ack.packet_id) {
            // One that refuses what is not known changes nothing.
            None if ack.reason.is_error() => {}
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
                let doing = if ack.reason.is_error() { "deleting" } else { "updating" };
                return Err(self.protocol_error(id, format_args!("Mismatched QoS (1:2) when {doing} outgoing message")));
            }
            Some(entry) if entry.awaiting == Awaiting::PubComp && ack.reason.is_error() => {
                // It has taken the message before.
                return Err(self.mismatched_state(id, Awaiting::PubComp, Awaiting::PubRec));
            }
            Some(_) if ack.reason.is_error() => {
                // MQTT 5, 4.3.3: the client does not want it, and that is the end of it.
                self.home.finish(slot, ack.packet_id);
                self.home.pump(slot);
                return Ok(());
            }
            Some(entry) => {
                let (number, is_news) = (entry.number, entry.awaiting == Awaiting::PubRec);
                session.window.handed_over(ack.packet_id);
                if is_news {
                    self.home.changes.handed_over(slot, session, number, ack.packet_id);
                }
            }
        }
        if !ack.reason.is_error() {
            self.home.acknowledge(id, PacketType::PubRel, ack.packet_id, ReasonCode::SUCCESS);
            self.home.expect_acknowledgement(id, slot, ack.packet_id);
        }
        Ok(())
    }

    /// The end of a QoS 2 message to the client.
    pub(crate) fn on_pubcomp(&mut self, id: ConnectionId, slot: u32, ack: &Ack<'_>) -> Result<(), Refused> {
        self.log_ack(id, "PUBCOMP", ack);
        self.finish(id, slot, ack.packet_id, Awaiting::PubComp)
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
    fn finish(&mut self, id: ConnectionId, slot: u32, packet_id: u16, expected: Awaiting) -> Result<(), Refused> {
        let Some(session) = self.home.sessions.get_mut(slot) else { return Ok(()) };
        let number = match session.window.find(packet_id) {
            None => return Ok(()),
            Some(entry) if entry.awaiting == expected => entry.number,
            Some(entry) => {
                let awaiting = entry.awaiting;
                return Err(self.mismatched(id, awaiting, expected));
            }
        };
        session.window.finish(packet_id);
        self.home.changes.finished(slot, session, number, packet_id);
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

    /// An acknowledgement is not the one that the message waits for.
    #[cold]
    fn mismatched(&mut self, id: ConnectionId, awaiting: Awaiting, expected: Awaiting) -> Refused {
        let (has, wants) = (qos_of(awaiting), qos_of(expected));
        if has == wants {
            return self.mismatched_state(id, awaiting, expected);
        }
        self.protocol_error(id, format_args!("Mismatched QoS ({has}:{wants}) when deleting outgoing message"))
    }

    #[cold]
    fn mismatched_state(&mut self, id: ConnectionId, awaiting: Awaiting, expected: Awaiting) -> Refused {
        let (has, wants) = (state_of(awaiting), state_of(expected));
        self.protocol_error(id, format_args!("Mismatched state ({has}:{wants}) when deleting outgoing message"))
    }
}

/// The QoS of a message that waits for this.
fn qos_of(awaiting: Awaiting) -> u8 {
    if awaiting == Awaiting::PubAck { 1 } else { 2 }
}

/// The number by which Mosquitto's log calls this.
fn state_of(awaiting: Awaiting) -> u8 {
    match awaiting {
        Awaiting::Nothing => 0,
        Awaiting::PubAck => 3,
        Awaiting::PubRec => 5,
        Awaiting::PubComp => 9,
    }
}
