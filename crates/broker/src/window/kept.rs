//! What of a window outlives the broker: given back to it at the start, and handed over bit by bit while it is in use.

use super::{Awaiting, InFlight, Queued, Window, ahead, following};
use crate::message::Message;
use std::collections::VecDeque;

/// A message in flight as it is kept.
#[derive(Debug)]
pub(crate) struct KeptInFlight {
    pub(crate) number: u64,
    pub(crate) packet_id: u16,
    pub(crate) awaiting: Awaiting,
    pub(crate) retain: bool,
    pub(crate) identifier: u32,
    pub(crate) message: Option<Message>,
}

impl Window {
    /// What a session had. Identifiers are given in order, so `last_id`, the one given last, tells the order of those in
    /// flight. Returns how many of them were left out, since another one has the identifier.
    pub(crate) fn give_back(
        &mut self,
        mut in_flight: Vec<KeptInFlight>,
        queue: VecDeque<Queued>,
        last_id: u16,
    ) -> usize {
        let before = in_flight.len();
        in_flight.sort_by_key(|entry| ahead(following(last_id), entry.packet_id));
        in_flight.dedup_by_key(|entry| entry.packet_id);
        self.last_id = last_id;
        self.in_flight = in_flight.into_iter().map(InFlight::from).collect();
        (self.live, self.unsent) = (self.in_flight.len() as u16, self.in_flight.len() as u16);
        self.in_flight_payload = self.in_flight.iter().map(|entry| entry.payload_len as usize).sum();
        let bytes_of = |message: &Message| message.bytes().len();
        self.bytes = self.in_flight.iter().filter_map(|entry| entry.message.as_ref()).map(bytes_of).sum();
        for queued in queue {
            self.enqueue(queued);
        }
        before - self.in_flight.len()
    }

    /// The identifier given last.
    pub(crate) fn last_id(&self) -> u16 {
        self.last_id
    }

    /// Messages queued that get an identifier when their turn comes.
    pub(crate) fn queued_with_id(&self) -> usize {
        self.queue.as_ref().map_or(0, |queue| queue.list.len() - queue.qos_0 as usize)
    }

    /// Where those in flight begin, and where the queue does, counted in what there ever was of each.
    pub(crate) fn beginnings(&self) -> (u32, u32) {
        (self.in_flight_gone, self.queue_gone)
    }

    /// Those in flight from a place on, or from the first one that is still there.
    pub(crate) fn in_flight_from(&self, place: u32) -> impl Iterator<Item = &InFlight> {
        self.in_flight.iter().skip(behind(self.in_flight_gone, place))
    }

    /// Likewise of the queue.
    pub(crate) fn queue_from(&self, place: u32) -> impl Iterator<Item = &Queued> {
        let skipped = behind(self.queue_gone, place);
        self.queue.iter().flat_map(move |queue| queue.list.iter().skip(skipped))
    }
}

/// How far a place lies behind the beginning; 0 where the beginning has passed it.
fn behind(beginning: u32, place: u32) -> usize {
    let distance = place.wrapping_sub(beginning);
    if distance > u32::MAX / 2 { 0 } else { distance as usize }
}

impl From<KeptInFlight> for InFlight {
    fn from(kept: KeptInFlight) -> Self {
        let KeptInFlight { number, packet_id, awaiting, retain, identifier, message } = kept;
        let payload_len = message.as_ref().map_or(0, |message| message.view().payload.len()) as u32;
        let (sent, counted, sent_s) = (false, false, 0);
        Self { number, packet_id, awaiting, retain, sent, counted, identifier, sent_s, payload_len, message }
    }
}
