//! PUBLISH from a client.

use crate::id::SessionId;
use crate::level::levels;
use crate::log::log;
use crate::memory::OUT_OF_MEMORY;
use crate::message::{Message, MessageRef, Outgoing};
use crate::protocol_error::Refused;
use crate::received::{Flow, WORK_BYTES, malformed, protocol_error};
use crate::storage::OUT_OF_STORAGE;
use crate::{ConnectionId, DropReason, Moment, Shard};
use mosquitto_auth::acl::Access;
use mosquitto_mqtt::packet::Publish;
use mosquitto_mqtt::{DecodeError, PacketType, Properties, Property, QoS, ReasonCode, TopicName};

/// What the properties of a PUBLISH say to the broker itself.
#[derive(Debug, Clone, Copy, Default)]
struct Said {
    alias: Option<u16>,
    expiry_s: Option<u32>,
}

/// A message as it came, with the topic that it has in the broker.
#[derive(Debug)]
struct Came<'a> {
    topic: &'a str,
    standing: Standing,
    /// Those that are forwarded.
    properties: &'a [u8],
    said: Said,
}

/// What the broker does with a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Ordinary,
    /// Written by the broker only.
    Denied,
    /// A request to the broker itself.
    Control,
    /// With its mount point it is none any more.
    Impossible,
}

impl Shard {
    pub(crate) fn on_publish(&mut self, id: ConnectionId, slot: u32, publish: &Publish<'_>) -> Result<Flow, Refused> {
        if self.is_beyond_limits(id, slot, publish) {
            return Ok(Flow::Next);
        }
        let said = read_properties(publish.properties)?;
        let mut scratch = std::mem::take(&mut self.scratch);
        let properties = forwarded(publish.properties, said, &mut scratch);
        let outcome = match self.resolve_alias(id, publish.topic, said.alias) {
            Ok(None) => self.take_mounted(id, slot, publish, publish.topic, properties, said),
            Ok(Some(topic)) => self.take_mounted(id, slot, publish, &topic, properties, said),
            Err(error) => Err(error),
        };
        self.scratch = scratch;
        outcome
    }

    /// Ends the connection of a client that uses what CONNACK has excluded `[MQTT-3.2.2-11]` `[MQTT-3.2.2-14]`.
    #[inline]
    fn is_beyond_limits(&mut self, id: ConnectionId, slot: u32, publish: &Publish<'_>) -> bool {
        if publish.qos != QoS::AtMostOnce
            && self.home.sessions.get(slot).is_some_and(|session| publish.qos > session.max_qos)
        {
            log!(self.home.log, Information, "Too high QoS in PUBLISH from {}, disconnecting.", self.home.name_of(id));
            let text = "bad socket read/write: Requested QoS not supported on server";
            self.refuse(id, ReasonCode::QOS_NOT_SUPPORTED, text);
            return true;
        }
        if publish.retain && !self.home.settings.retain_available {
            self.refuse(id, ReasonCode::RETAIN_NOT_SUPPORTED, "bad socket read/write: Retain not supported");
            return true;
        }
        false
    }

    /// The topic where an alias stands for it (MQTT 5, 3.3.2.3.4); none where it stands for itself.
    fn resolve_alias(
        &mut self,
        id: ConnectionId,
        topic: &str,
        alias: Option<u16>,
    ) -> Result<Option<Box<str>>, Refused> {
        let Some(alias) = alias else {
            // [MQTT-4.7.3-1]
            return if topic.is_empty() { Err(malformed("topic name", "is empty").into()) } else { Ok(None) };
        };
        if alias == 0 {
            return Err(protocol_error("topic alias", "is zero").into()); // [MQTT-3.3.2-8]
        }
        let Some(connection) = self.home.connections.get_mut(id) else { return Ok(None) };
        if alias > connection.max_topic_alias {
            // [MQTT-3.3.2-9]
            self.refuse(id, ReasonCode::TOPIC_ALIAS_INVALID, "topic alias invalid");
            return Ok(Some(Box::default()));
        }
        let aliases = &mut connection.naming.get_or_insert_default().aliases_in;
        if topic.is_empty() {
            let known = aliases.topic(alias).map(Into::into);
            return match known {
                Some(topic) => Ok(Some(topic)),
                None => Err(self.protocol_error(id, format_args!("PUBLISH invalid topic alias ({alias})"))),
            };
        }
        aliases.set(alias, topic);
        Ok(None)
    }

