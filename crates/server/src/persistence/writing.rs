//! From what the shards hand over to a file as Mosquitto writes it.

use super::journal::epoch_ms;
use super::saver::{Collected, NotSaved};
use crate::worker::Clock;
use mosquitto_broker::{
    Change, HeldMessage, KeptFilter, KeptMessage, KeptSubscriber, Moment, Publisher, STAND_IN, SessionHead, SessionKey, SessionPart, Stage,
};
use mosquitto_mqtt::{Properties, PropertiesBuf, Property, QoS};
use mosquitto_storage::{
    BaseMessage, Client, ClientMessage, Config, Direction, MessageState, Retained, Subscription, WriteError, Writer,
};
use std::collections::{HashMap, HashSet};
use std::io::Write;

/// In place of a message that its client has for good, which is not there any more: files of Mosquitto want one.
const STAND_IN_TOPIC: &str = "released";

/// A file that is being written.
pub(super) struct Writing<'c, W> {
    writer: Writer<W>,
    clock: Clock,
    collected: &'c Collected,
    /// Numbers of messages that are in the file.
    written: HashSet<u64>,
    /// The sessions in the file, and who has them.
    clients: HashMap<SessionKey, &'c str>,
}

impl Collected {
    /// The sessions: of a client whose session was over while others were handed over, the last.
    pub(super) fn clients(&self) -> HashMap<SessionKey, &str> {
        let mut youngest: HashMap<&str, SessionKey> = HashMap::new();
        for SessionPart { key, client_id, .. } in self.sessions.iter().filter(|part| part.head.is_some()) {
            let found = youngest.entry(client_id).or_insert(*key);
            if found.epoch < key.epoch {
                *found = *key;
            }
        }
        youngest.into_iter().map(|(client_id, key)| (key, client_id)).collect()
    }
}

impl<'c, W: Write> Writing<'c, W> {
    /// Writes what comes before the subscriptions. `shutdown`: the broker ends.
    pub(super) fn begin(output: W, collected: &'c Collected, clock: Clock, shutdown: bool) -> Result<Self, NotSaved> {
        let numbers = collected.sessions.iter().flat_map(|part| part.messages.iter().map(|held| held.number));
        let retained = collected.retained.iter().map(|part| part.message().number);
        let last_store_id = numbers.chain(retained).max().unwrap_or_default();
        let writer = Writer::new(output, Config { last_store_id, shutdown })?;
        let mut writing = Self { writer, clock, collected, written: HashSet::new(), clients: collected.clients() };
        writing.base_messages()?;
        writing.sessions()?;
        Ok(writing)
    }

    fn base_messages(&mut self) -> Result<(), NotSaved> {
        for held in self.collected.sessions.iter().flat_map(|part| &part.messages) {
            match held.message() {
                Some(message) => self.base_message(&message, None)?,
                None => self.stand_in(held)?,
            }
        }
        for part in &self.collected.retained {
            self.base_message(&part.message(), part.publisher())?;
        }
        Ok(())
    }

    fn base_message(&mut self, message: &KeptMessage<'_>, publisher: Option<Publisher<'_>>) -> Result<(), NotSaved> {
        if !self.written.insert(message.number) {
            return Ok(());
        }
        let Publisher { client_id, username, listener_port } = publisher.unwrap_or_default();
        let base = BaseMessage {
            store_id: message.number,
            expiry_time: self.wall_clock_s(message.expires_at),
            source_id: client_id,
            source_username: username,
            source_port: listener_port,
            source_mid: 0,
            topic: message.topic,
            qos: message.qos,
            retain: message.retain,
            payload: message.payload,
            properties: Properties::from_checked(message.properties),
        };
        unless_too_long(self.writer.base_message(&base))
    }

    fn stand_in(&mut self, held: &HeldMessage) -> Result<(), NotSaved> {
        let message = KeptMessage {
            number: store_id(held),
            topic: STAND_IN_TOPIC,
            properties: &[],
            payload: &[],
            qos: QoS::ExactlyOnce,
            retain: false,
            expires_at: Moment::NEVER,
        };
        self.base_message(&message, None)
    }

