//! What stands in a payload, so that whoever receives it can tell whether it is the right one: a stamp, and a filling that is
//! the same in every message of a run.

use crate::clock::Nanos;

/// Whose message it is, which of its, and when it was to go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// A number at random, the same for all messages of a run.
    pub(crate) run: u32,
    pub(crate) publisher: u32,
    /// From 0.
    pub(crate) number: u32,
    pub(crate) due: Nanos,
}

impl Stamp {
    /// Bytes of a stamp: the smallest payload.
    pub(crate) const LEN: usize = 20;

    /// Writes it to the front of a payload, which is long enough for it.
    pub(crate) fn put(self, payload: &mut [u8]) {
        let Some((run, rest)) = payload.split_first_chunk_mut() else { return };
        let Some((publisher, rest)) = rest.split_first_chunk_mut() else { return };
        let Some((number, rest)) = rest.split_first_chunk_mut() else { return };
        let Some(due) = rest.first_chunk_mut() else { return };
        (*run, *publisher, *number) = (self.run.to_be_bytes(), self.publisher.to_be_bytes(), self.number.to_be_bytes());
        *due = self.due.to_be_bytes();
    }

    /// The stamp, and what stands behind it.
    pub(crate) fn split(payload: &[u8]) -> Option<(Self, &[u8])> {
        let (run, rest) = payload.split_first_chunk()?;
        let (publisher, rest) = rest.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let (due, rest) = rest.split_first_chunk()?;
        let stamp = Self {
            run: u32::from_be_bytes(*run),
            publisher: u32::from_be_bytes(*publisher),
            number: u32::from_be_bytes(*number),
            due: u64::from_be_bytes(*due),
        };
        Some((stamp, rest))
    }
}

/// A payload of this many bytes without its stamp.
pub(crate) fn filled(len: usize) -> Vec<u8> {
    // No byte is the same as its neighbours, nor as the one 256 places on: what is shifted or cut out is seen.
    (0..len).map(|place| (place ^ (place >> 8).wrapping_mul(31)) as u8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_comes_back_with_what_stands_behind_it() {
        let stamp = Stamp { run: 1, publisher: 2, number: 3, due: 4 << 40 };
        let mut payload = filled(64);
        stamp.put(&mut payload);
        assert_eq!(Stamp::split(&payload), Some((stamp, &filled(64)[Stamp::LEN..])));
        assert_eq!(Stamp::split(&payload[..Stamp::LEN - 1]), None);
    }
}
