//! Packet identifiers.

/// Bits of a word of the set.
const WORD_BITS: usize = u64::BITS as usize;

/// The identifiers of this client's PUBLISH, SUBSCRIBE and UNSUBSCRIBE packets: 1 to 65,535 in a circle, without those
/// that are in use `[MQTT-2.2.1-3]`.
#[derive(Debug, Default)]
pub(super) struct PacketIds {
    last: u16,
    /// A bit for each identifier up to the highest that was ever in use.
    used: Vec<u64>,
    used_count: usize,
}

impl PacketIds {
    /// The next free identifier, which is in use from now on; none if all are.
    pub(super) fn claim(&mut self) -> Option<u16> {
        let id = self.pass()?;
        self.take(id);
        Some(id)
    }

    /// Puts an identifier in use that somebody else has chosen. Those chosen here go on after it.
    pub(super) fn claim_as(&mut self, id: u16) {
        self.take(id);
        // What comes again is of lower ones.
        if id.wrapping_sub(self.last) < u16::MAX / 2 {
            self.last = id;
        }
    }

    /// Puts an identifier in use without being the last one for that.
    pub(super) fn take(&mut self, id: u16) {
        let (word, bit) = place(id);
        if word >= self.used.len() {
            self.used.resize(word + 1, 0);
        }
        if let Some(word) = self.used.get_mut(word)
            && *word & bit == 0
        {
            *word |= bit;
            self.used_count += 1;
        }
    }

    /// The next free identifier for a message of QoS 0: a number for the log, which is not kept.
    pub(super) fn pass(&mut self) -> Option<u16> {
        if self.used_count >= usize::from(u16::MAX) {
            return None;
        }
        loop {
            self.last = self.last.checked_add(1).unwrap_or(1);
            if !self.is_used(self.last) {
                return Some(self.last);
            }
        }
    }

    pub(super) fn free(&mut self, id: u16) {
        let (word, bit) = place(id);
        if let Some(word) = self.used.get_mut(word)
            && *word & bit != 0
        {
            *word &= !bit;
            self.used_count -= 1;
        }
    }

    pub(super) fn is_used(&self, id: u16) -> bool {
        let (word, bit) = place(id);
        self.used.get(word).is_some_and(|word| word & bit != 0)
    }
}

/// The word of an identifier, and its bit in there.
fn place(id: u16) -> (usize, u64) {
    let id = usize::from(id);
    (id / WORD_BITS, 1 << (id % WORD_BITS))
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
        for _ in 0..2 {
            ids.free(7);
        }
        assert_eq!((ids.pass(), ids.claim(), ids.claim()), (Some(7), Some(7), None));
    }
}