    /// Goes on with the topic as it is in the broker, behind the client's mount point.
    #[inline]
    fn take_mounted(
        &mut self,
        id: ConnectionId,
        slot: u32,
        publish: &Publish<'_>,
        topic: &str,
        properties: &[u8],
        said: Said,
    ) -> Result<Flow, Refused> {
        if topic.is_empty() {
            // The connection has been ended for its alias.
            return Ok(Flow::Next);
        }
        let connection = self.home.connections.get(id);
        let Some(mount_point) = connection.and_then(|connection| connection.mount_point()) else {
            let came = Came { topic, standing: standing(topic.as_bytes()), properties, said };
            return self.take_message(id, slot, publish, &came);
        };
        let mut mounted = std::mem::take(&mut self.mounted);
        mounted.clear();
        mounted.push_str(mount_point);
        mounted.push_str(topic);
        let standing =
            if TopicName::new(&mounted).is_ok() { standing(mounted.as_bytes()) } else { Standing::Impossible };
        let came = Came { topic: &mounted, standing, properties, said };
        let outcome = self.take_message(id, slot, publish, &came);
        self.mounted = mounted;
        outcome
    }

    fn take_message(
        &mut self,
        id: ConnectionId,
        slot: u32,
        publish: &Publish<'_>,
        came: &Came<'_>,
    ) -> Result<Flow, Refused> {
        let &Came { topic, standing, properties, said } = came;
        // An alias of a few bytes may stand for it, and it is copied all the same.
        self.work += (topic.len() / WORK_BYTES) as u32;
        let message = MessageRef {
            number: 0,
            topic: topic.as_bytes(),
            properties,
            payload: publish.payload,
            qos: publish.qos,
            retain: publish.retain,
            expires_at: self.expiry(said.expiry_s),
        };
        let mut refused = self.refusal(slot, came, publish);
        if refused == Some(ReasonCode::QUOTA_EXCEEDED)
            && !self.can_refuse(id, slot, publish, DropReason::MemoryLimit, OUT_OF_MEMORY)
        {
            return Ok(Flow::Next);
        }
        if self.home.storage_full && refused.is_none() && self.has_no_room(slot, came, publish, &message) {
            if !self.can_refuse(id, slot, publish, DropReason::StorageFull, OUT_OF_STORAGE) {
                return Ok(Flow::Next);
            }
            refused = Some(ReasonCode::QUOTA_EXCEEDED);
        }
        let beyond = publish.qos == QoS::AtLeastOnce && refused.is_none() && self.is_beyond_window(id, slot);
        let refused = if beyond { Some(ReasonCode::QUOTA_EXCEEDED) } else { refused };
        let mut way = None;
        if refused.is_none() && standing == Standing::Ordinary && publish.qos != QoS::ExactlyOnce {
            let found = self.way_for(&message);
            if self.must_wait(found) {
                return Ok(Flow::Held);
            }
            way = Some(found);
        }
        self.home.statistics.publish_received += 1;
        self.home.statistics.publish_bytes_received += publish.payload.len() as u64;
        self.log_received(id, publish, topic, refused);
        if let Some(refused) = refused.filter(|_| !beyond) {
            self.count_refused(slot, refused);
        }
        if publish.qos == QoS::ExactlyOnce {
            self.publish_exactly_once(id, slot, publish, &message, refused)?;
            return Ok(Flow::Next);
        }
        if beyond {
            self.warn_beyond_window(slot);
        }
        let mut reason = refused.unwrap_or(ReasonCode::SUCCESS);
        if let Some(way) = way {
            let origin = self.origin(slot);
            let packet = self.gathered.as_ref().filter(|packet| packet.can_keep(publish.payload)).cloned();
            if !self.route(way, &mut Outgoing::from_packet(packet.as_ref(), message), origin) {
                reason = ReasonCode::NO_MATCHING_SUBSCRIBERS;
            }
        }
        if publish.qos == QoS::AtLeastOnce {
            // [MQTT-4.3.2-4]: once the message is on its way.
            self.home.acknowledge(id, PacketType::PubAck, publish.packet_id, reason);
        }
        if refused.is_none() && standing == Standing::Control {
            self.answer_control(id, topic, publish.payload);
        }
        Ok(Flow::Next)
    }

