//! Messages to the server: the queue, the window, and their acknowledgements.

use super::limits::as_reason;
use super::log::PublishLine;
use super::{Misbehaviour, Phase, Session};
use crate::{Event, Moment, Options, RequestError};
use mosquitto_mqtt::packet::{Ack, Publish};
use mosquitto_mqtt::{
    FixedHeader, MAX_REMAINING_LENGTH, PacketType, Properties, PropertiesBuf, Property, QoS, ReasonCode, TopicName,
    valid_text, varint_len,
};
use std::collections::{HashSet, VecDeque};

/// DUP in the first byte of PUBLISH.
pub(super) const DUP: u8 = 8;

/// A message to publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Publication<'a> {
    /// The topic name.
    pub topic: &'a str,
    /// May be empty.
    pub payload: &'a [u8],
    /// How hard to try.
    pub qos: QoS,
    /// Whether the server is to keep it for later subscribers.
    pub retain: bool,
    /// Properties of PUBLISH; not sent in MQTT 3. A topic alias is sent together with its topic each time.
    pub properties: Properties<'a>,
}

impl<'a> Publication<'a> {
    /// A message without properties.
    pub fn new(topic: &'a str, payload: &'a [u8], qos: QoS) -> Self {
        Self { topic, payload, qos, retain: false, properties: Properties::EMPTY }
    }
}

/// Messages of QoS 1 and 2 that are not through, in the order in which they were published.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    /// Sent over this connection.
    inflight: VecDeque<Unfinished>,
    /// To be sent when the window has room.
    queue: VecDeque<Unfinished>,
    /// Of packets in both.
    bytes: usize,
    /// Identifiers that are in use for messages which the owner will publish or release under them.
    reserved: HashSet<u16>,
}

#[derive(Debug)]
struct Unfinished {
    packet_id: u16,
    qos: QoS,
    alias: Option<u16>,
    stage: Stage,
    /// Whether it was sent over an earlier connection of the same session.
    sent_before: bool,
    /// Whether the owner releases it.
    is_held: bool,
    /// The PUBLISH as it is sent; empty once it has arrived.
    packet: Vec<u8>,
}

/// What has to arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The PUBLISH.
    Publish,
    /// Nothing, before the owner has released it (QoS 2).
    Hold,
    /// The PUBREL (QoS 2).
    Release,
}

impl Outgoing {
    /// What was under way is to be sent over the next connection, before what was only queued.
    pub(super) fn queue_again(&mut self) {
        while let Some(mut message) = self.inflight.pop_back() {
            message.sent_before = true;
            self.queue.push_front(message);
        }
    }

    pub(super) fn has_queued(&self) -> bool {
        !self.queue.is_empty()
    }

    fn is_full(&self, options: &Options) -> bool {
        self.queue.len() >= options.queue_messages_max || self.bytes >= options.queue_bytes_max
    }

    /// The place in the window of the message with this identifier. Servers acknowledge in order, so it is at the front.
    fn position(&self, packet_id: u16) -> Option<usize> {
        self.inflight.iter().position(|message| message.packet_id == packet_id)
    }
}

impl Session {
    /// Publishes a message. Returns its packet identifier, by which [`Event::Published`] tells what became of a message
    /// of QoS 1 or 2. A message of QoS 0 is done when the output is sent, and its identifier is no more than a number in
    /// the log.
    ///
    /// Messages of QoS 1 and 2 are also taken without a connection, and sent with the next one.
    pub fn publish(&mut self, now: Moment, message: Publication<'_>) -> Result<u16, RequestError> {
        self.publish_with(now, None, message)
    }

    /// As [`publish`](Self::publish), at QoS 1 or 2, under an identifier that the owner has chosen: a free one, see
    /// [`is_free`](Self::is_free). `dup`: the server may have got it before, from a session that was forgotten here.
    pub fn publish_as(
        &mut self,
        now: Moment,
        packet_id: u16,
        dup: bool,
        message: Publication<'_>,
    ) -> Result<u16, RequestError> {
        self.publish_with(now, Some((packet_id, dup)), message)
    }

