//! What the broker hands over, to a file.

use super::numbers::Numbers;
use crate::{
    BaseMessage, Client, ClientMessage, Config, Direction, MessageState, Retained, Subscription, WriteError, Writer,
};
use mosquitto_broker::{
    Change, HeldMessage, KeptFilter, KeptMessage, Moment, Publisher, RetainedPart, STAND_IN, SessionKey, SessionPart,
    Stage,
};
use mosquitto_mqtt::{Properties, PropertiesBuf, Property, QoS};
use std::collections::HashMap;
use std::io::Write;

/// The topic of a message that stands for one that its client has for good.
const STAND_IN_TOPIC: &str = "-";

/// Writes a snapshot from front to back: retained messages first, since they alone say who published them; then sessions, of
/// all shards in any order; subscriptions last.
///
/// It remembers which messages it has written, and the client id of each session. It buffers nothing; each chunk is one
/// write.
#[derive(Debug)]
pub struct SnapshotWriter<W> {
    writer: Writer<W>,
    /// The wall clock at the moment 0, in milliseconds since 1970.
    epoch_ms: u64,
    written: Numbers,
    /// The store id of the next message without a number.
    nameless: u64,
    clients: HashMap<SessionKey, Box<str>>,
    known: Vec<u8>,
}

impl<W: Write> SnapshotWriter<W> {
    /// Begins a file. `epoch_ms` is the wall clock at the moment 0, in milliseconds since 1970. `last_number` is to be so
    /// large that no message gets it, or one of the numbers right below it, while the snapshot is taken; a broker that loads
    /// the file goes on behind it. `shutdown` says that the broker ends with it.
    pub fn new(output: W, epoch_ms: u64, last_number: u64, shutdown: bool) -> Result<Self, WriteError> {
        let writer = Writer::new(output, Config { last_store_id: last_number, shutdown })?;
        let (written, clients) = (Numbers::default(), HashMap::new());
        Ok(Self { writer, epoch_ms, written, nameless: last_number, clients, known: Vec::new() })
    }

    /// A retained message.
    pub fn retained(&mut self, part: &RetainedPart) -> Result<(), WriteError> {
        let store_id = self.base_message(&part.message(), part.publisher())?;
        self.writer.retained(Retained { store_id })
    }

    /// A session, or more of its messages.
    pub fn session(&mut self, part: &SessionPart) -> Result<(), WriteError> {
        let SessionPart { key, client_id, head, messages } = part;
        if let Some(head) = head {
            self.writer.client(&Client {
                client_id,
                username: head.username.as_deref().filter(|name| !name.is_empty()),
                session_expiry_time: head.ends_at.map_or(0, |at| self.seconds(at)),
                session_expiry_interval: head.expiry_s,
                last_mid: head.last_packet_id,
                listener_port: head.listener_port,
            })?;
            Change::Known { session: *key, client_id }.encode(&mut self.known);
            self.clients.insert(*key, client_id.clone());
        }
        messages.iter().try_for_each(|held| self.client_message(client_id, held))
    }

    fn client_message(&mut self, client_id: &str, held: &HeldMessage) -> Result<(), WriteError> {
        let store_id = match held.message() {
            Some(message) => self.base_message(&message, None)?,
            None => self.stand_in(held.number)?,
        };
        let (state, direction) = match held.stage {
            Stage::Incoming => (MessageState::WaitForPubrel, Direction::In),
            Stage::PubAck => (MessageState::WaitForPuback, Direction::Out),
            Stage::PubRec => (MessageState::WaitForPubrec, Direction::Out),
            Stage::PubComp => (MessageState::WaitForPubcomp, Direction::Out),
            Stage::Queued => (MessageState::Queued, Direction::Out),
        };
        let mut properties = PropertiesBuf::new();
        if held.identifier != 0 {
            properties.push(Property::SubscriptionIdentifier(held.identifier));
        }
        self.writer.client_message(&ClientMessage {
            client_id,
            store_id,
            mid: held.packet_id,
            qos: held.qos,
            state,
            retain: held.retain,
            dup: matches!(held.stage, Stage::PubAck | Stage::PubRec),
            direction,
            properties: properties.as_properties(),
        })
    }

    /// Subscriptions with the same filter. Those of sessions that were not handed over are left out: they do not outlive
    /// the broker, or are younger than the snapshot.
    pub fn filter(&mut self, kept: &KeptFilter) -> Result<(), WriteError> {
        for subscriber in &kept.subscribers {
            let Some(client_id) = self.clients.get(&subscriber.session) else { continue };
            self.writer.subscription(&Subscription {
                client_id,
                filter: &kept.filter,
                qos: QoS::from_bits(subscriber.options & 3).unwrap_or_default(),
                options: subscriber.options & Subscription::OPTIONS,
                identifier: subscriber.identifier,
            })?;
        }
        Ok(())
    }

    /// The output, to be flushed and synchronised; and the table for
    /// [`Restore::known`](mosquitto_broker::Restore::known), to which the record of
    /// [`Shared::retained_so_far`](mosquitto_broker::Shared::retained_so_far) is still to be added.
    pub fn finish(self) -> (W, Vec<u8>) {
        (self.writer.into_output(), self.known)
    }

    /// Writes a message unless it is there. Returns its store id.
    fn base_message(&mut self, message: &KeptMessage<'_>, publisher: Option<Publisher<'_>>) -> Result<u64, WriteError> {
        let store_id = if message.number == 0 {
            self.nameless -= 1;
            self.nameless + 1
        } else if self.written.insert(message.number) {
            message.number
        } else {
            return Ok(message.number);
        };
        let Publisher { client_id, username, listener_port } = publisher.unwrap_or_default();
        let expiry_time = if message.expires_at == Moment::NEVER { 0 } else { self.seconds(message.expires_at) };
        self.writer.base_message(&BaseMessage {
            store_id,
            expiry_time,
            source_id: client_id,
            source_username: username.filter(|name| !name.is_empty()),
            source_port: listener_port,
            source_mid: 0,
            topic: message.topic,
            qos: message.qos,
            // As in Mosquitto: what the broker says about itself is not retained by the next one.
            retain: message.retain && !message.topic.starts_with("$SYS/"),
            payload: message.payload,
            properties: Properties::from_checked(message.properties),
        })?;
        Ok(store_id)
    }

    /// Writes what stands for a message that its client has for good, unless it is there. Returns its store id.
    fn stand_in(&mut self, number: u64) -> Result<u64, WriteError> {
        let store_id = number | STAND_IN;
        if self.written.insert(store_id) {
            self.writer.base_message(&BaseMessage {
                store_id,
                expiry_time: 0,
                source_id: "",
                source_username: None,
                source_port: 0,
                source_mid: 0,
                topic: STAND_IN_TOPIC,
                qos: QoS::ExactlyOnce,
                retain: false,
                payload: &[],
                properties: Properties::EMPTY,
            })?;
        }
        Ok(store_id)
    }

    /// A moment in seconds since 1970, the next whole one; never 0, which means none.
    fn seconds(&self, at: Moment) -> i64 {
        i64::try_from(self.epoch_ms.saturating_add(at.0).div_ceil(1000)).unwrap_or(i64::MAX).max(1)
    }
}