    /// Why a message is thrown away although it is acknowledged, if it is.
    #[inline]
    fn refusal(&mut self, slot: u32, came: &Came<'_>, publish: &Publish<'_>) -> Option<ReasonCode> {
        let limit = self.home.settings.message_size_limit;
        if limit > 0 && publish.payload.len() > limit as usize {
            return Some(ReasonCode::PACKET_TOO_LARGE);
        }
        match came.standing {
            Standing::Ordinary | Standing::Control => {}
            Standing::Denied => return Some(ReasonCode::NOT_AUTHORIZED),
            Standing::Impossible => return Some(ReasonCode::TOPIC_NAME_INVALID),
        }
        if !self.home.may(slot, Access::Write, came.topic.as_bytes()) {
            return Some(ReasonCode::NOT_AUTHORIZED);
        }
        (self.home.memory_full && self.is_new_work(slot, came.topic, publish)).then_some(ReasonCode::QUOTA_EXCEEDED)
    }

    /// Whether a message takes memory: it does not where it is known already, or empties its topic. Where there is nothing to
    /// empty, or not before PUBREL, it only takes room itself, here or in the queues of clients that are away.
    #[cold]
    fn is_new_work(&mut self, slot: u32, topic: &str, publish: &Publish<'_>) -> bool {
        if publish.qos == QoS::ExactlyOnce {
            return self
                .home
                .sessions
                .get(slot)
                .is_none_or(|session| session.incoming.get(publish.packet_id).is_none());
        }
        !(publish.retain && publish.payload.is_empty() && self.is_retained(topic.as_bytes()))
    }

    /// A client of MQTT 3 cannot be told that its message is not taken, and must not believe that it was: it loses its
    /// connection, and keeps the message.
    #[cold]
    fn can_refuse(
        &mut self,
        id: ConnectionId,
        slot: u32,
        publish: &Publish<'_>,
        drop: DropReason,
        text: &'static str,
    ) -> bool {
        let v5 = self.home.connections.get(id).is_some_and(|connection| connection.version.is_v5());
        if v5 || publish.qos == QoS::AtMostOnce {
            return true;
        }
        self.home.drop_for(slot, drop);
        self.end_with(id, None, Some(text));
        false
    }

    /// Whether a message that has to be acknowledged cannot be kept, though it must be: until it is released, or for those
    /// who get it. What came before is known already.
    #[cold]
    fn has_no_room(&mut self, slot: u32, came: &Came<'_>, publish: &Publish<'_>, message: &MessageRef<'_>) -> bool {
        if publish.qos == QoS::AtMostOnce {
            return false;
        }
        if publish.qos == QoS::ExactlyOnce {
            let session = self.home.sessions.get(slot);
            if session.is_none_or(|session| session.incoming.get(publish.packet_id).is_some()) {
                return false;
            }
            if session.is_some_and(|session| session.is_durable) {
                return true;
            }
        }
        if came.standing != Standing::Ordinary {
            return false;
        }
        let way = self.way_for(message);
        self.has_to_be_kept(way, message)
    }

    #[cold]
    fn count_refused(&mut self, slot: u32, refused: ReasonCode) {
        match refused {
            ReasonCode::PACKET_TOO_LARGE => self.home.drop_for(slot, DropReason::MessageSize),
            ReasonCode::QUOTA_EXCEEDED => {
                let name = self.home.sessions.get(slot).map_or("", |session| &session.client_id);
                log!(self.home.log, Debug, "Rejected PUBLISH from {name}, quota exceeded.");
                let full = if self.home.memory_full { DropReason::MemoryLimit } else { DropReason::StorageFull };
                self.home.drop_for(slot, full);
            }
            _ => {}
        }
    }

    /// How many QoS 2 exchanges the client of a connection may have open (0: any number). A client of MQTT 3 was told no
    /// Receive Maximum, and cannot be told that a message is refused: Mosquitto acknowledges what it throws away. Here it
    /// is kept, within the bound in bytes; beyond it, the connection ends.
    #[inline]
    fn incoming_window(&self, id: ConnectionId) -> usize {
        self.home.connections.get(id).map_or(0, |connection| usize::from(connection.receive_maximum))
    }

    /// `[MQTT-3.3.4-7]`: whether a message of QoS 1 is one more than the client may send, who has filled its window with
    /// open exchanges of QoS 2. By themselves those of QoS 1 never are: each is acknowledged at once.
    #[inline]
    fn is_beyond_window(&self, id: ConnectionId, slot: u32) -> bool {
        let window = self.incoming_window(id);
        window > 0 && self.home.sessions.get(slot).is_some_and(|session| session.incoming.len() >= window)
    }

