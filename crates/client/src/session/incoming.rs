//! Messages from the server.

use super::log::PublishLine;
use super::{Misbehaviour, Phase, Session};
use crate::{Event, Message, Moment};
use mosquitto_mqtt::packet::{Ack, Publish};
use mosquitto_mqtt::{PacketType, Property, QoS, ReasonCode};
use std::collections::HashMap;

/// Bytes of messages of QoS 2 that the server has not released, at most; one message may be larger.
const HELD_BYTES_MAX: usize = 256 * 1024 * 1024;

/// What is kept of messages from the server.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    /// Messages of QoS 2 that the server has not released with PUBREL, by packet identifier.
    held: HashMap<u16, Message>,
    /// Of all of their fields.
    held_bytes: usize,
    /// Where the owner acknowledges: messages that are not through, by packet identifier.
    later: HashMap<u16, Awaited>,
    /// Those of `later` that count against the Receive Maximum.
    counted: usize,
    /// The topics that the server's aliases stand for, on this connection.
    aliases: HashMap<u16, String>,
}

/// A message that the owner acknowledges.
#[derive(Debug, Clone, Copy)]
struct Awaited {
    stage: Later,
    /// Whether its PUBLISH came on this connection: with each, the server's quota is new (MQTT 5, 4.9).
    is_counted: bool,
}

/// How far a message has come that the owner acknowledges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Later {
    /// QoS 1: PUBACK is due.
    Acknowledge,
    /// QoS 2: PUBREC is due.
    Receive,
    /// QoS 2: PUBREC was due, and PUBREL has to come.
    Release,
    /// QoS 2: PUBCOMP is due.
    Complete,
}

impl Incoming {
    /// What ends with a connection.
    pub(super) fn forget_connection(&mut self) {
        self.aliases.clear();
        // The server sends it again, perhaps under another identifier.
        self.later.retain(|_, awaited| awaited.stage != Later::Acknowledge);
        self.later.values_mut().for_each(|awaited| awaited.is_counted = false);
        self.counted = 0;
    }

    /// What ends with a session.
    pub(super) fn forget_session(&mut self) {
        self.held.clear();
        self.held_bytes = 0;
        self.later.clear();
        self.counted = 0;
    }

    fn stage(&self, packet_id: u16) -> Option<Later> {
        self.later.get(&packet_id).map(|awaited| awaited.stage)
    }

    fn is_counted(&self, packet_id: u16) -> bool {
        self.held.contains_key(&packet_id) || self.later.get(&packet_id).is_some_and(|awaited| awaited.is_counted)
    }

    /// The PUBLISH of a message came on this connection.
    fn count(&mut self, packet_id: u16, first: Later) {
        let awaited = self.later.entry(packet_id).or_insert(Awaited { stage: first, is_counted: false });
        self.counted += usize::from(!std::mem::replace(&mut awaited.is_counted, true));
    }

    fn set_stage(&mut self, packet_id: u16, stage: Later) {
        self.later.entry(packet_id).or_insert(Awaited { stage, is_counted: false }).stage = stage;
    }

    fn finish(&mut self, packet_id: u16) {
        let awaited = self.later.remove(&packet_id);
        self.counted -= usize::from(awaited.is_some_and(|awaited| awaited.is_counted));
    }
}

impl Session {
    pub(super) fn on_publish(&mut self, packet: &Publish<'_>) -> Result<(), Misbehaviour> {
        let topic = self.resolve_topic(packet)?;
        self.log(|| {
            let Publish { dup, qos, retain, packet_id, payload, .. } = *packet;
            PublishLine { dup, qos, retain, packet_id, topic: &topic, payload_len: payload.len() }.text("received")
        });
        let message = Message {
            topic,
            payload: packet.payload.to_vec(),
            qos: packet.qos,
            retain: packet.retain,
            dup: packet.dup,
            packet_id: packet.packet_id,
            properties: packet.properties.iter().collect(),
        };
        match packet.qos {
            QoS::AtMostOnce => self.events.push_back(Event::Message(message)),
            _ if self.options.acknowledge_later => self.tell(message)?,
            QoS::AtLeastOnce => {
                self.check_window(packet.packet_id)?;
                self.acknowledge_as(PacketType::PubAck, packet.packet_id, ReasonCode::SUCCESS);
                self.events.push_back(Event::Message(message));
            }
            QoS::ExactlyOnce => self.hold(message)?,
        }
        Ok(())
    }

    /// Tells the owner of a message that the owner acknowledges, unless it knows of it already.
    fn tell(&mut self, message: Message) -> Result<(), Misbehaviour> {
        let packet_id = message.packet_id;
        self.check_window(packet_id)?;
        let first = if message.qos == QoS::AtLeastOnce { Later::Acknowledge } else { Later::Receive };
        if self.is_of_another_session(message.dup) {
            self.incoming.finish(packet_id);
        }
        let stage = self.incoming.stage(packet_id);
        self.incoming.count(packet_id, first);
        match stage {
            None => self.events.push_back(Event::Message(message)),
            Some(Later::Release) if first == Later::Receive => {
                self.acknowledge_as(PacketType::PubRec, packet_id, ReasonCode::SUCCESS);
            }
            Some(stage) if stage == first => {}
            Some(_) => return Err(Misbehaviour::protocol(format!("packet identifier {packet_id} is in use"))),
        }
        Ok(())
    }