    fn publish_with(
        &mut self,
        now: Moment,
        chosen: Option<(u16, bool)>,
        message: Publication<'_>,
    ) -> Result<u16, RequestError> {
        self.advance(now);
        let version = self.options.version;
        if valid_text(message.topic.as_bytes()).is_none() {
            return Err(RequestError::NotText);
        }
        TopicName::new(message.topic).map_err(RequestError::Topic)?;
        let mut packet = Publish {
            dup: false,
            qos: message.qos,
            retain: message.retain,
            topic: message.topic,
            packet_id: 0,
            properties: if version.is_v5() { message.properties } else { Properties::EMPTY },
            payload: message.payload,
        };
        let alias = check_properties(packet.properties)?;
        let remaining = packet.remaining_length(version);
        if remaining > MAX_REMAINING_LENGTH as usize {
            return Err(RequestError::TooLarge { limit: MAX_REMAINING_LENGTH as usize });
        }
        self.limits.check_publish(message.qos, message.retain)?;
        self.limits.check_alias(alias)?;
        self.limits.check_len(1 + varint_len(remaining as u32) + remaining)?;
        if message.qos == QoS::AtMostOnce {
            return self.publish_at_once(packet);
        }
        if self.outgoing.is_full(&self.options) {
            return Err(RequestError::Full);
        }
        packet.packet_id = match chosen {
            Some((packet_id, _)) if self.is_free(packet_id) => self.claim_as(packet_id),
            Some(_) => return Err(RequestError::Full),
            None => self.ids.claim().ok_or(RequestError::Full)?,
        };
        let mut bytes = Vec::new();
        packet.encode(version, &mut bytes);
        self.outgoing.bytes += bytes.len();
        let (packet_id, qos, stage) = (packet.packet_id, packet.qos, Stage::Publish);
        let sent_before = chosen.is_some_and(|(_, dup)| dup);
        let is_held = chosen.is_some() && self.options.release_later && qos == QoS::ExactlyOnce;
        let unfinished = Unfinished { packet_id, qos, alias, stage, sent_before, is_held, packet: bytes };
        self.outgoing.queue.push_back(unfinished);
        self.send_queued();
        Ok(packet_id)
    }

    /// Whether [`publish_as`](Self::publish_as) takes this identifier: neither a message nor a request has it, or it is
    /// [reserved](Self::reserve).
    pub fn is_free(&self, packet_id: u16) -> bool {
        packet_id != 0 && (!self.ids.is_used(packet_id) || self.outgoing.reserved.contains(&packet_id))
    }

    /// Keeps an identifier from being chosen here: the owner will publish or release a message under it.
    pub fn reserve(&mut self, packet_id: u16) {
        if packet_id != 0 && !self.ids.is_used(packet_id) {
            self.ids.take(packet_id);
            self.outgoing.reserved.insert(packet_id);
        }
    }

    /// The packet identifiers of messages that are not through, or [reserved](Self::reserve) for such.
    pub fn messages(&self) -> impl Iterator<Item = u16> {
        let Outgoing { inflight, queue, reserved, .. } = &self.outgoing;
        inflight.iter().chain(queue).map(|message| message.packet_id).chain(reserved.iter().copied())
    }

    /// Whether the server has said that it takes no messages of QoS 2.
    pub fn is_below_qos_2(&self) -> bool {
        self.limits.check_publish(QoS::ExactlyOnce, false).is_err()
    }

    /// Gives up what is [reserved](Self::reserve).
    pub fn free_reserved(&mut self) {
        for packet_id in self.outgoing.reserved.drain() {
            self.ids.free(packet_id);
        }
    }

    fn claim_as(&mut self, packet_id: u16) -> u16 {
        self.outgoing.reserved.remove(&packet_id);
        self.ids.claim_as(packet_id);
        packet_id
    }

    /// Releases a message of QoS 2, where [`Options::release_later`](crate::Options::release_later) leaves that to the owner. One
    /// that the server does not have yet is released as soon as it has it. Of one that is not known here the server may know, from
    /// a session that was forgotten. In the end [`Event::Published`] tells that it is through. False: something else has the
    /// identifier, so try again later.
    pub fn release(&mut self, now: Moment, packet_id: u16) -> bool {
        self.advance(now);
        let Outgoing { inflight, queue, .. } = &mut self.outgoing;
        let sent = inflight.len();
        let mut known = inflight.iter_mut().chain(queue).enumerate();
        if let Some((at, message)) = known.find(|(_, message)| message.packet_id == packet_id) {
            if message.qos != QoS::ExactlyOnce {
                return false;
            }
            message.is_held = false;
            if message.stage == Stage::Hold {
                message.stage = Stage::Release;
                if at < sent {
                    self.send_pubrel(packet_id, ReasonCode::SUCCESS);
                }
            }
            return true;
        }
        if !self.is_free(packet_id) {
            return false;
        }
        self.claim_as(packet_id);
        self.outgoing.queue.push_back(Unfinished {
            packet_id,
            qos: QoS::ExactlyOnce,
            alias: None,
            stage: Stage::Release,
            sent_before: true,
            is_held: false,
            packet: Vec::new(),
        });
        self.send_queued();
        true
    }

    /// Nobody will release what waits for it: all is released, now or as soon as the server has it.
    pub fn release_all(&mut self, now: Moment) {
        let Outgoing { inflight, queue, .. } = &self.outgoing;
        let held = inflight.iter().chain(queue).filter(|message| message.is_held);
        for packet_id in held.map(|message| message.packet_id).collect::<Vec<_>>() {
            self.release(now, packet_id);
        }
    }

