//! Waiting for one message to be through, and events one after the other.

use super::{Client, Next};
use crate::{Event, Message};
use mosquitto_mqtt::{PropertiesBuf, ReasonCode};
use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

/// Events that are kept while one message is waited for, at most.
const KEPT_MAX: usize = 1000;

/// Bytes of messages among them from which on no more are kept.
const KEPT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What happened while somebody waited for something else: still to be told, in its order.
#[derive(Debug, Default)]
pub(super) struct Kept {
    list: VecDeque<Next>,
    bytes: usize,
}

impl Kept {
    pub(super) fn push(&mut self, next: Next) {
        self.bytes += len(&next);
        self.list.push_back(next);
    }

    pub(super) fn pop(&mut self) -> Option<Next> {
        let next = self.list.pop_front()?;
        self.bytes -= len(&next);
        Some(next)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    fn is_full(&self) -> bool {
        self.list.len() >= KEPT_MAX || self.bytes >= KEPT_BYTES_MAX
    }

    fn take_published(&mut self, packet_id: u16) -> Option<Delivery> {
        let at = self.list.iter().position(|next| published(next, packet_id))?;
        self.list.remove(at).map(delivery)
    }
}

fn len(next: &Next) -> usize {
    match next {
        Next::Event(Event::Message(Message { topic, payload, .. })) => topic.len() + payload.len(),
        _ => 0,
    }
}

fn published(next: &Next, id: u16) -> bool {
    matches!(next, Next::Event(Event::Published { packet_id, .. }) if *packet_id == id)
}

fn delivery(next: Next) -> Delivery {
    match next {
        Next::Event(Event::Published { reason, properties, .. }) => Delivery::Done { reason, properties },
        _ => Delivery::NotUnderWay,
    }
}

/// What [`Client::wait`] has found out about a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// The server has answered for it, or would not have taken it. [`Event::Published`] does not tell of it any more.
    Done {
        /// As in [`Event::Published`].
        reason: ReasonCode,
        /// As in [`Event::Published`].
        properties: PropertiesBuf,
    },
    /// There is no such message under way: it was of QoS 0, or [`Event::Published`] has been told.
    NotUnderWay,
    /// The time is over.
    TimedOut,
    /// There is no connection, and none will be made. The message is sent with the next one.
    NotConnected,
    /// So much else has happened that it has to be taken with [`Client::next`] first.
    EventsWait,
}

impl Client {
    /// Waits until a message of QoS 1 or 2 is through, for `timeout` at most. `packet_id` is what [`publish`](Self::publish)
    /// returned; it serves until [`Event::Published`] is told. What else happens meanwhile is kept, and told by
    /// [`next`](Self::next) later.
    pub fn wait(&mut self, packet_id: u16, timeout: Option<Duration>) -> io::Result<Delivery> {
        if let Some(delivery) = self.kept.take_published(packet_id) {
            return Ok(delivery);
        }
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            if !self.session.has_events() && !self.session.is_unfinished(packet_id) {
                return Ok(Delivery::NotUnderWay);
            }
            if self.kept.is_full() {
                return Ok(Delivery::EventsWait);
            }
            if self.is_idle() {
                return Ok(Delivery::NotConnected);
            }
            let rest = until.map(|until| until.saturating_duration_since(Instant::now()));
            match self.next_new(rest)? {
                next if published(&next, packet_id) => return Ok(delivery(next)),
                Next::TimedOut => return Ok(Delivery::TimedOut),
                next => self.kept.push(next),
            }
        }
    }

    /// What happens, one event after the other, until the connection is over and no other will be made. An error is one of the
    /// system's polling, or tells that the server could not be reached. While a lost connection is to be made again, attempts
    /// that fail are passed over.
    pub fn events(&mut self) -> Events<'_> {
        Events { client: self }
    }
}

/// An iterator over the events of a [`Client`], from [`Client::events`]; it waits for the next one.
#[derive(Debug)]
pub struct Events<'c> {
    client: &'c mut Client,
}

impl Events<'_> {
    /// The client, to ask something of it between two events.
    pub fn client(&mut self) -> &mut Client {
        self.client
    }
}

impl Iterator for Events<'_> {
    type Item = io::Result<Event>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.client.is_idle() && self.client.kept.is_empty() {
                return None;
            }
            match self.client.next(None) {
                Ok(Next::Event(event)) => return Some(Ok(event)),
                Ok(Next::Unreachable(error)) if self.client.is_idle() => return Some(Err(error)),
                Ok(_) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
