//! A session while it is put together.

use super::queue::{Copy, Delivery, Queue};
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
    /// Whether the snapshot has said more of it than which messages it has.
    pub(super) is_told_of: bool,
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
    /// None where the client has it for good, or where it is not known yet.
    pub(super) message: Option<Message>,
    /// Whether it is known to be none of those that the message was published to.
    pub(super) is_extra: bool,
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
            is_told_of: false,
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
        let mut missing: Vec<Copy> = deliveries.iter().map(|&delivery| Copy::new(delivery)).collect();
        if !is_whole {
            let number = message.number();
            for delivery in self.queue.copies(number) {
                if let Some(at) = like(&missing, delivery) {
                    missing.remove(at);
                }
            }
            // Whether one that was in flight for the snapshot is one of these is told when it is launched.
            for flight in self.in_flight.get(&number).into_iter().flatten().filter(|flight| !flight.is_extra) {
                if let Some(at) = like(&missing, flight.delivery)
                    && let Some(copy) = missing.get_mut(at)
                {
                    copy.in_flight_as = flight.packet_id;
                }
            }
        }
        // Copies go out from the first on; so those that are missing were the first.
        self.queue.put_before(message, &missing);
    }

    /// A message is in flight; `known` is what is known by its number.
    pub(super) fn launched(
        &mut self,
        number: u64,
        packet_id: u16,
        delivery: Delivery,
        was_queued: bool,
        known: Option<&Message>,
    ) {
        self.last_id = packet_id;
        if let Some(flight) = self.flight(number, packet_id) {
            flight.is_extra = !was_queued;
            self.queue.settle(number, packet_id, was_queued);
            return;
        }
        let taken = if was_queued { self.queue.take_first(number, delivery) } else { None };
        let awaiting = match delivery.qos {
            mosquitto_mqtt::QoS::ExactlyOnce => Awaiting::PubRec,
            _ => Awaiting::PubAck,
        };
        let message = taken.or_else(|| known.cloned());
        let flight = Flight { packet_id, awaiting, delivery, message, is_extra: !was_queued };
        self.in_flight.entry(number).or_default().push(flight);
    }

    /// A message is known by now that is in flight.
    pub(super) fn found(&mut self, message: &Message) {
        for flight in self.in_flight.get_mut(&message.number()).into_iter().flatten() {
            if flight.awaiting != Awaiting::PubComp {
                flight.message.get_or_insert_with(|| message.clone());
            }
        }
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

/// The last of those not found yet that is delivered so, or at another QoS: its listener may allow less.
fn like(copies: &[Copy], delivery: Delivery) -> Option<usize> {
    let last =
        |is: &dyn Fn(&Delivery) -> bool| copies.iter().rposition(|copy| copy.in_flight_as == 0 && is(&copy.delivery));
    last(&|other| *other == delivery).or_else(|| last(&|other| other.is_like(delivery)))
}
