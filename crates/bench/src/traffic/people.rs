//! Who publishes and who subscribes.

use crate::arrivals::Client;
use crate::clock::Nanos;
use crate::sequence::Sequence;
use crate::stamp::Stamp;
use mosquitto_mqtt::packet::Publish;
use mosquitto_mqtt::{Properties, ProtocolVersion, QoS};
use std::collections::VecDeque;

/// What a link is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Role {
    Publisher(usize),
    Subscriber(usize),
    Other,
}

/// One that publishes.
#[derive(Debug)]
pub(super) struct Publisher {
    pub(super) link: usize,
    /// The group whose subscribers get its messages, and which of those who publish for that group it is.
    pub(super) group: usize,
    pub(super) place: usize,
    /// Subscribers that each of its messages is to go to.
    pub(super) receivers: u32,
    /// When the messages were due that are not sent yet, in open loop.
    pub(super) due: VecDeque<Nanos>,
    /// Whether it is in the list of those that may send.
    pub(super) is_ready: bool,
    /// When one of its messages was last sent or arrived.
    pub(super) moved: Nanos,
    topic: String,
    /// Of the next message.
    pub(super) number: u32,
    /// Messages before this one have arrived everywhere.
    settled: u32,
    /// How many subscribers the messages from there on have not come to.
    outstanding: VecDeque<u32>,
    free: Vec<u16>,
    /// By packet identifier.
    taken: Vec<bool>,
    /// Where messages are shared: those that have come to any of the subscribers.
    pub(super) taken_by_anyone: Sequence,
}

impl Publisher {
    pub(super) fn new(client: Client, topic: String, window: u16, [group, place]: [usize; 2], receivers: u32) -> Self {
        Self {
            link: client.link,
            group,
            place,
            receivers,
            due: VecDeque::new(),
            is_ready: false,
            moved: 0,
            topic,
            number: 0,
            settled: 0,
            outstanding: VecDeque::new(),
            free: (1..=window).rev().collect(),
            taken: vec![false; usize::from(window) + 1],
            taken_by_anyone: Sequence::default(),
        }
    }

    /// How many messages it may send now, with at most `ahead` under way (0: any number).
    pub(super) fn credit(&self, qos: QoS, ahead: u32) -> u32 {
        let window = if qos == QoS::AtMostOnce { u32::MAX } else { self.free.len() as u32 };
        let ahead = if ahead == 0 { u32::MAX } else { ahead.saturating_sub(self.under_way()) };
        window.min(ahead)
    }

    /// Messages that have not arrived everywhere.
    pub(super) fn under_way(&self) -> u32 {
        self.number - self.settled
    }

    /// Puts the next message, which has to be within the [`credit`](Self::credit).
    #[allow(clippy::too_many_arguments, reason = "all that a message is made of")]
    pub(super) fn put(
        &mut self,
        run: u32,
        publisher: usize,
        qos: QoS,
        version: ProtocolVersion,
        payload: &mut [u8],
        now: Nanos,
        output: &mut Vec<u8>,
    ) {
        let packet_id = if qos == QoS::AtMostOnce { 0 } else { self.free.pop().unwrap_or(0) };
        if let Some(taken) = self.taken.get_mut(usize::from(packet_id)).filter(|_| packet_id > 0) {
            *taken = true;
        }
        let due = self.due.pop_front().unwrap_or(now);
        Stamp { run, publisher: publisher as u32, number: self.number, due }.put(payload);
        let properties = Properties::EMPTY;
        let publish = Publish { dup: false, qos, retain: false, topic: &self.topic, packet_id, properties, payload };
        publish.encode(version, output);
        self.outstanding.push_back(self.receivers);
        self.number += 1;
        self.moved = now;
        self.settle();
    }

    /// The messages from `first` to `last` have come to one more subscriber.
    pub(super) fn arrived(&mut self, first: u32, last: u32, now: Nanos) {
        self.moved = now;
        for number in first.max(self.settled)..=last {
            if let Some(left) = self.outstanding.get_mut((number - self.settled) as usize) {
                *left = left.saturating_sub(1);
            }
        }
        self.settle();
    }

    fn settle(&mut self) {
        while self.outstanding.front() == Some(&0) {
            self.outstanding.pop_front();
            self.settled += 1;
        }
    }

    /// Waits no more for what is under way.
    pub(super) fn give_up(&mut self, now: Nanos) {
        self.outstanding.clear();
        self.settled = self.number;
        self.moved = now;
    }

    /// It is cut off: returns how many messages will never be acknowledged.
    pub(super) fn abandon(&mut self) -> u64 {
        self.due.clear();
        let taken = self.taken.iter().filter(|taken| **taken).count() as u64;
        self.taken.fill(false);
        taken
    }

    /// Whether a message with this packet identifier is under way.
    pub(super) fn has_taken(&self, packet_id: u16) -> bool {
        self.taken.get(usize::from(packet_id)) == Some(&true)
    }

    /// The packet identifier may be used again.
    pub(super) fn release(&mut self, packet_id: u16) {
        if let Some(taken) = self.taken.get_mut(usize::from(packet_id)) {
            *taken = false;
            self.free.push(packet_id);
        }
    }
}

/// One that subscribes.
#[derive(Debug)]
pub(super) struct Subscriber {
    pub(super) link: usize,
    pub(super) group: usize,
    /// Whether what it misses is lost.
    pub(super) counted: bool,
    pub(super) received: u64,
    /// What has come, by publisher of its group.
    pub(super) sequences: Vec<Sequence>,
    /// One more than the highest number that has come, likewise: where messages are shared.
    pub(super) next: Vec<u32>,
}

impl Subscriber {
    pub(super) fn new(client: Client, group: usize, counted: bool, publishers: usize) -> Self {
        Self {
            link: client.link,
            group,
            counted,
            received: 0,
            sequences: vec![Sequence::default(); publishers],
            next: vec![0; publishers],
        }
    }
}
