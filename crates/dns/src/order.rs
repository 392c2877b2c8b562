//! In which order targets are tried: RFC 2782.

use crate::Target;
use std::cmp::Reverse;

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// The lowest is tried first.
    pub(crate) priority: u16,
    /// Among those of one priority: how likely it comes first.
    pub(crate) weight: u16,
    pub(crate) target: Target,
}

/// The records, as they are to be tried. `random_up_to` returns a random number from 0 to its argument, inclusive.
pub(crate) fn ordered(mut records: Vec<Record>, random_up_to: impl Fn(u64) -> u64) -> Vec<Record> {
    // Those without weight stand first, so that they have a small chance.
    records.sort_by_key(|record| (record.priority, Reverse(record.weight == 0)));
    let mut ordered = Vec::with_capacity(records.len());
    while let Some(first) = records.first() {
        let priority = first.priority;
        let group = records.iter().take_while(|record| record.priority == priority);
        let chosen = random_up_to(group.map(|record| u64::from(record.weight)).sum());
        let place = position(&records, priority, chosen);
        ordered.push(records.remove(place));
    }
    ordered
}

/// The first place of this priority at which the sum of weights so far is not below `chosen`.
fn position(records: &[Record], priority: u16, chosen: u64) -> usize {
    let mut sum = 0;
    let place = records.iter().take_while(|record| record.priority == priority).position(|record| {
        sum += u64::from(record.weight);
        sum >= chosen
    });
    place.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(priority: u16, weight: u16, host: &str) -> Record {
        Record { priority, weight, target: Target { host: host.to_owned(), port: 1883 } }
    }

    fn hosts(records: Vec<Record>, random_up_to: impl Fn(u64) -> u64) -> String {
        ordered(records, random_up_to).into_iter().map(|record| record.target.host).collect()
    }

    #[test]
    fn lower_priorities_come_first_whatever_the_weights() {
        let records = vec![record(9, 60000, "c"), record(0, 0, "a"), record(5, 1, "b")];
        assert_eq!(hosts(records, |max| max), "abc");
    }

    #[test]
    fn the_chance_of_a_target_is_its_weight() {
        // As in the example of RFC 2782: 1 of 4 for the first, 3 of 4 for the second.
        let records = || vec![record(0, 1, "a"), record(0, 3, "b")];
        let first: Vec<_> = (1..=4).map(|chosen| hosts(records(), |max| chosen.min(max)).remove(0)).collect();
        assert_eq!(first, ['a', 'b', 'b', 'b']);
    }

    #[test]
    fn who_has_no_weight_has_a_small_chance_beside_others() {
        let records = || vec![record(0, 10, "a"), record(0, 0, "b")];
        assert_eq!(hosts(records(), |_| 0), "ba");
        assert_eq!(hosts(records(), |_| 1), "ab");
    }
}
