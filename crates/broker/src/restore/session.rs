//! A session while it is put together.

use super::queue::{Delivery, Queue};
use crate::SessionKey;
use crate::message::Message;
use crate::window::Awaiting;
use foldhash::fast::RandomState;
use hashbrown::HashMap;

type Map<K, V> = HashMap<K, V, RandomState>;

/// Whether its client is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// It was, as far as is known: its session's time runs from the end of the broker's own pause on.
    Here,
    /// It left at this time on the wall clock, in milliseconds.
    LeftAt(u64),
    /// It left, and its session ends at this time.
    Until(u64),
}

#[derive(Debug)]
pub(super) struct Session {
    pub(super) client_id: Box<str>,
    pub(super) username: Option<Box<str>>,
    pub(super) listener_port: u16,
    pub(super) expiry_s: u32,
    pub(super) presence: Presence,
    /// What records call it.
    pub(super) key: Option<SessionKey>,
    /// Whether all that ever happened to it is replayed, and none of it was in a snapshot.
    pub(super) is_whole: bool,
    pub(super) subscriptions: Map<Box<str>, (u8, u32)>,
    /// None while it has none.
    pub(super) messages: Option<Box<Messages>>,
}

/// A message in flight.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) packet_id: u16,
    pub(super) awaiting: Awaiting,
    pub(super) delivery: Delivery,
    pub(super) message: Option<Message>,
}

/// The messages of a session.
#[derive(Debug, Default)]
pub(super) struct Messages {
    pub(super) last_id: u16,
    /// By number: the same message may be in flight more than once.
    pub(super) in_flight: Map<u64, Vec<Flight>>,
    pub(super) queue: Queue,
    /// Whether the first of the queue that has an identifier already was seen.
    pub(super) has_queued_id: bool,
    pub(super) incoming: Map<u16, Message>,
}

impl Session {
    pub(super) fn new(client_id: &str, expiry_s: u32) -> Self {
        Self {
            client_id: client_id.into(),
            username: None,
            listener_port: 0,
            expiry_s,
            presence: Presence::Here,
            key: None,
            is_whole: false,
            subscriptions: HashMap::default(),
            messages: None,
        }
    }

    pub(super) fn messages(&mut self) -> &mut Messages {
        self.messages.get_or_insert_default()
    }
}

impl Messages {
    /// A message was published to this session: so many copies are to be there in all, those in flight included.
    pub(super) fn published(&mut self, message: &Message, deliveries: &[Delivery], is_whole: bool) {
        if is_whole {
            self.queue.put_before(message, deliveries);
            return;
        }
        let number = message.number();
        let (mut missing, mut there) = (deliveries.to_vec(), 0);
        let in_flight = self.in_flight.get(&number).into_iter().flatten().map(|flight| flight.delivery);
        for delivery in in_flight.chain(self.queue.copies(number)) {
            there += 1;
            if let Some(at) = missing.iter().rposition(|other| *other == delivery) {
                missing.remove(at);
            }
        }
        // Copies go out from the first on; so those that are missing were the first.
        missing.truncate(deliveries.len().saturating_sub(there));
        self.queue.put_before(message, &missing);
    }

    /// A message is in flight; `known` is what is known by its number. False where nothing is.
    pub(super) fn launched(
        &mut self,
        number: u64,
        packet_id: u16,
        delivery: Delivery,
        known: Option<&Message>,
    ) -> bool {
        self.last_id = packet_id;
        if self.flight(number, packet_id).is_some() {
            return true;
        }
        let Some(message) = self.queue.take_first(number, delivery).or_else(|| known.cloned()) else { return false };
        let awaiting = match delivery.qos {
            mosquitto_mqtt::QoS::ExactlyOnce => Awaiting::PubRec,
            _ => Awaiting::PubAck,
        };
        let flight = Flight { packet_id, awaiting, delivery, message: Some(message) };
        self.in_flight.entry(number).or_default().push(flight);
        true
    }

    pub(super) fn handed_over(&mut self, number: u64, packet_id: u16) {
        if let Some(flight) = self.flight(number, packet_id) {
            (flight.awaiting, flight.message) = (Awaiting::PubComp, None);
        }
    }

    pub(super) fn finished(&mut self, number: u64, packet_id: u16) {
        let Some(flights) = self.in_flight.get_mut(&number) else { return };
        flights.retain(|flight| flight.packet_id != packet_id);
        if flights.is_empty() {
            self.in_flight.remove(&number);
        }
    }

    fn flight(&mut self, number: u64, packet_id: u16) -> Option<&mut Flight> {
        self.in_flight.get_mut(&number)?.iter_mut().find(|flight| flight.packet_id == packet_id)
    }
}
