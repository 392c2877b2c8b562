//! Which messages a file has.

use std::collections::HashMap;

/// Numbers of messages, a bit each: they are given out one after the other, so many lie close together. A million of them
/// take some hundred kilobytes then, and where each lies far from all others, about twice what a plain set of them would.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// The number without its last six bits, and which of the 64 that begin so are there.
    words: HashMap<u64, u64>,
}

impl Numbers {
    /// False where it was there before.
    pub(super) fn insert(&mut self, number: u64) -> bool {
        let (word, bit) = (self.words.entry(number >> 6).or_default(), 1 << (number & 63));
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_new_once() {
        let mut numbers = Numbers::default();
        let some = [0, 1, 63, 64, 65, 127, 128, 1 << 40, (1 << 40) + 63, u64::MAX - 1, u64::MAX];
        assert!(some.iter().all(|&number| numbers.insert(number)));
        assert!(!some.iter().any(|&number| numbers.insert(number)));
        assert!(numbers.insert(2) && numbers.insert(129));
    }
}