    /// Acknowledges a message of QoS 1 or 2, where [`Options::acknowledge_later`](crate::Options::acknowledge_later) leaves that
    /// to the owner, which does so for each QoS in the order in which the messages came `[MQTT-4.6.0-2]` `[MQTT-4.6.0-3]`.
    /// Returns whether one with this identifier was waiting for it.
    ///
    /// A message of QoS 1 waits as long as its connection. One of QoS 2 waits as long as the session, that is until
    /// [`Event::Connected`] says that the server has none: it is not told again when the server sends it again. Where it came on an
    /// earlier connection, PUBREC follows when it has come again.
    pub fn acknowledge(&mut self, now: Moment, packet_id: u16) -> bool {
        self.advance(now);
        let is_open = self.phase == Phase::Open;
        let packet = match self.incoming.stage(packet_id) {
            Some(Later::Acknowledge) => {
                self.incoming.finish(packet_id);
                PacketType::PubAck
            }
            Some(Later::Receive) => {
                self.incoming.set_stage(packet_id, Later::Release);
                if !self.incoming.is_counted(packet_id) {
                    // The server is about to send it again, behind others whose PUBREC has to come first [MQTT-4.6.0-3].
                    return true;
                }
                PacketType::PubRec
            }
            Some(Later::Release | Later::Complete) | None => return false,
        };
        if is_open {
            self.acknowledge_as(packet, packet_id, ReasonCode::SUCCESS);
        }
        true
    }

    /// As [`acknowledge`](Self::acknowledge), but says that the message is not taken, which ends the exchange also at QoS 2. Only
    /// in MQTT 5, where that can be said; without a connection it is not, and the message is told again when it comes again.
    pub fn refuse(&mut self, now: Moment, packet_id: u16, reason: ReasonCode) -> bool {
        self.advance(now);
        let packet = match self.incoming.stage(packet_id) {
            Some(Later::Acknowledge) => PacketType::PubAck,
            Some(Later::Receive) => PacketType::PubRec,
            Some(Later::Release | Later::Complete) | None => return false,
        };
        self.incoming.finish(packet_id);
        if self.phase == Phase::Open {
            self.acknowledge_as(packet, packet_id, reason);
        }
        true
    }

    /// Answers a release of the server, where [`Options::complete_later`](crate::Options::complete_later) leaves that to the
    /// owner. Returns whether one with this identifier was waiting for it. Without a connection the server is not told, and
    /// releases again: then that is told again.
    pub fn complete(&mut self, now: Moment, packet_id: u16) -> bool {
        self.advance(now);
        if self.incoming.stage(packet_id) != Some(Later::Complete) {
            return false;
        }
        self.incoming.finish(packet_id);
        if self.phase == Phase::Open {
            self.acknowledge_as(PacketType::PubComp, packet_id, ReasonCode::SUCCESS);
        }
        true
    }

    /// Keeps a message until it is released, so that a repetition is told from a new message.
    fn hold(&mut self, message: Message) -> Result<(), Misbehaviour> {
        let packet_id = message.packet_id;
        self.check_window(packet_id)?;
        if self.is_of_another_session(message.dup)
            && let Some(older) = self.incoming.held.remove(&packet_id)
        {
            self.incoming.held_bytes -= held_len(&older);
        }
        if !self.incoming.held.contains_key(&packet_id) {
            let len = held_len(&message);
            if self.incoming.held_bytes > 0 && self.incoming.held_bytes + len > HELD_BYTES_MAX {
                let what = format!("more than {HELD_BYTES_MAX} bytes of messages are not released");
                return Err(Misbehaviour { reason: ReasonCode::QUOTA_EXCEEDED, what });
            }
            self.incoming.held_bytes += len;
            self.incoming.held.insert(packet_id, message);
        }
        self.acknowledge_as(PacketType::PubRec, packet_id, ReasonCode::SUCCESS);
        Ok(())
    }

    /// Whether a message that has the identifier of an earlier one cannot be that one again: where nobody can tell whether the
    /// server has kept its session, what is sent for the first time is new.
    fn is_of_another_session(&self, dup: bool) -> bool {
        !dup && self.may_have_session()
    }

    /// Messages that the server has not released count against the Receive Maximum `[MQTT-3.3.4-9]`.
    fn check_window(&self, packet_id: u16) -> Result<(), Misbehaviour> {
        let maximum = self.options.receive_maximum.filter(|_| self.options.version.is_v5()).unwrap_or(u16::MAX);
        let Incoming { held, counted, .. } = &self.incoming;
        if held.len() + counted >= usize::from(maximum) && !self.incoming.is_counted(packet_id) {
            let what = format!("more than {maximum} messages are under way");
            return Err(Misbehaviour { reason: ReasonCode::RECEIVE_MAXIMUM_EXCEEDED, what });
        }
        Ok(())
    }

