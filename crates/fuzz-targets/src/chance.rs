//! Chance that an input decides: the same input, the same course.

/// Numbers from a seed (SplitMix64).
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u8) -> Self {
        Self(u64::from(seed))
    }

    /// Less than `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }

    /// The bytes in pieces, mostly short ones.
    pub(crate) fn pieces<'b>(&mut self, mut bytes: &'b [u8]) -> Vec<&'b [u8]> {
        let mut pieces = Vec::new();
        while !bytes.is_empty() {
            let longest = [1, 3, 20, 200, 5000][self.below(5)];
            let (piece, rest) = bytes.split_at(bytes.len().min(1 + self.below(longest)));
            pieces.push(piece);
            bytes = rest;
        }
        pieces
    }
}

/// The bytes in pieces of one.
pub(crate) fn single(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.chunks(1).collect()
}