    /// Whether [`publish`](Self::publish) at this QoS would not fail with [`RequestError::Full`].
    pub fn has_room(&self, qos: QoS) -> bool {
        if qos == QoS::AtMostOnce { !self.is_congested() } else { !self.outgoing.is_full(&self.options) }
    }

    /// Messages of QoS 1 and 2 that are not through.
    pub fn unfinished_count(&self) -> usize {
        self.outgoing.inflight.len() + self.outgoing.queue.len()
    }

    /// Whether a message with this identifier is not through: [`Event::Published`] is still to come.
    pub fn is_unfinished(&self, packet_id: u16) -> bool {
        self.outgoing.inflight.iter().chain(&self.outgoing.queue).any(|message| message.packet_id == packet_id)
    }

    fn publish_at_once(&mut self, packet: Publish<'_>) -> Result<u16, RequestError> {
        if self.phase != Phase::Open {
            return Err(RequestError::NotConnected);
        }
        if self.is_congested() {
            return Err(RequestError::Full);
        }
        // Mosquitto's bridges spend no identifier on it.
        let packet_id = if self.options.as_bridge { 0 } else { self.ids.pass().ok_or(RequestError::Full)? };
        self.log(|| line(&Publish { packet_id, ..packet }).text("sending"));
        let version = self.options.version;
        match self.aliased(&packet) {
            Some(aliased) => self.send(|out| out.extend_from_slice(&aliased)),
            None => self.send(|out| packet.encode(version, out)),
        }
        Ok(packet_id)
    }

    /// Sends what is queued, as far as the window has room.
    pub(super) fn send_queued(&mut self) {
        let window = usize::from(self.options.inflight_max.min(self.limits.receive_maximum).max(1)); // [MQTT-3.3.4-7]
        while self.phase == Phase::Open
            && !self.is_holding
            && self.outgoing.inflight.len() < window
            && let Some(message) = self.outgoing.queue.pop_front()
        {
            self.send_message(message);
        }
    }

    fn send_message(&mut self, mut message: Unfinished) {
        match message.stage {
            Stage::Publish => {
                if let Err(error) = self.check_limits(&message) {
                    self.finish(&message, as_reason(error), PropertiesBuf::new());
                    return;
                }
                if message.sent_before
                    && let Some(first_byte) = message.packet.first_mut()
                {
                    *first_byte |= DUP; // [MQTT-3.3.1-1]
                }
                self.log_packet(&message.packet);
                let aliased = self.aliased_bytes(&message.packet);
                self.send(|out| out.extend_from_slice(aliased.as_deref().unwrap_or(&message.packet)));
            }
            Stage::Hold => {}
            Stage::Release if self.is_below_qos_2() => {
                self.finish(&message, ReasonCode::SUCCESS, PropertiesBuf::new());
                return;
            }
            Stage::Release => self.send_pubrel(message.packet_id, ReasonCode::SUCCESS),
        }
        self.outgoing.inflight.push_back(message);
    }

    /// A message may have been queued before the server said what it takes.
    fn check_limits(&self, message: &Unfinished) -> Result<(), RequestError> {
        let retain = message.packet.first().is_some_and(|first_byte| first_byte & 1 != 0);
        self.limits.check_publish(message.qos, retain)?;
        self.limits.check_alias(message.alias)?;
        self.limits.check_len(message.packet.len())
    }

    fn log_packet(&mut self, packet: &[u8]) {
        if self.options.log_packets
            && let Ok(Some(header)) = FixedHeader::parse(packet)
            && let Some(body) = packet.get(usize::from(header.header_len)..)
            && let Ok(publish) = Publish::decode(header.first_byte, body, self.options.version)
        {
            self.log(|| line(&publish).text("sending"));
        }
    }

    fn send_pubrel(&mut self, packet_id: u16, reason: ReasonCode) {
        self.log(|| format!("sending PUBREL (m{packet_id})"));
        let version = self.options.version;
        self.send(|out| Ack::new(packet_id, reason).encode(PacketType::PubRel, version, out));
    }

    pub(super) fn on_puback(&mut self, ack: Ack<'_>) -> Result<(), Misbehaviour> {
        self.log(|| format!("received PUBACK (Mid: {}, RC:{})", ack.packet_id, ack.reason.0));
        let Some(at) = self.outgoing.position(ack.packet_id) else {
            self.log_unknown("PUBACK", ack.packet_id);
            return Ok(());
        };
        match self.outgoing.inflight.get(at) {
            Some(message) if message.qos == QoS::AtLeastOnce => self.through(at, ack),
            _ => return Err(Misbehaviour::protocol("a PUBACK for a message of QoS 2")),
        }
        Ok(())
    }