    /// A PUBREL that is unknown may be the repetition of one whose PUBCOMP was lost.
    pub(super) fn on_pubrel(&mut self, ack: Ack<'_>) -> Result<(), Misbehaviour> {
        self.log(|| format!("received PUBREL (Mid: {})", ack.packet_id));
        let is_told = self.options.acknowledge_later && self.options.complete_later;
        let stage = self.incoming.stage(ack.packet_id);
        match stage {
            Some(Later::Complete) => return Ok(()),
            Some(Later::Release) | None if is_told => {
                self.incoming.set_stage(ack.packet_id, Later::Complete);
                self.events.push_back(Event::Released { packet_id: ack.packet_id });
                return Ok(());
            }
            Some(Later::Release) | None => self.incoming.finish(ack.packet_id),
            Some(_) => return Err(Misbehaviour::protocol("a PUBREL before its PUBREC")),
        }
        let message = self.incoming.held.remove(&ack.packet_id);
        let known = message.is_some() || stage.is_some() || self.options.as_bridge;
        let reason = if known { ReasonCode::SUCCESS } else { ReasonCode::PACKET_IDENTIFIER_NOT_FOUND };
        self.acknowledge_as(PacketType::PubComp, ack.packet_id, reason);
        if let Some(message) = message {
            self.incoming.held_bytes -= held_len(&message);
            self.events.push_back(Event::Message(message));
        }
        Ok(())
    }

    fn acknowledge_as(&mut self, kind: PacketType, packet_id: u16, reason: ReasonCode) {
        self.log(|| match kind {
            PacketType::PubComp => format!("sending PUBCOMP (m{packet_id})"),
            _ => format!("sending {} (m{packet_id}, rc{})", kind.name(), reason.0),
        });
        let version = self.options.version;
        self.send(|out| Ack::new(packet_id, reason).encode(kind, version, out));
    }

    fn resolve_topic(&mut self, packet: &Publish<'_>) -> Result<String, Misbehaviour> {
        let alias = packet.properties.iter().find_map(|property| match property {
            Property::TopicAlias(alias) => Some(alias),
            _ => None,
        });
        let Some(alias) = alias else {
            if packet.topic.is_empty() {
                return Err(Misbehaviour::protocol("a PUBLISH has neither a topic nor an alias"));
            }
            return Ok(packet.topic.to_owned());
        };
        if alias == 0 || alias > self.options.topic_alias_maximum {
            let what = format!("topic alias {alias} is none of 1 to {}", self.options.topic_alias_maximum);
            return Err(Misbehaviour { reason: ReasonCode::TOPIC_ALIAS_INVALID, what }); // [MQTT-3.3.2-8] [MQTT-3.3.2-11]
        }
        if packet.topic.is_empty() {
            let topic = self.incoming.aliases.get(&alias).cloned();
            return topic.ok_or_else(|| Misbehaviour::protocol(format!("topic alias {alias} stands for no topic")));
        }
        self.incoming.aliases.insert(alias, packet.topic.to_owned());
        Ok(packet.topic.to_owned())
    }
}

/// What a message counts against [`HELD_BYTES_MAX`]: a server may send a message of properties alone.
fn held_len(message: &Message) -> usize {
    message.topic.len() + message.properties.as_properties().as_bytes().len() + message.payload.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{End, Moment, Options};
    use mosquitto_mqtt::{PropertiesBuf, ProtocolVersion};

    /// A session that the server has accepted.
    fn session() -> Session {
        let mut session = Session::new(Options::new(ProtocolVersion::V5, "me"));
        session.connect(Moment(0));
        session.received(Moment(0), &[0x20, 3, 0, 0, 0]);
        session
    }

    fn publish(session: &mut Session, packet_id: u16) {
        let properties: PropertiesBuf = [Property::UserProperty(("0123456789", "0123456789"))].into_iter().collect();
        let packet = Publish {
            dup: false,
            qos: QoS::ExactlyOnce,
            retain: false,
            topic: "topic",
            packet_id,
            properties: properties.as_properties(),
            payload: b"",
        };
        let mut bytes = Vec::new();
        packet.encode(ProtocolVersion::V5, &mut bytes);
        assert_eq!(session.received(Moment(0), &bytes), bytes.len());
    }

    #[test]
    fn topics_and_properties_of_messages_that_are_not_released_count() {
        let mut session = session();
        for packet_id in [1, 2, 2] {
            publish(&mut session, packet_id);
        }
        assert_eq!(session.incoming.held_bytes, 2 * (5 + 25));
        session.received(Moment(0), &[0x62, 2, 0, 1]);
        assert_eq!(session.incoming.held_bytes, 5 + 25);
        session.incoming.held_bytes = HELD_BYTES_MAX - 10;
        publish(&mut session, 3);
        let end = std::iter::from_fn(|| session.poll_event()).last();
        let Some(Event::Disconnected(End::ServerMisbehaved { reason, .. })) = end else { panic!("{end:?}") };
        assert_eq!(reason, ReasonCode::QUOTA_EXCEEDED);
    }
}
