//! Values by number, in a table that gives its room back.
//!
//! A number stays with its value until that is removed, and is then used again. The table ends with the last value there is:
//! what is behind it is cut off, and the memory goes back once less than a quarter of it is used. So a crowd that has left
//! leaves nothing behind, unless the last of those who came stay; and as each place is cut off at most once for each time that
//! it was added, who removes pays a constant part of it on average.

use hashbrown::HashTable;

/// Places that a table keeps in any case.
const KEPT: usize = 64;

/// Buckets that a hash table keeps in any case.
const KEPT_BUCKETS: usize = 128;

#[derive(Debug)]
pub(crate) struct Slots<T> {
    /// The last one is taken.
    places: Vec<Option<T>>,
    /// Places that were left, each once, the one to use next at the end. Those that were cut off since then are passed over; all
    /// of them have been before the table grows again.
    free: Vec<u32>,
    len: usize,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self { places: Vec::new(), free: Vec::new(), len: 0 }
    }
}

impl<T> Slots<T> {
    /// Values that there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// All numbers in use are below this one.
    pub(crate) fn end(&self) -> usize {
        self.places.len()
    }

    #[inline]
    pub(crate) fn get(&self, at: usize) -> Option<&T> {
        self.places.get(at)?.as_ref()
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        self.places.get_mut(at)?.as_mut()
    }

    /// The places from this one on, with what is there.
    pub(crate) fn from(&self, start: usize) -> impl Iterator<Item = (usize, Option<&T>)> {
        (start..).zip(self.places.get(start..).unwrap_or_default().iter().map(Option::as_ref))
    }

    /// All values, with their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        self.from(0).filter_map(|(at, value)| Some((at, value?)))
    }

    /// Makes room for so many more.
    pub(crate) fn reserve(&mut self, additional: usize) {
        self.places.reserve_exact(additional);
    }

    /// Adds a value. Returns its number.
    pub(crate) fn insert(&mut self, value: T) -> usize {
        self.len += 1;
        while let Some(at) = self.free.pop() {
            let at = at as usize;
            if let Some(place) = self.places.get_mut(at) {
                *place = Some(value);
                return at;
            }
        }
        self.places.push(Some(value));
        self.places.len() - 1
    }

    pub(crate) fn remove(&mut self, at: usize) -> Option<T> {
        let value = self.places.get_mut(at)?.take()?;
        self.len -= 1;
        if at + 1 == self.places.len() {
            self.cut_off();
        } else {
            self.free.push(at as u32);
        }
        Some(value)
    }

    fn cut_off(&mut self) {
        while self.places.pop_if(|place| place.is_none()).is_some() {}
        shrink(&mut self.places);
        let end = self.places.len();
        // Then most of these numbers are of places that were cut off.
        if self.free.len() > 2 * end {
            self.free.retain(|at| (*at as usize) < end);
            shrink(&mut self.free);
        }
    }
}

/// Gives room back where less than a quarter of it is used.
#[inline]
pub(crate) fn shrink<T>(list: &mut Vec<T>) {
    if list.capacity() > KEPT && list.len() < list.capacity() / 4 {
        list.shrink_to((2 * list.len()).max(KEPT));
    }
}

/// The same of a hash table.
#[inline]
pub(crate) fn shrink_table<T>(table: &mut HashTable<T>, hash_of: impl Fn(&T) -> u64) {
    // A table that is full uses seven of eight buckets, one that has just grown half as many.
    if table.num_buckets() > KEPT_BUCKETS && table.len() < table.num_buckets() / 8 {
        table.shrink_to(2 * table.len(), hash_of);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_stays_with_its_value_and_is_used_again() {
        let mut slots = Slots::default();
        // What there has to be, by number.
        let mut model = std::collections::BTreeMap::new();
        let mut random = 1_u64;
        for step in 0..100_000_u32 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // The tide comes in, and goes out.
            let is_rising = step / 5000 % 2 == 0;
            let pick = (random >> 33) as usize;
            if (pick % 8 < 5) == is_rising {
                let at = slots.insert(step);
                assert_eq!(model.insert(at, step), None, "{at} is in use");
            } else if let Some(&at) = model.keys().nth(pick % model.len().max(1)) {
                assert_eq!(slots.remove(at), model.remove(&at));
                assert_eq!(slots.remove(at), None);
            }
            let end = model.last_key_value().map_or(0, |(at, _)| at + 1);
            assert_eq!((slots.len(), slots.end()), (model.len(), end));
            assert!(slots.free.len() <= 2 * 100_000 && slots.places.capacity() <= (4 * end + 4).max(KEPT));
        }
        assert!(slots.iter().eq(model.iter().map(|(at, value)| (*at, value))));
        assert!((0..slots.end() + 10).all(|at| slots.get(at) == model.get(&at)));
    }

    #[test]
    fn a_crowd_that_has_left_leaves_nothing_behind() {
        const COUNT: usize = 10_000;
        for backwards in [false, true] {
            let mut slots = Slots::default();
            assert_eq!(slots.insert([0; 100]), 0);
            for _ in 0..3 {
                let mut numbers: Vec<usize> = (0..COUNT).map(|_| slots.insert([1; 100])).collect();
                numbers.sort_unstable();
                // No more room than for those who are there.
                assert_eq!(numbers.last(), Some(&COUNT));
                if backwards {
                    numbers.reverse();
                }
                for at in numbers {
                    assert!(slots.remove(at).is_some());
                }
                assert!(slots.places.capacity() <= KEPT, "{}", slots.places.capacity());
                assert!(slots.free.capacity() <= KEPT, "{}", slots.free.capacity());
            }
        }
    }

    #[test]
    fn a_hash_table_shrinks_as_it_empties() {
        let mut table = HashTable::new();
        let hash = |value: &u64| value.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for value in 0..10_000 {
            table.insert_unique(hash(&value), value, hash);
        }
        for value in 0..10_000 {
            if let Ok(entry) = table.find_entry(hash(&value), |&other| other == value) {
                entry.remove();
            }
            shrink_table(&mut table, hash);
            assert!(table.num_buckets() <= (16 * table.len()).max(KEPT_BUCKETS));
            assert!((value + 1..10_000).step_by(997).all(|n| table.find(hash(&n), |&other| other == n).is_some()));
        }
        assert!(table.is_empty());
    }
}
