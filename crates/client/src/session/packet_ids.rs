//! Packet identifiers.

use std::collections::HashSet;

/// The identifiers of this client's PUBLISH, SUBSCRIBE and UNSUBSCRIBE packets: 1 to 65,535 in a circle, without those
/// that are in use `[MQTT-2.2.1-3]`.
#[derive(Debug, Default)]
pub(super) struct PacketIds {
    last: u16,
    used: HashSet<u16>,
}

impl PacketIds {
    /// The next free identifier, which is in use from now on; none if all are.
    pub(super) fn claim(&mut self) -> Option<u16> {
        let id = self.pass()?;
        self.used.insert(id);
        Some(id)
    }

    /// The next free identifier for a message of QoS 0: a number for the log, which is not kept.
    pub(super) fn pass(&mut self) -> Option<u16> {
        if self.used.len() >= usize::from(u16::MAX) {
            return None;
        }
        loop {
            self.last = self.last.checked_add(1).unwrap_or(1);
            if !self.used.contains(&self.last) {
                return Some(self.last);
            }
        }
    }

    pub(super) fn free(&mut self, id: u16) {
        self.used.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_in_use_are_passed_over_and_zero_is_none() {
        // [MQTT-2.2.1-3]
        let mut ids = PacketIds::default();
        assert_eq!((ids.claim(), ids.claim(), ids.claim()), (Some(1), Some(2), Some(3)));
        ids.free(2);
        for _ in 3..u16::MAX {
            assert!(ids.claim().is_some());
        }
        assert_eq!(ids.claim(), Some(2));
        assert_eq!((ids.claim(), ids.pass()), (None, None));
    }
}