    #[cold]
    fn warn_beyond_window(&mut self, slot: u32) {
        let name = self.home.sessions.get(slot).map_or("", |session| &session.client_id);
        log!(
            self.home.log,
            Warning,
            "Client {name} has exceeded its receive-maximum quota. This behaviour must be fixed on the client."
        );
        self.home.drop_for(slot, DropReason::ReceiveMaximum);
    }

    /// `[MQTT-4.3.3-8]`: kept until PUBREL, and answered with PUBREC.
    fn publish_exactly_once(
        &mut self,
        id: ConnectionId,
        slot: u32,
        publish: &Publish<'_>,
        message: &MessageRef<'_>,
        refused: Option<ReasonCode>,
    ) -> Result<(), Refused> {
        let window = self.incoming_window(id);
        // It has one for as long as anybody keeps it.
        let message = &MessageRef { number: self.home.changes.number(), ..*message };
        let Some(session) = self.home.sessions.get_mut(slot) else { return Ok(()) };
        let packet_id = publish.packet_id;
        let mut reason = ReasonCode::SUCCESS;
        if let Some(refused) = refused {
            reason = refused;
            // The refusal ends the exchange, also one that was begun when its client still had the right to.
            if refused == ReasonCode::NOT_AUTHORIZED && session.incoming.remove(packet_id) {
                self.home.changes.released(slot, session, packet_id);
            }
        } else if let Some(known) = session.incoming.get_mut(packet_id) {
            if same_message(&known.message, message) {
                // [MQTT-4.3.3-10]: not delivered a second time. A third copy on one connection is no repetition any
                // more but a fault of the client.
                known.repetitions += 1;
                if known.repetitions > 1 {
                    let repetitions = known.repetitions;
                    return Err(self.protocol_error(id, format_args!("PUBLISH with dup = {repetitions}")));
                }
            } else {
                let line = format!(
                    "Reused message ID {packet_id} from {} detected. Clearing from storage.",
                    session.client_id
                );
                self.home.changes.came(slot, session, packet_id, message);
                session.incoming.insert(packet_id, Message::store_from(self.gathered.as_ref(), *message));
                log!(self.home.log, Warning, "{line}");
            }
        } else if session.incoming.is_full(window) {
            // [MQTT-3.3.4-7], [3.1.1 MQTT-3.3.5-2]
            self.warn_beyond_window(slot);
            if !self.home.connections.get(id).is_some_and(|connection| connection.version.is_v5()) {
                self.end_with(id, None, Some("quota exceeded"));
                return Ok(());
            }
            reason = ReasonCode::QUOTA_EXCEEDED;
        } else {
            self.home.changes.came(slot, session, packet_id, message);
            session.incoming.insert(packet_id, Message::store_from(self.gathered.as_ref(), *message));
        }
        self.home.acknowledge(id, PacketType::PubRec, packet_id, reason);
        Ok(())
    }

    /// A QoS 2 message is released: now it is delivered. False where it has to wait.
    pub(crate) fn release_message(&mut self, id: ConnectionId, slot: u32, packet_id: u16) -> bool {
        let Some(session) = self.home.sessions.get_mut(slot) else { return true };
        let message = session.incoming.get(packet_id).cloned();
        let topic = message.as_ref().map_or(&b""[..], |message| message.view().topic);
        // The right may have been revoked since the message was taken.
        let allowed = message.is_none() || self.home.may(slot, Access::Write, topic);
        let control = allowed && standing(topic) == Standing::Control;
        let way = message.as_ref().filter(|_| allowed && !control).map(|message| self.way_for(&message.view()));
        if way.is_some_and(|way| self.must_wait(way)) {
            return false;
        }
        log!(self.home.log, Debug, "Received PUBREL from {} (Mid: {packet_id})", self.home.name_of(id));
        let Some(message) = &message else { return true };
        if let Some(session) = self.home.sessions.get_mut(slot) {
            session.incoming.remove(packet_id);
            self.home.changes.released(slot, session, packet_id);
        }
        if !allowed {
            self.log_denied(id, packet_id, message);
        }
        if control {
            let topic = std::str::from_utf8(topic).unwrap_or_default();
            self.answer_control(id, topic, message.view().payload);
        }
        if let Some(way) = way {
            let origin = self.origin(slot);
            self.route(way, &mut Outgoing::of(message), origin);
        }
        true
    }

    pub(crate) fn origin(&self, slot: u32) -> Option<SessionId> {
        self.home.sessions.get(slot).map(|session| SessionId { slot, epoch: session.epoch })
    }

