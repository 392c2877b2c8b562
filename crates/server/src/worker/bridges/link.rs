//! Between a bridge and the shard.

use super::slot::{Slot, moment};
use crate::worker::Worker;
use mosquitto_broker::{ConnectionId, Moment, Received, Then};
use mosquitto_mqtt::PacketType;
use std::io::IoSlice;

/// Bytes of the shard that a bridge may hold up, besides one packet.
const INBOX_BYTES: usize = 256 * 1024;

/// Buffers taken at once.
const SLICES_MAX: usize = 32;

/// Bytes taken from the link in a tick before the others get their turn.
const BUDGET_BYTES: usize = 4 * 1024 * 1024;

impl Worker {
    /// In a tick: gives what a bridge has for this broker to the shard. Returns whether that took something.
    pub(super) fn give_to_shard(&mut self, slot: &mut Slot) -> bool {
        let mut progress = false;
        while let Some(id) = slot.link
            && !slot.bridge.link_output().is_empty()
        {
            let Received { consumed, then } = self.shard.received(id, slot.bridge.link_output());
            slot.bridge.link_sent(consumed);
            progress |= consumed > 0;
            match then {
                Then::Wait { .. } if consumed > 0 => {}
                Then::Busy | Then::Full | Then::Checking | Then::Wait { .. } => {
                    slot.retry_at = Some(self.clock.now() + super::RETRY_MS);
                    break;
                }
                // The shard names it among those that are to be closed.
                Then::Ended { .. } => break,
                // It was opened where its session is at home.
                Then::HandOver(_) => {
                    self.release_link(id);
                    break;
                }
            }
        }
        progress
    }

    /// After a tick: gives what the shard has for a bridge to it. Returns whether it took something.
    pub(super) fn pull_link(&mut self, slot: &mut Slot, now: Moment) -> bool {
        let (mut progress, mut budget) = (false, BUDGET_BYTES);
        loop {
            progress |= slot.take_from_link(now);
            let Some(id) = slot.link.filter(|_| slot.is_settled()) else { return progress };
            let held = slot.link_inbox.len();
            if held >= INBOX_BYTES && held >= packet_len(&slot.link_inbox).unwrap_or(0) || budget == 0 {
                // So the shard knows a slow client.
                self.shard.sent(id, 0);
                return progress;
            }
            let mut slices = [IoSlice::new(&[]); SLICES_MAX];
            let filled = self.shard.output(id, &mut slices);
            let slices = slices.get(..filled).unwrap_or_default();
            for slice in slices {
                slot.link_inbox.extend_from_slice(slice);
            }
            let len = slot.link_inbox.len() - held;
            if len == 0 {
                return progress;
            }
            self.shard.sent(id, len);
            budget = budget.saturating_sub(len);
        }
    }

    /// After a tick: a connection that has output and no socket is a link.
    pub(in crate::worker) fn note_link(&mut self, id: ConnectionId) {
        if let Some(Some(number)) = self.bridges.links.get(&id).copied() {
            self.bridges.bring_out(number);
        }
    }

    /// Lets go of a link that the shard has ended. False: it is none.
    pub(in crate::worker) fn close_link(&mut self, id: ConnectionId) -> bool {
        if self.bridges.links.is_empty() {
            return false;
        }
        if let Some(Some(number)) = self.bridges.links.get(&id).copied()
            && let Some(mut slot) = self.bridges.take(number)
        {
            // Its reason.
            let now = self.clock.now();
            self.pull_link(&mut slot, now);
            self.bridges.put_back(number, slot);
        }
        self.release_link(id)
    }

    fn release_link(&mut self, id: ConnectionId) -> bool {
        let Some(owner) = self.bridges.links.remove(&id) else { return false };
        self.shard.release(id);
        let now = self.clock.now();
        if let Some(number) = owner
            && let Some(slot) = self.bridges.slot_mut(number)
        {
            slot.link = None;
            slot.link_inbox.clear();
            slot.bridge.link_closed(moment(now));
            slot.gather();
            self.bridges.line_up(number);
        }
        true
    }
}

impl Slot {
    /// Hands the bridge what came over the link, as much as it takes.
    fn take_from_link(&mut self, now: Moment) -> bool {
        let mut at = 0;
        while let Some(rest) = self.link_inbox.get(at..).filter(|rest| !rest.is_empty())
            && self.is_settled()
            && !(self.is_ending && is_publish(rest))
        {
            let taken = self.bridge.link_received(moment(now), rest);
            self.gather();
            if taken == 0 {
                break;
            }
            at += taken;
        }
        self.link_inbox.drain(..at.min(self.link_inbox.len()));
        at > 0
    }
}

/// Whether a message begins so.
pub(super) fn is_publish(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| first >> 4 == PacketType::Publish as u8)
}

/// Bytes of the packet that begins so, if that can be told.
pub(super) fn packet_len(bytes: &[u8]) -> Option<usize> {
    let (mut len, mut shift) = (0usize, 0);
    for (at, byte) in bytes.iter().enumerate().skip(1).take(4) {
        len |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return Some(len + at + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::packet_len;

    #[test]
    fn the_length_of_a_packet_is_told_by_its_first_bytes() {
        assert_eq!(packet_len(&[0x30]), None);
        assert_eq!(packet_len(&[0x30, 0x80]), None);
        assert_eq!(packet_len(&[0xd0, 0]), Some(2));
        assert_eq!(packet_len(&[0x30, 0x80, 1, 7]), Some(131));
        assert_eq!(packet_len(&[0x30, 0xff, 0xff, 0xff, 0xff]), None);
    }
}