    fn sessions(&mut self) -> Result<(), NotSaved> {
        for part in &self.collected.sessions {
            if !self.clients.contains_key(&part.key) {
                continue;
            }
            if let Some(head) = &part.head {
                self.session(part, head)?;
            }
            for held in &part.messages {
                self.client_message(&part.client_id, held)?;
            }
        }
        Ok(())
    }

    fn session(&mut self, part: &SessionPart, head: &SessionHead) -> Result<(), NotSaved> {
        let client = Client {
            client_id: &part.client_id,
            username: head.username.as_deref().filter(|name| !name.is_empty()),
            session_expiry_time: head.ends_at.map_or(0, |at| self.wall_clock_s(at)),
            session_expiry_interval: head.expiry_s,
            last_mid: head.last_packet_id,
            listener_port: head.listener_port,
        };
        unless_too_long(self.writer.client(&client))
    }

    fn client_message(&mut self, client_id: &str, held: &HeldMessage) -> Result<(), NotSaved> {
        let identifier = (held.identifier > 0).then_some(Property::SubscriptionIdentifier(held.identifier));
        let properties: PropertiesBuf = identifier.into_iter().collect();
        let message = ClientMessage {
            client_id,
            store_id: store_id(held),
            mid: held.packet_id,
            qos: held.qos,
            state: match held.stage {
                Stage::Incoming => MessageState::WaitForPubrel,
                Stage::PubAck => MessageState::WaitForPuback,
                Stage::PubRec => MessageState::WaitForPubrec,
                Stage::PubComp => MessageState::WaitForPubcomp,
                Stage::Queued => MessageState::Queued,
            },
            retain: held.retain,
            dup: matches!(held.stage, Stage::PubAck | Stage::PubRec | Stage::PubComp),
            direction: if held.stage == Stage::Incoming { Direction::In } else { Direction::Out },
            properties: properties.as_properties(),
        };
        unless_too_long(self.writer.client_message(&message))
    }

    /// Writes subscriptions, those of sessions in the file.
    pub(super) fn subscriptions(&mut self, filters: &[KeptFilter]) -> Result<(), NotSaved> {
        for KeptFilter { filter, subscribers } in filters {
            for &KeptSubscriber { session, options, identifier } in subscribers {
                let Some(client_id) = self.clients.get(&session) else { continue };
                let subscription = Subscription {
                    client_id,
                    filter,
                    qos: QoS::from_bits(options & 3).unwrap_or(QoS::AtMostOnce),
                    options: options & Subscription::OPTIONS,
                    identifier,
                };
                unless_too_long(self.writer.subscription(&subscription))?;
            }
        }
        Ok(())
    }

    /// Writes what is retained. Returns the output.
    pub(super) fn finish(mut self) -> Result<W, NotSaved> {
        for part in &self.collected.retained {
            self.writer.retained(Retained { store_id: part.message().number })?;
        }
        Ok(self.writer.into_output())
    }

    /// Seconds since 1970, not less; 0 for never.
    fn wall_clock_s(&self, at: Moment) -> i64 {
        if at == Moment::NEVER {
            return 0;
        }
        epoch_ms(self.clock).saturating_add_unsigned(at.0).saturating_add(999) / 1000
    }
}

/// The number in the file.
fn store_id(held: &HeldMessage) -> u64 {
    if held.message().is_some() { held.number } else { held.number | STAND_IN }
}

/// What the format has no room for came from no packet.
fn unless_too_long(outcome: Result<(), WriteError>) -> Result<(), NotSaved> {
    match outcome {
        Err(WriteError::TooLong(_)) | Ok(()) => Ok(()),
        Err(WriteError::Io(error)) => Err(error.into()),
    }
}

/// What goes with the file into the journal: which sessions are meant by the keys in it.
pub(super) fn known(collected: &Collected) -> Vec<u8> {
    let mut payload = Vec::new();
    collected.retained_so_far.encode(&mut payload);
    for (session, client_id) in collected.clients() {
        Change::Known { session, client_id }.encode(&mut payload);
    }
    payload
}
