//! How many long packets a worker handles in one tick.
//!
//! A packet is handled whole. A long payload stays in the buffer that it was gathered in, but what is written down of it for the disk
//! is copied, which for 64 MiB takes tens of milliseconds, most of them the system's for the pages. When several of
//! them are there at once, the others whom this worker serves get their turn between two of them.

/// From this many bytes on, a packet is long.
const LONG_BYTES: usize = 1 << 20;

/// Bytes of long packets handled in one tick. One that is longer itself is handled alone.
const BYTES_A_TICK: usize = 16 << 20;

/// What one tick has handled.
#[derive(Debug, Default)]
pub(super) struct LongPackets {
    handled: usize,
}

impl LongPackets {
    pub(super) fn begin_tick(&mut self) {
        self.handled = 0;
    }

    /// Whether a packet of this length may be handled in this tick, and if so, that it is.
    pub(super) fn may_handle(&mut self, packet_len: usize) -> bool {
        if packet_len < LONG_BYTES {
            return true;
        }
        if self.handled > 0 && self.handled.saturating_add(packet_len) > BYTES_A_TICK {
            return false;
        }
        self.handled = self.handled.saturating_add(packet_len);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_handles_one_very_long_packet_or_several_long_ones_and_any_short_ones() {
        let mut packets = LongPackets::default();
        assert!(packets.may_handle(64 << 20));
        assert!(!packets.may_handle(LONG_BYTES) && !packets.may_handle(64 << 20));
        assert!(packets.may_handle(LONG_BYTES - 1));
        packets.begin_tick();
        assert_eq!((0..20).filter(|_| packets.may_handle(4 << 20)).count(), 4);
        packets.begin_tick();
        assert!(packets.may_handle(64 << 20), "what had to wait is handled in its turn");
    }
}