    /// When a message that may live so long expires. An interval of 0 counts as none, as in Mosquitto.
    pub(crate) fn expiry(&self, seconds: Option<u32>) -> Moment {
        match seconds {
            None | Some(0) => Moment::NEVER,
            Some(seconds) => self.home.now.plus_s(seconds),
        }
    }

    /// A message that its client may not publish any more when it releases it.
    #[cold]
    fn log_denied(&mut self, id: ConnectionId, packet_id: u16, message: &Message) {
        let view = message.view();
        let described = describe(false, view.qos, view.retain, packet_id, view.topic, view.payload.len());
        log!(self.home.log, Debug, "Denied PUBLISH from {} ({described})", self.home.name_of(id));
    }

    #[inline]
    fn log_received(&mut self, id: ConnectionId, publish: &Publish<'_>, topic: &str, refused: Option<ReasonCode>) {
        log!(
            self.home.log,
            Debug,
            "{} PUBLISH from {} ({})",
            match refused {
                // Mosquitto has words of its own for it, a warning.
                None | Some(ReasonCode::QUOTA_EXCEEDED) => "Received",
                Some(ReasonCode::PACKET_TOO_LARGE) => "Dropped too large",
                Some(_) => "Denied",
            },
            self.home.name_of(id),
            describe(
                publish.dup,
                publish.qos,
                publish.retain,
                publish.packet_id,
                topic.as_bytes(),
                publish.payload.len()
            )
        );
    }
}

/// A PUBLISH as the log describes it.
pub(crate) fn describe(dup: bool, qos: QoS, retain: bool, packet_id: u16, topic: &[u8], payload_len: usize) -> String {
    format!(
        "d{}, q{}, r{}, m{packet_id}, '{}', ... ({payload_len} bytes)",
        u8::from(dup),
        qos.bits(),
        u8::from(retain),
        String::from_utf8_lossy(topic)
    )
}

#[inline]
fn read_properties(properties: Properties<'_>) -> Result<Said, DecodeError> {
    let mut said = Said::default();
    if properties.is_empty() {
        return Ok(said);
    }
    for property in properties.iter() {
        match property {
            Property::TopicAlias(alias) => said.alias = Some(alias),
            Property::MessageExpiryInterval(seconds) => said.expiry_s = Some(seconds),
            Property::SubscriptionIdentifier(_) => {
                // [MQTT-3.3.4-6]
                return Err(protocol_error("subscription identifier", "came from a client"));
            }
            _ => {}
        }
    }
    Ok(said)
}

/// The properties that go on to subscribers unaltered `[MQTT-3.3.2-17]`: all but the topic alias, which is the
/// connection's, and the message expiry interval, which shrinks.
#[inline]
fn forwarded<'a>(properties: Properties<'a>, said: Said, scratch: &'a mut Vec<u8>) -> &'a [u8] {
    if said.alias.is_none() && said.expiry_s.is_none() {
        return properties.as_bytes();
    }
    scratch.clear();
    for property in properties.iter() {
        if !matches!(property, Property::TopicAlias(_) | Property::MessageExpiryInterval(_)) {
            property.encode(scratch);
        }
    }
    scratch
}

/// Whether a message is the same one again. Its remaining lifetime does not count.
fn same_message(known: &Message, again: &MessageRef<'_>) -> bool {
    let known = known.view();
    known.topic == again.topic
        && known.payload == again.payload
        && known.properties == again.properties
        && known.retain == again.retain
}

#[inline]
fn standing(topic: &[u8]) -> Standing {
    if topic.first() == Some(&b'$') { dollar_standing(topic) } else { Standing::Ordinary }
}

fn dollar_standing(topic: &[u8]) -> Standing {
    let mut levels = levels(topic);
    match levels.next() {
        Some(b"$SYS") => {
            let levels: Vec<&[u8]> = levels.take(5).collect();
            let state = matches!(levels.as_slice(), [b"broker", b"connection", _, b"state"]);
            if state { Standing::Ordinary } else { Standing::Denied }
        }
        Some(b"$share") => Standing::Denied,
        Some(b"$CONTROL") if levels.next().is_some() => Standing::Control,
        _ => Standing::Ordinary,
    }
}

/// Whether a will may have this topic: what clients may publish to, and no requests to the broker.
pub(crate) fn allowed_for_will(topic: &str) -> bool {
    standing(topic.as_bytes()) != Standing::Control
}

/// Whether clients may publish to this topic.
pub(crate) fn allowed_to_publish(topic: &[u8]) -> bool {
    standing(topic) == Standing::Ordinary
}
