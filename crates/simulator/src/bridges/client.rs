//! Clients at the brokers: who publishes, over connections that break, and who sees all that comes to a broker.

use super::wire::{Owner, Wire};
use mosquitto_client::mqtt::packet::{RetainHandling, Subscription, SubscriptionOptions};
use mosquitto_client::mqtt::{Properties, ProtocolVersion, QoS};
use mosquitto_client::{Event, Message, Moment, Options, Session};
use std::collections::{BTreeMap, VecDeque};

pub(crate) struct Client {
    pub(crate) node: usize,
    pub(crate) session: Session,
    pub(crate) wire: Option<usize>,
    /// Gets everything that its broker is told, over a connection that never breaks.
    pub(crate) is_observer: bool,
    pub(crate) messages: VecDeque<Message>,
    /// What is retained, while it is asked for that.
    pub(crate) retained: Option<BTreeMap<String, Vec<u8>>>,
    /// Connections that have broken.
    pub(crate) breaks: u32,
}

const ALL: [&str; 2] = ["#", "$SYS/broker/connection/#"];

impl Client {
    pub(crate) fn new(node: usize, name: &str, version: ProtocolVersion, is_observer: bool) -> Self {
        let options = Options {
            clean_start: is_observer,
            keep_alive_s: 0,
            session_expiry_s: Some(u32::MAX),
            receive_maximum: is_observer.then_some(u16::MAX),
            queue_messages_max: 10_000,
            ..Options::new(version, name)
        };
        let (wire, messages) = (None, VecDeque::new());
        Self { node, session: Session::new(options), wire, is_observer, messages, retained: None, breaks: 0 }
    }

    /// Asks for everything, and for what is retained.
    pub(crate) fn ask(&mut self, now: u64) {
        for filter in ALL {
            let options = SubscriptionOptions {
                qos: QoS::ExactlyOnce,
                no_local: false,
                retain_as_published: true,
                retain_handling: RetainHandling::Always,
            };
            // There is always room for these two.
            let _ = self.session.subscribe(Moment(now), &[Subscription { filter, options }], Properties::EMPTY);
        }
    }

    pub(crate) fn connect(&mut self, wire: usize, now: u64) {
        self.wire = Some(wire);
        self.session.connect(Moment(now));
    }

    /// Reads and writes: whether anything happened.
    pub(crate) fn pump(&mut self, wires: &mut BTreeMap<usize, Wire>, now: u64, calm: bool) -> bool {
        let Some(wire) = self.wire.and_then(|wire| wires.get_mut(&wire)) else { return false };
        let mut moved = false;
        loop {
            let taken = self.session.received(Moment(now), &wire.down.arrived);
            if taken == 0 || wire.down.arrived.is_empty() {
                break;
            }
            wire.down.arrived.drain(..taken.min(wire.down.arrived.len()));
            moved = true;
        }
        moved |= self.follow(now);
        let output = self.session.output();
        let len = output.len().min(wire.room_up(calm || self.is_observer));
        if !wire.is_cut {
            wire.up.moving.extend_from_slice(&output[..len]);
        }
        self.session.sent(len);
        moved |= len > 0;
        if wire.is_over_for_peer() {
            wire.peer_closed = true;
            self.wire = None;
            self.breaks += 1;
            self.session.closed(Moment(now));
            self.follow(now);
            moved = true;
        }
        moved
    }

    fn follow(&mut self, now: u64) -> bool {
        let mut moved = false;
        while let Some(event) = self.session.poll_event() {
            moved = true;
            match event {
                Event::Message(message) => self.messages.push_back(message),
                Event::Connected { .. } if self.is_observer => self.ask(now),
                _ => {}
            }
        }
        moved
    }

    /// A wire for it.
    pub(crate) fn wire(number: usize, node: usize, shard: usize, capacity: usize) -> Wire {
        Wire::new(Owner::Client(number), node, shard, capacity)
    }
}
