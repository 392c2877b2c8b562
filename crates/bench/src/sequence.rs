//! Which messages of a publisher have come to a subscriber.

use std::collections::BTreeMap;

/// The numbers that have come, from 0 on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sequence {
    /// One more than the highest.
    next: u32,
    /// Those below that have not come: from the key up to the value, which has.
    gaps: BTreeMap<u32, u32>,
}

/// How a number stands to those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// Higher than all of them, of which this is the first that has not come.
    Ahead { first_missing: u32 },
    /// One that had been passed over.
    Late,
    /// It has come before.
    Again,
}

impl Sequence {
    /// Notes a number.
    pub(crate) fn take(&mut self, number: u32) -> Arrival {
        if number >= self.next {
            let first_missing = self.next;
            if number > first_missing {
                self.gaps.insert(first_missing, number);
            }
            self.next = number.saturating_add(1);
            return Arrival::Ahead { first_missing };
        }
        let gap = self.gaps.range(..=number).next_back().map(|(&from, &to)| (from, to));
        let Some((from, to)) = gap.filter(|&(_, to)| number < to) else { return Arrival::Again };
        self.gaps.remove(&from);
        if from < number {
            self.gaps.insert(from, number);
        }
        if number + 1 < to {
            self.gaps.insert(number + 1, to);
        }
        Arrival::Late
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_late_is_told_from_what_comes_again() {
        let mut sequence = Sequence::default();
        let arrivals = [0, 1, 5, 3, 3, 2, 4, 1, 5, 6].map(|number| sequence.take(number));
        let ahead = |first_missing| Arrival::Ahead { first_missing };
        let (late, again) = (Arrival::Late, Arrival::Again);
        assert_eq!(arrivals, [ahead(0), ahead(1), ahead(2), late, again, late, late, again, again, ahead(6)]);
    }
}