    pub(super) fn on_pubrec(&mut self, ack: Ack<'_>) -> Result<(), Misbehaviour> {
        self.log(|| format!("received PUBREC (Mid: {})", ack.packet_id));
        let Some(at) = self.outgoing.position(ack.packet_id) else {
            self.log_unknown("PUBREC", ack.packet_id);
            // The server holds a message that this side has given up: it may forget it too. But not one that is still to come.
            if !ack.reason.is_error() && !self.ids.is_used(ack.packet_id) {
                let unknown = ReasonCode::PACKET_IDENTIFIER_NOT_FOUND;
                self.send_pubrel(ack.packet_id, if self.options.as_bridge { ReasonCode::SUCCESS } else { unknown });
            }
            return Ok(());
        };
        let Some(message) = self.outgoing.inflight.get_mut(at) else { return Ok(()) };
        if message.qos != QoS::ExactlyOnce {
            return Err(Misbehaviour::protocol("a PUBREC for a message of QoS 1"));
        }
        if ack.reason.is_error() {
            self.through(at, ack);
            return Ok(());
        }
        self.outgoing.bytes -= message.packet.len();
        message.packet = Vec::new();
        if message.is_held {
            if message.stage == Stage::Publish {
                message.stage = Stage::Hold;
                self.events.push_back(Event::Received { packet_id: ack.packet_id });
            }
            return Ok(());
        }
        message.stage = Stage::Release;
        self.send_pubrel(ack.packet_id, ReasonCode::SUCCESS);
        Ok(())
    }

    pub(super) fn on_pubcomp(&mut self, ack: Ack<'_>) -> Result<(), Misbehaviour> {
        self.log(|| format!("received PUBCOMP (Mid: {}, RC:{})", ack.packet_id, ack.reason.0));
        let Some(at) = self.outgoing.position(ack.packet_id) else {
            self.log_unknown("PUBCOMP", ack.packet_id);
            return Ok(());
        };
        match self.outgoing.inflight.get(at) {
            Some(message) if message.stage == Stage::Release => self.through(at, ack),
            _ => return Err(Misbehaviour::protocol("a PUBCOMP before its PUBREL")),
        }
        Ok(())
    }

    /// An answer to what was given up, as after a lost connection; it does no harm.
    fn log_unknown(&mut self, packet: &str, packet_id: u16) {
        self.log(|| format!("received {packet} for an unknown packet identifier (Mid: {packet_id})"));
    }

    fn through(&mut self, at: usize, ack: Ack<'_>) {
        if let Some(message) = self.outgoing.inflight.remove(at) {
            self.finish(&message, ack.reason, ack.properties.iter().collect());
        }
        self.send_queued();
    }

    fn finish(&mut self, message: &Unfinished, reason: ReasonCode, properties: PropertiesBuf) {
        self.ids.free(message.packet_id);
        self.outgoing.bytes -= message.packet.len();
        self.events.push_back(Event::Published { packet_id: message.packet_id, reason, properties });
    }

    /// The server knows nothing of earlier connections: what it had received is through, and the rest is new to it.
    pub(super) fn forget_outgoing_session(&mut self) {
        let queue = std::mem::take(&mut self.outgoing.queue);
        for mut message in queue {
            message.sent_before = false;
            match message.stage {
                Stage::Publish => self.outgoing.queue.push_back(message),
                Stage::Hold | Stage::Release => self.finish(&message, ReasonCode::SUCCESS, PropertiesBuf::new()),
            }
        }
    }
}

/// Whether a client may publish with these properties. Returns the topic alias among them.
fn check_properties(properties: Properties<'_>) -> Result<Option<u16>, RequestError> {
    let (mut alias, mut len) = (None, 0);
    for property in properties.iter() {
        len += property.encoded_len();
        match property {
            Property::TopicAlias(value) => alias = Some(value),
            // [MQTT-3.3.4-6]
            Property::SubscriptionIdentifier(_) => return Err(RequestError::SubscriptionIdentifier),
            // [MQTT-3.3.2-14]
            Property::ResponseTopic(topic) => drop(TopicName::new(topic).map_err(RequestError::Topic)?),
            _ => {}
        }
    }
    // They end before a text that is none [MQTT-1.5.4-2].
    if len == properties.as_bytes().len() { Ok(alias) } else { Err(RequestError::NotText) }
}

fn line<'a>(packet: &Publish<'a>) -> PublishLine<'a> {
    PublishLine {
        dup: packet.dup,
        qos: packet.qos,
        retain: packet.retain,
        packet_id: packet.packet_id,
        topic: packet.topic,
        payload_len: packet.payload.len(),
    }
}
